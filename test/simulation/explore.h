// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_TEST_SIMULATION_EXPLORE_H_
#define SALVE_TEST_SIMULATION_EXPLORE_H_

#include "test/simulation/options.h"
#include "test/simulation/run.h"

namespace salve::simulation {

// Does what the options ask for and prints it. True if no promise was broken.
bool Explore(const Options& options);

}  // namespace salve::simulation

#endif  // SALVE_TEST_SIMULATION_EXPLORE_H_
