// SPDX-License-Identifier: Apache-2.0
// Whole lives of incidents: the production reconcilers from the first bad measurement to the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/machine.h"
#include "pkg/reconcilers/testing/world.h"

namespace salve::reconcilers {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::HumanStep;
using testing::kNs;
using testing::MakePolicy;
using testing::MakeStep;

class LivesTest : public ::testing::Test {
 protected:
  // A world with one policy on one container, both well.
  void Begin(const v1::HealingPolicy& policy = MakePolicy()) {
    world.AddContainer("redis-1");
    world.Create(policy);
    world.Advance(seconds(25));
  }
  void FallIll(const std::string& container = "redis-1") { world.figure[container] = 10; }
  bool Until(const std::string& phase, const std::string& policy = "redis") {
    return world.AdvanceUntil([&] { return world.Incident(policy).status.phase == phase; }, minutes(40));
  }
  std::string Outcome(const std::string& policy = "redis") {
    return world.Incident(policy).status.outcome;
  }
  void TearDown() override {
    world.CheckRecords();
    EXPECT_THAT(world.broken(), ::testing::IsEmpty());
    if (HasFailure()) std::puts(world.Story().c_str());
  }

  testing::World world;
};

TEST_F(LivesTest, ATargetThatTurnsUnhealthyGetsOneIncident) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.mode = v1::kModeObserve;
  Begin(policy);
  EXPECT_TRUE(world.Incidents().empty());
  FallIll();
  world.Advance(minutes(5));
  ASSERT_EQ(world.Incidents().size(), 1u);
  EXPECT_EQ(world.Incident().status.phase, healing::kPhaseBlocked);
  EXPECT_EQ(world.Incident().spec.target.name, "redis-1");
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

TEST_F(LivesTest, AutoHealedByTheFirstStep) {
  Begin();
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kAutoHealed);
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
  ASSERT_EQ(world.Policy().status.actions.size(), 1u);
  EXPECT_EQ(world.Policy().status.actions[0].result, healing::kOutcomeSuccessful);
}

TEST_F(LivesTest, HealedAfterAPersonApproved) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.mode = v1::kModeApprove;
  Begin(policy);
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseAwaitingApproval));
  world.Advance(minutes(2));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  world.Decide(world.Incident(), "Approve");
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kHealedAfterApproval);
  EXPECT_EQ(world.Incident().status.attempts.at(0).approved_by, "alice");
}

TEST_F(LivesTest, AFailedStepIsUndoneTheUndoVerifiedAndTheNextStepTried) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.ladder.insert(policy.spec.ladder.begin(), MakeStep("memory", testing::MoreMemory()));
  policy.spec.ladder[0].on_verification_failed = "RollbackThenNext";
  policy.spec.diagnosis.rules[0].step = "memory";
  Begin(policy);
  const std::int64_t before = world.docker.Get("redis-1").memory_bytes;
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseRollingBack));
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kAutoHealed);
  EXPECT_EQ(world.docker.Get("redis-1").memory_bytes, before);
  const v1::Incident incident = world.Incident();
  ASSERT_EQ(incident.status.attempts.size(), 2u);
  EXPECT_EQ(incident.status.attempts[0].phase, healing::kAttemptUndone);
  EXPECT_EQ(incident.status.attempts[0].undo_verification->outcome, healing::kOutcomeSuccessful);
  EXPECT_EQ(world.docker.TotalExecutions(), 3);
}

}  // namespace
}  // namespace salve::reconcilers
