// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/task_size.h"

#include <algorithm>

namespace salve::backends::ecs {
namespace {

using apis::salve::v1alpha1::UpdateTaskResourcesAction;

constexpr std::int64_t kMib = 1 << 20;
constexpr std::int64_t kMinMemoryMib = 6;  // ECS's own least

struct FargateSize {
  std::int64_t cpu;
  std::int64_t least;
  std::int64_t most;
  std::int64_t step;
};
// 256 CPU units take 512 MiB, 1 GiB or 2 GiB; the others as it says here.
constexpr FargateSize kFargate[] = {{256, 1024, 2048, 1024},     {512, 1024, 4096, 1024},
                                    {1024, 2048, 8192, 1024},    {2048, 4096, 16384, 1024},
                                    {4096, 8192, 30720, 1024},   {8192, 16384, 61440, 4096},
                                    {16384, 32768, 122880, 8192}};

std::string Mib(std::int64_t mib) { return std::to_string(mib) + " MiB"; }

StatusOr<std::int64_t> WantedMemory(const UpdateTaskResourcesAction& action, std::int64_t now,
                                    const std::string& who) {
  std::int64_t wanted = 0;
  if (action.memory_bytes) {
    if (*action.memory_bytes % kMib != 0) {
      return InvalidArgumentError(who + "memoryBytes must be whole MiB");
    }
    wanted = *action.memory_bytes / kMib;
  } else if (now == 0) {
    return InvalidArgumentError(who +
                                "memoryPercent is relative, but neither the container nor "
                                "its task has a memory limit");
  } else {
    const std::int64_t percent = *action.memory_percent;
    if (percent < -90 || percent > 1000) {
      return InvalidArgumentError(who + "memoryPercent must be between -90 and 1000");
    }
    wanted = now * (100 + percent) / 100;
  }
  if (action.max_memory_bytes && wanted > *action.max_memory_bytes / kMib) {
    wanted = *action.max_memory_bytes / kMib;
    if (wanted <= now) {
      return InvalidArgumentError(who + "its memory limit of " + Mib(now) +
                                  " is already at the cap of " + Mib(wanted));
    }
  }
  if (wanted < kMinMemoryMib) {
    return InvalidArgumentError(who + "ECS takes no memory limit below " + Mib(kMinMemoryMib));
  }
  return wanted;
}

// The task holds its containers, and Fargate has some sizes only.
Status FitTask(const TaskDefinition& definition, const ContainerDefinition& container,
               const UpdateTaskResourcesAction& action, const std::string& who, TaskSize& size) {
  std::int64_t memory = 0;
  std::int64_t cpu = 0;
  for (const ContainerDefinition& c : definition.containers) {
    const bool changed = c.name == container.name;
    memory += changed ? size.container_memory_mib : c.memory_mib;
    cpu += changed ? size.container_cpu_units : c.cpu_units;
  }
  if (size.task_memory_mib > 0) size.task_memory_mib = std::max(size.task_memory_mib, memory);
  if (size.task_cpu_units > 0) size.task_cpu_units = std::max(size.task_cpu_units, cpu);
  if (!definition.fargate) return Status::Ok();
  const auto* tier = std::find_if(std::begin(kFargate), std::end(kFargate),
                                  [&](const auto& one) { return one.cpu >= size.task_cpu_units; });
  if (tier == std::end(kFargate)) {
    return InvalidArgumentError(who + "Fargate has no task of " +
                                std::to_string(size.task_cpu_units) + " CPU units");
  }
  size.task_cpu_units = tier->cpu;
  const std::int64_t fitting = FargateMemory(tier->cpu, size.task_memory_mib);
  if (fitting == 0) {
    return InvalidArgumentError(who + "Fargate gives a task of " + std::to_string(tier->cpu) +
                                " CPU units at most " + Mib(tier->most));
  }
  if (action.max_memory_bytes && fitting > *action.max_memory_bytes / kMib &&
      container.memory_mib == 0) {
    return InvalidArgumentError(who + "the next size of Fargate, " + Mib(fitting) +
                                ", is above the cap of " + Mib(*action.max_memory_bytes / kMib));
  }
  size.task_memory_mib = fitting;
  return Status::Ok();
}

}  // namespace

std::int64_t FargateMemory(std::int64_t cpu_units, std::int64_t wanted) {
  for (const FargateSize& size : kFargate) {
    if (size.cpu != cpu_units) continue;
    if (cpu_units == 256 && wanted <= 512) return 512;
    if (wanted > size.most) return 0;
    const std::int64_t above = std::max<std::int64_t>(0, wanted - size.least);
    return size.least + (above + size.step - 1) / size.step * size.step;
  }
  return 0;
}

std::int64_t MemoryOf(const TaskDefinition& definition, const ContainerDefinition& container) {
  return container.memory_mib > 0 ? container.memory_mib : definition.memory_mib;
}

StatusOr<TaskSize> WantedSize(const UpdateTaskResourcesAction& action,
                              const TaskDefinition& definition,
                              const ContainerDefinition& container, const std::string& who) {
  const TaskSize now{container.memory_mib, container.cpu_units, definition.memory_mib,
                     definition.cpu_units};
  TaskSize size = now;
  if (action.memory_bytes || action.memory_percent) {
    SALVE_ASSIGN_OR_RETURN(const std::int64_t memory,
                           WantedMemory(action, MemoryOf(definition, container), who));
    // What has no limit of its own has its task's.
    const bool own = container.memory_mib > 0 || definition.memory_mib == 0;
    (own ? size.container_memory_mib : size.task_memory_mib) = memory;
  }
  if (action.cpu_millis) {
    const std::int64_t units = *action.cpu_millis * 1024 / 1000;
    const bool own = container.cpu_units > 0 || definition.cpu_units == 0;
    (own ? size.container_cpu_units : size.task_cpu_units) = units;
  }
  SALVE_RETURN_IF_ERROR(FitTask(definition, container, action, who, size));
  const bool same = size.container_memory_mib == now.container_memory_mib &&
                    size.container_cpu_units == now.container_cpu_units &&
                    size.task_memory_mib == now.task_memory_mib &&
                    size.task_cpu_units == now.task_cpu_units;
  if (same) {
    return InvalidArgumentError(who + "container " + container.name + " has these limits already");
  }
  return size;
}

}  // namespace salve::backends::ecs
