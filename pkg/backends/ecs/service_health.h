// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_SERVICE_HEALTH_H_
#define SALVE_PKG_BACKENDS_ECS_SERVICE_HEALTH_H_

#include <chrono>
#include <map>
#include <memory>
#include <optional>
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
  std::map<std::string, WallTime> sick_since;  // task's ARN → since when its health check fails
  std::optional<WallTime> short_since;         // since when tasks are missing without a deployment
  std::optional<WallTime> steady_since;  // since when the primary deployment serves as a whole
  std::string steady_deployment;         // … and which one that is
};

// A service and all that belongs to it at one moment, with what is remembered of it.
struct Snapshot {
  Service service;
  std::vector<Task> tasks;    // running ones, and those that ended lately; none where not asked for
  std::string tasks_problem;  // why they could not be listed; "" = nothing is missing
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
  std::string good;             // ARN of the newest earlier task definition that served; "" none
  bool rollout_in_progress = false;  // and nothing of it has failed, or ECS itself rolls it back
  std::string message;

  bool Has(const char* condition) const;
};

Verdict Judge(const Snapshot& snapshot, WallTime now);

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
