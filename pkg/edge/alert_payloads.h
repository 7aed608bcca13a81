// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_ALERT_PAYLOADS_H_
#define SALVE_PKG_EDGE_ALERT_PAYLOADS_H_

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/healing/alerts.h"
#include "pkg/healing/pull_requests.h"
#include "pkg/http/message.h"

// From what a service posts to the alerts in it; docs/configuration.md has the same as a table.
// Pure functions. kInvalidArgument names the path of what is not as it must be; fields that are not
// known are nobody's business.
namespace salve::edge {

// Alerts of one delivery; more are refused.
inline constexpr std::size_t kMaxAlertsPerDelivery = 1000;

// A pull request that has ended, as its repository tells it.
struct PullRequestNews {
  std::string repository;  // "owner/name"
  std::int64_t number = 0;
  std::string branch;  // that was proposed
  healing::PullRequestEnd end;
};

struct AlertBatch {
  std::vector<healing::Alert> alerts;
  std::int64_t truncated = 0;  // alerts that the sender had and left out
  std::string ignored;         // why there are none, where that is right
  std::optional<PullRequestNews> pull_request;
  std::string delivery_id;  // where the payload itself has a signed one
};

// Alertmanager's webhook, version 4.
StatusOr<AlertBatch> AlertsOfAlertmanager(const nlohmann::json& body, WallTime now);
// Salve's own: one alert or a list of {labels, message, severity, status, startsAt, endsAt}.
StatusOr<AlertBatch> AlertsOfSelfHeal(const nlohmann::json& body, WallTime now);
// `event` is X-GitHub-Event.
StatusOr<AlertBatch> AlertsOfGithub(const nlohmann::json& body, const std::string& event,
                                    WallTime now);
// `resource` is Sentry-Hook-Resource.
StatusOr<AlertBatch> AlertsOfSentry(const nlohmann::json& body, const std::string& resource,
                                    WallTime now);
StatusOr<AlertBatch> AlertsOfLogfire(const nlohmann::json& body, WallTime now);
// The text in an SNS notification: a CloudWatch alarm, or anything else as one alert of its topic.
StatusOr<AlertBatch> AlertsOfSnsMessage(const std::string& topic_arn, const std::string& subject,
                                        const std::string& message, WallTime now);

// By the receiver's kind (all but sns, whose envelope is opened elsewhere); fills `receiver`.
StatusOr<AlertBatch> AlertsOf(const std::string& kind, const std::string& receiver,
                              const http::Headers& headers, const nlohmann::json& body,
                              WallTime now);

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_ALERT_PAYLOADS_H_
