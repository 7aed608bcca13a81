// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_TEST_SIMULATION_OPTIONS_H_
#define SALVE_TEST_SIMULATION_OPTIONS_H_

#include <cstdint>
#include <string>

#include "pkg/base/status.h"

namespace salve::simulation {

struct Options {
  bool help = false;
  bool list = false;
  bool trace = false;
  std::string life;         // only this one
  std::string plan;         // exactly these accidents
  std::uint64_t order = 0;  // with a plan: the order's seed
  int downtime_seconds = 0;
  std::uint64_t seed = 0;  // one world of this seed, or the first of `worlds`
  bool one_seed = false;
  std::int64_t worlds = 0;  // so many seeds after the exhaustive part
  int seconds = 0;          // no new world after that; 0: no limit
  int jobs = 1;
  int failures = 3;  // stop after so many
  bool only_seeds = false;
  bool quiet = false;
};

Status ParseOptions(int argc, char** argv, Options* options);
const char* Usage();

}  // namespace salve::simulation

#endif  // SALVE_TEST_SIMULATION_OPTIONS_H_
