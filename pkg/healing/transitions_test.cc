// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/life_testing.h"
#include "pkg/healing/machine.h"

namespace salve::healing {
namespace {

using testing::After;
using ::testing::HasSubstr;
using testing::kNow;
using testing::Life;
using testing::Situation;

TEST(Machine, NoIntentWithoutEveryGatePassed) {
  for (const Gate& gate : Situation().Gates()) {
    Life life;
    life.Ready();
    for (v1::GateStatus& stored : life.status.gates) {
      if (stored.name == gate.name) stored.result = "Block";
    }
    const v1::Step* step = FindStep(life.situation.policy.spec.ladder, "restart");
    const Status licence = ApplyIntent(life.status, {"a", step, &life.situation.plan, {}}, kNow);
    EXPECT_EQ(licence.reason(), "NotLicensed") << gate.name << " blocks";
    EXPECT_TRUE(life.status.attempts.empty());
  }
}

TEST(Machine, NoIntentForAnotherStepOrCommandThanTheProposed) {
  Life life;
  life.Ready();
  const v1::Step* flush = FindStep(life.situation.policy.spec.ladder, "flush");
  EXPECT_FALSE(ApplyIntent(life.status, {"a", flush, &life.situation.plan, {}}, kNow).ok());
  ActionPlan other = life.situation.plan;
  other.command = "rm -rf /";
  const v1::Step* restart = FindStep(life.situation.policy.spec.ladder, "restart");
  EXPECT_FALSE(ApplyIntent(life.status, {"a", restart, &other, {}}, kNow).ok());
}

TEST(Machine, OneLicenceIsForOneAttempt) {
  Life life;
  life.Ready().Intended();
  const v1::Step* step = FindStep(life.situation.policy.spec.ladder, "restart");
  EXPECT_EQ(ApplyIntent(life.status, {"b", step, &life.situation.plan, {}}, kNow).reason(),
            "AttemptRunning");
  life.Ran().Checked(Verdict::kBad, 3, 50);
  EXPECT_EQ(ApplyIntent(life.status, {"b", step, &life.situation.plan, {}}, kNow).reason(),
            "NotLicensed");
}

TEST(Machine, ADriftedProposalVoidsItsApprovals) {
  Life life;
  life.Begun().Seen().Diagnosed().Proposed(1, std::string(64, 'a'));
  life.status.proposal->approvers = {"alice"};
  life.Proposed(1, std::string(64, 'b'));
  EXPECT_TRUE(life.status.proposal->approvers.empty());
  EXPECT_EQ(life.status.proposal->digest, std::string(64, 'b'));
}

TEST(Machine, TheSameProposalKeepsItsExpiry) {
  Life life;
  life.Begun().Seen().Diagnosed().Proposed(1);
  const std::string expires = life.status.proposal->expires_at;
  EXPECT_EQ(expires, FormatMicroTime(After(900)));
  life.view.now = After(60);
  life.Proposed(1);
  EXPECT_EQ(life.status.proposal->expires_at, expires);
}

TEST(Machine, ASecondLookThatSeesTheSameChangesNothing) {
  Life life;
  life.Begun().Seen().Diagnosed().Proposed(1).Gated([](Situation& s) {
    s.input.approval = {};
    s.input.approval.required = s.input.approval.missing = 1;
  });
  EXPECT_EQ(life.status.phase, kPhaseAwaitingApproval);
  ApplyNextCheck(life.status, NextAction(life.view));
  const v1::IncidentStatus before = life.status;
  life.Anew();
  life.view.now = After(30);
  life.situation.input.now = After(30);
  life.situation.input.health.message = "used 49.7 MB";
  life.Seen().Diagnosed().Proposed(1).Gated();
  ApplyNextCheck(life.status, NextAction(life.view));
  EXPECT_EQ(life.status.timeline.size(), before.timeline.size());
  EXPECT_EQ(life.status.phase_since, before.phase_since);
  EXPECT_EQ(life.status.next_check_at, before.next_check_at);
  EXPECT_EQ(life.status.summary, before.summary);
  EXPECT_EQ(life.status.gates.size(), before.gates.size());
  for (std::size_t i = 0; i < before.gates.size(); ++i) {
    EXPECT_EQ(life.status.gates[i].message, before.gates[i].message);
  }
  for (std::size_t i = 0; i < before.conditions.size(); ++i) {
    EXPECT_EQ(life.status.conditions[i].message, before.conditions[i].message);
    EXPECT_EQ(life.status.conditions[i].last_transition_time,
              before.conditions[i].last_transition_time);
  }
}

TEST(Machine, TheBlockedConditionNamesWhatIsWaitedForNow) {
  Life life;
  const auto held = [](Situation& s) { s.input.lease_holder = "other"; };
  const auto reason = [&] {
    return metav1::FindCondition(life.status.conditions, v1::kIncidentBlocked)->reason;
  };
  life.Begun().Seen().Diagnosed().Proposed().Gated(held);
  EXPECT_EQ(reason(), "LeaseHeld");
  ApplyWait(life.status, "BackendUnavailable", "the engine is away", kNow);
  EXPECT_EQ(reason(), "BackendUnavailable");
  life.Gated(held);
  EXPECT_EQ(reason(), "LeaseHeld");
}

TEST(Machine, AnOpenBreakerTellsAPersonAndWaits) {
  Life life;
  life.Begun().Seen().Diagnosed().Proposed().Gated([](Situation& s) {
    s.input.records = {testing::Record("1", -300, "Failed", -290),
                       testing::Record("2", -200, "Failed", -190),
                       testing::Record("3", -100, "Failed", -90)};
  });
  EXPECT_TRUE(metav1::IsConditionTrue(life.status.conditions, v1::kIncidentEscalated));
  EXPECT_EQ(life.status.phase, kPhaseBlocked);
}

TEST(Machine, StagesAreMeasuredByPhase) {
  Life life;
  life.Begun();
  EXPECT_EQ(life.status.durations.detect_millis, 10000) << "from the first bad sign";
  life.view.now = After(1);
  life.Seen().Diagnosed().Proposed(1).Gated([](Situation& s) {
    s.input.approval = {};
    s.input.approval.required = s.input.approval.missing = 1;
  });
  life.view.now = After(61);
  life.Gated([](Situation& s) {
    s.input.approval.missing = 0;
    s.input.approval.approved = true;
    s.input.approval.approvers = {"alice"};
  });
  life.Intended();
  life.view.now = After(63);
  life.Ran().Checked(Verdict::kGood, 2);
  ApplyClose(life.status, kHealedAfterApproval, "Verified", "ok", life.view.now);
  const v1::Durations& d = life.status.durations;
  EXPECT_EQ(d.diagnose_millis, 1000);
  EXPECT_EQ(d.approval_wait_millis, 60000);
  EXPECT_EQ(d.execute_millis, 2000);
  EXPECT_EQ(d.verify_millis, 4000);
  EXPECT_EQ(d.total_millis, 10000 + 67000);
  EXPECT_EQ(life.status.attempts[0].approved_by, "alice");
}

TEST(Machine, AClockThatWasSetBackMakesNoNegativeDuration) {
  Life life;
  life.Begun();
  EnterPhase(life.status, kPhaseBlocked, After(-500));
  ApplyClose(life.status, kSelfResolved, "Healthy", "", After(-400));
  EXPECT_GE(life.status.durations.diagnose_millis, 0);
  EXPECT_GE(life.status.durations.blocked_millis, 0);
  EXPECT_GE(life.status.durations.total_millis, 0);
}

TEST(Machine, TheTimelineTellsThePhasesInOrder) {
  Life life;
  life.Ready().Intended().Ran().Checked(Verdict::kGood, 2);
  ApplyClose(life.status, kAutoHealed, "Verified", "ok", life.view.now);
  std::vector<std::string> phases;
  for (const v1::TimelineEntry& entry : life.status.timeline) {
    if (phases.empty() || phases.back() != entry.phase) phases.push_back(entry.phase);
  }
  EXPECT_THAT(phases, ::testing::ElementsAre("thinking", "command", "thinking", "executing",
                                             "result", "verifying", "verification", "complete"));
}

TEST(Timeline, IsBoundedAndItsNumbersGoOn) {
  v1::IncidentStatus status;
  for (int i = 0; i < 500; ++i) AddTimeline(status, kThinking, std::to_string(i), kNow);
  EXPECT_EQ(status.timeline.size(), kMaxTimeline);
  EXPECT_EQ(status.timeline.back().sequence, 500);
  EXPECT_EQ(status.timeline.front().sequence, 301);
  EXPECT_FALSE(AddTimeline(status, kThinking, "499", kNow)) << "the same is not said twice";
}

TEST(Machine, OutputOfActionsIsBoundedAndClean) {
  Life life;
  life.Ready().Intended();
  ActionResult result;
  result.outcome = ActionResult::Outcome::kApplied;
  result.stdout_text = "one\ntwo\x1b[31m\n" + std::string(100000, 'x');
  ApplyResult(life.status, "attempt-1", result, {}, kNow);
  const std::string& out = life.status.attempts[0].result->stdout_text;
  EXPECT_LT(out.size(), 17000u);
  EXPECT_THAT(out, HasSubstr("one\ntwo"));
  EXPECT_THAT(out, ::testing::Not(HasSubstr("\x1b")));
}

TEST(Machine, ResolvedIsTheConditionThatKubectlWaitsFor) {
  Life life;
  life.Begun();
  EXPECT_FALSE(metav1::IsConditionTrue(life.status.conditions, v1::kIncidentResolved));
  ASSERT_NE(metav1::FindCondition(life.status.conditions, v1::kIncidentResolved), nullptr)
      << "present from the start, as False";
  ApplyClose(life.status, kSelfResolved, "Healthy", "", kNow);
  EXPECT_TRUE(metav1::IsConditionTrue(life.status.conditions, v1::kIncidentResolved));
  EXPECT_EQ(life.status.outcome, kSelfResolved);
}

TEST(Machine, AnAttemptThatFailedToRunIsUsedUpAndOneThatWasGivenUpIsNot) {
  Life failed;
  failed.Ready().Intended().Ran(ActionResult::Outcome::kNotApplied).Anew().Seen().Diagnosed();
  EXPECT_EQ(NextAction(failed.view).what, Do::kEscalate);
  Life given_up;
  given_up.Ready().Intended();
  ApplyAbandon(given_up.status, "attempt-1", "Drifted", "the target changed", kNow);
  given_up.Anew().Seen().Diagnosed();
  EXPECT_EQ(NextAction(given_up.view).step, "restart");
}

}  // namespace
}  // namespace salve::healing
