// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/ecs_account.h"

#include <chrono>
#include <utility>

#include "controller/runtime/aws_account.h"

#include "pkg/backends/ecs/api.h"
#include "pkg/backends/ecs/ecs_backend.h"

namespace salve::runtime {

StatusOr<std::unique_ptr<backends::Backend>> MakeEcsAccount(
    const apis::config::v1alpha1::BackendConfiguration& configuration,
    const aws::Platform& platform) {
  const auto& ecs = *configuration.ecs;
  SALVE_ASSIGN_OR_RETURN(
      const AwsAccount account,
      MakeAwsAccount({"ecs.region", ecs.region, ecs.profile, ecs.role_arn}, platform));
  backends::ecs::AwsApiOptions api;
  api.region = account.region;
  api.endpoint = ecs.endpoint;
  api.credentials = account.credentials;
  api.platform = platform;
  backends::ecs::EcsOptions options;
  options.name = configuration.name;
  options.region = account.region;
  options.clock = platform.clock;
  options.poll_period = std::chrono::seconds(ecs.poll_seconds);
  auto made = backends::ecs::MakeAwsApi(api);
  if (!made.ok()) return made.status().Annotate("ecs.endpoint");
  options.api = std::move(made).value();
  return backends::ecs::MakeEcsBackend(std::move(options));
}

}  // namespace salve::runtime
