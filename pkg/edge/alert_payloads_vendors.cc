// SPDX-License-Identifier: Apache-2.0
// GitHub, Sentry, Logfire and what SNS carries.
#include <algorithm>

#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"
#include "pkg/edge/alert_payloads.h"
#include "pkg/edge/json_body.h"
#include "pkg/edge/payload_shape.h"

namespace salve::edge {
namespace {

using healing::Alert;
using nlohmann::json;

constexpr std::size_t kMaxQuoted = 64;  // of what is not known

AlertBatch Ignored(std::string why) {
  AlertBatch batch;
  batch.ignored = std::move(why);
  return batch;
}

StatusOr<AlertBatch> One(const PayloadShape& shape, Alert alert) {
  if (!shape.status().ok()) return shape.status();
  std::erase_if(alert.labels, [](const auto& label) { return label.second.empty(); });
  AlertBatch batch;
  batch.alerts.push_back(std::move(alert));
  return batch;
}

void SetTold(std::optional<WallTime> told, WallTime now, Alert& alert) {
  alert.told = told.has_value();
  alert.since = told.value_or(now);
}

// Whether a conclusion of GitHub's means that something is wrong, that it is well again, or
// neither.
std::optional<bool> Failed(const std::string& conclusion) {
  for (const char* bad : {"failure", "timed_out", "startup_failure", "error"}) {
    if (conclusion == bad) return true;
  }
  if (conclusion == "success") return false;
  return std::nullopt;
}

// One run of a workflow or of a check: the same shape under two names.
StatusOr<AlertBatch> RunOfGithub(const json& body, const std::string& event, const char* what,
                                 const char* ended, WallTime now) {
  PayloadShape shape;
  const json& root = shape.Object(body, "");
  if (shape.Text(root, "", "action", true) != "completed") {
    if (!shape.status().ok()) return shape.status();
    return Ignored(event + " that has not completed");
  }
  const std::string path = std::string(".") + event;
  const json& run = shape.Object(root, "", event.c_str(), true);
  const std::string conclusion = shape.Text(run, path, "conclusion", true);
  const std::string repository =
      shape.Text(shape.Object(root, "", "repository", true), ".repository", "full_name", true);
  std::string branch = shape.Text(run, path, "head_branch");
  if (branch.empty()) {
    branch =
        shape.Text(shape.Object(run, path, "check_suite"), path + ".check_suite", "head_branch");
  }
  Alert alert;
  const std::string name = shape.Text(run, path, "name", true);
  alert.labels = {{"alertname", "github_" + event},
                  {"event", event},
                  {"repository", repository},
                  {what, name},
                  {"branch", branch}};
  alert.severity = healing::SeverityOf("warning");
  alert.message = std::string(what) + " " + name + " on " + branch + " of " + repository + ": " +
                  conclusion + " " + shape.Text(run, path, "html_url");
  const auto told = shape.Time(run, path, ended);
  if (!shape.status().ok()) return shape.status();
  const auto failed = Failed(conclusion);
  if (!failed) return Ignored("conclusion " + conclusion.substr(0, 64));
  alert.firing = *failed;
  SetTold(told, now, alert);
  return One(shape, std::move(alert));
}

// No alert, but the end of something that Salve may have begun.
StatusOr<AlertBatch> PullRequestOfGithub(const json& body, WallTime now) {
  PayloadShape shape;
  const json& root = shape.Object(body, "");
  const std::string action = shape.Text(root, "", "action", true);
  if (shape.status().ok() && action != "closed") {
    return Ignored("pull_request " + action.substr(0, kMaxQuoted));
  }
  const std::string path = ".pull_request";
  const json& pull = shape.Object(root, "", "pull_request", true);
  PullRequestNews news;
  news.repository =
      shape.Text(shape.Object(root, "", "repository", true), ".repository", "full_name", true);
  news.branch = shape.Text(shape.Object(pull, path, "head", true), path + ".head", "ref", true);
  const auto merged = shape.Time(pull, path, "merged_at");
  const auto closed = shape.Time(pull, path, "closed_at");
  news.end = {merged.has_value(), merged.value_or(closed.value_or(now)),
              shape.Time(pull, path, "created_at")};
  const json* number = Find(pull, {"number"});
  if (number == nullptr || !number->is_number_integer() || GetInt(pull, {"number"}) <= 0) {
    shape.Wrong(path + ".number", "must be a positive integer");
  }
  news.number = GetInt(pull, {"number"});
  if (!shape.status().ok()) return shape.status();
  AlertBatch batch;
  batch.ignored = "pull_request closed is no alert";
  batch.pull_request = std::move(news);
  return batch;
}

StatusOr<AlertBatch> IssueOfSentry(PayloadShape& shape, const json& root, WallTime now) {
  const std::string action = shape.Text(root, "", "action", true);
  const json& issue = shape.Object(shape.Object(root, "", "data", true), ".data", "issue", true);
  const std::string path = ".data.issue";
  Alert alert;
  alert.firing = action != "resolved";
  const std::string project =
      shape.Text(shape.Object(issue, path, "project"), path + ".project", "slug");
  alert.labels = {
      {"alertname", "sentry_issue"},
      {"resource", "issue"},
      {"project", project},
      {"issue", FirstOf({shape.Text(issue, path, "shortId"), shape.Scalar(issue, path, "id")})},
      {"level", shape.Text(issue, path, "level")}};
  alert.severity = healing::SeverityOf(alert.labels["level"]);
  alert.message =
      FirstOf({shape.Text(issue, path, "title", true)}) + " " + shape.Text(issue, path, "culprit");
  SetTold(std::nullopt, now, alert);
  if (shape.status().ok() && action != "created" && action != "unresolved" &&
      action != "resolved") {
    return Ignored("issue " + action.substr(0, 64));
  }
  return One(shape, std::move(alert));
}

StatusOr<AlertBatch> EventOfSentry(PayloadShape& shape, const json& root, WallTime now) {
  const json& data = shape.Object(root, "", "data", true);
  const json& event = shape.Object(data, ".data", "event", true);
  const std::string path = ".data.event";
  Alert alert;
  alert.labels = {
      {"alertname", FirstOf({shape.Text(data, ".data", "triggered_rule"), "sentry_event_alert"})},
      {"resource", "event_alert"},
      {"project", shape.Scalar(event, path, "project")},
      {"issue", shape.Scalar(event, path, "issue_id")},
      {"level", shape.Text(event, path, "level")},
      {"environment", shape.Text(event, path, "environment")}};
  alert.severity = healing::SeverityOf(alert.labels["level"]);
  alert.message = shape.Text(event, path, "title", true) + " " + shape.Text(event, path, "culprit");
  SetTold(std::nullopt, now, alert);
  return One(shape, std::move(alert));
}

StatusOr<AlertBatch> MetricOfSentry(PayloadShape& shape, const json& root, WallTime now) {
  const std::string action = shape.Text(root, "", "action", true);
  const json& data = shape.Object(root, "", "data", true);
  const json& metric = shape.Object(data, ".data", "metric_alert", true);
  const std::string path = ".data.metric_alert";
  const json& rule = shape.Object(metric, path, "alert_rule");
  const std::string name =
      FirstOf({shape.Text(rule, path + ".alert_rule", "name"), shape.Text(metric, path, "title")});
  Alert alert;
  alert.firing = action != "resolved";
  alert.labels = {{"alertname", FirstOf({name, "sentry_metric_alert"})},
                  {"resource", "metric_alert"},
                  {"rule", shape.Scalar(rule, path + ".alert_rule", "id")}};
  alert.severity = healing::SeverityOf(action);
  alert.message = FirstOf({shape.Text(data, ".data", "description_title"), name}) + " " +
                  shape.Text(data, ".data", "description_text");
  SetTold(shape.Time(metric, path, alert.firing ? "date_started" : "date_closed"), now, alert);
  if (shape.status().ok() && action != "critical" && action != "warning" && action != "resolved") {
    return Ignored("metric_alert " + action.substr(0, 64));
  }
  return One(shape, std::move(alert));
}

// CloudWatch leaves the colon out of the offset.
std::optional<WallTime> TimeOfCloudWatch(std::string text) {
  if (text.size() > 5 && (text[text.size() - 5] == '+' || text[text.size() - 5] == '-')) {
    text.insert(text.size() - 2, ":");
  }
  return ParseTime(text);
}

StatusOr<AlertBatch> AlarmOfCloudWatch(const json& alarm, const std::string& topic, WallTime now) {
  PayloadShape shape;
  const std::string state = shape.Text(alarm, ".Message", "NewStateValue", true);
  Alert alert;
  alert.firing = state == "ALARM";
  alert.labels = {{"alertname", shape.Text(alarm, ".Message", "AlarmName", true)},
                  {"topic", topic},
                  {"account", shape.Text(alarm, ".Message", "AWSAccountId")},
                  {"region", shape.Text(alarm, ".Message", "Region")}};
  const json& trigger = shape.Object(alarm, ".Message", "Trigger");
  alert.labels["namespace"] = shape.Text(trigger, ".Message.Trigger", "Namespace");
  alert.labels["metric"] = shape.Text(trigger, ".Message.Trigger", "MetricName");
  const json& dimensions = shape.List(trigger, ".Message.Trigger", "Dimensions", 30);
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    const std::string path = ".Message.Trigger.Dimensions[" + std::to_string(i) + "]";
    const std::string name = shape.Text(dimensions[i], path, "name");
    if (!name.empty()) alert.labels[name] = shape.Text(dimensions[i], path, "value");
  }
  alert.severity = healing::SeverityOf("critical");
  alert.message =
      FirstOf({shape.Text(alarm, ".Message", "AlarmDescription"), alert.labels["alertname"]}) +
      ": " + shape.Text(alarm, ".Message", "NewStateReason");
  SetTold(TimeOfCloudWatch(shape.Text(alarm, ".Message", "StateChangeTime")), now, alert);
  // Without data nothing is known: neither an alarm nor its end.
  if (shape.status().ok() && state != "ALARM" && state != "OK") {
    return Ignored("state " + state.substr(0, 64));
  }
  return One(shape, std::move(alert));
}

}  // namespace

StatusOr<AlertBatch> AlertsOfGithub(const json& body, const std::string& event, WallTime now) {
  if (event == "workflow_run") return RunOfGithub(body, event, "workflow", "updated_at", now);
  if (event == "check_run") return RunOfGithub(body, event, "check", "completed_at", now);
  if (event == "pull_request") return PullRequestOfGithub(body, now);
  if (event.empty()) return InvalidArgumentError("X-GitHub-Event: is missing");
  return Ignored("event " + event);
}

StatusOr<AlertBatch> AlertsOfSentry(const json& body, const std::string& resource, WallTime now) {
  PayloadShape shape;
  const json& root = shape.Object(body, "");
  if (resource == "issue") return IssueOfSentry(shape, root, now);
  if (resource == "event_alert") return EventOfSentry(shape, root, now);
  if (resource == "metric_alert") return MetricOfSentry(shape, root, now);
  if (resource.empty()) return InvalidArgumentError("Sentry-Hook-Resource: is missing");
  return Ignored("resource " + resource);
}

StatusOr<AlertBatch> AlertsOfLogfire(const json& body, WallTime now) {
  PayloadShape shape;
  const json& root = shape.Object(body, "");
  Alert alert;
  alert.labels = shape.Texts(root, "", "labels");
  const std::string name = FirstOf({shape.Text(root, "", "alert_name"),
                                    shape.Text(root, "", "name"), shape.Text(root, "", "title")});
  const std::string text = FirstOf({shape.Text(root, "", "message"), shape.Text(root, "", "text"),
                                    shape.Text(root, "", "description"), name});
  if (text.empty()) shape.Wrong("", "one of alert_name, name, title, message, text is needed");
  alert.labels.emplace("alertname", FirstOf({name, "logfire"}));
  alert.labels.emplace(
      "project", FirstOf({shape.Text(root, "", "project"), shape.Text(root, "", "project_name")}));
  alert.labels.emplace(
      "service", FirstOf({shape.Text(root, "", "service"), shape.Text(root, "", "service_name")}));
  alert.severity = healing::SeverityOf(
      FirstOf({shape.Text(root, "", "severity"), shape.Text(root, "", "level")}));
  alert.message = text;
  const std::string status = shape.Text(root, "", "status");
  alert.firing = status != "resolved" && status != "ok";
  SetTold(std::nullopt, now, alert);
  return One(shape, std::move(alert));
}

StatusOr<AlertBatch> AlertsOfSnsMessage(const std::string& topic_arn, const std::string& subject,
                                        const std::string& message, WallTime now) {
  const auto inner = ParseJsonBody(message);
  if (inner.ok() && inner->is_object() && inner->contains("AlarmName")) {
    return AlarmOfCloudWatch(*inner, topic_arn, now);
  }
  Alert alert;
  alert.labels = {{"alertname", topic_arn.substr(topic_arn.rfind(':') + 1)}, {"topic", topic_arn}};
  if (!subject.empty()) alert.labels["subject"] = subject;
  alert.severity = healing::SeverityOf("warning");
  alert.message = FirstOf({subject, message});
  alert.since = now;
  return One(PayloadShape(), std::move(alert));
}

}  // namespace salve::edge
