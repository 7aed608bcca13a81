// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/fresh.h"

#include <utility>

#include "pkg/backends/ecs/closer.h"
#include "pkg/backends/text.h"

namespace salve::backends::ecs {
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
  if (NeedsTasks(snapshot.service, clock.Now())) {
    ReadHistory(reader, *name, snapshot.service, context, view);
  }
  SALVE_RETURN_IF_ERROR(LookCloser(reader, *name, context, snapshot));
  return Subject{ref, *name, view.Take(*name, std::move(snapshot), read_at, news)};
}

}  // namespace salve::backends::ecs
