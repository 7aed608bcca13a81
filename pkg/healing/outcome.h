// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_OUTCOME_H_
#define SALVE_PKG_HEALING_OUTCOME_H_

#include "pkg/healing/types.h"

namespace salve::healing {

// "Applied", "NotApplied", "Unknown"; as in the API.
const char* OutcomeName(ActionResult::Outcome outcome);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_OUTCOME_H_
