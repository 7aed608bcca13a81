// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/alert_payloads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"

namespace salve::edge {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WallTime kNow = *ParseTime("2026-12-01T12:00:00Z");

// As Alertmanager 0.25 posts it.
json Alertmanager() {
  return json::parse(R"({
    "receiver": "salve", "status": "firing", "version": "4", "truncatedAlerts": 0,
    "groupKey": "{}:{alertname=\"RedisDown\"}", "groupLabels": {"alertname": "RedisDown"},
    "commonLabels": {"alertname": "RedisDown"}, "commonAnnotations": {},
    "externalURL": "http://am:9093",
    "alerts": [
      {"status": "firing",
       "labels": {"alertname": "RedisDown", "instance": "a:6379", "severity": "critical"},
       "annotations": {"summary": "a does not answer", "description": "long"},
       "startsAt": "2026-12-01T11:58:00.123Z", "endsAt": "0001-01-01T00:00:00Z",
       "generatorURL": "http://prometheus/graph", "fingerprint": "c3d2e1"},
      {"status": "resolved", "labels": {"alertname": "RedisDown", "instance": "b:6379"},
       "annotations": {}, "startsAt": "2026-12-01T11:00:00Z", "endsAt": "2026-12-01T11:59:00Z",
       "generatorURL": "", "fingerprint": "c3d2e2"}]})");
}

TEST(Alertmanager, GivesItsAlertsWithTheTimeOfTheirState) {
  const auto batch = AlertsOf("alertmanager", "am", {}, Alertmanager(), kNow);
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_THAT(batch->alerts, SizeIs(2));
  const healing::Alert& firing = batch->alerts[0];
  EXPECT_EQ(firing.receiver, "am");
  EXPECT_TRUE(firing.firing);
  EXPECT_TRUE(firing.told);
  EXPECT_EQ(firing.since, ParseTime("2026-12-01T11:58:00.123Z"));
  EXPECT_EQ(firing.message, "a does not answer");
  EXPECT_EQ(firing.severity, "Critical");
  EXPECT_EQ(firing.labels.at("instance"), "a:6379");
  const healing::Alert& resolved = batch->alerts[1];
  EXPECT_FALSE(resolved.firing);
  EXPECT_EQ(resolved.since, ParseTime("2026-12-01T11:59:00Z"));
  EXPECT_EQ(resolved.message, "RedisDown");
}

TEST(Alertmanager, SaysHowManyAlertsItsSenderLeftOut) {
  json body = Alertmanager();
  body["truncatedAlerts"] = 7;
  EXPECT_EQ(AlertsOfAlertmanager(body, kNow)->truncated, 7);
}

struct Broken {
  const char* what;
  const char* path;   // JSON pointer
  const char* value;  // JSON
  const char* want;
};
class BrokenAlertmanager : public ::testing::TestWithParam<Broken> {};
TEST_P(BrokenAlertmanager, IsRefusedWithThePath) {
  json body = Alertmanager();
  body[json::json_pointer(GetParam().path)] = json::parse(GetParam().value);
  const auto batch = AlertsOfAlertmanager(body, kNow);
  EXPECT_EQ(batch.code(), Code::kInvalidArgument) << GetParam().what;
  EXPECT_THAT(batch.status().message(), HasSubstr(GetParam().want)) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    All, BrokenAlertmanager,
    ::testing::Values(
        Broken{"another version", "/version", "\"5\"", ".version: must be"},
        Broken{"no alerts", "/alerts", "null", ".alerts: is missing"},
        Broken{"alerts of another type", "/alerts", "{}", ".alerts: a list"},
        Broken{"an alert of another type", "/alerts/1", "3", ".alerts[1]: an object"},
        Broken{"no labels", "/alerts/1/labels", "null", ".alerts[1].labels: is missing"},
        Broken{"a label of another type", "/alerts/0/labels/n", "3", ".alerts[0].labels.n: a str"},
        Broken{"an unknown status", "/alerts/0/status", "\"odd\"", ".alerts[0].status: must be"},
        Broken{"no time", "/alerts/0/startsAt", "\"noon\"", ".alerts[0].startsAt: not a time"}));

TEST(Alertmanager, TakesFieldsThatNobodyKnows) {
  json body = Alertmanager();
  body["new"] = {{"a", 1}};
  body["alerts"][0]["new"] = json::array({1, 2});
  EXPECT_TRUE(AlertsOfAlertmanager(body, kNow).ok());
}

TEST(Alertmanager, RefusesMoreAlertsThanOneDeliveryMayHave) {
  json body = Alertmanager();
  body["alerts"] = json::array();
  for (int i = 0; i < 1001; ++i) body["alerts"].push_back(json::object());
  EXPECT_THAT(AlertsOfAlertmanager(body, kNow).status().message(), HasSubstr("at most 1000"));
}

TEST(SelfHeal, TakesOneAlertOrAListAndTheShortestCurl) {
  const auto one = AlertsOfSelfHeal(json::parse(R"({"labels": {"service": "web"}})"), kNow);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_TRUE(one->alerts[0].firing);
  EXPECT_FALSE(one->alerts[0].told);
  EXPECT_EQ(one->alerts[0].since, kNow);
  const auto list =
      AlertsOfSelfHeal(json::parse(R"([{"labels": {"a": "b"}, "message": "m", "severity": "page"},
                      {"labels": {"a": "c"}, "status": "resolved",
                       "endsAt": "2026-12-01T11:00:00+01:00"}])"),
                       kNow);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->alerts[0].severity, "Critical");
  EXPECT_FALSE(list->alerts[1].firing);
  EXPECT_EQ(list->alerts[1].since, ParseTime("2026-12-01T10:00:00Z"));
  EXPECT_THAT(AlertsOfSelfHeal(json::parse(R"([{"labels": {}}])"), kNow).status().message(),
              HasSubstr("[0].labels"));
  EXPECT_THAT(AlertsOfSelfHeal(3, kNow).status().message(), HasSubstr("an object is needed"));
}

json WorkflowRun(const std::string& conclusion) {
  json body = json::parse(R"({"action": "completed",
    "workflow_run": {"id": 30433642, "name": "Build", "head_branch": "main", "run_number": 562,
      "event": "push", "status": "completed", "workflow_id": 159038,
      "html_url": "https://github.com/octo-org/octo-repo/actions/runs/30433642",
      "updated_at": "2026-12-01T11:33:08Z"},
    "repository": {"id": 217723378, "full_name": "octo-org/octo-repo", "private": true}})");
  body["workflow_run"]["conclusion"] = conclusion;
  return body;
}

TEST(Github, AFailedRunFiresAndTheNextGoodOneOfTheSameWorkflowClearsIt) {
  const auto failed = AlertsOfGithub(WorkflowRun("failure"), "workflow_run", kNow);
  const auto good = AlertsOfGithub(WorkflowRun("success"), "workflow_run", kNow);
  ASSERT_TRUE(failed.ok()) << failed.status();
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(failed->alerts[0].firing);
  EXPECT_FALSE(good->alerts[0].firing);
  EXPECT_EQ(healing::AlertFingerprint(failed->alerts[0]),
            healing::AlertFingerprint(good->alerts[0]));
  EXPECT_EQ(failed->alerts[0].labels.at("repository"), "octo-org/octo-repo");
  EXPECT_EQ(failed->alerts[0].labels.at("workflow"), "Build");
  EXPECT_EQ(failed->alerts[0].labels.at("branch"), "main");
  EXPECT_EQ(failed->alerts[0].since, ParseTime("2026-12-01T11:33:08Z"));
}

TEST(Github, WhatIsNeitherBadNorGoodIsNoAlert) {
  EXPECT_THAT(AlertsOfGithub(WorkflowRun("cancelled"), "workflow_run", kNow)->alerts, IsEmpty());
  json running = WorkflowRun("");
  running["action"] = "in_progress";
  EXPECT_THAT(AlertsOfGithub(running, "workflow_run", kNow)->alerts, IsEmpty());
  EXPECT_THAT(AlertsOfGithub(json::object(), "ping", kNow)->alerts, IsEmpty());
  EXPECT_EQ(AlertsOfGithub(json::object(), "", kNow).code(), Code::kInvalidArgument);
  EXPECT_THAT(AlertsOfGithub(json::object(), "workflow_run", kNow).status().message(),
              HasSubstr(".action"));
}

json ClosedPullRequest() {
  return json::parse(R"({"action": "closed", "number": 4,
    "pull_request": {"number": 4, "state": "closed", "merged": true,
      "created_at": "2026-12-01T09:00:00Z", "closed_at": "2026-12-01T11:00:00Z",
      "merged_at": "2026-12-01T11:00:00Z", "head": {"ref": "salve/cart-1-89abcdef"}},
    "repository": {"full_name": "acme/shop"}})");
}

TEST(Github, APullRequestThatEndedIsNoAlertButNews) {
  json body = ClosedPullRequest();
  const auto merged = AlertsOfGithub(body, "pull_request", kNow);
  ASSERT_TRUE(merged.ok() && merged->pull_request) << merged.status();
  EXPECT_THAT(merged->alerts, IsEmpty());
  EXPECT_EQ(merged->pull_request->repository, "acme/shop");
  EXPECT_EQ(merged->pull_request->number, 4);
  EXPECT_EQ(merged->pull_request->branch, "salve/cart-1-89abcdef");
  EXPECT_TRUE(merged->pull_request->end.merged);
  EXPECT_EQ(merged->pull_request->end.made, ParseTime("2026-12-01T09:00:00Z"));
  body["pull_request"]["merged_at"] = nullptr;
  EXPECT_FALSE(AlertsOfGithub(body, "pull_request", kNow)->pull_request->end.merged);
  body["action"] = "synchronize";
  const auto other = AlertsOfGithub(body, "pull_request", kNow);
  EXPECT_FALSE(other->pull_request);
  EXPECT_EQ(other->ignored, "pull_request synchronize");
}

TEST(Github, APullRequestOfTheWrongShapeIsRefusedWithThePath) {
  const std::pair<const char*, json> wrong[] = {{".pull_request.number", "4"},
                                                {".pull_request.number", -4},
                                                {".pull_request.number", 4.5},
                                                {".pull_request.head", "main"},
                                                {".pull_request.merged_at", "yesterday"}};
  for (const auto& [path, value] : wrong) {
    json body = ClosedPullRequest();
    const std::string text = path;
    body["pull_request"][text.substr(text.rfind('.') + 1)] = value;
    const auto batch = AlertsOfGithub(body, "pull_request", kNow);
    EXPECT_EQ(batch.code(), Code::kInvalidArgument) << value;
    EXPECT_THAT(batch.status().message(), HasSubstr(path));
  }
}

TEST(Github, ACheckHasItsBranchInItsSuite) {
  const json body = json::parse(R"({"action": "completed",
    "check_run": {"name": "Octocoders-linter", "status": "completed", "conclusion": "timed_out",
      "completed_at": "2026-12-01T11:00:00Z", "check_suite": {"head_branch": "changes"}},
    "repository": {"full_name": "Codertocat/Hello-World"}})");
  const auto batch = AlertsOfGithub(body, "check_run", kNow);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->alerts[0].labels.at("branch"), "changes");
  EXPECT_EQ(batch->alerts[0].labels.at("check"), "Octocoders-linter");
}

TEST(Sentry, AnIssueFiresWhenItIsCreatedAndClearsWhenItIsResolved) {
  json body = json::parse(R"({"action": "created", "actor": {"type": "application"},
    "data": {"issue": {"id": "1170820242", "shortId": "PYTHON-E", "level": "error",
      "title": "ReferenceError: heck is not defined", "culprit": "runner",
      "project": {"id": "1", "name": "python", "slug": "python"}, "status": "unresolved"}},
    "installation": {"uuid": "a8e5d37a"}})");
  const auto created = AlertsOfSentry(body, "issue", kNow);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_TRUE(created->alerts[0].firing);
  EXPECT_EQ(created->alerts[0].labels.at("issue"), "PYTHON-E");
  EXPECT_EQ(created->alerts[0].labels.at("project"), "python");
  EXPECT_EQ(created->alerts[0].severity, "Critical");
  body["action"] = "resolved";
  const auto resolved = AlertsOfSentry(body, "issue", kNow);
  EXPECT_FALSE(resolved->alerts[0].firing);
  EXPECT_EQ(healing::AlertFingerprint(created->alerts[0]),
            healing::AlertFingerprint(resolved->alerts[0]));
  body["action"] = "assigned";
  EXPECT_THAT(AlertsOfSentry(body, "issue", kNow)->alerts, IsEmpty());
}

TEST(Sentry, AlertRulesAndMetricAlertsAreAlerts) {
  const json event = json::parse(R"({"action": "triggered", "data": {
    "event": {"title": "Error: boom", "level": "error", "project": 1, "issue_id": "42",
              "datetime": "2026-12-01T11:00:00.000000Z"},
    "triggered_rule": "Very Important Alert Rule!"}})");
  const auto rule = AlertsOfSentry(event, "event_alert", kNow);
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_EQ(rule->alerts[0].labels.at("alertname"), "Very Important Alert Rule!");
  EXPECT_EQ(rule->alerts[0].labels.at("issue"), "42");
  const json metric = json::parse(R"({"action": "resolved", "data": {
    "description_title": "Resolved: Too many errors", "description_text": "1000 events",
    "metric_alert": {"id": "3", "alert_rule": {"id": "7", "name": "Too many errors"},
      "date_started": "2026-12-01T11:00:00Z", "date_closed": "2026-12-01T11:30:00Z"}}})");
  const auto closed = AlertsOfSentry(metric, "metric_alert", kNow);
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_FALSE(closed->alerts[0].firing);
  EXPECT_EQ(closed->alerts[0].since, ParseTime("2026-12-01T11:30:00Z"));
  EXPECT_THAT(AlertsOfSentry(json::object(), "installation", kNow)->alerts, IsEmpty());
  EXPECT_THAT(AlertsOfSentry(json::object(), "issue", kNow).status().message(),
              HasSubstr(".action"));
}

TEST(Logfire, IsMappedByTheNamesThatItMayUse) {
  const auto batch = AlertsOfLogfire(
      json::parse(R"({"alert_name": "slow", "message": "p95 is 3 s", "level": "error",
                      "project": "shop", "labels": {"team": "data"}})"),
      kNow);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->alerts[0].labels.at("alertname"), "slow");
  EXPECT_EQ(batch->alerts[0].labels.at("team"), "data");
  EXPECT_EQ(batch->alerts[0].severity, "Critical");
  EXPECT_EQ(AlertsOfLogfire(json::object(), kNow).code(), Code::kInvalidArgument);
}

TEST(CloudWatch, AnAlarmFiresClearsAndKnowsThatNoDataIsNeither) {
  json alarm = json::parse(R"({"AlarmName": "Low cache", "AlarmDescription": "memory",
    "AWSAccountId": "123456789012", "NewStateValue": "ALARM", "OldStateValue": "OK",
    "NewStateReason": "Threshold Crossed: 1 datapoint", "Region": "US West - Oregon",
    "StateChangeTime": "2026-12-01T11:30:42.236+0000",
    "Trigger": {"MetricName": "FreeableMemory", "Namespace": "AWS/ElastiCache",
      "Dimensions": [{"value": "cache-1", "name": "CacheClusterId"}]}})");
  const std::string topic = "arn:aws:sns:us-west-2:123456789012:alarms";
  const auto firing = AlertsOfSnsMessage(topic, "ALARM", alarm.dump(), kNow);
  ASSERT_TRUE(firing.ok()) << firing.status();
  EXPECT_TRUE(firing->alerts[0].firing);
  EXPECT_EQ(firing->alerts[0].labels.at("CacheClusterId"), "cache-1");
  EXPECT_EQ(firing->alerts[0].since, ParseTime("2026-12-01T11:30:42.236Z"));
  alarm["NewStateValue"] = "OK";
  EXPECT_FALSE(AlertsOfSnsMessage(topic, "OK", alarm.dump(), kNow)->alerts[0].firing);
  alarm["NewStateValue"] = "INSUFFICIENT_DATA";
  EXPECT_THAT(AlertsOfSnsMessage(topic, "x", alarm.dump(), kNow)->alerts, IsEmpty());
  const auto text = AlertsOfSnsMessage(topic, "", "disk full", kNow);
  EXPECT_EQ(text->alerts[0].labels.at("alertname"), "alarms");
  EXPECT_EQ(text->alerts[0].message, "disk full");
}

}  // namespace
}  // namespace salve::edge
