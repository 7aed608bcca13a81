// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "pkg/apis/codec_internal.h"
#include "pkg/apis/schema.h"

namespace salve::apis::internal {
namespace {

using StringMap = std::map<std::string, std::string>;

template <class T>
const T& As(const void* value) {
  return *static_cast<const T*>(value);
}
template <class T>
T& AsMutable(void* value) {
  return *static_cast<T*>(value);
}

// Whether leaving `json` out loses nothing.
bool IsOmitted(const Field& field, const Json& json) {
  if (field.required) return false;
  switch (field.type->kind) {
    case Type::Kind::kOptional:
      return json.is_null();
    case Type::Kind::kString:
      return json.is_string() &&
             json.get_ref<const std::string&>().empty();  // not an int-or-string's 0
    case Type::Kind::kInteger:
    case Type::Kind::kNumber:
    case Type::Kind::kBoolean:
      return !field.keep_zero && field.default_value.is_null() && (json == 0 || json == false);
    case Type::Kind::kObject:
    case Type::Kind::kList:
    case Type::Kind::kMap:
      return json.empty();
  }
  return false;
}

Json EncodeField(const Field& field, const void* object) {
  Json json = EncodeValue(*field.type, field.get(object));
  if (!field.constraints.int_or_string || !json.is_string()) return json;
  const auto& text = json.get_ref<const std::string&>();
  const bool number = !text.empty() && text.size() < 10 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  return number ? Json(std::stol(text)) : json;
}

void DecodeValue(const Type& type, const Json& json, const Path& path, void* value,
                 DecodeContext& context);

void DecodeList(const Type& type, const Json& json, const Path& path, void* value,
                DecodeContext& context) {
  if (!json.is_array()) return context.Add(WrongType(path.ToString(), "array", json));
  for (std::size_t i = 0; i < json.size(); ++i) {
    DecodeValue(*type.element, json[i], path.Element(i), type.append(value), context);
  }
}

void DecodeMap(const Json& json, const Path& path, StringMap& value, DecodeContext& context) {
  if (!json.is_object()) return context.Add(WrongType(path.ToString(), "object", json));
  for (const auto& [key, item] : json.items()) {
    DecodeValue(Type{.kind = Type::Kind::kString}, item, path.Member(key), &value[key], context);
  }
}

void DecodeValue(const Type& type, const Json& json, const Path& path, void* value,
                 DecodeContext& context) {
  const auto wrong = [&](const char* wanted) {
    context.Add(WrongType(path.ToString(), wanted, json));
  };
  switch (type.kind) {
    case Type::Kind::kOptional:
      return DecodeValue(*type.element, json, path, type.emplace(value), context);
    case Type::Kind::kString:
      if (!json.is_string()) return wrong("string");
      json.get_to(AsMutable<std::string>(value));
      return;
    case Type::Kind::kInteger: {
      const auto number = AsInteger(json);
      if (!number) return wrong("integer");
      AsMutable<std::int64_t>(value) = *number;
      return;
    }
    case Type::Kind::kNumber:
      if (!json.is_number()) return wrong("number");
      json.get_to(AsMutable<double>(value));
      return;
    case Type::Kind::kBoolean:
      if (!json.is_boolean()) return wrong("boolean");
      json.get_to(AsMutable<bool>(value));
      return;
    case Type::Kind::kObject:
      return DecodeStruct(type.object(), json, path, value, context);
    case Type::Kind::kList:
      return DecodeList(type, json, path, value, context);
    case Type::Kind::kMap:
      return DecodeMap(json, path, AsMutable<StringMap>(value), context);
  }
}

// A member that is not there: its default, or the defaults inside it.
void DecodeAbsent(const Field& field, const Path& path, void* member, DecodeContext& context) {
  if (!field.default_value.is_null()) {
    DecodeValue(*field.type, field.default_value, path, member, context);
  } else if (field.type->kind == Type::Kind::kObject) {
    SetStructDefaults(field.type->object(), member);
  }
}

void CheckIdentity(const Struct& table, const Json& json, DecodeContext& context) {
  const auto check = [&](const char* member, const std::string& wanted) {
    const auto it = json.find(member);
    if (it == json.end() || (it->is_string() && it->get_ref<const std::string&>().empty())) return;
    if (!it->is_string() || *it != wanted) {
      context.Add(InvalidField(member, it->dump(), "must be " + Quoted(wanted)));
    }
  };
  check("apiVersion", table.info->ApiVersion());
  check("kind", table.info->kind);
}

void ReportUnknown(const Struct& table, const Json& json, const Path& path,
                   DecodeContext& context) {
  for (const auto& [key, unused] : json.items()) {
    if (table.Find(key) != nullptr) continue;
    if (table.info != nullptr && (key == "apiVersion" || key == "kind")) continue;
    const std::string where = path.Member(key).ToString();
    context.Add({where, kFieldValueInvalid, "unknown field " + Quoted(where)});
  }
}

}  // namespace

std::string Path::ToString() const {
  if (parent == nullptr) return "";
  const std::string before = parent->ToString();
  if (index >= 0) return before + "[" + std::to_string(index) + "]";
  return before.empty() ? std::string(name) : before + "." + std::string(name);
}

const char* JsonTypeName(const Json& json) {
  if (json.is_string()) return "string";
  if (json.is_boolean()) return "boolean";
  if (json.is_number_integer()) return "integer";
  if (json.is_number()) return "number";
  if (json.is_array()) return "array";
  return json.is_object() ? "object" : "null";
}

const char* TypeName(const Type& type) {
  switch (type.kind) {
    case Type::Kind::kString:
      return "string";
    case Type::Kind::kInteger:
      return "integer";
    case Type::Kind::kNumber:
      return "number";
    case Type::Kind::kBoolean:
      return "boolean";
    case Type::Kind::kList:
      return "array";
    case Type::Kind::kOptional:
      return TypeName(*type.element);
    case Type::Kind::kObject:
    case Type::Kind::kMap:
      break;
  }
  return "object";
}

FieldError WrongType(const std::string& path, const char* wanted, const Json& json) {
  const std::string got = std::string("\"") + JsonTypeName(json) + "\"";
  return {path, kFieldValueTypeInvalid,
          "Invalid value: " + got + ": " + (path.empty() ? "" : path + " ") +
              "in body must be of type " + wanted + ": " + got};
}

std::optional<std::int64_t> AsInteger(const Json& json) {
  if (json.is_number_unsigned()) {
    const auto n = json.get<std::uint64_t>();
    if (n > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(n);
  }
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (!json.is_number_float()) return std::nullopt;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const auto number = json.get<double>();
  if (std::trunc(number) != number || std::fabs(number) > kExact) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

Json EncodeValue(const Type& type, const void* value) {
  switch (type.kind) {
    case Type::Kind::kOptional: {
      const void* inner = type.get(value);
      return inner == nullptr ? Json() : EncodeValue(*type.element, inner);
    }
    case Type::Kind::kString:
      return As<std::string>(value);
    case Type::Kind::kInteger:
      return As<std::int64_t>(value);
    case Type::Kind::kNumber:
      return As<double>(value);
    case Type::Kind::kBoolean:
      return As<bool>(value);
    case Type::Kind::kObject:
      return EncodeStruct(type.object(), value);
    case Type::Kind::kMap: {
      Json object = Json::object();
      for (const auto& [key, item] : As<StringMap>(value)) object[key] = item;
      return object;
    }
    case Type::Kind::kList:
      break;
  }
  Json list = Json::array();
  for (std::size_t i = 0; i < type.size(value); ++i) {
    list.push_back(EncodeValue(*type.element, type.at(value, i)));
  }
  return list;
}

Json EncodeStruct(const Struct& table, const void* value) {
  Json object = Json::object();
  if (table.info != nullptr) {
    object["apiVersion"] = table.info->ApiVersion();
    object["kind"] = table.info->kind;
  }
  for (const Field& field : table.fields) {
    Json json = EncodeField(field, value);
    if (!IsOmitted(field, json)) object[field.name] = std::move(json);
  }
  return object;
}

void DecodeStruct(const Struct& table, const Json& json, const Path& path, void* value,
                  DecodeContext& context) {
  if (!json.is_object()) return context.Add(WrongType(path.ToString(), "object", json));
  if (table.info != nullptr) CheckIdentity(table, json, context);
  for (const Field& field : table.fields) {
    const Path here = path.Member(field.name);
    void* member = field.get_mutable(value);
    const auto it = json.find(field.name);
    if (it == json.end() || it->is_null()) {
      DecodeAbsent(field, here, member, context);
    } else if (field.constraints.int_or_string && it->is_number_integer()) {
      AsMutable<std::string>(member) = it->dump();
    } else {
      DecodeValue(*field.type, *it, here, member, context);
    }
  }
  if (context.strict) ReportUnknown(table, json, path, context);
}

namespace {

void SetValueDefaults(const Type& type, void* value) {
  switch (type.kind) {
    case Type::Kind::kObject:
      return SetStructDefaults(type.object(), value);
    case Type::Kind::kOptional:
      if (const void* inner = type.get(value); inner != nullptr) {
        SetValueDefaults(*type.element, const_cast<void*>(inner));  // `value` itself is mutable
      }
      return;
    case Type::Kind::kList:
      for (std::size_t i = 0; i < type.size(value); ++i) {
        SetValueDefaults(*type.element, const_cast<void*>(type.at(value, i)));
      }
      return;
    default:
      return;
  }
}

}  // namespace

void SetStructDefaults(const Struct& table, void* value) {
  for (const Field& field : table.fields) {
    void* member = field.get_mutable(value);
    if (field.type->kind == Type::Kind::kString && field.default_value.is_string()) {
      auto& text = AsMutable<std::string>(member);
      if (text.empty()) field.default_value.get_to(text);
    } else {
      SetValueDefaults(*field.type, member);
    }
  }
}

}  // namespace salve::apis::internal
