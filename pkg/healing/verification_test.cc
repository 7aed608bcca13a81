// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/verification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using testing::After;
using testing::kNow;

// G good, B bad, U unmeasured, - between; one check at each due time.
struct Case {
  std::string sentence;
  v1::Verification spec;
  std::string checks;
  std::string outcome;     // "" = still running
  std::size_t ends_after;  // checks
};
std::ostream& operator<<(std::ostream& os, const Case& c) { return os << c.sentence; }
class VerificationTest : public ::testing::TestWithParam<Case> {};

v1::Verification Spec(std::int64_t min_healthy = 0, std::int64_t timeout = 60) {
  v1::Verification spec;
  spec.min_healthy_seconds = min_healthy;
  spec.timeout_seconds = timeout;
  return spec;
}

FreshCheck CheckOf(char c, WallTime at) {
  FreshCheck check;
  check.verdict = c == 'G'   ? Verdict::kGood
                  : c == 'B' ? Verdict::kBad
                  : c == 'U' ? Verdict::kUnmeasured
                             : Verdict::kBetween;
  check.at = at;
  return check;
}

TEST_P(VerificationTest, EndsAsTheSentenceSays) {
  const Case& c = GetParam();
  v1::VerificationStatus status = StartVerification(c.spec, kNow);
  EXPECT_EQ(status.next_check_at, FormatMicroTime(After(c.spec.initial_delay_seconds)));
  std::size_t made = 0;
  for (const char kind : c.checks) {
    if (!status.outcome.empty()) break;
    const auto due = ParseTime(status.next_check_at);
    ASSERT_TRUE(due);
    AdvanceVerification(c.spec, CheckOf(kind, *due), status);
    ++made;
  }
  EXPECT_EQ(status.outcome, c.outcome) << c.sentence << ": " << status.message;
  EXPECT_EQ(made, c.ends_after) << c.sentence;
  EXPECT_EQ(status.outcome.empty(), status.finished_at.empty());
  EXPECT_EQ(status.outcome.empty(), !status.next_check_at.empty())
      << "it runs and has a next check, or has ended and has none";
}

INSTANTIATE_TEST_SUITE_P(
    All, VerificationTest,
    ::testing::ValuesIn(std::vector<Case>{
        {"two good ones in a row are a success", Spec(), "GG", kOutcomeSuccessful, 2},
        {"one good one is not", Spec(), "G", "", 1},
        {"a bad one in between starts the row anew", Spec(), "GBGG", kOutcomeSuccessful, 4},
        {"an unmeasured one in between starts the row anew", Spec(), "GUGG", kOutcomeSuccessful, 4},
        {"one in between starts the row anew", Spec(), "G-GG", kOutcomeSuccessful, 4},
        {"three bad ones fail", Spec(), "BBB", kOutcomeFailed, 3},
        {"three bad ones fail also if not in a row", Spec(), "BGBGB", kOutcomeFailed, 5},
        {"four unmeasured ones in a row are an error, not a failure", Spec(), "UUUU", kOutcomeError,
         4},
        {"unmeasured ones that are not in a row are none", Spec(), "UUGUUGUU", "", 8},
        {"healthy for ten seconds is asked for", Spec(10), "GGGGGG", kOutcomeSuccessful, 6},
        {"healthy for less than that is not enough", Spec(10), "GGGGG", "", 5},
        {"neither good nor bad until the time-out is inconclusive", Spec(0, 6), "----",
         kOutcomeInconclusive, 4},
        {"bad at the time-out is a failure", Spec(0, 4), "--B", kOutcomeFailed, 3},
        {"unmeasured at the time-out is an error", Spec(0, 4), "--U", kOutcomeError, 3},
        {"a good fix just before the time-out is given its proof", Spec(10, 2), "-GGGGGG",
         kOutcomeSuccessful, 7},
    }));

TEST(Verification, AClockThatIsSetBackBeginsTheTimeOutAnewAndStillEnds) {
  const v1::Verification spec = Spec(0, 10);
  v1::VerificationStatus status = StartVerification(spec, kNow);
  AdvanceVerification(spec, CheckOf('-', After(-3600)), status);
  EXPECT_EQ(status.started_at, FormatMicroTime(After(-3600)));
  AdvanceVerification(spec, CheckOf('-', After(-3580)), status);
  EXPECT_EQ(status.outcome, kOutcomeInconclusive);
}

TEST(Verification, TimeInWhichNobodyLookedNeitherRunsOutNorProvesAnything) {
  v1::VerificationStatus status = StartVerification(Spec(/*min_healthy=*/60), kNow);
  AdvanceVerification(Spec(60), CheckOf('G', *ParseTime(status.next_check_at)), status);
  AdvanceVerification(Spec(60), CheckOf('G', After(1200)), status);
  EXPECT_EQ(status.outcome, "") << "away for twenty minutes: " << status.message;
  for (int i = 0; i < 60 && status.outcome.empty(); ++i) {
    AdvanceVerification(Spec(60), CheckOf('G', *ParseTime(status.next_check_at)), status);
  }
  EXPECT_EQ(status.outcome, kOutcomeSuccessful);
  EXPECT_GE(*ParseTime(status.finished_at), After(1200 + 50));
}

TEST(Verification, AnEndedOneTakesNoMoreChecks) {
  const v1::Verification spec = Spec();
  v1::VerificationStatus status = StartVerification(spec, kNow);
  AdvanceVerification(spec, CheckOf('G', After(2)), status);
  AdvanceVerification(spec, CheckOf('G', After(4)), status);
  AdvanceVerification(spec, CheckOf('B', After(6)), status);
  EXPECT_EQ(status.outcome, kOutcomeSuccessful);
  EXPECT_EQ(status.failures, 0);
}

Measurement Measured(HealthState state, int health) {
  Measurement m;
  m.state = state;
  m.health = health;
  return m;
}

TEST(CombineFresh, TheWorstOfAllCounts) {
  const auto combine = [](const std::vector<Measurement>& all,
                          const std::optional<TargetObservation>& seen) {
    std::vector<ProbeReading> readings;
    for (const Measurement& m : all) readings.push_back({"p", Thresholds{}, m});
    return CombineFresh(seen, readings, kNow);
  };
  const auto good = Measured(HealthState::kHealthy, 90);
  const auto low = Measured(HealthState::kHealthy, 60);
  const auto between = Measured(HealthState::kHealthy, 75);
  const auto unknown = Measured(HealthState::kUnknown, 0);
  EXPECT_EQ(combine({good, good}, testing::RunningTarget()).verdict, Verdict::kGood);
  EXPECT_EQ(combine({good, low}, testing::RunningTarget()).verdict, Verdict::kBad);
  EXPECT_EQ(combine({good, between}, {}).verdict, Verdict::kBetween);
  EXPECT_EQ(combine({good, unknown}, {}).verdict, Verdict::kUnmeasured);
  EXPECT_EQ(combine({low, unknown}, {}).verdict, Verdict::kBad);
  EXPECT_EQ(combine({}, {}).verdict, Verdict::kUnmeasured) << "nothing to measure proves nothing";
  TargetObservation down = testing::RunningTarget();
  down.running = false;
  down.state = HealthState::kUnhealthy;
  EXPECT_EQ(combine({good}, down).verdict, Verdict::kBad);
}

TEST(CombineFresh, ATargetThatIsStillStartingIsNeitherBadNorGoodNorUnmeasurable) {
  TargetObservation starting = testing::RunningTarget();
  starting.conditions = {kConditionStarting};
  starting.state = HealthState::kUnknown;  // as the docker backend says it
  EXPECT_EQ(CombineFresh(starting, {}, kNow).verdict, Verdict::kBetween);
  for (const HealthState state :
       {HealthState::kUnhealthy, HealthState::kHealthy, HealthState::kUnknown}) {
    std::vector<ProbeReading> readings = {{"p", Thresholds{}, Measured(state, 100)}};
    EXPECT_EQ(CombineFresh(starting, readings, kNow).verdict, Verdict::kBetween);
  }
}

TEST(CombineFresh, ARolloutIsInBetweenAlsoWhileNothingRuns) {
  TargetObservation rolling = testing::RunningTarget();
  rolling.conditions = {kConditionRolloutInProgress};
  rolling.state = HealthState::kUnknown;
  rolling.running = false;
  EXPECT_EQ(CombineFresh(rolling, {}, kNow).verdict, Verdict::kBetween);
  rolling.state = HealthState::kHealthy;  // enough of it serves
  EXPECT_EQ(CombineFresh(rolling, {}, kNow).verdict, Verdict::kGood);
}

v1::Observation Seen(const char* state, std::int64_t health) {
  v1::Observation observation;
  observation.state = state;
  observation.health = health;
  return observation;
}

TEST(GotWorse, IsAClearLossOnly) {
  EXPECT_TRUE(GotWorse(Seen("Unhealthy", 50), Seen("Unhealthy", 0))) << "served, serves no more";
  EXPECT_TRUE(GotWorse(Seen("Unhealthy", 50), Seen("Unhealthy", 25)));
  EXPECT_FALSE(GotWorse(Seen("Unhealthy", 50), Seen("Unhealthy", 40))) << "wobble";
  EXPECT_FALSE(GotWorse(Seen("Unhealthy", 50), Seen("Unknown", 0))) << "not measured";
  EXPECT_FALSE(GotWorse(Seen("Unhealthy", 0), Seen("Unhealthy", 0)));
  EXPECT_TRUE(GotWorse(Seen("Unhealthy", 0), Seen("Missing", 0)));
  EXPECT_FALSE(GotWorse(Seen("Healthy", 100), Seen("Healthy", 71)));
}

}  // namespace
}  // namespace salve::healing
