// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SCHEMA_BUILDER_H_
#define SALVE_PKG_APIS_SCHEMA_BUILDER_H_

#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "pkg/apis/codec_internal.h"
#include "pkg/apis/schema.h"

// Notation for field tables; only *_schema.cc files include it:
//
//   template <>
//   const Struct& SchemaOf<TcpProbe>() {
//     static const Struct table = Describe<TcpProbe>("TcpProbe", {
//         F<&TcpProbe::address>("address", "Host and port to connect
//         to.").Required().MaxLength(261),
//     });
//     return table;
//   }
namespace salve::apis {

// The Type of each C++ type that may be a member.
template <class T>
struct TypeOf {
  static_assert(std::is_class_v<T>, "no JSON form for this type");
  static constexpr Type kType = {.kind = Type::Kind::kObject, .object = &SchemaOf<T>};
};
template <>
struct TypeOf<std::string> {
  static constexpr Type kType = {.kind = Type::Kind::kString};
};
template <>
struct TypeOf<std::int64_t> {
  static constexpr Type kType = {.kind = Type::Kind::kInteger};
};
template <>
struct TypeOf<double> {
  static constexpr Type kType = {.kind = Type::Kind::kNumber};
};
template <>
struct TypeOf<bool> {
  static constexpr Type kType = {.kind = Type::Kind::kBoolean};
};
template <>
struct TypeOf<std::map<std::string, std::string>> {
  static constexpr Type kType = {.kind = Type::Kind::kMap, .element = &TypeOf<std::string>::kType};
};
template <class T>
struct TypeOf<std::vector<T>> {
  using List = std::vector<T>;
  static std::size_t Size(const void* list) { return static_cast<const List*>(list)->size(); }
  static const void* At(const void* list, std::size_t i) {
    return &(*static_cast<const List*>(list))[i];
  }
  static void* Append(void* list) { return &static_cast<List*>(list)->emplace_back(); }
  static constexpr Type kType = {.kind = Type::Kind::kList,
                                 .element = &TypeOf<T>::kType,
                                 .size = &Size,
                                 .at = &At,
                                 .append = &Append};
};
template <class T>
struct TypeOf<std::optional<T>> {
  using Optional = std::optional<T>;
  static const void* Get(const void* p) {
    const auto& value = *static_cast<const Optional*>(p);
    return value.has_value() ? &*value : nullptr;
  }
  static void* Emplace(void* p) { return &static_cast<Optional*>(p)->emplace(); }
  static constexpr Type kType = {.kind = Type::Kind::kOptional,
                                 .element = &TypeOf<T>::kType,
                                 .get = &Get,
                                 .emplace = &Emplace};
};

namespace internal {

template <class T>
struct MemberOf;
template <class C, class M>
struct MemberOf<M C::*> {
  using Class = C;
  using Member = M;
};

template <auto P>
const void* GetMember(const void* object) {
  return &(static_cast<const typename MemberOf<decltype(P)>::Class*>(object)->*P);
}
template <auto P>
void* GetMutableMember(void* object) {
  return &(static_cast<typename MemberOf<decltype(P)>::Class*>(object)->*P);
}
template <auto P>
Json InitialValue() {
  const typename MemberOf<decltype(P)>::Class object{};
  return EncodeValue(TypeOf<typename MemberOf<decltype(P)>::Member>::kType, &(object.*P));
}

}  // namespace internal

// A Field with chained setters. Setters named Item… constrain the elements of a list or map.
class FieldBuilder {
 public:
  FieldBuilder(Field field, Json (*initial)()) : field_(std::move(field)), initial_(initial) {}
  operator Field() const { return field_; }  // NOLINT(google-explicit-constructor)

  FieldBuilder& Required() {
    return Set([](Field& f) { f.required = true; });
  }
  // The default is what the struct's member initializer says …
  FieldBuilder& Default() { return Default(initial_()); }
  // … or, for strings and objects, what is given here.
  FieldBuilder& Default(Json value) {
    field_.default_value = std::move(value);
    return *this;
  }
  FieldBuilder& KeepZero() {
    return Set([](Field& f) { f.keep_zero = true; });
  }
  FieldBuilder& Enum(std::vector<std::string> words) {
    field_.constraints.enums = std::move(words);
    return *this;
  }
  FieldBuilder& Min(std::int64_t low) {
    field_.constraints.minimum = low;
    return *this;
  }
  FieldBuilder& Range(std::int64_t low, std::int64_t high) {
    field_.constraints.minimum = low;
    field_.constraints.maximum = high;
    return *this;
  }
  FieldBuilder& MinLength(std::size_t n) {
    field_.constraints.min_length = n;
    return *this;
  }
  FieldBuilder& MaxLength(std::size_t n) {
    field_.constraints.max_length = n;
    return *this;
  }
  FieldBuilder& Matching(std::string pattern) {
    field_.constraints.pattern = std::make_shared<const LazyPattern>(std::move(pattern));
    return *this;
  }
  FieldBuilder& DateTime() {
    field_.constraints.format = "date-time";
    return *this;
  }
  FieldBuilder& IntOrString() {
    field_.constraints.int_or_string = true;
    return *this;
  }
  FieldBuilder& MinItems(std::size_t n) {
    field_.constraints.min_items = n;
    return *this;
  }
  FieldBuilder& MaxItems(std::size_t n) {
    field_.constraints.max_items = n;
    return *this;
  }
  FieldBuilder& MaxProperties(std::size_t n) {
    field_.constraints.max_properties = n;
    return *this;
  }
  FieldBuilder& MapKeys(std::vector<std::string> keys) {
    field_.list_map_keys = std::move(keys);
    return *this;
  }
  FieldBuilder& Item(Constraints constraints) {
    field_.items.push_back(std::move(constraints));
    return *this;
  }
  FieldBuilder& ItemMaxLength(std::size_t n) { return Item({.max_length = n}); }
  FieldBuilder& Cel(std::string rule, std::string message) {
    field_.rules.push_back({std::move(rule), std::move(message), ""});
    return *this;
  }

  // Presets used all over.
  FieldBuilder& DnsLabel() {
    return MinLength(1).MaxLength(63).Matching("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$");
  }
  FieldBuilder& Text(std::size_t max) { return MaxLength(max); }

 private:
  template <class Fn>
  FieldBuilder& Set(Fn fn) {
    fn(field_);
    return *this;
  }

  Field field_;
  Json (*initial_)();
};

template <auto P>
FieldBuilder F(std::string name, std::string description) {
  Field field;
  field.name = std::move(name);
  field.description = std::move(description);
  field.type = &TypeOf<typename internal::MemberOf<decltype(P)>::Member>::kType;
  field.get = &internal::GetMember<P>;
  field.get_mutable = &internal::GetMutableMember<P>;
  return {std::move(field), &internal::InitialValue<P>};
}

// A Struct with chained setters.
class StructBuilder {
 public:
  StructBuilder(std::string name, std::vector<Field> fields) {
    table_.name = std::move(name);
    table_.fields = std::move(fields);
  }
  operator Struct() const { return table_; }  // NOLINT(google-explicit-constructor)

  StructBuilder& ExactlyOne(std::vector<std::string> members) {
    table_.exactly_one.push_back(std::move(members));
    return *this;
  }
  StructBuilder& Cel(std::string rule, std::string message, std::string field_path = "") {
    table_.rules.push_back({std::move(rule), std::move(message), std::move(field_path)});
    return *this;
  }
  StructBuilder& Kind(const meta::v1::ResourceInfo& info) {
    table_.info = &info;
    return *this;
  }

 private:
  Struct table_;
};

inline StructBuilder Describe(std::string name, std::vector<Field> fields) {
  return {std::move(name), std::move(fields)};
}

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_SCHEMA_BUILDER_H_
