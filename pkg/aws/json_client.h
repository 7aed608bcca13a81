// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_JSON_CLIENT_H_
#define SALVE_PKG_AWS_JSON_CLIENT_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <nlohmann/json.hpp>

#include "pkg/aws/credentials.h"
#include "pkg/aws/endpoint.h"
#include "pkg/aws/failure.h"
#include "pkg/aws/platform.h"
#include "pkg/aws/retry.h"
#include "pkg/aws/service.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/http/transport.h"

namespace salve::aws {

using Json = nlohmann::json;

struct CallOptions {
  // The whole call with its repetitions and the fetching of credentials: kDeadlineExceeded. Without
  // one, ClientOptions::call_timeout from now.
  MonoTime deadline = MonoTime::max();
  std::stop_token stop;  // ends the call early: kCancelled
  // Filled where the last answer was an error of the service; untouched otherwise.
  Failure* failure = nullptr;
};

struct ClientOptions {
  int max_attempts = 3;  // the first one included
  Duration attempt_timeout = std::chrono::seconds(10);
  Duration call_timeout = std::chrono::seconds(30);
  std::size_t max_body_bytes = 8u << 20;  // of one answer
  std::string user_agent = "salve";
  // Called after each HTTP exchange with the operation and the HTTP status (0: no answer).
  std::function<void(std::string_view service, std::string_view operation, int status)> on_request;
};

// One service in one region, over its JSON or its query protocol. Thread-safe.
//
// A call is repeated as AWS's "standard" mode says: up to max_attempts, after throttling, transient
// faults and broken connections, with full jitter and a budget of retries that all calls share;
// never past the deadline, and never where that could carry out an operation of Repeat::kAtMostOnce
// twice. A clock that differs from the service's is corrected from the Date of a refusal, and
// refused credentials are fetched anew, each once per call.
//
// Errors: those of FailureStatus(), but a 5xx to an operation of Repeat::kAtMostOnce is kAborted.
// So for those kUnavailable: certainly not carried out; kAborted and kDeadlineExceeded: may have
// been carried out. kInternal for an answer that is too large or that cannot be read; those of the
// CredentialsProvider. Every message names service, operation and region, and the request id where
// there was an answer.
class JsonClient {
 public:
  // `credentials` and what the platform names must outlive it.
  JsonClient(const Service& service, Endpoint endpoint, std::unique_ptr<http::Transport> transport,
             CredentialsProvider& credentials, ClientOptions options, const Platform& platform);

  // The answer as an object; {} for an empty one. For a query service `body` is an object whose
  // members become parameters ({"A": ["x"]} is A.member.1=x, {"A": {"B": "x"}} is A.B=x, texts,
  // numbers and truth values only), and the answer is the content of <…Result>: elements are
  // members, lists of <member> are arrays, all leaves are texts.
  StatusOr<Json> Call(const Operation& operation, const Json& body, const CallOptions& options);

  const Service& service() const { return service_; }
  const std::string& region() const { return endpoint_.region; }
  // How far the service's clock is ahead of this machine's, as far as a refusal has told.
  Duration clock_correction() const { return Duration(correction_.load()); }
  // How many more repetitions are paid for (RetryQuota), for metrics.
  int retry_quota() const { return quota_.left(); }

 private:
  struct Attempt;
  struct Progress;

  std::string Describe(const Operation& operation) const;
  Attempt Exchange(const Operation& operation, const http::Request& unsigned_request,
                   Credentials signer, const WaitOptions& wait);
  static bool MayHaveChanged(const Operation& operation, const Attempt& attempt);
  bool Mend(const Attempt& attempt, Progress& progress);
  bool CorrectClock(const Attempt& attempt);
  bool AwaitNextTry(const Operation& operation, const Attempt& attempt, const WaitOptions& wait,
                    Progress& progress);

  const Service service_;
  const Endpoint endpoint_;
  const std::unique_ptr<http::Transport> transport_;
  CredentialsProvider& credentials_;
  const ClientOptions options_;
  const Platform platform_;
  RetryQuota quota_;
  std::atomic<Duration::rep> correction_{0};
};

// A client with the endpoint that ResolveEndpoint() gives. Nothing is sent yet.
StatusOr<std::unique_ptr<JsonClient>> MakeJsonClient(const Service& service,
                                                     const EndpointOptions& endpoint,
                                                     CredentialsProvider& credentials,
                                                     ClientOptions options,
                                                     const Platform& platform);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_JSON_CLIENT_H_
