// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/rest_route.h"

#include <algorithm>
#include <cctype>

#include "pkg/apiserver/watch_event.h"

namespace salve::apiserver {
namespace {

// What follows a namespace's name and is not a resource inside it.
bool IsNamespaceSubresource(const std::string& word) {
  return word == "status" || word == "finalize";
}

bool IsTrue(std::optional<std::string_view> value) {
  return value && (*value == "true" || *value == "1" || *value == "True" || *value == "TRUE" ||
                   *value == "t" || *value == "T");
}

template <class Predicate>
const ServedResource* FindIf(const std::vector<ServedResource>& resources, Predicate predicate) {
  const auto it = std::find_if(resources.begin(), resources.end(), predicate);
  return it == resources.end() ? nullptr : &*it;
}

}  // namespace

Route ParseRoute(const std::vector<std::string>& path) {
  Route route;
  std::vector<std::string> segments = path;
  if (!segments.empty() && segments.back().empty()) segments.pop_back();
  std::size_t at = 0;
  if (segments.size() > 2 && segments[0] == "api") {
    route.version = segments[1];
    at = 2;
  } else if (segments.size() > 3 && segments[0] == "apis") {
    route.group = segments[1];
    route.version = segments[2];
    at = 3;
  } else {
    return route;
  }
  route.is_resource = true;
  const std::size_t left = segments.size() - at;
  if (left >= 3 && segments[at] == "namespaces" && !IsNamespaceSubresource(segments[at + 2])) {
    route.ns = segments[at + 1];
    at += 2;
  }
  route.plural = segments[at];
  if (at + 1 < segments.size()) route.name = segments[at + 1];
  if (at + 2 < segments.size()) route.subresource = segments[at + 2];
  if (at + 3 < segments.size()) route.subresource += "/…";  // nothing is served that deep
  return route;
}

std::string VerbOf(const std::string& method, const Route& route, const http::Query& query) {
  if (method == "GET" || method == "HEAD") {
    // Of one object, watch=true asks for nothing: as the real server.
    if (IsTrue(query.Get("watch")) && route.name.empty()) return "watch";
    return route.name.empty() ? "list" : "get";
  }
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return route.name.empty() ? "deletecollection" : "delete";
  return "";
}

Attributes AttributesOf(const std::string& method, const http::Target& target, const Route& route) {
  Attributes attributes;
  attributes.resource_request = route.is_resource;
  if (!route.is_resource) {
    attributes.verb = method == "HEAD" ? "get" : method;
    std::transform(attributes.verb.begin(), attributes.verb.end(), attributes.verb.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    attributes.path = target.path;
    return attributes;
  }
  attributes.verb = VerbOf(method, route, target.query);
  attributes.group = route.group;
  attributes.resource = route.plural;
  attributes.subresource = route.subresource;
  attributes.ns = route.ns;
  attributes.name = route.name;
  // As the real server: a namespace is asked about as if it was in itself.
  if (route.group.empty() && route.plural == "namespaces") attributes.ns = route.name;
  return attributes;
}

const ServedResource* ResourceTable::Find(std::string_view group, std::string_view version,
                                          std::string_view plural) const {
  return FindIf(resources_, [&](const ServedResource& r) {
    return r.info.group == group && r.info.version == version && r.info.plural == plural;
  });
}

const ServedResource* ResourceTable::FindKind(std::string_view api_version,
                                              std::string_view kind) const {
  return FindIf(resources_, [&](const ServedResource& r) {
    return r.info.kind == kind && r.info.ApiVersion() == api_version;
  });
}

bool ResourceTable::HasBuiltIn(std::string_view group, std::string_view version) const {
  // Whatever the version, /api is answered by the server of the core group.
  return group.empty() || FindIf(resources_, [&](const ServedResource& r) {
                            return !r.custom && r.info.group == group && r.info.version == version;
                          }) != nullptr;
}

const ServedResource* ResourceTable::FindKey(std::string_view resource_key) const {
  return FindIf(resources_,
                [&](const ServedResource& r) { return ResourceKey(r.info) == resource_key; });
}

}  // namespace salve::apiserver
