// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_CEL_H_
#define SALVE_PKG_APISERVER_CEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pkg/apiserver/status_body.h"
#include "pkg/base/status.h"

// The Common Expression Language as x-kubernetes-validations uses it. An interpreter over the
// parsed tree: dynamic types, CEL's absorbing && and ||, the five macros, the string, math and time
// functions listed in cel_functions.cc.
namespace salve::apiserver::cel {

struct Node;  // cel_ast.h
}  // namespace salve::apiserver::cel

namespace salve::apiserver {
struct SchemaNode;  // schema_node.h
}

namespace salve::apiserver::cel {

// What an expression sees. `type` tells integers from floats, objects from maps and times from
// strings; nullptr = go by the JSON types.
struct Variable {
  const Json* value = nullptr;  // nullptr: undefined, any use is an error
  const SchemaNode* type = nullptr;
};

struct Input {
  Variable self;
  Variable old_self;
  bool old_self_is_optional = false;  // optionalOldSelf: true
};

// A parsed expression. Immutable and thread-safe.
class Program {
 public:
  // Refuses expressions longer than 16 KiB, deeper than 64, with an unknown name or function, and
  // with a bad constant pattern. Errors say the offset.
  static StatusOr<std::shared_ptr<const Program>> Compile(std::string_view expression);
  ~Program();

  bool uses_old_self() const { return uses_old_self_; }
  const std::string& expression() const { return expression_; }

  // `budget` is the number of steps left, counted down; at 0 the evaluation fails. Errors are CEL's
  // ("no such key: x", "divide by zero", …).
  StatusOr<bool> EvaluateBool(const Input& input, std::int64_t& budget) const;
  StatusOr<std::string> EvaluateString(const Input& input, std::int64_t& budget) const;

 private:
  Program();
  std::string expression_;
  std::unique_ptr<Node> root_;
  bool uses_old_self_ = false;
};

// Steps that one object's rules may use in all.
inline constexpr std::int64_t kObjectBudget = 2'000'000;

}  // namespace salve::apiserver::cel

#endif  // SALVE_PKG_APISERVER_CEL_H_
