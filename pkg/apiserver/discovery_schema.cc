// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/discovery_schema.h"

#include "pkg/base/hash.h"

namespace salve::apiserver {
namespace {

constexpr char kApiVersionText[] = "The versioned schema of this representation of the object.";
constexpr char kKindText[] = "The REST resource that this object represents.";

}  // namespace

std::string SchemaKey(const ResourceInfo& info) {
  std::string prefix;
  if (info.group.empty()) {
    prefix = "io.k8s.api.core";
  } else if (info.group.size() > 7 && info.group.ends_with(".k8s.io")) {
    prefix = "io.k8s.api." + info.group.substr(0, info.group.find('.'));
  } else {
    std::string_view rest = info.group;
    while (!rest.empty()) {
      const std::size_t dot = rest.rfind('.');
      if (!prefix.empty()) prefix += '.';
      prefix += rest.substr(dot == std::string_view::npos ? 0 : dot + 1);
      rest = dot == std::string_view::npos ? std::string_view() : rest.substr(0, dot);
    }
  }
  return prefix + "." + info.version + "." + info.kind;
}

std::string PublishedSchema(Json schema, const ResourceInfo& info) {
  Json& properties = schema["properties"];
  auto describe = [&](const char* name, const char* text) {
    if (!properties.contains(name)) properties[name] = {{"type", "string"}, {"description", text}};
  };
  describe("apiVersion", kApiVersionText);
  describe("kind", kKindText);
  properties["metadata"] = {
      {"allOf", Json::array({{{"$ref", std::string("#/components/schemas/") + kObjectMetaKey}}})},
      {"description", "Metadata that every persisted object has."}};
  schema["x-kubernetes-group-version-kind"] =
      Json::array({{{"group", info.group}, {"version", info.version}, {"kind", info.kind}}});
  return schema.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string ContentHash(std::string_view text) { return Sha256Hex(text); }

}  // namespace salve::apiserver
