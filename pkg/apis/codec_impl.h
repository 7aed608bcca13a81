// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_CODEC_IMPL_H_
#define SALVE_PKG_APIS_CODEC_IMPL_H_

#include <utility>

#include "pkg/apis/codec.h"
#include "pkg/apis/codec_internal.h"
#include "pkg/apis/schema.h"

// Definitions of codec.h, for the files that instantiate them.
namespace salve::apis {
namespace internal {

template <class T>
StatusOr<T> DecodeAs(const Json& json, bool strict) {
  T value{};
  DecodeContext context;
  context.strict = strict;
  DecodeStruct(SchemaOf<T>(), json, Path{}, &value, context);
  if (!context.errors.empty()) return ToStatus(context.errors);
  return value;
}

}  // namespace internal

template <class T>
Json Encode(const T& value) {
  return internal::EncodeStruct(SchemaOf<T>(), &value);
}

template <class T>
StatusOr<T> Decode(const Json& json) {
  return internal::DecodeAs<T>(json, false);
}

template <class T>
StatusOr<T> DecodeStrict(const Json& json) {
  return internal::DecodeAs<T>(json, true);
}

template <class T>
void SetDefaults(T& value) {
  internal::SetStructDefaults(SchemaOf<T>(), &value);
}

template <class T>
FieldErrors CheckSchema(const T& value) {
  FieldErrors errors;
  internal::CheckStruct(SchemaOf<T>(), Encode(value), internal::Path{}, errors);
  return errors;
}

// After the specialization of SchemaOf<T>, at namespace salve::apis.
#define SALVE_APIS_INSTANTIATE(T)                    \
  template Json Encode<T>(const T&);                 \
  template StatusOr<T> Decode<T>(const Json&);       \
  template StatusOr<T> DecodeStrict<T>(const Json&); \
  template void SetDefaults<T>(T&);                  \
  template FieldErrors CheckSchema<T>(const T&)

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_CODEC_IMPL_H_
