// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/results.h"

#include <algorithm>

#include "controller/commands/exit_codes.h"

namespace salve::cli {

void DeclareOutput(Command& command, std::string& output) {
  command.Option("-o,--output", output, "json, yaml, name or jsonpath=TEMPLATE; default text");
}

StatusOr<Results> Results::Make(const std::string& output) {
  SALVE_ASSIGN_OR_RETURN(OutputFormat format, ParseOutput(output));
  if (format.kind == OutputFormat::Kind::kWide) {
    return InvalidArgumentError("-o: wide is for get; here json, yaml, name or jsonpath=TEMPLATE");
  }
  return Results(std::move(format));
}

void Results::Add(const std::string& line, const std::string& name, Json value) {
  if (text()) {
    Print(line);
  } else if (format_.kind == OutputFormat::Kind::kName) {
    Print(name + "\n");
  } else {
    values_.push_back(std::move(value));
  }
}

int Results::Finish(int exit_code, bool list) {
  if (text() || format_.kind == OutputFormat::Kind::kName) return exit_code;
  // Nothing was done, and why is on stderr.
  if (values_.empty() && exit_code != commands::kExitOk) return exit_code;
  Json value;
  const bool objects = std::all_of(values_.begin(), values_.end(),
                                   [](const Json& one) { return one.contains("kind"); });
  if (values_.size() == 1 && !list) {
    value = std::move(values_[0]);
  } else if (objects && !list) {
    value = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(values_)}};
  } else {
    value = std::move(values_);
  }
  if (!Print(FormatObject(format_, std::move(value)))) return commands::kExitFailure;
  return exit_code;
}

}  // namespace salve::cli
