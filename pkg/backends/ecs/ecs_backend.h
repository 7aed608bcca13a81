// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_ECS_BACKEND_H_
#define SALVE_PKG_BACKENDS_ECS_ECS_BACKEND_H_

#include <chrono>
#include <memory>
#include <string>

#include "pkg/backends/backend.h"
#include "pkg/backends/ecs/api.h"
#include "pkg/base/clock.h"

namespace salve::backends::ecs {

struct EcsOptions {
  std::string name = "aws";
  std::string region;        // required; what the Api speaks to
  std::unique_ptr<Api> api;  // required
  Clock* clock = nullptr;    // required; outlives the backend
  // How often a service that a policy names is looked at. The rate of calls is bounded all the
  // same: more services than it allows are looked at less often.
  Duration poll_period = std::chrono::seconds(10);
};

// The services of one account of Amazon ECS in one region as targets, kind "Service", named
// "CLUSTER/SERVICE". Only those that a policy has asked for by Resolve() are looked at. The rights
// that it needs are those of permissions.h; Available() and each error name the one that is
// missing.
std::unique_ptr<Backend> MakeEcsBackend(EcsOptions options);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_ECS_BACKEND_H_
