// SPDX-License-Identifier: Apache-2.0
#include "controller/crdgen/field_docs.h"

#include <map>

namespace salve::crdgen {
namespace {

using apis::Constraints;
using apis::Field;
using apis::Json;
using apis::Struct;
using apis::Type;

constexpr char kBegin[] = "<!-- fields: ";
constexpr char kBeginEnd[] = " -->";
constexpr char kEnd[] = "<!-- end fields -->";

std::string TypeText(const Type& type, bool int_or_string) {
  switch (type.kind) {
    case Type::Kind::kString:
      return int_or_string ? "integer or string" : "string";
    case Type::Kind::kInteger:
      return "integer";
    case Type::Kind::kNumber:
      return "number";
    case Type::Kind::kBoolean:
      return "boolean";
    case Type::Kind::kObject:
      return "object";
    case Type::Kind::kOptional:
      return TypeText(*type.element, int_or_string);
    case Type::Kind::kMap:
      return "map of strings";
    case Type::Kind::kList:
      break;
  }
  return "list of " + TypeText(*type.element, false) + "s";
}

const Struct* ObjectIn(const Type& type) {
  const Type* t = &type;
  while (t->element != nullptr) t = t->element;
  return t->kind == Type::Kind::kObject ? &t->object() : nullptr;
}

std::string Brackets(const Type& type) {
  if (type.kind == Type::Kind::kList) return "[]" + Brackets(*type.element);
  return type.kind == Type::Kind::kOptional ? Brackets(*type.element) : "";
}

std::string DefaultText(const Field& field) {
  if (field.required) return "required";
  const Json& value = field.default_value;
  if (value.is_null() || value.is_structured()) return "";
  return "`" + (value.is_string() ? value.get<std::string>() : value.dump()) + "`";
}

std::string Limits(const Constraints& c) {
  std::string text;
  if (!c.enums.empty()) {
    for (const std::string& word : c.enums)
      text += (text.empty() ? " One of `" : ", `") + word + "`";
    text += ".";
  }
  if (c.minimum && c.maximum) {
    text += " From " + std::to_string(*c.minimum) + " to " + std::to_string(*c.maximum) + ".";
  } else if (c.minimum) {
    text += " At least " + std::to_string(*c.minimum) + ".";
  }
  if (c.max_items) text += " At most " + std::to_string(*c.max_items) + " items.";
  if (c.max_length) text += " At most " + std::to_string(*c.max_length) + " characters.";
  return text;
}

// What must hold between the members of an object.
std::string Rules(const Struct& table) {
  std::string text;
  for (const auto& members : table.exactly_one) {
    if (members.size() < 2) continue;
    std::string names;
    for (const std::string& member : members) names += (names.empty() ? "`" : ", `") + member + "`";
    text += " Exactly one of " + names + ".";
  }
  for (const apis::CelRule& rule : table.rules) text += " Rule: " + rule.message + ".";
  return text;
}

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

class Table {
 public:
  explicit Table(bool actions_elsewhere) : actions_elsewhere_(actions_elsewhere) {}

  void Add(const Struct& table, const std::string& path) {
    for (const Field& field : table.fields) {
      const std::string here = (path.empty() ? "" : path + ".") + field.name;
      std::string meaning = field.description + Limits(field.constraints);
      for (const Constraints& item : field.items) {
        if (!item.enums.empty()) meaning += Limits(Constraints{.enums = item.enums});
      }
      const Struct* inner = ObjectIn(*field.type);
      const bool descend = inner != nullptr && Introduce(*inner, here, meaning);
      text_ += "| `" + here + "` | " + TypeText(*field.type, field.constraints.int_or_string) +
               " | " + DefaultText(field) + " | " + Escaped(meaning) + " |\n";
      if (descend) Add(*inner, here + Brackets(*field.type));
    }
  }

  std::string text() const {
    return "| field | type | default | meaning |\n|---|---|---|---|\n" + text_;
  }

 private:
  // Completes the meaning of a field that is an object; whether its own fields follow.
  bool Introduce(const Struct& inner, const std::string& here, std::string& meaning) {
    if (inner.name == "Condition") {
      meaning +=
          " Each has `type`, `status`, `reason`, `message`, `lastTransitionTime` and "
          "`observedGeneration`.";
      return false;
    }
    if (inner.name == "Action" && actions_elsewhere_) {
      meaning += " Fields as in `spec.ladder[].action` of a [HealingPolicy](healingpolicy.md).";
      return false;
    }
    const auto [first, is_new] = shown_.emplace(&inner, here);
    if (!is_new) {
      meaning += " Fields as in `" + first->second + "`.";
      return false;
    }
    meaning += Rules(inner);
    return true;
  }

  const bool actions_elsewhere_;
  std::map<const Struct*, std::string> shown_;
  std::string text_;
};

}  // namespace

std::string PageName(const apis::Kind& kind) { return kind.singular + ".md"; }

std::string FieldTable(const apis::Kind& kind, const std::string& member) {
  const Field* field = kind.table->Find(member);
  const Struct* inner = field == nullptr ? nullptr : ObjectIn(*field->type);
  if (inner == nullptr) return "";
  Table table(kind.singular != "healingpolicy");
  table.Add(*inner, "");
  return table.text();
}

std::string WithFieldTables(const apis::Kind& kind, const std::string& page) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const std::size_t begin = page.find(kBegin, at);
    if (begin == std::string::npos) return out + page.substr(at);
    const std::size_t name = begin + sizeof(kBegin) - 1;
    const std::size_t name_end = page.find(kBeginEnd, name);
    const std::size_t end = page.find(kEnd, name);
    if (name_end == std::string::npos || end == std::string::npos || name_end > end) return "";
    out += page.substr(at, name_end + sizeof(kBeginEnd) - 1 - at) + "\n" +
           FieldTable(kind, page.substr(name, name_end - name));
    at = end;
    out += kEnd;
    at += sizeof(kEnd) - 1;
  }
}

}  // namespace salve::crdgen
