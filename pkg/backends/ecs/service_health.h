// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_SERVICE_HEALTH_H_
#define SALVE_PKG_BACKENDS_ECS_SERVICE_HEALTH_H_

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pkg/backends/ecs/objects.h"
#include "pkg/backends/ecs/task_health.h"
#include "pkg/base/clock.h"
#include "pkg/healing/types.h"

// What is wrong with a service, and what its releases have to do with it. Pure functions.
namespace salve::backends::ecs {

// So many tasks of a deployment must have failed, without getting well since: ECS replaces one that
// is lost by itself.
inline constexpr std::int64_t kFailuresToBeIll = 2;
// A service has got well when all its tasks have run for so long since the last one failed.
inline constexpr std::chrono::seconds kSettled{60};
// A revision that served for so long as a whole is a good one.
inline constexpr std::chrono::seconds kProven{60};
// Failures that are older say nothing of now.
inline constexpr std::chrono::minutes kFailureWindow{15};

// What this process remembers of a service.
struct Memory {
  // ARNs of task definitions that served as a whole for long enough, the newest last. Bounded.
  std::vector<std::string> proven;
  // Task's ARN, or a LoadTarget's key → since when its health check fails.
  std::map<std::string, WallTime> sick_since;
  std::set<std::string> been_well;           // ARNs of tasks that have passed one since they run
  std::vector<std::string> history;          // as proven, from before this process began
  std::vector<std::string> own_deployments;  // ids of those that attempts of ours made; bounded
  bool settled_once = false;                 // it was seen without a deployment under way
  std::optional<WallTime> short_since;       // since when tasks are missing without a deployment
  std::optional<WallTime> steady_since;      // since when the primary deployment serves as a whole
  std::string steady_deployment;             // … and which one that is
};

// A service and all that belongs to it at one moment, with what is remembered of it.
struct Snapshot {
  Service service;
  std::vector<Task> tasks;    // running ones, and those that ended lately; none where not asked for
  std::string tasks_problem;  // why they could not be listed; "" = nothing is missing
  std::vector<LoadTarget> targets;  // of its load balancers; none where not asked for
  std::string targets_problem;      // as tasks_problem
  // Tasks and targets were asked for now; else what is here of them was seen a little earlier.
  bool closer = false;
  std::optional<Bounds> bounds;  // of its autoscaler; nullopt: it has none, or none is known
  std::shared_ptr<const TaskDefinition> definition;  // the primary deployment's; nullptr: not known
  Memory memory;
  // What ECS has confirmed and DescribeServices does not show yet; "" = nothing.
  std::string awaited;
};

struct IllTask {
  Task task;
  Illness illness;
};

struct Verdict {
  healing::HealthState state = healing::HealthState::kUnknown;
  std::vector<std::string> conditions;
  std::vector<IllTask> failed;  // of the primary deployment, the newest first
  std::vector<IllTask> sick;    // running, but failing their health check; the oldest first
  std::vector<LoadTarget> sick_targets;  // ill, and of no task that is known
  std::string good;  // ARN of the newest earlier task definition that served; "" none
  bool rollout_in_progress = false;  // and nothing of it has failed, or ECS itself rolls it back
  std::string message;

  bool Has(const char* condition) const;
};

Verdict Judge(const Snapshot& snapshot, WallTime now);

// Whether a deployment under way is ours, or undoes one of ours, or may be: what it leads to is not
// known before its end.
bool AwaitsOwn(const Snapshot& snapshot);

// What is to be remembered after another look at it.
Memory Learn(const Snapshot& snapshot, WallTime now);

// Every task is there, of one deployment that is complete.
bool IsSteady(const Service& service);

// Whether a look at its tasks could tell more than the service alone: it is not steady, or tasks
// were replaced lately.
bool NeedsTasks(const Service& service, WallTime now);

// How many of its tasks must stay while they are replaced.
std::int64_t LeastHealthy(const Service& service);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_SERVICE_HEALTH_H_
