// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/write_gate.h"

namespace salve::engine {

using client::Json;
using client::NamespacedName;
using client::ResourceInfo;

Status WriteGate::MayWrite(const char* verb, const ResourceInfo& resource) const {
  if (elector_.IsLeader()) return Status::Ok();
  return UnavailableError(std::string(verb) + " " + resource.plural +
                          ": not sent, because this process does not lead");
}

StatusOr<Json> WriteGate::Get(const ResourceInfo& resource, const NamespacedName& name) {
  return inner_.Get(resource, name);
}

StatusOr<client::ObjectList> WriteGate::List(const ResourceInfo& resource,
                                             const client::ListOptions& options) {
  return inner_.List(resource, options);
}

StatusOr<std::string> WriteGate::PodLogs(const NamespacedName& pod,
                                         const client::PodLogOptions& options) {
  return inner_.PodLogs(pod, options);
}

StatusOr<std::unique_ptr<client::WatchStream>> WriteGate::Watch(
    const ResourceInfo& resource, const client::WatchOptions& options) {
  return inner_.Watch(resource, options);
}

StatusOr<Json> WriteGate::Create(const ResourceInfo& resource, const Json& object,
                                 const client::WriteOptions& options) {
  SALVE_RETURN_IF_ERROR(MayWrite("create", resource));
  return inner_.Create(resource, object, options);
}

StatusOr<Json> WriteGate::Update(const ResourceInfo& resource, const Json& object,
                                 const client::WriteOptions& options) {
  SALVE_RETURN_IF_ERROR(MayWrite("update", resource));
  return inner_.Update(resource, object, options);
}

StatusOr<Json> WriteGate::Patch(const ResourceInfo& resource, const NamespacedName& name,
                                client::PatchType type, const Json& patch,
                                const client::WriteOptions& options) {
  SALVE_RETURN_IF_ERROR(MayWrite("patch", resource));
  return inner_.Patch(resource, name, type, patch, options);
}

Status WriteGate::Delete(const ResourceInfo& resource, const NamespacedName& name,
                         const client::DeleteOptions& options) {
  SALVE_RETURN_IF_ERROR(MayWrite("delete", resource));
  return inner_.Delete(resource, name, options);
}

}  // namespace salve::engine
