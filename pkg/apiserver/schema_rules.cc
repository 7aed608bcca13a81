// SPDX-License-Identifier: Apache-2.0
// Runs the CEL rules of a schema over an object, with the old values that transition rules compare
// to.
#include <algorithm>

#include "pkg/apiserver/schema.h"
#include "pkg/apiserver/schema_node.h"

namespace salve::apiserver {
namespace {

constexpr std::size_t kMaxCauses = 100;
constexpr std::size_t kMaxMessageBytes = 5 * 1024;

std::string Trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

class RuleRunner {
 public:
  void Run(const Json& value, const Json* old, const SchemaNode& node, const std::string& path);
  std::vector<Cause> Take() { return std::move(causes_); }

 private:
  void RunRule(const Json& value, const Json* old, const SchemaNode& node, const SchemaRule& rule,
               const std::string& path);
  std::string Message(const cel::Input& input, const SchemaRule& rule);
  void Refuse(const Json& value, const SchemaNode& node, const SchemaRule& rule,
              const std::string& path, const std::string& detail);
  bool stopped() const { return budget_ <= 0 || causes_.size() >= kMaxCauses; }

  std::int64_t budget_ = cel::kObjectBudget;
  std::vector<Cause> causes_;
};

std::string TypeName(const SchemaNode& node) {
  switch (node.type) {
    case SchemaNode::Type::kObject:
      return "object";
    case SchemaNode::Type::kArray:
      return "array";
    case SchemaNode::Type::kString:
      return "string";
    case SchemaNode::Type::kInteger:
      return "integer";
    case SchemaNode::Type::kNumber:
      return "number";
    case SchemaNode::Type::kBoolean:
      return "boolean";
    case SchemaNode::Type::kAny:
      break;
  }
  return "";
}

void RuleRunner::Run(const Json& value, const Json* old, const SchemaNode& node,
                     const std::string& path) {
  if (value.is_null() || !node.rules_below) return;
  for (const SchemaRule& rule : node.rules) {
    if (stopped()) return;
    RunRule(value, old, node, rule, path);
  }
  for (const SchemaNode& all : node.all_of) Run(value, old, all, path);
  if (value.is_object()) {
    const Json* old_object = node.atomic_map ? nullptr : old;
    for (auto it = value.begin(); it != value.end() && !stopped(); ++it) {
      if (const SchemaNode* property = node.Property(it.key())) {
        Run(*it, MemberOf(old_object, it.key()), *property, ChildPath(path, it.key()));
      } else if (node.additional != nullptr) {
        Run(*it, MemberOf(old_object, it.key()), *node.additional, KeyPath(path, it.key()));
      }
    }
  } else if (value.is_array() && node.items != nullptr) {
    for (std::size_t i = 0; i < value.size() && !stopped(); ++i) {
      Run(value[i], CorrelatedItem(value[i], old, node), *node.items, IndexPath(path, i));
    }
  }
}

void RuleRunner::RunRule(const Json& value, const Json* old, const SchemaNode& node,
                         const SchemaRule& rule, const std::string& path) {
  if (old != nullptr && old->is_null()) old = nullptr;
  if (rule.program->uses_old_self()) {
    if (old == nullptr && !rule.optional_old_self) return;
  } else if (old != nullptr && *old == value) {
    return;  // stored before this rule came, and not changed now
  }
  cel::Input input;
  input.self = {&value, &node};
  input.old_self = {old, &node};
  input.old_self_is_optional = rule.optional_old_self;
  StatusOr<bool> passed = rule.program->EvaluateBool(input, budget_);
  if (budget_ <= 0) {
    causes_.push_back(InvalidCause(
        path, TypeName(node),
        "validation failed due to running out of cost budget, no further validation rules will be "
        "run"));
    return;
  }
  if (!passed.ok()) {
    causes_.push_back(InvalidCause(
        path, TypeName(node),
        passed.status().message() + " evaluating rule: " +
            (rule.message.empty() ? Trimmed(rule.program->expression()) : Trimmed(rule.message))));
    return;
  }
  if (!*passed) {
    std::string where = path;
    if (!rule.field_path.empty()) where = ChildPath(path, rule.field_path.substr(1));
    Refuse(value, node, rule, where, Message(input, rule));
  }
}

// messageExpression if it yields one usable line, else message, else the rule itself.
std::string RuleRunner::Message(const cel::Input& input, const SchemaRule& rule) {
  if (rule.message_program != nullptr) {
    StatusOr<std::string> text = rule.message_program->EvaluateString(input, budget_);
    if (text.ok()) {
      std::string line = Trimmed(*text);
      if (!line.empty() && line.size() <= kMaxMessageBytes &&
          line.find('\n') == std::string::npos) {
        return line;
      }
    }
  }
  if (!rule.message.empty()) return Trimmed(rule.message);
  return "failed rule: " + Trimmed(rule.program->expression());
}

void RuleRunner::Refuse(const Json& value, const SchemaNode& node, const SchemaRule& rule,
                        const std::string& path, const std::string& detail) {
  // The whole of an object or list would only bury the message.
  const bool omit_value =
      node.type == SchemaNode::Type::kObject || node.type == SchemaNode::Type::kArray;
  if (rule.reason == kCauseForbidden) {
    causes_.push_back(ForbiddenCause(path, detail));
  } else if (rule.reason == kCauseRequired) {
    causes_.push_back(RequiredCause(path, detail));
  } else if (rule.reason == kCauseDuplicate) {
    causes_.push_back({kCauseDuplicate,
                       omit_value ? "Duplicate value" : "Duplicate value: " + ShowValue(value),
                       path});
  } else if (omit_value) {
    causes_.push_back({kCauseInvalid, "Invalid value: " + detail, path});
  } else {
    causes_.push_back(InvalidCause(path, value, detail));
  }
}

// What keeps the real server from running the rules: the object may not be of the types that they
// were compiled for.
bool Blocks(const Cause& cause) {
  return cause.reason == kCauseNotSupported || cause.reason == kCauseRequired ||
         cause.reason == kCauseTooLong || cause.reason == kCauseTooMany ||
         cause.reason == kCauseTypeInvalid;
}

}  // namespace

std::vector<Cause> CompiledSchema::ValidateRules(const Json& object, const Json* old) const {
  if (!has_rules_) return {};
  RuleRunner runner;
  runner.Run(object, old, *root_, "");
  return runner.Take();
}

std::vector<Cause> CompiledSchema::ValidateAll(const Json& object, const Json* old,
                                               std::vector<Cause> before, Part part) const {
  std::vector<Cause> causes = std::move(before);
  const auto append = [&causes](std::vector<Cause> more) {
    causes.insert(causes.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
  };
  append(part == Part::kStatus ? ValidateStatus(object, old) : Validate(object, old));
  if (std::none_of(causes.begin(), causes.end(), Blocks)) {
    append(ValidateRules(object, old));
  } else if (has_rules_) {
    causes.push_back(InvalidCause("<nil>", nullptr,
                                  "some validation rules were not checked because the object was "
                                  "invalid; correct the existing errors to complete validation"));
  }
  return causes;
}

}  // namespace salve::apiserver
