// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/environment.h"

#include <cstdlib>
#include <utility>

#include "pkg/base/mutex.h"

namespace salve {
namespace {

struct Defaults {
  Mutex mu;
  std::map<std::string, std::string> values SALVE_GUARDED_BY(mu);
};

// Never destroyed: threads may still read while the process ends.
Defaults& TheDefaults() {
  static auto& defaults = *new Defaults;
  return defaults;
}

}  // namespace

std::optional<std::string> Variable(const std::string& name) {
  if (const char* value = std::getenv(name.c_str()); value != nullptr) return std::string(value);
  Defaults& defaults = TheDefaults();
  MutexLock lock(defaults.mu);
  const auto at = defaults.values.find(name);
  return at == defaults.values.end() ? std::nullopt : std::optional<std::string>(at->second);
}

std::optional<std::string> NonEmptyVariable(const std::string& name) {
  std::optional<std::string> value = Variable(name);
  return value && !value->empty() ? value : std::nullopt;
}

void SetVariableDefaults(std::map<std::string, std::string> values) {
  Defaults& defaults = TheDefaults();
  MutexLock lock(defaults.mu);
  defaults.values = std::move(values);
}

}  // namespace salve
