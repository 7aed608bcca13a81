// SPDX-License-Identifier: Apache-2.0
// Walks the tree. Every node costs a step of the budget, so that no expression runs for long.
#include <cmath>
#include <limits>

#include "pkg/apiserver/cel_ast.h"
#include "pkg/apiserver/cel_functions.h"

namespace salve::apiserver::cel {
namespace {

using Kind = Node::Kind;
using Type = Value::Type;

constexpr std::size_t kMaxBuiltBytes = 1U << 20U;  // of one string that an expression builds
constexpr std::size_t kMaxBuiltItems = 100'000;    // of one list that an expression builds

Value OutOfBudget() { return Value::Error("operation cancelled: actual cost limit exceeded"); }

class Evaluator {
 public:
  Evaluator(const Input& input, std::int64_t& budget) : input_(input), budget_(budget) {}
  Value Eval(const Node& node);

 private:
  Value EvalNode(const Node& node);
  Value Identifier(const std::string& name) const;
  Value Select(const Node& node);
  Value Has(const Node& node);
  Value Index(const Node& node);
  Value Call(const Node& node);
  Value Literal(const Node& node);
  Value Junction(const Node& node);
  Value Binary(const Node& node);
  Value In(const Value& item, const Value& container);
  Value Macro(const Node& node);
  Value OptMap(const Node& node);
  // Predicate of a macro over one element.
  Value With(const std::string& name, const Value& value, const Node& body);

  const Input& input_;
  std::int64_t& budget_;
  std::vector<std::pair<std::string, Value>> scope_;
};

Value FieldOf(const Value& target, const Value& key) {
  if (!target.is(Type::kMap)) return Value::NoOverload();
  auto found = target.Find(key);
  return found ? *found : Value::Error("no such key: " + key.Show());
}

// Arithmetic that says "integer overflow" instead of wrapping.
Value IntegerArithmetic(Kind kind, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  bool overflow = false;
  switch (kind) {
    case Kind::kAdd:
      overflow = __builtin_add_overflow(a, b, &out);
      break;
    case Kind::kSubtract:
      overflow = __builtin_sub_overflow(a, b, &out);
      break;
    case Kind::kMultiply:
      overflow = __builtin_mul_overflow(a, b, &out);
      break;
    default:
      if (b == 0) {
        return Value::Error(kind == Kind::kDivide ? "division by zero" : "modulus by zero");
      }
      overflow = a == std::numeric_limits<std::int64_t>::min() && b == -1;
      if (!overflow) out = kind == Kind::kDivide ? a / b : a % b;
  }
  return overflow ? Value::Error("integer overflow") : Value::Int(out);
}

Value UnsignedArithmetic(Kind kind, std::uint64_t a, std::uint64_t b) {
  std::uint64_t out = 0;
  bool overflow = false;
  switch (kind) {
    case Kind::kAdd:
      overflow = __builtin_add_overflow(a, b, &out);
      break;
    case Kind::kSubtract:
      overflow = __builtin_sub_overflow(a, b, &out);
      break;
    case Kind::kMultiply:
      overflow = __builtin_mul_overflow(a, b, &out);
      break;
    default:
      if (b == 0) {
        return Value::Error(kind == Kind::kDivide ? "division by zero" : "modulus by zero");
      }
      out = kind == Kind::kDivide ? a / b : a % b;
  }
  return overflow ? Value::Error("unsigned integer overflow") : Value::Uint(out);
}

Value DoubleArithmetic(Kind kind, double a, double b) {
  switch (kind) {
    case Kind::kAdd:
      return Value::Double(a + b);
    case Kind::kSubtract:
      return Value::Double(a - b);
    case Kind::kMultiply:
      return Value::Double(a * b);
    case Kind::kDivide:
      return Value::Double(a / b);
    default:
      return Value::NoOverload();
  }
}

Value TimeArithmetic(Kind kind, const Value& a, const Value& b) {
  const bool add = kind == Kind::kAdd;
  if (!add && kind != Kind::kSubtract) return Value::NoOverload();
  const Value sum = IntegerArithmetic(kind, a.integer(), b.integer());
  if (sum.is_error()) return sum;
  const bool a_time = a.is(Type::kTimestamp);
  const bool b_time = b.is(Type::kTimestamp);
  if (a_time && b_time) return add ? Value::NoOverload() : Value::Duration(sum.integer());
  if (b_time && !add) return Value::NoOverload();
  return a_time || b_time ? Value::Timestamp(sum.integer()) : Value::Duration(sum.integer());
}

Value Concatenate(const Value& a, const Value& b, std::int64_t& budget) {
  if (a.is(Type::kList)) {
    if (a.size() + b.size() > kMaxBuiltItems) return OutOfBudget();
    budget -= static_cast<std::int64_t>(a.size() + b.size());
    Value::Items items;
    for (const Value* list : {&a, &b}) {
      for (std::size_t i = 0; i < list->size(); ++i) items.push_back(list->At(i));
    }
    return Value::List(std::move(items));
  }
  if (a.text().size() + b.text().size() > kMaxBuiltBytes) return OutOfBudget();
  budget -= static_cast<std::int64_t>((a.text().size() + b.text().size()) / 32);
  return a.is(Type::kBytes) ? Value::Bytes(a.text() + b.text())
                            : Value::String(a.text() + b.text());
}

Value Arithmetic(Kind kind, const Value& a, const Value& b, std::int64_t& budget) {
  const auto is_time = [](const Value& v) {
    return v.is(Type::kTimestamp) || v.is(Type::kDuration);
  };
  if (is_time(a) && is_time(b)) return TimeArithmetic(kind, a, b);
  if (a.type() != b.type()) return Value::NoOverload();
  switch (a.type()) {
    case Type::kInt:
      return IntegerArithmetic(kind, a.integer(), b.integer());
    case Type::kUint:
      return UnsignedArithmetic(kind, a.unsigned_integer(), b.unsigned_integer());
    case Type::kDouble:
      return DoubleArithmetic(kind, a.number(), b.number());
    case Type::kString:
    case Type::kBytes:
    case Type::kList:
      return kind == Kind::kAdd ? Concatenate(a, b, budget) : Value::NoOverload();
    default:
      return Value::NoOverload();
  }
}

Value Relation(Kind kind, const Value& a, const Value& b) {
  const std::optional<int> order = Compare(a, b);
  if (!order) return Value::NoOverload();
  const bool nan = (a.is(Type::kDouble) && std::isnan(a.number())) ||
                   (b.is(Type::kDouble) && std::isnan(b.number()));
  if (nan) return Value::Bool(false);
  switch (kind) {
    case Kind::kLess:
      return Value::Bool(*order < 0);
    case Kind::kLessEqual:
      return Value::Bool(*order <= 0);
    case Kind::kGreater:
      return Value::Bool(*order > 0);
    default:
      return Value::Bool(*order >= 0);
  }
}

// Besides its step a node pays for the text that it yields, so that copies of long text are few.
Value Evaluator::Eval(const Node& node) {
  if (--budget_ <= 0) return OutOfBudget();
  Value value = EvalNode(node);
  budget_ -= static_cast<std::int64_t>(value.text().size() / 32);
  return budget_ <= 0 ? OutOfBudget() : value;
}

Value Evaluator::EvalNode(const Node& node) {
  switch (node.kind) {
    case Kind::kLiteral:
      return *node.literal;
    case Kind::kIdentifier:
      return Identifier(node.name);
    case Kind::kSelect:
      return Select(node);
    case Kind::kHas:
      return Has(node);
    case Kind::kIndex:
      return Index(node);
    case Kind::kCall:
      return Call(node);
    case Kind::kList:
    case Kind::kMap:
      return Literal(node);
    case Kind::kTernary: {
      const Value condition = Eval(*node.args[0]);
      if (condition.is_error()) return condition;
      if (!condition.is(Type::kBool)) return Value::NoOverload();
      return Eval(condition.boolean() ? *node.args[1] : *node.args[2]);
    }
    case Kind::kAnd:
    case Kind::kOr:
      return Junction(node);
    case Kind::kNot: {
      const Value value = Eval(*node.args[0]);
      if (value.is_error()) return value;
      return value.is(Type::kBool) ? Value::Bool(!value.boolean()) : Value::NoOverload();
    }
    case Kind::kNegate: {
      const Value value = Eval(*node.args[0]);
      if (value.is_error()) return value;
      if (value.is(Type::kDouble)) return Value::Double(-value.number());
      if (!value.is(Type::kInt)) return Value::NoOverload();
      return IntegerArithmetic(Kind::kSubtract, 0, value.integer());
    }
    case Kind::kAll:
    case Kind::kExists:
    case Kind::kExistsOne:
    case Kind::kFilter:
    case Kind::kTransform:
      return Macro(node);
    case Kind::kOptMap:
      return OptMap(node);
    default:
      return Binary(node);
  }
}

Value Evaluator::Identifier(const std::string& name) const {
  for (auto it = scope_.rbegin(); it != scope_.rend(); ++it) {
    if (it->first == name) return it->second;
  }
  if (name == "self") {
    if (input_.self.value == nullptr) return Value::Error("no such attribute: self");
    return Value::FromJson(*input_.self.value, input_.self.type);
  }
  const Variable& old = input_.old_self;
  if (input_.old_self_is_optional) {
    if (old.value == nullptr) return Value::Optional(std::nullopt);
    return Value::Optional(Value::FromJson(*old.value, old.type));
  }
  if (old.value == nullptr) return Value::Error("no such attribute: oldSelf");
  return Value::FromJson(*old.value, old.type);
}

Value Evaluator::Select(const Node& node) {
  const Value target = Eval(*node.args[0]);
  if (target.is_error()) return target;
  const Value key = Value::String(node.name);
  // a.?b, and any selection from an optional, yields an optional.
  if (target.is(Type::kOptional) || node.optional) {
    if (target.is(Type::kOptional) && target.size() == 0) return target;
    const Value inner = target.is(Type::kOptional) ? target.At(0) : target;
    if (!inner.is(Type::kMap)) return Value::NoOverload();
    return Value::Optional(inner.Find(key));
  }
  return FieldOf(target, key);
}

Value Evaluator::Has(const Node& node) {
  Value target = Eval(*node.args[0]);
  if (target.is_error()) return target;
  if (target.is(Type::kOptional)) {
    if (target.size() == 0) return Value::Bool(false);
    target = Value(target.At(0));
  }
  if (!target.is(Type::kMap)) return Value::NoOverload();
  const std::optional<Value> found = target.Find(Value::String(node.name));
  if (found && found->is_error()) return *found;
  return Value::Bool(found.has_value());
}

Value Evaluator::Index(const Node& node) {
  Value target = Eval(*node.args[0]);
  if (target.is_error()) return target;
  const Value index = Eval(*node.args[1]);
  if (index.is_error()) return index;
  const bool optional = node.optional || target.is(Type::kOptional);
  if (target.is(Type::kOptional)) {
    if (target.size() == 0) return target;
    target = Value(target.At(0));
  }
  std::optional<Value> found;
  if (target.is(Type::kMap)) {
    found = target.Find(index);
    if (!found && !optional) return Value::Error("no such key: " + index.Show());
  } else if (target.is(Type::kList) && index.IsNumber()) {
    const double position = index.AsDouble();
    const bool inside = position >= 0 && position == std::trunc(position) &&
                        position < static_cast<double>(target.size());
    if (inside) found = target.At(static_cast<std::size_t>(position));
    if (!found && !optional) return Value::Error("index out of bounds: " + index.Show());
  } else {
    return Value::NoOverload();
  }
  return optional ? Value::Optional(std::move(found)) : *found;
}

Value Evaluator::Call(const Node& node) {
  std::vector<Value> args;
  args.reserve(node.args.size());
  for (const auto& arg : node.args) {
    args.push_back(Eval(*arg));
    if (args.back().is_error()) return args.back();
  }
  Value result = node.function->call(CallContext{args, node, budget_});
  return budget_ <= 0 ? OutOfBudget() : result;
}

Value Evaluator::Literal(const Node& node) {
  Value::Items values;
  for (const auto& arg : node.args) {
    values.push_back(Eval(*arg));
    if (values.back().is_error()) return values.back();
  }
  if (node.kind == Kind::kList) return Value::List(std::move(values));
  Value::Entries entries;
  for (std::size_t i = 0; i + 1 < values.size(); i += 2) {
    entries.emplace_back(std::move(values[i]), std::move(values[i + 1]));
  }
  return Value::Map(std::move(entries));
}

// One false decides &&, one true decides ||, whatever the others are; else an error wins.
Value Evaluator::Junction(const Node& node) {
  const bool deciding = node.kind == Kind::kOr;
  std::optional<Value> error;
  for (const auto& arg : node.args) {
    Value value = Eval(*arg);
    if (budget_ <= 0) return OutOfBudget();
    if (value.is(Type::kBool)) {
      if (value.boolean() == deciding) return value;
    } else if (!error) {
      error = value.is_error() ? std::move(value) : Value::NoOverload();
    }
  }
  return error ? *error : Value::Bool(!deciding);
}

Value Evaluator::Binary(const Node& node) {
  const Value left = Eval(*node.args[0]);
  if (left.is_error()) return left;
  const Value right = Eval(*node.args[1]);
  if (right.is_error()) return right;
  Value result;
  switch (node.kind) {
    case Kind::kEqual:
      result = Value::Bool(Equal(left, right, budget_));
      break;
    case Kind::kNotEqual:
      result = Value::Bool(!Equal(left, right, budget_));
      break;
    case Kind::kIn:
      result = In(left, right);
      break;
    case Kind::kLess:
    case Kind::kLessEqual:
    case Kind::kGreater:
    case Kind::kGreaterEqual:
      result = Relation(node.kind, left, right);
      break;
    default:
      result = Arithmetic(node.kind, left, right, budget_);
  }
  return budget_ <= 0 ? OutOfBudget() : result;
}

Value Evaluator::In(const Value& item, const Value& container) {
  if (container.is(Type::kMap)) return Value::Bool(container.Find(item).has_value());
  if (!container.is(Type::kList)) return Value::NoOverload();
  for (std::size_t i = 0; i < container.size() && budget_ > 0; ++i) {
    if (Equal(item, container.At(i), budget_)) return Value::Bool(true);
  }
  return Value::Bool(false);
}

Value Evaluator::With(const std::string& name, const Value& value, const Node& body) {
  scope_.emplace_back(name, value);
  Value result = Eval(body);
  scope_.pop_back();
  return result;
}

Value Evaluator::Macro(const Node& node) {
  const Value range = Eval(*node.args[0]);
  if (range.is_error()) return range;
  if (!range.is(Type::kList) && !range.is(Type::kMap)) return Value::NoOverload();
  const Value::Items keys = range.is(Type::kMap) ? range.Keys() : Value::Items();
  const bool absorbs = node.kind == Kind::kAll || node.kind == Kind::kExists;
  const bool deciding = node.kind == Kind::kExists;
  const bool predicate = node.kind != Kind::kTransform || node.args.size() == 3;
  std::optional<Value> error;
  std::int64_t matches = 0;
  Value::Items out;
  for (std::size_t i = 0; i < range.size(); ++i) {
    const Value item = range.is(Type::kMap) ? keys[i] : range.At(i);
    Value result = predicate ? With(node.name, item, *node.args[1]) : Value::Bool(true);
    if (budget_ <= 0) return OutOfBudget();
    if (!result.is(Type::kBool)) {
      Value failure = result.is_error() ? std::move(result) : Value::NoOverload();
      if (!absorbs) return failure;
      if (!error) error = std::move(failure);
      continue;
    }
    if (absorbs && result.boolean() == deciding) return result;
    if (!result.boolean()) continue;
    ++matches;
    if (node.kind == Kind::kFilter) out.push_back(item);
    if (node.kind == Kind::kTransform) {
      out.push_back(With(node.name, item, *node.args.back()));
      if (out.back().is_error()) return out.back();
    }
  }
  if (error) return *error;
  if (absorbs) return Value::Bool(!deciding);
  if (node.kind == Kind::kExistsOne) return Value::Bool(matches == 1);
  return Value::List(std::move(out));
}

Value Evaluator::OptMap(const Node& node) {
  const Value target = Eval(*node.args[0]);
  if (target.is_error()) return target;
  if (!target.is(Type::kOptional)) return Value::NoOverload();
  if (target.size() == 0) return target;
  Value result = With(node.name, target.At(0), *node.args[1]);
  return result.is_error() ? result : Value::Optional(std::move(result));
}

}  // namespace

Value Evaluate(const Node& node, const Input& input, std::int64_t& budget) {
  return Evaluator(input, budget).Eval(node);
}

}  // namespace salve::apiserver::cel
