// SPDX-License-Identifier: Apache-2.0
// Alertmanager's and Salve's own payloads, and the choice between all of them.
#include "pkg/edge/alert_payloads.h"

#include "pkg/base/json_access.h"
#include "pkg/edge/payload_shape.h"

namespace salve::edge {
namespace {

using healing::Alert;
using nlohmann::json;

std::string LabelOf(const Alert& alert, const char* name) {
  const auto it = alert.labels.find(name);
  return it == alert.labels.end() ? "" : it->second;
}

// "firing" or "resolved"; `fallback` where it is not said.
bool IsFiring(PayloadShape& shape, const std::string& path, const std::string& status,
              bool fallback) {
  if (status.empty()) return fallback;
  if (status != "firing" && status != "resolved") {
    shape.Wrong(path + ".status", "must be firing or resolved");
  }
  return status != "resolved";
}

// The end counts for what is over, the beginning for what is not.
void SetSince(PayloadShape& shape, const json& one, const std::string& path, WallTime now,
              Alert& alert) {
  const auto starts = shape.Time(one, path, "startsAt");
  const auto ends = shape.Time(one, path, "endsAt");
  const auto told = alert.firing ? starts : ends;
  alert.told = told.has_value();
  alert.since = told.value_or(now);
}

Alert FromAlertmanager(PayloadShape& shape, const json& one, const std::string& path,
                       WallTime now) {
  Alert alert;
  alert.firing = IsFiring(shape, path, shape.Text(one, path, "status", true), true);
  alert.labels = shape.Texts(one, path, "labels", true);
  const auto annotations = shape.Texts(one, path, "annotations");
  const auto note = [&](const char* name) {
    const auto it = annotations.find(name);
    return it == annotations.end() ? std::string() : it->second;
  };
  alert.message =
      FirstOf({note("summary"), note("description"), note("message"), LabelOf(alert, "alertname")});
  alert.severity = healing::SeverityOf(LabelOf(alert, "severity"));
  SetSince(shape, one, path, now, alert);
  return alert;
}

Alert FromSelfHeal(PayloadShape& shape, const json& value, const std::string& path, WallTime now) {
  const json& one = shape.Object(value, path);
  Alert alert;
  alert.firing = IsFiring(shape, path, shape.Text(one, path, "status"), true);
  alert.labels = shape.Texts(one, path, "labels", true);
  if (alert.labels.empty()) shape.Wrong(path + ".labels", "at least one label is needed");
  alert.message = FirstOf({shape.Text(one, path, "message"), LabelOf(alert, "alertname")});
  alert.severity =
      healing::SeverityOf(FirstOf({shape.Text(one, path, "severity"), LabelOf(alert, "severity")}));
  SetSince(shape, one, path, now, alert);
  return alert;
}

std::string Header(const http::Headers& headers, const char* name) {
  return std::string(headers.Get(name).value_or("")).substr(0, 64);
}

StatusOr<AlertBatch> ByKind(const std::string& kind, const http::Headers& headers, const json& body,
                            WallTime now) {
  if (kind == "alertmanager") return AlertsOfAlertmanager(body, now);
  if (kind == "self-heal") return AlertsOfSelfHeal(body, now);
  if (kind == "github") return AlertsOfGithub(body, Header(headers, "X-GitHub-Event"), now);
  if (kind == "sentry") return AlertsOfSentry(body, Header(headers, "Sentry-Hook-Resource"), now);
  if (kind == "logfire") return AlertsOfLogfire(body, now);
  return InternalError("no mapping for receivers of kind " + kind);
}

}  // namespace

StatusOr<AlertBatch> AlertsOfAlertmanager(const json& body, WallTime now) {
  PayloadShape shape;
  const json& root = shape.Object(body, "");
  const std::string version = shape.Text(root, "", "version");
  if (!version.empty() && version != "4") shape.Wrong(".version", "must be \"4\"");
  AlertBatch batch;
  batch.truncated = GetInt(root, {"truncatedAlerts"});
  const json& list = shape.List(root, "", "alerts", kMaxAlertsPerDelivery, true);
  for (std::size_t i = 0; i < list.size() && shape.status().ok(); ++i) {
    const std::string path = ".alerts[" + std::to_string(i) + "]";
    batch.alerts.push_back(FromAlertmanager(shape, shape.Object(list[i], path), path, now));
  }
  if (!shape.status().ok()) return shape.status();
  return batch;
}

StatusOr<AlertBatch> AlertsOfSelfHeal(const json& body, WallTime now) {
  PayloadShape shape;
  AlertBatch batch;
  if (body.is_array()) {
    const json& list = shape.List(body, "", kMaxAlertsPerDelivery);
    for (std::size_t i = 0; i < list.size() && shape.status().ok(); ++i) {
      batch.alerts.push_back(FromSelfHeal(shape, list[i], "[" + std::to_string(i) + "]", now));
    }
  } else {
    batch.alerts.push_back(FromSelfHeal(shape, body, "", now));
  }
  if (!shape.status().ok()) return shape.status();
  return batch;
}

StatusOr<AlertBatch> AlertsOf(const std::string& kind, const std::string& receiver,
                              const http::Headers& headers, const json& body, WallTime now) {
  auto batch = ByKind(kind, headers, body, now);
  if (!batch.ok()) return batch;
  for (Alert& alert : batch->alerts) alert.receiver = receiver;
  return batch;
}

}  // namespace salve::edge
