// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/openapi.h"

#include <utility>

namespace salve::apis {
namespace {

Json StructSchema(const Struct& table, bool in_list);

void AddConstraints(const Constraints& c, Json& schema) {
  if (!c.enums.empty()) schema["enum"] = c.enums;
  if (c.minimum) schema["minimum"] = *c.minimum;
  if (c.maximum) schema["maximum"] = *c.maximum;
  if (c.min_length) schema["minLength"] = *c.min_length;
  if (c.max_length) schema["maxLength"] = *c.max_length;
  if (c.min_items) schema["minItems"] = *c.min_items;
  if (c.max_items) schema["maxItems"] = *c.max_items;
  if (c.max_properties) schema["maxProperties"] = *c.max_properties;
  if (c.pattern) schema["pattern"] = c.pattern->text();
  if (!c.format.empty()) schema["format"] = c.format;
  if (c.int_or_string) {
    schema.erase("type");
    schema["x-kubernetes-int-or-string"] = true;
  }
}

Json Rules(const std::vector<CelRule>& rules) {
  Json list = Json::array();
  for (const CelRule& rule : rules) {
    Json entry = {{"rule", rule.rule}, {"message", rule.message}};
    if (!rule.field_path.empty()) entry["fieldPath"] = rule.field_path;
    list.push_back(std::move(entry));
  }
  return list;
}

Json ValueSchema(const Type& type, const Constraints& own, const std::vector<Constraints>& items,
                 std::size_t depth, bool in_list) {
  const auto element = [&] {
    static const Constraints none;
    const Constraints& c = depth < items.size() ? items[depth] : none;
    const bool list = in_list || type.kind == Type::Kind::kList;
    return ValueSchema(*type.element, c, items, depth + 1, list);
  };
  Json schema = Json::object();
  switch (type.kind) {
    case Type::Kind::kOptional:
      return ValueSchema(*type.element, own, items, depth, in_list);
    case Type::Kind::kString:
      schema["type"] = "string";
      break;
    case Type::Kind::kInteger:
      schema["type"] = "integer";
      schema["format"] = "int64";
      break;
    case Type::Kind::kNumber:
      schema["type"] = "number";
      break;
    case Type::Kind::kBoolean:
      schema["type"] = "boolean";
      break;
    case Type::Kind::kObject:
      schema = StructSchema(type.object(), in_list);
      break;
    case Type::Kind::kMap:
      schema["type"] = "object";
      schema["additionalProperties"] = element();
      break;
    case Type::Kind::kList:
      schema["type"] = "array";
      schema["items"] = element();
      schema["x-kubernetes-list-type"] = "atomic";
      break;
  }
  AddConstraints(own, schema);
  return schema;
}

std::string DescriptionOf(const Field& field) {
  const Json& value = field.default_value;
  if (value.is_null() || value.is_structured()) return field.description;
  return field.description + " Defaults to " +
         (value.is_string() ? value.get<std::string>() : value.dump()) + ".";
}

Json FieldSchema(const Field& field, bool in_list) {
  Json schema = ValueSchema(*field.type, field.constraints, field.items, 0, in_list);
  schema["description"] = DescriptionOf(field);
  if (!in_list && !field.default_value.is_null()) schema["default"] = field.default_value;
  if (!field.list_map_keys.empty()) {
    schema["x-kubernetes-list-type"] = "map";
    schema["x-kubernetes-list-map-keys"] = field.list_map_keys;
  }
  if (!field.rules.empty()) schema["x-kubernetes-validations"] = Rules(field.rules);
  return schema;
}

Json StructSchema(const Struct& table, bool in_list) {
  Json schema = {{"type", "object"}};
  Json required = Json::array();
  for (const Field& field : table.fields) {
    if (table.info != nullptr && field.name == "metadata") {
      schema["properties"]["metadata"] = {{"type", "object"}};
      continue;
    }
    schema["properties"][field.name] = FieldSchema(field, in_list);
    if (field.required) required.push_back(field.name);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  std::vector<CelRule> rules;
  for (const auto& members : table.exactly_one) rules.push_back(ExactlyOneRule(members));
  rules.insert(rules.end(), table.rules.begin(), table.rules.end());
  if (!rules.empty()) schema["x-kubernetes-validations"] = Rules(rules);
  return schema;
}

}  // namespace

CelRule ExactlyOneRule(const std::vector<std::string>& members) {
  if (members.size() == 1) {
    return {"has(self." + members[0] + ")", members[0] + " must be set", ""};
  }
  std::string present, names;
  for (const std::string& member : members) {
    present += (present.empty() ? "has(self." : ", has(self.") + member + ")";
    names += (names.empty() ? "" : ", ") + member;
  }
  return {"[" + present + "].filter(x, x).size() == 1", "exactly one of " + names + " must be set",
          ""};
}

Json OpenApiSchema(const Struct& table) {
  Json schema = StructSchema(table, false);
  if (table.info == nullptr) return schema;
  schema["properties"]["apiVersion"] = {
      {"type", "string"},
      {"description", "Version of the schema of this object: " + table.info->ApiVersion() + "."}};
  schema["properties"]["kind"] = {
      {"type", "string"}, {"description", "Kind of this object: " + table.info->kind + "."}};
  return schema;
}

}  // namespace salve::apis
