// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_CODEC_H_
#define SALVE_PKG_APIS_CODEC_H_

#include <nlohmann/json_fwd.hpp>

#include "pkg/apis/field_error.h"
#include "pkg/base/status.h"

// Between typed values and JSON, by the field tables. Works for every kind and for every struct
// inside one (Encode(status), Decode<Action>(json)). All functions are pure and thread-safe. The
// definitions are instantiated in the *_schema.cc files: a type without a table is a link error.
namespace salve::apis {

using Json = nlohmann::json;

// Kinds carry apiVersion and kind. Left out as Kubernetes does: empty strings, lists and maps,
// absent optionals, empty objects, and zero numbers and false where the table gives no default and
// does not keep them. Keys are sorted, so equal values give equal text.
template <class T>
Json Encode(const T& value);

// Reads and fills in defaults. Members that the table does not know are skipped, words that an enum
// does not know are kept: an older Salve can read what a newer one wrote. kInvalidArgument lists
// what has the wrong type, with its path; for kinds also a wrong apiVersion or kind (absent ones
// are accepted, as in the items of a list).
template <class T>
StatusOr<T> Decode(const Json& json);

// The same, and an unknown member is an error.
template <class T>
StatusOr<T> DecodeStrict(const Json& json);

// Puts the defaults where a string is empty; numbers and flags have theirs from the struct's
// initializers.
template <class T>
void SetDefaults(T& value);

// What the field table alone says: required, enum, ranges, lengths, patterns, list-map keys,
// unions. The whole answer, including what no schema can say, is Validate (validation.h).
template <class T>
FieldErrors CheckSchema(const T& value);

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_CODEC_H_
