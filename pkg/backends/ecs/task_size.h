// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_TASK_SIZE_H_
#define SALVE_PKG_BACKENDS_ECS_TASK_SIZE_H_

#include <cstdint>
#include <string>

#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/backends/ecs/objects.h"
#include "pkg/base/status.h"

// How large a task and its containers are to be. Pure functions.
namespace salve::backends::ecs {

// The sizes after a change; 0 = there is none, as before.
struct TaskSize {
  std::int64_t container_memory_mib = 0;
  std::int64_t container_cpu_units = 0;
  std::int64_t task_memory_mib = 0;
  std::int64_t task_cpu_units = 0;
};

// What `action` makes of `container` in `definition`: relative to what it is now, bounded, and
// rounded up to a size that Fargate has. kInvalidArgument for what cannot be; the message begins
// with `who`.
StatusOr<TaskSize> WantedSize(const apis::salve::v1alpha1::UpdateTaskResourcesAction& action,
                              const TaskDefinition& definition,
                              const ContainerDefinition& container, const std::string& who);

// The memory that the container can use: its own limit, else the task's; 0 = neither has one.
std::int64_t MemoryOf(const TaskDefinition& definition, const ContainerDefinition& container);

// The least memory, of at least `wanted` MiB, that Fargate gives to a task with so many CPU units;
// 0 = it has none that large.
std::int64_t FargateMemory(std::int64_t cpu_units, std::int64_t wanted);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_TASK_SIZE_H_
