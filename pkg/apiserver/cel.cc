// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/cel.h"

#include "pkg/apiserver/cel_ast.h"

namespace salve::apiserver::cel {
namespace {

constexpr std::size_t kMaxExpressionBytes = 16 * 1024;

Status EvaluationError(const Value& value, const char* wanted) {
  if (value.is_error()) return InvalidArgumentError(value.text());
  return InvalidArgumentError("the expression yields " + value.TypeText() + ", not " + wanted);
}

}  // namespace

Program::Program() = default;
Program::~Program() = default;

StatusOr<std::shared_ptr<const Program>> Program::Compile(std::string_view expression) {
  if (expression.size() > kMaxExpressionBytes) {
    return InvalidArgumentError("CEL expression: longer than " +
                                std::to_string(kMaxExpressionBytes) + " bytes");
  }
  std::shared_ptr<Program> program(new Program());
  program->expression_ = std::string(expression);
  auto root = ParseExpression(expression, program->uses_old_self_);
  if (!root.ok()) return root.status();
  program->root_ = std::move(root).value();
  return std::shared_ptr<const Program>(std::move(program));
}

StatusOr<bool> Program::EvaluateBool(const Input& input, std::int64_t& budget) const {
  const Value value = Evaluate(*root_, input, budget);
  if (!value.is(Value::Type::kBool)) return EvaluationError(value, "bool");
  return value.boolean();
}

StatusOr<std::string> Program::EvaluateString(const Input& input, std::int64_t& budget) const {
  const Value value = Evaluate(*root_, input, budget);
  if (!value.is(Value::Type::kString)) return EvaluationError(value, "string");
  return value.text();
}

}  // namespace salve::apiserver::cel
