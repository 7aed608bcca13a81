// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_RESULTS_H_
#define SALVE_CONTROLLER_CLI_RESULTS_H_

#include <string>
#include <vector>

#include "controller/cli/command.h"
#include "controller/cli/output.h"

namespace salve::cli {

// Declares -o for a command that prints results: json, yaml, name or jsonpath=TEMPLATE.
void DeclareOutput(Command& command, std::string& output);

// What a command that does something prints: for a person a line at once, for a program (-o json,
// yaml, jsonpath) the values at the end. Not thread-safe.
class Results {
 public:
  // `output` as it was typed; kInvalidArgument for what -o cannot be here.
  static StatusOr<Results> Make(const std::string& output);

  // Whether a person reads.
  bool text() const { return format_.table(); }
  // `name` is what -o name prints: "incident.salve.dev/redis-1".
  void Add(const std::string& line, const std::string& name, Json value);
  // Prints what was kept: one value as it is, several as a List (of objects) or an array. With
  // `list` also one value. Returns `exit_code`, or that of a failed write.
  int Finish(int exit_code, bool list = false);

 private:
  explicit Results(OutputFormat format) : format_(std::move(format)) {}

  OutputFormat format_;
  Json values_ = Json::array();
};

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_RESULTS_H_
