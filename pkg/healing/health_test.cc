// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/evidence.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using testing::After;
using testing::kNow;

class Probe {
 public:
  // Health 0..100, -1 = could not be measured. Returns whether the state changed.
  bool Add(int health) {
    Measurement m;
    m.state = health < 0    ? HealthState::kUnknown
              : health == 0 ? HealthState::kUnhealthy
                            : HealthState::kHealthy;
    m.health = health;
    m.at = After(10 * ++count_);
    return tracker.Add(m);
  }
  HealthState state() const { return tracker.state().state; }
  IndicatorTracker tracker{"memory", Thresholds{}};

 private:
  int count_ = 0;
};

TEST(IndicatorTracker, OneBadMeasurementIsNoIllness) {
  Probe probe;
  probe.Add(90);
  probe.Add(90);
  EXPECT_FALSE(probe.Add(10));
  EXPECT_EQ(probe.state(), HealthState::kHealthy);
  EXPECT_TRUE(probe.Add(10)) << "two in a row are";
  EXPECT_EQ(probe.state(), HealthState::kUnhealthy);
  EXPECT_EQ(probe.tracker.state().since, After(40));
}

TEST(IndicatorTracker, BadOnesMustBeConsecutive) {
  Probe probe;
  for (const int health : {90, 90, 10, 90, 10, 90, 10, 75, 10}) probe.Add(health);
  EXPECT_EQ(probe.state(), HealthState::kHealthy);
}

TEST(IndicatorTracker, BetweenTheThresholdsNothingChanges) {
  Probe probe;
  for (const int health : {10, 10, 75, 75, 75, 80}) probe.Add(health);
  EXPECT_EQ(probe.state(), HealthState::kUnhealthy) << "80 is not above 80";
  probe.Add(81);
  EXPECT_EQ(probe.state(), HealthState::kUnhealthy);
  probe.Add(81);
  EXPECT_EQ(probe.state(), HealthState::kHealthy);
}

TEST(IndicatorTracker, SeventyIsNotBelowSeventy) {
  Probe probe;
  for (const int health : {90, 90, 70, 70, 70}) probe.Add(health);
  EXPECT_EQ(probe.state(), HealthState::kHealthy);
}

TEST(IndicatorTracker, NotMeasuredIsAStateOfItsOwnAndLaterASignal) {
  Probe probe;
  probe.Add(90);
  probe.Add(90);
  probe.Add(-1);
  EXPECT_EQ(probe.state(), HealthState::kHealthy) << "one is noise";
  probe.Add(-1);
  EXPECT_EQ(probe.state(), HealthState::kUnknown);
  EXPECT_FALSE(probe.tracker.state().unmeasurable);
  for (int i = 0; i < 4; ++i) probe.Add(-1);
  EXPECT_TRUE(probe.tracker.state().unmeasurable) << "after three times the threshold";
  EXPECT_TRUE(probe.Add(90));
  EXPECT_FALSE(probe.tracker.state().unmeasurable);
}

TEST(IndicatorTracker, NotMeasuredNeitherCountsNorBreaksARun) {
  Probe probe;
  for (const int health : {90, 90, 10, -1, 10}) probe.Add(health);
  EXPECT_EQ(probe.state(), HealthState::kUnhealthy);
}

TEST(IndicatorTracker, AFullServerIsGoodEvenWithTheHighestThreshold) {
  Thresholds strict;
  strict.healthy_above = 100;
  Measurement m;
  m.state = HealthState::kHealthy;
  m.health = 100;
  EXPECT_EQ(Judge(m, strict), Verdict::kGood);
}

TEST(IndicatorTracker, AnIllTargetStaysIllOverARestart) {
  IndicatorTracker tracker("memory", Thresholds{});
  tracker.Restore(HealthState::kUnhealthy, 10, After(-500));
  EXPECT_EQ(tracker.state().state, HealthState::kUnhealthy);
  EXPECT_EQ(tracker.state().since, After(-500)) << "the onset is kept";
  Measurement m;
  m.state = HealthState::kUnhealthy;
  m.at = kNow;
  EXPECT_FALSE(tracker.Add(m));
  EXPECT_EQ(tracker.state().since, After(-500));
}

TEST(IndicatorTracker, AMeasurementThatComesLateIsIgnored) {
  Probe probe;
  probe.Add(90);
  Measurement old;
  old.at = After(-100);
  old.message = "old";
  EXPECT_FALSE(probe.tracker.Add(old));
  EXPECT_NE(probe.tracker.state().message, "old");
}

IndicatorState Indicator(const std::string& name, HealthState state, int health) {
  IndicatorState indicator;
  indicator.name = name;
  indicator.state = state;
  indicator.health = health;
  indicator.measured = state != HealthState::kUnknown;
  return indicator;
}

TEST(CombineHealth, IsTheLowestOfItsIndicators) {
  const auto combine = [](const std::vector<IndicatorState>& all) {
    return CombineHealth({}, all);
  };
  const auto healthy = Indicator("a", HealthState::kHealthy, 95);
  const auto ill = Indicator("b", HealthState::kUnhealthy, 20);
  const auto unknown = Indicator("c", HealthState::kUnknown, 0);
  EXPECT_EQ(combine({healthy, ill, unknown}).state, HealthState::kUnhealthy);
  EXPECT_EQ(combine({healthy, ill, unknown}).health, 20);
  EXPECT_EQ(combine({healthy, unknown}).state, HealthState::kUnknown);
  EXPECT_EQ(combine({healthy, unknown}).health, 95) << "what was not measured has no figure";
  EXPECT_EQ(combine({healthy}).state, HealthState::kHealthy);
  EXPECT_EQ(combine({}).state, HealthState::kUnknown);
}

TEST(CombineHealth, ATargetThatIsGoneIsMissingWhateverItsProbesSay) {
  TargetObservation gone;
  gone.state = HealthState::kMissing;
  EXPECT_EQ(CombineHealth(gone, {Indicator("a", HealthState::kUnhealthy, 0)}).state,
            HealthState::kMissing);
}

TEST(TargetStatus, WobbleIsNoChange) {
  const auto status = [](int health, const v1::TargetStatus* previous) {
    return ToTargetStatus("t", CombineHealth({}, {Indicator("a", HealthState::kHealthy, health)}),
                          previous, kNow);
  };
  const v1::TargetStatus first = status(94, nullptr);
  EXPECT_EQ(first.health, 90);
  EXPECT_FALSE(WorthWriting(first, status(91, &first), After(-3600), kNow));
  EXPECT_TRUE(WorthWriting(first, status(85, &first), After(-30), kNow));
  EXPECT_FALSE(WorthWriting(first, status(85, &first), After(-29), kNow))
      << "a figure at most every 30 s";
}

TEST(TargetStatus, TheFirstWordOnAnIndicatorIsWrittenAtOnceAndAnotherSentenceLater) {
  const auto saying = [](const std::string& message) {
    IndicatorState indicator = Indicator("a", HealthState::kUnknown, 0);
    indicator.message = message;
    return ToTargetStatus("t", CombineHealth({}, {indicator}), nullptr, kNow);
  };
  EXPECT_TRUE(WorthWriting(saying(""), saying("password wanted"), kNow, kNow));
  EXPECT_FALSE(WorthWriting(saying("took 5 ms"), saying("took 71 ms"), After(-3600), kNow));
  EXPECT_TRUE(WorthWriting(saying("took 5 ms"), saying("refused"), After(-30), kNow));
  EXPECT_FALSE(WorthWriting(saying("took 5 ms"), saying("refused"), After(-29), kNow));
}

TEST(IndicatorTracker, AfterTheCalendarWasSetBackMeasurementsCountAgain) {
  const auto measured = [](bool well, WallTime at) {
    Measurement m;
    m.state = well ? HealthState::kHealthy : HealthState::kUnhealthy;
    m.health = well ? 100 : 0;
    m.at = at;
    return m;
  };
  IndicatorTracker tracker("a", {});
  for (int i = 0; i < 2; ++i) tracker.Add(measured(true, After(i)));
  tracker.Add(measured(false, After(-1)));  // an answer that was overtaken
  EXPECT_EQ(tracker.state().last_measured, After(1));
  for (int i = 0; i < 2; ++i) tracker.Add(measured(false, After(-3600 + i)));
  EXPECT_EQ(tracker.state().state, HealthState::kUnhealthy);
}

TEST(TargetStatus, ATransitionIsWrittenAtOnceAndKeepsTheLastHealthyTime) {
  const v1::TargetStatus well = ToTargetStatus(
      "t", CombineHealth({}, {Indicator("a", HealthState::kHealthy, 94)}), nullptr, After(-60));
  const v1::TargetStatus ill = ToTargetStatus(
      "t", CombineHealth({}, {Indicator("a", HealthState::kUnhealthy, 94)}), &well, kNow);
  EXPECT_TRUE(WorthWriting(well, ill, kNow, kNow));
  EXPECT_EQ(ill.last_healthy, FormatTime(kNow));
  EXPECT_EQ(ill.state, "Unhealthy");
}

TEST(SanitizeLine, TakesControlCharactersAndBrokenUtf8AndKeepsTheRest) {
  EXPECT_EQ(SanitizeLine("a\x1b[31mb\nc"), "a [31mb c");
  EXPECT_EQ(SanitizeLine("Gr\xC3\xBC\xC3\x9F"
                         "e"),
            "Gr\xC3\xBC\xC3\x9F"
            "e");
  EXPECT_EQ(SanitizeLine("x\xff"), "x\xEF\xBF\xBD");
  EXPECT_EQ(SanitizeLine("\xC2\x9B"
                         "2J"),
            " 2J")
      << "C1 controls";
  EXPECT_EQ(SanitizeLine("\xC3\xBC\xC3\xBC", 3), "\xC3\xBC") << "cut at a character";
}

}  // namespace
}  // namespace salve::healing
