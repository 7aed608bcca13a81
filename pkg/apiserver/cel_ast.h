// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_CEL_AST_H_
#define SALVE_PKG_APISERVER_CEL_AST_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/cel_value.h"
#include "pkg/base/pattern.h"

// The tree between cel_parser.cc, which builds it, and cel_eval.cc, which walks it.
namespace salve::apiserver::cel {

struct Node;
struct Function;  // cel_functions.h

struct Node {
  enum class Kind : std::uint8_t {
    kLiteral,     // literal
    kIdentifier,  // name
    kSelect,      // args[0].name
    kHas,         // has(args[0].name)
    kIndex,       // args[0][args[1]]
    kCall,        // function(args…); a method's target is args[0]
    kList,        // [args…]
    kMap,         // {args[0]: args[1], …}
    kTernary,     // args[0] ? args[1] : args[2]
    kAnd,         // args[0] && args[1] && …
    kOr,
    kNot,
    kNegate,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kModulo,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kEqual,
    kNotEqual,
    kIn,
    // Macros over args[0] with the variable `name`; args[1] is the predicate or the first argument.
    kAll,
    kExists,
    kExistsOne,
    kFilter,
    kTransform,  // map(x, args[1]); with three arguments args[1] filters and args[2] transforms
    kOptMap,     // optional.optMap(x, args[1])
  };

  Kind kind = Kind::kLiteral;
  bool optional = false;  // a.?b, a[?b]
  int depth = 1;
  std::string name;
  std::unique_ptr<const Value> literal;  // kLiteral only: most nodes have none
  const Function* function = nullptr;
  std::optional<Pattern> pattern;  // a constant pattern of matches() and find(), compiled once
  std::vector<std::unique_ptr<Node>> args;
};

// Parses or explains with an offset. `uses_old_self` is set where oldSelf is mentioned.
StatusOr<std::unique_ptr<Node>> ParseExpression(std::string_view text, bool& uses_old_self);

// Evaluates; an error is a value of type kError.
Value Evaluate(const Node& node, const Input& input, std::int64_t& budget);

}  // namespace salve::apiserver::cel

#endif  // SALVE_PKG_APISERVER_CEL_AST_H_
