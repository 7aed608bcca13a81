// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_SCHEMA_NODE_H_
#define SALVE_PKG_APISERVER_SCHEMA_NODE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pkg/apiserver/cel.h"
#include "pkg/base/pattern.h"

namespace salve::apiserver {

// One x-kubernetes-validations entry.
struct SchemaRule {
  std::shared_ptr<const cel::Program> program;
  std::shared_ptr<const cel::Program> message_program;  // messageExpression; null = none
  std::string message;
  std::string reason;      // a cause's reason; "" = FieldValueInvalid
  std::string field_path;  // ".a.b" relative to the node; "" = the node itself
  bool optional_old_self = false;
};

// Limits of a value; most nodes have none.
struct SchemaConstraints {
  std::optional<double> minimum;
  std::optional<double> maximum;
  std::optional<double> multiple_of;
  bool exclusive_minimum = false;
  bool exclusive_maximum = false;
  std::int64_t min_length = -1;  // characters; -1 = no limit, as below
  std::int64_t max_length = -1;
  std::int64_t min_items = -1;
  std::int64_t max_items = -1;
  std::int64_t min_properties = -1;
  std::int64_t max_properties = -1;
  std::optional<Pattern> pattern;
  std::vector<Json> enum_values;  // empty = any
};

struct SchemaProperty;

// One node of a structural schema. Built by schema_compile.cc, read by everybody else.
struct SchemaNode {
  enum class Type : std::uint8_t { kAny, kObject, kArray, kString, kInteger, kNumber, kBoolean };
  enum class ListType : std::uint8_t { kAtomic, kSet, kMap };

  Type type = Type::kAny;
  ListType list_type = ListType::kAtomic;
  bool nullable = false;
  bool int_or_string = false;
  bool preserve_unknown = false;
  bool embedded_resource = false;
  bool atomic_map = false;
  bool additional_allowed = false;  // additionalProperties: true
  bool null_is_absent = false;      // built-in kinds: null means "not set" everywhere
  bool rules_below = false;         // this node or one below it has rules

  std::string format;  // "" = none that is checked
  std::unique_ptr<SchemaConstraints> constraints;
  std::unique_ptr<Json> default_value;
  std::vector<std::string> required;
  std::vector<std::string> list_map_keys;
  std::vector<SchemaProperty> properties;  // sorted by name
  std::unique_ptr<SchemaNode> additional;  // additionalProperties as a schema
  std::unique_ptr<SchemaNode> items;
  std::vector<SchemaNode> all_of;
  std::vector<SchemaNode> any_of;
  std::vector<SchemaNode> one_of;
  std::unique_ptr<SchemaNode> not_of;
  std::vector<SchemaRule> rules;

  // nullptr if `name` is not declared.
  const SchemaNode* Property(std::string_view name) const;
};

struct SchemaProperty {
  std::string name;
  SchemaNode node;
};

// "spec" + "mode" = "spec.mode"; at the root just "mode".
std::string ChildPath(const std::string& path, const std::string& name);
std::string IndexPath(const std::string& path, std::size_t index);
// "labels[app]": a key of a map, as CEL and metadata errors write it.
std::string KeyPath(const std::string& path, const std::string& key);

// The item of `old_list` with the same keys as `item`: only the items of a list of type map have a
// past.
const Json* CorrelatedItem(const Json& item, const Json* old_list, const SchemaNode& list);
// The member of an object that may be absent, null or of another type.
const Json* MemberOf(const Json* object, const std::string& name);

// Whether `text` is of a string format ("date-time", "duration", …). Unknown formats accept
// anything.
bool MatchesFormat(std::string_view format, std::string_view text);
// A Go duration such as "1h2m3.5s" in nanoseconds.
std::optional<std::int64_t> ParseGoDuration(std::string_view text);

// The metadata of every object as a schema: known fields and their types.
const Json& ObjectMetaSchema();

// schema_compile.cc: fills `out` from one openAPIV3Schema.
Status CompileNode(const Json& schema, bool null_is_absent, SchemaNode& out);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_SCHEMA_NODE_H_
