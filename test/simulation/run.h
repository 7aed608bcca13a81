// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_TEST_SIMULATION_RUN_H_
#define SALVE_TEST_SIMULATION_RUN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "test/simulation/life.h"

namespace salve::simulation {

// One world, in full: the same plan gives the same history, byte for byte.
struct Plan {
  const Life* life = nullptr;
  std::vector<Accident> accidents;
  // 0: everything in its plain order. Otherwise the order is the seed's, and so are delays.
  std::uint64_t seed = 0;
  int downtime_seconds = 0;  // how long a dead controller stays away
};
// The arguments of salve-sim that make this world.
std::string Arguments(const Plan& plan);

// What became of it.
struct Ending {
  // Broken promises; empty if all is well.
  std::vector<std::string> broken;
  // What anybody can see in the end, without what may differ between two good histories.
  std::vector<std::string> state;
  std::vector<std::string> incidents;  // "policy/target outcome", oldest first
  std::map<Accident::Where, int> points;
  int struck = 0;
  int crashes = 0;
  std::uint64_t fingerprint = 0;
  std::vector<std::string> trace;  // if asked for
  std::string story;               // if asked for, or if something is broken
};

Ending Live(const Plan& plan, bool trace = false);

// Lives the plan and judges its end by that of the undisturbed life. `reference` must be Live() of
// the life without accidents.
Ending Judge(const Plan& plan, const Ending& reference, bool trace = false);

}  // namespace salve::simulation

#endif  // SALVE_TEST_SIMULATION_RUN_H_
