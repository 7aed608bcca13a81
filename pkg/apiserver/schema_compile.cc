// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "pkg/apiserver/schema.h"
#include "pkg/apiserver/schema_node.h"

namespace salve::apiserver {
namespace {

constexpr int kMaxDepth = 64;

// One compilation: shares equal patterns, counts depth, remembers the path for errors.
class Compiler {
 public:
  explicit Compiler(bool null_is_absent) : null_is_absent_(null_is_absent) {}
  Status Compile(const Json& schema, const std::string& path, int depth, SchemaNode& out);

 private:
  using NodeList = std::vector<SchemaNode>;

  Status Error(const std::string& path, const std::string& what) const {
    return InvalidArgumentError("openAPIV3Schema" + (path.empty() ? "" : "." + path) + ": " + what);
  }
  Status ReadType(const Json& schema, const std::string& path, SchemaNode& out);
  Status ReadExtensions(const Json& schema, const std::string& path, SchemaNode& out);
  Status ReadConstraints(const Json& schema, const std::string& path, SchemaNode& out);
  Status ReadPattern(const Json& pattern, const std::string& path, SchemaConstraints& out);
  Status ReadChildren(const Json& schema, const std::string& path, int depth, SchemaNode& out);
  Status ReadCombinations(const Json& schema, const std::string& path, int depth, SchemaNode& out);
  Status ReadList(const Json& schema, const char* key, const std::string& path, int depth,
                  NodeList& out);
  Status ReadRules(const Json& schema, const std::string& path, SchemaNode& out);
  Status ReadRule(const Json& json, const std::string& path, SchemaRule& out);

  const bool null_is_absent_;
  std::map<std::string, Pattern> patterns_;
};

std::string StringAt(const Json& object, const char* key) {
  auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

bool BoolAt(const Json& object, const char* key) {
  auto it = object.find(key);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

bool ReadStrings(const Json& object, const char* key, std::vector<std::string>& out) {
  auto it = object.find(key);
  if (it == object.end()) return true;
  if (!it->is_array()) return false;
  for (const Json& item : *it) {
    if (!item.is_string()) return false;
    out.push_back(item.get<std::string>());
  }
  return true;
}

Status Compiler::Compile(const Json& schema, const std::string& path, int depth, SchemaNode& out) {
  if (!schema.is_object()) return Error(path, "must be an object");
  if (depth > kMaxDepth) return Error(path, "is nested deeper than " + std::to_string(kMaxDepth));
  out.null_is_absent = null_is_absent_;
  SALVE_RETURN_IF_ERROR(ReadType(schema, path, out));
  SALVE_RETURN_IF_ERROR(ReadExtensions(schema, path, out));
  SALVE_RETURN_IF_ERROR(ReadConstraints(schema, path, out));
  SALVE_RETURN_IF_ERROR(ReadChildren(schema, path, depth, out));
  SALVE_RETURN_IF_ERROR(ReadCombinations(schema, path, depth, out));
  return ReadRules(schema, path, out);
}

Status Compiler::ReadType(const Json& schema, const std::string& path, SchemaNode& out) {
  using Type = SchemaNode::Type;
  static const std::map<std::string, Type> kTypes = {
      {"", Type::kAny},           {"object", Type::kObject},   {"array", Type::kArray},
      {"string", Type::kString},  {"integer", Type::kInteger}, {"number", Type::kNumber},
      {"boolean", Type::kBoolean}};
  const std::string type = StringAt(schema, "type");
  auto known = kTypes.find(type);
  if (known == kTypes.end()) return Error(path, "unknown type \"" + type + "\"");
  out.type = known->second;
  out.nullable = BoolAt(schema, "nullable");
  out.format = StringAt(schema, "format");
  if (auto value = schema.find("default"); value != schema.end() && !value->is_null()) {
    out.default_value = std::make_unique<Json>(*value);
  }
  if (!ReadStrings(schema, "required", out.required)) {
    return Error(path + ".required", "must be a list of names");
  }
  return Status::Ok();
}

Status Compiler::ReadExtensions(const Json& schema, const std::string& path, SchemaNode& out) {
  out.int_or_string = BoolAt(schema, "x-kubernetes-int-or-string");
  out.preserve_unknown = BoolAt(schema, "x-kubernetes-preserve-unknown-fields");
  out.embedded_resource = BoolAt(schema, "x-kubernetes-embedded-resource");
  out.atomic_map = StringAt(schema, "x-kubernetes-map-type") == "atomic";
  const std::string list_type = StringAt(schema, "x-kubernetes-list-type");
  if (list_type == "set") {
    out.list_type = SchemaNode::ListType::kSet;
  } else if (list_type == "map") {
    out.list_type = SchemaNode::ListType::kMap;
  } else if (!list_type.empty() && list_type != "atomic") {
    return Error(path, "unknown x-kubernetes-list-type \"" + list_type + "\"");
  }
  if (!ReadStrings(schema, "x-kubernetes-list-map-keys", out.list_map_keys) ||
      (out.list_type == SchemaNode::ListType::kMap && out.list_map_keys.empty())) {
    return Error(path, "x-kubernetes-list-map-keys must name the keys of a list of type map");
  }
  return Status::Ok();
}

Status Compiler::ReadConstraints(const Json& schema, const std::string& path, SchemaNode& out) {
  SchemaConstraints limits;
  bool any = false;
  const std::pair<const char*, std::optional<double>*> numbers[] = {
      {"minimum", &limits.minimum},
      {"maximum", &limits.maximum},
      {"multipleOf", &limits.multiple_of}};
  for (auto [key, slot] : numbers) {
    auto it = schema.find(key);
    if (it == schema.end()) continue;
    if (!it->is_number()) return Error(path + "." + key, "must be a number");
    *slot = it->get<double>();
    any = true;
  }
  const std::pair<const char*, std::int64_t*> sizes[] = {
      {"minLength", &limits.min_length},         {"maxLength", &limits.max_length},
      {"minItems", &limits.min_items},           {"maxItems", &limits.max_items},
      {"minProperties", &limits.min_properties}, {"maxProperties", &limits.max_properties}};
  for (auto [key, slot] : sizes) {
    auto it = schema.find(key);
    if (it == schema.end()) continue;
    if (!it->is_number_integer() || it->get<std::int64_t>() < 0) {
      return Error(path + "." + key, "must be a non-negative integer");
    }
    *slot = it->get<std::int64_t>();
    any = true;
  }
  limits.exclusive_minimum = BoolAt(schema, "exclusiveMinimum");
  limits.exclusive_maximum = BoolAt(schema, "exclusiveMaximum");
  if (auto it = schema.find("pattern"); it != schema.end()) {
    SALVE_RETURN_IF_ERROR(ReadPattern(*it, path, limits));
    any = any || limits.pattern.has_value();
  }
  if (auto it = schema.find("enum"); it != schema.end()) {
    if (!it->is_array() || it->empty()) return Error(path + ".enum", "must be a non-empty list");
    limits.enum_values.assign(it->begin(), it->end());
    any = true;
  }
  if (any) out.constraints = std::make_unique<SchemaConstraints>(std::move(limits));
  return Status::Ok();
}

Status Compiler::ReadPattern(const Json& pattern, const std::string& path, SchemaConstraints& out) {
  if (!pattern.is_string()) return Error(path + ".pattern", "must be a string");
  const std::string text = pattern.get<std::string>();
  if (text.empty()) return Status::Ok();
  auto known = patterns_.find(text);
  if (known == patterns_.end()) {
    StatusOr<Pattern> compiled = Pattern::Compile(text);
    if (!compiled.ok()) return Error(path + ".pattern", compiled.status().message());
    known = patterns_.emplace(text, std::move(compiled).value()).first;
  }
  out.pattern = known->second;
  return Status::Ok();
}

Status Compiler::ReadChildren(const Json& schema, const std::string& path, int depth,
                              SchemaNode& out) {
  if (auto it = schema.find("properties"); it != schema.end()) {
    if (!it->is_object()) return Error(path + ".properties", "must be an object");
    for (auto property = it->begin(); property != it->end(); ++property) {
      SchemaNode& added = out.properties.emplace_back(SchemaProperty{property.key(), {}}).node;
      SALVE_RETURN_IF_ERROR(
          Compile(*property, ChildPath(path, "properties." + property.key()), depth + 1, added));
      out.rules_below = out.rules_below || added.rules_below;
    }
  }
  if (auto it = schema.find("additionalProperties"); it != schema.end()) {
    if (it->is_boolean()) {
      out.additional_allowed = it->get<bool>();
    } else {
      out.additional = std::make_unique<SchemaNode>();
      SALVE_RETURN_IF_ERROR(
          Compile(*it, ChildPath(path, "additionalProperties"), depth + 1, *out.additional));
      out.rules_below = out.rules_below || out.additional->rules_below;
    }
  }
  if (auto it = schema.find("items"); it != schema.end()) {
    out.items = std::make_unique<SchemaNode>();
    SALVE_RETURN_IF_ERROR(Compile(*it, ChildPath(path, "items"), depth + 1, *out.items));
    out.rules_below = out.rules_below || out.items->rules_below;
  }
  return Status::Ok();
}

Status Compiler::ReadCombinations(const Json& schema, const std::string& path, int depth,
                                  SchemaNode& out) {
  SALVE_RETURN_IF_ERROR(ReadList(schema, "allOf", path, depth, out.all_of));
  SALVE_RETURN_IF_ERROR(ReadList(schema, "anyOf", path, depth, out.any_of));
  SALVE_RETURN_IF_ERROR(ReadList(schema, "oneOf", path, depth, out.one_of));
  if (auto it = schema.find("not"); it != schema.end()) {
    out.not_of = std::make_unique<SchemaNode>();
    SALVE_RETURN_IF_ERROR(Compile(*it, ChildPath(path, "not"), depth + 1, *out.not_of));
  }
  for (const SchemaNode& node : out.all_of) out.rules_below = out.rules_below || node.rules_below;
  return Status::Ok();
}

Status Compiler::ReadList(const Json& schema, const char* key, const std::string& path, int depth,
                          NodeList& out) {
  auto it = schema.find(key);
  if (it == schema.end()) return Status::Ok();
  if (!it->is_array()) return Error(path + "." + key, "must be a list");
  for (std::size_t i = 0; i < it->size(); ++i) {
    SALVE_RETURN_IF_ERROR(
        Compile((*it)[i], IndexPath(ChildPath(path, key), i), depth + 1, out.emplace_back()));
  }
  return Status::Ok();
}

Status Compiler::ReadRules(const Json& schema, const std::string& path, SchemaNode& out) {
  auto it = schema.find("x-kubernetes-validations");
  if (it == schema.end()) return Status::Ok();
  if (!it->is_array()) return Error(path + ".x-kubernetes-validations", "must be a list");
  for (std::size_t i = 0; i < it->size(); ++i) {
    const std::string rule_path = IndexPath(ChildPath(path, "x-kubernetes-validations"), i);
    SALVE_RETURN_IF_ERROR(ReadRule((*it)[i], rule_path, out.rules.emplace_back()));
  }
  out.rules_below = out.rules_below || !out.rules.empty();
  return Status::Ok();
}

Status Compiler::ReadRule(const Json& json, const std::string& path, SchemaRule& out) {
  if (!json.is_object()) return Error(path, "must be an object");
  auto program = cel::Program::Compile(StringAt(json, "rule"));
  if (!program.ok()) return Error(path + ".rule", program.status().message());
  out.program = std::move(program).value();
  if (std::string text = StringAt(json, "messageExpression"); !text.empty()) {
    auto message = cel::Program::Compile(text);
    if (!message.ok()) return Error(path + ".messageExpression", message.status().message());
    out.message_program = std::move(message).value();
  }
  out.message = StringAt(json, "message");
  out.reason = StringAt(json, "reason");
  out.field_path = StringAt(json, "fieldPath");
  out.optional_old_self = BoolAt(json, "optionalOldSelf");
  return Status::Ok();
}

// The root of a resource declares apiVersion, kind and metadata even where the CRD does not; a CRD
// may tighten metadata.name, nothing else.
Json WithTypeMeta(const Json& schema) {
  Json root = schema;
  Json& properties = root["properties"];
  if (!properties.is_object()) properties = Json::object();
  for (const char* name : {"apiVersion", "kind"}) {
    if (!properties.contains(name)) properties[name] = {{"type", "string"}};
  }
  Json metadata = ObjectMetaSchema();
  if (auto own = properties.find("metadata"); own != properties.end() && own->is_object()) {
    for (const char* name : {"name", "generateName"}) {
      if (own->contains("properties") && (*own)["properties"].contains(name)) {
        metadata["properties"][name].update((*own)["properties"][name]);
      }
    }
  }
  properties["metadata"] = std::move(metadata);
  return root;
}

}  // namespace

const SchemaNode* SchemaNode::Property(std::string_view name) const {
  auto it = std::lower_bound(properties.begin(), properties.end(), name,
                             [](const SchemaProperty& property, std::string_view wanted) {
                               return property.name < wanted;
                             });
  return it != properties.end() && it->name == name ? &it->node : nullptr;
}

std::string ChildPath(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

std::string IndexPath(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

std::string KeyPath(const std::string& path, const std::string& key) {
  return path + "[" + key + "]";
}

Status CompileNode(const Json& schema, bool null_is_absent, SchemaNode& out) {
  return Compiler(null_is_absent).Compile(schema, "", 0, out);
}

CompiledSchema::CompiledSchema() : root_(std::make_unique<SchemaNode>()) {}
CompiledSchema::~CompiledSchema() = default;

StatusOr<std::shared_ptr<const CompiledSchema>> CompiledSchema::Compile(
    const Json& open_api_v3_schema, bool null_is_absent) {
  if (!open_api_v3_schema.is_object() || open_api_v3_schema.value("type", Json()) != "object") {
    return InvalidArgumentError("openAPIV3Schema: the root must be of type object");
  }
  std::shared_ptr<CompiledSchema> compiled(new CompiledSchema());
  SALVE_RETURN_IF_ERROR(
      CompileNode(WithTypeMeta(open_api_v3_schema), null_is_absent, *compiled->root_));
  compiled->has_rules_ = compiled->root_->rules_below;
  return std::shared_ptr<const CompiledSchema>(std::move(compiled));
}

}  // namespace salve::apiserver
