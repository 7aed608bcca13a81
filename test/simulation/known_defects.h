// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_TEST_SIMULATION_KNOWN_DEFECTS_H_
#define SALVE_TEST_SIMULATION_KNOWN_DEFECTS_H_

#include "test/simulation/run.h"

namespace salve::simulation {

// Something that the product is known to do wrong. Its worlds are counted and shown, and do not
// fail the run: so that whatever else breaks is seen. The list is there to become empty.
struct KnownDefect {
  const char* name;
  const char* what;                       // what is wrong and where
  const char* again;                      // the smallest world that shows it: salve-sim's arguments
  std::vector<Accident::What> accidents;  // one of them must be in the plan; empty: any at all
  const char* sentence;                   // part of a broken promise; "": whichever
  const char* life = "";                  // only in this one, even if nothing disturbs it
};

const std::vector<KnownDefect>& KnownDefects();

// The one that explains this ending; nullptr: none does, it is a failure. An undisturbed life has
// no excuse unless the defect is named for it.
const KnownDefect* ExplainedBy(const Plan& plan, const Ending& ending);

}  // namespace salve::simulation

#endif  // SALVE_TEST_SIMULATION_KNOWN_DEFECTS_H_
