// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include "controller/cli/export.h"
#include "controller/cli/incidents.h"
#include "controller/cli/jsonpath.h"
#include "controller/cli/kubeconfig.h"
#include "controller/cli/merge.h"
#include "controller/cli/next.h"
#include "controller/cli/output.h"
#include "controller/cli/pauses.h"
#include "controller/cli/resources.h"
#include "controller/cli/session.h"
#include "controller/cli/usage.h"
#include "controller/cli/wait_for.h"
#include "controller/commands/exit_codes.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"

namespace salve::cli {
namespace {

const Json kObject = {
    {"metadata", {{"name", "redis"}, {"generation", 2}, {"labels", {{"salve.dev/policy", "p"}}}}},
    {"status",
     {{"count", 3},
      {"conditions",
       {{{"type", "Ready"}, {"status", "True"}, {"observedGeneration", 2}},
        {{"type", "Paused"}, {"status", "False"}, {"observedGeneration", 1}}}}}}};

std::string Eval(const std::string& path) {
  const auto parsed = JsonPath::Parse(path);
  return parsed.ok() ? parsed->Evaluate(kObject) : "error";
}

TEST(JsonPath, FindsWhatScriptsAskFor) {
  EXPECT_EQ(Eval("{.metadata.name}"), "redis");
  EXPECT_EQ(Eval(".metadata.name"), "redis");
  EXPECT_EQ(Eval("{.status.count}"), "3");
  EXPECT_EQ(Eval("{.status.conditions[0].type}"), "Ready");
  EXPECT_EQ(Eval("{.status.conditions[-1].type}"), "Paused");
  EXPECT_EQ(Eval("{.status.conditions[*].type}"), "Ready Paused");
  EXPECT_EQ(Eval("{.status.conditions[?(@.type==\"Paused\")].status}"), "False");
  EXPECT_EQ(Eval("{.metadata.labels.salve\\.dev/policy}"), "p");
  EXPECT_EQ(Eval("{.metadata.labels['salve.dev/policy']}"), "p");
  EXPECT_EQ(Eval("{range .status.conditions[*]}{.type}={.status}{\"\\n\"}{end}"),
            "Ready=True\nPaused=False\n");
}

TEST(JsonPath, WhatIsNotThereGivesNothing) { EXPECT_EQ(Eval("a{.status.nothing.at.all}b"), "ab"); }

TEST(JsonPath, RefusesWhatItDoesNotUnderstand) {
  for (const char* bad : {"{.a", "{range .a}x", "{end}", "{.a[?(x)]}", "{.a[}", "{\"x}"}) {
    EXPECT_FALSE(JsonPath::Parse(bad).ok()) << bad;
  }
}

TEST(WaitFor, AConditionHoldsOnlyForTheGenerationThatIsThere) {
  EXPECT_TRUE(WaitFor::Parse("condition=ready")->Holds(&kObject));
  EXPECT_FALSE(WaitFor::Parse("condition=Paused=False")->Holds(&kObject))
      << "observed on generation 1 of 2";
  EXPECT_FALSE(WaitFor::Parse("condition=Ready=False")->Holds(&kObject));
  EXPECT_FALSE(WaitFor::Parse("condition=Ready")->Holds(nullptr));
  EXPECT_TRUE(WaitFor::Parse("delete")->Holds(nullptr));
  EXPECT_FALSE(WaitFor::Parse("delete")->Holds(&kObject));
  EXPECT_TRUE(WaitFor::Parse("jsonpath={.status.count}=3")->Holds(&kObject));
  EXPECT_FALSE(WaitFor::Parse("jsonpath={.status.count}=4")->Holds(&kObject));
  EXPECT_FALSE(WaitFor::Parse("ready").ok());
}

TEST(ThreeWayPatch, ChangesAddsAndRemovesOnlyWhatWasApplied) {
  const Json last = {{"spec", {{"a", 1}, {"gone", 1}}}};
  const Json wanted = {{"spec", {{"a", 2}, {"list", {1, 2}}}}};
  const Json live = {{"spec", {{"a", 1}, {"gone", 1}, {"list", {1}}, {"foreign", true}}}};
  const Json expected = {{"spec", {{"a", 2}, {"list", {1, 2}}, {"gone", nullptr}}}};
  EXPECT_EQ(ThreeWayPatch(last, wanted, live), expected);
  Json patched = live;
  patched.merge_patch(expected);
  EXPECT_EQ(ThreeWayPatch(wanted, wanted, patched), Json::object())
      << "a second apply has nothing to do";
}

TEST(ThreeWayPatch, RemembersWhatWasAppliedWhereKubectlDoes) {
  const Json object = {{"metadata", {{"name", "x"}}}, {"spec", {{"a", 1}}}};
  const Json stored = WithLastApplied(object);
  EXPECT_EQ(stored["metadata"]["annotations"].count(kLastApplied), 1u);
  EXPECT_EQ(LastApplied(stored)["spec"], object["spec"]);
  EXPECT_TRUE(LastApplied(object).is_null());
}

TEST(Export, LeavesOutWhatTheServerSets) {
  Json object =
      WithLastApplied({{"metadata", {{"name", "x"}, {"uid", "u"}, {"resourceVersion", "7"}}},
                       {"spec", {{"a", 1}}},
                       {"status", {{"b", 1}}}});
  const Json expected = {{"metadata", {{"name", "x"}}}, {"spec", {{"a", 1}}}};
  EXPECT_EQ(WithoutServerFields(object, false), expected);
}

TEST(Resources, AWordMeansAKindByAnyOfItsNames) {
  for (const char* word : {"incidents", "incident", "Incident", "inc", "incident.salve.dev",
                           "incidents.v1alpha1.salve.dev"}) {
    const auto found = Find(KnownTypes(), word);
    ASSERT_EQ(found.size(), 1u) << word;
    EXPECT_EQ(found[0].Prefix(), "incident.salve.dev");
  }
  EXPECT_EQ(Find(KnownTypes(), "healing").size(), 4u);
  EXPECT_TRUE(Find(KnownTypes(), "incidents.other.dev").empty());
}

TEST(Resources, ArgumentsAreATypeWithNamesOrPairs) {
  EXPECT_EQ(ParseWanted({"inc", "a", "b"})->front().names.size(), 2u);
  EXPECT_EQ(ParseWanted({"inc/a", "healpol/b"})->size(), 2u);
  const std::vector<std::vector<std::string>> refused = {{},       {"inc", "x/y"}, {"inc/a", "b"},
                                                         {"inc/"}, {"/a"},         {"a/b/c"}};
  for (const auto& bad : refused) EXPECT_FALSE(ParseWanted(bad).ok());
}

TEST(Session, DurationsAreThoseOfKubectl) {
  EXPECT_EQ(*ParseDuration("90s"), std::chrono::seconds(90));
  EXPECT_EQ(*ParseDuration("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(*ParseDuration("250ms"), std::chrono::milliseconds(250));
  EXPECT_EQ(*ParseDuration("5"), std::chrono::seconds(5));
  for (const char* bad : {"", "s", "-1s", "1x", "1s5", "99999999999s"})
    EXPECT_FALSE(ParseDuration(bad).ok()) << bad;
}

TEST(Session, ErrorsHaveTheDocumentedExitCodes) {
  EXPECT_EQ(ExitCodeOf(NotFoundError("")), commands::kExitNotFound);
  EXPECT_EQ(ExitCodeOf(PermissionDeniedError("")), commands::kExitDenied);
  EXPECT_EQ(ExitCodeOf(UnauthenticatedError("")), commands::kExitDenied);
  EXPECT_EQ(ExitCodeOf(ConflictError("")), commands::kExitConflict);
  EXPECT_EQ(ExitCodeOf(UnavailableError("")), commands::kExitUnreachable);
  EXPECT_EQ(ExitCodeOf(DeadlineExceededError("")), commands::kExitTimeout);
  EXPECT_EQ(ExitCodeOf(InternalError("")), commands::kExitFailure);
}

TEST(Output, TablesHideWideColumnsAndControlCharacters) {
  const Json table = {
      {"columnDefinitions", {{{"name", "Name"}}, {{"name", "Age"}, {"priority", 1}}}},
      {"rows", {{{"cells", {"a\x1b[31m", "1d"}}}}}};
  EXPECT_EQ(TableRows(table, {}).back().size(), 1u);
  TableStyle wide;
  wide.wide = true;
  EXPECT_EQ(TableRows(table, wide).back().size(), 2u);
  EXPECT_EQ(TableRows(table, {}).back()[0].find('\x1b'), std::string::npos);
  EXPECT_EQ(FormatColumns({{"A", "B"}, {"long", "x"}}), "A      B\nlong   x\n");
}

TEST(Output, UnknownFormatsAreRefused) {
  EXPECT_FALSE(ParseOutput("xml").ok());
  EXPECT_FALSE(ParseOutput("jsonpath={").ok());
  EXPECT_TRUE(ParseOutput("wide").ok());
}

TEST(Pauses, OnlyOwnEntriesAreChanged) {
  const Json others = Json::array({{{"name", "freeze"}}});
  const Json once = AddPause(others, PauseName("Alice@Example.com"), "why", "");
  EXPECT_EQ(once.back()["name"], "cli-alice-example-com");
  EXPECT_EQ(AddPause(once, "cli-alice-example-com", "", "2030-01-01T00:00:00Z").size(), 2u)
      << "replaced";
  EXPECT_EQ(RemovePauses(once), others);
  EXPECT_EQ(RemovePauses(once, "freeze").size(), 1u) << "named: whoever made it";
}

TEST(Pauses, ThoseThatAreOverHoldNothing) {
  const Json pauses = {{{"name", "over"}, {"until", "2026-01-01T00:00:00Z"}},
                       {{"name", "freeze"}, {"reason", "new disks"}}};
  EXPECT_THAT(PausesInForce(pauses, *ParseTime("2026-01-02T00:00:00Z")),
              ::testing::ElementsAre("\"freeze\" (new disks)"));
}

TEST(Incidents, TheNewestOpenOneIsMeant) {
  std::vector<v1::Incident> incidents(3);
  for (std::size_t i = 0; i < 3; ++i) {
    incidents[i].metadata.creation_timestamp = "2026-01-0" + std::to_string(i + 1) + "T00:00:00Z";
  }
  incidents[2].status.phase = "Resolved";
  EXPECT_EQ(NewestOpen(incidents), &incidents[1]);
}

TEST(Resources, OneArgumentNamesATypeOrANamespace) {
  EXPECT_EQ(ParseNamed("redis-1")->name, "redis-1");
  EXPECT_EQ(ParseNamed("incident/redis-1")->type, "incident");
  EXPECT_EQ(ParseNamed("shop/redis-1")->ns, "shop");
  for (const char* bad : {"", "/a", "a/", "a/b/c"}) EXPECT_FALSE(ParseNamed(bad).ok()) << bad;
}

// --- the kubeconfig
// ---------------------------------------------------------------------------------------------

KubeconfigWorld World(const std::map<std::string, std::string>& env,
                      const std::set<std::string>& files) {
  return {[env](const std::string& name) -> std::optional<std::string> {
            const auto it = env.find(name);
            if (it == env.end()) return std::nullopt;
            return it->second;
          },
          [files](const std::string& path) { return files.count(path) != 0; }};
}

TEST(Kubeconfig, TheFlagThenTheVariableThenTheHomeThenStandaloneIsTaken) {
  const std::set<std::string> all = {"/f", "/v", "/h/.kube/config", kStandaloneKubeconfig};
  const std::map<std::string, std::string> env = {{"KUBECONFIG", "/v"}, {"HOME", "/h"}};
  EXPECT_EQ(FindKubeconfig("/f", World(env, all))->path, "/f");
  EXPECT_EQ(FindKubeconfig("", World(env, all))->path, "/v");
  EXPECT_EQ(FindKubeconfig("", World({{"HOME", "/h"}}, all))->path, "/h/.kube/config");
  EXPECT_EQ(FindKubeconfig("", World({{"HOME", "/h"}}, {kStandaloneKubeconfig}))->path,
            kStandaloneKubeconfig);
}

TEST(Kubeconfig, WithoutOneTheMessageSaysWhatWasTriedAndWhatToDo) {
  const Status none = FindKubeconfig("", World({{"HOME", "/h"}}, {})).status();
  EXPECT_EQ(ExitCodeOf(none), commands::kExitFailure) << "3 would be an object that is not there";
  for (const char* word : {"--kubeconfig", "$KUBECONFIG", "/h/.kube/config", kStandaloneKubeconfig,
                           "salve standalone"}) {
    EXPECT_THAT(none.message(), ::testing::HasSubstr(word));
  }
  const Status near =
      FindKubeconfig("", World({{"HOME", "/h"}}, {"/h/.salve/kubeconfig"})).status();
  EXPECT_THAT(near.message(), ::testing::HasSubstr("export KUBECONFIG=/h/.salve/kubeconfig"));
  const Status named = FindKubeconfig("", World({{"KUBECONFIG", "/gone"}}, {})).status();
  EXPECT_THAT(named.message(), ::testing::HasSubstr("/gone (from $KUBECONFIG)"));
}

// --- what to do next
// --------------------------------------------------------------------------------------------

v1::Incident Blocked(const std::string& gate, const std::string& reason, const std::string& message,
                     const std::string& unblocked_by) {
  v1::Incident incident;
  incident.metadata.ns = "shop";
  incident.metadata.name = "redis-1";
  incident.spec.policy_ref.name = "redis";
  incident.status.phase = "Blocked";
  incident.status.proposal.emplace().digest = std::string(64, 'a');
  incident.status.proposal->risk.level = "High";
  incident.status.proposal->action = "restart";
  incident.status.gates = {{"KillSwitch", "Pass", "Enabled", "on", "", ""},
                           {gate, "Block", reason, message, "", unblocked_by}};
  return incident;
}

std::string CommandFor(const v1::Incident& incident) {
  const auto steps = NextSteps(incident, nullptr, {"default", *ParseTime("2026-01-01T00:00:00Z")});
  return steps.size() == 1 ? steps[0].command : std::to_string(steps.size()) + " steps";
}

TEST(Next, EveryGateThatAPersonCanOpenHasTheCommandForIt) {
  struct Row {
    const char* gate;
    const char* reason;
    const char* message;
    const char* unblocked_by;
    const char* command;
  };
  const Row rows[] = {
      {"Paused", "PausedByPolicy", "pause", "", "salve resume redis -n shop"},
      {"Paused", "PausedByGuardrail", "", "an administrator ends the pause in guardrail prod",
       R"(salve patch healingguardrail prod -p '{"spec":{"paused":false}}')"},
      {"Mode", "Observe", "mode is Observe (set by policy): Salve watches", "",
       R"(salve patch healingpolicy redis -p '{"spec":{"mode":"Approve"}}' -n shop)"},
      {"Mode", "DryRun", "mode is DryRun (set by guardrail prod): shown", "",
       R"(salve patch healingguardrail prod -p '{"spec":{"maxMode":"Approve"}}')"},
      {"BackendAvailable", "BackendUnavailable", "", "", "salve preflight"},
      {"SignalStillActive", "Healthy", "", "", ""},
      {"Dependency", "DependencyDown", "", "policy db is healthy again",
       "salve why healingpolicy/db -n shop"},
      {"Window", "WindowClosed", "", "the window ends", ""},
      {"Window", "WindowClosedBreakGlass", "", "",
       "salve approve redis-1 --digest aaaaaaaaaaaa -n shop"},
      {"Cooldown", "CoolingDown", "", "",
       R"(salve patch healingpolicy redis -p '{"spec":{"guardrails":{"cooldownSeconds":0}}}' -n shop)"},
      {"Budget", "BudgetExhausted", "3 of 3 actions used within 1h (policy)", "",
       "salve patch healingpolicy redis -p "
       R"('{"spec":{"guardrails":{"maxActions":{"count":4}}}}' -n shop)"},
      {"Budget", "BudgetExhausted", "5 of 5 actions used within 1h (guardrail prod)", "",
       R"(salve patch healingguardrail prod -p '{"spec":{"maxActions":{"count":6}}}')"},
      {"Concurrency", "TooManyRunning", "", "incident redis-0 finishes",
       "salve why redis-0 -n shop"},
      {"RiskCeiling", "RiskTooHigh", "risk High is above the ceiling Low of guardrail prod", "",
       R"(salve patch healingguardrail prod -p '{"spec":{"maxRisk":"High"}}')"},
      {"AllowedAction", "ActionNotAllowed", "action restart is not allowed by guardrail prod", "",
       "salve patch healingguardrail prod --type json -p "
       R"('[{"op":"add","path":"/spec/allowedActions/-","value":"restart"}]')"},
      {"AllowedAction", "ProtectedTarget", "x is protected by guardrail prod (x)", "",
       "salve describe healingguardrail prod"},
      {"Confidence", "LowConfidence", "", "",
       "salve approve redis-1 --digest aaaaaaaaaaaa -n shop"},
      {"Approval", "ApprovalNeeded", "", "", "salve approve redis-1 --digest aaaaaaaaaaaa -n shop"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(CommandFor(Blocked(row.gate, row.reason, row.message, row.unblocked_by)), row.command)
        << row.gate << " " << row.reason;
  }
}

TEST(Next, EveryPauseInForceMustBeEndedInItsOwnWay) {
  v1::HealingPolicy policy;
  policy.metadata.name = "redis";
  policy.spec.pauses = {{"upgrade", "new disks", ""},
                        {"cli-alice", "", "2026-01-01T01:00:00Z"},
                        {"cli-bob", "", "2025-01-01T00:00:00Z"}};
  const auto steps = NextSteps(Blocked("Paused", "PausedByPolicy", "", ""), &policy,
                               {"shop", *ParseTime("2026-01-01T00:00:00Z")});
  ASSERT_EQ(steps.size(), 2u) << "one pause is over";
  EXPECT_EQ(steps[0].command, "salve resume redis --name upgrade");
  EXPECT_EQ(steps[1].command, "salve resume redis");
  EXPECT_EQ(steps[1].until, "2026-01-01T01:00:00Z");
}

TEST(Next, AnIncidentThatIsOverNeedsNobody) {
  v1::Incident incident = Blocked("Approval", "ApprovalNeeded", "", "");
  incident.status.phase = "Resolved";
  EXPECT_EQ(CommandFor(incident), "0 steps");
  incident.status.phase = "Escalated";
  incident.status.gates.clear();
  EXPECT_EQ(CommandFor(incident), "salve cancel redis-1 -n shop");
}

TEST(Next, NoNameFromOutsideBecomesACommandOfItsOwn) {
  v1::Incident incident = Blocked("Paused", "PausedByPolicy", "", "");
  incident.spec.policy_ref.name = "x; rm -rf $(y) 'z'";
  EXPECT_EQ(CommandFor(incident), R"(salve resume 'x; rm -rf $(y) '\''z'\''' -n shop)");
}

TEST(Usage, TheClosestWordIsAtMostTwoLettersAway) {
  EXPECT_EQ(ClosestWord("--follw", {"--follow", "--filename"}), "--follow");
  EXPECT_EQ(ClosestWord("pre", {"preflight", "report"}), "preflight");
  EXPECT_EQ(ClosestWord("xyz", {"get", "why"}), "");
}

}  // namespace
}  // namespace salve::cli
