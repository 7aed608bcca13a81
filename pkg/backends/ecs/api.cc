// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/api.h"

#include <map>
#include <stop_token>
#include <utility>

#include "pkg/aws/failure.h"
#include "pkg/aws/json_client.h"

namespace salve::backends::ecs {
namespace {

Status WithCode(Code code, const Status& status, const std::string& message) {
  return Status(code, message).WithReason(status.reason());
}

// What an error means here, beyond what it says of one HTTP exchange.
Status Explain(const Permission& call, const Status& status, const aws::Failure& failure) {
  if (failure.http_status == 0) return aws::WithoutAnswer(status);
  if (status.code() == Code::kPermissionDenied) {
    return WithCode(
        Code::kPermissionDenied, status,
        status.message() + "; grant " + RightName(call) + " on " + std::string(call.resource));
  }
  return status;
}

class AwsApi final : public Api {
 public:
  explicit AwsApi(std::shared_ptr<aws::CredentialsProvider> credentials)
      : credentials_(std::move(credentials)) {}

  Status Add(const aws::Service& service, const AwsApiOptions& options) {
    aws::ClientOptions client;
    client.on_request = options.on_request;
    aws::EndpointOptions endpoint;
    endpoint.region = options.region;
    endpoint.url = options.endpoint;
    SALVE_ASSIGN_OR_RETURN(
        clients_[std::string(service.name)],
        aws::MakeJsonClient(service, endpoint, *credentials_, std::move(client), options.platform));
    return Status::Ok();
  }

  StatusOr<Json> Call(const Permission& call, const Json& body,
                      const CallContext& context) override {
    const auto client = clients_.find(std::string(call.service->name));
    if (client == clients_.end()) {
      return InternalError("no client for " + RightName(call));
    }
    aws::Failure failure;
    aws::CallOptions options;
    options.deadline = context.deadline;
    options.stop = context.stop;
    options.failure = &failure;
    StatusOr<Json> answer = client->second->Call(call.operation, body, options);
    if (answer.ok()) return answer;
    return Explain(call, answer.status(), failure);
  }

 private:
  const std::shared_ptr<aws::CredentialsProvider> credentials_;
  std::map<std::string, std::unique_ptr<aws::JsonClient>> clients_;  // by service name
};

}  // namespace

StatusOr<std::unique_ptr<Api>> MakeAwsApi(const AwsApiOptions& options) {
  auto api = std::make_unique<AwsApi>(options.credentials);
  for (const aws::Service* service : {&aws::kEcs, &aws::kLogs, &aws::kElb, &kAutoScaling}) {
    SALVE_RETURN_IF_ERROR(api->Add(*service, options));
  }
  return std::unique_ptr<Api>(std::move(api));
}

Status CallRate::WaitFor(Duration wait, const CallContext& context) {
  if (wait <= Duration::zero()) return Status::Ok();
  const MonoTime until = clock_.Monotonic() + wait;
  if (until > context.deadline) {
    return UnavailableError("the rate of calls to this account is used up").WithReason("CallRate");
  }
  const std::stop_callback notify(context.stop, [this] {
    MutexLock lock(mu_);
    wake_.NotifyAll();
  });
  MutexLock lock(mu_);
  while (!context.stop.stop_requested() && clock_.Monotonic() < until) {
    (void)clock_.WaitUntil(wake_, mu_, until);
  }
  return context.stop.stop_requested() ? CancelledError("stopping") : Status::Ok();
}

Status CallRate::Wait(const CallContext& context) {
  Duration wait;
  {
    MutexLock lock(mu_);
    wait = all_.Reserve(clock_.Monotonic());
  }
  return WaitFor(wait, context);
}

Status CallRate::WaitToPoll(const CallContext& context) {
  Duration wait;
  {
    MutexLock lock(mu_);
    wait = polling_.Reserve(clock_.Monotonic());
  }
  SALVE_RETURN_IF_ERROR(WaitFor(wait, context));
  return Wait(context);
}

bool CallRate::MayInspect() {
  MutexLock lock(mu_);
  return inspecting_.TryTake(clock_.Monotonic());
}

StatusOr<Json> PacedApi::Call(const Permission& call, const Json& body,
                              const CallContext& context) {
  SALVE_RETURN_IF_ERROR(
      (purpose_ == For::kPolling ? rate_.WaitToPoll(context) : rate_.Wait(context))
          .Annotate(RightName(call)));
  return inner_.Call(call, body, context);
}

}  // namespace salve::backends::ecs
