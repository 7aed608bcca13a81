// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/schedules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"
#include "pkg/healing/budget.h"
#include "pkg/healing/ladder.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/scheduled_life.h"

namespace salve::healing {
namespace {

using ::testing::HasSubstr;

WallTime At(const std::string& text) { return *ParseTime(text); }

v1::Schedule Make(const std::string& name, const std::string& cron, const std::string& action,
                  const std::string& zone = "Europe/Berlin") {
  v1::Schedule schedule;
  schedule.name = name;
  schedule.cron = cron;
  schedule.action = action;
  schedule.time_zone = zone;
  return schedule;
}

std::vector<v1::Schedule> WeekNights() {
  return {Make("night", "0 18 * * 1-5", v1::kScheduleScaleToZero),
          Make("morning", "0 9 * * 1-5", v1::kScheduleRestore)};
}

std::vector<v1::ScheduleStatus> KnownSince(const std::vector<v1::Schedule>& schedules,
                                           const std::string& since) {
  return ScheduleCalendar(schedules, SystemTimeZones()).Remember({}, At(since));
}

// --- the calendar

struct CalendarCase {
  const char* name;
  std::vector<v1::Schedule> schedules;
  const char* since;
  const char* now;
  const char* newest;  // "schedule time", "" = none
};

class CalendarTest : public ::testing::TestWithParam<CalendarCase> {};

TEST_P(CalendarTest, TheNewestTickIs) {
  const CalendarCase& c = GetParam();
  const ScheduleCalendar calendar(c.schedules, SystemTimeZones());
  const auto newest = calendar.Newest(KnownSince(c.schedules, c.since), At(c.now));
  EXPECT_EQ(newest ? newest->schedule + " " + FormatTime(newest->at) : "", c.newest) << c.name;
}

INSTANTIATE_TEST_SUITE_P(
    Moments, CalendarTest,
    ::testing::Values(
        CalendarCase{"nothing before the first time", WeekNights(), "2026-12-01T12:00:00Z",
                     "2026-12-01T16:59:59Z", ""},
        CalendarCase{"at the very second", WeekNights(), "2026-12-01T12:00:00Z",
                     "2026-12-01T17:00:00Z", "night 2026-12-01T17:00:00Z"},
        CalendarCase{"the newest of all schedules counts", WeekNights(), "2026-12-01T12:00:00Z",
                     "2026-12-03T08:30:00Z", "morning 2026-12-03T08:00:00Z"},
        CalendarCase{"nothing on a weekend but Friday's night", WeekNights(),
                     "2026-12-01T12:00:00Z", "2026-12-06T23:00:00Z", "night 2026-12-04T17:00:00Z"},
        CalendarCase{"what came due before the schedule was there does not count", WeekNights(),
                     "2026-12-01T17:00:30Z", "2026-12-01T17:01:00Z", ""},
        CalendarCase{"a schedule that is added at its very time begins with the next", WeekNights(),
                     "2026-12-01T17:00:00Z", "2026-12-01T17:00:00Z", ""},
        CalendarCase{"an hour that daylight saving skips comes once, at the end of the gap",
                     {Make("gap", "30 2 * * *", v1::kScheduleScaleToZero)},
                     "2026-03-28T12:00:00Z",
                     "2026-03-29T01:00:00Z",
                     "gap 2026-03-29T01:00:00Z"},
        CalendarCase{"and not before",
                     {Make("gap", "30 2 * * *", v1::kScheduleScaleToZero)},
                     "2026-03-28T12:00:00Z",
                     "2026-03-29T00:59:59Z",
                     ""},
        CalendarCase{"and not again later that day",
                     {Make("gap", "30 2 * * *", v1::kScheduleScaleToZero)},
                     "2026-03-28T12:00:00Z",
                     "2026-03-29T12:00:00Z",
                     "gap 2026-03-29T01:00:00Z"},
        CalendarCase{"an hour that comes twice comes due the first time",
                     {Make("twice", "30 2 * * *", v1::kScheduleScaleToZero)},
                     "2026-10-24T12:00:00Z",
                     "2026-10-25T00:30:00Z",
                     "twice 2026-10-25T00:30:00Z"},
        CalendarCase{"and only the first time",
                     {Make("twice", "30 2 * * *", v1::kScheduleScaleToZero)},
                     "2026-10-24T12:00:00Z",
                     "2026-10-25T01:45:00Z",
                     "twice 2026-10-25T00:30:00Z"},
        CalendarCase{"nine o'clock is nine o'clock in winter", WeekNights(), "2026-10-20T00:00:00Z",
                     "2026-10-26T10:00:00Z", "morning 2026-10-26T08:00:00Z"},
        CalendarCase{"and in summer", WeekNights(), "2026-10-20T00:00:00Z", "2026-10-23T10:00:00Z",
                     "morning 2026-10-23T07:00:00Z"},
        CalendarCase{"at one and the same moment Restore wins",
                     {Make("a", "0 9 * * *", v1::kScheduleRestore),
                      Make("b", "0 9 * * *", v1::kScheduleScaleToZero)},
                     "2026-12-01T00:00:00Z",
                     "2026-12-01T12:00:00Z",
                     "a 2026-12-01T08:00:00Z"},
        CalendarCase{"what cannot be read never comes due",
                     {Make("a", "0 9 * *", v1::kScheduleRestore)},
                     "2026-12-01T00:00:00Z",
                     "2026-12-02T12:00:00Z",
                     ""}));

TEST(ScheduleCalendarTest, AScheduleThatSaysSomethingElseBeginsAnew) {
  std::vector<v1::Schedule> schedules = WeekNights();
  const auto before = KnownSince(schedules, "2026-12-01T00:00:00Z");
  schedules[0].cron = "0 17 * * 1-5";
  const auto after =
      ScheduleCalendar(schedules, SystemTimeZones()).Remember(before, At("2026-12-01T17:30:00Z"));
  EXPECT_EQ(after[0].since, "2026-12-01T17:30:00Z");
  EXPECT_EQ(after[0].next_tick, "2026-12-02T16:00:00Z");
  EXPECT_EQ(after[1].since, "2026-12-01T00:00:00Z");
}

TEST(ScheduleCalendarTest, ABeginningInTheFutureIsAClocksMistake) {
  const auto before = KnownSince(WeekNights(), "2036-12-01T00:00:00Z");
  const auto after = ScheduleCalendar(WeekNights(), SystemTimeZones())
                         .Remember(before, At("2026-12-01T12:00:00Z"));
  EXPECT_EQ(after[0].since, "2026-12-01T12:00:00Z");
}

// --- settling

class SettleTest : public ::testing::Test {
 protected:
  SettleTest() {
    policy.metadata.name = "web";
    policy.metadata.ns = "shop";
    policy.metadata.uid = "uid";
    policy.spec.schedules = WeekNights();
    policy.spec.target.kubernetes.emplace().kind = "Deployment";
    policy.status.schedules = KnownSince(policy.spec.schedules, "2026-12-01T12:00:00Z");
    facts.target = {"kubernetes", "Deployment", "web", "shop"};
    Show(3, 3);
  }
  void Show(std::int64_t desired, std::int64_t available) {
    TargetObservation seen;
    seen.ref = facts.target;
    seen.state = HealthState::kHealthy;
    seen.running = available > 0;
    seen.replicas = ReplicaCount{desired, available};
    facts.seen = seen;
  }
  void Settle(const std::string& now) {
    const ScheduleCalendar calendar(policy.spec.schedules, SystemTimeZones());
    entry = SettleTick(policy, calendar, entry, calendar.Newest(policy.status.schedules, At(now)),
                       facts, At(now));
  }
  // As the incident of the tick leaves it.
  void Close(const std::string& outcome, const std::string& reason, const std::string& now) {
    incident = MakeScheduledIncident(policy, facts.target, entry);
    ApplyClose(incident.status, outcome, reason, "because", At(now));
    facts.incident = &incident;
  }
  void PutToSleep() {
    Settle("2026-12-01T17:00:00Z");
    ASSERT_TRUE(MarkOpened(entry, At("2026-12-01T17:00:00Z")));
    policy.status.scheduled = {entry};
    ASSERT_TRUE(RememberBefore(policy, MakeScheduledIncident(policy, facts.target, entry),
                               *facts.seen, At("2026-12-01T17:00:01Z"))
                    .ok());
    entry = policy.status.scheduled[0];
    Show(0, 0);
    Close(kAutoHealed, "Verified", "2026-12-01T17:01:00Z");
    Settle("2026-12-01T17:01:00Z");
    facts.incident = nullptr;
  }

  v1::HealingPolicy policy;
  v1::ScheduledTarget entry;
  ScheduleFacts facts;
  v1::Incident incident;
};

TEST_F(SettleTest, AnEveningAndAMorning) {
  Settle("2026-12-01T16:59:00Z");
  EXPECT_EQ(entry.tick, "");
  PutToSleep();
  EXPECT_EQ(entry.state, v1::kTickDone);
  EXPECT_EQ(entry.count, 3);
  EXPECT_EQ(entry.asleep_by, "night");
  EXPECT_TRUE(IsAsleep(policy.spec, &entry, facts.seen));
  Settle("2026-12-02T08:00:00Z");
  EXPECT_EQ(entry.state, v1::kTickDue);
  EXPECT_EQ(entry.schedule, "morning");
  EXPECT_EQ(entry.count, 3);
  EXPECT_TRUE(IsAsleep(policy.spec, &entry, facts.seen)) << "until it is woken";
  policy.status.scheduled = {entry};
  const v1::HealingPolicy view =
      ScheduledView(policy, MakeScheduledIncident(policy, facts.target, entry));
  ASSERT_EQ(view.spec.ladder.size(), 1u);
  ASSERT_TRUE(view.spec.ladder[0].action->scale);
  EXPECT_EQ(view.spec.ladder[0].action->scale->replicas, 3);
  MarkOpened(entry, At("2026-12-02T08:00:01Z"));
  Show(3, 3);
  Close(kAutoHealed, "Verified", "2026-12-02T08:02:00Z");
  Settle("2026-12-02T08:02:00Z");
  EXPECT_EQ(entry.state, v1::kTickDone);
  EXPECT_EQ(entry.count, std::nullopt);
  EXPECT_EQ(entry.asleep_by, "");
}

TEST_F(SettleTest, WhatIsAsWantedIsDoneWithoutAnIncident) {
  Show(0, 0);
  Settle("2026-12-01T17:00:00Z");
  EXPECT_EQ(entry.state, v1::kTickDone);
  EXPECT_EQ(entry.incident, "");
}

TEST_F(SettleTest, ATickActsOnceWhateverAPersonDoesAfterwards) {
  PutToSleep();
  Show(2, 2);
  Settle("2026-12-01T20:00:00Z");
  EXPECT_EQ(entry.state, v1::kTickDone);
  EXPECT_FALSE(IsAsleep(policy.spec, &entry, facts.seen));
  Settle("2026-12-02T08:00:00Z");
  EXPECT_EQ(entry.state, v1::kTickDone) << "somebody else has woken it";
  EXPECT_THAT(entry.message, HasSubstr("awake already"));
}

TEST_F(SettleTest, ASecondNightInARowKeepsWhatThereWasBeforeTheFirst) {
  PutToSleep();
  policy.spec.schedules.pop_back();
  Settle("2026-12-02T17:00:00Z");
  EXPECT_EQ(entry.state, v1::kTickDone);
  EXPECT_EQ(entry.tick, "2026-12-02T17:00:00Z");
  EXPECT_EQ(entry.count, 3);
}

TEST_F(SettleTest, OnlyTheNewestOfSeveralMissedTimesCounts) {
  PutToSleep();
  Settle("2026-12-04T08:10:00Z");
  EXPECT_EQ(entry.state, v1::kTickDue);
  EXPECT_EQ(entry.tick, "2026-12-04T08:00:00Z");
  EXPECT_THAT(entry.message, HasSubstr("4 earlier times were missed"));
}

TEST_F(SettleTest, ATimeThatIsMissedByMoreThanItsDeadlineIsLeftOut) {
  Settle("2026-12-01T18:00:01Z");
  EXPECT_EQ(entry.state, v1::kTickSkipped);
  EXPECT_THAT(entry.message, HasSubstr("missed"));
  Settle("2026-12-01T18:05:00Z");
  EXPECT_EQ(entry.state, v1::kTickSkipped);
}

TEST_F(SettleTest, AClockThatIsSetBackMakesNoTickDueAgain) {
  PutToSleep();
  Show(3, 3);
  const v1::ScheduledTarget before = entry;
  for (const char* now : {"2026-12-01T16:30:00Z", "2026-12-01T17:00:00Z", "2026-12-01T17:30:00Z"}) {
    Settle(now);
    EXPECT_EQ(entry.tick, before.tick) << now;
    EXPECT_EQ(entry.state, v1::kTickDone) << now;
  }
}

TEST_F(SettleTest, ATickOfAClockThatWasYearsAheadIsForgotten) {
  entry.tick = "2036-12-01T17:00:00Z";
  entry.state = v1::kTickDone;
  Settle("2026-12-01T17:00:00Z");
  EXPECT_EQ(entry.tick, "2026-12-01T17:00:00Z");
  EXPECT_EQ(entry.state, v1::kTickDue);
}

TEST_F(SettleTest, AnOpenIncidentOfTheTargetHoldsTheNightUntilItsDeadline) {
  facts.ill_incident = "web-1";
  Settle("2026-12-01T17:00:00Z");
  EXPECT_EQ(entry.state, v1::kTickHeld);
  EXPECT_THAT(entry.message, HasSubstr("web-1"));
  EXPECT_EQ(DeadlineOf(policy.spec, entry), At("2026-12-01T18:00:00Z"));
  Settle("2026-12-01T18:00:01Z");
  EXPECT_EQ(entry.state, v1::kTickSkipped);
  EXPECT_THAT(entry.message, HasSubstr("web-1"));
}

TEST_F(SettleTest, WhatHoldsTheNightMayEnd) {
  facts.ill_incident = "web-1";
  Settle("2026-12-01T17:00:00Z");
  facts.ill_incident.clear();
  Settle("2026-12-01T17:30:00Z");
  EXPECT_EQ(entry.state, v1::kTickDue);
}

TEST_F(SettleTest, ABackendThatDoesNotTellHoldsTheTick) {
  facts.seen.reset();
  Settle("2026-12-01T17:00:00Z");
  EXPECT_EQ(entry.state, v1::kTickHeld);
}

TEST_F(SettleTest, RestoreWakesOnlyWhatAScheduleHasPutToSleep) {
  Show(0, 0);
  Settle("2026-12-02T08:00:00Z");
  EXPECT_EQ(entry.state, v1::kTickSkipped);
  EXPECT_THAT(entry.message, HasSubstr("no schedule put it there"));
}

struct OutcomeCase {
  const char* outcome;
  const char* reason;
  const char* state;
};
class OutcomeTest : public SettleTest, public ::testing::WithParamInterface<OutcomeCase> {};

TEST_P(OutcomeTest, WhatBecameOfTheIncidentBecameOfTheTick) {
  Settle("2026-12-01T17:00:00Z");
  MarkOpened(entry, At("2026-12-01T17:00:00Z"));
  Close(GetParam().outcome, GetParam().reason, "2026-12-01T17:10:00Z");
  Settle("2026-12-01T17:10:00Z");
  EXPECT_EQ(entry.state, GetParam().state);
  EXPECT_THAT(entry.message, HasSubstr(GetParam().outcome));
}
INSTANTIATE_TEST_SUITE_P(
    Outcomes, OutcomeTest,
    ::testing::Values(OutcomeCase{kAutoHealed, "Verified", v1::kTickDone},
                      OutcomeCase{kHealedAfterApproval, "Verified", v1::kTickDone},
                      OutcomeCase{kSelfResolved, "Healthy", v1::kTickDone},
                      OutcomeCase{kEscalated, "HealedByOthers", v1::kTickDone},
                      OutcomeCase{kEscalated, "TargetGone", v1::kTickFailed},
                      OutcomeCase{kDryRun, "DryRun", v1::kTickSkipped},
                      OutcomeCase{kRejected, "Rejected", v1::kTickSkipped},
                      OutcomeCase{kExpired, "Expired", v1::kTickSkipped},
                      OutcomeCase{kCancelled, "DeadlineMissed", v1::kTickSkipped}));

TEST_F(SettleTest, ATimeThatComesWhileTheOneBeforeIsBeingDoneWaitsForItsEnd) {
  PutToSleep();
  Settle("2026-12-02T08:00:00Z");
  MarkOpened(entry, At("2026-12-02T08:00:00Z"));
  facts.acting = true;
  Settle("2026-12-02T17:00:00Z");
  EXPECT_EQ(entry.schedule, "morning");
  EXPECT_EQ(entry.count, 3);
  facts.acting = false;
  Show(3, 3);
  Settle("2026-12-02T17:00:10Z");
  EXPECT_EQ(entry.schedule, "night");
  EXPECT_EQ(entry.state, v1::kTickDue);
}

TEST_F(SettleTest, AnIncidentThatWasDeletedEndsItsTick) {
  Settle("2026-12-01T17:00:00Z");
  MarkOpened(entry, At("2026-12-01T17:00:00Z"));
  facts.incident_gone = true;
  Settle("2026-12-01T17:10:00Z");
  EXPECT_EQ(entry.state, v1::kTickSkipped);
}

// --- what an incident of a schedule goes by

TEST_F(SettleTest, AnIncidentIsOverOnceALaterTimeHasCome) {
  Settle("2026-12-01T17:00:00Z");
  MarkOpened(entry, At("2026-12-01T17:00:00Z"));
  const v1::Incident night = MakeScheduledIncident(policy, facts.target, entry);
  policy.status.scheduled = {entry};
  using Kind = TickStanding::Kind;
  EXPECT_EQ(StandingOf(policy, night, At("2026-12-01T17:30:00Z")).kind, Kind::kCurrent);
  EXPECT_EQ(StandingOf(policy, night, At("2026-12-01T18:00:01Z")).why.reason, "DeadlineMissed");
  v1::HealingPolicy stale = policy;
  stale.status.scheduled.clear();
  EXPECT_EQ(StandingOf(stale, night, At("2026-12-01T17:00:01Z")).kind, Kind::kUnseen);
  v1::HealingPolicy later = policy;
  later.status.scheduled[0].tick = "2026-12-01T17:20:00Z";
  EXPECT_EQ(StandingOf(later, night, At("2026-12-01T17:30:00Z")).why.reason, "Overtaken");
  v1::HealingPolicy without = policy;
  without.spec.schedules.clear();
  EXPECT_EQ(StandingOf(without, night, At("2026-12-01T17:30:00Z")).why.reason, "ScheduleRemoved");
  v1::Incident forged = night;
  forged.metadata.name = "mine";
  EXPECT_EQ(StandingOf(policy, forged, At("2026-12-01T17:30:00Z")).why.reason, "NoSuchTick");
}

TEST_F(SettleTest, TheSameTickHasTheSameIncidentAndEachTickItsOwn) {
  const WallTime night = At("2026-12-01T17:00:00Z");
  const std::string name = ScheduledIncidentName(policy, facts.target, "night", night);
  EXPECT_EQ(name, ScheduledIncidentName(policy, facts.target, "night", night));
  EXPECT_NE(name,
            ScheduledIncidentName(policy, facts.target, "night", night + std::chrono::hours(24)));
  EXPECT_NE(name, ScheduledIncidentName(policy, facts.target, "other", night));
  EXPECT_LE(name.size(), 63u);
}

TEST_F(SettleTest, ScalingToZeroIsProvenOnlyWhenNothingIsLeft) {
  Settle("2026-12-01T17:00:00Z");
  const v1::Incident night = MakeScheduledIncident(policy, facts.target, entry);
  const WallTime now = At("2026-12-01T17:00:10Z");
  EXPECT_EQ(ScheduledFresh(policy, night, facts.seen, now).verdict, Verdict::kBad);
  Show(0, 2);
  EXPECT_EQ(ScheduledFresh(policy, night, facts.seen, now).verdict, Verdict::kBetween);
  Show(0, 0);
  EXPECT_EQ(ScheduledFresh(policy, night, facts.seen, now).verdict, Verdict::kGood);
  EXPECT_EQ(ScheduledFresh(policy, night, std::nullopt, now).verdict, Verdict::kUnmeasured);
}

TEST_F(SettleTest, RestoringIsProvenOnlyWhenAllAreAvailable) {
  PutToSleep();
  Settle("2026-12-02T08:00:00Z");
  const v1::Incident morning = MakeScheduledIncident(policy, facts.target, entry);
  const WallTime now = At("2026-12-02T08:00:10Z");
  EXPECT_EQ(ScheduledFresh(policy, morning, facts.seen, now).verdict, Verdict::kBad);
  Show(3, 1);
  EXPECT_EQ(ScheduledFresh(policy, morning, facts.seen, now).verdict, Verdict::kBetween);
  facts.seen->state = HealthState::kUnhealthy;
  EXPECT_EQ(ScheduledFresh(policy, morning, facts.seen, now).verdict, Verdict::kBad);
  Show(3, 3);
  EXPECT_EQ(ScheduledFresh(policy, morning, facts.seen, now).verdict, Verdict::kGood);
}

TEST(ScheduledRiskTest, WhatIsWrittenDownWithItsWayBackIsMedium) {
  ActionPlan plan;
  plan.action.scale.emplace().replicas = 0;
  plan.reversible = true;
  plan.base_risk = v1::kRiskCritical;
  v1::HealingPolicySpec spec;
  spec.schedules = WeekNights();
  EXPECT_EQ(ScheduledRisk(plan, spec).level, v1::kRiskMedium);
  spec.schedules.pop_back();
  EXPECT_EQ(ScheduledRisk(plan, spec).level, v1::kRiskHigh);
  plan.action.scale->replicas = 3;
  EXPECT_EQ(ScheduledRisk(plan, spec).level, v1::kRiskLow);
}

// --- what schedules leave in the records

v1::ActionRecord Record(const std::string& id, const std::string& step, const std::string& at,
                        const std::string& result) {
  return {id, "incident-" + id, "web", step, "scale", at, result, at};
}

TEST(ScheduleRecordsTest, ANightThatCameAboutIsNoFixThatDidNotLast) {
  std::vector<v1::ActionRecord> records;
  for (int minute = 10; minute < 50; minute += 10) {
    const std::string at = "2026-12-01T17:" + std::to_string(minute) + ":00Z";
    records.push_back(Record(std::to_string(minute), "schedule/night", at, kOutcomeSuccessful));
  }
  const WallTime now = At("2026-12-01T17:55:00Z");
  const BreakerView view = EvaluateBreaker(records, "web", {}, 3600, now, now);
  EXPECT_EQ(view.ineffective_fixes, 0);
  EXPECT_EQ(view.state, BreakerView::State::kClosed);
}

TEST(ScheduleRecordsTest, ANightThatFailedCountsAsAFailure) {
  const WallTime now = At("2026-12-01T17:55:00Z");
  const BreakerView view =
      EvaluateBreaker({Record("1", "schedule/night", "2026-12-01T17:10:00Z", kOutcomeFailed)},
                      "web", {}, 3600, std::nullopt, now);
  EXPECT_EQ(view.consecutive_failures, 1);
}

TEST(ScheduleRecordsTest, ANightIsNoAttemptThatAnIllnessHasUsedUp) {
  const auto earlier =
      EarlierAttempts({Record("1", "schedule/night", "2026-12-01T17:10:00Z", kOutcomeSuccessful)},
                      "web", "web-2", At("2026-12-01T17:20:00Z"), 3600);
  EXPECT_TRUE(earlier.empty());
}

}  // namespace
}  // namespace salve::healing
