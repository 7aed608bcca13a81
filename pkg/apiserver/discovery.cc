// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/discovery.h"

#include <algorithm>
#include <utility>

#include "pkg/apiserver/discovery_schema.h"

namespace salve::apiserver {
namespace {

constexpr char kAggregatedType[] =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

using Resources = std::vector<ServedResource>;
using GroupVersion = std::pair<std::string, std::string>;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Group-versions in the order in which their first resource is served.
std::vector<GroupVersion> GroupVersions(const Resources& resources) {
  std::vector<GroupVersion> out;
  for (const ServedResource& resource : resources) {
    GroupVersion one(resource.info.group, resource.info.version);
    if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(std::move(one));
  }
  return out;
}

std::vector<std::string> NamedGroups(const Resources& resources) {
  std::vector<std::string> out;
  for (const auto& [group, version] : GroupVersions(resources)) {
    if (!group.empty() && std::find(out.begin(), out.end(), group) == out.end()) {
      out.push_back(group);
    }
  }
  return out;
}

Json KindJson(const ResourceInfo& info) {
  return {{"group", info.group}, {"version", info.version}, {"kind", info.kind}};
}

Json AggregatedResource(const ServedResource& resource) {
  Json json = {{"resource", resource.info.plural},
               {"responseKind", KindJson(resource.info)},
               {"scope", resource.info.namespaced ? "Namespaced" : "Cluster"},
               {"singularResource", resource.singular},
               {"verbs", resource.verbs}};
  if (!resource.short_names.empty()) json["shortNames"] = resource.short_names;
  if (!resource.categories.empty()) json["categories"] = resource.categories;
  for (const Subresource& sub : resource.subresources) {
    json["subresources"].push_back({{"subresource", sub.name},
                                    {"responseKind", KindJson(resource.info)},
                                    {"verbs", sub.verbs}});
  }
  return json;
}

// The item of one group; `group` empty is the core group, whose item has no name.
Json AggregatedGroup(const Resources& resources, const std::string& group) {
  Json versions = Json::array();
  for (const auto& [one, version] : GroupVersions(resources)) {
    if (one != group) continue;
    Json served = Json::array();
    for (const ServedResource& resource : resources) {
      if (resource.info.group == group && resource.info.version == version) {
        served.push_back(AggregatedResource(resource));
      }
    }
    versions.push_back({{"version", version}, {"freshness", "Current"}, {"resources", served}});
  }
  Json metadata = Json::object();
  if (!group.empty()) metadata["name"] = group;
  return {{"metadata", std::move(metadata)}, {"versions", std::move(versions)}};
}

Document AggregatedDocument(Json items) {
  Document document;
  document.body = Dump({{"kind", "APIGroupDiscoveryList"},
                        {"apiVersion", "apidiscovery.k8s.io/v2"},
                        {"metadata", Json::object()},
                        {"items", std::move(items)}});
  document.content_type = kAggregatedType;
  document.etag = "\"" + ContentHash(document.body) + "\"";
  document.cache_control = "public";
  document.vary_accept = true;
  return document;
}

Document PlainDocument(const Json& json) {
  Document document;
  document.body = Dump(json);
  document.vary_accept = true;
  return document;
}

Json VersionJson(const std::string& group, const std::string& version) {
  return {{"groupVersion", group + "/" + version}, {"version", version}};
}

// Without kind and apiVersion, which only the document of the group itself has.
Json GroupJson(const Resources& resources, const std::string& group) {
  Json versions = Json::array();
  for (const auto& [one, version] : GroupVersions(resources)) {
    if (one == group) versions.push_back(VersionJson(group, version));
  }
  Json preferred = versions.front();
  return {{"name", group}, {"versions", std::move(versions)}, {"preferredVersion", preferred}};
}

void AddPlainResource(const ServedResource& resource, Json& out) {
  const ResourceInfo& info = resource.info;
  Json json = {{"name", info.plural},
               {"singularName", resource.singular},
               {"namespaced", info.namespaced},
               {"kind", info.kind},
               {"verbs", resource.verbs}};
  if (!resource.short_names.empty()) json["shortNames"] = resource.short_names;
  if (!resource.categories.empty()) json["categories"] = resource.categories;
  out.push_back(std::move(json));
  for (const Subresource& sub : resource.subresources) {
    out.push_back({{"name", info.plural + "/" + sub.name},
                   {"singularName", ""},
                   {"namespaced", info.namespaced},
                   {"kind", info.kind},
                   {"verbs", sub.verbs}});
  }
}

}  // namespace

bool EtagMatches(std::string_view if_none_match, const std::string& etag) {
  if (etag.empty() || if_none_match.empty()) return false;
  if (if_none_match == "*") return true;
  std::size_t at = 0;
  while ((at = if_none_match.find(etag, at)) != std::string_view::npos) {
    const std::size_t end = at + etag.size();
    const bool starts =
        at == 0 || std::string_view(" ,/").find(if_none_match[at - 1]) != std::string_view::npos;
    if (starts &&
        (end == if_none_match.size() || if_none_match[end] == ',' || if_none_match[end] == ' ')) {
      return true;
    }
    at = end;
  }
  return false;
}

Document ApiDocument(const Resources& resources, bool aggregated) {
  if (aggregated) return AggregatedDocument(Json::array({AggregatedGroup(resources, "")}));
  Json versions = Json::array();
  for (const auto& [group, version] : GroupVersions(resources)) {
    if (group.empty()) versions.push_back(version);
  }
  return PlainDocument({{"kind", "APIVersions"},
                        {"versions", std::move(versions)},
                        {"serverAddressByClientCIDRs", Json::array()}});
}

Document ApisDocument(const Resources& resources, bool aggregated) {
  Json items = Json::array();
  for (const std::string& group : NamedGroups(resources)) {
    items.push_back(aggregated ? AggregatedGroup(resources, group) : GroupJson(resources, group));
  }
  if (aggregated) return AggregatedDocument(std::move(items));
  return PlainDocument(
      {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(items)}});
}

std::optional<Document> GroupDocument(const Resources& resources, std::string_view group) {
  const std::vector<std::string> groups = NamedGroups(resources);
  if (std::find(groups.begin(), groups.end(), group) == groups.end()) return std::nullopt;
  Json json = GroupJson(resources, std::string(group));
  json["kind"] = "APIGroup";
  json["apiVersion"] = "v1";
  return PlainDocument(json);
}

std::optional<Document> GroupVersionDocument(const Resources& resources, std::string_view group,
                                             std::string_view version) {
  Json served = Json::array();
  for (const ServedResource& resource : resources) {
    if (resource.info.group == group && resource.info.version == version) {
      AddPlainResource(resource, served);
    }
  }
  if (served.empty()) return std::nullopt;
  std::string name(version);
  if (!group.empty()) name = std::string(group) + "/" + name;
  return PlainDocument({{"kind", "APIResourceList"},
                        {"apiVersion", "v1"},
                        {"groupVersion", std::move(name)},
                        {"resources", std::move(served)}});
}

Document VersionDocument(const std::string& git_version) {
  // "v1.36.0" → major 1, minor 36.
  std::string major = git_version.substr(std::min<std::size_t>(1, git_version.size()));
  std::string minor;
  if (std::size_t dot = major.find('.'); dot != std::string::npos) {
    minor = major.substr(dot + 1);
    major.resize(dot);
    minor.resize(std::min(minor.find('.'), minor.size()));
  }
  Document document;
  document.body = Dump({{"major", major},
                        {"minor", minor},
                        {"gitVersion", git_version},
                        {"gitCommit", ""},
                        // By this the controller knows that the rules for approvals are this
                        // server's own and need no admission policy.
                        {"embeddedIn", "salve"},
                        {"gitTreeState", ""},
                        {"buildDate", ""},
                        {"goVersion", ""},
                        {"compiler", ""},
                        {"platform", "linux/amd64"}});
  return document;
}

}  // namespace salve::apiserver
