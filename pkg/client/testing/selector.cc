// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/testing/selector.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace salve::client::testing {
namespace {

std::string Trim(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// Cuts at commas outside parentheses.
std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : text) {
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(Trim(part));
      part.clear();
    } else {
      part += c;
    }
  }
  if (!Trim(part).empty()) parts.push_back(Trim(part));
  return parts;
}

std::optional<std::string> LabelOf(const Json& object, const std::string& key) {
  const Json::json_pointer labels("/metadata/labels");
  if (!object.contains(labels) || !object[labels].is_object()) return std::nullopt;
  const auto it = object[labels].find(key);
  if (it == object[labels].end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

// The value at a dotted path; "" if it is absent, as for the API's selectable fields.
std::optional<std::string> FieldOf(const Json& object, const std::string& path) {
  const Json* at = &object;
  std::size_t from = 0;
  while (from <= path.size()) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    if (!at->is_object()) return "";
    const auto it = at->find(path.substr(from, dot - from));
    if (it == at->end()) return "";
    at = &*it;
    from = dot + 1;
  }
  return at->is_string() ? at->get<std::string>() : at->dump();
}

}  // namespace

StatusOr<Selector::Requirement> Selector::ParseOne(const std::string& text, bool label) {
  Requirement requirement;
  requirement.label = label;
  for (const auto& [word, op] : {std::pair<std::string, Operator>{" notin ", Operator::kNotIn},
                                 std::pair<std::string, Operator>{" in ", Operator::kIn}}) {
    const std::size_t at = text.find(word);
    if (!label || at == std::string::npos) continue;
    const std::size_t open = text.find('(', at);
    const std::size_t close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close < open) {
      return InvalidArgumentError("selector: \"" + text + "\" lacks its parentheses");
    }
    requirement.key = Trim(text.substr(0, at));
    requirement.op = op;
    requirement.values = Split(text.substr(open + 1, close - open - 1));
    return requirement;
  }
  for (const auto& [sign, op] : {std::pair<std::string, Operator>{"!=", Operator::kNotIn},
                                 std::pair<std::string, Operator>{"==", Operator::kIn},
                                 std::pair<std::string, Operator>{"=", Operator::kIn}}) {
    const std::size_t at = text.find(sign);
    if (at == std::string::npos) continue;
    requirement.key = Trim(text.substr(0, at));
    requirement.op = op;
    requirement.values = {Trim(text.substr(at + sign.size()))};
    return requirement;
  }
  if (!label || text.empty()) return InvalidArgumentError("selector: \"" + text + "\" is none");
  const bool missing = text[0] == '!';
  requirement.key = missing ? Trim(text.substr(1)) : text;
  requirement.op = missing ? Operator::kMissing : Operator::kExists;
  return requirement;
}

StatusOr<Selector> Selector::Parse(const std::string& labels, const std::string& fields) {
  Selector selector;
  for (const std::string& part : Split(labels)) {
    SALVE_ASSIGN_OR_RETURN(Requirement requirement, ParseOne(part, true));
    selector.requirements_.push_back(std::move(requirement));
  }
  for (const std::string& part : Split(fields)) {
    SALVE_ASSIGN_OR_RETURN(Requirement requirement, ParseOne(part, false));
    selector.requirements_.push_back(std::move(requirement));
  }
  return selector;
}

bool Selector::Matches(const Json& object) const {
  return std::all_of(
      requirements_.begin(), requirements_.end(), [&object](const Requirement& requirement) {
        const std::optional<std::string> value =
            requirement.label ? LabelOf(object, requirement.key) : FieldOf(object, requirement.key);
        const bool listed = value && std::find(requirement.values.begin(), requirement.values.end(),
                                               *value) != requirement.values.end();
        switch (requirement.op) {
          case Operator::kIn:
            return listed;
          case Operator::kNotIn:
            return !listed;
          case Operator::kExists:
            return value.has_value();
          case Operator::kMissing:
            return !value.has_value();
        }
        return false;
      });
}

}  // namespace salve::client::testing
