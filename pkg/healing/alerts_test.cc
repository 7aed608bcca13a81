// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/signals.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using std::chrono::seconds;
using testing::After;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kNow;
using testing::MakePolicy;
using ::testing::SizeIs;

v1::PolicyTrigger Trigger(const std::string& name, std::vector<std::string> matchers) {
  v1::PolicyTrigger trigger;
  trigger.name = name;
  trigger.alert.emplace().matchers = std::move(matchers);
  return trigger;
}

Alert MakeAlert(std::int64_t since = 0) {
  Alert alert;
  alert.receiver = "am";
  alert.labels = {{"alertname", "RedisDown"}, {"instance", "redis-test"}};
  alert.message = "redis does not answer";
  alert.severity = kSeverityCritical;
  alert.since = After(since);
  alert.told = true;
  return alert;
}
Alert Resolved(std::int64_t since) {
  Alert alert = MakeAlert(since);
  alert.firing = false;
  return alert;
}

class AlertsTest : public ::testing::Test {
 protected:
  AlertsTest() { policy.spec.triggers = {Trigger("down", {"alertname=\"RedisDown\""})}; }

  SignalEffect Apply(const Alert& alert, std::int64_t at, std::int64_t absorbed = 0) {
    return ApplyAlert(policy.status.signals, {"down", "", ""}, alert, absorbed, After(at));
  }
  bool Settle(std::int64_t at) {
    return SettleSignals(policy.spec, clears, policy.status.actions, 1, After(at),
                         policy.status.signals);
  }
  HealthState StateAt(std::int64_t at) {
    const auto indicators = AlertIndicators(policy, clears, "redis-test", After(at));
    return indicators.empty() ? HealthState::kUnknown : indicators.front().state;
  }
  const v1::SignalStatus& signal() { return policy.status.signals.at(0); }

  v1::HealingPolicy policy = MakePolicy();
  ClearsAfter clears{{"am", 0}, {"curl", 900}};
};

TEST_F(AlertsTest, ATriggerMatchesByReceiverAndAllItsMatchers) {
  policy.spec.triggers = {Trigger("other-receiver", {"alertname=\"RedisDown\""}),
                          Trigger("other-label", {"alertname=\"RedisDown\"", "instance=\"x\""}),
                          Trigger("fits", {"alertname=~\"Redis.*\"", "team!=\"data\""})};
  policy.spec.triggers[0].alert->receiver = "sentry";
  const auto matches = TriggerSet(policy.spec).Matching(MakeAlert());
  ASSERT_THAT(matches, SizeIs(1));
  EXPECT_EQ(matches[0].trigger, "fits");
}

TEST_F(AlertsTest, ATriggerWithATargetLabelIsAboutThatTargetOrAboutNothing) {
  policy.spec.triggers[0].alert->target_label = "instance";
  Alert alert = MakeAlert();
  ASSERT_THAT(TriggerSet(policy.spec).Matching(alert), SizeIs(1));
  EXPECT_EQ(TriggerSet(policy.spec).Matching(alert)[0].target, "redis-test");
  alert.labels.erase("instance");
  EXPECT_THAT(TriggerSet(policy.spec).Matching(alert), IsEmpty());
}

TEST_F(AlertsTest, ATriggerThatCannotBeUnderstoodMatchesNothing) {
  policy.spec.triggers = {Trigger("broken", {"alertname=~\"(\""}), Trigger("empty", {})};
  EXPECT_THAT(TriggerSet(policy.spec).Matching(MakeAlert()), IsEmpty());
}

TEST_F(AlertsTest, FingerprintsTellLabelListsApartThatLookAlike) {
  Alert a;
  a.labels = {{"a", "b"}, {"c", "d"}};
  Alert b;
  b.labels = {{"a", "b1:c1:d"}};
  EXPECT_NE(AlertFingerprint(a), AlertFingerprint(b));
  b = a;
  b.receiver = "x";
  EXPECT_NE(AlertFingerprint(a), AlertFingerprint(b));
  EXPECT_THAT(AlertFingerprint(a), SizeIs(64));
}

TEST_F(AlertsTest, AnAlertThatFiresIsAnUnhealthyIndicatorNamedAfterItsTrigger) {
  EXPECT_EQ(Apply(MakeAlert(-5), 0).change, SignalChange::kChanged);
  EXPECT_EQ(signal().state, kSignalFiring);
  EXPECT_EQ(signal().labels.at(kLabelReceiver), "am");
  const auto indicators = AlertIndicators(policy, clears, "redis-test", kNow);
  ASSERT_THAT(indicators, SizeIs(1));
  EXPECT_EQ(indicators[0].name, "down");
  EXPECT_EQ(indicators[0].state, HealthState::kUnhealthy);
  EXPECT_EQ(indicators[0].since, After(-5));
  TargetHealth health = CombineHealth(std::nullopt, indicators);
  const auto signals = SignalsOf({"docker", "Container", "redis-test"}, health, std::nullopt);
  ASSERT_THAT(signals, SizeIs(1));
  EXPECT_EQ(signals[0].source, kSourceAlert);
  EXPECT_EQ(signals[0].kind, "down");
  EXPECT_EQ(signals[0].severity, kSeverityCritical);
}

TEST_F(AlertsTest, RepeatsAreCountedButWrittenAtMostEveryThirtySeconds) {
  Apply(MakeAlert(), 0);
  std::int64_t absorbed = 0;
  int writes = 0;
  for (int second = 1; second <= 60; ++second) {
    const SignalEffect effect = Apply(MakeAlert(), second, absorbed);
    EXPECT_TRUE(effect.repeat);
    if (effect.change == SignalChange::kChanged) {
      ++writes;
      absorbed = 0;
    } else {
      ++absorbed;
    }
  }
  EXPECT_EQ(writes, 2);
  EXPECT_EQ(signal().occurrences, 61);
}

TEST_F(AlertsTest, AResolvedAlertClearsAndNeverOpens) {
  Apply(MakeAlert(), 0);
  EXPECT_EQ(Apply(Resolved(30), 31).change, SignalChange::kChanged);
  EXPECT_EQ(StateAt(32), HealthState::kHealthy);
  policy.status.signals.clear();
  Apply(Resolved(40), 41);
  EXPECT_EQ(StateAt(42), HealthState::kHealthy);
}

TEST_F(AlertsTest, WhatIsOlderThanWhatIsKnownChangesNothing) {
  Apply(MakeAlert(0), 1);
  Apply(Resolved(30), 31);
  const auto before = policy.status.signals;
  EXPECT_EQ(Apply(MakeAlert(0), 40).change, SignalChange::kNone) << "a firing played again";
  EXPECT_EQ(Apply(MakeAlert(30), 41).change, SignalChange::kNone);
  EXPECT_EQ(signal().state, kSignalCleared);
  Apply(MakeAlert(50), 51);
  EXPECT_EQ(Apply(Resolved(30), 52).change, SignalChange::kNone) << "the end of the time before";
  EXPECT_EQ(signal().state, kSignalFiring);
  EXPECT_EQ(signal().occurrences, 1);
}

TEST_F(AlertsTest, AnEndThatComesBeforeItsBeginningIsRemembered) {
  EXPECT_EQ(Apply(Resolved(30), 31).change, SignalChange::kChanged);
  EXPECT_EQ(Apply(MakeAlert(0), 32).change, SignalChange::kNone);
  EXPECT_EQ(signal().state, kSignalCleared);
}

TEST_F(AlertsTest, ASenderWithoutTimesFiresAgainAfterItsEnd) {
  Alert alert = MakeAlert(0);
  alert.told = false;
  Apply(alert, 0);
  alert.since = After(10);
  EXPECT_EQ(Apply(alert, 10).change, SignalChange::kNone) << "a repeat, not a new beginning";
  alert.firing = false;
  alert.since = After(20);
  Apply(alert, 20);
  EXPECT_EQ(signal().state, kSignalCleared);
  alert.firing = true;
  alert.since = After(30);
  Apply(alert, 30);
  EXPECT_EQ(signal().state, kSignalFiring);
}

TEST_F(AlertsTest, AClockThatIsAheadDoesNotReachIntoTheFuture) {
  policy.spec.triggers[0].alert->for_seconds = 10;
  Apply(MakeAlert(3600), 0);
  EXPECT_EQ(StateAt(11), HealthState::kUnhealthy);
}

TEST_F(AlertsTest, ItCountsOnlyAfterForSeconds) {
  policy.spec.triggers[0].alert->for_seconds = 60;
  Apply(MakeAlert(0), 1);
  EXPECT_EQ(StateAt(59), HealthState::kHealthy);
  EXPECT_EQ(NextSignalChange(policy, clears, After(2)), After(60));
  EXPECT_EQ(StateAt(60), HealthState::kUnhealthy);
}

TEST_F(AlertsTest, SilenceClearsWhereTheSenderNeverSaysThatItIsOver) {
  Alert alert = MakeAlert();
  alert.receiver = "curl";
  Apply(alert, 0);
  EXPECT_FALSE(Settle(899));
  EXPECT_EQ(NextSignalChange(policy, clears, After(899)), After(900));
  EXPECT_EQ(StateAt(900), HealthState::kHealthy) << "also before anybody wrote it down";
  EXPECT_TRUE(Settle(900));
  EXPECT_EQ(signal().labels.at(kLabelClearedBy), kClearedBySilence);
  // It is not over for its sender: the same alert counts again, from now on.
  EXPECT_EQ(Apply(alert, 1000).change, SignalChange::kChanged);
  EXPECT_EQ(StateAt(1000), HealthState::kUnhealthy);
  EXPECT_EQ(ParseTime(signal().since), After(1000));
}

TEST_F(AlertsTest, SilenceClearsNothingOfAnAlertmanager) {
  Apply(MakeAlert(), 0);
  EXPECT_FALSE(Settle(1'000'000));
  policy.spec.triggers[0].alert->clears_after_seconds = 60;
  EXPECT_TRUE(Settle(60)) << "unless the policy says so";
}

TEST_F(AlertsTest, AFixThatWasVerifiedClearsWhatOnlySilenceWould) {
  Alert alert = MakeAlert();
  alert.receiver = "curl";
  Apply(alert, 0);
  policy.status.actions = {testing::Record("a-1", 5, kOutcomeSuccessful, 20)};
  policy.status.actions[0].target = "redis-test";
  EXPECT_TRUE(Settle(21));
  EXPECT_EQ(signal().labels.at(kLabelClearedBy), kClearedByHealing);
  alert.receiver = "am";
  Apply(alert, 30);
  EXPECT_FALSE(Settle(31)) << "a sender that says it is asked";
}

TEST_F(AlertsTest, SignalsOfATriggerThatIsGoneAreDropped) {
  Apply(MakeAlert(), 0);
  policy.spec.triggers.clear();
  EXPECT_TRUE(Settle(1));
  EXPECT_THAT(policy.status.signals, IsEmpty());
}

TEST_F(AlertsTest, AtTwoHundredTheClearedOnesGoFirstAndThenNothingMoreIsTaken) {
  for (int i = 0; i < 200; ++i) {
    Alert alert = MakeAlert();
    alert.labels["n"] = std::to_string(i);
    Apply(alert, 0);
  }
  ASSERT_THAT(policy.status.signals, SizeIs(kMaxSignals));
  Alert more = MakeAlert();
  more.labels["n"] = "more";
  EXPECT_EQ(Apply(more, 1).change, SignalChange::kRefused);
  Alert ended = Resolved(2);
  ended.labels["n"] = "7";
  Apply(ended, 2);
  EXPECT_EQ(Apply(more, 3).change, SignalChange::kChanged);
  EXPECT_THAT(policy.status.signals, SizeIs(kMaxSignals));
  for (const auto& one : policy.status.signals) EXPECT_NE(one.labels.at("n"), "7");
}

TEST_F(AlertsTest, TenThousandLabelsAreMatchedButNotKept) {
  Alert alert = MakeAlert();
  for (int i = 0; i < 10'000; ++i) alert.labels["l" + std::to_string(i)] = std::string(2000, 'x');
  EXPECT_THAT(TriggerSet(policy.spec).Matching(alert), SizeIs(1));
  Apply(alert, 0);
  EXPECT_LE(signal().labels.size(), 64u);
  for (const auto& [name, value] : signal().labels) EXPECT_LE(value.size(), 1024u) << name;
}

TEST_F(AlertsTest, ASenderCannotSetTheLabelsThatAreSalvesOwn) {
  Alert alert = MakeAlert();
  alert.labels[kLabelReceiver] = "curl";
  alert.labels[kLabelClearedBy] = "me";
  Apply(alert, 0);
  EXPECT_EQ(signal().labels.at(kLabelReceiver), "am");
  EXPECT_EQ(signal().labels.count(kLabelClearedBy), 0u);
}

FreshCheck GoodAt(std::int64_t at) {
  FreshCheck check;
  check.verdict = Verdict::kGood;
  check.at = After(at);
  return check;
}

TEST_F(AlertsTest, NothingIsVerifiedBeforeTheAlertHasCleared) {
  Apply(MakeAlert(), 0);
  const FreshCheck waiting = AwaitAlerts(GoodAt(10), policy, clears, "redis-test", After(5));
  EXPECT_EQ(waiting.verdict, Verdict::kBetween);
  EXPECT_THAT(waiting.message, HasSubstr("waits for the alert of trigger down to clear"));
  Apply(Resolved(11), 12);
  EXPECT_EQ(AwaitAlerts(GoodAt(13), policy, clears, "redis-test", After(5)).verdict,
            Verdict::kGood);
}

TEST_F(AlertsTest, AlertsThatNeverSayThatTheyAreOverHoldUpOnlyIfTheyComeAfterTheAction) {
  Alert alert = MakeAlert();
  alert.receiver = "curl";
  alert.told = false;
  Apply(alert, 0);
  EXPECT_EQ(AwaitAlerts(GoodAt(10), policy, clears, "redis-test", After(5)).verdict,
            Verdict::kGood);
  Apply(alert, 40);
  EXPECT_EQ(AwaitAlerts(GoodAt(41), policy, clears, "redis-test", After(5)).verdict,
            Verdict::kBetween);
}

TEST_F(AlertsTest, AnAlertAboutAnotherTargetIsNobodyElsesBusiness) {
  ApplyAlert(policy.status.signals, {"down", "", "redis-2"}, MakeAlert(), 0, kNow);
  EXPECT_THAT(AlertIndicators(policy, clears, "redis-test", kNow), IsEmpty());
  EXPECT_EQ(AwaitAlerts(GoodAt(1), policy, clears, "redis-test", kNow).verdict, Verdict::kGood);
  EXPECT_THAT(AlertIndicators(policy, clears, "redis-2", kNow), SizeIs(1));
}

TEST(SeverityOf, KnowsTheWordsOfOtherTools) {
  EXPECT_EQ(SeverityOf("CRITICAL"), kSeverityCritical);
  EXPECT_EQ(SeverityOf("page"), kSeverityCritical);
  EXPECT_EQ(SeverityOf("info"), kSeverityInfo);
  EXPECT_EQ(SeverityOf(""), kSeverityWarning);
  EXPECT_EQ(SeverityOf(std::string(1 << 20, 'x')), kSeverityWarning);
}

}  // namespace
}  // namespace salve::healing
