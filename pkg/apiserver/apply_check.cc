// SPDX-License-Identifier: Apache-2.0
// Whether a configuration fits the schema, in the words of the real server, which shows values as
// Go prints them.
#include <set>
#include <utility>

#include "pkg/apiserver/apply.h"
#include "pkg/apiserver/managed_fields_walk.h"

namespace salve::apiserver {
namespace {

using Type = SchemaNode::Type;

constexpr std::size_t kMaxErrors = 100;

// As Go's %v: a list is [1 2], a map map[a:1], a text bare.
std::string GoText(const Json& value) {
  std::string text;
  if (value.is_null()) return "<nil>";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    for (const Json& item : value) text += (text.empty() ? "" : " ") + GoText(item);
    return "[" + text + "]";
  }
  if (value.is_object()) {
    for (auto it = value.begin(); it != value.end(); ++it) {
      text += (text.empty() ? "" : " ") + it.key() + ":" + GoText(*it);
    }
    return "map[" + text + "]";
  }
  return value.dump();
}

// As Go's %#v.
std::string GoSyntax(const Json& value) {
  std::string text;
  if (value.is_null()) return "interface {}(nil)";
  if (value.is_array()) {
    for (const Json& item : value) text += (text.empty() ? "" : ", ") + GoSyntax(item);
    return "[]interface {}{" + text + "}";
  }
  if (value.is_object()) {
    for (auto it = value.begin(); it != value.end(); ++it) {
      text += (text.empty() ? "" : ", ") + Json(it.key()).dump() + ":" + GoSyntax(*it);
    }
    return "map[string]interface {}{" + text + "}";
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// As Go's %T.
std::string GoType(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_array()) return "[]interface {}";
  if (value.is_object()) return "map[string]interface {}";
  return value.is_number_float() ? "float64" : "int64";
}

std::string Boxed(const Json& value) { return "&{" + GoText(value) + "}"; }

class Checker {
 public:
  void Check(const Json& value, const SchemaNode* schema, const std::string& path);
  std::vector<std::string> Take() { return std::move(errors_); }

 private:
  void CheckMap(const Json& value, const SchemaNode* schema, const std::string& path);
  void CheckList(const Json& value, const SchemaNode& schema, const std::string& path);
  void Fail(const std::string& path, const std::string& what) {
    if (errors_.size() < kMaxErrors) {
      errors_.push_back(path.empty() ? what : path + ": " + what);
    }
  }

  std::vector<std::string> errors_;
};

void Checker::CheckMap(const Json& value, const SchemaNode* schema, const std::string& path) {
  if (!value.is_object()) return Fail(path, "expected map, got " + Boxed(value));
  const bool open = schema == nullptr || schema->preserve_unknown || schema->additional_allowed ||
                    schema->embedded_resource || schema->type == Type::kAny;
  for (auto it = value.begin(); it != value.end(); ++it) {
    const std::string below = path + "." + it.key();
    const SchemaNode* member = MemberSchema(schema, it.key());
    if (member == nullptr && !open) {
      // The real server stops at the first one, too.
      return Fail(below, "field not declared in schema");
    }
    Check(*it, member, below);
  }
}

void Checker::CheckList(const Json& value, const SchemaNode& schema, const std::string& path) {
  if (!value.is_array()) return Fail(path, "expected list, got " + Boxed(value));
  const bool granular = schema.list_type != SchemaNode::ListType::kAtomic;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < value.size(); ++i) {
    std::string step = "i:" + std::to_string(i);
    if (granular) {
      std::string why;
      auto named = ItemStep(value[i], schema, &why);
      if (!named) return Fail(path, "element " + std::to_string(i) + ": " + why);
      step = *std::move(named);
      if (!seen.insert(step).second) {
        Fail(path, "duplicate entries for key " + PathText({step}));
      }
    }
    Check(value[i], schema.items.get(), path + PathText({step}));
  }
}

void Checker::Check(const Json& value, const SchemaNode* schema, const std::string& path) {
  if (value.is_null()) return;
  if (schema == nullptr) {
    if (value.is_object()) CheckMap(value, schema, path);
    return;
  }
  const std::string shown = "&value.valueUnstructured{Value:" + GoSyntax(value) + "}";
  if (schema->int_or_string) {
    if (value.is_structured()) Fail(path, "expected any scalar, got " + Boxed(value));
    return;
  }
  switch (schema->type) {
    case Type::kObject:
      return CheckMap(value, schema, path);
    case Type::kArray:
      return CheckList(value, *schema, path);
    case Type::kString:
      if (!value.is_string()) Fail(path, "expected string, got " + shown);
      return;
    case Type::kInteger:
    case Type::kNumber:
      if (!value.is_number()) {
        Fail(path, "expected numeric (int or float), got " + GoType(value));
      }
      return;
    case Type::kBoolean:
      if (!value.is_boolean()) Fail(path, "expected boolean, got " + Boxed(value));
      return;
    case Type::kAny:
      if (value.is_object()) CheckMap(value, schema, path);
      return;
  }
}

std::string TextAt(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// "salve.dev/v1alpha1, Kind=Incident"; of the core group "/v1, Kind=Secret".
std::string KindText(const Json& config) {
  std::string version = TextAt(config, "apiVersion");
  if (version.find('/') == std::string::npos) version = "/" + version;
  return version + ", Kind=" + TextAt(config, "kind");
}

ApiError UntypedFailure(const std::string& message) {
  return ApiError({{"kind", "Status"},
                   {"apiVersion", "v1"},
                   {"metadata", Json::object()},
                   {"status", "Failure"},
                   {"message", message},
                   {"code", 500}});
}

}  // namespace

std::vector<std::string> CheckTypes(const Json& config, const SchemaNode& schema) {
  Checker checker;
  checker.Check(config, &schema, "");
  return checker.Take();
}

std::optional<ApiError> CheckConfiguration(const Json& config, const ServedResource& resource) {
  if (TextAt(config, "apiVersion") != resource.info.ApiVersion() ||
      TextAt(config, "kind") != resource.info.kind) {
    return BadRequest("invalid object type: " + KindText(config));
  }
  const Json metadata = config.value("metadata", Json());
  if (metadata.is_object() && metadata.contains("managedFields") &&
      !metadata["managedFields"].is_null()) {
    return BadRequest("metadata.managedFields must be nil");
  }
  if (resource.schema == nullptr) return std::nullopt;
  const std::vector<std::string> errors = CheckTypes(config, resource.schema->root());
  if (!errors.empty()) {
    std::string text = errors[0];
    if (errors.size() > 1) {
      text = "errors:";
      for (const std::string& error : errors) text += "\n  " + error;
    }
    return UntypedFailure("failed to create typed patch object (" + TextAt(metadata, "namespace") +
                          "/" + TextAt(metadata, "name") + "; " + KindText(config) + "): " + text);
  }
  return std::nullopt;
}

}  // namespace salve::apiserver
