// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/openapi.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string>
#include <utility>

#include "pkg/apiserver/discovery_schema.h"
#include "pkg/apiserver/schema_node.h"

namespace salve::apiserver {
namespace {

using Resources = std::vector<ServedResource>;

// Documents are put together as text: parsing the schemas again would cost more memory than the
// server uses otherwise.
std::string Quote(const std::string& text) { return Json(text).dump(); }

std::string KindText(const ResourceInfo& info) {
  return Json({{"group", info.group}, {"version", info.version}, {"kind", info.kind}}).dump();
}

std::string RefText(const ResourceInfo& info) {
  return "{\"$ref\":" + Quote("#/components/schemas/" + SchemaKey(info)) + "}";
}

std::string ContentText(const std::vector<std::string>& types, const std::string& schema) {
  std::string out = "{";
  for (const std::string& type : types) {
    if (out.size() > 1) out += ',';
    out += Quote(type) + ":{\"schema\":" + schema + "}";
  }
  return out + "}";
}

std::string ParameterText(const std::string& name, const std::string& in,
                          const std::string& description, const char* type = "string") {
  Json json = {{"name", name},
               {"in", in},
               {"description", description},
               {"schema", {{"type", type}, {"uniqueItems", true}}}};
  if (in == "path") json["required"] = true;
  return json.dump();
}

std::string WriteParameters() {
  return "[" + ParameterText("dryRun", "query", "All: validate and answer, but do not persist.") +
         "," + ParameterText("fieldManager", "query", "Name of the tool that makes the change.") +
         "," +
         ParameterText("fieldValidation", "query",
                       "What to do with unknown and duplicate fields: Ignore, Warn or Strict.") +
         "]";
}

std::string ListParameters() {
  return "[" + ParameterText("labelSelector", "query", "Restricts the list by labels.") + "," +
         ParameterText("fieldSelector", "query", "Restricts the list by fields.") + "," +
         ParameterText("limit", "query", "Most items in one answer.", "integer") + "," +
         ParameterText("continue", "query", "Token of the next part of a list.") + "," +
         ParameterText("resourceVersion", "query", "Constrains how old the answer may be.") + "," +
         ParameterText("watch", "query", "Stream changes instead of a list.", "boolean") + "]";
}

// One method of a path. `body` and `parameters` may be empty.
std::string OperationText(const ResourceInfo& info, const std::string& method,
                          const std::string& action, const std::string& id,
                          const std::string& parameters, const std::string& body) {
  std::string out = Quote(method) + ":{\"operationId\":" + Quote(id);
  if (!parameters.empty()) out += ",\"parameters\":" + parameters;
  if (!body.empty()) out += ",\"requestBody\":{\"content\":" + body + ",\"required\":true}";
  out += ",\"responses\":{\"200\":{\"description\":\"OK\",\"content\":" +
         ContentText({"application/json"}, RefText(info)) + "}}";
  return out + ",\"x-kubernetes-action\":" + Quote(action) +
         ",\"x-kubernetes-group-version-kind\":" + KindText(info) + "}";
}

std::vector<std::string> PatchTypes(const ServedResource& resource) {
  std::vector<std::string> types = {"application/json-patch+json", "application/merge-patch+json"};
  // kubectl apply picks strategic merge exactly where it is listed.
  if (!resource.custom) types.emplace_back("application/strategic-merge-patch+json");
  types.emplace_back("application/apply-patch+yaml");
  return types;
}

std::string PathParameters(const ResourceInfo& info, bool named) {
  std::string out;
  if (info.namespaced) out += ParameterText("namespace", "path", "Namespace of the object.");
  if (named) {
    if (!out.empty()) out += ',';
    out += ParameterText("name", "path", "Name of the object.");
  }
  return "[" + out + "]";
}

std::string BasePath(const ResourceInfo& info) {
  std::string path =
      info.group.empty() ? "/api/" + info.version : "/apis/" + info.group + "/" + info.version;
  if (info.namespaced) path += "/namespaces/{namespace}";
  return path + "/" + info.plural;
}

std::string ParametersOf(std::string_view verb) {
  if (verb == "list") return ListParameters();
  if (verb == "create" || verb == "update") return WriteParameters();
  if (verb == "patch") {
    std::string parameters = WriteParameters();
    parameters.pop_back();
    return parameters + "," +
           ParameterText("force", "query", "An apply takes over what others own.", "boolean") + "]";
  }
  if (verb == "delete") {
    return "[" + ParameterText("dryRun", "query", "All: nothing is deleted.") + "]";
  }
  return "";
}

// A list of the kind, as explain and client generators know it.
std::string ListSchemaText(const ServedResource& resource) {
  const ResourceInfo& info = resource.info;
  ResourceInfo list = info;
  list.kind = resource.list_kind;
  return R"({"type":"object","required":["items"],"properties":{)"
         R"("apiVersion":{"type":"string"},"kind":{"type":"string"},)"
         R"("metadata":{"type":"object"},"items":{"type":"array","items":)" +
         RefText(info) + R"(}},"x-kubernetes-group-version-kind":[)" + KindText(list) + "]}";
}

// Lists over all namespaces: the only method of the path without one.
std::string EverywhereItem(const ServedResource& resource) {
  return "{" +
         OperationText(resource.info, "get", "list", "listEverywhere" + resource.info.kind,
                       ListParameters(), "") +
         "}";
}

// The methods of one path, of which the resource has the verbs.
std::string PathItem(const ServedResource& resource, bool named, const std::string& id_suffix) {
  struct Method {
    const char* verb;
    const char* method;
    const char* action;
    bool named;
    bool writes;
  };
  static constexpr std::array<Method, 7> kMethods = {
      {{"list", "get", "list", false, false},
       {"create", "post", "post", false, true},
       {"deletecollection", "delete", "deletecollection", false, false},
       {"get", "get", "get", true, false},
       {"update", "put", "put", true, true},
       {"patch", "patch", "patch", true, true},
       {"delete", "delete", "delete", true, false}}};
  const ResourceInfo& info = resource.info;
  std::string out;
  for (const Method& one : kMethods) {
    if (one.named != named || !resource.HasVerb(one.verb)) continue;
    std::string body;
    if (std::string_view(one.verb) == "patch") {
      body = ContentText(PatchTypes(resource), "{\"type\":\"object\"}");
    } else if (one.writes) {
      body = ContentText({"application/json"}, RefText(info));
    }
    const std::string parameters = ParametersOf(one.verb);
    out += OperationText(info, one.method, one.action, one.verb + info.kind + id_suffix, parameters,
                         body) +
           ",";
  }
  if (out.empty()) return out;
  return "{" + out + "\"parameters\":" + PathParameters(info, named) + "}";
}

void AddPath(std::string& out, const std::string& path, const std::string& item) {
  if (item.empty()) return;
  if (!out.empty()) out += ',';
  out += Quote(path) + ":" + item;
}

bool Serves(const ServedResource& resource, std::string_view group, std::string_view version) {
  return resource.info.group == group && resource.info.version == version;
}

std::string DocumentText(const Resources& resources, std::string_view group,
                         std::string_view version) {
  std::string paths;
  std::string schemas = Quote(kObjectMetaKey) + ":" + ObjectMetaSchema().dump();
  for (const ServedResource& resource : resources) {
    if (!Serves(resource, group, version)) continue;
    const std::string base = BasePath(resource.info);
    AddPath(paths, base, PathItem(resource, false, ""));
    if (resource.info.namespaced && resource.HasVerb("list")) {
      std::string everywhere = base;
      everywhere.erase(everywhere.find("/namespaces/{namespace}"),
                       std::string_view("/namespaces/{namespace}").size());
      AddPath(paths, everywhere, EverywhereItem(resource));
    }
    AddPath(paths, base + "/{name}", PathItem(resource, true, ""));
    for (const Subresource& sub : resource.subresources) {
      ServedResource view;
      view.info = resource.info;
      view.verbs = sub.verbs;
      view.custom = resource.custom;
      AddPath(paths, base + "/{name}/" + sub.name, PathItem(view, true, sub.name));
    }
    schemas += "," + Quote(SchemaKey(resource.info)) + ":" + resource.schema_text;
    if (resource.HasVerb("list")) {
      schemas += "," + Quote(SchemaKey(resource.info) + "List") + ":" + ListSchemaText(resource);
    }
  }
  if (paths.empty()) return "";
  return "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"Salve\",\"version\":\"v1.36.0\"},\"paths\":"
         "{" +
         paths + "},\"components\":{\"schemas\":{" + schemas + "}}}";
}

std::string KeyOf(const std::string& group, const std::string& version) {
  return group.empty() ? "api/" + version : "apis/" + group + "/" + version;
}

// "Sat, 21 Nov 2026 02:12:32 GMT".
std::string HttpDate(WallTime t) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(t));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return std::string(text.data(), length);
}

}  // namespace

Document OpenApiRoot(const Resources& resources) {
  Json paths = Json::object();
  for (const ServedResource& resource : resources) {
    const ResourceInfo& info = resource.info;
    const std::string key = KeyOf(info.group, info.version);
    if (paths.contains(key)) continue;
    const std::string hash = ContentHash(DocumentText(resources, info.group, info.version));
    paths[key] = {{"serverRelativeURL", "/openapi/v3/" + key + "?hash=" + hash}};
  }
  Document document;
  document.body = Json({{"paths", std::move(paths)}}).dump();
  document.etag = "\"" + ContentHash(document.body) + "\"";
  document.cache_control = "no-cache, private";
  document.vary_accept = true;
  return document;
}

std::optional<OpenApiAnswer> OpenApiGroupVersion(const Resources& resources, std::string_view group,
                                                 std::string_view version, std::string_view hash,
                                                 WallTime now) {
  OpenApiAnswer answer;
  Document& document = answer.document;
  document.body = DocumentText(resources, group, version);
  if (document.body.empty()) return std::nullopt;
  const std::string right = ContentHash(document.body);
  if (!hash.empty() && hash != right) {
    document.body.clear();
    answer.redirect =
        "/openapi/v3/" + KeyOf(std::string(group), std::string(version)) + "?hash=" + right;
    return answer;
  }
  document.etag = "\"" + right + "\"";
  document.vary_accept = true;
  if (hash.empty()) {
    document.cache_control = "no-cache, private";
  } else {
    document.cache_control = "public, immutable";
    document.expires = HttpDate(now + std::chrono::hours(24 * 365));
  }
  return answer;
}

Document OpenApiV2() {
  Document document;
  document.content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
  return document;
}

}  // namespace salve::apiserver
