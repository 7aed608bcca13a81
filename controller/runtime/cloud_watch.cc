// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/cloud_watch.h"

#include "controller/runtime/aws_account.h"

namespace salve::runtime {
namespace {

using apis::config::v1alpha1::EcsBackend;

constexpr aws::Operation kGetMetricData{"GetMetricData"};

std::map<std::string, EcsBackend> EcsBackends(
    const apis::config::v1alpha1::ControllerConfiguration& configuration) {
  std::map<std::string, EcsBackend> out;
  for (const auto& backend : configuration.backends) {
    if (backend.ecs) out[backend.name] = *backend.ecs;
  }
  return out;
}

}  // namespace

struct CloudWatch::Account {
  Account(std::shared_ptr<aws::CredentialsProvider> provider,
          std::unique_ptr<aws::JsonClient> json_client, Clock& clock)
      : credentials(std::move(provider)),
        client(std::move(json_client)),
        caller([this](const aws::Json& body, MonoTime deadline,
                      std::stop_token stop) { return Call(body, deadline, std::move(stop)); },
               clock) {}

  StatusOr<aws::Json> Call(const aws::Json& body, MonoTime deadline, std::stop_token stop) {
    aws::CallOptions options;
    options.deadline = deadline;
    options.stop = std::move(stop);
    auto answer = client->Call(kGetMetricData, body, options);
    if (answer.code() != Code::kPermissionDenied) return answer;
    return Status(answer.code(),
                  answer.status().message() + "; grant cloudwatch:GetMetricData on *")
        .WithReason(answer.status().reason());
  }

  const std::shared_ptr<aws::CredentialsProvider> credentials;
  const std::unique_ptr<aws::JsonClient> client;
  MetricCaller caller;
};

CloudWatch::CloudWatch(const apis::config::v1alpha1::ControllerConfiguration& configuration,
                       MayUse may_use, aws::Platform platform)
    : may_use_(std::move(may_use)),
      platform_(std::move(platform)),
      backends_(EcsBackends(configuration)) {}

CloudWatch::~CloudWatch() = default;

StatusOr<std::unique_ptr<CloudWatch::Account>> CloudWatch::Open(const EcsBackend& ecs,
                                                                const std::string& region) const {
  SALVE_ASSIGN_OR_RETURN(AwsAccount account,
                         MakeAwsAccount({"ecs.region", region.empty() ? ecs.region : region,
                                         ecs.profile, ecs.role_arn},
                                        platform_));
  aws::EndpointOptions endpoint;
  endpoint.region = account.region;
  endpoint.url = ecs.endpoint;
  SALVE_ASSIGN_OR_RETURN(auto client, aws::MakeJsonClient(aws::kCloudWatch, endpoint,
                                                          *account.credentials, {}, platform_));
  return std::make_unique<Account>(std::move(account.credentials), std::move(client),
                                   *platform_.clock);
}

StatusOr<MetricCaller*> CloudWatch::CallerFor(const std::string& ns, const std::string& backend,
                                              const std::string& region) {
  const auto found = backends_.find(backend);
  if (found == backends_.end()) {
    return NotFoundError("the configuration has no ecs backend named \"" + backend + "\"");
  }
  if (!may_use_(backend, ns)) {
    return PermissionDeniedError("backend \"" + backend + "\" is not open to namespace \"" + ns +
                                 "\"");
  }
  MutexLock lock(mu_);
  const auto known = accounts_.find({backend, region});
  if (known != accounts_.end()) return &known->second->caller;
  if (accounts_.size() >= kMostRegions) {
    return UnavailableError("metrics of " + std::to_string(kMostRegions) +
                            " regions are read already; region \"" + region + "\" is one too many");
  }
  SALVE_ASSIGN_OR_RETURN(auto account, Open(found->second, region));
  MetricCaller* caller = &account->caller;
  accounts_[{backend, region}] = std::move(account);
  return caller;
}

void CloudWatch::Read(const std::string& ns, const apis::salve::v1alpha1::CloudWatchProbe& probe,
                      MonoTime deadline, Done done) {
  const auto caller = CallerFor(ns, probe.backend, probe.region);
  if (!caller.ok()) return done(caller.status());
  (*caller)->Ask(probe, deadline, std::move(done));
}

}  // namespace salve::runtime
