// SPDX-License-Identifier: Apache-2.0
// Lives of incidents that somebody's alerts opened, with the production reconcilers.
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apis/codec.h"
#include "pkg/healing/alerts.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/signals.h"
#include "pkg/reconcilers/testing/world.h"

namespace salve::reconcilers {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;

class AlertLivesTest : public ::testing::Test {
 protected:
  AlertLivesTest() {
    world.settings.receiver_clears_after = {{"am", 0}, {"curl", 900}};
    policy = testing::MakePolicy();
    policy.spec.probes.clear();
    policy.spec.diagnosis.rules.clear();
    policy.spec.diagnosis.builtin_packs = true;
    v1::PolicyTrigger& trigger = policy.spec.triggers.emplace_back();
    trigger.name = "down";
    trigger.alert.emplace().matchers = {"alertname=\"RedisDown\""};
    alert.receiver = "am";
    alert.labels = {{"alertname", "RedisDown"}};
    alert.message = "redis does not answer";
    alert.severity = healing::kSeverityCritical;
    alert.told = true;
  }
  void Begin() {
    world.AddContainer("redis-1");
    world.Create(policy);
    world.Advance(seconds(25));
  }
  // As a receiver writes it.
  void Deliver(bool firing) {
    alert.firing = firing;
    alert.since = world.clock.Now();
    v1::HealingPolicy current = world.Policy();
    const auto effect =
        healing::ApplyAlert(current.status.signals, {"down", "", ""}, alert, 0, world.clock.Now());
    if (effect.change != healing::SignalChange::kChanged) return;
    client::WriteOptions options;
    options.subresource = "status";
    const auto stored =
        world.server.Update(v1::HealingPolicy::kInfo, apis::Encode(current), options);
    ASSERT_TRUE(stored.ok()) << stored.status();
  }
  // It really is ill, though nothing but the alert can tell.
  void FallIll() {
    world.SetFigure("redis-1", 10);
    Deliver(true);
  }
  bool Until(const std::string& phase, Duration limit = minutes(40)) {
    return world.AdvanceUntil(
        [&] { return !world.Incidents().empty() && world.Incident().status.phase == phase; },
        limit);
  }
  std::string Outcome() { return world.Incident().status.outcome; }
  void TearDown() override {
    world.CheckRecords();
    EXPECT_THAT(world.broken(), ::testing::IsEmpty());
    if (HasFailure()) std::puts(world.Story().c_str());
  }

  testing::World world;
  v1::HealingPolicy policy;
  healing::Alert alert;
};

TEST_F(AlertLivesTest, AnAlertIsActedOnAndVerifiedOnlyOnceItHasCleared) {
  Begin();
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseVerifying));
  EXPECT_EQ(world.Incident().spec.trigger.source, healing::kSourceAlert);
  EXPECT_EQ(world.Incident().spec.trigger.name, "down");
  EXPECT_EQ(world.Incident().spec.severity, "Critical");
  world.Advance(seconds(10));
  EXPECT_EQ(world.Incident().status.phase, healing::kPhaseVerifying) << "it has not cleared";
  EXPECT_THAT(world.Incident().status.attempts.at(0).verification->message,
              HasSubstr("waits for the alert"));
  Deliver(false);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kAutoHealed);
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
  world.Advance(minutes(10));
  EXPECT_EQ(world.Incidents().size(), 1u);
}

TEST_F(AlertLivesTest, AnAlertThatNeverClearsIsNoErrorOfMeasuring) {
  Begin();
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseEscalated));
  const v1::Attempt attempt = world.Incident().status.attempts.at(0);
  EXPECT_EQ(attempt.verification->outcome, healing::kOutcomeInconclusive);
  EXPECT_EQ(attempt.verification->errors, 0);
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
  Deliver(false);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
}

TEST_F(AlertLivesTest, AnAlertThatClearsWhileAPersonIsAskedEndsItsIncident) {
  policy.spec.mode = v1::kModeApprove;
  Begin();
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseAwaitingApproval));
  world.SetFigure("redis-1", 100);
  Deliver(false);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kSelfResolved);
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

TEST_F(AlertLivesTest, AResolvedAlertAloneDoesNothing) {
  Begin();
  Deliver(false);
  world.Advance(minutes(5));
  EXPECT_TRUE(world.Incidents().empty());
}

TEST_F(AlertLivesTest, ItCountsAfterForSecondsWithoutAnotherDelivery) {
  policy.spec.triggers[0].alert->for_seconds = 60;
  Begin();
  FallIll();
  world.Advance(seconds(59));
  EXPECT_TRUE(world.Incidents().empty());
  world.Advance(seconds(2));
  EXPECT_EQ(world.Incidents().size(), 1u);
  ASSERT_TRUE(Until(healing::kPhaseVerifying));
  Deliver(false);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
}

TEST_F(AlertLivesTest, ARestartForgetsNoAlertAndDoublesNone) {
  policy.spec.mode = v1::kModeApprove;
  Begin();
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseAwaitingApproval));
  world.Restart();
  world.Advance(minutes(1));
  Deliver(true);
  world.Advance(minutes(1));
  EXPECT_EQ(world.Incidents().size(), 1u);
  ASSERT_EQ(world.Policy().status.signals.size(), 1u);
  EXPECT_EQ(world.Policy().status.signals[0].state, healing::kSignalFiring);
  world.SetFigure("redis-1", 100);
  Deliver(false);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
}

TEST_F(AlertLivesTest, AnAlertThatNobodyEverEndsIsOverOnceItsTargetIsHealed) {
  alert.receiver = "curl";
  alert.told = false;
  Begin();
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kAutoHealed);
  world.Advance(seconds(5));
  EXPECT_EQ(world.Policy().status.signals.at(0).state, healing::kSignalCleared);
  EXPECT_EQ(world.Policy().status.health, "1/1 healthy");
  world.Advance(minutes(30));
  EXPECT_EQ(world.Incidents().size(), 1u);
}

TEST_F(AlertLivesTest, AnAlertThatIsNotRepeatedIsOverAfterItsTime) {
  policy.spec.mode = v1::kModeObserve;
  policy.spec.triggers[0].alert->clears_after_seconds = 120;
  Begin();
  FallIll();
  world.Advance(seconds(60));
  ASSERT_EQ(world.Incidents().size(), 1u);
  world.SetFigure("redis-1", 100);
  ASSERT_TRUE(Until(healing::kPhaseResolved, minutes(3)));
  EXPECT_EQ(Outcome(), healing::kSelfResolved);
  EXPECT_EQ(world.Policy().status.signals.at(0).labels.at(healing::kLabelClearedBy),
            healing::kClearedBySilence);
}

TEST_F(AlertLivesTest, WhileNothingChangesNothingIsWritten) {
  policy.spec.mode = v1::kModeObserve;
  Begin();
  FallIll();
  world.Advance(minutes(5));
  const int before = world.writes();
  world.Advance(minutes(30));
  EXPECT_EQ(world.writes(), before);
  world.SetFigure("redis-1", 100);
  Deliver(false);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
}

}  // namespace
}  // namespace salve::reconcilers
