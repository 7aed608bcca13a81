// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/aws_account.h"

#include <utility>

#include "pkg/aws/credential_chain.h"
#include "pkg/aws/credential_source.h"
#include "pkg/aws/sts.h"

namespace salve::runtime {
namespace {

// A role, assumed with what another provider gives.
class RoleSource final : public aws::CredentialSource {
 public:
  RoleSource(aws::RoleRequest role, std::shared_ptr<aws::CredentialsProvider> inner,
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
  const std::shared_ptr<aws::CredentialsProvider> inner_;
  const aws::Platform platform_;
};

}  // namespace

aws::Platform AwsPlatform(Clock& clock, Random& random) {
  aws::Platform platform = aws::SystemPlatform();
  platform.clock = &clock;
  platform.random = &random;
  return platform;
}

StatusOr<AwsAccount> MakeAwsAccount(const AwsAccountOptions& options,
                                    const aws::Platform& platform) {
  AwsAccount account;
  account.region = options.region;
  if (account.region.empty()) {
    const auto found = aws::ResolveRegion(options.profile, platform);
    if (!found.ok()) {
      return InvalidArgumentError(options.region_field + " is not set, and neither is any other: " +
                                  found.status().message());
    }
    account.region = *found;
  }
  account.credentials = aws::MakeCredentialChain({options.profile, account.region}, platform);
  if (options.role_arn.empty()) return account;
  aws::RoleRequest role;
  role.region = account.region;
  role.role_arn = options.role_arn;
  account.credentials = aws::MakeRefreshingProvider(
      std::make_unique<RoleSource>(std::move(role), std::move(account.credentials), platform),
      *platform.clock);
  return account;
}

}  // namespace salve::runtime
