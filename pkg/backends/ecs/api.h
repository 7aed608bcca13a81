// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_API_H_
#define SALVE_PKG_BACKENDS_ECS_API_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "pkg/aws/credentials.h"
#include "pkg/aws/platform.h"
#include "pkg/backends/backend.h"
#include "pkg/backends/ecs/permissions.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"
#include "pkg/base/token_bucket.h"

namespace salve::backends::ecs {

using Json = nlohmann::json;

// The services of one account in one region, one call at a time. Thread-safe.
class Api {
 public:
  virtual ~Api() = default;
  // Errors are those of aws::JsonClient: reason is AWS's error code, every message names the call
  // and has the request's id. kPermissionDenied names the right that is missing; kUnavailable also
  // stands for credentials that nobody has configured; kAborted (also for a 5xx) and
  // kDeadlineExceeded mean that a change may have been made.
  virtual StatusOr<Json> Call(const Permission& call, const Json& body,
                              const CallContext& context) = 0;
};

struct AwsApiOptions {
  std::string region;
  std::string endpoint;  // "" = the region's own
  std::shared_ptr<aws::CredentialsProvider> credentials;
  aws::Platform platform;  // what it points to outlives the Api
  // Called after each HTTP exchange, with HTTP status 0 for no answer.
  std::function<void(std::string_view service, std::string_view operation, int status)> on_request;
};

// kInvalidArgument: the endpoint or the region cannot be used. Nothing is sent yet.
StatusOr<std::unique_ptr<Api>> MakeAwsApi(const AwsApiOptions& options);

// How often one account and region may be called, by whomever. Thread-safe.
//
// AWS counts the calls of a whole account. Looking round leaves a share of the rate to whoever
// looks at one service now, or acts on it.
class CallRate {
 public:
  static constexpr double kPerSecond = 16;
  static constexpr double kBurst = 32;
  static constexpr double kPollPerSecond = 10;
  static constexpr double kPollBurst = 10;
  static constexpr double kInspectPerSecond = 3;
  static constexpr double kInspectBurst = 30;

  explicit CallRate(Clock& clock) : clock_(clock) {}

  // Waits for its turn. kUnavailable if that is after context.deadline,
  // kCancelled if context.stop asks.
  Status Wait(const CallContext& context);
  // The same for looking round.
  Status WaitToPoll(const CallContext& context);
  // Whether there is room for one more call, on top of those, that looks closer at what seems well.
  // It need not be made now: nobody waits for it. The call itself waits as any other.
  bool MayInspect();

 private:
  Status WaitFor(Duration wait, const CallContext& context);

  Clock& clock_;
  Mutex mu_;
  CondVar wake_;
  TokenBucket all_ SALVE_GUARDED_BY(mu_){kPerSecond, kBurst};
  TokenBucket polling_ SALVE_GUARDED_BY(mu_){kPollPerSecond, kPollBurst};
  TokenBucket inspecting_ SALVE_GUARDED_BY(mu_){kInspectPerSecond, kInspectBurst};
};

// An Api whose calls wait for their turn. `inner` and `rate` outlive it.
class PacedApi final : public Api {
 public:
  enum class For { kPolling, kNow };
  PacedApi(Api& inner, CallRate& rate, For purpose)
      : inner_(inner), rate_(rate), purpose_(purpose) {}

  StatusOr<Json> Call(const Permission& call, const Json& body,
                      const CallContext& context) override;

 private:
  Api& inner_;
  CallRate& rate_;
  const For purpose_;
};

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_API_H_
