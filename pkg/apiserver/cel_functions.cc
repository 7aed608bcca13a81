// SPDX-License-Identifier: Apache-2.0
// size, conversions, lists, sets, math, optionals; and the look-up over all functions.
#include "pkg/apiserver/cel_functions.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

namespace salve::apiserver::cel {
namespace {

using Type = Value::Type;

Value Size(const CallContext& call) {
  switch (call[0].type()) {
    case Type::kString:
      return Value::Int(static_cast<std::int64_t>(CountCharacters(call[0].text())));
    case Type::kBytes:
      return Value::Int(static_cast<std::int64_t>(call[0].text().size()));
    case Type::kList:
    case Type::kMap:
      return Value::Int(static_cast<std::int64_t>(call[0].size()));
    default:
      return Value::NoOverload();
  }
}

Value ToInt(const CallContext& call) {
  const Value& from = call[0];
  switch (from.type()) {
    case Type::kInt:
      return from;
    case Type::kUint:
      if (from.unsigned_integer() > 9223372036854775807ULL) return Value::Error("integer overflow");
      return Value::Int(static_cast<std::int64_t>(from.unsigned_integer()));
    case Type::kDouble:
      if (!(std::fabs(from.number()) < 9.2233720368547748e18)) {
        return Value::Error("integer overflow");
      }
      return Value::Int(static_cast<std::int64_t>(from.number()));
    case Type::kTimestamp:
      return Value::Int(from.integer() / 1'000'000'000);
    case Type::kString: {
      std::int64_t value = 0;
      const std::string& text = from.text();
      const char* begin = text.data() + (text.size() > 1 && text[0] == '+' ? 1 : 0);
      auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size()) {
        return Value::Error("strconv.ParseInt: parsing " + ShowValue(text) + ": invalid syntax");
      }
      return Value::Int(value);
    }
    default:
      return Value::NoOverload();
  }
}

Value ToUint(const CallContext& call) {
  const Value& from = call[0];
  if (from.is(Type::kUint)) return from;
  const Value whole = ToInt(call);
  if (whole.is_error()) return whole;
  if (whole.integer() < 0) return Value::Error("unsigned integer overflow");
  return Value::Uint(static_cast<std::uint64_t>(whole.integer()));
}

Value ToDouble(const CallContext& call) {
  const Value& from = call[0];
  if (from.IsNumber()) return Value::Double(from.AsDouble());
  if (!from.is(Type::kString)) return Value::NoOverload();
  char* end = nullptr;
  const double value = std::strtod(from.text().c_str(), &end);
  if (from.text().empty() || end != from.text().c_str() + from.text().size()) {
    return Value::Error("strconv.ParseFloat: parsing " + ShowValue(from.text()) +
                        ": invalid syntax");
  }
  return Value::Double(value);
}

Value ToBool(const CallContext& call) {
  if (call.Is(0, Type::kBool)) return call[0];
  if (!call.Is(0, Type::kString)) return Value::NoOverload();
  const std::string& text = call[0].text();
  if (text == "true" || text == "True" || text == "TRUE" || text == "t" || text == "1") {
    return Value::Bool(true);
  }
  if (text == "false" || text == "False" || text == "FALSE" || text == "f" || text == "0") {
    return Value::Bool(false);
  }
  return Value::Error("Type conversion error: not a bool: " + ShowValue(text));
}

Value ToString(const CallContext& call) {
  switch (call[0].type()) {
    case Type::kNull:
    case Type::kList:
    case Type::kMap:
    case Type::kOptional:
    case Type::kType:
      return Value::NoOverload();
    default:
      return Value::String(call[0].Show());
  }
}

Value ToBytes(const CallContext& call) {
  if (!call.Is(0, Type::kString) && !call.Is(0, Type::kBytes)) return Value::NoOverload();
  return Value::Bytes(call[0].text());
}

Value Dyn(const CallContext& call) { return call[0]; }

Value TypeOf(const CallContext& call) { return Value::TypeName(call[0].TypeText()); }

// --- lists
// --------------------------------------------------------------------------------------------

// The least (direction -1) or greatest (1) of a list; nullopt: some are not comparable.
std::optional<Value> Extreme(const Value::Items& items, int direction) {
  Value best = items[0];
  for (std::size_t i = 1; i < items.size(); ++i) {
    const std::optional<int> order = Compare(items[i], best);
    if (!order) return std::nullopt;
    if (*order * direction > 0) best = items[i];
  }
  return best;
}

Value::Items ItemsOf(const CallContext& call, const Value& list) {
  Value::Items items;
  for (std::size_t i = 0; i < list.size(); ++i) items.push_back(list.At(i));
  call.budget -= static_cast<std::int64_t>(items.size());
  return items;
}

Value ListExtreme(const CallContext& call, int direction, const char* name) {
  if (!call.Is(0, Type::kList)) return Value::NoOverload();
  if (call[0].size() == 0) return Value::Error(std::string(name) + " called on empty list");
  auto best = Extreme(ItemsOf(call, call[0]), direction);
  return best ? *best : Value::NoOverload();
}

Value Min(const CallContext& call) { return ListExtreme(call, -1, "min"); }
Value Max(const CallContext& call) { return ListExtreme(call, 1, "max"); }

// math.least(a, b, …), math.greatest(list).
Value MathExtreme(const CallContext& call, int direction, const char* name) {
  if (call.size() == 1 && call.Is(0, Type::kList)) return ListExtreme(call, direction, name);
  for (const Value& arg : call.args) {
    if (!arg.IsNumber()) return Value::NoOverload();
  }
  return *Extreme(call.args, direction);
}

Value Least(const CallContext& call) { return MathExtreme(call, -1, "math.least"); }
Value Greatest(const CallContext& call) { return MathExtreme(call, 1, "math.greatest"); }

Value Sum(const CallContext& call) {
  if (!call.Is(0, Type::kList)) return Value::NoOverload();
  std::int64_t total = 0;
  double floating = 0;
  bool has_double = false;
  bool is_duration = false;
  for (const Value& item : ItemsOf(call, call[0])) {
    if (item.is(Type::kDouble)) {
      has_double = true;
      floating += item.number();
    } else if (item.is(Type::kInt) || item.is(Type::kDuration)) {
      is_duration = item.is(Type::kDuration);
      if (__builtin_add_overflow(total, item.integer(), &total)) {
        return Value::Error("integer overflow");
      }
    } else {
      return Value::NoOverload();
    }
  }
  if (has_double) return Value::Double(floating);
  return is_duration ? Value::Duration(total) : Value::Int(total);
}

Value IsSorted(const CallContext& call) {
  if (!call.Is(0, Type::kList)) return Value::NoOverload();
  const Value::Items items = ItemsOf(call, call[0]);
  for (std::size_t i = 1; i < items.size(); ++i) {
    const std::optional<int> order = Compare(items[i - 1], items[i]);
    if (!order) return Value::NoOverload();
    if (*order > 0) return Value::Bool(false);
  }
  return Value::Bool(true);
}

// --- sets
// ---------------------------------------------------------------------------------------------

bool HoldsAll(const Value& outer, const Value& inner, std::int64_t& budget) {
  for (std::size_t i = 0; i < inner.size() && budget > 0; ++i) {
    bool found = false;
    for (std::size_t j = 0; j < outer.size() && !found && budget > 0; ++j) {
      found = Equal(outer.At(j), inner.At(i), budget);
    }
    if (!found) return false;
  }
  return true;
}

Value SetContains(const CallContext& call) {
  if (!call.Is(0, Type::kList) || !call.Is(1, Type::kList)) return Value::NoOverload();
  return Value::Bool(HoldsAll(call[0], call[1], call.budget));
}

Value SetEquivalent(const CallContext& call) {
  if (!call.Is(0, Type::kList) || !call.Is(1, Type::kList)) return Value::NoOverload();
  return Value::Bool(HoldsAll(call[0], call[1], call.budget) &&
                     HoldsAll(call[1], call[0], call.budget));
}

Value SetIntersects(const CallContext& call) {
  if (!call.Is(0, Type::kList) || !call.Is(1, Type::kList)) return Value::NoOverload();
  for (std::size_t i = 0; i < call[0].size(); ++i) {
    for (std::size_t j = 0; j < call[1].size() && call.budget > 0; ++j) {
      if (Equal(call[0].At(i), call[1].At(j), call.budget)) return Value::Bool(true);
    }
  }
  return Value::Bool(false);
}

// --- optionals
// ----------------------------------------------------------------------------------------

Value OptionalOf(const CallContext& call) { return Value::Optional(call[0]); }
Value OptionalNone(const CallContext& /*call*/) { return Value::Optional(std::nullopt); }

Value HasValue(const CallContext& call) {
  if (!call.Is(0, Type::kOptional)) return Value::NoOverload();
  return Value::Bool(call[0].size() == 1);
}

Value OptionalValue(const CallContext& call) {
  if (!call.Is(0, Type::kOptional)) return Value::NoOverload();
  return call[0].size() == 1 ? call[0].At(0) : Value::Error("optional.none() dereference");
}

Value OrValue(const CallContext& call) {
  if (!call.Is(0, Type::kOptional)) return Value::NoOverload();
  return call[0].size() == 1 ? call[0].At(0) : call[1];
}

Value Or(const CallContext& call) {
  if (!call.Is(0, Type::kOptional) || !call.Is(1, Type::kOptional)) return Value::NoOverload();
  return call[0].size() == 1 ? call[0] : call[1];
}

}  // namespace

const std::vector<Function>& GeneralFunctions() {
  static const std::vector<Function> functions = {
      {"size", true, true, 1, 1, Size},
      {"int", true, false, 1, 1, ToInt},
      {"uint", true, false, 1, 1, ToUint},
      {"double", true, false, 1, 1, ToDouble},
      {"bool", true, false, 1, 1, ToBool},
      {"string", true, false, 1, 1, ToString},
      {"bytes", true, false, 1, 1, ToBytes},
      {"dyn", true, false, 1, 1, Dyn},
      {"type", true, false, 1, 1, TypeOf},
      {"min", false, true, 1, 1, Min},
      {"max", false, true, 1, 1, Max},
      {"sum", false, true, 1, 1, Sum},
      {"isSorted", false, true, 1, 1, IsSorted},
      {"math.least", true, false, 1, 16, Least},
      {"math.greatest", true, false, 1, 16, Greatest},
      {"sets.contains", true, false, 2, 2, SetContains},
      {"sets.equivalent", true, false, 2, 2, SetEquivalent},
      {"sets.intersects", true, false, 2, 2, SetIntersects},
      {"optional.of", true, false, 1, 1, OptionalOf},
      {"optional.none", true, false, 0, 0, OptionalNone},
      {"hasValue", false, true, 1, 1, HasValue},
      {"value", false, true, 1, 1, OptionalValue},
      {"orValue", false, true, 2, 2, OrValue},
      {"or", false, true, 2, 2, Or},
  };
  return functions;
}

const Function* FindFunction(std::string_view name, bool method, std::size_t args) {
  for (const auto* group : {&GeneralFunctions(), &StringFunctions(), &TimeFunctions()}) {
    for (const Function& function : *group) {
      if (function.name == name && (method ? function.method : function.global) &&
          args >= function.min_args && args <= function.max_args) {
        return &function;
      }
    }
  }
  return nullptr;
}

}  // namespace salve::apiserver::cel
