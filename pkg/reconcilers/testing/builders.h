// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_TESTING_BUILDERS_H_
#define SALVE_PKG_RECONCILERS_TESTING_BUILDERS_H_

#include <string>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"

namespace salve::reconcilers::testing {

namespace v1 = apis::salve::v1alpha1;

inline constexpr char kNs[] = "shop";
inline constexpr char kController[] = "system:serviceaccount:salve-system:salve-controller";

// Valid objects, changed by the test where it matters.

// Auto; container `container` of backend docker; probe "health"; ladder restart (rule "ill"),
// human. Limits out of the way where a test does not ask for them.
v1::HealingPolicy MakePolicy(const std::string& name = "redis",
                             const std::string& container = "redis-1");
v1::Step MakeStep(const std::string& name, v1::Action action);
v1::Step HumanStep();
v1::Action Restart();
v1::Action MoreMemory();
v1::Action Stop();
v1::Action Flush();

}  // namespace salve::reconcilers::testing

#endif  // SALVE_PKG_RECONCILERS_TESTING_BUILDERS_H_
