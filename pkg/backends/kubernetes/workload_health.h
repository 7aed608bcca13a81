// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_WORKLOAD_HEALTH_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_WORKLOAD_HEALTH_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "pkg/backends/kubernetes/objects.h"
#include "pkg/backends/kubernetes/pod_health.h"
#include "pkg/base/clock.h"
#include "pkg/healing/types.h"

// What is wrong with a workload, and what its releases have to do with it. Pure functions.
namespace salve::backends::kubernetes {

// A workload and all that belongs to it at one moment, with what is remembered of it.
struct Snapshot {
  Workload workload;
  std::vector<std::shared_ptr<const Revision>> revisions;
  std::vector<std::shared_ptr<const Pod>> pods;
  std::map<std::string, PodMemory> pod_memory;  // by UID; of pods with any
  std::set<std::string> proven;                 // UIDs of revisions that served well, all of it
  std::string create_failure;  // of kinds without a condition for it: the newest such event
};

struct IllPod {
  std::shared_ptr<const Pod> pod;
  Illness illness;
};

struct Verdict {
  healing::HealthState state = healing::HealthState::kUnknown;
  std::vector<std::string> conditions;
  std::vector<IllPod> ill;                 // the worst first
  std::shared_ptr<const Revision> newest;  // nullptr: none is known
  std::vector<std::shared_ptr<const Revision>>
      good;                          // earlier ones that serve or did, newest first
  bool rollout_in_progress = false;  // and nothing of it has failed
  std::string create_failure;        // why it cannot get new pods
  std::string message;

  bool Has(const char* condition) const;
};

Verdict JudgeWorkload(const Snapshot& snapshot, WallTime now);

// Whether the revision serves now as a whole and has done so long enough to be trusted: to be
// remembered in Snapshot::proven.
bool Proves(const Revision& revision, const Snapshot& snapshot, WallTime now);

// The same for a pod that is a target itself.
Verdict JudgeBarePod(const std::shared_ptr<const Pod>& pod, const PodMemory& memory, WallTime now);

// How many replicas may be away at once while its pods are replaced.
std::int64_t MaxUnavailable(const Workload& workload);

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_WORKLOAD_HEALTH_H_
