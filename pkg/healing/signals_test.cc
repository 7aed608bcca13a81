// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/signals.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/hash.h"
#include "pkg/healing/ladder.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using testing::After;
using ::testing::HasSubstr;
using testing::kNow;
using testing::Record;

const TargetRef kTarget{"docker", "Container", "redis-test"};

Signal SignalAt(WallTime at, const std::string& source = kSourceProbe) {
  Signal signal;
  signal.source = source;
  signal.target = kTarget;
  signal.kind = "memory";
  signal.at = at;
  return signal;
}
v1::Incident Closed(const std::string& name, WallTime resolved, std::int64_t generation = 3) {
  v1::Incident incident;
  incident.metadata.name = name;
  incident.spec.fingerprint = "f";
  incident.spec.policy_ref.generation = generation;
  incident.status.resolved_at = FormatMicroTime(resolved);
  metav1::Condition done;
  done.type = v1::kIncidentResolved;
  done.status = "True";
  incident.status.conditions = {done};
  return incident;
}

TEST(Sha256, IsTheStandardsOwnExample) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Fingerprint, DiffersWithPolicyAndTargetOnly) {
  const metav1::NamespacedName policy{"default", "redis"};
  const std::string one = Fingerprint("u", policy, kTarget);
  EXPECT_EQ(one.size(), 64u);
  EXPECT_EQ(one, Fingerprint("u", policy, kTarget));
  EXPECT_NE(one, Fingerprint("v", policy, kTarget));
  EXPECT_NE(one, Fingerprint("u", {"default", "redi"}, kTarget));
  EXPECT_NE(one, Fingerprint("u", policy, {"docker", "Container", "redis-tes"}));
  EXPECT_NE(Fingerprint("ab", {"c", "d"}, kTarget), Fingerprint("a", {"bc", "d"}, kTarget));
}

TEST(IncidentName, FitsDns1123WhateverItIsMadeFrom) {
  const std::string fingerprint = Sha256Hex("x");
  for (const std::string& policy :
       {std::string("redis"), std::string(253, 'p'), std::string("a.b.c"), std::string("---")}) {
    for (const std::string& target : {std::string("Redis_Test.1"), std::string(300, 'T'),
                                      std::string("\xC3\xBC"), std::string("-x-")}) {
      const std::string name =
          IncidentName(policy, {"docker", "Container", target}, fingerprint, 123456);
      EXPECT_LE(name.size(), 63u) << name;
      EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string::npos)
          << name;
      EXPECT_NE(name.front(), '-');
      EXPECT_NE(name.back(), '-');
      EXPECT_EQ(OccurrenceOf(name), 123456) << name;
    }
  }
  EXPECT_EQ(IncidentName("redis", kTarget, "0123456789abcdef", 2), "redis-redis-test-01234567-2");
}

TEST(LabelValue, IsKeptIfValidAndHashedIfNot) {
  EXPECT_EQ(LabelValue("redis-test"), "redis-test");
  EXPECT_EQ(LabelValue(""), "");
  std::set<std::string> values;
  for (const std::string& raw : {std::string(64, 'a'), std::string(65, 'a'), std::string("a b"),
                                 std::string("a/b"), std::string("-a"), std::string("\xff")}) {
    const std::string value = LabelValue(raw);
    EXPECT_LE(value.size(), 63u);
    EXPECT_EQ(LabelValue(value), value) << "what comes out is valid";
    values.insert(value);
  }
  EXPECT_EQ(values.size(), 6u) << "different names keep different labels";
}

TEST(Correlate, TheFirstSignalOpensTheFirstOccurrence) {
  const Correlation c = Correlate(SignalAt(kNow), testing::MakePolicy(), "f", {});
  EXPECT_EQ(c.kind, Correlation::Kind::kOpen);
  EXPECT_EQ(c.occurrence, 1);
}

TEST(Correlate, AReplayGivesTheSameName) {
  const auto policy = testing::MakePolicy();
  EXPECT_EQ(Correlate(SignalAt(kNow), policy, "f", {}).name,
            Correlate(SignalAt(After(5)), policy, "f", {}).name);
}

TEST(Correlate, AnOpenIncidentAbsorbsFurtherSignals) {
  v1::Incident open;
  open.metadata.name = "redis-redis-test-f-4";
  open.spec.fingerprint = "f";
  const Correlation c = Correlate(SignalAt(kNow), testing::MakePolicy(), "f", {&open});
  EXPECT_EQ(c.kind, Correlation::Kind::kAbsorb);
  EXPECT_EQ(c.name, open.metadata.name);
}

TEST(Correlate, AnIncidentOfAnotherFingerprintDoesNot) {
  v1::Incident open;
  open.metadata.name = "x-1";
  open.spec.fingerprint = "g";
  EXPECT_EQ(Correlate(SignalAt(kNow), testing::MakePolicy(), "f", {&open}).kind,
            Correlation::Kind::kOpen);
}

TEST(Correlate, AnIllnessThatTheClosedIncidentWasAboutIsNothingNew) {
  const v1::Incident closed = Closed("x-7", kNow);
  for (const WallTime onset : {After(-60), kNow}) {
    EXPECT_EQ(Correlate(SignalAt(onset), testing::MakePolicy(), "f", {&closed}).kind,
              Correlation::Kind::kIgnore);
  }
}

TEST(Correlate, ANewIllnessIsTheNextOccurrence) {
  const v1::Incident closed = Closed("x-7", kNow);
  const Correlation c = Correlate(SignalAt(After(1)), testing::MakePolicy(), "f", {&closed});
  EXPECT_EQ(c.kind, Correlation::Kind::kOpen);
  EXPECT_EQ(c.occurrence, 8);
}

TEST(Correlate, TheNameOfADeletedIncidentIsNotGivenAgainWhileTheRecordsMeanIt) {
  v1::HealingPolicy policy = testing::MakePolicy();
  policy.status.actions = {testing::Record("a-1", -60, kOutcomeSuccessful, -50, "x-3")};
  EXPECT_EQ(Correlate(SignalAt(kNow), policy, "f", {}).occurrence, 4);
}

TEST(Correlate, AChangedPolicyLooksAgainAtAnOldIllness) {
  const v1::Incident closed = Closed("x-7", kNow, 2);
  EXPECT_EQ(Correlate(SignalAt(After(-60)), testing::MakePolicy(), "f", {&closed}).kind,
            Correlation::Kind::kOpen);
}

TEST(Correlate, APersonWhoAsksIsAlwaysHeard) {
  const v1::Incident closed = Closed("x-7", kNow);
  EXPECT_EQ(
      Correlate(SignalAt(After(-60), kSourceManual), testing::MakePolicy(), "f", {&closed}).kind,
      Correlation::Kind::kOpen);
}

TEST(SignalsOf, OneForEachIllIndicatorAndNoneForTheRest) {
  IndicatorState ill;
  ill.name = "memory";
  ill.state = HealthState::kUnhealthy;
  ill.since = After(-30);
  ill.error_lines = {"OOM\x1b"};
  IndicatorState well;
  well.name = "clients";
  well.state = HealthState::kHealthy;
  IndicatorState blind;
  blind.name = "auth";
  blind.unmeasurable = true;
  const auto signals = SignalsOf(kTarget, CombineHealth({}, {ill, well, blind}), {});
  ASSERT_EQ(signals.size(), 2u);
  EXPECT_EQ(signals[0].kind, "memory");
  EXPECT_EQ(signals[0].at, After(-30)) << "the onset, not the moment of seeing it";
  EXPECT_EQ(signals[0].evidence[0], "OOM ");
  EXPECT_EQ(signals[1].kind, "auth/Unmeasurable");
}

TEST(SignalsOf, AContainerThatDiedGivesOneAndOneThatWasStoppedGivesNone) {
  TargetObservation down = testing::RunningTarget();
  down.running = false;
  down.state = HealthState::kUnhealthy;
  down.conditions = {kConditionExited};
  auto signals = SignalsOf(kTarget, CombineHealth(down, {}), down);
  ASSERT_EQ(signals.size(), 1u);
  EXPECT_EQ(signals[0].kind, "Exited");
  EXPECT_EQ(signals[0].source, kSourceTarget);
  down.conditions = {kConditionStopped};
  EXPECT_TRUE(SignalsOf(kTarget, CombineHealth(down, {}), down).empty());
}

TEST(MakeIncident, IsBoundedAndCarriesWhatWasSeen) {
  Signal signal = SignalAt(kNow);
  signal.severity = kSeverityCritical;
  signal.evidence = std::vector<std::string>(100, std::string(5000, 'x'));
  signal.metrics = std::vector<Metric>(500, Metric{"m", 1});
  const v1::Incident incident = MakeIncident(testing::MakePolicy(), signal, "f", 2);
  EXPECT_LE(incident.spec.error_logs.size(), 20u);
  EXPECT_LE(incident.spec.error_logs[0].size(), 1024u);
  EXPECT_LE(incident.spec.metrics_snapshot.size(), 50u);
  EXPECT_EQ(incident.spec.affected_system, "redis-test (docker container)");
  EXPECT_EQ(incident.metadata.labels.at(v1::kLabelPolicy), "redis");
  EXPECT_EQ(incident.metadata.ns, "default");
}

TEST(CompleteManualIncident, FillsWhatAPersonMayLeaveOut) {
  v1::Incident incident;
  incident.metadata.name = "please";
  incident.metadata.creation_timestamp = "2026-12-01T12:00:00Z";
  incident.spec.target = kTarget;
  CompleteManualIncident(testing::MakePolicy(), incident);
  EXPECT_EQ(incident.spec.fingerprint.size(), 64u);
  EXPECT_EQ(incident.spec.trigger.source, kSourceManual);
  EXPECT_EQ(incident.spec.policy_ref.uid, "policy-uid");
}

TEST(SameProblem, IsAFailureSoonAfterAFix) {
  const std::vector<v1::ActionRecord> records = {Record("1", -1000, "Successful", -900)};
  EXPECT_TRUE(IsSameProblem(records, "redis-test", kNow, 3600));
  EXPECT_FALSE(IsSameProblem(records, "redis-test", kNow, 600));
  EXPECT_FALSE(IsSameProblem(records, "other", kNow, 3600));
}

TEST(EarlierAttempts, FollowTheChainOfRelapses) {
  const std::vector<v1::ActionRecord> records = {
      Record("old", -90000, "Successful", -89990), Record("a", -2000, "Successful", -1990),
      Record("b", -1000, "Successful", -990), Record("mine", -10, "", 0, "this")};
  const auto earlier = EarlierAttempts(records, "redis-test", "this", After(-20), 3600);
  ASSERT_EQ(earlier.size(), 2u);
  EXPECT_EQ(earlier[0].attempt_id, "a");
  EXPECT_EQ(earlier[1].attempt_id, "b");
}

TEST(ChooseStep, CountsAttemptsOfThisIncidentAndOfItsRelapses) {
  std::vector<v1::Step> ladder = testing::MakePolicy().spec.ladder;
  ladder[0].max_attempts = 2;
  v1::Attempt used;
  used.step = "flush";
  used.phase = kAttemptDone;
  used.executed_at = FormatTime(kNow);
  EXPECT_EQ(ChooseStep(ladder, "flush", {}, {}).step->name, "flush");
  EXPECT_EQ(ChooseStep(ladder, "flush", {used}, {}).step->name, "flush");
  EXPECT_EQ(ChooseStep(ladder, "flush", {used, used}, {}).step->name, "restart");
  EXPECT_EQ(ChooseStep(ladder, "flush", {used, used}, {Record("r", -9, "Failed", -8)}).reason,
            "EscalateStep");
  EXPECT_THAT(ChooseStep(ladder, "", {}, {}).message, HasSubstr("no step"));
  ladder.pop_back();
  EXPECT_EQ(ChooseStep(ladder, "restart", {}, {Record("r", -9, "Failed", -8)}).reason,
            "LadderExhausted");
}

}  // namespace
}  // namespace salve::healing
