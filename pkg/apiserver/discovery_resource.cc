// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/discovery_resource.h"

#include <algorithm>

#include "pkg/apiserver/discovery_schema.h"
#include "pkg/apiserver/table.h"

namespace salve::apiserver {
namespace {

std::string StringAt(const Json& object, const char* key) {
  if (!object.is_object()) return "";
  auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

const Json& At(const Json& object, const char* key) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  auto it = object.find(key);
  return it == object.end() ? nothing : *it;
}

std::vector<std::string> StringsAt(const Json& object, const char* key) {
  std::vector<std::string> out;
  for (const Json& item : At(object, key)) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

Status ReadColumns(const Json& version, ServedResource& out) {
  for (const Json& json : At(version, "additionalPrinterColumns")) {
    PrinterColumn column;
    column.name = StringAt(json, "name");
    column.type = StringAt(json, "type");
    column.format = StringAt(json, "format");
    column.description = StringAt(json, "description");
    column.json_path = StringAt(json, "jsonPath");
    if (At(json, "priority").is_number_integer()) column.priority = At(json, "priority").get<int>();
    if (auto path = JsonPath::Parse(column.json_path); !path.ok()) {
      return path.status().Annotate("printer column \"" + column.name + "\"");
    }
    out.columns.push_back(std::move(column));
  }
  return Status::Ok();
}

Status ReadVersion(const Json& version, ServedResource& out) {
  const Json& schema = At(At(version, "schema"), "openAPIV3Schema");
  if (!schema.is_object()) return InvalidArgumentError("schema.openAPIV3Schema is missing");
  auto compiled = CompiledSchema::Compile(schema);
  if (!compiled.ok()) return compiled.status();
  out.schema = std::move(compiled).value();
  out.schema_text = PublishedSchema(schema, out.info);
  if (At(At(version, "subresources"), "status").is_object()) {
    out.subresources = {{"status", {"get", "patch", "update"}}};
  }
  for (const Json& field : At(version, "selectableFields")) {
    const std::string path = StringAt(field, "jsonPath");
    if (path.size() < 2 || path[0] != '.') {
      return InvalidArgumentError("selectableFields: \"" + path + "\" must start with a dot");
    }
    out.field_labels.push_back(path.substr(1));
  }
  return ReadColumns(version, out);
}

}  // namespace

bool ServedResource::HasVerb(const std::string& verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

bool ServedResource::HasStatus() const {
  return std::any_of(subresources.begin(), subresources.end(),
                     [](const Subresource& one) { return one.name == "status"; });
}

StatusOr<std::vector<ServedResource>> ServedResourcesFromCrd(const Json& crd) {
  const std::string name = StringAt(At(crd, "metadata"), "name");
  const std::string where = "CustomResourceDefinition \"" + name + "\"";
  const Json& spec = At(crd, "spec");
  const Json& names = At(spec, "names");
  ServedResource base;
  base.info.group = StringAt(spec, "group");
  base.info.plural = StringAt(names, "plural");
  base.info.kind = StringAt(names, "kind");
  base.info.namespaced = StringAt(spec, "scope") != "Cluster";
  if (base.info.group.empty() || base.info.plural.empty() || base.info.kind.empty()) {
    return InvalidArgumentError(where +
                                ": spec.group, spec.names.plural and spec.names.kind are required");
  }
  base.singular = StringAt(names, "singular");
  if (base.singular.empty()) {
    base.singular = base.info.kind;
    std::transform(base.singular.begin(), base.singular.end(), base.singular.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  base.list_kind = StringAt(names, "listKind");
  if (base.list_kind.empty()) base.list_kind = base.info.kind + "List";
  base.short_names = StringsAt(names, "shortNames");
  base.categories = StringsAt(names, "categories");
  base.verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
  base.field_labels = {"metadata.name"};
  if (base.info.namespaced) base.field_labels.emplace_back("metadata.namespace");
  base.custom = true;

  std::vector<ServedResource> out;
  for (const Json& version : At(spec, "versions")) {
    if (At(version, "served") != true) continue;
    ServedResource resource = base;
    resource.info.version = StringAt(version, "name");
    if (Status status = ReadVersion(version, resource); !status.ok()) {
      return status.Annotate(where + ", version " + resource.info.version);
    }
    out.push_back(std::move(resource));
  }
  if (out.empty()) return InvalidArgumentError(where + ": no version is served");
  return out;
}

}  // namespace salve::apiserver
