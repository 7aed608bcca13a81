// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_TASK_HEALTH_H_
#define SALVE_PKG_BACKENDS_ECS_TASK_HEALTH_H_

#include <cstdint>
#include <optional>
#include <string>

#include "pkg/backends/ecs/objects.h"

// What was wrong with one task, and what a service's events tell of tasks that never were. Pure
// functions.
namespace salve::backends::ecs {

struct Illness {
  const char* condition = "";  // a word of healing/types.h
  bool oom_killed = false;
  std::optional<std::int64_t> exit_code;
  std::string container;  // "" = the task as a whole
  std::string what;       // "ended with exit code 1 after 12s"
};

// Why a task ended that was not asked to, or why one that runs is ill by its own health check.
// nullopt: nothing is wrong with it, or somebody, a scaling or a deployment ended it.
std::optional<Illness> JudgeTask(const Task& task);

// Why the service cannot have new tasks now.
struct PlacementFailure {
  const char* condition = "";  // Unschedulable, CreateForbidden
  std::string message;
  std::optional<WallTime> since;  // the oldest event in a row that says so
};

// From the events since `after`; what came before the last task that could be started is history.
std::optional<PlacementFailure> JudgeEvents(const Service& service, std::optional<WallTime> after);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_TASK_HEALTH_H_
