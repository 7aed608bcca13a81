// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/health_table.h"

#include <gtest/gtest.h>

#include "pkg/base/time_format.h"

namespace salve::reconcilers {
namespace {

namespace v1 = apis::salve::v1alpha1;
using apis::meta::v1::NamespacedName;
using healing::HealthState;
using std::chrono::seconds;

const NamespacedName kPolicy{"shop", "redis"};
const v1::TargetRef kTarget{"docker", "Container", "redis-1"};

v1::Probe MemoryProbe() {
  v1::Probe probe;
  probe.name = "memory";
  probe.failure_threshold = 2;
  probe.success_threshold = 1;
  return probe;
}

healing::Measurement Measured(int health, int second) {
  healing::Measurement m;
  m.state = health < 70 ? HealthState::kUnhealthy : HealthState::kHealthy;
  m.health = health;
  m.at = WallTime(seconds(second));
  return m;
}

class HealthTableTest : public testing::Test {
 protected:
  bool Add(int health, int second) {
    return table_.Add({kPolicy.ns, kPolicy.name, kTarget, MemoryProbe()}, Measured(health, second));
  }
  HealthState State() { return table_.Indicators(kPolicy, kTarget.name).at(0).state; }

  HealthTable table_;
};

TEST_F(HealthTableTest, TurnsUnhealthyAfterTheThresholdOfFailuresAndSaysSo) {
  table_.Configure(kPolicy, {kTarget}, {MemoryProbe()}, {});
  EXPECT_TRUE(Add(95, 1)) << "the first measurement is news";
  EXPECT_EQ(State(), HealthState::kHealthy);
  Add(10, 2);
  EXPECT_EQ(State(), HealthState::kHealthy) << "one bad measurement is not an illness";
  EXPECT_TRUE(Add(10, 3));
  EXPECT_EQ(State(), HealthState::kUnhealthy);
}

TEST_F(HealthTableTest, IsSilentWhileAFigureWobblesWithinItsBucket) {
  table_.Configure(kPolicy, {kTarget}, {MemoryProbe()}, {});
  Add(95, 1);
  EXPECT_FALSE(Add(93, 2));
  EXPECT_FALSE(Add(97, 3));
}

TEST_F(HealthTableTest, KeepsWhatItKnowsWhenThePolicyIsConfiguredAgain) {
  table_.Configure(kPolicy, {kTarget}, {MemoryProbe()}, {});
  Add(10, 1);
  table_.Configure(kPolicy, {kTarget}, {MemoryProbe()}, {});
  Add(10, 2);
  EXPECT_EQ(State(), HealthState::kUnhealthy) << "the first failure must still count";
}

TEST_F(HealthTableTest, GoesOnFromThePolicysStatusAfterARestart) {
  v1::HealingPolicyStatus status;
  v1::TargetStatus target;
  target.name = kTarget.name;
  target.since = "2026-11-01T00:00:00Z";
  target.indicators = {{"memory", "Unhealthy", 10, ""}};
  status.targets = {target};
  table_.Configure(kPolicy, {kTarget}, {MemoryProbe()}, status);
  EXPECT_EQ(State(), HealthState::kUnhealthy);
  EXPECT_EQ(FormatTime(table_.Indicators(kPolicy, kTarget.name).at(0).since), target.since);
}

TEST_F(HealthTableTest, DropsMeasurementsOfWhatIsNotConfigured) {
  EXPECT_FALSE(Add(10, 1));
  table_.Configure(kPolicy, {kTarget}, {MemoryProbe()}, {});
  table_.Forget(kPolicy);
  EXPECT_FALSE(Add(10, 2));
  EXPECT_TRUE(table_.Indicators(kPolicy, kTarget.name).empty());
}

}  // namespace
}  // namespace salve::reconcilers
