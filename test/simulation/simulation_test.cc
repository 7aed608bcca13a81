// SPDX-License-Identifier: Apache-2.0
// The simulation itself: that it is deterministic, that its accidents happen, and that the lives
// are what they are meant to be. Thousands of worlds are salve-sim's business (suite simulation).
#include "test/simulation/known_defects.h"
#include "test/simulation/run.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/log.h"

namespace salve::simulation {
namespace {

using What = Accident::What;
using Where = Accident::Where;

class SimulationTest : public ::testing::Test {
 protected:
  SimulationTest() {
    SetLogWriterForTest([](std::string_view) {});
  }
  ~SimulationTest() override { SetLogWriterForTest(nullptr); }

  Plan PlanOf(const std::string& life, const std::string& accidents, std::uint64_t seed = 0) {
    Plan plan{FindLife(life), {}, seed, 0};
    EXPECT_TRUE(testing::ParseAccidents(accidents, &plan.accidents)) << accidents;
    return plan;
  }
};

TEST_F(SimulationTest, TheSameSeedGivesTheSameHistoryByteForByte) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Plan plan = PlanOf("undo", "crash-after@w9,freeze@w14", seed);
    const Ending first = Live(plan, true);
    const Ending second = Live(plan, true);
    EXPECT_FALSE(first.trace.empty());
    EXPECT_EQ(first.trace, second.trace);
    EXPECT_EQ(first.fingerprint, second.fingerprint);
    EXPECT_EQ(first.story, second.story);
  }
}

TEST_F(SimulationTest, AnotherSeedGivesAnotherHistory) {
  EXPECT_NE(Live(PlanOf("two-controllers", "", 1)).fingerprint,
            Live(PlanOf("two-controllers", "", 2)).fingerprint);
}

TEST_F(SimulationTest, AskingForATraceChangesNothing) {
  const Plan plan = PlanOf("approval", "lose-answer@w7", 5);
  EXPECT_EQ(Live(plan, true).fingerprint, Live(plan, false).fingerprint);
}

TEST_F(SimulationTest, EveryUndisturbedLifeEndsAsItIsMeantTo) {
  for (const Life& life : AllLives()) {
    const Plan plan{&life, {}, 0, 0};
    const Ending ending = Live(plan);
    if (!life.ends.empty()) {
      EXPECT_EQ(ending.incidents, life.ends) << life.name;
    }
    if (ExplainedBy(plan, ending) == nullptr) {
      EXPECT_THAT(ending.broken, ::testing::IsEmpty()) << life.name << "\n" << ending.story;
    }
  }
}

TEST_F(SimulationTest, AnAccidentStrikesOnce) {
  for (const char* accident :
       {"crash-before@w3", "lose-answer@x1", "too-many@r4", "duplicate@e5"}) {
    EXPECT_EQ(Live(PlanOf("auto", accident)).struck, 1) << accident;
  }
}

TEST_F(SimulationTest, ACrashIsSurvivedAtEachOfItsPoints) {
  const Ending reference = Live(PlanOf("auto", ""));
  for (int at = 1; at <= reference.points.at(Where::kWrite); ++at) {
    const Plan plan{FindLife("auto"), {{What::kCrashAfter, Where::kWrite, at}}, 0, 0};
    const Ending ending = Judge(plan, reference);
    EXPECT_EQ(ending.crashes, 1);
    if (ExplainedBy(plan, ending) == nullptr) {
      EXPECT_THAT(ending.broken, ::testing::IsEmpty()) << Arguments(plan);
    }
  }
}

TEST_F(SimulationTest, APlanIsReadAsItIsWritten) {
  const std::vector<Accident> plan = {{What::kGone, Where::kEvent, 12},
                                      {What::kPause, Where::kExecute, 1}};
  std::vector<Accident> read;
  ASSERT_TRUE(testing::ParseAccidents(testing::Describe(plan), &read));
  EXPECT_EQ(read, plan);
  for (const char* nonsense :
       {"crash", "crash-after@w", "crash-after@w0", "crash-after@q3", "@w1"}) {
    std::vector<Accident> none;
    EXPECT_FALSE(testing::ParseAccidents(nonsense, &none)) << nonsense;
  }
}

}  // namespace
}  // namespace salve::simulation
