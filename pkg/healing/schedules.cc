// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/schedules.h"

#include <algorithm>

#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/scheduled_life.h"

namespace salve::healing {
namespace {

// A remembered tick that lies further ahead was written by a clock that was wrong.
constexpr std::chrono::hours kClockDoubt{7 * 24};
constexpr int kMostMissed = 20;
constexpr std::size_t kMaxMessage = 512;

std::string RuleOf(const v1::Schedule& schedule) {
  return schedule.action + " " + schedule.cron + " " +
         (schedule.time_zone.empty() ? "UTC" : schedule.time_zone);
}

// Ticks up to then do not count. A beginning in the future was written by a clock that was wrong.
WallTime BeginningOf(const std::vector<v1::ScheduleStatus>& remembered, const std::string& name,
                     WallTime now) {
  for (const v1::ScheduleStatus& one : remembered) {
    if (one.name == name) return ParseTime(one.since).value_or(now);
  }
  return now;
}

void Enter(v1::ScheduledTarget& s, const char* state, const std::string& message, WallTime now) {
  const std::string text = SanitizeLine(message, kMaxMessage);
  if (s.state != state) s.since = FormatTime(now);
  s.state = state;
  s.message = text;
}

bool AsWanted(const v1::ScheduledTarget& s, const TargetObservation& seen) {
  return AtZero(seen) == (s.action == v1::kScheduleScaleToZero);
}

void WakeUp(v1::ScheduledTarget& s) {
  s.asleep_by.clear();
  s.asleep_since.clear();
  s.count.reset();
}

void FallAsleep(v1::ScheduledTarget& s, WallTime now) {
  if (s.asleep_since.empty()) s.asleep_since = FormatTime(now);
  s.asleep_by = s.schedule;
}

void Finish(v1::ScheduledTarget& s, const std::string& message, WallTime now) {
  Enter(s, v1::kTickDone, message, now);
  if (s.action == v1::kScheduleScaleToZero) {
    FallAsleep(s, now);
  } else {
    WakeUp(s);
  }
}

std::string ResolvedMessage(const v1::Incident& incident) {
  const metav1::Condition* resolved =
      metav1::FindCondition(incident.status.conditions, v1::kIncidentResolved);
  return resolved == nullptr ? incident.status.summary : resolved->message;
}

void Fail(v1::ScheduledTarget& s, const v1::Incident& incident, const std::string& message,
          WallTime now) {
  Enter(s, v1::kTickFailed, message, now);
  // What was woken and is not well is for healing from here on.
  if (s.action == v1::kScheduleRestore && HasActed(incident.status)) WakeUp(s);
}

// What became of the incident is what became of the tick.
void FollowIncident(const v1::Incident& incident, v1::ScheduledTarget& s, WallTime now) {
  const std::string& outcome = incident.status.outcome;
  if (!IsResolved(incident.status)) {
    if (incident.status.phase == kPhaseEscalated && s.state != v1::kTickFailed) {
      Fail(s, incident, "incident " + incident.metadata.name + ": " + incident.status.summary, now);
    }
    return;
  }
  const std::string message = ResolvedMessage(incident);
  const bool by_others = message.starts_with("HealedByOthers");  // the reason it was closed with
  const std::string told = outcome + ": " + message;
  if (outcome == kAutoHealed || outcome == kHealedAfterApproval || outcome == kSelfResolved ||
      (outcome == kEscalated && by_others)) {
    Finish(s, "incident " + incident.metadata.name + " ended as " + outcome, now);
  } else if (outcome == kEscalated || outcome == kRolledBack || outcome == kInconclusive) {
    Fail(s, incident, told, now);
  } else {
    Enter(s, v1::kTickSkipped, told, now);
  }
}

void FollowTick(const ScheduleFacts& facts, v1::ScheduledTarget& s, WallTime now) {
  if (facts.incident != nullptr) return FollowIncident(*facts.incident, s, now);
  if (!facts.incident_gone || s.state != v1::kTickOpened) return;
  if (facts.seen && AsWanted(s, *facts.seen)) {
    Finish(s, "it is as wanted; its incident was deleted", now);
  } else {
    Enter(s, v1::kTickSkipped, "its incident was deleted", now);
  }
}

std::string MissedNote(const ScheduleCalendar& calendar, const v1::HealingPolicyStatus& status,
                       const v1::ScheduledTarget& before, const Tick& newest) {
  const auto last = ParseTime(before.tick);
  const int missed =
      calendar.CountBetween(status.schedules, last.value_or(WallTime{}), newest.at, kMostMissed);
  if (missed == 0) return "";
  const std::string count = (missed == kMostMissed ? "at least " : "") + std::to_string(missed);
  return " (" + count + " earlier " + (missed == 1 ? "time was" : "times were") +
         " missed and left out)";
}

// Where its own incident is not needed, or cannot be opened yet.
void Begin(const v1::HealingPolicy& policy, const ScheduleFacts& facts, const std::string& note,
           v1::ScheduledTarget& s, WallTime now) {
  const auto deadline = DeadlineOf(policy.spec, s);
  if (!deadline) return Enter(s, v1::kTickSkipped, "the policy no longer has this schedule", now);
  if (now > *deadline) {
    const std::string why = s.message.empty() ? "nobody was there to do it" : s.message;
    return Enter(s, v1::kTickSkipped,
                 "missed: it could not begin before its deadline; " + why + note, now);
  }
  if (!facts.seen) {
    return Enter(s, v1::kTickHeld, "its backend does not tell how it is", now);
  }
  if (facts.seen->state == HealthState::kMissing) {
    return Enter(s, v1::kTickSkipped, "the target does not exist" + note, now);
  }
  if (AsWanted(s, *facts.seen)) {
    return Finish(
        s, (AtZero(*facts.seen) ? "it was at zero already" : "it was awake already") + note, now);
  }
  if (s.action == v1::kScheduleRestore && (s.asleep_by.empty() || s.count.value_or(0) < 1)) {
    return Enter(
        s, v1::kTickSkipped,
        "it is at zero, and no schedule put it there: there is nothing to go back to" + note, now);
  }
  if (s.action == v1::kScheduleScaleToZero && !facts.ill_incident.empty()) {
    return Enter(s, v1::kTickHeld, "it waits for the end of incident " + facts.ill_incident, now);
  }
  s.incident = ScheduledIncidentName(policy, facts.target, s.schedule, *ParseTime(s.tick));
  Enter(s, v1::kTickDue, "incident " + s.incident + " carries it out" + note, now);
}

}  // namespace

// --- the calendar

ScheduleCalendar::ScheduleCalendar(const std::vector<v1::Schedule>& schedules, TimeZones& zones) {
  for (const v1::Schedule& schedule : schedules) {
    Entry entry{schedule, RuleOf(schedule), std::nullopt, nullptr};
    auto cron = Cron::Parse(schedule.cron);
    auto zone = zones.Find(schedule.time_zone.empty() ? "UTC" : schedule.time_zone);
    if (cron.ok() && zone.ok()) {
      entry.cron = std::move(cron).value();
      entry.zone = std::move(zone).value();
    }
    schedules_.push_back(std::move(entry));
  }
}

Tick ScheduleCalendar::TickOf(const Entry& entry, WallTime at) const {
  return {entry.schedule.name, entry.schedule.action, at,
          std::chrono::seconds(entry.schedule.starting_deadline_seconds)};
}

std::vector<v1::ScheduleStatus> ScheduleCalendar::Remember(
    const std::vector<v1::ScheduleStatus>& before, WallTime now) const {
  std::vector<v1::ScheduleStatus> out;
  for (const Entry& entry : schedules_) {
    v1::ScheduleStatus status{entry.schedule.name, entry.rule, FormatTime(now), ""};
    for (const v1::ScheduleStatus& known : before) {
      const auto since = ParseTime(known.since);
      if (known.name == status.name && known.rule == status.rule && since && *since <= now) {
        status.since = known.since;
      }
    }
    if (entry.cron) {
      const auto next = NextFire(*entry.cron, *entry.zone, now);
      if (next) status.next_tick = FormatTime(*next);
    }
    out.push_back(std::move(status));
  }
  return out;
}

std::optional<Tick> ScheduleCalendar::Newest(const std::vector<v1::ScheduleStatus>& remembered,
                                             WallTime now) const {
  std::optional<Tick> newest;
  for (const Entry& entry : schedules_) {
    if (!entry.cron) continue;
    const auto at = PrevFire(*entry.cron, *entry.zone, now);
    if (!at || *at <= BeginningOf(remembered, entry.schedule.name, now)) continue;
    const bool later = !newest || *at > newest->at ||
                       (*at == newest->at && entry.schedule.action == v1::kScheduleRestore);
    if (later) newest = TickOf(entry, *at);
  }
  return newest;
}

std::optional<Tick> ScheduleCalendar::Next(WallTime now, const std::string& action) const {
  std::optional<Tick> next;
  for (const Entry& entry : schedules_) {
    if (!entry.cron || (!action.empty() && entry.schedule.action != action)) continue;
    const auto at = NextFire(*entry.cron, *entry.zone, now);
    const bool sooner = at && (!next || *at < next->at ||
                               (*at == next->at && entry.schedule.action == v1::kScheduleRestore));
    if (sooner) next = TickOf(entry, *at);
  }
  return next;
}

int ScheduleCalendar::CountBetween(const std::vector<v1::ScheduleStatus>& remembered, WallTime from,
                                   WallTime to, int limit) const {
  int count = 0;
  for (const Entry& entry : schedules_) {
    if (!entry.cron) continue;
    const WallTime begin = std::max(from, BeginningOf(remembered, entry.schedule.name, to));
    WallTime at = to - std::chrono::seconds(1);
    while (count < limit) {
      const auto fired = PrevFire(*entry.cron, *entry.zone, at);
      if (!fired || *fired <= begin) break;
      ++count;
      at = *fired - std::chrono::seconds(1);
    }
  }
  return count;
}

std::string DescribeNext(const std::optional<Tick>& next) {
  if (!next) return "";
  return next->schedule + " (" + next->action + ") at " + FormatTime(next->at);
}

// --- reading

const v1::Schedule* FindSchedule(const v1::HealingPolicySpec& spec, const std::string& name) {
  const auto it = std::find_if(spec.schedules.begin(), spec.schedules.end(),
                               [&](const v1::Schedule& one) { return one.name == name; });
  return it == spec.schedules.end() ? nullptr : &*it;
}

const v1::ScheduledTarget* FindScheduled(const v1::HealingPolicyStatus& status,
                                         const std::string& target) {
  const auto it = std::find_if(status.scheduled.begin(), status.scheduled.end(),
                               [&](const v1::ScheduledTarget& s) { return s.target == target; });
  return it == status.scheduled.end() ? nullptr : &*it;
}

bool AtZero(const TargetObservation& seen) {
  if (seen.state == HealthState::kMissing) return false;
  if (seen.replicas) return seen.replicas->desired == 0;
  return !seen.running && !HasCondition(seen, kConditionRestarting);
}

std::int64_t CountOf(const TargetObservation& seen) {
  if (seen.replicas) return seen.replicas->desired;
  return AtZero(seen) || seen.state == HealthState::kMissing ? 0 : 1;
}

bool IsAsleep(const v1::HealingPolicySpec& spec, const v1::ScheduledTarget* scheduled,
              const std::optional<TargetObservation>& seen) {
  if (scheduled == nullptr || scheduled->asleep_by.empty() || !seen || !AtZero(*seen)) return false;
  const v1::Schedule* schedule = FindSchedule(spec, scheduled->asleep_by);
  return schedule != nullptr && schedule->action == v1::kScheduleScaleToZero;
}

std::string AsleepMessage(const v1::ScheduledTarget& scheduled, const ScheduleCalendar& calendar,
                          WallTime now) {
  const auto next = calendar.Next(now, v1::kScheduleRestore);
  return "asleep by schedule " + scheduled.asleep_by + " until " +
         (next ? FormatTime(next->at) + " (schedule " + next->schedule + ")"
               : std::string("somebody wakes it"));
}

std::optional<WallTime> DeadlineOf(const v1::HealingPolicySpec& spec,
                                   const v1::ScheduledTarget& scheduled) {
  const v1::Schedule* schedule = FindSchedule(spec, scheduled.schedule);
  const auto tick = ParseTime(scheduled.tick);
  if (schedule == nullptr || !tick || scheduled.state != v1::kTickHeld) return std::nullopt;
  return *tick + std::chrono::seconds(schedule->starting_deadline_seconds);
}

// --- settling

v1::ScheduledTarget SettleTick(const v1::HealingPolicy& policy, const ScheduleCalendar& calendar,
                               const v1::ScheduledTarget& before, const std::optional<Tick>& newest,
                               const ScheduleFacts& facts, WallTime now) {
  v1::ScheduledTarget s = before;
  s.target = facts.target.name;
  if (s.state == v1::kTickOpened || s.state == v1::kTickFailed) FollowTick(facts, s, now);
  // What is being done is done before anything else is looked at: what is seen now will not last.
  if (facts.acting) return s;
  std::string note;
  const auto settled = ParseTime(before.tick);
  const bool from_wrong_clock = settled && *settled - now > kClockDoubt;
  if (newest && (!settled || from_wrong_clock || newest->at > *settled)) {
    note = from_wrong_clock ? "" : MissedNote(calendar, policy.status, before, *newest);
    s.schedule = newest->schedule;
    s.action = newest->action;
    s.tick = FormatTime(newest->at);
    s.incident.clear();
    s.message.clear();
    s.state = v1::kTickHeld;
    s.since = FormatTime(now);
  }
  if (s.state == v1::kTickHeld) Begin(policy, facts, note, s, now);
  return s;
}

bool MarkOpened(v1::ScheduledTarget& scheduled, WallTime now) {
  if (scheduled.state != v1::kTickDue) return false;
  Enter(scheduled, v1::kTickOpened, scheduled.message, now);
  return true;
}

}  // namespace salve::healing
