// SPDX-License-Identifier: Apache-2.0
// Every accident at every point: whole lives are lived once undisturbed, then once more for each
// write and each execution in them with a crash before or after it, a lost answer, a conflict, a
// refusal.
#include <algorithm>
#include <cstdio>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/machine.h"
#include "pkg/reconcilers/testing/world.h"

namespace salve::reconcilers {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::Accident;
using testing::MakePolicy;
using testing::MakeStep;
using testing::World;
using What = testing::Accident::What;
using Where = testing::Accident::Where;

// How an incident is to live.
struct Life {
  const char* name = "";
  v1::HealingPolicy policy = MakePolicy();
  bool approves = false;  // a person approves whatever is proposed, once for each digest
  std::string outcome = healing::kAutoHealed;
};

Life AutoLife() { return {"auto", MakePolicy(), false, healing::kAutoHealed}; }

Life ApprovalLife() {
  Life life{"approval", MakePolicy(), true, healing::kHealedAfterApproval};
  life.policy.spec.mode = v1::kModeApprove;
  return life;
}

Life UndoLife() {
  Life life{"undo", MakePolicy(), false, healing::kAutoHealed};
  v1::HealingPolicySpec& spec = life.policy.spec;
  spec.ladder.insert(spec.ladder.begin(), MakeStep("memory", testing::MoreMemory()));
  spec.ladder[0].on_verification_failed = "RollbackThenNext";
  spec.diagnosis.rules[0].step = "memory";
  return life;
}

// An action that leaves no trace: after a doubt it may not be repeated.
Life AtMostOnceLife() {
  Life life{"at most once", MakePolicy(), false, healing::kAutoHealed};
  v1::HealingPolicySpec& spec = life.policy.spec;
  spec.ladder.insert(spec.ladder.begin(), MakeStep("flush", testing::Flush()));
  spec.diagnosis.rules[0].step = "flush";
  spec.guardrails.max_auto_risk = v1::kRiskHigh;
  return life;
}

// What became of one life.
struct Ending {
  int writes = 0;
  int executes = 0;
  int crashes = 0;
  std::string outcome;
  std::string phase;
  bool healthy = false;
  std::vector<std::string> broken;
  std::int64_t writes_afterwards = 0;
  std::string story;
};

Ending Live(const Life& life, const std::vector<Accident>& accidents, Duration downtime = {}) {
  World world;
  world.accidents = accidents;
  world.downtime = downtime;
  world.AddContainer("redis-1");
  world.Create(life.policy);
  world.Advance(seconds(15));
  world.figure["redis-1"] = 10;
  std::set<std::string> approved;
  const auto ended = [&] {
    const v1::Incident incident = world.Incident();
    const bool asks =
        incident.status.phase == healing::kPhaseAwaitingApproval && incident.status.proposal;
    if (life.approves && asks && approved.insert(incident.status.proposal->digest).second) {
      world.Decide(incident, "Approve");
      world.Settle();
    }
    return healing::IsResolved(incident.status) ||
           incident.status.phase == healing::kPhaseEscalated;
  };
  (void)world.AdvanceUntil(ended, minutes(30));
  // What is left to write down, then silence.
  world.Advance(minutes(2));
  const std::int64_t before = world.server.writes();
  world.Advance(minutes(5));
  Ending ending;
  ending.writes_afterwards = world.server.writes() - before;
  world.CheckRecords();
  ending.writes = world.writes();
  ending.executes = world.executes();
  ending.crashes = world.crashes();
  ending.outcome = world.Incident().status.outcome;
  ending.phase = world.Incident().status.phase;
  ending.healthy = world.figure["redis-1"] == 100;
  ending.broken = world.broken();
  if (world.Incidents().size() != 1) {
    ending.broken.push_back(std::to_string(world.Incidents().size()) + " incidents");
  }
  ending.story = world.Story();
  return ending;
}

class AccidentTest : public ::testing::Test {
 protected:
  // Whatever happened, these hold.
  void ExpectPromisesKept(const Life& life, const Ending& reference, const Ending& ending,
                          const std::vector<Accident>& accidents) {
    ++worlds_;
    EXPECT_THAT(ending.broken, ::testing::IsEmpty());
    EXPECT_EQ(ending.outcome, life.outcome);
    EXPECT_TRUE(ending.healthy);
    EXPECT_EQ(ending.writes_afterwards, 0);
    // One repetition of what was under way, and the way there.
    EXPECT_LE(ending.writes, reference.writes + 12 * static_cast<int>(accidents.size()));
    const auto crashes = std::count_if(accidents.begin(), accidents.end(), [](const Accident& a) {
      return a.what == What::kCrashBefore || a.what == What::kCrashAfter;
    });
    EXPECT_EQ(ending.crashes, crashes) << "the accident did not happen";
    if (HasFailure()) {
      std::printf("%s, %s\n%s\n", life.name, Describe(accidents).c_str(), ending.story.c_str());
    }
  }
  void TryAll(const Life& life, const std::vector<What>& whats, Where where) {
    const Ending reference = Live(life, {});
    ASSERT_EQ(reference.outcome, life.outcome) << reference.story;
    const int points = where == Where::kWrite ? reference.writes : reference.executes;
    ASSERT_GT(points, 0);
    for (const What what : whats) {
      for (int at = 1; at <= points && !HasFailure(); ++at) {
        const std::vector<Accident> accidents{{what, where, at}};
        SCOPED_TRACE(std::string(life.name) + ": " + Describe(accidents));
        ExpectPromisesKept(life, reference, Live(life, accidents), accidents);
      }
    }
  }
  void TearDown() override { RecordProperty("worlds", worlds_); }

  int worlds_ = 0;
};

TEST_F(AccidentTest, ACrashAtAnyWriteOfAnAutomaticLifeIsSurvived) {
  TryAll(AutoLife(), {What::kCrashBefore, What::kCrashAfter}, Where::kWrite);
}
TEST_F(AccidentTest, ACrashAtAnyWriteOfALifeWithApprovalIsSurvived) {
  TryAll(ApprovalLife(), {What::kCrashBefore, What::kCrashAfter}, Where::kWrite);
}
TEST_F(AccidentTest, ACrashAtAnyWriteOfALifeWithUndoIsSurvived) {
  TryAll(UndoLife(), {What::kCrashBefore, What::kCrashAfter}, Where::kWrite);
}
TEST_F(AccidentTest, ACrashAtAnyWriteOfALifeWhoseActionLeavesNoTraceIsSurvived) {
  TryAll(AtMostOnceLife(), {What::kCrashBefore, What::kCrashAfter}, Where::kWrite);
}
TEST_F(AccidentTest, ACrashAtAnyExecutionIsSurvived) {
  for (const Life& life : {AutoLife(), ApprovalLife(), UndoLife(), AtMostOnceLife()}) {
    TryAll(life, {What::kCrashBefore, What::kCrashAfter}, Where::kExecute);
  }
}
TEST_F(AccidentTest, ALostAnswerToAnyWriteChangesNothingInTheEnd) {
  for (const Life& life : {AutoLife(), ApprovalLife(), UndoLife()}) {
    TryAll(life, {What::kLoseAnswer}, Where::kWrite);
  }
}
TEST_F(AccidentTest, AConflictAtAnyWriteChangesNothingInTheEnd) {
  for (const Life& life : {AutoLife(), ApprovalLife(), UndoLife()}) {
    TryAll(life, {What::kConflict, What::kUnavailable}, Where::kWrite);
  }
}
TEST_F(AccidentTest, ALostAnswerOrARefusalOfAnExecutionIsSurvived) {
  for (const Life& life : {AutoLife(), ApprovalLife(), UndoLife(), AtMostOnceLife()}) {
    TryAll(life, {What::kLoseAnswer}, Where::kExecute);
  }
  // An attempt that was refused counts: the same step may run again only if it has attempts left.
  Life patient = AutoLife();
  patient.policy.spec.ladder[0].max_attempts = 2;
  TryAll(patient, {What::kUnavailable}, Where::kExecute);
}
TEST_F(AccidentTest, ACrashFollowedByALongAbsenceIsSurvived) {
  const Life life = UndoLife();
  const Ending reference = Live(life, {});
  for (int at = 1; at <= reference.writes && !HasFailure(); ++at) {
    const std::vector<Accident> accidents{{What::kCrashAfter, Where::kWrite, at}};
    SCOPED_TRACE(Describe(accidents) + ", away for 20 minutes");
    ExpectPromisesKept(life, reference, Live(life, accidents, minutes(20)), accidents);
  }
}
TEST_F(AccidentTest, TwoCrashesAtAnyTwoWritesAreSurvived) {
  const Life life = AutoLife();
  const Ending reference = Live(life, {});
  for (int first = 1; first <= reference.writes && !HasFailure(); ++first) {
    for (int second = first + 1; second <= reference.writes && !HasFailure(); ++second) {
      const std::vector<Accident> accidents{{What::kCrashAfter, Where::kWrite, first},
                                            {What::kCrashBefore, Where::kWrite, second}};
      SCOPED_TRACE(Describe(accidents));
      ExpectPromisesKept(life, reference, Live(life, accidents), accidents);
    }
  }
}

}  // namespace
}  // namespace salve::reconcilers
