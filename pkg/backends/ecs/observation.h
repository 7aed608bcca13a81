// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_OBSERVATION_H_
#define SALVE_PKG_BACKENDS_ECS_OBSERVATION_H_

#include <string>

#include "pkg/backends/ecs/view.h"
#include "pkg/base/clock.h"
#include "pkg/healing/types.h"

// From what was seen to the words of healing/types.h. Pure functions.
namespace salve::backends::ecs {

// `last_words`: what the container said whose task failed last; "" = nothing is known.
healing::TargetObservation Observation(const healing::TargetRef& ref, const Seen& seen,
                                       const std::string& last_words, WallTime now);
healing::TargetObservation MissingObservation(const healing::TargetRef& ref, const std::string& why,
                                              WallTime now);

// "<service's ARN>@<primary deployment's id> <family:revision>": every deployment is another one,
// tasks that come and go are not.
std::string IdentityOf(const Service& service);
// "<service's ARN>" of an identity.
std::string ArnOf(const std::string& identity);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_OBSERVATION_H_
