// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_OBSERVATION_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_OBSERVATION_H_

#include <string>

#include "pkg/backends/kubernetes/view.h"
#include "pkg/base/clock.h"
#include "pkg/healing/types.h"

// From what was seen to the words of healing/types.h. Pure functions.
namespace salve::backends::kubernetes {

healing::TargetObservation Observation(const healing::TargetRef& ref, const Seen& seen,
                                       WallTime now);
healing::TargetObservation MissingObservation(const healing::TargetRef& ref, WallTime now);

// "<uid>@<generation>"
std::string IdentityOf(const Seen& seen);

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_OBSERVATION_H_
