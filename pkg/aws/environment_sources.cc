// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/aws/credential_source.h"
#include "pkg/aws/sts.h"
#include "pkg/base/redact.h"

namespace salve::aws {
namespace {

class EnvironmentSource final : public CredentialSource {
 public:
  explicit EnvironmentSource(const Platform& platform) : platform_(platform) {}

  std::string name() const override { return "environment"; }

  StatusOr<Credentials> Fetch(const WaitOptions& /*wait*/) override {
    const auto id = EnvValue(platform_.env, "AWS_ACCESS_KEY_ID");
    const auto key = EnvValue(platform_.env, "AWS_SECRET_ACCESS_KEY");
    if (!id && !key) return NotConfigured("AWS_ACCESS_KEY_ID is not set");
    if (!id || !key) {
      return UnauthenticatedError(
          std::string("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together, but ") +
          (id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID") + " is not set");
    }
    RegisterSecret(*key);
    return Credentials{*id, *key, EnvValue(platform_.env, "AWS_SESSION_TOKEN").value_or(""),
                       std::nullopt};
  }

 private:
  const Platform platform_;
};

class WebIdentitySource final : public CredentialSource {
 public:
  WebIdentitySource(std::string region, const Platform& platform)
      : region_(std::move(region)), platform_(platform) {}

  std::string name() const override { return "web identity"; }

  StatusOr<Credentials> Fetch(const WaitOptions& wait) override {
    const auto file = EnvValue(platform_.env, "AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!file) return NotConfigured("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    const auto role = EnvValue(platform_.env, "AWS_ROLE_ARN");
    if (!role) {
      return UnauthenticatedError("AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
    }
    RoleRequest request;
    request.region = region_;
    request.role_arn = *role;
    request.session_name = EnvValue(platform_.env, "AWS_ROLE_SESSION_NAME").value_or("");
    return AssumeRoleWithWebIdentity(request, *file, wait, platform_);
  }

 private:
  const std::string region_;
  const Platform platform_;
};

}  // namespace

std::unique_ptr<CredentialSource> MakeEnvironmentSource(const Platform& platform) {
  return std::make_unique<EnvironmentSource>(platform);
}

std::unique_ptr<CredentialSource> MakeWebIdentitySource(const std::string& region,
                                                        const Platform& platform) {
  return std::make_unique<WebIdentitySource>(region, platform);
}

}  // namespace salve::aws
