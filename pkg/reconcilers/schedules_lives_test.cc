// SPDX-License-Identifier: Apache-2.0
// Nights and mornings: spec.schedules in whole lives, undisturbed and with an accident at every
// write and every execution.
#include <algorithm>
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"
#include "pkg/healing/alerts.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/scheduled_life.h"
#include "pkg/healing/signals.h"
#include "pkg/reconcilers/testing/world.h"

namespace salve::reconcilers {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::Accident;
using ::testing::HasSubstr;
using testing::kNs;
using testing::MakePolicy;
using testing::World;
using What = testing::Accident::What;
using Where = testing::Accident::Where;

// The world begins at 12:00. Night is at 12:05, morning at 12:20.
v1::HealingPolicy SleepyPolicy(const std::string& name = "redis",
                               const std::string& container = "redis-1") {
  v1::HealingPolicy policy = MakePolicy(name, container);
  policy.spec.schedules = {
      {"night", "5 12 * * *", "UTC", v1::kScheduleScaleToZero, 3600},
      {"morning", "20 12 * * *", "UTC", v1::kScheduleRestore, 3600},
  };
  return policy;
}

class SchedulesTest : public ::testing::Test {
 protected:
  void Begin(const v1::HealingPolicy& policy = SleepyPolicy()) {
    world.figure_after["stop"] = 0;
    world.AddContainer("redis-1");
    world.Create(policy);
    world.Advance(seconds(30));
  }
  void Until(const std::string& hhmm) {
    const WallTime at = *ParseTime("2026-12-01T" + hhmm + ":00Z");
    world.Advance(at - world.clock.Now());
  }
  bool Running() { return world.docker.Get("redis-1").running; }
  v1::ScheduledTarget Entry(const std::string& policy = "redis") {
    const auto all = world.Policy(policy).status.scheduled;
    return all.empty() ? v1::ScheduledTarget{} : all.front();
  }
  std::string ConditionOf(const char* type, const std::string& policy = "redis") {
    const auto status = world.Policy(policy).status;
    const auto* c = apis::meta::v1::FindCondition(status.conditions, type);
    return c == nullptr ? "" : c->status + "/" + c->reason;
  }
  std::vector<v1::Incident> IllIncidents() {
    std::vector<v1::Incident> out = world.Incidents();
    std::erase_if(out, [](const v1::Incident& i) { return healing::IsScheduled(i); });
    return out;
  }
  std::vector<std::string> Told() {
    std::vector<std::string> reasons;
    for (const auto& [name, event] : world.server.Objects({"", "v1", "events", "Event", true})) {
      reasons.push_back(event.value("reason", ""));
    }
    return reasons;
  }
  void TearDown() override {
    world.CheckRecords();
    EXPECT_THAT(world.broken(), ::testing::IsEmpty());
    if (HasFailure()) std::puts(world.Story().c_str());
  }

  World world;
};

TEST_F(SchedulesTest, ATargetIsStoppedAtNightSleepsAndIsStartedInTheMorning) {
  Begin();
  EXPECT_EQ(world.Policy().status.next_schedule, "night (ScaleToZero) at 2026-12-01T12:05:00Z");
  Until("12:04");
  EXPECT_TRUE(Running());
  EXPECT_TRUE(world.Incidents().empty());
  Until("12:19");
  EXPECT_FALSE(Running());
  const v1::HealingPolicy asleep = world.Policy();
  EXPECT_EQ(Entry().state, v1::kTickDone) << Entry().message;
  EXPECT_EQ(Entry().count, 1);
  EXPECT_EQ(Entry().asleep_by, "night");
  EXPECT_EQ(asleep.status.targets_asleep, 1);
  EXPECT_EQ(asleep.status.targets_unhealthy, 0);
  EXPECT_EQ(asleep.status.health, "0/1 healthy, 1 asleep");
  ASSERT_EQ(asleep.status.targets.size(), 1u);
  EXPECT_EQ(asleep.status.targets[0].message,
            "asleep by schedule night until 2026-12-01T12:20:00Z (schedule morning)");
  EXPECT_EQ(ConditionOf(v1::kPolicyTargetHealthy), "Unknown/Asleep");
  EXPECT_EQ(ConditionOf(v1::kPolicyReady), "True/Asleep");
  Until("12:30");
  EXPECT_TRUE(Running());
  EXPECT_EQ(Entry().state, v1::kTickDone) << Entry().message;
  EXPECT_EQ(Entry().schedule, "morning");
  EXPECT_EQ(Entry().asleep_by, "");
  EXPECT_EQ(ConditionOf(v1::kPolicyTargetHealthy), "True/Healthy");
  const std::vector<v1::Incident> all = world.Incidents();
  ASSERT_EQ(all.size(), 2u);
  for (const v1::Incident& incident : all) {
    EXPECT_EQ(incident.spec.trigger.source, healing::kSourceSchedule);
    EXPECT_EQ(incident.status.outcome, healing::kAutoHealed);
    EXPECT_EQ(incident.status.diagnosis->rule, healing::kScheduleRule);
  }
  EXPECT_EQ(all[0].status.proposal->risk.level, v1::kRiskMedium);
  EXPECT_EQ(all[1].status.proposal->risk.level, v1::kRiskLow);
  EXPECT_EQ(world.docker.TotalExecutions(), 2);
  EXPECT_THAT(Told(), ::testing::IsSupersetOf({"ScheduleDue", "ScaledToZero", "Restored"}));
}

TEST_F(SchedulesTest, WhoWakesItAtNightHasATargetLikeAnyOther) {
  Begin();
  Until("12:10");
  ASSERT_FALSE(Running());
  world.docker.Change("redis-1", [](backends::fake::FakeContainer& c) {
    c.running = true;
    ++c.starts;
    c.conditions.clear();
  });
  world.SetFigure("redis-1", 100);
  Until("12:13");
  EXPECT_TRUE(Running()) << "a tick acts once";
  EXPECT_EQ(world.Policy().status.targets_asleep, 0);
  EXPECT_EQ(ConditionOf(v1::kPolicyTargetHealthy), "True/Healthy");
  world.SetFigure("redis-1", 10);
  // The rest after the night's action ends at 12:10.
  Until("12:19");
  ASSERT_EQ(IllIncidents().size(), 1u);
  EXPECT_EQ(IllIncidents()[0].status.outcome, healing::kAutoHealed);
  Until("12:25");
  EXPECT_EQ(Entry().state, v1::kTickDone);
  EXPECT_THAT(Entry().message, HasSubstr("awake already"));
  EXPECT_EQ(world.docker.TotalExecutions(), 2) << "the night's and the healing's";
}

TEST_F(SchedulesTest, ItIsNotHealedWhileItSleepsAlsoWhereAPersonAsks) {
  Begin();
  Until("12:10");
  v1::Incident mine;
  mine.metadata.ns = kNs;
  mine.metadata.name = "mine";
  mine.spec.policy_ref.name = "redis";
  mine.spec.target = {"docker", "Container", "redis-1"};
  mine.spec.trigger = {"Manual", "alice", "it does not answer", ""};
  world.Create(mine);
  Until("12:12");
  const auto closed = world.Find<v1::Incident>({kNs, "mine"});
  EXPECT_EQ(closed->status.outcome, healing::kCancelled);
  EXPECT_THAT(closed->status.summary, HasSubstr("asleep by schedule night"));
  EXPECT_FALSE(Running());
}

TEST_F(SchedulesTest, AnAlertAboutASleepingTargetIsShownAndOpensNothing) {
  v1::HealingPolicy policy = SleepyPolicy();
  v1::PolicyTrigger trigger;
  trigger.name = "down";
  trigger.alert.emplace().matchers = {"alertname=\"Down\""};
  policy.spec.triggers = {trigger};
  Begin(policy);
  Until("12:10");
  v1::HealingPolicy live = world.Policy();
  v1::SignalStatus signal;
  signal.trigger = "down";
  signal.fingerprint = std::string(64, 'a');
  signal.state = healing::kSignalFiring;
  signal.since = signal.received_at = FormatTime(world.clock.Now());
  signal.severity = healing::kSeverityCritical;
  live.status.signals = {signal};
  client::WriteOptions options;
  options.subresource = "status";
  ASSERT_TRUE(world.server.Update(v1::HealingPolicy::kInfo, apis::Encode(live), options).ok());
  Until("12:15");
  EXPECT_TRUE(IllIncidents().empty());
  ASSERT_EQ(world.Policy().status.signals.size(), 1u);
  EXPECT_EQ(world.Policy().status.signals[0].state, healing::kSignalFiring);
}

TEST_F(SchedulesTest, InModeApproveAPersonIsAskedAndWithoutAnAnswerItIsLeftOut) {
  v1::HealingPolicy policy = SleepyPolicy();
  policy.spec.mode = v1::kModeApprove;
  policy.spec.schedules.pop_back();
  policy.spec.schedules[0].starting_deadline_seconds = 600;
  Begin(policy);
  Until("12:07");
  EXPECT_EQ(world.Incident().status.phase, healing::kPhaseAwaitingApproval);
  EXPECT_EQ(world.Incident().status.proposal->risk.level, v1::kRiskHigh);
  Until("12:20");
  EXPECT_TRUE(Running());
  EXPECT_EQ(world.Incident().status.outcome, healing::kCancelled);
  EXPECT_EQ(Entry().state, v1::kTickSkipped);
  EXPECT_THAT(Entry().message, HasSubstr("could not begin within"));
  EXPECT_THAT(Told(), ::testing::Contains("ScheduleSkipped"));
}

TEST_F(SchedulesTest, InModeApproveWhatAPersonApprovedIsDone) {
  v1::HealingPolicy policy = SleepyPolicy();
  policy.spec.mode = v1::kModeApprove;
  Begin(policy);
  Until("12:07");
  world.Decide(world.Incident(), "Approve");
  Until("12:10");
  EXPECT_FALSE(Running());
  EXPECT_EQ(Entry().state, v1::kTickDone);
  EXPECT_EQ(world.Incident().status.outcome, healing::kHealedAfterApproval);
}

TEST_F(SchedulesTest, AWindowHoldsItAndTheNextTimeOvertakesIt) {
  v1::HealingPolicy policy = SleepyPolicy();
  v1::Window window;
  window.kind = "Deny";
  window.cron = "0 12 * * *";
  window.duration_seconds = 7200;
  policy.spec.guardrails.windows = {window};
  Begin(policy);
  Until("12:10");
  EXPECT_EQ(world.Incident().status.phase, healing::kPhaseBlocked);
  Until("12:25");
  EXPECT_TRUE(Running());
  ASSERT_EQ(world.Incidents().size(), 1u) << "it is awake as the morning wants it";
  EXPECT_EQ(world.Incident().status.outcome, healing::kCancelled);
  EXPECT_THAT(world.Incident().status.summary, HasSubstr("morning"));
  EXPECT_EQ(Entry().schedule, "morning");
  EXPECT_EQ(Entry().state, v1::kTickDone);
}

TEST_F(SchedulesTest, TheKillSwitchAndDryRunKeepItFromBeingDone) {
  v1::HealingPolicy policy = SleepyPolicy();
  policy.spec.mode = v1::kModeDryRun;
  Begin(policy);
  Until("12:30");
  EXPECT_TRUE(Running());
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  EXPECT_EQ(world.Incidents()[0].status.outcome, healing::kDryRun);
}

TEST_F(SchedulesTest, TheNightWaitsForAnOpenIncidentOfTheTarget) {
  v1::HealingPolicy policy = SleepyPolicy();
  policy.spec.mode = v1::kModeApprove;
  Begin(policy);
  Until("12:03");
  world.SetFigure("redis-1", 10);
  Until("12:06");
  EXPECT_EQ(Entry().state, v1::kTickHeld);
  EXPECT_THAT(Entry().message, HasSubstr(world.Incident().metadata.name));
  world.SetFigure("redis-1", 100);
  Until("12:09");
  EXPECT_EQ(Entry().state, v1::kTickOpened);
  world.Decide(world.Incident(), "Approve");
  Until("12:12");
  EXPECT_EQ(Entry().state, v1::kTickDone);
  EXPECT_FALSE(Running());
}

TEST_F(SchedulesTest, WhoDeletesTheIncidentHasSaidNo) {
  v1::HealingPolicy policy = SleepyPolicy();
  policy.spec.mode = v1::kModeApprove;
  Begin(policy);
  Until("12:07");
  ASSERT_TRUE(
      world.server.Delete(v1::Incident::kInfo, {kNs, world.Incident().metadata.name}, {}).ok());
  Until("12:15");
  EXPECT_TRUE(world.Incidents().empty());
  EXPECT_EQ(Entry().state, v1::kTickSkipped);
  EXPECT_TRUE(Running());
}

TEST_F(SchedulesTest, AScheduleThatIsTakenAwayTakesItsIncidentWithIt) {
  v1::HealingPolicy policy = SleepyPolicy();
  policy.spec.mode = v1::kModeApprove;
  Begin(policy);
  Until("12:07");
  world.Edit<v1::HealingPolicy>({kNs, "redis"}, [](auto& p) { p.spec.schedules.clear(); });
  Until("12:10");
  EXPECT_EQ(world.Incident().status.outcome, healing::kCancelled);
  EXPECT_TRUE(world.Policy().status.scheduled.empty());
  EXPECT_EQ(world.Policy().status.next_schedule, "");
}

TEST_F(SchedulesTest, WhatSomebodyElseStoppedStaysStopped) {
  Begin();
  Until("12:03");
  world.docker.Change("redis-1", [](backends::fake::FakeContainer& c) {
    c.running = false;
    c.conditions = {healing::kConditionStopped};
  });
  Until("12:30");
  EXPECT_FALSE(Running());
  EXPECT_EQ(Entry().state, v1::kTickSkipped);
  EXPECT_TRUE(world.Incidents().empty());
}

TEST_F(SchedulesTest, AStartThatDoesNotLastIsAFailureAndAPersonIsCalled) {
  Begin();
  Until("12:19");
  world.docker.SetEffect("start", [](backends::fake::FakeContainer& c) {
    c.running = false;
    c.exit_code = 1;
    c.conditions = {healing::kConditionExited};
  });
  Until("12:25");
  EXPECT_EQ(Entry().state, v1::kTickFailed);
  EXPECT_EQ(world.Incidents().back().status.phase, healing::kPhaseEscalated);
  EXPECT_EQ(world.Policy().status.targets_asleep, 0) << "it was woken: its illness is one";
  EXPECT_THAT(Told(), ::testing::Contains("ScheduleFailed"));
}

TEST_F(SchedulesTest, ADependentOfASleepingTargetIsToldSoAndLeftAlone) {
  v1::HealingPolicy web = MakePolicy("web", "web-1");
  web.spec.depends_on = {{"redis"}};
  web.spec.diagnosis.builtin_packs = true;
  world.AddContainer("web-1");
  world.Create(web);
  Begin();
  Until("12:08");
  world.SetFigure("web-1", 10);
  Until("12:15");
  const v1::Incident incident = world.Incident("web");
  EXPECT_EQ(incident.status.diagnosis->cause, "DependencyDown");
  EXPECT_THAT(incident.status.diagnosis->message, HasSubstr("asleep by schedule night"));
  EXPECT_EQ(world.docker.Calls(backends::fake::Operation::kExecute), 1);
}

TEST_F(SchedulesTest, TwoDaysAreTwoNightsAndTwoMorningsAndNoMore) {
  v1::HealingPolicy policy = SleepyPolicy();
  policy.spec.probes[0].period_seconds = 600;
  Begin(policy);
  world.Advance(std::chrono::hours(47));
  EXPECT_EQ(world.docker.TotalExecutions(), 4);
  EXPECT_TRUE(Running());
  EXPECT_EQ(world.Policy().status.breakers.size(), 0u);
}

// --- accidents

struct Ending {
  int writes = 0;
  int executes = 0;
  int crashes = 0;
  int incidents = 0;
  int ill = 0;
  bool running = false;
  bool slept = false;
  std::string state;
  std::vector<std::string> broken;
  std::int64_t writes_afterwards = 0;
  std::string story;
};

Ending Live(const std::vector<Accident>& accidents, Duration downtime = {}) {
  World world;
  world.accidents = accidents;
  world.downtime = downtime;
  world.figure_after["stop"] = 0;
  world.AddContainer("redis-1");
  world.Create(SleepyPolicy());
  Ending ending;
  world.Advance(minutes(19));
  ending.slept = !world.docker.Get("redis-1").running;
  world.Advance(downtime > Duration(0) ? minutes(31) : minutes(12));
  const std::int64_t before = world.server.writes();
  world.Advance(minutes(5));
  ending.writes_afterwards = world.server.writes() - before;
  world.CheckRecords();
  ending.writes = world.writes();
  ending.executes = world.executes();
  ending.crashes = world.crashes();
  for (const v1::Incident& incident : world.Incidents()) {
    ++(healing::IsScheduled(incident) ? ending.incidents : ending.ill);
  }
  ending.running = world.docker.Get("redis-1").running;
  const v1::HealingPolicy policy = world.Policy();
  for (const v1::ScheduledTarget& s : policy.status.scheduled) {
    ending.state += s.schedule + " " + s.state + " ";
  }
  ending.broken = world.broken();
  ending.story = world.Story() + ending.state;
  return ending;
}

class SchedulesAccidentTest : public ::testing::Test {
 protected:
  void TryAll(const std::vector<What>& whats, Where where, Duration downtime = {}) {
    const Ending reference = Live({});
    ASSERT_EQ(reference.incidents, 2) << reference.story;
    ASSERT_EQ(reference.executes, 2) << reference.story;
    const int points = where == Where::kWrite ? reference.writes : reference.executes;
    ASSERT_GT(points, 0);
    for (const What what : whats) {
      for (int at = 1; at <= points && !HasFailure(); ++at) {
        const std::vector<Accident> accidents{{what, where, at}};
        SCOPED_TRACE(Describe(accidents));
        Expect(Live(accidents, downtime), downtime > minutes(10));
      }
    }
  }
  void Expect(const Ending& ending, bool away) {
    EXPECT_THAT(ending.broken, ::testing::IsEmpty());
    EXPECT_TRUE(ending.running);
    EXPECT_TRUE(ending.slept || away);
    EXPECT_EQ(ending.state, "morning Done ");
    EXPECT_LE(ending.incidents, 2);
    EXPECT_EQ(ending.ill, 0);
    EXPECT_LE(ending.executes, 3);  // one call that was refused is repeated
    EXPECT_EQ(ending.writes_afterwards, 0);
    if (HasFailure()) std::puts(ending.story.c_str());
  }
};

TEST_F(SchedulesAccidentTest, ACrashAtAnyWriteOfANightAndAMorningIsSurvived) {
  TryAll({What::kCrashBefore, What::kCrashAfter}, Where::kWrite);
}
TEST_F(SchedulesAccidentTest, ALostAnswerOrAConflictAtAnyWriteChangesNothingInTheEnd) {
  TryAll({What::kLoseAnswer, What::kConflict, What::kUnavailable}, Where::kWrite);
}
TEST_F(SchedulesAccidentTest, AnyAccidentOfAnExecutionIsSurvived) {
  TryAll({What::kCrashBefore, What::kCrashAfter, What::kLoseAnswer, What::kUnavailable},
         Where::kExecute);
}
TEST_F(SchedulesAccidentTest, ARequestThatMayHaveArrivedAndDidNotIsNotRepeatedAPersonIsCalled) {
  const Ending ending = Live({{What::kLoseRequest, Where::kExecute, 1}});
  EXPECT_THAT(ending.broken, ::testing::IsEmpty());
  EXPECT_EQ(ending.executes, 1);
  EXPECT_FALSE(ending.slept);
  EXPECT_EQ(ending.state, "morning Done ");
  EXPECT_THAT(ending.story, HasSubstr("a person is needed"));
}
TEST_F(SchedulesAccidentTest, ACrashFollowedByAnAbsenceOverTheMorningIsSurvived) {
  TryAll({What::kCrashAfter}, Where::kWrite, minutes(20));
}
TEST_F(SchedulesAccidentTest, StaleCachesAfterACrashAreSurvived) {
  TryAll({What::kRestartStale, What::kFreeze}, Where::kWrite);
}

}  // namespace
}  // namespace salve::reconcilers
