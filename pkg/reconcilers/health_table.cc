// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/health_table.h"

#include <algorithm>

#include "pkg/base/time_format.h"

namespace salve::reconcilers {
namespace {

namespace v1 = apis::salve::v1alpha1;
using apis::meta::v1::NamespacedName;

// What the status of an earlier process says about one indicator.
void RestoreFrom(const v1::HealingPolicyStatus& status, const std::string& target,
                 const std::string& probe, healing::IndicatorTracker& tracker) {
  for (const v1::TargetStatus& t : status.targets) {
    if (t.name != target) continue;
    for (const v1::IndicatorStatus& indicator : t.indicators) {
      const auto state = healing::ParseHealthState(indicator.state);
      if (indicator.name != probe || !state) continue;
      tracker.Restore(*state, static_cast<int>(indicator.health),
                      ParseTime(t.since).value_or(WallTime()));
    }
  }
}

}  // namespace

void HealthTable::Configure(const NamespacedName& policy, const std::vector<v1::TargetRef>& targets,
                            const std::vector<v1::Probe>& probes,
                            const v1::HealingPolicyStatus& status) {
  MutexLock lock(mu_);
  PolicyEntry& entry = policies_[policy];
  std::map<TrackerKey, healing::IndicatorTracker> next;
  entry.probe_order.clear();
  for (const v1::Probe& probe : probes) {
    entry.probe_order.push_back(probe.name);
    const healing::Thresholds thresholds = healing::ThresholdsOf(probe);
    for (const v1::TargetRef& target : targets) {
      const TrackerKey key{target.name, probe.name};
      if (auto old = entry.trackers.extract(key); !old.empty()) {
        old.mapped().SetThresholds(thresholds);
        next.insert(std::move(old));
        continue;
      }
      healing::IndicatorTracker tracker(probe.name, thresholds);
      RestoreFrom(status, target.name, probe.name, tracker);
      next.emplace(key, std::move(tracker));
    }
  }
  entry.trackers = std::move(next);
}

void HealthTable::Forget(const NamespacedName& policy) {
  MutexLock lock(mu_);
  policies_.erase(policy);
}

bool HealthTable::Add(const probes::ProbeJob& job, const healing::Measurement& measurement) {
  MutexLock lock(mu_);
  const auto policy = policies_.find(NamespacedName{job.ns, job.policy});
  if (policy == policies_.end()) return false;
  const auto it = policy->second.trackers.find({job.target.name, job.probe.name});
  if (it == policy->second.trackers.end()) return false;
  healing::IndicatorTracker& tracker = it->second;
  const bool first = !tracker.state().measured;
  const int bucket = healing::BucketHealth(tracker.state().health);
  const bool changed = tracker.Add(measurement);
  return changed || first || healing::BucketHealth(tracker.state().health) != bucket;
}

std::vector<healing::IndicatorState> HealthTable::Indicators(const NamespacedName& policy,
                                                             const std::string& target) const {
  MutexLock lock(mu_);
  std::vector<healing::IndicatorState> out;
  const auto it = policies_.find(policy);
  if (it == policies_.end()) return out;
  for (const std::string& probe : it->second.probe_order) {
    const auto tracker = it->second.trackers.find({target, probe});
    if (tracker != it->second.trackers.end()) out.push_back(tracker->second.state());
  }
  return out;
}

}  // namespace salve::reconcilers
