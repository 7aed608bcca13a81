// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_POLICY_SCHEDULES_H_
#define SALVE_PKG_RECONCILERS_POLICY_SCHEDULES_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pkg/healing/schedules.h"
#include "pkg/reconcilers/healingpolicy_reconciler.h"
#include "pkg/reconcilers/shell.h"

// The shell around spec.schedules of one policy: settles what is due, opens the incidents that
// carry it out, and tells about it. How they do so is incident_run.
namespace salve::reconcilers {

// Incidents of schedules that the policy's status says are open, and that the server has no more.
// Asks it only about those that the cache does not know.
StatusOr<std::set<std::string>> GoneIncidents(const Shell& shell, const v1::HealingPolicy& policy);

// What status.scheduled is brought up to date from.
struct SettleSchedulesInput {
  const v1::HealingPolicySpec& spec;
  const apis::meta::v1::ObjectMeta& metadata;
  const PolicyView& view;
  const std::vector<std::shared_ptr<const v1::Incident>>& incidents;  // of this policy
  const std::set<std::string>& gone;
  TimeZones& zones;
  WallTime now;
};
void SettleSchedules(const SettleSchedulesInput& input, v1::HealingPolicyStatus& status);

// Opens an incident for each target whose tick is Due, and writes that it is open. Returns the
// policy as stored.
StatusOr<v1::HealingPolicy> OpenScheduled(Shell& shell, v1::HealingPolicy policy,
                                          const PolicyView& view);

// An event for each target whose tick went on to another state.
void TellOfSchedules(Shell& shell, const v1::HealingPolicy& policy,
                     const v1::HealingPolicyStatus& before);

// Whether a schedule is acting on the target: what is measured meanwhile says nothing.
bool ScheduleIsActing(const Shell& shell, const v1::HealingPolicy& policy,
                      const std::string& target);

// When the policy must be looked at because of its schedules; nullopt: it has none.
std::optional<WallTime> NextScheduleLook(const v1::HealingPolicy& policy, TimeZones& zones,
                                         WallTime now);

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_POLICY_SCHEDULES_H_
