// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_SCHEMA_H_
#define SALVE_PKG_APISERVER_SCHEMA_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/status_body.h"
#include "pkg/base/status.h"

namespace salve::apiserver {

struct SchemaNode;  // schema_node.h

// A CRD's openAPIV3Schema, compiled: patterns and CEL rules are parsed once. Immutable and
// thread-safe. apiVersion, kind and metadata of the root are known without being in the schema.
//
// The order of use in a write: Prune, Default, then ValidateAll.
class CompiledSchema {
 public:
  // Refuses what is not a structural schema, a pattern that RE2 cannot compile and a CEL rule that
  // does not parse; the message names the path within the schema. With `null_is_absent` (built-in
  // kinds) a null is dropped wherever it stands, as Go's decoder does.
  static StatusOr<std::shared_ptr<const CompiledSchema>> Compile(const Json& open_api_v3_schema,
                                                                 bool null_is_absent = false);
  ~CompiledSchema();

  // Fills in defaults for absent fields, outside in. A null where the field is not nullable counts
  // as absent: it is replaced by the default or removed.
  void Default(Json& object) const { Default(object, /*keep_nulls=*/false); }
  // With `keep_nulls` a null that has no default stays, for validation to refuse.
  void Default(Json& object, bool keep_nulls) const;

  // Removes fields that the schema does not declare and returns their paths ("spec.colour",
  // "spec.steps[0].x"), at most 100, sorted. Callers name them by UnknownFieldText.
  std::vector<std::string> Prune(Json& object) const;

  // Structural errors only: types, required, enum, limits, patterns, formats, duplicate list-map
  // keys. At most 100 causes. What is the same as in `old` (the stored object, nullptr on create)
  // is not checked again: a schema that grew stricter holds for changes only, as in the real
  // server.
  std::vector<Cause> Validate(const Json& object, const Json* old = nullptr) const;

  // CEL rules only, over an object without structural errors. `old` is the stored object or nullptr
  // on create; rules that mention oldSelf run only where an old value exists.
  std::vector<Cause> ValidateRules(const Json& object, const Json* old) const;

  // Structural errors of the status alone: what the subresource status answers for.
  std::vector<Cause> ValidateStatus(const Json& object, const Json* old) const;

  // Both, after the causes `before` that were found already. Where one of all these means that the
  // object may not be of the types that the rules expect, they are not run, which an extra cause
  // says as the real server does.
  enum class Part { kWhole, kStatus };
  std::vector<Cause> ValidateAll(const Json& object, const Json* old,
                                 std::vector<Cause> before = {}, Part part = Part::kWhole) const;

  bool has_rules() const { return has_rules_; }
  const SchemaNode& root() const { return *root_; }

 private:
  CompiledSchema();
  std::unique_ptr<SchemaNode> root_;
  bool has_rules_ = false;
};

struct JsonLimits {
  std::size_t max_bytes = 3 * 1024 * 1024;
  std::size_t max_depth = 64;       // nested objects and arrays
  std::size_t max_values = 500000;  // of any type, keys not counted
};

struct ParsedJson {
  Json value;
  // Paths of fields that occur more than once in their object, at most 100; the last one won.
  std::vector<std::string> duplicate_fields;
};

// Parses one JSON text from outside: UTF-8 is checked, everything is bounded, and nothing is
// thrown. Errors say the byte offset.
StatusOr<ParsedJson> ParseJsonStrict(std::string_view text, const JsonLimits& limits = {});

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_SCHEMA_H_
