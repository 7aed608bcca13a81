// SPDX-License-Identifier: Apache-2.0
// salve-sim: worlds in which things go wrong, by the thousand. See Usage().
#include <cstdio>
#include <exception>

#include "test/simulation/explore.h"
#include "test/simulation/options.h"

#include "pkg/base/log.h"

int main(int argc, char** argv) {
  namespace simulation = salve::simulation;
  simulation::Options options;
  if (const salve::Status parsed = simulation::ParseOptions(argc, argv, &options); !parsed.ok()) {
    std::fprintf(stderr, "salve-sim: %s\n%s", parsed.message().c_str(), simulation::Usage());
    return 2;
  }
  if (options.help) {
    std::fputs(simulation::Usage(), stdout);
    return 0;
  }
  // The controllers' logs go nowhere.
  salve::SetLogWriterForTest([](std::string_view) {});
  salve::SetLogLevel(static_cast<salve::Severity>(static_cast<int>(salve::Severity::kError) + 1));
  try {
    return simulation::Explore(options) ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "salve-sim: %s\n", e.what());
    return 1;
  }
}
