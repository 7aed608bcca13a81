// SPDX-License-Identifier: Apache-2.0
// Structural validation, in the words of kube-openapi and k8s.io/apiextensions-apiserver.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>

#include "pkg/apiserver/schema.h"
#include "pkg/apiserver/schema_node.h"

namespace salve::apiserver {
namespace {

using Type = SchemaNode::Type;

constexpr std::size_t kMaxCauses = 100;

std::string TypeOf(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::boolean:
      return "boolean";
    case Json::value_t::string:
      return "string";
    case Json::value_t::object:
      return "object";
    case Json::value_t::array:
      return "array";
    case Json::value_t::number_float:
      return "number";
    default:
      return "integer";
  }
}

std::string NameOf(const SchemaNode& node) {
  if (node.int_or_string) return "integer,string";
  switch (node.type) {
    case Type::kObject:
      return "object";
    case Type::kArray:
      return "array";
    case Type::kString:
      return "string";
    case Type::kInteger:
      return "integer";
    case Type::kNumber:
      return "number";
    case Type::kBoolean:
      return "boolean";
    case Type::kAny:
      break;
  }
  return "";
}

bool IsWhole(const Json& value) {
  if (!value.is_number_float()) return value.is_number();
  const double number = value.get<double>();
  // Beyond that a double does not hold every whole number, and Go's decoder takes it for none.
  constexpr double kMax = 9007199254740991.0;
  return std::fabs(number) <= kMax && number == std::trunc(number);
}

// The format that the real server sees in a JSON value.
std::string FormatOf(const Json& value) {
  if (value.is_number_float()) return "float64";
  return value.is_number() ? "int64" : "";
}

bool HasType(const Json& value, const SchemaNode& node) {
  if (node.int_or_string) return value.is_string() || IsWhole(value);
  switch (node.type) {
    case Type::kAny:
      return true;
    case Type::kObject:
      return value.is_object();
    case Type::kArray:
      return value.is_array();
    case Type::kString:
      return value.is_string();
    case Type::kInteger:
      return IsWhole(value);
    case Type::kNumber:
      return value.is_number();
    case Type::kBoolean:
      return value.is_boolean();
  }
  return false;
}

// Characters, not bytes: what minLength and maxLength count.
std::int64_t CountRunes(const std::string& text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

// A limit as the real server prints it: like an integer beside an integer, else as Go's %v.
std::string ShowNumber(double number, const Json& beside) {
  if (!beside.is_number_float() && number == std::trunc(number) && std::fabs(number) < 9.2e18) {
    return std::to_string(static_cast<std::int64_t>(number));
  }
  return ShowValue(Json(number));
}

class Validator {
 public:
  Validator() = default;
  // `around` is the path of the part of an object that is validated by itself: sentences about
  // bodies do not show it.
  explicit Validator(std::string around) : around_(std::move(around)) {}

  // `old` is the value that was stored at this place, or nullptr.
  void Validate(const Json& value, const Json* old, const SchemaNode& node,
                const std::string& path);
  std::vector<Cause> Take() { return std::move(causes_); }
  bool empty() const { return causes_.empty(); }

 private:
  void CheckNumber(const Json& value, const SchemaNode& node, const std::string& path);
  void CheckString(const Json& value, const SchemaNode& node, const std::string& path);
  void CheckArray(const Json& value, const Json* old, const SchemaNode& node,
                  const std::string& path);
  void CheckObject(const Json& value, const Json* old, const SchemaNode& node,
                   const std::string& path);
  void CheckEnum(const Json& value, const SchemaNode& node, const std::string& path);
  void CheckUnique(const Json& value, const SchemaNode& node, const std::string& path);
  void CheckCombinations(const Json& value, const SchemaNode& node, const std::string& path);
  void CheckAlternatives(const Json& value, const std::vector<SchemaNode>& choices,
                         bool exactly_one, const std::string& path);

  bool full() const { return causes_.size() >= kMaxCauses; }
  void Add(Cause cause) {
    if (!full()) causes_.push_back(std::move(cause));
  }
  // An error that has no field of its own in the real server's answer.
  void AddLoose(const std::string& message) {
    Add(InvalidCause(around_.empty() ? "<nil>" : around_, "", message));
  }
  void AddType(const std::string& path, const std::string& actual, const std::string& wanted) {
    Add(TypeInvalidCause(path, actual,
                         InBody(path) + " must be of type " + wanted + ": " + ShowValue(actual)));
  }
  // The path within what is validated by itself.
  std::string Shown(const std::string& path) const {
    if (around_.empty() || !path.starts_with(around_)) return path;
    return path.substr(std::min(path.size(), around_.size() + (path == around_ ? 0U : 1U)));
  }
  // "spec.mode in body"
  std::string InBody(const std::string& path) const { return Shown(path) + " in body"; }

  const std::string around_;
  std::vector<Cause> causes_;
};

void Validator::Validate(const Json& value, const Json* old, const SchemaNode& node,
                         const std::string& path) {
  if (full() || (old != nullptr && *old == value)) return;
  if (value.is_null() && (node.nullable || node.null_is_absent || node.type == Type::kAny) &&
      !node.int_or_string) {
    return;
  }
  if (!HasType(value, node)) {
    if (value.is_null() || value.is_string() || value.is_array() || node.format.empty()) {
      AddType(path, TypeOf(value), NameOf(node));
    } else {
      AddType(path, FormatOf(value), node.format);
    }
  }
  // The other checks look at what the value is, not at what it should be.
  CheckEnum(value, node, path);
  if (value.is_number()) CheckNumber(value, node, path);
  if (value.is_string()) CheckString(value, node, path);
  if (value.is_array()) CheckArray(value, old, node, path);
  if (value.is_object()) CheckObject(value, old, node, path);
  CheckCombinations(value, node, path);
}

void Validator::CheckEnum(const Json& value, const SchemaNode& node, const std::string& path) {
  if (node.constraints == nullptr || node.constraints->enum_values.empty()) return;
  const std::vector<Json>& allowed = node.constraints->enum_values;
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
  std::vector<std::string> words;
  for (const Json& word : allowed) {
    words.push_back(word.is_string() ? word.get<std::string>() : ShowValue(word));
  }
  Add(NotSupportedCause(path, value, words));
}

void Validator::CheckNumber(const Json& value, const SchemaNode& node, const std::string& path) {
  const double number = value.get<double>();
  if (node.type == Type::kInteger) {
    const bool int32 = node.format == "int32";
    const double high = int32 ? 2147483647.0 : 9223372036854775807.0;
    const bool beyond = !IsWhole(value) ||
                        (value.is_number_unsigned() &&
                         value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) ||
                        number > high || number < -high - 1;
    if (beyond) {
      const std::string format =
          node.format.empty() ? " (default format)" : " with format " + node.format;
      AddLoose("Checked value must be of type integer" + format + " in " + Shown(path));
    }
  }
  if (node.constraints == nullptr) return;
  const SchemaConstraints& limits = *node.constraints;
  if (limits.multiple_of && *limits.multiple_of > 0) {
    const double times = number / *limits.multiple_of;
    if (std::fabs(times - std::round(times)) > 1e-9 * std::max(1.0, std::fabs(times))) {
      Add(InvalidCause(
          path, value,
          InBody(path) + " should be a multiple of " + ShowNumber(*limits.multiple_of, value)));
    }
  }
  // A double does not tell 2^53 + 1 from 2^53.
  const bool above = limits.maximum && value.is_number_integer() && *limits.maximum < 9.2e18 &&
                     *limits.maximum > -9.2e18 &&
                     value.get<std::int64_t>() > static_cast<std::int64_t>(*limits.maximum) &&
                     *limits.maximum == std::trunc(*limits.maximum);
  if (limits.maximum && (above || number > *limits.maximum ||
                         (limits.exclusive_maximum && number == *limits.maximum))) {
    Add(InvalidCause(path, value,
                     InBody(path) + " should be less than " +
                         (limits.exclusive_maximum ? "" : "or equal to ") +
                         ShowNumber(*limits.maximum, value)));
  }
  if (limits.minimum &&
      (number < *limits.minimum || (limits.exclusive_minimum && number == *limits.minimum))) {
    Add(InvalidCause(path, value,
                     InBody(path) + " should be greater than " +
                         (limits.exclusive_minimum ? "" : "or equal to ") +
                         ShowNumber(*limits.minimum, value)));
  }
}

void Validator::CheckString(const Json& value, const SchemaNode& node, const std::string& path) {
  const std::string& text = value.get_ref<const std::string&>();
  if (node.constraints != nullptr) {
    const SchemaConstraints& limits = *node.constraints;
    const std::int64_t length = CountRunes(text);
    // The first that is not met is told.
    if (limits.max_length >= 0 && length > limits.max_length) {
      Add(TooLongCause(path, static_cast<std::size_t>(limits.max_length)));
    } else if (length < limits.min_length) {
      Add(InvalidCause(path, value,
                       InBody(path) + " should be at least " + std::to_string(limits.min_length) +
                           " chars long"));
    } else if (limits.pattern && !limits.pattern->Matches(text)) {
      Add(InvalidCause(path, value,
                       InBody(path) + " should match '" + limits.pattern->text() + "'"));
    }
  }
  if (!node.format.empty() && !node.int_or_string && !MatchesFormat(node.format, text)) {
    Add(TypeInvalidCause(
        path, value, InBody(path) + " must be of type " + node.format + ": " + ShowValue(value)));
  }
}

void Validator::CheckArray(const Json& value, const Json* old, const SchemaNode& node,
                           const std::string& path) {
  if (node.constraints != nullptr) {
    const SchemaConstraints& limits = *node.constraints;
    const auto size = static_cast<std::int64_t>(value.size());
    if (limits.max_items >= 0 && size > limits.max_items) {
      Add(TooManyCause(path, value.size(), static_cast<std::size_t>(limits.max_items)));
    }
    if (size < limits.min_items) {
      Add(InvalidCause(
          path, size,
          InBody(path) + " should have at least " + std::to_string(limits.min_items) + " items"));
    }
  }
  if (node.items != nullptr) {
    for (std::size_t i = 0; i < value.size() && !full(); ++i) {
      Validate(value[i], CorrelatedItem(value[i], old, node), *node.items, IndexPath(path, i));
    }
  }
  CheckUnique(value, node, path);
}

void Validator::CheckUnique(const Json& value, const SchemaNode& node, const std::string& path) {
  if (node.list_type == SchemaNode::ListType::kAtomic) return;
  const bool map = node.list_type == SchemaNode::ListType::kMap;
  std::set<Json> seen;
  std::set<Json> reported;  // each duplicate once, at its second place
  for (std::size_t i = 0; i < value.size() && !full(); ++i) {
    Json key = map ? Json::object() : value[i];
    if (map && !value[i].is_object()) {
      if (!value[i].is_null()) {
        Add(InvalidCause(IndexPath(path, i), value[i],
                         "must be an object for an array of list-type map"));
      }
      continue;
    }
    if (map) {
      for (const std::string& name : node.list_map_keys) {
        auto it = value[i].find(name);
        if (it != value[i].end()) key[name] = *it;
      }
    }
    if (!seen.insert(key).second && reported.insert(key).second) {
      Add(DuplicateCause(IndexPath(path, i), key));
    }
  }
}

void Validator::CheckObject(const Json& value, const Json* old, const SchemaNode& node,
                            const std::string& path) {
  if (node.constraints != nullptr) {
    const SchemaConstraints& limits = *node.constraints;
    const auto size = static_cast<std::int64_t>(value.size());
    if (size < limits.min_properties) {
      Add(InvalidCause(path, size,
                       InBody(path) + " should have at least " +
                           std::to_string(limits.min_properties) + " properties"));
    }
    if (limits.max_properties >= 0 && size > limits.max_properties) {
      Add(TooManyCause(path, value.size(), static_cast<std::size_t>(limits.max_properties)));
    }
  }
  for (const std::string& name : node.required) {
    if (!value.contains(name)) Add(RequiredCause(ChildPath(path, name)));
  }
  for (auto it = value.begin(); it != value.end() && !full(); ++it) {
    const SchemaNode* child = node.Property(it.key());
    if (child == nullptr) child = node.additional.get();
    if (child != nullptr) {
      Validate(*it, MemberOf(old, it.key()), *child, ChildPath(path, it.key()));
    }
  }
}

void Validator::CheckCombinations(const Json& value, const SchemaNode& node,
                                  const std::string& path) {
  for (const SchemaNode& all : node.all_of) Validate(value, nullptr, all, path);
  if (!node.any_of.empty()) CheckAlternatives(value, node.any_of, false, path);
  if (!node.one_of.empty()) CheckAlternatives(value, node.one_of, true, path);
  if (node.not_of != nullptr) {
    Validator negated;
    negated.Validate(value, nullptr, *node.not_of, path);
    if (negated.empty()) AddLoose(ShowValue(path) + " must not validate the schema (not)");
  }
}

// With no choice that fits, the errors of the one that came closest are shown too.
void Validator::CheckAlternatives(const Json& value, const std::vector<SchemaNode>& choices,
                                  bool exactly_one, const std::string& path) {
  std::size_t valid = 0;
  std::vector<Cause> closest;
  for (const SchemaNode& choice : choices) {
    Validator attempt;
    attempt.Validate(value, nullptr, choice, path);
    if (attempt.empty()) {
      ++valid;
      continue;
    }
    std::vector<Cause> causes = attempt.Take();
    if (closest.empty() || causes.size() < closest.size()) closest = std::move(causes);
  }
  if (valid == 1 || (valid > 1 && !exactly_one)) return;
  if (!exactly_one) {
    AddLoose(ShowValue(path) + " must validate at least one schema (anyOf)");
  } else {
    AddLoose(ShowValue(path) + " must validate one and only one schema (oneOf). " +
             (valid == 0 ? std::string("Found none valid")
                         : "Found " + std::to_string(valid) + " valid alternatives"));
  }
  if (valid == 0) {
    for (Cause& cause : closest) Add(std::move(cause));
  }
}

}  // namespace

const Json* MemberOf(const Json* object, const std::string& name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  auto it = object->find(name);
  return it == object->end() ? nullptr : &*it;
}

const Json* CorrelatedItem(const Json& item, const Json* old_list, const SchemaNode& list) {
  if (list.list_type != SchemaNode::ListType::kMap || old_list == nullptr ||
      !old_list->is_array() || !item.is_object()) {
    return nullptr;
  }
  for (const Json& candidate : *old_list) {
    const auto same_key = [&](const std::string& key) {
      const Json* left = MemberOf(&item, key);
      const Json* right = MemberOf(&candidate, key);
      return left == nullptr ? right == nullptr : right != nullptr && *left == *right;
    };
    if (candidate.is_object() &&
        std::all_of(list.list_map_keys.begin(), list.list_map_keys.end(), same_key)) {
      return &candidate;
    }
  }
  return nullptr;
}

std::vector<Cause> CompiledSchema::ValidateStatus(const Json& object, const Json* old) const {
  const SchemaNode* status = root_->Property("status");
  const Json* value = MemberOf(&object, "status");
  if (status == nullptr || value == nullptr) return {};
  Validator validator("status");
  validator.Validate(*value, MemberOf(old, "status"), *status, "status");
  return validator.Take();
}

std::vector<Cause> CompiledSchema::Validate(const Json& object, const Json* old) const {
  Validator validator;
  validator.Validate(object, old, *root_, "");
  return validator.Take();
}

}  // namespace salve::apiserver
