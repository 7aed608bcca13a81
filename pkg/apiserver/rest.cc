// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/rest.h"

#include <algorithm>
#include <utility>

namespace salve::apiserver {
namespace {

// Paths that no stored object can have.
bool IsServedPath(const Call& call) {
  const Route& route = call.route;
  if (!call.resource->info.namespaced && !route.ns.empty()) return false;
  if (call.resource->info.namespaced && route.ns.empty() && !route.name.empty()) return false;
  if (route.subresource.empty()) return true;
  const auto& subresources = call.resource->subresources;
  return std::any_of(subresources.begin(), subresources.end(),
                     [&](const Subresource& s) { return s.name == route.subresource; });
}

bool IsAllowedMethod(const Call& call) {
  const Route& route = call.route;
  if (!route.subresource.empty()) {
    return call.verb == "get" || call.verb == "update" || call.verb == "patch";
  }
  if (!call.resource->HasVerb(call.verb)) return false;
  const bool on_collection = route.name.empty();
  if (call.verb == "create") {
    return on_collection && (!call.resource->info.namespaced || !route.ns.empty());
  }
  if (call.verb == "update" || call.verb == "patch") return !on_collection;
  if (call.verb == "deletecollection") {
    return !call.resource->info.namespaced || !route.ns.empty();
  }
  return true;
}

}  // namespace

void ServeResource(const RestContext& context, CallPtr call) {
  if (!IsServedPath(*call)) return ReplyError(*call, NotFoundPath());
  if (!IsAllowedMethod(*call)) return ReplyError(*call, MethodNotAllowed());
  const std::string& verb = call->verb;
  if (verb == "get") return ServeGet(context, *call);
  if (verb == "list") return ServeList(context, *call);
  if (verb == "watch") return ServeWatch(context, *call);
  if (verb == "create") return ServeCreate(context, std::move(call));
  if (verb == "update") return ServeUpdate(context, std::move(call));
  if (verb == "patch") return ServePatch(context, std::move(call));
  if (verb == "delete") return ServeDelete(context, call);
  if (verb == "deletecollection") return ServeDeleteCollection(context, call);
  ReplyError(*call, MethodNotAllowed());
}

}  // namespace salve::apiserver
