// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_LADDER_H_
#define SALVE_PKG_HEALING_LADDER_H_

#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/healing/types.h"

// Which step is next. Pure functions.
namespace salve::healing {

struct LadderChoice {
  // The step to propose; nullptr = escalate. Points into the `ladder` argument.
  const v1::Step* step = nullptr;
  std::string reason;   // CamelCase: StepChosen | EscalateStep | LadderExhausted | NoSuitableStep
  std::string message;  // for people
};

// From the step that the diagnosis chose, downwards, the first that has attempts left. Used up by:
// this incident's attempts, and records of earlier incidents on this target if it is the same
// problem (`earlier`, from EarlierAttempts). Attempts that were abandoned before they ran do not
// count.
LadderChoice ChooseStep(const std::vector<v1::Step>& ladder, const std::string& diagnosed_step,
                        const std::vector<v1::Attempt>& attempts,
                        const std::vector<v1::ActionRecord>& earlier);

// The records of other incidents that count against the ladder of this one: those of the run of
// relapses (each less than min_healthy_seconds after the fix before it) that ends at `onset`.
std::vector<v1::ActionRecord> EarlierAttempts(const std::vector<v1::ActionRecord>& records,
                                              const std::string& target_name,
                                              const std::string& incident_name, WallTime onset,
                                              std::int64_t min_healthy_seconds);

enum class AfterFailure { kNext, kRollback, kEscalate };
// What follows an attempt whose verification ended. kRollback only if the attempt stored an
// inverse and it has not been run. A fix that made things worse is rolled back whatever the step
// says.
AfterFailure DecideAfterFailure(const v1::Attempt& attempt, const v1::Step* step);

const v1::Step* FindStep(const std::vector<v1::Step>& ladder, const std::string& name);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_LADDER_H_
