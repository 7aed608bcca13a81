// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/results.h"

#include <utility>

namespace salve::backends {
namespace {

using healing::ActionResult;

ActionResult Result(ActionResult::Outcome outcome, std::string message) {
  ActionResult result;
  result.outcome = outcome;
  result.message = std::move(message);
  return result;
}

}  // namespace

ActionResult Applied(std::string message) {
  return Result(ActionResult::Outcome::kApplied, std::move(message));
}
ActionResult NotApplied(std::string message) {
  return Result(ActionResult::Outcome::kNotApplied, std::move(message));
}
ActionResult Unknown(std::string message) {
  return Result(ActionResult::Outcome::kUnknown, std::move(message));
}

bool MayHaveBeenDone(Code code) {
  return code == Code::kDeadlineExceeded || code == Code::kAborted || code == Code::kCancelled ||
         code == Code::kInternal;
}

}  // namespace salve::backends
