// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/cel_value.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "pkg/apiserver/schema_node.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver::cel {
namespace {

using ListType = SchemaNode::ListType;

std::int64_t NanosOf(WallTime time) { return time.time_since_epoch().count(); }

// "3600s", "0.5s": how CEL prints a duration.
std::string ShowDuration(std::int64_t nanoseconds) {
  const std::int64_t seconds = nanoseconds / 1'000'000'000;
  const std::int64_t rest = std::llabs(nanoseconds % 1'000'000'000);
  std::string out = (nanoseconds < 0 && seconds == 0 ? "-" : "") + std::to_string(seconds);
  if (rest != 0) {
    std::string fraction = std::to_string(1'000'000'000 + rest).substr(1);
    fraction.resize(fraction.find_last_not_of('0') + 1);
    out += "." + fraction;
  }
  return out + "s";
}

std::string ShowTimestamp(std::int64_t nanoseconds) {
  const WallTime time{salve::Duration(nanoseconds)};
  return nanoseconds % 1'000'000'000 == 0 ? FormatTime(time) : FormatMicroTime(time);
}

std::string ShowDouble(double value) {
  if (std::isfinite(value) && value == std::trunc(value) && std::fabs(value) < 1e15) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  return Json(value).dump();
}

// A string by its format: dates are timestamps, durations durations, byte is bytes.
Value FromString(const std::string& text, const SchemaNode* schema) {
  if (schema != nullptr && !schema->format.empty() && !schema->int_or_string) {
    const std::string& format = schema->format;
    if (format == "date-time" || format == "date") {
      if (auto time = ParseTime(format == "date" ? text + "T00:00:00Z" : text)) {
        return Value::Timestamp(NanosOf(*time));
      }
    } else if (format == "duration") {
      if (auto nanoseconds = ParseGoDuration(text)) return Value::Duration(*nanoseconds);
    }
  }
  return Value::String(text);
}

bool EqualLists(const Value& left, const Value& right, std::int64_t& budget) {
  if (left.size() != right.size()) return false;
  const SchemaNode* schema = left.schema();
  const ListType type = schema == nullptr ? ListType::kAtomic : schema->list_type;
  if (type == ListType::kAtomic) {
    for (std::size_t i = 0; i < left.size() && budget > 0; ++i) {
      if (!Equal(left.At(i), right.At(i), budget)) return false;
    }
    return true;
  }
  // Sets and maps hold each item once: the same size and all of one in the other is equality.
  for (std::size_t i = 0; i < left.size() && budget > 0; ++i) {
    bool found = false;
    for (std::size_t j = 0; j < right.size() && !found && budget > 0; ++j) {
      found = Equal(left.At(i), right.At(j), budget);
    }
    if (!found) return false;
  }
  return true;
}

bool EqualMaps(const Value& left, const Value& right, std::int64_t& budget) {
  if (left.size() != right.size()) return false;
  for (const Value& key : left.Keys()) {
    if (budget <= 0) return false;
    const std::optional<Value> a = left.Find(key);
    const std::optional<Value> b = right.Find(key);
    if (!a || !b || !Equal(*a, *b, budget)) return false;
  }
  return true;
}

template <typename T>
int Order(T left, T right) {
  return left < right ? -1 : (right < left ? 1 : 0);
}

int CompareNumbers(const Value& left, const Value& right) {
  using Type = Value::Type;
  if (left.is(Type::kInt) && right.is(Type::kInt)) return Order(left.integer(), right.integer());
  if (left.is(Type::kUint) && right.is(Type::kUint)) {
    return Order(left.unsigned_integer(), right.unsigned_integer());
  }
  if (left.is(Type::kInt) && right.is(Type::kUint)) {
    return left.integer() < 0
               ? -1
               : Order(static_cast<std::uint64_t>(left.integer()), right.unsigned_integer());
  }
  if (left.is(Type::kUint) && right.is(Type::kInt)) return -CompareNumbers(right, left);
  return Order(left.AsDouble(), right.AsDouble());
}

}  // namespace

Value Value::Error(std::string message) {
  Value out;
  out.type_ = Type::kError;
  out.text_ = std::move(message);
  return out;
}

Value Value::Bool(bool value) {
  Value out;
  out.type_ = Type::kBool;
  out.int_ = value ? 1 : 0;
  return out;
}

Value Value::Int(std::int64_t value) {
  Value out;
  out.type_ = Type::kInt;
  out.int_ = value;
  return out;
}

Value Value::Uint(std::uint64_t value) {
  Value out;
  out.type_ = Type::kUint;
  out.int_ = static_cast<std::int64_t>(value);
  return out;
}

Value Value::Double(double value) {
  Value out;
  out.type_ = Type::kDouble;
  out.double_ = value;
  return out;
}

Value Value::String(std::string value) {
  Value out;
  out.type_ = Type::kString;
  out.text_ = std::move(value);
  return out;
}

Value Value::Bytes(std::string value) {
  Value out = String(std::move(value));
  out.type_ = Type::kBytes;
  return out;
}

Value Value::List(Items items) {
  Value out;
  out.type_ = Type::kList;
  out.items_ = std::make_shared<const Items>(std::move(items));
  return out;
}

Value Value::Map(Entries entries) {
  Value out;
  out.type_ = Type::kMap;
  out.entries_ = std::make_shared<const Entries>(std::move(entries));
  return out;
}

Value Value::Timestamp(std::int64_t nanoseconds) {
  Value out = Int(nanoseconds);
  out.type_ = Type::kTimestamp;
  return out;
}

Value Value::Duration(std::int64_t nanoseconds) {
  Value out = Int(nanoseconds);
  out.type_ = Type::kDuration;
  return out;
}

Value Value::TypeName(std::string name) {
  Value out = String(std::move(name));
  out.type_ = Type::kType;
  return out;
}

Value Value::Optional(std::optional<Value> value) {
  Items items;
  if (value) items.push_back(std::move(*value));
  Value out = List(std::move(items));
  out.type_ = Type::kOptional;
  return out;
}

Value Value::FromJson(const Json& json, const SchemaNode* schema) {
  switch (json.type()) {
    case Json::value_t::null:
      return Value();
    case Json::value_t::boolean:
      return Bool(json.get<bool>());
    case Json::value_t::string:
      return FromString(json.get_ref<const std::string&>(), schema);
    case Json::value_t::number_float: {
      const double number = json.get<double>();
      // 1.0 is an integer for the schema, but not for rules: as the real server.
      const bool integer = schema != nullptr && schema->type == SchemaNode::Type::kInteger;
      return integer ? Error("invalid data, expected int, got float64") : Double(number);
    }
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      if (schema != nullptr && schema->type == SchemaNode::Type::kNumber) {
        return Double(json.get<double>());
      }
      return Int(json.get<std::int64_t>());
    default:
      break;
  }
  Value out;
  out.type_ = json.is_array() ? Type::kList : Type::kMap;
  out.json_ = &json;
  out.schema_ = schema;
  return out;
}

double Value::AsDouble() const {
  if (type_ == Type::kDouble) return double_;
  if (type_ == Type::kUint) return static_cast<double>(unsigned_integer());
  return static_cast<double>(int_);
}

std::size_t Value::size() const {
  if (json_ != nullptr) return json_->size();
  if (entries_ != nullptr) return entries_->size();
  return items_ == nullptr ? 0 : items_->size();
}

Value Value::At(std::size_t index) const {
  if (json_ == nullptr) return (*items_)[index];
  return FromJson((*json_)[index], schema_ == nullptr ? nullptr : schema_->items.get());
}

std::optional<Value> Value::Find(const Value& key) const {
  if (json_ != nullptr) {
    if (!key.is(Type::kString)) return std::nullopt;
    auto it = json_->find(key.text());
    if (it == json_->end()) return std::nullopt;
    const SchemaNode* child = nullptr;
    if (schema_ != nullptr) {
      child = schema_->Property(key.text());
      if (child == nullptr) child = schema_->additional.get();
    }
    return FromJson(*it, child);
  }
  std::int64_t budget = 1000;
  for (const auto& [name, value] : *entries_) {
    if (Equal(name, key, budget)) return value;
    budget = 1000;
  }
  return std::nullopt;
}

Value::Items Value::Keys() const {
  Items keys;
  if (json_ != nullptr) {
    for (auto it = json_->begin(); it != json_->end(); ++it) keys.push_back(String(it.key()));
  } else if (entries_ != nullptr) {
    for (const auto& [key, value] : *entries_) keys.push_back(key);
  }
  return keys;
}

std::string Value::TypeText() const {
  switch (type_) {
    case Type::kError:
      return "error";
    case Type::kNull:
      return "null_type";
    case Type::kBool:
      return "bool";
    case Type::kInt:
      return "int";
    case Type::kUint:
      return "uint";
    case Type::kDouble:
      return "double";
    case Type::kString:
      return "string";
    case Type::kBytes:
      return "bytes";
    case Type::kList:
      return "list";
    case Type::kMap:
      return "map";
    case Type::kTimestamp:
      return "google.protobuf.Timestamp";
    case Type::kDuration:
      return "google.protobuf.Duration";
    case Type::kType:
      return "type";
    case Type::kOptional:
      return "optional_type";
  }
  return "";
}

std::string Value::Show() const {
  switch (type_) {
    case Type::kNull:
      return "null";
    case Type::kBool:
      return int_ != 0 ? "true" : "false";
    case Type::kInt:
      return std::to_string(int_);
    case Type::kUint:
      return std::to_string(unsigned_integer());
    case Type::kDouble:
      return ShowDouble(double_);
    case Type::kTimestamp:
      return ShowTimestamp(int_);
    case Type::kDuration:
      return ShowDuration(int_);
    case Type::kList: {
      std::string out = "[";
      for (std::size_t i = 0; i < size(); ++i) out += (i == 0 ? "" : ", ") + At(i).Show();
      return out + "]";
    }
    case Type::kMap: {
      std::string out = "{";
      for (const Value& key : Keys()) {
        out += (out.size() == 1 ? "" : ", ") + key.Show() + ": " + Find(key)->Show();
      }
      return out + "}";
    }
    case Type::kOptional:
      return size() == 0 ? "optional.none()" : "optional(" + At(0).Show() + ")";
    default:
      return text_;
  }
}

bool Equal(const Value& left, const Value& right, std::int64_t& budget) {
  using Type = Value::Type;
  --budget;
  if (budget <= 0) return false;
  if (left.IsNumber() && right.IsNumber()) return CompareNumbers(left, right) == 0;
  if (left.type() != right.type()) return false;
  switch (left.type()) {
    case Type::kNull:
      return true;
    case Type::kBool:
    case Type::kTimestamp:
    case Type::kDuration:
      return left.integer() == right.integer();
    case Type::kString:
    case Type::kBytes:
    case Type::kType:
      budget -= static_cast<std::int64_t>(std::min(left.text().size(), right.text().size()) / 32);
      return left.text() == right.text();
    case Type::kOptional:
    case Type::kList:
      return EqualLists(left, right, budget);
    case Type::kMap:
      return EqualMaps(left, right, budget);
    default:
      return false;
  }
}

std::optional<int> Compare(const Value& left, const Value& right) {
  using Type = Value::Type;
  if (left.IsNumber() && right.IsNumber()) return CompareNumbers(left, right);
  if (left.type() != right.type()) return std::nullopt;
  switch (left.type()) {
    case Type::kBool:
    case Type::kTimestamp:
    case Type::kDuration:
      return Order(left.integer(), right.integer());
    case Type::kString:
    case Type::kBytes:
      return Order(left.text().compare(right.text()), 0);
    default:
      return std::nullopt;
  }
}

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace salve::apiserver::cel
