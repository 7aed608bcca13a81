// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/gates.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/signals.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using testing::After;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Record;
using testing::Situation;

v1::HealingGuardrail Guardrail(const std::string& name) {
  v1::HealingGuardrail guardrail;
  guardrail.metadata.name = name;
  return guardrail;
}

v1::Window Window(const std::string& kind, const std::string& cron, std::int64_t seconds,
                  bool break_glass = false) {
  v1::Window window;
  window.kind = kind;
  window.cron = cron;
  window.duration_seconds = seconds;
  window.break_glass = break_glass;
  return window;
}

// What is done because its time has come.
void Scheduled(Situation& s, std::int64_t replicas) {
  s.incident.spec.trigger.source = kSourceSchedule;
  s.plan.action = Action{};
  s.plan.action.scale.emplace().replicas = replicas;
}

struct Case {
  std::string sentence;
  std::string gate;
  std::function<void(Situation&)> change;
  bool pass;
  std::string reason;
  std::string says = "";                   // part of the message
  std::optional<std::int64_t> until = {};  // seconds after now
};

std::ostream& operator<<(std::ostream& os, const Case& c) { return os << c.sentence; }

class GateTest : public ::testing::TestWithParam<Case> {};

TEST_P(GateTest, DecidesAsTheSentenceSays) {
  const Case& c = GetParam();
  Situation situation;
  c.change(situation);
  const std::vector<Gate> gates = situation.Gates();
  ASSERT_EQ(gates.size(), 18u) << "all gates are always evaluated";
  const Gate* gate = FindGate(gates, c.gate);
  ASSERT_NE(gate, nullptr);
  EXPECT_EQ(gate->pass, c.pass) << c.sentence << ": " << gate->reason << " " << gate->message;
  EXPECT_EQ(gate->reason, c.reason) << c.sentence;
  EXPECT_THAT(gate->message, HasSubstr(c.says)) << c.sentence;
  EXPECT_THAT(gate->message, Not(IsEmpty())) << "a gate always says why";
  if (c.until) {
    ASSERT_TRUE(gate->until) << c.sentence;
    EXPECT_EQ(FormatTime(*gate->until), FormatTime(After(*c.until))) << c.sentence;
  } else {
    EXPECT_FALSE(gate->until) << c.sentence;
  }
  if (!gate->pass) {
    EXPECT_THAT(gate->unblocked_by, Not(IsEmpty())) << "a block says what would open it";
    EXPECT_FALSE(AllPassed(gates));
  } else {
    EXPECT_TRUE(AllPassed(gates)) << "only the gate of this case is touched; also blocked: "
                                  << (Blocked(gates).empty() ? "" : Blocked(gates).front().name);
  }
}

std::vector<Case> Cases() {
  const auto nothing = [](Situation&) {};
  return {
      {"self-healing that is on passes", kGateKillSwitch, nothing, true, "Enabled"},
      {"the kill switch blocks", kGateKillSwitch,
       [](Situation& s) { s.input.self_heal_enabled = false; }, false, "Disabled",
       "SELF_HEAL_ENABLED"},

      {"a policy without pauses passes", kGatePaused, nothing, true, "NotPaused"},
      {"a pause without an end blocks without a time", kGatePaused,
       [](Situation& s) { s.policy.spec.pauses = {{"upgrade", "new disks", ""}}; }, false,
       "PausedByPolicy", "new disks"},
      {"a pause blocks until its end", kGatePaused,
       [](Situation& s) { s.policy.spec.pauses = {{"upgrade", "", FormatTime(After(60))}}; }, false,
       "PausedByPolicy", "upgrade", 60},
      {"of two pauses the later end counts", kGatePaused,
       [](Situation& s) {
         s.policy.spec.pauses = {{"a", "", FormatTime(After(60))},
                                 {"b", "", FormatTime(After(90))}};
       },
       false, "PausedByPolicy", "", 90},
      {"a pause that has ended passes", kGatePaused,
       [](Situation& s) { s.policy.spec.pauses = {{"upgrade", "", FormatTime(After(-1))}}; }, true,
       "NotPaused"},
      {"a pause whose end cannot be read blocks", kGatePaused,
       [](Situation& s) { s.policy.spec.pauses = {{"upgrade", "", "tomorrow"}}; }, false,
       "PausedByPolicy"},
      {"a guardrail's pause blocks", kGatePaused,
       [](Situation& s) {
         s.guardrails = {Guardrail("freeze")};
         s.guardrails[0].spec.paused = true;
       },
       false, "PausedByGuardrail", "freeze"},

      {"mode Auto passes", kGateMode, nothing, true, "Auto"},
      {"mode Approve passes, the approval gate asks", kGateMode,
       [](Situation& s) { s.policy.spec.mode = v1::kModeApprove; }, true, "Approve"},
      {"mode DryRun blocks", kGateMode, [](Situation& s) { s.policy.spec.mode = v1::kModeDryRun; },
       false, "DryRun"},
      {"mode Observe blocks", kGateMode,
       [](Situation& s) { s.policy.spec.mode = v1::kModeObserve; }, false, "Observe"},
      {"an unknown mode is Observe", kGateMode, [](Situation& s) { s.policy.spec.mode = "Yolo"; },
       false, "Observe"},
      {"a guardrail's maxMode makes the policy tighter", kGateMode,
       [](Situation& s) {
         s.guardrails = {Guardrail("careful")};
         s.guardrails[0].spec.max_mode = v1::kModeObserve;
       },
       false, "Observe", "guardrail careful"},
      {"a guardrail's maxMode never makes it looser", kGateMode,
       [](Situation& s) {
         s.policy.spec.mode = v1::kModeObserve;
         s.guardrails = {Guardrail("careful")};
         s.guardrails[0].spec.max_mode = v1::kModeAuto;
       },
       false, "Observe", "policy"},

      {"a backend that answers passes", kGateBackendAvailable, nothing, true, "Available"},
      {"a backend that is away blocks and says how", kGateBackendAvailable,
       [](Situation& s) { s.input.backend = UnavailableError("connecting: refused"); }, false,
       "BackendUnavailable", "connecting: refused"},

      {"a target that is still ill passes", kGateSignalStillActive, nothing, true,
       "StillUnhealthy"},
      {"a target that is healthy again blocks", kGateSignalStillActive,
       [](Situation& s) { s.input.health = testing::HealthOf(HealthState::kHealthy, 100); }, false,
       "Healthy"},
      {"a target that cannot be measured blocks", kGateSignalStillActive,
       [](Situation& s) { s.input.health = testing::HealthOf(HealthState::kUnknown, 0); }, false,
       "CouldNotMeasure", "blindly"},
      {"a target that is gone blocks", kGateSignalStillActive,
       [](Situation& s) { s.input.health = testing::HealthOf(HealthState::kMissing, 0); }, false,
       "TargetMissing"},

      {"no dependencies pass", kGateDependency, nothing, true, "NoDependencies"},
      {"a healthy dependency passes", kGateDependency,
       [](Situation& s) { s.input.dependencies = {{"db", true, HealthState::kHealthy, "", ""}}; },
       true, "DependenciesHealthy"},
      {"an ill dependency blocks", kGateDependency,
       [](Situation& s) { s.input.dependencies = {{"db", true, HealthState::kUnhealthy, "", ""}}; },
       false, "DependencyDown", "db"},
      {"a dependency that cannot be measured blocks", kGateDependency,
       [](Situation& s) { s.input.dependencies = {{"db", true, HealthState::kUnknown, "", ""}}; },
       false, "DependencyDown"},
      {"a dependency with an open incident blocks", kGateDependency,
       [](Situation& s) {
         s.input.dependencies = {{"db", true, HealthState::kHealthy, "db-1", ""}};
       },
       false, "DependencyDown", "db-1"},
      {"a dependency that does not exist blocks", kGateDependency,
       [](Situation& s) { s.input.dependencies = {{"db", false, HealthState::kUnknown, "", ""}}; },
       false, "DependencyUnknown", "db"},
      {"a dependency that sleeps blocks, and is said to sleep", kGateDependency,
       [](Situation& s) {
         s.input.dependencies = {
             {"db", true, HealthState::kUnknown, "", "asleep by schedule night", true}};
       },
       false, "DependencyAsleep", "asleep by schedule night"},
      {"what a schedule ends needs no dependency", kGateDependency,
       [](Situation& s) {
         Scheduled(s, 0);
         s.input.dependencies = {{"db", true, HealthState::kUnhealthy, "", ""}};
       },
       true, "Scheduled"},
      {"what a schedule brings back waits for its dependency", kGateDependency,
       [](Situation& s) {
         Scheduled(s, 3);
         s.input.dependencies = {{"db", true, HealthState::kUnhealthy, "", ""}};
       },
       false, "DependencyDown"},
      {"a target that is not as its schedule wants it passes", kGateSignalStillActive,
       [](Situation& s) { Scheduled(s, 0); }, true, "StillDue"},
      {"a target that is as its schedule wants it blocks", kGateSignalStillActive,
       [](Situation& s) {
         Scheduled(s, 0);
         s.input.health = testing::HealthOf(HealthState::kHealthy, 100);
       },
       false, "AsWanted"},
      {"a storm of illness does not hold a schedule", kGateStorm,
       [](Situation& s) {
         Scheduled(s, 0);
         s.input.targets_total = 10;
         s.input.targets_unhealthy = 9;
       },
       true, "Scheduled"},
      {"the rest after healing does not hold a schedule", kGateCooldown,
       [](Situation& s) {
         Scheduled(s, 0);
         s.input.records = {Record("1", -400, "Failed", -100)};
       },
       true, "Scheduled"},
      {"minAvailable does not hold a schedule", kGateMinAvailable,
       [](Situation& s) {
         Scheduled(s, 0);
         s.plan.takes_available = 3;
         s.policy.spec.guardrails.min_available = 2;
         s.input.observation->replicas = ReplicaCount{3, 3};
       },
       true, "Scheduled"},
      {"a spent budget holds a schedule", kGateBudget,
       [](Situation& s) {
         Scheduled(s, 0);
         s.policy.spec.guardrails.max_actions = {1, 3600};
         s.input.records = {Record("1", -400, "Failed", -100)};
       },
       false, "BudgetExhausted", "", 3200},

      {"no windows pass", kGateWindow, nothing, true, "Allowed"},
      {"a deny window blocks until it ends", kGateWindow,
       [](Situation& s) {
         s.policy.spec.guardrails.windows = {Window("Deny", "0 11 * * *", 7200)};
       },
       false, "WindowClosed", "denies", 3600},
      {"a deny window that is over passes", kGateWindow,
       [](Situation& s) {
         s.policy.spec.guardrails.windows = {Window("Deny", "0 11 * * *", 3600)};
       },
       true, "Allowed"},
      {"outside an allow window blocks until it opens", kGateWindow,
       [](Situation& s) {
         s.policy.spec.guardrails.windows = {Window("Allow", "30 12 * * *", 3600)};
       },
       false, "WindowClosed", "outside", 1800},
      {"inside an allow window passes", kGateWindow,
       [](Situation& s) {
         s.policy.spec.guardrails.windows = {Window("Allow", "0 12 * * *", 3600)};
       },
       true, "Allowed"},
      {"a break-glass window says that an approval overrides it", kGateWindow,
       [](Situation& s) {
         s.policy.spec.guardrails.windows = {Window("Deny", "0 11 * * *", 7200, true)};
       },
       false, "WindowClosedBreakGlass", "", 3600},
      {"an approval breaks the glass", kGateWindow,
       [](Situation& s) {
         s.policy.spec.guardrails.windows = {Window("Deny", "0 11 * * *", 7200, true)};
         s.input.approval.approvers = {"alice"};
       },
       true, "BreakGlass"},
      {"an approval does not open a window without break-glass", kGateWindow,
       [](Situation& s) {
         s.policy.spec.guardrails.windows = {Window("Deny", "0 11 * * *", 7200)};
         s.input.approval.approvers = {"alice"};
       },
       false, "WindowClosed", "", 3600},
      {"a window with a bad cron line blocks for ever", kGateWindow,
       [](Situation& s) { s.policy.spec.guardrails.windows = {Window("Deny", "what", 60, true)}; },
       false, "WindowClosed", "cannot be evaluated"},
      {"a guardrail's window counts as well", kGateWindow,
       [](Situation& s) {
         s.guardrails = {Guardrail("freeze")};
         s.guardrails[0].spec.windows = {Window("Deny", "0 11 * * *", 7200)};
       },
       false, "WindowClosed", "guardrail freeze", 3600},

      {"one ill target of one is no storm", kGateStorm, nothing, true, "NoStorm"},
      {"two of four are no storm because of the floor", kGateStorm,
       [](Situation& s) {
         s.input.targets_total = 4;
         s.input.targets_unhealthy = 2;
       },
       true, "NoStorm"},
      {"four of ten are not more than 40 %", kGateStorm,
       [](Situation& s) {
         s.input.targets_total = 10;
         s.input.targets_unhealthy = 4;
       },
       true, "NoStorm"},
      {"five of ten are a storm", kGateStorm,
       [](Situation& s) {
         s.input.targets_total = 10;
         s.input.targets_unhealthy = 5;
       },
       false, "Storm", "5 of 10"},
      {"a number instead of a percentage", kGateStorm,
       [](Situation& s) {
         s.policy.spec.guardrails.max_unhealthy = "3";
         s.input.targets_total = 100;
         s.input.targets_unhealthy = 4;
       },
       false, "Storm"},

      {"two failures keep the breaker closed", kGateBreaker,
       [](Situation& s) {
         s.input.records = {Record("1", -2000, "Failed", -1900),
                            Record("2", -1000, "Failed", -900)};
       },
       true, "Closed", "2 failures"},
      {"three failures in a row open it for an hour after the last", kGateBreaker,
       [](Situation& s) {
         s.policy.spec.guardrails.max_actions.count = 10;
         s.input.records = {Record("1", -3000, "Failed", -2900), Record("2", -2000, "Error", -1900),
                            Record("3", -1000, "Inconclusive", -900)};
       },
       false, "BreakerOpen", "3 attempts in a row failed", 2700},
      {"an hour after the last failure one try is allowed", kGateBreaker,
       [](Situation& s) {
         s.input.records = {Record("1", -9000, "Failed", -8900),
                            Record("2", -8000, "Failed", -7900),
                            Record("3", -4000, "Failed", -3600)};
       },
       true, "HalfOpen"},
      {"fixes that do not last open it as well", kGateBreaker,
       [](Situation& s) {
         s.policy.spec.guardrails.max_actions.count = 10;
         s.input.ill_since = After(-10);
         s.input.records = {Record("1", -3000, "Successful", -2990),
                            Record("2", -2000, "Successful", -1990),
                            Record("3", -1000, "Successful", -990)};
       },
       false, "BreakerOpen", "did not last", 2610},
      {"fixes that lasted do not", kGateBreaker,
       [](Situation& s) {
         s.input.ill_since = After(-10);
         s.input.records = {Record("1", -30000, "Successful", -29990),
                            Record("2", -20000, "Successful", -19990),
                            Record("3", -10000, "Successful", -9990)};
       },
       true, "Closed"},
      {"a guardrail's tighter breaker counts", kGateBreaker,
       [](Situation& s) {
         s.guardrails = {Guardrail("g")};
         s.guardrails[0].spec.breaker = v1::Breaker{1, 1, 7200};
         s.input.records = {Record("1", -3000, "Failed", -2900)};
       },
       false, "BreakerOpen", "", 4300},

      {"a target that has rested passes", kGateCooldown,
       [](Situation& s) { s.input.records = {Record("1", -400, "Failed", -300)}; }, true, "Rested"},
      {"an action of another incident just before blocks", kGateCooldown,
       [](Situation& s) { s.input.records = {Record("1", -400, "Failed", -100)}; }, false,
       "CoolingDown", "", 200},
      {"the steps of one ladder follow each other at once", kGateCooldown,
       [](Situation& s) {
         s.input.records = {Record("1", -400, "Failed", -100, s.incident.metadata.name)};
       },
       true, "Rested"},
      {"another target's actions do not count", kGateCooldown,
       [](Situation& s) {
         s.input.records = {Record("1", -400, "Failed", -100)};
         s.input.records[0].target = "other";
       },
       true, "Rested"},
      {"a record of the future counts as just now", kGateCooldown,
       [](Situation& s) { s.input.records = {Record("1", 9000, "Failed", 9100)}; }, false,
       "CoolingDown", "", 300},

      {"two of three actions pass", kGateBudget,
       [](Situation& s) {
         s.policy.spec.guardrails.cooldown_seconds = 0;
         s.input.records = {Record("1", -3000, "Successful", -2990),
                            Record("2", -2000, "NotExecuted", -1990)};
       },
       true, "WithinBudget", "2 of 3"},
      {"the budget counts reservations of every target", kGateBudget,
       [](Situation& s) {
         s.input.records = {Record("1", -3000, "Successful", -2990), Record("2", -2000, "", 0),
                            Record("3", -1000, "NotExecuted", -990)};
         for (v1::ActionRecord& record : s.input.records) record.target = "other";
       },
       false, "BudgetExhausted", "3 of 3", 600},
      {"an action that has left the window is free again", kGateBudget,
       [](Situation& s) {
         s.input.records = {Record("1", -3600, "Successful", -3590),
                            Record("2", -2000, "Successful", -1990),
                            Record("3", -1000, "NotExecuted", -990)};
       },
       true, "WithinBudget", "2 of 3"},
      {"a guardrail's budget counts over all policies", kGateBudget,
       [](Situation& s) {
         s.guardrails = {Guardrail("g")};
         s.guardrails[0].spec.max_actions = v1::ActionBudget{1, 600};
         s.guardrails[0].status.actions = {{"other/policy", "x", FormatTime(After(-100))}};
       },
       false, "BudgetExhausted", "guardrail g", 500},

      {"nobody else acting passes", kGateConcurrency, nothing, true, "Free"},
      {"a foreign lease blocks until it ends", kGateConcurrency,
       [](Situation& s) {
         s.input.lease_holder = "other-controller";
         s.input.lease_until = After(15);
       },
       false, "LeaseHeld", "other-controller", 15},
      {"another acting incident blocks at maxConcurrent 1", kGateConcurrency,
       [](Situation& s) { s.input.running_incidents = {"i-2"}; }, false, "TooManyRunning"},
      {"at maxConcurrent 2 it does not", kGateConcurrency,
       [](Situation& s) {
         s.policy.spec.guardrails.max_concurrent = 2;
         s.input.running_incidents = {"i-2"};
       },
       true, "Free"},

      {"the only target may be restarted in spite of minAvailable", kGateMinAvailable,
       [](Situation& s) { s.policy.spec.guardrails.min_available = 1; }, true, "EnoughLeft"},
      {"one of three may not while no other is healthy", kGateMinAvailable,
       [](Situation& s) {
         s.policy.spec.guardrails.min_available = 1;
         s.input.targets_total = 3;
         s.input.targets_unhealthy = 2;
         s.input.targets_healthy = 0;
       },
       false, "TooFewAvailable"},
      {"one that serves nothing any more may", kGateMinAvailable,
       [](Situation& s) {
         s.policy.spec.guardrails.min_available = 1;
         s.input.targets_total = 3;
         s.input.targets_unhealthy = 2;
         s.input.observation->running = false;
       },
       true, "NothingTaken"},
      {"an action that interrupts nothing may", kGateMinAvailable,
       [](Situation& s) {
         s.policy.spec.guardrails.min_available = 1;
         s.input.targets_total = 3;
         s.input.targets_unhealthy = 2;
         s.plan = testing::PlanOf(testing::Flush());
       },
       true, "NothingTaken"},

      {"any action passes without a list", kGateAllowedAction, nothing, true, "Allowed"},
      {"an action that is not on a guardrail's list blocks", kGateAllowedAction,
       [](Situation& s) {
         s.guardrails = {Guardrail("g")};
         s.guardrails[0].spec.allowed_actions = {"start"};
       },
       false, "ActionNotAllowed", "guardrail g"},
      {"two lists leave what is on both", kGateAllowedAction,
       [](Situation& s) {
         s.guardrails = {Guardrail("a"), Guardrail("b")};
         s.guardrails[0].spec.allowed_actions = {"start", "restart"};
         s.guardrails[1].spec.allowed_actions = {"start"};
       },
       false, "ActionNotAllowed", "guardrail a, guardrail b"},
      {"a protected target blocks whatever the action", kGateAllowedAction,
       [](Situation& s) {
         s.guardrails = {Guardrail("g")};
         s.guardrails[0].spec.protected_targets = {"docker/redis-*"};
       },
       false, "ProtectedTarget", "docker/redis-*"},
      {"exec is refused unless something allows it", kGateAllowedAction,
       [](Situation& s) {
         Action action;
         action.exec.emplace().argv = {"nginx", "-s", "reload"};
         s.plan = testing::PlanOf(action);
       },
       false, "CommandNotAllowed"},
      {"exec of an argv that the configuration allows passes", kGateAllowedAction,
       [](Situation& s) {
         Action action;
         action.exec.emplace().argv = {"nginx", "-s", "reload"};
         s.plan = testing::PlanOf(action);
         s.exec_allow = {{"nginx", "-s", "/reload|reopen/"}};
       },
       true, "Allowed"},
      {"an action without a member blocks", kGateAllowedAction,
       [](Situation& s) { s.plan = testing::PlanOf(Action{}); }, false, "UnknownAction"},

      {"medium risk is within the usual ceiling", kGateRiskCeiling, nothing, true,
       "WithinAutoRisk"},
      {"high risk passes here, the approval gate asks", kGateRiskCeiling,
       [](Situation& s) { s.input.risk.level = v1::kRiskHigh; }, true, "NeedsApproval"},
      {"a guardrail's maxRisk is a hard ceiling", kGateRiskCeiling,
       [](Situation& s) {
         s.guardrails = {Guardrail("g")};
         s.guardrails[0].spec.max_risk = v1::kRiskLow;
       },
       false, "RiskTooHigh", "guardrail g"},

      {"what cannot be undone passes where that is not asked for", kGateReversibility, nothing,
       true, "NotRequired"},
      {"what cannot be undone blocks under reversibleOnly", kGateReversibility,
       [](Situation& s) { s.policy.spec.guardrails.reversible_only = true; }, false,
       "Irreversible"},
      {"what can be undone passes under reversibleOnly", kGateReversibility,
       [](Situation& s) {
         s.policy.spec.guardrails.reversible_only = true;
         s.plan.reversible = true;
       },
       true, "Reversible"},

      {"a sure diagnosis passes", kGateConfidence, nothing, true, "Confident", "0.90"},
      {"an unsure one blocks", kGateConfidence, [](Situation& s) { s.input.confidence = 0.5; },
       false, "LowConfidence", "0.50"},
      {"an unsure one that a person approved passes", kGateConfidence,
       [](Situation& s) {
         s.input.confidence = 0.5;
         s.input.approval.approvers = {"alice"};
       },
       true, "Approved"},
      {"a guardrail's minConfidence counts", kGateConfidence,
       [](Situation& s) {
         s.guardrails = {Guardrail("g")};
         s.guardrails[0].spec.min_confidence = 0.95;
       },
       false, "LowConfidence", "0.95"},

      {"nobody needs to approve what needs no approval", kGateApproval, nothing, true, "NotNeeded"},
      {"a missing approval blocks and says how to give it", kGateApproval,
       [](Situation& s) {
         s.input.approval = {};
         s.input.approval.required = 2;
         s.input.approval.missing = 1;
         s.input.approval.approvers = {"alice"};
       },
       false, "ApprovalNeeded", "1 of 2"},
      {"enough approvals pass", kGateApproval,
       [](Situation& s) {
         s.input.approval.required = 1;
         s.input.approval.approvers = {"alice"};
       },
       true, "Approved"},
      {"a rejection blocks", kGateApproval,
       [](Situation& s) {
         s.input.approval.rejected_by = "bob";
         s.input.approval.reject_reason = "not now";
       },
       false, "Rejected", "not now"},
      {"an expired proposal blocks", kGateApproval,
       [](Situation& s) { s.input.approval.expired = true; }, false, "Expired"},
  };
}

INSTANTIATE_TEST_SUITE_P(All, GateTest, ::testing::ValuesIn(Cases()));

TEST(Gates, StandInTheOrderOfTheDesign) {
  Situation situation;
  std::vector<std::string> names;
  for (const Gate& gate : situation.Gates()) names.push_back(gate.name);
  EXPECT_THAT(names, ::testing::ElementsAre("KillSwitch", "Paused", "Mode", "BackendAvailable",
                                            "SignalStillActive", "Dependency", "Window", "Storm",
                                            "Breaker", "Cooldown", "Budget", "Concurrency",
                                            "MinAvailable", "AllowedAction", "RiskCeiling",
                                            "Reversibility", "Confidence", "Approval"));
}

TEST(Gates, AChainThatIsNotWholeIsNoLicence) {
  Situation situation;
  std::vector<Gate> gates = situation.Gates();
  ASSERT_TRUE(AllPassed(gates));
  for (std::size_t i = 0; i < gates.size(); ++i) {
    std::vector<Gate> cut = gates;
    cut.erase(cut.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(AllPassed(cut)) << "without " << gates[i].name;
    std::vector<Gate> blocked = gates;
    blocked[i].pass = false;
    EXPECT_FALSE(AllPassed(blocked)) << gates[i].name << " blocks";
  }
  std::swap(gates[0], gates[1]);
  EXPECT_FALSE(AllPassed(gates)) << "out of order";
  EXPECT_FALSE(AllPassed({}));
}

TEST(Gates, AChainWithoutAProposalIsNoLicence) {
  Situation situation;
  situation.input.plan = nullptr;
  const std::vector<Gate> gates = situation.Gates();
  EXPECT_TRUE(Blocked(gates).empty());
  EXPECT_FALSE(AllPassed(gates));
}

TEST(Gates, AllAreEvaluatedEvenIfTheFirstBlocks) {
  Situation situation;
  situation.input.self_heal_enabled = false;
  situation.input.backend = UnavailableError("x");
  situation.policy.spec.mode = v1::kModeObserve;
  EXPECT_EQ(Blocked(situation.Gates()).size(), 3u);
}

TEST(Gates, OnlyAnApprovalMissingIsSaidOnlyIfNothingElseBlocks) {
  Situation situation;
  situation.input.approval = {};
  situation.input.approval.required = situation.input.approval.missing = 1;
  EXPECT_TRUE(OnlyApprovalMissing(situation.Gates()));
  situation.input.confidence = 0.1;
  EXPECT_TRUE(OnlyApprovalMissing(situation.Gates())) << "an approval also settles confidence";
  situation.input.backend = UnavailableError("x");
  EXPECT_FALSE(OnlyApprovalMissing(situation.Gates()));
  Situation free;
  EXPECT_FALSE(OnlyApprovalMissing(free.Gates())) << "nothing is missing at all";
}

TEST(Gates, TheEarliestOpeningIsNamed) {
  Situation situation;
  situation.policy.spec.pauses = {{"p", "", FormatTime(After(900))}};
  situation.input.lease_holder = "other";
  situation.input.lease_until = After(15);
  EXPECT_EQ(NextOpening(situation.Gates()), After(15));
}

TEST(GuardrailNameTest, AGateThatAGuardrailClosesNamesItAndOthersNameNone) {
  Situation situation;
  situation.guardrails = {Guardrail("a-freeze"), Guardrail("b-careful")};
  situation.guardrails[0].spec.windows = {Window("Deny", "0 11 * * *", 7200)};
  situation.guardrails[1].spec.allowed_actions = {"start"};
  situation.policy.spec.guardrails.max_actions = {0, 3600};
  const std::vector<Gate> gates = situation.Gates();
  EXPECT_EQ(FindGate(gates, kGateWindow)->guardrail, "a-freeze");
  EXPECT_EQ(FindGate(gates, kGateAllowedAction)->guardrail, "b-careful");
  EXPECT_FALSE(FindGate(gates, kGateBudget)->pass);
  EXPECT_EQ(FindGate(gates, kGateBudget)->guardrail, "");
}

TEST(InvalidPolicyTest, APolicyThatCannotBeUnderstoodLetsNothingRun) {
  Situation situation;
  situation.Gates();
  situation.limits.invalid = "spec.timeZone: unknown";
  situation.input.limits = &situation.limits;
  const std::vector<Gate> gates = EvaluateGates(situation.input);
  EXPECT_EQ(FindGate(gates, kGateMode)->reason, "InvalidSpec");
  EXPECT_FALSE(AllPassed(gates));
}

}  // namespace
}  // namespace salve::healing
