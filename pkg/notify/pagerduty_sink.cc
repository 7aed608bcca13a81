// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/pagerduty_sink.h"

#include "pkg/notify/escape.h"

namespace salve::notify {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSummary = 1024;

std::string SeverityOf(const healing::Message& message) {
  if (message.severity == "Critical") return "critical";
  if (message.severity == "Warning") return "warning";
  return message.severity == "Info" ? "info" : "error";
}

}  // namespace

std::string PagerDutyAction(const std::string& stage) {
  if (stage == healing::kStageExecuted) return "acknowledge";
  return stage == healing::kStageResolved ? "resolve" : "trigger";
}

json PagerDutyBody(const healing::Message& message, const std::string& routing_key) {
  const std::string action = PagerDutyAction(message.stage);
  json body = {{"routing_key", routing_key},
               {"event_action", action},
               {"dedup_key", message.thread},
               {"client", "Salve"}};
  json details = {{"text", healing::PlainText(message)}, {"stage", message.stage}};
  if (!message.incident.empty()) {
    details["incident"] = message.ns + "/" + message.incident;
    details["policy"] = message.policy;
  }
  body["payload"] = {{"summary", Shorten(message.title, kMaxSummary)},
                     {"source", message.system.empty() ? "salve" : message.system},
                     {"severity", SeverityOf(message)},
                     {"timestamp", message.at},
                     {"component", message.system},
                     {"group", message.ns},
                     {"class", message.stage},
                     {"custom_details", std::move(details)}};
  return body;
}

bool PagerDutySink::Groups(const std::string& stage) const {
  return PagerDutyAction(stage) == "trigger";
}

StatusOr<std::string> PagerDutySink::Send(const healing::Message& message,
                                          const SendContext& context) {
  SALVE_ASSIGN_OR_RETURN(const std::string key,
                         environment_.read_secret(configuration_.routing_key));
  const json body = PagerDutyBody(message, key);
  return poster_.Post(configuration_.url, {},
                      body.dump(-1, ' ', false, json::error_handler_t::replace), context);
}

}  // namespace salve::notify
