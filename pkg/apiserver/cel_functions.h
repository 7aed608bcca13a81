// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_CEL_FUNCTIONS_H_
#define SALVE_PKG_APISERVER_CEL_FUNCTIONS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "pkg/apiserver/cel_ast.h"

namespace salve::apiserver::cel {

// What a function gets. Arguments are never errors; a method's target is the first one.
struct CallContext {
  const std::vector<Value>& args;
  const Node& node;
  std::int64_t& budget;

  const Value& operator[](std::size_t i) const { return args[i]; }
  std::size_t size() const { return args.size(); }
  bool Is(std::size_t i, Value::Type type) const { return args[i].is(type); }
};

// One function or method; which overload it is, it sees from the types of its arguments.
struct Function {
  std::string_view name;  // "size", "sets.contains"
  bool global;            // f(a)
  bool method;            // a.f()
  std::size_t min_args;   // including a method's target
  std::size_t max_args;
  Value (*call)(const CallContext& call);
};

// nullptr: unknown, or not with that number of arguments.
const Function* FindFunction(std::string_view name, bool method, std::size_t args);

// The groups that FindFunction looks through, each with its own file.
const std::vector<Function>& GeneralFunctions();
const std::vector<Function>& StringFunctions();
const std::vector<Function>& TimeFunctions();

}  // namespace salve::apiserver::cel

#endif  // SALVE_PKG_APISERVER_CEL_FUNCTIONS_H_
