// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SCHEMA_H_
#define SALVE_PKG_APIS_SCHEMA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/apis/meta/v1/types.h"

// The field tables: one description per struct, from which JSON reading and writing, defaulting,
// the checks, the CRDs and the field tables of the documentation all come. Tables are built by
// schema_builder.h in the *_schema.cc files and never change afterwards, so everything here is
// read-only and thread-safe.
namespace salve::apis {

using Json = nlohmann::json;

struct Struct;

// How a C++ type looks in JSON, with the operations that non-template code needs on a value of it.
struct Type {
  enum class Kind { kString, kInteger, kNumber, kBoolean, kObject, kList, kMap, kOptional };

  Kind kind = Kind::kString;
  const Struct& (*object)() = nullptr;  // kObject: its table
  const Type* element = nullptr;        // kList, kMap, kOptional
  // kList
  std::size_t (*size)(const void* list) = nullptr;
  const void* (*at)(const void* list, std::size_t index) = nullptr;
  void* (*append)(void* list) = nullptr;  // a new, empty last element
  // kOptional
  const void* (*get)(const void* optional) = nullptr;  // nullptr if absent
  void* (*emplace)(void* optional) = nullptr;          // a new value in it
};

class LazyPattern;

// What a value may be. The members mean what they do in OpenAPI v3.
struct Constraints {
  std::vector<std::string> enums = {};
  std::optional<std::int64_t> minimum = {};
  std::optional<std::int64_t> maximum = {};
  std::optional<std::size_t> min_length = {};  // code points
  std::optional<std::size_t> max_length = {};
  std::optional<std::size_t> min_items = {};
  std::optional<std::size_t> max_items = {};
  std::optional<std::size_t> max_properties = {};
  std::shared_ptr<const LazyPattern> pattern = {};
  std::string format = {};  // "date-time"
  bool int_or_string = false;
};

// A rule in CEL, checked by the API server (x-kubernetes-validations).
struct CelRule {
  std::string rule;
  std::string message;
  std::string field_path;  // ".timeoutSeconds"; "" is the object itself
};

struct Field {
  std::string name;  // in JSON
  std::string description;
  const Type* type = nullptr;
  const void* (*get)(const void* object) = nullptr;
  void* (*get_mutable)(void* object) = nullptr;
  Json default_value;  // null: none
  bool required = false;
  bool keep_zero = false;  // 0 and false are written although there is no default
  Constraints constraints;
  std::vector<Constraints> items;          // of the elements, then of the elements' elements
  std::vector<std::string> list_map_keys;  // not empty: a map list, else an atomic one
  std::vector<CelRule> rules;
};

struct Struct {
  std::string name;
  std::vector<Field> fields;
  // Of each group exactly one member must be present; its other members are ordinary optional
  // fields.
  std::vector<std::vector<std::string>> exactly_one;
  std::vector<CelRule> rules;
  // Set for kinds: written as apiVersion and kind, and checked when read.
  const meta::v1::ResourceInfo* info = nullptr;

  // nullptr if there is none.
  const Field* Find(std::string_view json_name) const;
};

// The table of T. Specialized where the table is defined.
template <class T>
const Struct& SchemaOf();

// The text of a pattern, compiled at its first use (most processes never check a given field).
class LazyPattern {
 public:
  explicit LazyPattern(std::string text);
  ~LazyPattern();
  const std::string& text() const { return text_; }
  // Whether some part of `value` matches, as in OpenAPI. A pattern that does not compile matches
  // nothing.
  bool Matches(std::string_view value) const;

 private:
  struct Compiled;
  const std::string text_;
  const std::unique_ptr<Compiled> compiled_;
};

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_SCHEMA_H_
