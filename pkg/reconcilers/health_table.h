// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_HEALTH_TABLE_H_
#define SALVE_PKG_RECONCILERS_HEALTH_TABLE_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/mutex.h"
#include "pkg/healing/health.h"
#include "pkg/probes/prober.h"

namespace salve::reconcilers {

// What the probes have measured so far, per policy, target and probe. Lives only in memory: after a
// restart it goes on from the policies' statuses and new measurements. Thread-safe; no call blocks.
class HealthTable {
 public:
  // Makes the table hold exactly these targets and probes for `policy`. Trackers that stay keep
  // their state; new ones start from what `status` says of them, if it says anything.
  void Configure(const apis::meta::v1::NamespacedName& policy,
                 const std::vector<apis::salve::v1alpha1::TargetRef>& targets,
                 const std::vector<apis::salve::v1alpha1::Probe>& probes,
                 const apis::salve::v1alpha1::HealingPolicyStatus& status);
  void Forget(const apis::meta::v1::NamespacedName& policy);

  // Takes a measurement. True iff the policy should be looked at: the indicator's state changed, or
  // its bucketed figure. Measurements for what is not in the table are dropped.
  bool Add(const probes::ProbeJob& job, const healing::Measurement& measurement);

  // The indicators of one target, in the order of the probes.
  std::vector<healing::IndicatorState> Indicators(const apis::meta::v1::NamespacedName& policy,
                                                  const std::string& target) const;

 private:
  // {target's name, probe's name}
  using TrackerKey = std::pair<std::string, std::string>;
  struct PolicyEntry {
    std::vector<std::string> probe_order;
    std::map<TrackerKey, healing::IndicatorTracker> trackers;
  };

  mutable Mutex mu_;
  std::map<apis::meta::v1::NamespacedName, PolicyEntry> policies_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_HEALTH_TABLE_H_
