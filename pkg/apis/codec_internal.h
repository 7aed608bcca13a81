// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_CODEC_INTERNAL_H_
#define SALVE_PKG_APIS_CODEC_INTERNAL_H_

#include <string>
#include <string_view>

#include "pkg/apis/field_error.h"
#include "pkg/apis/schema.h"

// The untyped workings of codec.h: they follow a field table over untyped values. `value` must
// point to what the Type or Struct describes. Not for other rooms.
namespace salve::apis::internal {

// Where we are in an object. A chain on the stack; text is made only for an error.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;      // a member, or a key of a map
  std::ptrdiff_t index = -1;  // else an element of a list

  std::string ToString() const;  // "spec.ladder[1].action"
  Path Member(std::string_view member) const { return {this, member, -1}; }
  Path Element(std::size_t i) const { return {this, {}, static_cast<std::ptrdiff_t>(i)}; }
};

struct DecodeContext {
  bool strict = false;  // unknown members are errors
  FieldErrors errors;   // at most kMaxErrors
  static constexpr std::size_t kMaxErrors = 100;

  void Add(FieldError error) {
    if (errors.size() < kMaxErrors) errors.push_back(std::move(error));
  }
};

Json EncodeValue(const Type& type, const void* value);
Json EncodeStruct(const Struct& table, const void* value);
void DecodeStruct(const Struct& table, const Json& json, const Path& path, void* value,
                  DecodeContext& context);
void SetStructDefaults(const Struct& table, void* value);

// Checks what the table says about `json`, as an API server would check it by the CRD (all but
// CEL).
void CheckStruct(const Struct& table, const Json& json, const Path& path, FieldErrors& errors);

// The words of OpenAPI: "string", "integer", …
const char* JsonTypeName(const Json& json);
const char* TypeName(const Type& type);
FieldError WrongType(const std::string& path, const char* wanted, const Json& json);
// A whole number, also when written as 1.0 or 1e3, within int64.
std::optional<std::int64_t> AsInteger(const Json& json);

}  // namespace salve::apis::internal

#endif  // SALVE_PKG_APIS_CODEC_INTERNAL_H_
