// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/receivers.h"

#include <algorithm>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/base/metrics.h"
#include "pkg/base/time_format.h"
#include "pkg/edge/json_body.h"
#include "pkg/edge/problem.h"

namespace salve::edge {
namespace {

using apis::config::v1alpha1::ReceiverConfiguration;
using nlohmann::json;

// An alert has some twenty values.
constexpr JsonLimits kDeliveryLimits{32, 200'000};
constexpr std::chrono::seconds kComeAgain{5};

// What is counted and logged.
constexpr char kAccepted[] = "accepted";
constexpr char kRepeated[] = "repeated";
constexpr char kUnauthenticated[] = "unauthenticated";
constexpr char kForbidden[] = "forbidden";
constexpr char kLimited[] = "limited";
constexpr char kUnsupported[] = "unsupported";
constexpr char kMalformed[] = "malformed";
constexpr char kUnavailable[] = "unavailable";
constexpr char kUnknown[] = "unknown";

Status ComeAgain(const std::string& why) {
  return UnavailableError(why).WithRetryAfter(kComeAgain);
}

std::string ResultOf(const Status& status) {
  switch (status.code()) {
    case Code::kUnauthenticated:
      return kUnauthenticated;
    case Code::kPermissionDenied:
      return kForbidden;
    case Code::kInvalidArgument:
      return kMalformed;
    default:
      return kUnavailable;
  }
}

http::Response Unsupported(const std::string& why) {
  return JsonResponse(415, {{"code", 415}, {"reason", "UnsupportedMediaType"}, {"message", why}});
}

// Only JSON, and only as it is: what unpacks to more than it was would make the cap a lie.
std::optional<http::Response> RefuseMedia(const std::string& kind, const http::Request& head) {
  for (const std::string_view encoding : head.headers.All("Content-Encoding")) {
    if (encoding != "identity") {
      return Unsupported("bodies with a Content-Encoding are not taken");
    }
  }
  const auto types = head.headers.All("Content-Type");
  std::string type(types.size() == 1 ? types.front() : "");
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  // SNS calls its JSON text.
  const bool plain = kind == "sns" && type == "text/plain";
  if (type == "application/json" || plain) return std::nullopt;
  return Unsupported("Content-Type: application/json is needed");
}

void CountAlerts(const std::string& receiver, const char* matched, std::int64_t n) {
  if (n == 0) return;
  metrics::Default()
      .Counters("salve_alerts_total", "Alerts taken in", {"receiver", "matched"})
      .With({receiver, matched})
      .Increment(static_cast<double>(n));
}

}  // namespace

// Holds the desk while somebody stands at it.
class Receivers::Visit {
 public:
  explicit Visit(Receivers& receivers) : receivers_(receivers) {
    MutexLock lock(receivers_.mu_);
    desk_ = receivers_.desk_;
    ++receivers_.visits_;
  }
  ~Visit() {
    desk_.reset();
    MutexLock lock(receivers_.mu_);
    if (--receivers_.visits_ == 0) receivers_.left_.NotifyAll();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  const Desk* desk() const { return desk_.get(); }

 private:
  Receivers& receivers_;
  std::shared_ptr<const Desk> desk_;
};

Receivers::Receivers(SecretLookup secrets, SnsFetch fetch, Clock& clock)
    : secrets_(std::move(secrets)), clock_(clock), sns_(std::move(fetch), clock) {}

void Receivers::Open(std::vector<ReceiverConfiguration> receivers,
                     std::shared_ptr<AlertIntake> intake) {
  auto desk = std::make_shared<const Desk>(Desk{std::move(receivers), std::move(intake)});
  MutexLock lock(mu_);
  desk_ = std::move(desk);
}

void Receivers::Close() {
  MutexLock lock(mu_);
  desk_.reset();
  while (visits_ > 0) left_.Wait(mu_);
}

std::vector<PolicySignal> Receivers::Signals() {
  const Visit visit(*this);
  if (visit.desk() == nullptr) return {};
  return visit.desk()->intake->List();
}

const ReceiverConfiguration* Receivers::Find(const Desk& desk, const std::string& name) {
  const ReceiverConfiguration* of_kind = nullptr;
  int same_kind = 0;
  for (const ReceiverConfiguration& receiver : desk.receivers) {
    if (receiver.name == name) return &receiver;
    if (receiver.kind != name) continue;
    of_kind = &receiver;
    ++same_kind;
  }
  return same_kind == 1 ? of_kind : nullptr;
}

std::optional<http::Response> Receivers::Admit(const RoutedRequest& head) {
  const Visit visit(*this);
  std::optional<http::Response> refusal;
  std::string name = "-";
  std::string result = kUnavailable;
  if (visit.desk() == nullptr) {
    refusal = ProblemResponse(ComeAgain("Salve is not ready to take alerts yet"));
  } else if (const auto* receiver = Find(*visit.desk(), head.params.at("name"))) {
    name = receiver->name;
    if (const Status s = AuthenticateHead(*receiver, head.request, secrets_); !s.ok()) {
      result = ResultOf(s);
      refusal = ProblemResponse(s);
    } else {
      refusal = RefuseMedia(receiver->kind, head.request);
      result = kUnsupported;
    }
  } else {
    result = kUnknown;
    refusal = ProblemResponse(NotFoundError("no receiver of that name"));
  }
  if (refusal) Note(name, head, result, *refusal);
  return refusal;
}

http::Response Receivers::Deliver(const RoutedRequest& request) {
  // Once more, for callers that have not asked before they sent the body; cheap.
  if (auto refusal = Admit(request)) return *std::move(refusal);
  const Visit visit(*this);
  if (visit.desk() == nullptr) {
    return ProblemResponse(ComeAgain("Salve is not ready to take alerts yet"));
  }
  const auto* receiver = Find(*visit.desk(), request.params.at("name"));
  if (receiver == nullptr) return ProblemResponse(NotFoundError("no receiver of that name"));
  std::string result;
  http::Response response = Take(*visit.desk(), *receiver, request, result);
  Note(receiver->name, request, result, response);
  return response;
}

StatusOr<AlertBatch> Receivers::Parse(const ReceiverConfiguration& receiver,
                                      const RoutedRequest& request) {
  SALVE_ASSIGN_OR_RETURN(const json body, ParseJsonBody(request.request.body, kDeliveryLimits));
  if (receiver.kind != "sns") {
    return AlertsOf(receiver.kind, receiver.name, request.request.headers, body, clock_.Now());
  }
  return sns_.Open(receiver, body);
}

http::Response Receivers::Take(const Desk& desk, const ReceiverConfiguration& receiver,
                               const RoutedRequest& request, std::string& result) {
  Authentication who{Status::Ok(), "sns", ""};
  std::optional<StatusOr<AlertBatch>> batch;
  if (receiver.kind == "sns") {
    // What SNS signs is inside of the body: nobody spends its plan before that is opened.
    batch = Parse(receiver, request);
    who.status = batch->status();
    if (batch->ok()) who.delivery_id = (*batch)->delivery_id;
  } else {
    who = Authenticate(receiver, request.request, secrets_, clock_.Now());
  }
  if (!who.status.ok()) {
    result = ResultOf(who.status);
    return ProblemResponse(who.status);
  }
  const UsagePlans::Answer plan =
      plans_.Take(receiver.name + "/" + who.key, receiver.requests_per_hour, receiver.burst,
                  clock_.Monotonic());
  http::Response response = plan.allowed
                                ? TakeIn(desk, receiver, request, who, std::move(batch), result)
                                : TooMany(receiver, result);
  AddUsageHeaders(plan, response);
  return response;
}

http::Response Receivers::TooMany(const ReceiverConfiguration& receiver, std::string& result) {
  result = kLimited;
  return ProblemResponse(TooManyRequestsError("more than " +
                                              std::to_string(receiver.requests_per_hour) +
                                              " deliveries an hour with this key"));
}

http::Response Receivers::TakeIn(const Desk& desk, const ReceiverConfiguration& receiver,
                                 const RoutedRequest& request, const Authentication& who,
                                 std::optional<StatusOr<AlertBatch>> batch, std::string& result) {
  if (!who.delivery_id.empty() && seen_.Contains(receiver.name, who.delivery_id)) {
    result = kRepeated;
    return JsonResponse(202,
                        {{"accepted", 0}, {"matched", 0}, {"unmatched", 0}, {"repeated", true}});
  }
  if (!batch) batch = Parse(receiver, request);
  if (!batch->ok()) {
    result = ResultOf(batch->status());
    return ProblemResponse(batch->status());
  }
  http::Response response = Store(desk, receiver, **batch, result);
  if (result == kAccepted && !who.delivery_id.empty()) {
    seen_.Remember(receiver.name, who.delivery_id, clock_.Monotonic());
  }
  return response;
}

void LogAlert(const char* message, const healing::Alert& alert, const std::string& policy) {
  // What is no UTF-8 was refused before; a log line is not worth an exception all the same.
  const std::string labels = json(alert.labels).dump(-1, ' ', true, json::error_handler_t::replace);
  Log(Severity::kInfo, message,
      {{"receiver", alert.receiver},
       {"policy", policy},
       {"state", alert.firing ? healing::kSignalFiring : healing::kSignalCleared},
       {"since", FormatMicroTime(alert.since)},
       {"told", alert.told},
       {"severity", alert.severity},
       {"alert", alert.message},
       {"labels", labels}});
}

http::Response Receivers::Store(const Desk& desk, const ReceiverConfiguration& receiver,
                                const AlertBatch& batch, std::string& result) {
  const auto stored = desk.intake->Take(receiver, batch.alerts);
  if (!stored.ok()) {
    result = kUnavailable;
    return ProblemResponse(ComeAgain("not stored: " + stored.status().message()));
  }
  std::int64_t followed = 0;
  if (batch.pull_request) {
    const auto noted = desk.intake->TakePullRequest(receiver, *batch.pull_request);
    if (!noted.ok()) {
      result = kUnavailable;
      return ProblemResponse(ComeAgain("not stored: " + noted.status().message()));
    }
    followed = *noted;
  }
  result = kAccepted;
  for (const healing::Alert& alert : stored->unmatched) {
    if (board_.Add(alert, clock_.Now())) LogAlert(kLogAlertUnmatched, alert, "");
  }
  const auto unmatched = static_cast<std::int64_t>(stored->unmatched.size());
  CountAlerts(receiver.name, "true", stored->matched - stored->refused);
  CountAlerts(receiver.name, "refused", stored->refused);
  CountAlerts(receiver.name, "false", unmatched);
  CountAlerts(receiver.name, "truncated", std::max<std::int64_t>(0, batch.truncated));
  json answer = {
      {"accepted", batch.alerts.size()}, {"matched", stored->matched}, {"unmatched", unmatched}};
  if (stored->refused > 0) answer["refused"] = stored->refused;
  if (batch.truncated > 0) {
    // Only its sender can say what was in them.
    answer["truncated"] = batch.truncated;
    Log(Severity::kWarning, "a delivery leaves alerts out",
        {{"receiver", receiver.name}, {"truncated", batch.truncated}});
  }
  if (followed > 0) answer["followed"] = followed;
  if (!batch.ignored.empty()) answer["ignored"] = batch.ignored;
  return JsonResponse(202, answer);
}

void Receivers::Note(const std::string& receiver, const RoutedRequest& request,
                     const std::string& result, const http::Response& response) {
  metrics::Default()
      .Counters("salve_signals_received_total", "Deliveries to receivers", {"receiver", "result"})
      .With({receiver, result})
      .Increment();
  const bool well = response.status < 300;
  Log(well ? Severity::kInfo : Severity::kWarning, "delivery",
      {{"receiver", receiver},
       {"result", result},
       {"status", response.status},
       {"remote", request.request.peer},
       {"request_id", request.id}});
}

}  // namespace salve::edge
