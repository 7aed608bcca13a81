// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_SCHEDULES_H_
#define SALVE_PKG_HEALING_SCHEDULES_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"
#include "pkg/base/cron.h"
#include "pkg/base/time_zone.h"
#include "pkg/healing/types.h"

// spec.schedules: which moment is due, what became of it, and which targets sleep. Pure functions
// over the policy's status, which is the only memory. How a moment that is due is carried out, as
// an incident, is in scheduled_life.h.
namespace salve::healing {

// One moment at which a schedule comes due.
struct Tick {
  std::string schedule;
  std::string action;
  WallTime at;
  Duration deadline{0};  // what has not begun by then is left out
};

// The schedules of one policy with their rules read. Immutable; `zones` is not kept.
class ScheduleCalendar {
 public:
  // What cannot be read (validation has told its author) never comes due.
  ScheduleCalendar(const std::vector<v1::Schedule>& schedules, TimeZones& zones);

  bool empty() const { return schedules_.empty(); }
  // status.schedules as it should be: a schedule that is new, or says something else than it did,
  // begins now.
  std::vector<v1::ScheduleStatus> Remember(const std::vector<v1::ScheduleStatus>& before,
                                           WallTime now) const;
  // The newest tick of all that is due at `now` and lies after its schedule's beginning; those
  // before it do not matter any more. At one and the same moment Restore wins.
  std::optional<Tick> Newest(const std::vector<v1::ScheduleStatus>& remembered, WallTime now) const;
  // The first tick after `now`; with an action, of schedules with that action.
  std::optional<Tick> Next(WallTime now, const std::string& action = "") const;
  // How many ticks lie after `from` and before `to`; stops counting at `limit`.
  int CountBetween(const std::vector<v1::ScheduleStatus>& remembered, WallTime from, WallTime to,
                   int limit) const;

 private:
  struct Entry {
    v1::Schedule schedule;
    std::string rule;
    std::optional<Cron> cron;
    std::shared_ptr<const TimeZone> zone;
  };
  Tick TickOf(const Entry& entry, WallTime at) const;

  std::vector<Entry> schedules_;
};

// "morning (Restore) at 2026-12-02T08:00:00Z"; "" without one.
std::string DescribeNext(const std::optional<Tick>& next);

const v1::Schedule* FindSchedule(const v1::HealingPolicySpec& spec, const std::string& name);
const v1::ScheduledTarget* FindScheduled(const v1::HealingPolicyStatus& status,
                                         const std::string& target);

// Nothing of the target is wanted to run: desired replicas are 0, or the container does not run and
// its engine does not start it again by itself.
bool AtZero(const TargetObservation& seen);
// What Restore would go back to: desired replicas; of a container 1 if it runs.
std::int64_t CountOf(const TargetObservation& seen);

// Whether the target is at zero because a schedule of this policy put it there. Whoever wakes it in
// between makes it a target like any other.
bool IsAsleep(const v1::HealingPolicySpec& spec, const v1::ScheduledTarget* scheduled,
              const std::optional<TargetObservation>& seen);
// "asleep by schedule night until 2026-12-02T08:00:00Z".
std::string AsleepMessage(const v1::ScheduledTarget& scheduled, const ScheduleCalendar& calendar,
                          WallTime now);

// What is known of one target when its tick is settled.
struct ScheduleFacts {
  TargetRef target;
  std::optional<TargetObservation> seen;  // nullopt: its backend does not tell
  std::string ill_incident;               // an open incident about its health; "" = none
  // The incident that `scheduled.incident` names; null if it is not known.
  const v1::Incident* incident = nullptr;
  bool incident_gone = false;  // it was opened, and the server has it no more
  bool acting = false;         // it has reserved an action that has not ended
};

// The next state of one target: adopts the newest tick if it is later than the one that is
// remembered (a clock that was set back makes none due again), and settles it as far as the facts
// allow. Due: open the incident that it names, then MarkOpened.
v1::ScheduledTarget SettleTick(const v1::HealingPolicy& policy, const ScheduleCalendar& calendar,
                               const v1::ScheduledTarget& before, const std::optional<Tick>& newest,
                               const ScheduleFacts& facts, WallTime now);
// Whether it changed anything: `scheduled` was Due.
bool MarkOpened(v1::ScheduledTarget& scheduled, WallTime now);

// When a tick that is held is left out; nullopt if none is held.
std::optional<WallTime> DeadlineOf(const v1::HealingPolicySpec& spec,
                                   const v1::ScheduledTarget& scheduled);

inline constexpr std::size_t kMaxScheduled = 200;  // targets of one policy

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_SCHEDULES_H_
