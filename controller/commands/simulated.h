// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_COMMANDS_SIMULATED_H_
#define SALVE_CONTROLLER_COMMANDS_SIMULATED_H_

#include <string>

#include "controller/runtime/simulate.h"

namespace salve::commands {

// What would happen to one target, gates included, for a terminal (escaped).
std::string SimulatedText(const apis::salve::v1alpha1::HealingPolicy& policy,
                          const runtime::SimulatedTarget& target);

}  // namespace salve::commands

#endif  // SALVE_CONTROLLER_COMMANDS_SIMULATED_H_
