// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_CEL_VALUE_H_
#define SALVE_PKG_APISERVER_CEL_VALUE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pkg/apiserver/cel.h"

namespace salve::apiserver::cel {

// A value while an expression is evaluated. Lists and maps of the object under test are views into
// its JSON, which must outlive them; those that an expression builds are shared. An error is a
// value too, so that && and || can absorb it.
class Value {
 public:
  enum class Type {
    kError,
    kNull,
    kBool,
    kInt,
    kUint,
    kDouble,
    kString,
    kBytes,
    kList,
    kMap,
    kTimestamp,  // int_: nanoseconds since the epoch
    kDuration,   // int_: nanoseconds
    kType,       // text_: name of a type
    kOptional,   // items_: none or one
  };
  using Items = std::vector<Value>;
  using Entries = std::vector<std::pair<Value, Value>>;

  Value() = default;  // null
  static Value Error(std::string message);
  static Value NoOverload() { return Error("no such overload"); }
  static Value Bool(bool value);
  static Value Int(std::int64_t value);
  static Value Uint(std::uint64_t value);
  static Value Double(double value);
  static Value String(std::string value);
  static Value Bytes(std::string value);
  static Value List(Items items);
  static Value Map(Entries entries);
  static Value Timestamp(std::int64_t nanoseconds);
  static Value Duration(std::int64_t nanoseconds);
  static Value TypeName(std::string name);
  static Value Optional(std::optional<Value> value);
  // What `json` is to CEL: its schema tells integers from floats and times from strings.
  static Value FromJson(const Json& json, const SchemaNode* schema);

  Type type() const { return type_; }
  bool is_error() const { return type_ == Type::kError; }
  bool is(Type type) const { return type_ == type; }
  bool IsTrue() const { return type_ == Type::kBool && int_ != 0; }
  bool IsNumber() const {
    return type_ == Type::kInt || type_ == Type::kUint || type_ == Type::kDouble;
  }

  // Each only for its type.
  bool boolean() const { return int_ != 0; }
  std::int64_t integer() const { return int_; }
  std::uint64_t unsigned_integer() const { return static_cast<std::uint64_t>(int_); }
  double number() const { return double_; }
  const std::string& text() const { return text_; }
  // Of any number.
  double AsDouble() const;

  // Elements of a list, entries of a map, presence of an optional.
  std::size_t size() const;
  // Element of a list; index < size().
  Value At(std::size_t index) const;
  // Value of a map's key; nullopt if absent.
  std::optional<Value> Find(const Value& key) const;
  Items Keys() const;

  // "int", "string", "map", …
  std::string TypeText() const;
  // How messages and string() show it.
  std::string Show() const;

  const SchemaNode* schema() const { return schema_; }

 private:
  Type type_ = Type::kNull;
  std::int64_t int_ = 0;
  double double_ = 0;
  std::string text_;
  const Json* json_ = nullptr;  // view of a list or map
  const SchemaNode* schema_ = nullptr;
  std::shared_ptr<const Items> items_;
  std::shared_ptr<const Entries> entries_;
};

// CEL's ==: numbers compare by value whatever their type; different types are unequal; lists of
// type set and map ignore the order. Costs steps of `budget` in proportion to the size.
bool Equal(const Value& left, const Value& right, std::int64_t& budget);

// -1, 0, 1; nullopt: not comparable (no such overload).
std::optional<int> Compare(const Value& left, const Value& right);

// Number of characters in UTF-8 text.
std::size_t CountCharacters(std::string_view text);

}  // namespace salve::apiserver::cel

#endif  // SALVE_PKG_APISERVER_CEL_VALUE_H_
