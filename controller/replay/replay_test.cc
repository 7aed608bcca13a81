// SPDX-License-Identifier: Apache-2.0
#include "controller/replay/replay.h"

#include <algorithm>
#include <sstream>

#include "controller/replay/pieces.h"
#include "controller/replay/report.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/validation.h"
#include "pkg/apis/yaml/yaml.h"
#include "pkg/base/time_format.h"

namespace salve::replay {
namespace {

namespace v1 = healing::v1;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// --- what is replayed
// -------------------------------------------------------------------------------------------

constexpr char kPolicy[] = R"(
apiVersion: salve.dev/v1alpha1
kind: HealingPolicy
metadata: {name: redis, namespace: shop}
spec:
  mode: Auto
  target: {docker: {container: redis}}
  probes: [{name: ping, tcp: {address: "127.0.0.1:6379"}}]
  triggers:
  - name: redis-down
    alert: {matchers: ['alertname="RedisDown"'], targetLabel: container}
  ladder:
  - {name: restart, action: {restart: {}}}
  - {name: human, escalate: {message: "look at it"}}
)";

template <class T>
T FromYaml(const std::string& text) {
  const auto document = apis::yaml::ParseOne(text);
  EXPECT_TRUE(document.ok()) << document.status();
  auto object = apis::DecodeStrict<T>(document->value);
  EXPECT_TRUE(object.ok()) << object.status();
  EXPECT_TRUE(apis::Validate(*object).empty());
  return *object;
}

// The policy with one line of it replaced, or with a line more.
std::string With(std::string yaml, const std::string& old, const std::string& text) {
  const std::size_t at = yaml.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return yaml.replace(at, old.size(), text);
}
std::string And(const std::string& line) { return std::string(kPolicy) + "  " + line + "\n"; }

// A webhook payload with one alert.
std::string Payload(const std::string& at, const std::string& status, const std::string& name,
                    const std::string& container, const std::string& until = "") {
  const json alert = {{"status", status},
                      {"labels", {{"alertname", name}, {"container", container}}},
                      {"annotations", {{"summary", name + " on " + container}}},
                      {"startsAt", at},
                      {"endsAt", until.empty() ? "0001-01-01T00:00:00Z" : until}};
  const json payload = {{"version", "4"}, {"alerts", json::array({alert})}};
  return payload.dump() + "\n";
}
std::string Fires(const std::string& at, const std::string& container = "redis",
                  const std::string& name = "RedisDown") {
  return Payload(at, "firing", name, container);
}
std::string Ends(const std::string& at, const std::string& until,
                 const std::string& container = "redis") {
  return Payload(at, "resolved", "RedisDown", container, until);
}

// An incident as it is stored, of the policy above.
json RecordedIncidentJson(const std::string& at, const std::string& resolved,
                          const std::string& outcome) {
  json incident = {
      {"apiVersion", "salve.dev/v1alpha1"},
      {"kind", "Incident"},
      {"metadata", {{"name", "redis-12345678-1"}, {"namespace", "shop"}}},
      {"spec",
       {{"fingerprint", std::string(64, 'a')},
        {"policyRef", {{"name", "redis"}}},
        {"target", {{"backend", "docker"}, {"kind", "Container"}, {"name", "redis"}}},
        {"trigger", {{"source", "Probe"}, {"name", "ping"}, {"message", "no answer"}, {"at", at}}},
        {"severity", "Critical"}}}};
  if (!resolved.empty()) {
    incident["status"] = {{"resolvedAt", resolved}, {"outcome", outcome}, {"detectedAt", at}};
  }
  return incident;
}
// … in which that action was tried.
json Tried(json incident, const std::string& action, const std::string& outcome) {
  incident["status"]["attempts"] = json::array({{{"id", "a1"},
                                                 {"step", action},
                                                 {"action", action},
                                                 {"phase", "Done"},
                                                 {"verification", {{"outcome", outcome}}}}});
  return incident;
}

struct Given {
  std::vector<std::string> policies = {kPolicy};
  std::vector<std::string> guardrails;
  std::string alerts;     // payloads
  std::string incidents;  // JSON
  std::string history;
  RecordOptions options;
  std::optional<WallTime> until;

  StatusOr<Record> Read() const {
    RecordReader reader(options);
    std::istringstream a(alerts);
    std::istringstream i(incidents);
    std::istringstream h(history);
    SALVE_RETURN_IF_ERROR(reader.Read(RecordKind::kAlertmanagerLog, a, "alerts.jsonl"));
    SALVE_RETURN_IF_ERROR(reader.Read(RecordKind::kIncidents, i, "incidents.json"));
    SALVE_RETURN_IF_ERROR(reader.Read(RecordKind::kHistory, h, "salve.log"));
    return reader.Finish();
  }
  ReplayInput Input() const {
    ReplayInput input;
    for (const std::string& yaml : policies) {
      input.policies.push_back(FromYaml<v1::HealingPolicy>(yaml));
    }
    for (const std::string& yaml : guardrails) {
      input.guardrails.push_back(FromYaml<v1::HealingGuardrail>(yaml));
    }
    input.clears["alertmanager"] = 0;
    auto record = Read();
    EXPECT_TRUE(record.ok()) << record.status();
    if (record.ok()) input.record = std::move(record).value();
    input.until = until;
    return input;
  }
  json Report() const {
    const auto result = Replay(Input());
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? ReplayReport(*result) : json();
  }
};

// The decisions about one incident, each as a line.
std::vector<std::string> Course(const json& report, std::size_t incident = 0) {
  std::vector<std::string> lines;
  if (report["incidents"].size() <= incident) return {"no such incident"};
  for (const json& decision : report["incidents"][incident]["course"]) {
    lines.push_back(DecisionLine(decision));
  }
  return lines;
}

// --- decisions
// --------------------------------------------------------------------------------------------------

TEST(ReplayTest, AnAlertThatAPolicyListensToIsActedOnAndTheFaultStaysHealed) {
  Given given;
  // Repeated and resolved long after the replay has healed it: nothing new.
  given.alerts = Fires("2026-11-02T10:00:00Z") + Fires("2026-11-02T10:00:00Z") +
                 Ends("2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z");
  const json report = given.Report();
  ASSERT_EQ(report["incidents"].size(), 1u) << report.dump(1);
  EXPECT_THAT(Course(report),
              ElementsAre("Acts: restart (restart, risk Medium)", "Closes: AutoHealed"));
  EXPECT_EQ(report["incidents"][0]["trigger"], "Alert/redis-down");
  EXPECT_EQ(report["incidents"][0]["at"], "2026-11-02T10:00:00.000000Z");
  EXPECT_EQ(report["policies"][0]["actions"], 1);
  EXPECT_THAT(report["unmatched"], IsEmpty());
}

TEST(ReplayTest, TheRecordedTimesDriveCooldownAndBudget) {
  Given given;
  given.policies = {
      And("guardrails: {cooldownSeconds: 600, maxActions: {count: 2, windowSeconds: "
          "7200}, retry: {minHealthySeconds: 1}}")};
  given.alerts =
      Fires("2026-11-02T10:00:00Z") + Ends("2026-11-02T10:00:00Z", "2026-11-02T10:01:00Z") +
      Fires("2026-11-02T10:02:00Z") + Ends("2026-11-02T10:02:00Z", "2026-11-02T10:30:00Z") +
      Fires("2026-11-02T10:40:00Z");
  const json report = given.Report();
  ASSERT_EQ(report["incidents"].size(), 3u) << report.dump(1);
  // Two minutes after the first action: the cooldown ends ten minutes after it.
  EXPECT_THAT(Course(report, 1),
              ElementsAre(HasSubstr("Blocked: restart (restart, risk Medium) by Cooldown "
                                    "(CoolingDown until 2026-11-02T10:10:0"),
                          HasSubstr("Acts: restart"), "Closes: AutoHealed"));
  // Then the budget: free when the first action leaves its window.
  EXPECT_THAT(
      Course(report, 2),
      ElementsAre("Blocked: restart (restart, risk Medium) by Budget (BudgetExhausted until "
                  "2026-11-02T12:00:00Z)",
                  HasSubstr("Acts: restart"), "Closes: AutoHealed"));
}

TEST(ReplayTest, AWindowBlocksUntilItEndsOnTheRecordedDay) {
  Given given;
  given.policies = {
      And("guardrails: {windows: [{name: weekend, kind: Deny, cron: \"0 18 * * FRI\", "
          "durationSeconds: 216000}]}")};
  given.alerts = Fires("2026-11-06T19:00:00Z");
  given.until = ParseTime("2026-11-10T00:00:00Z");
  EXPECT_THAT(Course(given.Report()),
              ElementsAre("Blocked: restart (restart, risk Medium) by Window (WindowClosed until "
                          "2026-11-09T06:00:00Z)",
                          "Acts: restart (restart, risk Medium)", "Closes: AutoHealed"));
}

TEST(ReplayTest, WhatNeedsAPersonSaysHowManyAndThenExpires) {
  Given given;
  given.policies = {With(And("approval: {minApprovals: 2, expiresAfterSeconds: 900}"), "mode: Auto",
                         "mode: Approve")};
  given.alerts = Fires("2026-11-02T10:00:00Z");
  const json report = given.Report();
  EXPECT_THAT(Course(report),
              ElementsAre("NeedsApproval: restart (restart, risk Medium) by 2 people",
                          "Escalates: ApprovalExpired"));
  EXPECT_EQ(report["incidents"][0]["course"][1]["at"], "2026-11-02T10:15:00.000000Z");
  EXPECT_EQ(report["policies"][0]["outcomes"]["Open"], 1);
}

TEST(ReplayTest, TheTightestGuardrailOfTheNamespaceWins) {
  Given given;
  given.guardrails = {R"(
apiVersion: salve.dev/v1alpha1
kind: HealingGuardrail
metadata: {name: careful}
spec: {maxMode: Observe}
)"};
  given.alerts = Fires("2026-11-02T10:00:00Z");
  const json report = given.Report();
  EXPECT_EQ(report["policies"][0]["mode"], "Observe");
  ASSERT_FALSE(report["incidents"][0]["course"].empty());
  EXPECT_EQ(report["incidents"][0]["course"][0]["gates"][0]["guardrail"], "careful");
}

TEST(ReplayTest, AGuardrailsBudgetIsSharedByThePoliciesItSelects) {
  Given given;
  const std::string other =
      With(With(With(kPolicy, "name: redis, namespace", "name: cache, namespace"),
                "container: redis", "container: cache"),
           "RedisDown", "CacheDown");
  given.policies = {kPolicy, other};
  given.guardrails = {R"(
apiVersion: salve.dev/v1alpha1
kind: HealingGuardrail
metadata: {name: one-an-hour}
spec: {maxActions: {count: 1, windowSeconds: 3600}}
)"};
  given.alerts =
      Fires("2026-11-02T10:00:00Z") + Fires("2026-11-02T10:10:00Z", "cache", "CacheDown");
  const json report = given.Report();
  ASSERT_EQ(report["incidents"].size(), 2u);
  EXPECT_THAT(Course(report, 1),
              ElementsAre(HasSubstr("Budget (BudgetExhausted until 2026-11-02T11:00:00Z, guardrail "
                                    "one-an-hour)"),
                          HasSubstr("Acts: restart"), "Closes: AutoHealed"));
}

TEST(ReplayTest, ManyIllTargetsAreAStorm) {
  Given given;
  given.policies = {With(And("guardrails: {maxUnhealthy: \"40%\", maxUnhealthyFloor: 3}"),
                         "{container: redis}", "{labels: {app: redis}}")};
  for (const char* container : {"a", "b", "c", "d"}) {
    given.alerts += Fires("2026-11-02T10:00:00Z", container);
  }
  const json report = given.Report();
  ASSERT_EQ(report["incidents"].size(), 4u);
  // The first was alone when it fell ill. After it nothing is done until the storm is over.
  EXPECT_EQ(report["incidents"][0]["outcome"], "AutoHealed");
  EXPECT_THAT(Course(report, 3), ElementsAre(HasSubstr(" by Storm (Storm), Concurrency")));
  EXPECT_THAT(Course(report, 1).back(), HasSubstr(" by Storm (Storm)")) << report.dump(1);
}

TEST(ReplayTest, OfManyThatWaitForOnePlaceEachHasItsTurn) {
  Given given;
  given.policies = {With(And("guardrails: {maxUnhealthy: \"100%\", maxActions: {count: 50, "
                             "windowSeconds: 3600}}"),
                         "{container: redis}", "{labels: {app: redis}}")};
  for (int i = 10; i < 30; ++i) {
    given.alerts += Fires("2026-11-02T10:00:00Z", "redis-" + std::to_string(i));
  }
  const json report = given.Report();
  EXPECT_EQ(report["policies"][0]["outcomes"], json({{"AutoHealed", 20}})) << report.dump(1);
  // One after the other: each takes until it is verified.
  EXPECT_EQ(report["incidents"][19]["course"].back()["at"], "2026-11-02T10:01:20.000000Z");
}

TEST(ReplayTest, APersonWhoAskedIsAnsweredOnce) {
  Given given;
  given.policies = {With(kPolicy, "mode: Auto", "mode: DryRun")};
  json incident = RecordedIncidentJson("2026-11-02T10:00:00Z", "", "");
  incident["spec"]["trigger"] = {{"source", "Manual"}, {"at", "2026-11-02T10:00:00Z"}};
  given.incidents = incident.dump();
  const json report = given.Report();
  ASSERT_EQ(report["incidents"].size(), 1u);
  EXPECT_EQ(report["incidents"][0]["outcome"], "DryRun");
}

TEST(ReplayTest, ADependencyThatIsIllIsHealedFirst) {
  Given given;
  const std::string web = With(With(With(And("dependsOn: [{policy: redis}]"),
                                         "name: redis, namespace", "name: web, namespace"),
                                    "container: redis", "container: web"),
                               "RedisDown", "WebDown");
  given.policies = {With(kPolicy, "mode: Auto", "mode: Approve"), web};
  given.alerts = Fires("2026-11-02T10:00:00Z") + Fires("2026-11-02T10:00:05Z", "web", "WebDown") +
                 Ends("2026-11-02T10:00:00Z", "2026-11-02T10:05:00Z");
  const json report = given.Report();
  ASSERT_EQ(report["incidents"].size(), 2u);
  // It waits, and goes on when the other is well.
  const auto course = Course(report, 1);
  ASSERT_FALSE(course.empty());
  EXPECT_THAT(course.front(), ::testing::StartsWith("Waits: ")) << report.dump(1);
  EXPECT_EQ(report["incidents"][1]["outcome"], "AutoHealed");
}

TEST(ReplayTest, WhatNoPolicyMatchedIsToldWithTheReason) {
  Given given;
  given.alerts = Fires("2026-11-02T10:00:00Z", "redis", "DiskFull") +
                 Fires("2026-11-02T10:01:00Z", "redis", "DiskFull") +
                 Fires("2026-11-02T10:02:00Z", "other");
  const json report = given.Report();
  EXPECT_THAT(report["incidents"], IsEmpty());
  ASSERT_EQ(report["unmatched"].size(), 2u);
  EXPECT_EQ(report["unmatched"][0]["name"], "DiskFull");
  EXPECT_EQ(report["unmatched"][0]["count"], 2);
  EXPECT_EQ(report["unmatched"][0]["why"], "no trigger fits");
  EXPECT_THAT(report["unmatched"][1]["why"].get<std::string>(), HasSubstr("\"other\" is not its"));
}

TEST(ReplayTest, AnIncidentIsDecidedAnewFromWhatWasKeptOfIt) {
  Given given;
  json incident =
      RecordedIncidentJson("2026-11-02T10:00:00Z", "2026-11-02T10:00:20Z", "AutoHealed");
  incident["status"]["diagnosis"] = {{"rule", "docker/unresponsive"}, {"cause", "Unresponsive"}};
  given.incidents = incident.dump(2);
  const json report = given.Report();
  ASSERT_EQ(report["incidents"].size(), 1u) << report.dump(1);
  EXPECT_EQ(report["incidents"][0]["recordedAs"], "redis-12345678-1");
  EXPECT_EQ(report["incidents"][0]["recordedOutcome"], "AutoHealed");
  EXPECT_THAT(Course(report),
              ElementsAre("Acts: restart (restart, risk Medium)", "Closes: AutoHealed"));
}

TEST(ReplayTest, AnActionThatDidNotHelpThenDoesNotHelpNow) {
  Given given;
  given.incidents =
      Tried(RecordedIncidentJson("2026-11-02T10:00:00Z", "2026-11-02T12:00:00Z", "Escalated"),
            "restart", "Failed")
          .dump();
  const json report = given.Report();
  EXPECT_THAT(Course(report),
              ElementsAre(HasSubstr("Acts: restart"), "StepFails: restart (restart) Failed",
                          HasSubstr("Escalates: "), "Closes: Escalated"))
      << report.dump(1);
  EXPECT_EQ(report["incidents"][0]["course"][3]["at"], "2026-11-02T12:00:00.000000Z");
}

TEST(ReplayTest, AnIncidentOfAProbeThatThePolicyHasNotIsNotMatched) {
  Given given;
  json incident = RecordedIncidentJson("2026-11-02T10:00:00Z", "", "");
  incident["spec"]["trigger"]["name"] = "memory";
  given.incidents = incident.dump();
  const json report = given.Report();
  ASSERT_EQ(report["unmatched"].size(), 1u);
  EXPECT_EQ(report["unmatched"][0]["why"], "policy shop/redis has no probe memory");
}

TEST(ReplayTest, ABlockedIllnessEndsJustBeforeTheNextOneOfTheTarget) {
  Given given;
  given.policies = {With(kPolicy, "mode: Auto", "mode: Observe")};
  json second = RecordedIncidentJson("2026-11-02T15:00:00Z", "2026-11-02T15:00:09Z", "AutoHealed");
  second["metadata"]["name"] = "redis-12345678-2";
  second["status"]["detectedAt"] = "2026-11-02T15:00:02Z";
  given.incidents =
      RecordedIncidentJson("2026-11-02T10:00:00Z", "2026-11-02T10:00:09Z", "AutoHealed").dump() +
      second.dump();
  const json report = given.Report();
  ASSERT_EQ(report["incidents"].size(), 2u) << report.dump(1);
  EXPECT_EQ(report["incidents"][0]["outcome"], "SelfResolved");
  EXPECT_EQ(report["incidents"][0]["course"].back()["at"], "2026-11-02T14:59:59.999000Z");
  EXPECT_EQ(report["incidents"][1]["at"], "2026-11-02T15:00:02.000000Z");
  EXPECT_FALSE(report["incidents"][1].contains("outcome"));
}

TEST(ReplayTest, TheSameInputGivesTheSameReport) {
  Given given;
  given.alerts = Fires("2026-11-02T10:00:00Z") + Fires("2026-11-02T10:00:00Z", "x", "Other");
  given.incidents = RecordedIncidentJson("2026-11-02T12:00:00Z", "", "").dump();
  EXPECT_EQ(given.Report(), given.Report());
}

// --- what is read
// -----------------------------------------------------------------------------------------------

TEST(ReplayRecordTest, SalvesOwnLogAndItsSignalsAreRead) {
  Given given;
  given.history =
      R"({"time":"2026-11-02T09:59:00Z","level":"info","msg":"starting"})"
      "\n"
      R"({"time":"2026-11-02T10:00:01Z","level":"info","msg":"alert taken in","receiver":"alertmanager","policy":"shop/redis","state":"Firing","since":"2026-11-02T10:00:00Z","told":true,"severity":"Critical","alert":"down","labels":"{\"alertname\":\"RedisDown\",\"container\":\"redis\"}"})"
      "\n"
      R"([{"fingerprint":"00","state":"Cleared","since":"2026-11-02T10:07:00Z","receivedAt":"2026-11-02T10:07:05Z","labels":{"alertname":"RedisDown","container":"redis","__receiver__":"alertmanager"}}])";
  const auto record = given.Read();
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->others, 1);
  ASSERT_EQ(record->alerts.size(), 2u);
  EXPECT_EQ(record->AlertOf(record->alerts[0]).receiver, "alertmanager");
  EXPECT_FALSE(record->alerts[1].firing);
  EXPECT_EQ(record->texts[record->alerts[1].text].labels.count("__receiver__"), 0u);
  EXPECT_THAT(Course(given.Report()),
              ElementsAre(HasSubstr("Acts: restart"), "Closes: AutoHealed"));
}

TEST(ReplayRecordTest, AListOfIncidentsIsReadInJsonAndInYaml) {
  const json list = {{"apiVersion", "v1"},
                     {"kind", "List"},
                     {"items", json::array({RecordedIncidentJson("2026-11-02T10:00:00Z", "", "")})},
                     {"metadata", json::object()}};
  for (const std::string& text : {list.dump(4), list.dump(), apis::yaml::Emit(list)}) {
    Given given;
    given.incidents = text;
    const auto record = given.Read();
    ASSERT_TRUE(record.ok()) << record.status() << "\n" << text;
    EXPECT_EQ(record->incidents.size(), 1u);
  }
}

TEST(ReplayRecordTest, UnsortedTimesAreSortedAndCounted) {
  Given given;
  given.alerts = Fires("2026-11-02T12:00:00Z", "redis", "B") + Fires("2026-11-02T10:00:00Z");
  const auto record = given.Read();
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->out_of_order, 1);
  EXPECT_EQ(FormatTime(record->First()), "2026-11-02T10:00:00Z");
}

TEST(ReplayRecordTest, FromAndToLeaveTheRestOut) {
  Given given;
  given.alerts = Fires("2026-11-02T10:00:00Z") + Fires("2026-11-03T10:00:00Z", "redis", "B");
  given.options.from = ParseTime("2026-11-03T00:00:00Z");
  const auto record = given.Read();
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->alerts.size(), 1u);
  EXPECT_EQ(record->outside, 1);
}

struct BadRecord {
  const char* name;
  RecordKind kind;
  std::string text;
  const char* says;
};

TEST(ReplayRecordTest, WhatIsBrokenIsNamedWithItsLine) {
  const std::string good = Fires("2026-11-02T10:00:00Z");
  const BadRecord cases[] = {
      {"an empty file", RecordKind::kHistory, "", "nothing to replay"},
      {"white space", RecordKind::kHistory, " \n\n ", "nothing to replay"},
      {"a line that is cut off", RecordKind::kAlertmanagerLog, good + R"({"alerts": [{"sta)",
       "f:2: the object that begins here has no end"},
      {"a string that the line ends", RecordKind::kAlertmanagerLog,
       good + "{\"alerts\": \"x\n" + good, "f:2: the line ends within a string"},
      {"a brace that is missing", RecordKind::kAlertmanagerLog, good + "{\"alerts\": []\n" + good,
       "f:3: unexpected {; the object that begins in line 2 has no end"},
      {"a bracket that does not fit", RecordKind::kHistory, good + "{\"a\": [}\n",
       "f:2: unexpected }"},
      {"no JSON within brackets", RecordKind::kHistory, good + good + "{nonsense}\n", "f:3: "},
      {"text between the lines", RecordKind::kHistory, good + "and then\n",
       "f:2: expected an object"},
      {"numbers", RecordKind::kHistory, "[1, 2]", "f:1: expected an object"},
      {"deep nesting", RecordKind::kHistory, "{\"a\":" + std::string(100'000, '['),
       "nested deeper than 64"},
      {"a pod", RecordKind::kIncidents, R"({"kind":"Pod"})",
       "f:1: expected an Incident, found a Pod"},
      {"a pod in a history", RecordKind::kHistory, R"({"kind":"Pod"})", "but a Pod"},
      {"an incident without time", RecordKind::kIncidents,
       R"({"kind":"Incident","spec":{"target":{"name":"x"}}})", "f:1: neither spec.trigger.at"},
      {"an incident of the wrong shape", RecordKind::kIncidents, R"({"kind":"Incident","spec":[]})",
       "f:1: "},
      {"an incident in a log of alerts", RecordKind::kAlertmanagerLog, R"({"kind":"Incident"})",
       "read it with --incidents"},
      {"a payload of the wrong shape", RecordKind::kAlertmanagerLog, R"({"alerts":[{"labels":1}]})",
       "f:1: "},
      {"a payload without times", RecordKind::kAlertmanagerLog,
       R"({"alerts":[{"status":"firing","labels":{"a":"b"}}]})", "says when it was"},
      {"a time that is none", RecordKind::kHistory,
       R"({"fingerprint":"x","state":"Firing","since":"yesterday","labels":{"a":"b"}})",
       "since \"yesterday\" is no time"},
      {"a time in the far future", RecordKind::kAlertmanagerLog, Fires("2261-12-31T10:00:00Z"),
       "f:1: 2261-12-31T10:00:00Z lies too far in the future"},
      {"YAML that is none", RecordKind::kIncidents, "a: b: c", "f: line 1"},
  };
  for (const BadRecord& one : cases) {
    RecordReader reader({});
    std::istringstream in(one.text);
    Status status = reader.Read(one.kind, in, "f");
    if (status.ok()) status = reader.Finish().status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << one.name;
    EXPECT_THAT(status.message(), HasSubstr(one.says)) << one.name;
  }
}

TEST(ReplayPiecesTest, AnObjectThatIsTooLargeIsRefusedWhereItBegins) {
  std::istringstream in("{}\n{\"a\":\"" + std::string(kMaxPieceBytes, 'x') + "\"}\n");
  const Status status =
      ReadPieces(in, "f", [](const json&, const std::string&) { return Status::Ok(); });
  EXPECT_THAT(status.message(), HasSubstr("f:2: the object that begins here is larger than 4 MB"));
}

TEST(ReplayPiecesTest, PiecesOfEveryShapeAreFoundWithTheirLines) {
  std::istringstream in(
      "{\"a\":\"}]\\\"{\"}\n"
      "[{\"b\":1},\n {\"b\":2}]\n"
      "{\"kind\":\"List\",\n\"items\": [\n{\"c\":{\"items\":[3]}}\n,\n{\"c\":4}],\"x\":[1]}\n");
  std::vector<std::string> found;
  const Status status = ReadPieces(in, "f", [&](const json& piece, const std::string& where) {
    found.push_back(where + " " + piece.dump());
    return Status::Ok();
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(found, ElementsAre("f:1 {\"a\":\"}]\\\"{\"}", "f:2 {\"b\":1}", "f:3 {\"b\":2}",
                                 "f:6 {\"c\":{\"items\":[3]}}", "f:8 {\"c\":4}",
                                 "f:4 {\"items\":[],\"kind\":\"List\",\"x\":[1]}"));
}

// --- expectations
// -----------------------------------------------------------------------------------------------

TEST(ReplayExpectationTest, WhatWasWrittenHoldsAndAStricterPolicyBreaksIt) {
  Given given;
  given.alerts = Fires("2026-11-02T10:00:00Z") + Fires("2026-11-02T10:00:00Z", "x", "Other");
  const json expectation = ReplayExpectation(given.Report());
  const auto same = CompareReplay(json::parse(expectation.dump()), given.Report());
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_THAT(*same, IsEmpty());

  given.policies = {With(kPolicy, "mode: Auto", "mode: Approve")};
  const auto changed = CompareReplay(expectation, given.Report());
  ASSERT_TRUE(changed.ok());
  ASSERT_EQ(changed->size(), 1u);
  EXPECT_EQ((*changed)[0].where, "shop/redis redis 2026-11-02T10:00:00.000000Z");
  EXPECT_THAT((*changed)[0].missing,
              ElementsAre(HasSubstr("Acts: restart"), HasSubstr("Closes: AutoHealed")));
  EXPECT_THAT((*changed)[0].unexpected, ElementsAre(HasSubstr("NeedsApproval: restart"),
                                                    HasSubstr("Escalates: ApprovalExpired")));
}

TEST(ReplayExpectationTest, AnAlertThatIsNotMatchedAnyMoreIsADifference) {
  Given given;
  given.alerts = Fires("2026-11-02T10:00:00Z");
  const json expectation = ReplayExpectation(given.Report());
  given.policies = {With(kPolicy, "RedisDown", "ValkeyDown")};
  const auto changed = CompareReplay(expectation, given.Report());
  ASSERT_TRUE(changed.ok());
  ASSERT_EQ(changed->size(), 2u);
  EXPECT_EQ((*changed)[0].where, "no policy");
  EXPECT_THAT((*changed)[0].unexpected, ElementsAre(HasSubstr("alert RedisDown")));
  EXPECT_THAT((*changed)[1].unexpected, IsEmpty());
}

TEST(ReplayExpectationTest, AnotherObjectIsNoExpectation) {
  for (const char* text : {"{}", R"({"kind":"Replay","apiVersion":"replay.salve.dev/v1alpha1"})",
                           "[]", R"({"kind":"ReplayExpectation","apiVersion":"v9"})"}) {
    EXPECT_EQ(CompareReplay(json::parse(text), json::object()).code(), Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace salve::replay
