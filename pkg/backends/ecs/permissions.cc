// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/permissions.h"

namespace salve::backends::ecs {

const std::vector<const Permission*>& Permissions() {
  static const auto* all = new std::vector<const Permission*>{&kDescribeServices,
                                                              &kListTasks,
                                                              &kDescribeTasks,
                                                              &kDescribeTaskDefinition,
                                                              &kFilterLogEvents,
                                                              &kUpdateService,
                                                              &kStopTask,
                                                              &kListTaskDefinitions,
                                                              &kRegisterTaskDefinition,
                                                              &kDescribeScalableTargets,
                                                              &kDescribeTargetHealth,
                                                              &kListServiceDeployments,
                                                              &kDescribeServiceRevisions};
  return *all;
}

std::string RightName(const Permission& permission) {
  return std::string(permission.service->name) + ":" + std::string(permission.operation.name);
}

}  // namespace salve::backends::ecs
