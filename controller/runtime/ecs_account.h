// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_ECS_ACCOUNT_H_
#define SALVE_CONTROLLER_RUNTIME_ECS_ACCOUNT_H_

#include <memory>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/aws/platform.h"
#include "pkg/backends/backend.h"
#include "pkg/base/status.h"

namespace salve::runtime {

// The account and region that an ecs backend of the configuration names, with the credentials of
// `platform`'s surroundings. kInvalidArgument names the field: no region is to be found, an
// endpoint that cannot be used. Credentials that are missing or refused are no error here
// (Available() tells). What `platform` points to outlives the backend.
StatusOr<std::unique_ptr<backends::Backend>> MakeEcsAccount(
    const apis::config::v1alpha1::BackendConfiguration& configuration,
    const aws::Platform& platform);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_ECS_ACCOUNT_H_
