// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/json_client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "pkg/aws/protocol.h"
#include "pkg/aws/sigv4.h"
#include "pkg/base/pause.h"
#include "pkg/http/wire.h"

namespace salve::aws {
namespace {

// Services accept five minutes of difference; one less leaves room for the way there.
constexpr Duration kSkewTolerance = std::chrono::minutes(4);

// Whether another try cannot carry the operation out twice (or twice does no harm).
bool MayRepeat(const Operation& operation, const Status& status, bool answered,
               const Failure& failure) {
  const bool safe = operation.repeat == Repeat::kSafe;
  if (answered) return IsThrottling(failure) || (safe && IsTransient(failure));
  if (status.code() == Code::kUnavailable) return true;  // It was never sent.
  return safe && (status.code() == Code::kAborted || status.code() == Code::kDeadlineExceeded);
}

Status AsAborted(const Status& status) {
  return AbortedError(status.message()).WithReason(status.reason());
}

Status TransportError(const std::string& what, const Status& status) {
  // The transport says kInvalidArgument for an answer that is too large: not the caller's fault,
  // and a change may have been made.
  if (status.code() == Code::kInvalidArgument) {
    return InternalError(what + ": " + status.message());
  }
  return status.Annotate(what);
}

}  // namespace

// What became of one request.
struct JsonClient::Attempt {
  Credentials signer;
  Status status;  // why there is no result
  bool answered = false;
  http::Response response;  // if answered
  Failure failure;          // if answered, but not with 2xx
};

// What a call has already tried.
struct JsonClient::Progress {
  int tries = 1;
  int cost = 0;  // of the last repetition
  bool clock_corrected = false;
  bool key_rejected = false;
};

// A service that broke down may have done first what it was asked to.
bool JsonClient::MayHaveChanged(const Operation& operation, const Attempt& attempt) {
  return operation.repeat == Repeat::kAtMostOnce && attempt.answered &&
         attempt.failure.http_status >= 500 && attempt.status.code() == Code::kUnavailable;
}

JsonClient::JsonClient(const Service& service, Endpoint endpoint,
                       std::unique_ptr<http::Transport> transport, CredentialsProvider& credentials,
                       ClientOptions options, const Platform& platform)
    : service_(service),
      endpoint_(std::move(endpoint)),
      transport_(std::move(transport)),
      credentials_(credentials),
      options_(std::move(options)),
      platform_(platform) {}

std::string JsonClient::Describe(const Operation& operation) const {
  return std::string(service_.name) + ":" + std::string(operation.name) + " in " + endpoint_.region;
}

StatusOr<Json> JsonClient::Call(const Operation& operation, const Json& body,
                                const CallOptions& options) {
  const std::string what = Describe(operation);
  StatusOr<http::Request> request = BuildRequest(service_, operation, endpoint_, body);
  if (!request.ok()) return request.status().Annotate(what);
  request->headers.Set("User-Agent", options_.user_agent);
  WaitOptions wait{options.deadline, options.stop};
  if (wait.deadline == MonoTime::max()) {
    wait.deadline = platform_.clock->Monotonic() + options_.call_timeout;
  }
  Progress progress;
  while (!wait.stop.stop_requested()) {
    Credentials signer;
    if (operation.signed_request) {
      StatusOr<Credentials> got = credentials_.Get(wait);
      if (!got.ok()) return got.status().Annotate(what);
      signer = *std::move(got);
    }
    const Attempt attempt = Exchange(operation, *request, std::move(signer), wait);
    if (attempt.status.ok()) {
      quota_.Succeeded(progress.cost);
      StatusOr<Json> result = ReadResult(service_, operation, attempt.response);
      return result.ok() ? std::move(result) : result.status().Annotate(what);
    }
    if (attempt.answered && options.failure != nullptr) *options.failure = attempt.failure;
    if (!Mend(attempt, progress) && !AwaitNextTry(operation, attempt, wait, progress)) {
      return MayHaveChanged(operation, attempt) ? AsAborted(attempt.status) : attempt.status;
    }
  }
  return CancelledError(what + ": stopped by the caller");
}

JsonClient::Attempt JsonClient::Exchange(const Operation& operation,
                                         const http::Request& unsigned_request, Credentials signer,
                                         const WaitOptions& wait) {
  const std::string what = Describe(operation);
  Attempt attempt;
  attempt.signer = std::move(signer);
  http::Request request = unsigned_request;
  if (operation.signed_request) {
    SigningOptions signing;
    signing.region = endpoint_.region;
    signing.service = service_.signing_name;
    signing.now = platform_.clock->Now() + clock_correction();
    attempt.status = SignHeaders(request, attempt.signer, signing).Annotate(what);
    if (!attempt.status.ok()) return attempt;
  }
  http::CallOptions call;
  call.deadline = std::min(wait.deadline, platform_.clock->Monotonic() + options_.attempt_timeout);
  call.stop = wait.stop;
  call.max_body_bytes = options_.max_body_bytes;
  StatusOr<http::Response> response = transport_->Send(request, call);
  if (options_.on_request) {
    options_.on_request(service_.name, operation.name, response.ok() ? response->status : 0);
  }
  if (!response.ok()) {
    attempt.status = TransportError(what, response.status());
    return attempt;
  }
  attempt.answered = true;
  attempt.response = *std::move(response);
  if (attempt.response.status >= 200 && attempt.response.status < 300) return attempt;
  attempt.failure = ReadFailure(service_, attempt.response, attempt.signer);
  attempt.status = FailureStatus(what, attempt.failure);
  if (const auto asked = RetryAfter(attempt.response.headers)) {
    attempt.status =
        std::move(attempt.status)
            .WithRetryAfter(std::chrono::duration_cast<std::chrono::milliseconds>(*asked));
  }
  return attempt;
}

// The service refused before it did anything, for a reason that can be put right here.
bool JsonClient::Mend(const Attempt& attempt, Progress& progress) {
  if (!attempt.answered) return false;
  if (!progress.clock_corrected && MayBeClockSkew(attempt.failure) && CorrectClock(attempt)) {
    progress.clock_corrected = true;
    return true;
  }
  if (!progress.key_rejected && IsCredentialRefusal(attempt.failure)) {
    credentials_.Reject(attempt.signer);
    progress.key_rejected = true;
    return true;
  }
  return false;
}

bool JsonClient::CorrectClock(const Attempt& attempt) {
  const std::optional<std::string_view> date = attempt.response.headers.Get("Date");
  const std::optional<WallTime> theirs = date ? http::ParseHttpDate(*date) : std::nullopt;
  if (!theirs) return false;
  const Duration ahead = *theirs - platform_.clock->Now();
  const Duration change = ahead - clock_correction();
  // A signature that is wrong for another reason is as wrong with another time.
  if (change < kSkewTolerance && change > -kSkewTolerance) return false;
  correction_.store(ahead.count());
  return true;
}

bool JsonClient::AwaitNextTry(const Operation& operation, const Attempt& attempt,
                              const WaitOptions& wait, Progress& progress) {
  if (progress.tries >= options_.max_attempts ||
      !MayRepeat(operation, attempt.status, attempt.answered, attempt.failure)) {
    return false;
  }
  const int cost = attempt.status.code() == Code::kDeadlineExceeded ? RetryQuota::kTimeoutCost
                                                                    : RetryQuota::kRetryCost;
  const Duration asked = attempt.status.retry_after().value_or(std::chrono::milliseconds(0));
  const Duration delay = std::max(asked, RetryDelay(progress.tries, *platform_.random));
  if (platform_.clock->Monotonic() + delay >= wait.deadline) return false;
  if (!quota_.Take(cost)) return false;
  progress.cost = cost;
  ++progress.tries;
  (void)Pause(*platform_.clock, delay, wait.stop);
  return true;
}

StatusOr<std::unique_ptr<JsonClient>> MakeJsonClient(const Service& service,
                                                     const EndpointOptions& endpoint,
                                                     CredentialsProvider& credentials,
                                                     ClientOptions options,
                                                     const Platform& platform) {
  SALVE_ASSIGN_OR_RETURN(Endpoint resolved, ResolveEndpoint(service, endpoint, platform.env));
  StatusOr<std::unique_ptr<http::Transport>> transport = platform.connect(resolved.base_url);
  if (!transport.ok()) {
    return transport.status().Annotate(std::string(service.name) + " at " + resolved.base_url);
  }
  return std::make_unique<JsonClient>(service, std::move(resolved), *std::move(transport),
                                      credentials, std::move(options), platform);
}

}  // namespace salve::aws
