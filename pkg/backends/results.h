// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_RESULTS_H_
#define SALVE_PKG_BACKENDS_RESULTS_H_

#include <string>

#include "pkg/base/status.h"
#include "pkg/healing/types.h"

// What became of an action, in the words that all backends share. Pure functions.
namespace salve::backends {

healing::ActionResult Applied(std::string message);
healing::ActionResult NotApplied(std::string message);
healing::ActionResult Unknown(std::string message);

// Whether a call that failed with this code may have been carried out all the same.
bool MayHaveBeenDone(Code code);

}  // namespace salve::backends

#endif  // SALVE_PKG_BACKENDS_RESULTS_H_
