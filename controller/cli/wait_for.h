// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_WAIT_FOR_H_
#define SALVE_CONTROLLER_CLI_WAIT_FOR_H_

#include <optional>
#include <string>

#include "controller/cli/jsonpath.h"

namespace salve::cli {

// What `salve wait --for` waits for: "condition=TYPE[=VALUE]", "jsonpath=PATH[=VALUE]", "create",
// "delete". Value type, immutable.
class WaitFor {
 public:
  static StatusOr<WaitFor> Parse(const std::string& text);

  // Whether it holds for the object; nullptr: there is none. A condition that was observed on an
  // older generation of the object does not count.
  bool Holds(const Json* object) const;
  // An object that is not there yet may still come.
  bool waits_for_creation() const { return kind_ == Kind::kCreate; }
  const std::string& text() const { return text_; }

 private:
  enum class Kind { kCondition, kJsonPath, kCreate, kDelete };
  Kind kind_ = Kind::kCondition;
  std::string text_;
  std::string type_;  // kCondition
  std::optional<std::string>
      value_;  // kCondition: "True" if not given; kJsonPath: nullopt = anything
  std::optional<JsonPath> path_;
};

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_WAIT_FOR_H_
