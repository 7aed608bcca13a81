// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_ENVIRONMENT_H_
#define SALVE_PKG_BASE_ENVIRONMENT_H_

#include <map>
#include <optional>
#include <string>

// The variables that configure this process: those that it was started with and, where one is not
// set there, those that a source of configuration gave at the start (a file, a secret store). The
// process's own environment is never written: other threads may be reading it.
namespace salve {

// nullopt if neither has it; one that is set to nothing is "". Thread-safe.
std::optional<std::string> Variable(const std::string& name);

// The same, where one that is set to nothing counts as not set.
std::optional<std::string> NonEmptyVariable(const std::string& name);

// What counts where the process's environment has no such variable, instead of what was given
// before. Thread-safe; meant to be called once, before anything reads variables.
void SetVariableDefaults(std::map<std::string, std::string> values);

}  // namespace salve

#endif  // SALVE_PKG_BASE_ENVIRONMENT_H_
