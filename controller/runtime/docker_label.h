// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_DOCKER_LABEL_H_
#define SALVE_CONTROLLER_RUNTIME_DOCKER_LABEL_H_

#include <string>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/status.h"
#include "pkg/client/client.h"

namespace salve::runtime {

// The policy behind `--docker-label KEY=VALUE`: restart what its health check calls unhealthy and
// start what crashed, side by side, never what somebody stopped, with a budget and a breaker per
// container. kInvalidArgument if `label` is not KEY=VALUE.
StatusOr<apis::salve::v1alpha1::HealingPolicy> PolicyForLabel(const std::string& label);

// Creates it where it is not there. An existing one is left as it is: the user may have edited it.
Status EnsurePolicyForLabel(const std::string& label, client::Client& client);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_DOCKER_LABEL_H_
