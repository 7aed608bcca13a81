// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_STATE_METRICS_H_
#define SALVE_CONTROLLER_RUNTIME_STATE_METRICS_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"

namespace salve::runtime {

// What a scrape tells of a controller that has its caches.
struct StateView {
  std::vector<std::shared_ptr<const apis::salve::v1alpha1::HealingPolicy>> policies;
  std::vector<std::shared_ptr<const apis::salve::v1alpha1::Incident>> incidents;
  std::map<std::string, WallTime> heartbeats;  // controller → when its loop last came round
};

inline constexpr std::size_t kMaxShownCanaries = 50;
inline constexpr std::size_t kMaxShownPolicies = 500;  // the rest only counts in salve_policies

// It in Prometheus's text format. Made anew for each scrape, as kube-state-metrics does: what was
// deleted is gone from the next one.
//
//   salve_heartbeat_timestamp_seconds{controller}             only where the controllers run
//   salve_policies                                            all there are
//   salve_policy_condition{namespace,policy,condition}        1 True, 0 False; absent while Unknown
//   salve_policy_targets{namespace,policy,state}              all | unhealthy | asleep
//   salve_policy_budget_remaining_actions{namespace,policy}
//   salve_incidents_open{namespace,policy,phase}
//
// Canaries (pkg/healing/canary.h) are in none of these but in their own, at most kMaxShownCanaries:
//
//   salve_canary_last_success_timestamp_seconds{namespace,policy}   absent: not known
//   salve_canary_awaited_since_timestamp_seconds{namespace,policy}  absent while Salve may not act
//   salve_canary_period_seconds{namespace,policy}
//
// But for the heartbeat every replica that has its caches shows the same: take the max over them.
std::string StateMetrics(const StateView& view);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_STATE_METRICS_H_
