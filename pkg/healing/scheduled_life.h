// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_SCHEDULED_LIFE_H_
#define SALVE_PKG_HEALING_SCHEDULED_LIFE_H_

#include <optional>
#include <string>

#include "pkg/healing/machine.h"
#include "pkg/healing/schedules.h"
#include "pkg/healing/verification.h"

// A tick of a schedule is carried out as an incident: "the target is not as it is wanted from now
// on" is a deviation like an illness, so that gates, approval, the execution protocol, verification
// and the way back from a crash are the very same. What differs is what is measured, and which step
// there is: here. Pure functions.
namespace salve::healing {

inline constexpr char kScheduleRule[] = "schedule/due";
inline constexpr char kScheduleCause[] = "Scheduled";
inline constexpr char kScheduleStepPrefix[] = "schedule/";

bool IsScheduled(const v1::Incident& incident);
// A step of this kind is no medicine: what follows it says nothing about how well it helped.
bool IsScheduleStep(const std::string& step);
// Whether nothing serves any more after the action.
bool EndsService(const Action& action);

// The incident of a tick. Its name follows from policy, target and tick: a replay is AlreadyExists.
std::string ScheduledIncidentName(const v1::HealingPolicy& policy, const TargetRef& target,
                                  const std::string& schedule, WallTime tick);
v1::Incident MakeScheduledIncident(const v1::HealingPolicy& policy, const TargetRef& target,
                                   const v1::ScheduledTarget& scheduled);

// The policy as the incident of one of its ticks sees it: the ladder is the one step that the
// schedule asks for, in the words of the target's backend, and nothing but the target itself is
// measured. A schedule that is gone leaves no step.
v1::HealingPolicy ScheduledView(const v1::HealingPolicy& policy, const v1::Incident& incident);

// Whether the tick that the incident carries out is still the one to carry out.
struct TickStanding {
  enum class Kind {
    kCurrent,
    kOver,    // `why`
    kUnseen,  // this view of the policy is older than the incident: look again
  };
  Kind kind = Kind::kCurrent;
  IncidentView::Overtaken why;
};
TickStanding StandingOf(const v1::HealingPolicy& policy, const v1::Incident& incident,
                        WallTime now);

// Healthy: nothing is left to do. What has been done must also have come about: then it is Healthy
// only once the replicas that are wanted are available, or none are left.
TargetHealth ScheduledHealth(const v1::HealingPolicy& policy, const v1::Incident& incident,
                             const std::optional<TargetObservation>& seen, WallTime now);
// For verification.
FreshCheck ScheduledFresh(const v1::HealingPolicy& policy, const v1::Incident& incident,
                          const std::optional<TargetObservation>& seen, WallTime now);

v1::DiagnosisStatus ScheduledDiagnosis(const v1::HealingPolicy& policy,
                                       const v1::Incident& incident, const TargetHealth& health,
                                       WallTime now);

// An ad-hoc scale to zero is Critical. One that the owner wrote down with its time is Medium where
// a Restore is written down as well, else High; the way back is Low.
v1::Risk ScheduledRisk(const ActionPlan& plan, const v1::HealingPolicySpec& spec);

// Writes what there is now before it is scaled to zero. Part of the reservation of an attempt, so
// that no crash can come between. kConflict: the tick is not the current one any more.
Status RememberBefore(v1::HealingPolicy& current, const v1::Incident& incident,
                      const TargetObservation& seen, WallTime now);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_SCHEDULED_LIFE_H_
