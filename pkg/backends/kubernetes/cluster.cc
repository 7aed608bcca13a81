// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/cluster.h"

#include <utility>

namespace salve::backends::kubernetes {
namespace {

constexpr char kFieldManager[] = "salve";
constexpr std::int64_t kPageSize = 500;
constexpr int kMaxPages = 100;
constexpr std::int64_t kMaxLogBytes = 1 << 20;

}  // namespace

Status NeedsRight(const Status& status, const std::string& verb, const std::string& resource,
                  const std::string& ns) {
  if (status.code() != Code::kPermissionDenied) return status;
  return status.Annotate("needs: " + verb + " " + resource + (ns.empty() ? "" : " in " + ns));
}

Status Cluster::MayCall(const CallContext& context) const {
  if (context.stop.stop_requested()) return CancelledError("the call was given up");
  if (clock_.Monotonic() >= context.deadline) {
    return UnavailableError("no time was left for the call");
  }
  return Status::Ok();
}

StatusOr<Json> Cluster::Get(const ResourceInfo& resource, const NamespacedName& name,
                            const CallContext& context) {
  SALVE_RETURN_IF_ERROR(MayCall(context));
  auto object = client_.Get(resource, name);
  if (!object.ok()) return NeedsRight(object.status(), "get", resource.plural, name.ns);
  return object;
}

StatusOr<std::vector<Json>> Cluster::List(const ResourceInfo& resource, const std::string& ns,
                                          const std::string& labels, const std::string& fields,
                                          std::int64_t limit, const CallContext& context) {
  client::ListOptions options;
  options.ns = ns;
  options.label_selector = labels;
  options.field_selector = fields;
  options.limit = limit > 0 ? limit : kPageSize;
  options.deadline = context.deadline;
  std::vector<Json> all;
  for (int page = 0; page < kMaxPages; ++page) {
    SALVE_RETURN_IF_ERROR(MayCall(context));
    auto list = client_.List(resource, options);
    if (!list.ok()) return NeedsRight(list.status(), "list", resource.plural, ns);
    for (Json& item : list->items) all.push_back(std::move(item));
    if (limit > 0 || list->continue_token.empty()) return all;
    options.continue_token = list->continue_token;
  }
  return InternalError("listing " + resource.plural + " in " + ns + ": the pages do not end");
}

StatusOr<Json> Cluster::Patch(const ResourceInfo& resource, const NamespacedName& name,
                              client::PatchType type, const Json& patch,
                              const CallContext& context) {
  SALVE_RETURN_IF_ERROR(MayCall(context));
  client::WriteOptions options;
  options.field_manager = kFieldManager;
  options.deadline = context.deadline;
  auto object = client_.Patch(resource, name, type, patch, options);
  if (!object.ok()) return NeedsRight(object.status(), "patch", resource.plural, name.ns);
  return object;
}

Status Cluster::DeletePod(const NamespacedName& name, const std::string& uid,
                          std::optional<std::int64_t> grace_seconds, const CallContext& context) {
  SALVE_RETURN_IF_ERROR(MayCall(context));
  client::DeleteOptions options;
  options.uid = uid;
  options.grace_period_seconds = grace_seconds;
  options.deadline = context.deadline;
  return NeedsRight(client_.Delete(kPods, name, options), "delete", "pods", name.ns);
}

Status Cluster::EvictPod(const NamespacedName& name, const std::string& uid,
                         std::optional<std::int64_t> grace_seconds, const CallContext& context) {
  SALVE_RETURN_IF_ERROR(MayCall(context));
  Json eviction = {{"apiVersion", "policy/v1"},
                   {"kind", "Eviction"},
                   {"metadata", {{"name", name.name}, {"namespace", name.ns}}},
                   {"deleteOptions", {{"preconditions", {{"uid", uid}}}}}};
  if (grace_seconds) eviction["deleteOptions"]["gracePeriodSeconds"] = *grace_seconds;
  client::WriteOptions options;
  options.field_manager = kFieldManager;
  options.subresource = "eviction";
  options.deadline = context.deadline;
  const auto answer = client_.Create(kPods, eviction, options);
  return NeedsRight(answer.status(), "create", "pods/eviction", name.ns);
}

StatusOr<std::string> Cluster::PodLogs(const NamespacedName& pod, const std::string& container,
                                       bool previous, std::int64_t lines,
                                       const CallContext& context) {
  SALVE_RETURN_IF_ERROR(MayCall(context));
  client::PodLogOptions options;
  options.container = container;
  options.previous = previous;
  options.tail_lines = lines;
  options.limit_bytes = kMaxLogBytes;
  options.deadline = context.deadline;
  auto text = client_.PodLogs(pod, options);
  if (!text.ok()) return NeedsRight(text.status(), "get", "pods/log", pod.ns);
  return text;
}

}  // namespace salve::backends::kubernetes
