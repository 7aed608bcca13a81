// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/fresh.h"

#include <utility>

#include "pkg/backends/text.h"

namespace salve::backends::ecs {
namespace {

// What another moment would not change.
bool IsFinal(const Status& status) {
  return status.code() == Code::kPermissionDenied || status.code() == Code::kInvalidArgument ||
         status.code() == Code::kNotFound;
}

}  // namespace

StatusOr<Subject> ReadSubject(const Reader& reader, View& view, Clock& clock,
                              const healing::TargetRef& ref, const CallContext& context,
                              bool* news) {
  *news = false;
  const std::optional<ServiceName> name = ParseServiceName(ref.name);
  if (!name || ref.kind != kKindService) {
    return InvalidArgumentError("backend " + ref.backend + " has no " + Printable(ref.kind, 60) +
                                " \"" + Printable(ref.name, 300) +
                                "\": a service is named CLUSTER/SERVICE");
  }
  (void)view.Want(*name);
  const MonoTime read_at = clock.Monotonic();
  auto service = ReadService(reader, *name, context);
  if (service.code() == Code::kNotFound) *news = view.TakeProblem(*name, service.status(), read_at);
  if (!service.ok()) return service.status();
  Snapshot snapshot;
  snapshot.service = std::move(service).value();
  auto tasks = reader.Tasks(*name, context);
  if (tasks.ok()) {
    snapshot.tasks = std::move(tasks).value();
  } else if (IsFinal(tasks.status())) {
    snapshot.tasks_problem = tasks.status().message();
  } else {
    return tasks.status();
  }
  auto definition = reader.Definition(snapshot.service.task_definition, context);
  if (definition.ok()) {
    snapshot.definition = std::move(definition).value();
  } else if (!IsFinal(definition.status())) {
    return definition.status();
  }
  return Subject{ref, *name, view.Take(*name, std::move(snapshot), read_at, news)};
}

}  // namespace salve::backends::ecs
