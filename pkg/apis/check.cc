// SPDX-License-Identifier: Apache-2.0
// Checks a JSON value by a field table, in the words of a real API server.
#include <set>
#include <string>
#include <utility>

#include "pkg/apis/codec_internal.h"
#include "pkg/apis/schema.h"
#include "pkg/base/time_format.h"

namespace salve::apis::internal {
namespace {

// What the elements of a list are checked by when the table says nothing.
const Constraints& NoConstraints() {
  static const Constraints none;
  return none;
}

std::size_t CodePoints(const std::string& text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return n;
}

std::string InBody(const std::string& path, const std::string& rest) {
  return path.empty() ? rest : path + " in body " + rest;
}

void CheckString(const Constraints& c, const std::string& text, const Path& path,
                 FieldErrors& errors) {
  const auto invalid = [&](const std::string& rest) {
    const std::string where = path.ToString();
    errors.push_back(InvalidField(where, Quoted(text), InBody(where, rest)));
  };
  if (!c.enums.empty() && std::find(c.enums.begin(), c.enums.end(), text) == c.enums.end()) {
    errors.push_back(UnsupportedField(path.ToString(), Quoted(text), c.enums));
    return;
  }
  if (c.max_length && CodePoints(text) > *c.max_length) {
    errors.push_back(
        {path.ToString(), kFieldValueTooLong,
         "Too long: may not be more than " + std::to_string(*c.max_length) + " bytes"});
    return;
  }
  if (c.min_length && CodePoints(text) < *c.min_length) {
    invalid("should be at least " + std::to_string(*c.min_length) + " chars long");
  }
  if (c.pattern && !c.pattern->Matches(text)) invalid("should match '" + c.pattern->text() + "'");
  if (c.format == "date-time" && !ParseTime(text)) {
    invalid("must be of type date-time: " + Quoted(text));
  }
}

void CheckInteger(const Constraints& c, std::int64_t number, const Path& path,
                  FieldErrors& errors) {
  const auto invalid = [&](const char* rest, std::int64_t bound) {
    const std::string where = path.ToString();
    errors.push_back(
        InvalidField(where, std::to_string(number), InBody(where, rest + std::to_string(bound))));
  };
  if (c.minimum && number < *c.minimum) invalid("should be greater than or equal to ", *c.minimum);
  if (c.maximum && number > *c.maximum) invalid("should be less than or equal to ", *c.maximum);
}

void CheckNumber(const Constraints& c, const Json& json, const Path& path, FieldErrors& errors) {
  const auto number = json.get<double>();
  const auto invalid = [&](const char* rest, std::int64_t bound) {
    const std::string where = path.ToString();
    errors.push_back(InvalidField(where, json.dump(), InBody(where, rest + std::to_string(bound))));
  };
  if (c.minimum && !(number >= static_cast<double>(*c.minimum))) {
    invalid("should be greater than or equal to ", *c.minimum);
  }
  if (c.maximum && !(number <= static_cast<double>(*c.maximum))) {
    invalid("should be less than or equal to ", *c.maximum);
  }
}

struct Rules {
  const Constraints& own;
  const std::vector<Constraints>& items;  // of the elements, from `depth` on
  std::size_t depth;
  const std::vector<std::string>& map_keys;

  const Constraints& OfElement() const {
    return depth < items.size() ? items[depth] : NoConstraints();
  }
};

void CheckValue(const Type& type, const Rules& rules, const Json& json, const Path& path,
                FieldErrors& errors);

void CheckMapKeys(const Rules& rules, const Json& list, const Path& path, FieldErrors& errors) {
  std::set<Json> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_object()) continue;
    Json keys = Json::object();
    for (const std::string& name : rules.map_keys) {
      if (const auto it = list[i].find(name); it != list[i].end()) keys[name] = *it;
    }
    if (!seen.insert(keys).second) {
      errors.push_back(DuplicateField(path.Element(i).ToString(), keys.dump()));
    }
  }
}

void CheckList(const Type& type, const Rules& rules, const Json& json, const Path& path,
               FieldErrors& errors) {
  if (!json.is_array()) return errors.push_back(WrongType(path.ToString(), "array", json));
  if (rules.own.max_items && json.size() > *rules.own.max_items) {
    errors.push_back({path.ToString(), kFieldValueTooMany,
                      "Too many: " + std::to_string(json.size()) + ": must have at most " +
                          std::to_string(*rules.own.max_items) + " items"});
    return;
  }
  if (rules.own.min_items && json.size() < *rules.own.min_items) {
    const std::string where = path.ToString();
    errors.push_back(InvalidField(
        where, std::to_string(json.size()),
        InBody(where, "should have at least " + std::to_string(*rules.own.min_items) + " items")));
  }
  static const std::vector<std::string> kNoKeys;
  const Rules element{rules.OfElement(), rules.items, rules.depth + 1, kNoKeys};
  for (std::size_t i = 0; i < json.size(); ++i) {
    CheckValue(*type.element, element, json[i], path.Element(i), errors);
  }
  if (!rules.map_keys.empty()) CheckMapKeys(rules, json, path, errors);
}

void CheckMap(const Rules& rules, const Json& json, const Path& path, FieldErrors& errors) {
  if (!json.is_object()) return errors.push_back(WrongType(path.ToString(), "object", json));
  if (rules.own.max_properties && json.size() > *rules.own.max_properties) {
    errors.push_back({path.ToString(), kFieldValueTooMany,
                      "Too many: " + std::to_string(json.size()) + ": must have at most " +
                          std::to_string(*rules.own.max_properties) + " items"});
    return;
  }
  for (const auto& [key, item] : json.items()) {
    const Path here = path.Member(key);
    if (!item.is_string()) {
      errors.push_back(WrongType(here.ToString(), "string", item));
    } else {
      CheckString(rules.OfElement(), item.get_ref<const std::string&>(), here, errors);
    }
  }
}

void CheckValue(const Type& type, const Rules& rules, const Json& json, const Path& path,
                FieldErrors& errors) {
  const auto wrong = [&] { errors.push_back(WrongType(path.ToString(), TypeName(type), json)); };
  switch (type.kind) {
    case Type::Kind::kOptional:
      return CheckValue(*type.element, rules, json, path, errors);
    case Type::Kind::kString:
      if (rules.own.int_or_string && json.is_number_integer()) return;
      if (!json.is_string()) return wrong();
      return CheckString(rules.own, json.get_ref<const std::string&>(), path, errors);
    case Type::Kind::kInteger:
      if (const auto number = AsInteger(json)) {
        return CheckInteger(rules.own, *number, path, errors);
      }
      return wrong();
    case Type::Kind::kNumber:
      if (!json.is_number()) return wrong();
      return CheckNumber(rules.own, json, path, errors);
    case Type::Kind::kBoolean:
      if (!json.is_boolean()) wrong();
      return;
    case Type::Kind::kObject:
      return CheckStruct(type.object(), json, path, errors);
    case Type::Kind::kList:
      return CheckList(type, rules, json, path, errors);
    case Type::Kind::kMap:
      return CheckMap(rules, json, path, errors);
  }
}

void CheckExactlyOne(const std::vector<std::string>& members, const Json& json, const Path& path,
                     FieldErrors& errors) {
  std::string all, found;
  int count = 0;
  for (const std::string& member : members) {
    all += (all.empty() ? "" : ", ") + member;
    if (!json.contains(member)) continue;
    found += (count++ == 0 ? "" : " and ") + member;
  }
  if (count == 1) return;
  errors.push_back(InvalidField(path.ToString(), "\"object\"",
                                "exactly one of " + all + " must be set" +
                                    (count == 0 ? ", none is" : ", but " + found + " are")));
}

}  // namespace

void CheckStruct(const Struct& table, const Json& json, const Path& path, FieldErrors& errors) {
  if (!json.is_object()) return errors.push_back(WrongType(path.ToString(), "object", json));
  for (const Field& field : table.fields) {
    const Path here = path.Member(field.name);
    const auto it = json.find(field.name);
    if (it == json.end() || it->is_null()) {
      if (field.required) errors.push_back(RequiredField(here.ToString()));
      continue;
    }
    const Rules rules{field.constraints, field.items, 0, field.list_map_keys};
    CheckValue(*field.type, rules, *it, here, errors);
  }
  for (const auto& members : table.exactly_one) CheckExactlyOne(members, json, path, errors);
}

}  // namespace salve::apis::internal
