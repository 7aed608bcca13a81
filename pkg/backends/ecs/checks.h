// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_CHECKS_H_
#define SALVE_PKG_BACKENDS_ECS_CHECKS_H_

#include <optional>
#include <vector>

#include "pkg/backends/ecs/service_health.h"

// What the health checks of containers and of load balancers say of running tasks. Pure functions.
namespace salve::backends::ecs {

// It fails its own health check, or that of a load balancer.
bool FailsACheck(const Snapshot& snapshot, const Task& task);

// Why a running task is ill by one of them. nullopt: it is not, or it is still within the grace
// period of its service and has never been well.
std::optional<Illness> JudgeRunning(const Snapshot& snapshot, const Task& task, WallTime now);

// Those that are ill and cannot be told to be of one task: tasks on instances share an address.
std::vector<LoadTarget> IllTargets(const Snapshot& snapshot, WallTime now);

// Remembers which tasks and targets fail since when, and which tasks have been well.
void LearnChecks(const Snapshot& snapshot, WallTime now, Memory& next);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_CHECKS_H_
