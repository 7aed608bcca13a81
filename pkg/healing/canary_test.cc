// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/canary.h"

#include <gtest/gtest.h>

#include "pkg/base/time_format.h"
#include "pkg/healing/machine.h"

namespace salve::healing {
namespace {

std::shared_ptr<const v1::Incident> Ended(const std::string& outcome, const std::string& at) {
  auto incident = std::make_shared<v1::Incident>();
  incident->status.outcome = outcome;
  incident->status.resolved_at = at;
  return incident;
}

v1::HealingPolicy MakeCanary() {
  v1::HealingPolicy policy;
  policy.metadata.annotations[kCanaryAnnotation] = "true";
  policy.metadata.creation_timestamp = "2026-12-01T10:00:00Z";
  return policy;
}

void Allow(const std::string& status, const std::string& since, v1::HealingPolicy& policy) {
  apis::meta::v1::Condition condition;
  condition.type = v1::kPolicyRemediationAllowed;
  condition.status = status;
  condition.last_transition_time = since;
  policy.status.conditions = {condition};
}

TEST(IsCanaryTest, OnlyTheWordTrueMakesOne) {
  v1::HealingPolicy policy;
  EXPECT_FALSE(IsCanary(policy.metadata));
  policy.metadata.annotations[kCanaryAnnotation] = "false";
  EXPECT_FALSE(IsCanary(policy.metadata));
  EXPECT_TRUE(IsCanary(MakeCanary().metadata));
}

TEST(CanaryPeriodTest, WhatIsNoPeriodIsTheUsualOne) {
  v1::HealingPolicy policy = MakeCanary();
  EXPECT_EQ(CanaryPeriod(policy.metadata), kCanaryPeriod);
  for (const char* wrong : {"", "0", "-5", "5m", "86401", "99999999999999999999"}) {
    policy.metadata.annotations[kCanaryPeriodAnnotation] = wrong;
    EXPECT_EQ(CanaryPeriod(policy.metadata), kCanaryPeriod) << wrong;
  }
  policy.metadata.annotations[kCanaryPeriodAnnotation] = "60";
  EXPECT_EQ(CanaryPeriod(policy.metadata), std::chrono::minutes(1));
}

TEST(LastCanarySuccessTest, IsTheEndOfTheLastIncidentThatWasHealed) {
  const auto last = LastCanarySuccess(
      MakeCanary(),
      {Ended(kAutoHealed, "2026-12-01T11:00:00Z"), Ended(kAutoHealed, "2026-12-01T11:05:00Z"),
       Ended(kSelfResolved, "2026-12-01T11:10:00Z"), Ended("", "")});
  ASSERT_TRUE(last);
  EXPECT_EQ(FormatTime(*last), "2026-12-01T11:05:00Z");
}

TEST(LastCanarySuccessTest, IsKnownFromTheRecordsWhereTheIncidentIsGone) {
  v1::HealingPolicy policy = MakeCanary();
  v1::ActionRecord good;
  good.result = kOutcomeSuccessful;
  good.finished_at = "2026-12-01T11:05:00Z";
  v1::ActionRecord bad;
  bad.result = kOutcomeFailed;
  bad.finished_at = "2026-12-01T11:20:00Z";
  policy.status.actions = {good, bad};
  EXPECT_EQ(FormatTime(LastCanarySuccess(policy, {}).value()), good.finished_at);
  policy.status.actions = {bad};
  EXPECT_FALSE(LastCanarySuccess(policy, {Ended(kEscalated, "2026-12-01T11:00:00Z")}));
}

TEST(CanaryAwaitedSinceTest, IsItsMakingUntilItWasHealedAndNothingWhileSalveMayNotAct) {
  v1::HealingPolicy policy = MakeCanary();
  const auto healed = ParseTime("2026-12-01T11:00:00Z");
  EXPECT_EQ(FormatTime(CanaryAwaitedSince(policy, std::nullopt).value()), "2026-12-01T10:00:00Z");
  EXPECT_EQ(CanaryAwaitedSince(policy, healed), healed);
  Allow("False", "2026-12-01T11:01:00Z", policy);
  EXPECT_FALSE(CanaryAwaitedSince(policy, healed)) << "paused: neither success nor failure";
  Allow("True", "2026-12-01T12:00:00Z", policy);
  EXPECT_EQ(FormatTime(CanaryAwaitedSince(policy, healed).value()), "2026-12-01T12:00:00Z")
      << "two periods are left from the end of the pause on";
}

}  // namespace
}  // namespace salve::healing
