// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/rest.h"

#include <algorithm>
#include <utility>

namespace salve::apiserver {
namespace {

// Paths that no stored object can have.
// Whether the path has the shape of the resource's scope.
bool IsInScope(const Call& call) {
  const Route& route = call.route;
  if (!call.resource->info.namespaced) return route.ns.empty();
  if (!route.ns.empty()) return true;
  return route.name.empty() && call.verb != "create";
}

bool IsServedSubresource(const Call& call) {
  const Route& route = call.route;
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
    // The real server lets the name stand in the path of a custom resource, too.
    return (on_collection || call.resource->custom) &&
           (!call.resource->info.namespaced || !route.ns.empty());
  }
  if (call.verb == "update" || call.verb == "patch") return !on_collection;
  if (call.verb == "deletecollection") {
    return !call.resource->info.namespaced || !route.ns.empty();
  }
  return true;
}

// Why the method is not allowed, in the words of the server that the kind has.
ApiError Refusal(const Call& call) {
  if (!call.resource->custom) return MethodNotAllowed();
  if (call.route.name.empty() && (call.verb == "update" || call.verb == "patch")) {
    return BadRequest("name must be provided");
  }
  return MethodNotSupported(call.resource->info, call.verb);
}

}  // namespace

void ServeResource(const RestContext& context, const CallPtr& call) {
  if (!IsInScope(*call)) {
    return call->resource->custom ? ReplyNoPage(*call->writer) : ReplyError(*call, NotFoundPath());
  }
  if (!IsServedSubresource(*call)) {
    return ReplyError(*call, call->resource->custom
                                 ? NotFound(call->resource->info, call->route.name)
                                 : NotFoundPath());
  }
  if (!IsAllowedMethod(*call)) return ReplyError(*call, Refusal(*call));
  const std::string& verb = call->verb;
  if (verb == "get") return ServeGet(context, *call);
  if (verb == "list") return ServeList(context, *call);
  if (verb == "watch") return ServeWatch(context, *call);
  if (verb == "create") return ServeCreate(context, call);
  if (verb == "update") return ServeUpdate(context, call);
  if (verb == "patch") return ServePatch(context, call);
  if (verb == "delete") return ServeDelete(context, call);
  if (verb == "deletecollection") return ServeDeleteCollection(context, call);
  ReplyError(*call, MethodNotAllowed());
}

}  // namespace salve::apiserver
