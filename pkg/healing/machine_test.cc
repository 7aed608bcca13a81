// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/machine.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/life_testing.h"

namespace salve::healing {
namespace {

using testing::After;
using testing::kNow;
using testing::Life;
using testing::Situation;

struct Case {
  std::string sentence;
  std::function<void(Life&)> live;
  Do what;
  std::string detail = "";  // outcome, reason, step or attempt
};
std::ostream& operator<<(std::ostream& os, const Case& c) { return os << c.sentence; }
class NextActionTest : public ::testing::TestWithParam<Case> {};

TEST_P(NextActionTest, DecidesAsTheSentenceSays) {
  Life life;
  GetParam().live(life);
  const Next next = NextAction(life.view);
  EXPECT_STREQ(DoName(next.what), DoName(GetParam().what))
      << GetParam().sentence << ": " << next.reason << " " << next.message;
  if (!GetParam().detail.empty()) {
    EXPECT_THAT((std::vector<std::string>{next.outcome, next.reason, next.step, next.attempt_id}),
                ::testing::Contains(GetParam().detail))
        << GetParam().sentence;
  }
  if (next.what == Do::kWait) {
    ASSERT_TRUE(next.at);
    EXPECT_GT(*next.at, life.view.now) << "a wait ends later than now";
  }
}

void RolledBackStep(Life& life) {
  life.Step().on_verification_failed = "RollbackThenNext";
  life.situation.plan.undo = testing::Restart();
}
void UndoIntended(Life& life) {
  RolledBackStep(life);
  life.Ready().Intended().Ran().Checked(Verdict::kBad, 3, 50);
  ApplyUndoIntent(life.status, "attempt-1", life.view.now);
  life.Anew();
}
void Undone(Life& life, Verdict verdict) {
  UndoIntended(life);
  ActionResult result;
  result.outcome = ActionResult::Outcome::kApplied;
  const auto& spec = life.situation.policy.spec.verification;
  ApplyUndoResult(life.status, "attempt-1", result, spec, life.view.now);
  for (int i = 0; i < 4 && life.status.attempts[0].phase != kAttemptUndone; ++i) {
    FreshCheck check;
    check.verdict = verdict;
    check.state = verdict == Verdict::kGood ? HealthState::kHealthy : HealthState::kUnhealthy;
    check.health = verdict == Verdict::kGood ? 50 : 0;
    check.at = life.view.now = life.view.now + std::chrono::seconds(2);
    ApplyUndoCheck(life.status, "attempt-1", check, spec, life.view.now);
  }
}
void WithoutPolicy(Life& life) { life.view.policy = nullptr; }

std::vector<Case> Cases() {
  return {
      {"a new incident begins", [](Life&) {}, Do::kBegin},
      {"an open one is looked at first", [](Life& l) { l.Begun(); }, Do::kObserve},
      {"a target that is healthy again ends it without any action",
       [](Life& l) { l.Begun().Seen(HealthState::kHealthy, 100); }, Do::kClose, kSelfResolved},
      {"a target that is gone ends it", [](Life& l) { l.Begun().Seen(HealthState::kMissing, 0); },
       Do::kClose, kCancelled},
      {"an ill target is diagnosed", [](Life& l) { l.Begun().Seen(); }, Do::kDiagnose},
      {"a diagnosed one gets a proposal for the chosen step",
       [](Life& l) { l.Begun().Seen().Diagnosed(); }, Do::kPropose, "restart"},
      {"the verdict Escalate calls a person",
       [](Life& l) { l.Begun().Seen().Diagnosed("", kVerdictEscalate); }, Do::kEscalate,
       "Unresponsive"},
      {"the verdict DoNothing still shows what every gate says",
       [](Life& l) { l.Begun().Seen().Diagnosed("", kVerdictDoNothing, "redis/loading"); },
       Do::kEvaluateGates},
      {"the verdict DoNothing waits",
       [](Life& l) {
         l.Begun().Seen().Diagnosed("", kVerdictDoNothing, "redis/loading");
         l.view.gates = l.situation.Gates();
       },
       Do::kWait},
      {"the verdict DoNothing ends it where a person stopped the target",
       [](Life& l) {
         l.Begun().Seen().Diagnosed("", kVerdictDoNothing, "docker/stopped-on-purpose");
       },
       Do::kClose, kSuppressed},
      {"a held one that is healthy again was suppressed",
       [](Life& l) {
         l.Begun().Seen().Diagnosed("", kVerdictDoNothing, "redis/loading");
         l.Anew().Seen(HealthState::kHealthy, 100);
       },
       Do::kClose, kSuppressed},
      {"a step that the ladder does not have calls a person",
       [](Life& l) { l.Begun().Seen().Diagnosed("nonsense"); }, Do::kEscalate, "NoSuitableStep"},
      {"a step that escalates calls a person", [](Life& l) { l.Begun().Seen().Diagnosed("human"); },
       Do::kEscalate, "EscalateStep"},
      {"a proposal is judged by the gates",
       [](Life& l) { l.Begun().Seen().Diagnosed().Proposed(); }, Do::kEvaluateGates},
      {"passed gates let it run", [](Life& l) { l.Ready(); }, Do::kExecute},
      {"mode DryRun ends with the proposal",
       [](Life& l) {
         l.Begun().Seen().Diagnosed().Proposed().Gated(
             [](Situation& s) { s.policy.spec.mode = v1::kModeDryRun; });
       },
       Do::kClose, kDryRun},
      {"mode Observe waits",
       [](Life& l) {
         l.Begun().Seen().Diagnosed().Proposed().Gated(
             [](Situation& s) { s.policy.spec.mode = v1::kModeObserve; });
       },
       Do::kWait, "Observe"},
      {"a rejection ends it",
       [](Life& l) {
         l.Begun().Seen().Diagnosed().Proposed(1).Gated(
             [](Situation& s) { s.input.approval.rejected_by = "bob"; });
       },
       Do::kClose, kRejected},
      {"an expired proposal calls a person",
       [](Life& l) {
         l.Begun().Seen().Diagnosed().Proposed(1).Gated(
             [](Situation& s) { s.input.approval.expired = true; });
       },
       Do::kEscalate, "ApprovalExpired"},
      {"an expired proposal ends it where the policy says so",
       [](Life& l) {
         l.situation.policy.spec.approval.on_expiry = "Close";
         l.Begun().Seen().Diagnosed().Proposed(1).Gated(
             [](Situation& s) { s.input.approval.expired = true; });
       },
       Do::kClose, kExpired},
      {"mode Observe goes on watching after a proposal has expired",
       [](Life& l) {
         l.Begun().Seen().Diagnosed().Proposed(1).Gated([](Situation& s) {
           s.policy.spec.mode = v1::kModeObserve;
           s.input.approval.expired = true;
         });
       },
       Do::kWait, "Observe"},
      {"a blocked gate waits",
       [](Life& l) {
         l.Begun().Seen().Diagnosed().Proposed().Gated(
             [](Situation& s) { s.input.lease_holder = "other"; });
       },
       Do::kWait, "LeaseHeld"},
      {"an attempt found without a result is asked for",
       [](Life& l) { l.Ready().Intended().Anew(); }, Do::kRecoverAttempt, "attempt-1"},
      {"one that was not applied runs with the same key",
       [](Life& l) {
         l.Ready().Intended().Anew();
         l.view.recovered = ActionResult::Outcome::kNotApplied;
       },
       Do::kExecuteSameKey, "attempt-1"},
      {"one that was not applied is given up if the incident is to end",
       [](Life& l) {
         l.Ready().Intended().Anew();
         l.view.recovered = ActionResult::Outcome::kNotApplied;
         l.incident.spec.cancel = true;
       },
       Do::kAbandon, "CancelRequested"},
      {"one that was not applied waits under the kill switch",
       [](Life& l) {
         l.Ready().Intended().Anew();
         l.view.recovered = ActionResult::Outcome::kNotApplied;
         l.view.self_heal_enabled = false;
       },
       Do::kWait, "Disabled"},
      {"one that is unknown is verified, never repeated",
       [](Life& l) {
         l.Ready().Intended().Anew();
         ActionResult unknown;
         ApplyRecovery(l.status, "attempt-1", unknown, {}, l.view.now);
         l.view.recovered = unknown.outcome;
         l.view.now = After(5);
       },
       Do::kVerify, "attempt-1"},
      {"a check that is not due is waited for", [](Life& l) { l.Ready().Intended().Ran(); },
       Do::kWait, "Verifying"},
      {"a check that is due is made",
       [](Life& l) {
         l.Ready().Intended().Ran();
         l.view.now = After(2);
       },
       Do::kVerify},
      {"a verification goes on although the incident is to end",
       [](Life& l) {
         l.Ready().Intended().Ran().Anew();
         l.incident.spec.cancel = true;
         l.view.now = After(2);
       },
       Do::kVerify},
      {"a verification goes on although the policy is gone",
       [](Life& l) {
         l.Ready().Intended().Ran().Anew();
         WithoutPolicy(l);
         l.view.now = After(2);
       },
       Do::kVerify},
      {"a verified fix ends it",
       [](Life& l) { l.Ready().Intended().Ran().Checked(Verdict::kGood, 2); }, Do::kClose,
       kAutoHealed},
      {"a verified fix that a person approved says so",
       [](Life& l) {
         l.Begun().Seen().Diagnosed().Proposed(1).Gated([](Situation& s) {
           s.input.approval.required = 1;
           s.input.approval.approvers = {"alice"};
         });
         l.Intended().Ran().Checked(Verdict::kGood, 2);
       },
       Do::kClose, kHealedAfterApproval},
      {"a fix that did not help leads to a new look",
       [](Life& l) { l.Ready().Intended().Ran().Checked(Verdict::kBad, 3, 50).Anew(); },
       Do::kObserve},
      {"the next step comes when the first is used up",
       [](Life& l) {
         l.situation.policy.spec.ladder.insert(
             l.situation.policy.spec.ladder.begin() + 2,
             testing::MakeStep("more-memory", testing::MoreMemory()));
         l.Ready().Intended().Ran().Checked(Verdict::kBad, 3, 50).Anew().Seen().Diagnosed();
       },
       Do::kPropose, "more-memory"},
      {"the end of the ladder calls a person",
       [](Life& l) {
         l.Ready().Intended().Ran().Checked(Verdict::kBad, 3, 50).Anew().Seen().Diagnosed();
       },
       Do::kEscalate, "EscalateStep"},
      {"a step that says Escalate does",
       [](Life& l) {
         l.Step().on_verification_failed = "Escalate";
         l.Ready().Intended().Ran().Checked(Verdict::kBad, 3, 50);
       },
       Do::kEscalate, "StepEscalates"},
      {"a verification that could not measure calls a person, nothing is done blindly",
       [](Life& l) { l.Ready().Intended().Ran().Checked(Verdict::kUnmeasured, 4); }, Do::kEscalate,
       "VerificationError"},
      {"RollbackThenNext undoes first",
       [](Life& l) {
         RolledBackStep(l);
         l.Ready().Intended().Ran().Checked(Verdict::kBad, 3, 50);
       },
       Do::kUndo, "attempt-1"},
      {"an undo that is owed is run although the incident is to end",
       [](Life& l) {
         RolledBackStep(l);
         l.Ready().Intended().Ran().Checked(Verdict::kBad, 3, 50);
         l.incident.spec.cancel = true;
       },
       Do::kUndo},
      {"an undo that is owed waits under the kill switch",
       [](Life& l) {
         RolledBackStep(l);
         l.Ready().Intended().Ran().Checked(Verdict::kBad, 3, 50);
         l.view.self_heal_enabled = false;
       },
       Do::kWait},
      {"a fix that made it worse is undone whatever the step says",
       [](Life& l) {
         l.situation.plan.undo = testing::Restart();
         l.Ready().Intended().Ran().Checked(Verdict::kBad, 3, 0);
       },
       Do::kUndo},
      {"without an inverse nothing is undone",
       [](Life& l) {
         l.Step().on_verification_failed = "RollbackThenNext";
         l.Ready().Intended().Ran().Checked(Verdict::kBad, 3, 50).Anew();
       },
       Do::kObserve},
      {"an undo found without a result is asked for", UndoIntended, Do::kRecoverUndo},
      {"an undo that was not applied runs with the same key",
       [](Life& l) {
         UndoIntended(l);
         l.view.recovered = ActionResult::Outcome::kNotApplied;
       },
       Do::kUndoSameKey},
      {"an undo that cannot be run calls a person",
       [](Life& l) {
         UndoIntended(l);
         ActionResult result;
         result.outcome = ActionResult::Outcome::kNotApplied;
         ApplyUndoResult(l.status, "attempt-1", result, {}, l.view.now);
       },
       Do::kEscalate, "UndoFailed"},
      {"an undo is verified itself",
       [](Life& l) {
         UndoIntended(l);
         ActionResult result;
         result.outcome = ActionResult::Outcome::kApplied;
         ApplyUndoResult(l.status, "attempt-1", result, {}, l.view.now);
         l.view.now = l.view.now + std::chrono::seconds(2);
       },
       Do::kVerifyUndo},
      {"after a good undo the ladder goes on", [](Life& l) { Undone(l, Verdict::kGood); },
       Do::kObserve},
      {"an undo that left it worse calls a person", [](Life& l) { Undone(l, Verdict::kBad); },
       Do::kEscalate, "UndoFailed"},
      {"a target that is healthy after its undo was rolled back",
       [](Life& l) {
         Undone(l, Verdict::kGood);
         l.Seen(HealthState::kHealthy, 100);
       },
       Do::kClose, kRolledBack},
      {"an escalated one waits for the person",
       [](Life& l) {
         l.Begun();
         ApplyEscalation(l.status, "X", "look", kNow);
         l.Seen();
       },
       Do::kWait},
      {"an escalated one ends when the target is healthy",
       [](Life& l) {
         l.Begun();
         ApplyEscalation(l.status, "X", "look", kNow);
         l.Seen(HealthState::kHealthy, 100);
       },
       Do::kClose, kEscalated},
      {"a cancelled one ends",
       [](Life& l) {
         l.Begun();
         l.incident.spec.cancel = true;
       },
       Do::kClose, "CancelRequested"},
      {"one whose policy is gone ends",
       [](Life& l) {
         l.Begun();
         WithoutPolicy(l);
       },
       Do::kClose, "PolicyDeleted"},
      {"one that is being deleted ends",
       [](Life& l) {
         l.Begun();
         l.view.incident_deleted = true;
       },
       Do::kClose, "Deleted"},
      {"one that is over stays over",
       [](Life& l) {
         l.Begun();
         ApplyClose(l.status, kSelfResolved, "Healthy", "", kNow);
       },
       Do::kNothing},
      {"steps of earlier incidents with the same problem are used up",
       [](Life& l) {
         l.view.earlier = {testing::Record("x", -100, "Successful", -90)};
         l.Begun().Seen().Diagnosed();
       },
       Do::kEscalate, "EscalateStep"},
      {"a step of the packs above maxAutoRisk calls a person",
       [](Life& l) {
         l.situation.policy.spec.ladder.clear();
         l.Begun().Seen().Diagnosed("docker/unhealthy");
         const auto ladder = EffectiveLadder(l.situation.policy.spec);
         ProposalInput input;
         input.step = FindStep(ladder, "docker/unhealthy");
         input.plan = &l.situation.plan;
         input.risk.level = v1::kRiskHigh;
         input.digest = "d";
         ApplyProposal(l.status, input, kNow);
         l.view.proposed = true;
       },
       Do::kEscalate, "RiskAboveAuto"},
  };
}
INSTANTIATE_TEST_SUITE_P(All, NextActionTest, ::testing::ValuesIn(Cases()));

}  // namespace
}  // namespace salve::healing
