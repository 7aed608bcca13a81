// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/ecs_account.h"

#include <chrono>
#include <utility>

#include "pkg/aws/credential_chain.h"
#include "pkg/aws/credential_source.h"
#include "pkg/aws/sts.h"
#include "pkg/backends/ecs/api.h"
#include "pkg/backends/ecs/ecs_backend.h"

namespace salve::runtime {
namespace {

// A role, assumed with what another provider gives.
class RoleSource final : public aws::CredentialSource {
 public:
  RoleSource(aws::RoleRequest role, std::unique_ptr<aws::CredentialsProvider> inner,
             aws::Platform platform)
      : role_(std::move(role)), inner_(std::move(inner)), platform_(std::move(platform)) {}

  std::string name() const override { return "role " + role_.role_arn; }

  StatusOr<aws::Credentials> Fetch(const aws::WaitOptions& wait) override {
    SALVE_ASSIGN_OR_RETURN(const aws::Credentials signer, inner_->Get(wait));
    auto assumed = aws::AssumeRole(role_, signer, wait, platform_);
    if (assumed.code() == Code::kUnauthenticated) inner_->Reject(signer);
    return assumed;
  }

 private:
  const aws::RoleRequest role_;
  const std::unique_ptr<aws::CredentialsProvider> inner_;
  const aws::Platform platform_;
};

std::shared_ptr<aws::CredentialsProvider> MakeCredentials(
    const apis::config::v1alpha1::EcsBackend& ecs, const std::string& region,
    const aws::Platform& platform) {
  auto chain = aws::MakeCredentialChain({ecs.profile, region}, platform);
  if (ecs.role_arn.empty()) return chain;
  aws::RoleRequest role;
  role.region = region;
  role.role_arn = ecs.role_arn;
  return aws::MakeRefreshingProvider(
      std::make_unique<RoleSource>(std::move(role), std::move(chain), platform), *platform.clock);
}

}  // namespace

StatusOr<std::unique_ptr<backends::Backend>> MakeEcsAccount(
    const apis::config::v1alpha1::BackendConfiguration& configuration,
    const aws::Platform& platform) {
  const auto& ecs = *configuration.ecs;
  std::string region = ecs.region;
  if (region.empty()) {
    const auto found = aws::ResolveRegion(ecs.profile, platform);
    if (!found.ok()) {
      return InvalidArgumentError("ecs.region is not set, and neither is any other: " +
                                  found.status().message());
    }
    region = *found;
  }
  backends::ecs::AwsApiOptions api;
  api.region = region;
  api.endpoint = ecs.endpoint;
  api.credentials = MakeCredentials(ecs, region, platform);
  api.platform = platform;
  backends::ecs::EcsOptions options;
  options.name = configuration.name;
  options.region = region;
  options.clock = platform.clock;
  options.poll_period = std::chrono::seconds(ecs.poll_seconds);
  auto made = backends::ecs::MakeAwsApi(api);
  if (!made.ok()) return made.status().Annotate("ecs.endpoint");
  options.api = std::move(made).value();
  return backends::ecs::MakeEcsBackend(std::move(options));
}

}  // namespace salve::runtime
