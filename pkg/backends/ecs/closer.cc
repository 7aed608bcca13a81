// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/closer.h"

#include <utility>

namespace salve::backends::ecs {

bool IsFinal(const Status& status) {
  return status.code() == Code::kPermissionDenied || status.code() == Code::kInvalidArgument ||
         status.code() == Code::kNotFound;
}

void ReadTargets(const Reader& reader, const CallContext& context, Snapshot& snapshot) {
  for (const std::string& group : snapshot.service.target_groups) {
    auto targets = reader.Targets(group, context);
    if (targets.ok()) {
      snapshot.targets.insert(snapshot.targets.end(), targets->begin(), targets->end());
    } else {
      snapshot.targets_problem = targets.status().message();
    }
  }
}

Status LookCloser(const Reader& reader, const ServiceName& name, const CallContext& context,
                  Snapshot& snapshot) {
  auto tasks = reader.Tasks(name, context);
  if (!tasks.ok() && !IsFinal(tasks.status())) return tasks.status();
  if (tasks.ok()) {
    snapshot.tasks = std::move(tasks).value();
  } else {
    snapshot.tasks_problem = tasks.status().message();
  }
  auto definition = reader.Definition(snapshot.service.task_definition, context);
  if (!definition.ok() && !IsFinal(definition.status())) return definition.status();
  if (definition.ok()) snapshot.definition = std::move(definition).value();
  ReadTargets(reader, context, snapshot);
  snapshot.closer = true;
  return Status::Ok();
}

void ReadHistory(const Reader& reader, const ServiceName& name, const Service& service,
                 const CallContext& context, View& view) {
  if (!view.AsksForHistory(name, service)) return;
  auto history = reader.History(name, context);
  if (history.ok()) {
    view.TakeHistory(name, service.Primary()->id, std::move(history).value());
  } else if (IsFinal(history.status())) {
    view.TakeHistory(name, service.Primary()->id, {});
  }
}

}  // namespace salve::backends::ecs
