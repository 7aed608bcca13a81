// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/rest_decode.h"

#include <array>
#include <cctype>
#include <string_view>

#include "pkg/apiserver/schema_node.h"
#include "pkg/apiserver/status_body.h"

namespace salve::apiserver {
namespace {

using Type = SchemaNode::Type;

std::string JsonName(const Json& value) {
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  if (value.is_string()) return "string";
  return value.is_boolean() ? "bool" : "number";
}

std::string Unmarshal(const Json& value, const std::string& field, const std::string& type) {
  return "json: cannot unmarshal " + JsonName(value) + " into Go struct field " + field +
         " of type " + type;
}

// Times have a fraction where the type says so, and may have one elsewhere.
std::string CheckTime(const std::string& text, bool micro) {
  const std::string layout =
      micro ? "\"2006-01-02T15:04:05.000000Z07:00\"" : "\"2006-01-02T15:04:05Z07:00\"";
  const std::string head = "parsing time " + ShowValue(text) + " as " + layout + ": cannot parse ";
  if (!MatchesFormat("date-time", text)) return head + ShowValue(text) + " as \"2006\"";
  constexpr std::size_t kSecondsEnd = 19;
  if (!micro || text[kSecondsEnd] == '.') return "";
  return head + ShowValue(text.substr(kSecondsEnd)) + " as \".000000\"";
}

// The types of metadata's members; the others are strings.
std::string CheckMetadata(const Json& metadata, const std::string& prefix) {
  const auto check = [&](const Json& value, const char* key, bool fits, const char* type) {
    return fits || value.is_null() ? std::string() : Unmarshal(value, prefix + key, type);
  };
  std::string why;
  for (const char* key :
       {"name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"}) {
    const auto it = metadata.find(key);
    if (why.empty() && it != metadata.end()) why = check(*it, key, it->is_string(), "string");
  }
  for (const char* key : {"labels", "annotations"}) {
    const auto it = metadata.find(key);
    if (!why.empty() || it == metadata.end()) continue;
    why = check(*it, key, it->is_object(), "map[string]string");
    if (!it->is_object()) continue;
    for (const auto& [name, value] : it->items()) {
      if (why.empty()) why = check(value, key, value.is_string(), "string");
    }
  }
  if (const auto it = metadata.find("finalizers"); why.empty() && it != metadata.end()) {
    why = check(*it, "finalizers", it->is_array(), "[]string");
    if (it->is_array()) {
      for (const Json& word : *it) {
        if (why.empty()) why = check(word, "finalizers", word.is_string(), "string");
      }
    }
  }
  if (const auto it = metadata.find("ownerReferences"); why.empty() && it != metadata.end()) {
    why = check(*it, "ownerReferences", it->is_array(), "[]v1.OwnerReference");
  }
  for (const char* key : {"creationTimestamp", "deletionTimestamp"}) {
    const auto it = metadata.find(key);
    if (why.empty() && it != metadata.end() && it->is_string()) {
      why = CheckTime(it->get_ref<const std::string&>(), false);
    }
  }
  if (const auto it = metadata.find("generation"); why.empty() && it != metadata.end()) {
    why = check(*it, "generation", it->is_number_integer(), "int64");
  }
  return why;
}

// Go's name of a type of the schema; `owner` and `key` name structs.
std::string GoType(const SchemaNode& node, const std::string& owner, const std::string& key) {
  switch (node.type) {
    case Type::kString:
      if (owner == "Secret" && key == "type") return "v1.SecretType";
      return node.format == "byte" ? "[]uint8" : "string";
    case Type::kInteger:
      return node.format == "int32" ? "int32" : "int64";
    case Type::kBoolean:
      return "bool";
    case Type::kArray:
      return "[]" + (node.items == nullptr ? "string" : GoType(*node.items, owner, key));
    case Type::kObject: {
      if (node.additional != nullptr) return "map[string]" + GoType(*node.additional, owner, key);
      std::string name = key;
      if (!name.empty()) {
        name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
      }
      return "v1." + (name.starts_with(owner) ? "" : owner) + name;
    }
    default:
      return "interface {}";
  }
}

bool Fits(const Json& value, Type type) {
  switch (type) {
    case Type::kString:
      return value.is_string();
    case Type::kInteger:
      return value.is_number_integer();
    case Type::kNumber:
      return value.is_number();
    case Type::kBoolean:
      return value.is_boolean();
    case Type::kArray:
      return value.is_array();
    case Type::kObject:
      return value.is_object();
    case Type::kAny:
      break;
  }
  return true;
}

// How far base64 goes: the offset of the group of four that cannot be read.
std::string CheckBase64(const std::string& text) {
  const auto is_digit = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '+' || c == '/';
  };
  std::size_t at = 0;
  for (; at + 4 <= text.size(); at += 4) {
    const bool last = at + 4 == text.size();
    const bool two = is_digit(static_cast<unsigned char>(text[at])) &&
                     is_digit(static_cast<unsigned char>(text[at + 1]));
    const bool third = is_digit(static_cast<unsigned char>(text[at + 2]));
    const bool fourth = is_digit(static_cast<unsigned char>(text[at + 3]));
    const bool padded = last && text[at + 3] == '=' && (third || text[at + 2] == '=');
    if (!two || !((third && fourth) || padded)) break;
  }
  return at == text.size() ? "" : "illegal base64 data at input byte " + std::to_string(at);
}

// `owner` is the struct that has the field, `path` the field's in the object.
std::string CheckValue(const Json& value, const SchemaNode& node, const std::string& owner,
                       const std::string& path, const std::string& key) {
  if (value.is_null()) return "";
  if (!Fits(value, node.type)) {
    std::string why = Unmarshal(value, owner + "." + path, GoType(node, owner, key));
    if (value.is_number_float() && node.type == Type::kInteger) {
      constexpr std::string_view kNumber = "unmarshal number";
      why.insert(why.find(kNumber) + kNumber.size(), " " + value.dump());
    }
    return why;
  }
  if (node.type == Type::kString && node.format == "byte") {
    return CheckBase64(value.get_ref<const std::string&>());
  }
  if (node.type == Type::kString && node.format == "date-time") {
    return CheckTime(value.get_ref<const std::string&>(),
                     owner == "LeaseSpec" || key == "eventTime" || key == "lastObservedTime");
  }
  std::string why;
  if (value.is_object()) {
    const bool is_map = node.additional != nullptr;
    const std::string below = is_map || key.empty() ? owner : GoType(node, owner, key).substr(3);
    for (const auto& [name, member] : value.items()) {
      const SchemaNode* child = is_map ? node.additional.get() : node.Property(name);
      if (!why.empty() || child == nullptr) continue;
      why = CheckValue(member, *child, below, is_map ? path : path + "." + name, name);
    }
  } else if (value.is_array() && node.items != nullptr) {
    for (const Json& item : value) {
      if (why.empty()) why = CheckValue(item, *node.items, owner, path, key);
    }
  }
  return why;
}

}  // namespace

std::string CheckDecodes(const Json& object, const ServedResource& resource) {
  const auto metadata = object.find("metadata");
  if (metadata != object.end() && !metadata->is_null()) {
    if (!metadata->is_object()) {
      return resource.custom
                 ? "json: cannot unmarshal " + JsonName(*metadata) +
                       " into Go value of type v1.ObjectMeta"
                 : Unmarshal(*metadata, resource.info.kind + ".metadata", "v1.ObjectMeta");
    }
    const std::string why =
        CheckMetadata(*metadata, resource.custom ? "ObjectMeta." : "ObjectMeta.metadata.");
    if (!why.empty()) return why;
  }
  if (resource.custom || resource.schema == nullptr) return "";
  std::string why;
  for (const auto& [key, value] : object.items()) {
    const SchemaNode* node = resource.schema->root().Property(key);
    if (!why.empty() || node == nullptr || key == "metadata") continue;
    why = CheckValue(value, *node, resource.info.kind, key, key);
  }
  return why;
}

}  // namespace salve::apiserver
