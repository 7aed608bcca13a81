// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <set>
#include <utility>

#include "pkg/aws/config_file.h"
#include "pkg/aws/credential_source.h"
#include "pkg/aws/sso.h"
#include "pkg/aws/sts.h"
#include "pkg/aws/text.h"
#include "pkg/base/redact.h"

namespace salve::aws {
namespace {

constexpr int kMinSession = 900;
constexpr int kMaxSession = 43'200;

// One walk through the profiles of one reading of the files.
class ProfileWalk {
 public:
  ProfileWalk(const SharedConfig& config, std::string region, const WaitOptions& wait,
              const Platform& platform)
      : config_(config), region_(std::move(region)), wait_(wait), platform_(platform) {}

  StatusOr<Credentials> Resolve(const std::string& profile) {
    const auto at = config_.profiles.find(profile);
    if (at == config_.profiles.end()) {
      return InvalidArgumentError("profile " + Quotable(profile, 80) + " is in neither of " +
                                  config_.where);
    }
    const Section& section = at->second;
    if (!visited_.insert(profile).second) {
      return InvalidArgumentError("profile " + profile + ": source_profile leads back to it");
    }
    if (!Setting(section, "role_arn").empty()) return Role(profile, section);
    if (!Setting(section, "sso_account_id").empty() || !Setting(section, "sso_session").empty()) {
      return SsoCredentials(profile, config_, wait_, platform_);
    }
    return Keys(profile, section);
  }

 private:
  StatusOr<Credentials> Role(const std::string& profile, const Section& section) {
    const std::string what = "profile " + profile;
    if (!Setting(section, "mfa_serial").empty()) {
      return UnimplementedError(what +
                                ": mfa_serial needs a person at every session; use a role "
                                "without it for Salve");
    }
    RoleRequest role;
    role.role_arn = Setting(section, "role_arn");
    role.session_name = Setting(section, "role_session_name");
    role.external_id = Setting(section, "external_id");
    role.region = Setting(section, "region");
    if (role.region.empty()) role.region = region_;
    SALVE_RETURN_IF_ERROR(ReadDuration(what, section, role));
    if (const std::string file = Setting(section, "web_identity_token_file"); !file.empty()) {
      StatusOr<Credentials> got = AssumeRoleWithWebIdentity(role, file, wait_, platform_);
      return got.ok() ? std::move(got) : got.status().Annotate(what);
    }
    const StatusOr<Credentials> signer = Signer(profile, section);
    if (!signer.ok()) return signer.status().Annotate(what);
    StatusOr<Credentials> got = AssumeRole(role, *signer, wait_, platform_);
    return got.ok() ? std::move(got) : got.status().Annotate(what);
  }

  static Status ReadDuration(const std::string& what, const Section& section, RoleRequest& role) {
    const std::string text = Setting(section, "duration_seconds");
    if (text.empty()) return {};
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), role.duration_seconds);
    if (error == std::errc() && end == text.data() + text.size() &&
        role.duration_seconds >= kMinSession && role.duration_seconds <= kMaxSession) {
      return {};
    }
    return InvalidArgumentError(what + ": duration_seconds is not in 900–43200");
  }

  // Whose keys ask for the role.
  StatusOr<Credentials> Signer(const std::string& profile, const Section& section) {
    const std::string source = Setting(section, "source_profile");
    if (source == profile) return Keys(profile, section);  // Its own keys, beside its own role.
    if (!source.empty()) return Resolve(source);
    const std::string kind = Setting(section, "credential_source");
    if (kind == "Environment") return MakeEnvironmentSource(platform_)->Fetch(wait_);
    if (kind == "EcsContainer") return MakeContainerSource(platform_)->Fetch(wait_);
    if (kind == "Ec2InstanceMetadata") return MakeInstanceMetadataSource(platform_)->Fetch(wait_);
    return InvalidArgumentError(kind.empty()
                                    ? "role_arn needs source_profile, credential_source or "
                                      "web_identity_token_file"
                                    : "credential_source is none of Environment, EcsContainer, "
                                      "Ec2InstanceMetadata");
  }

  StatusOr<Credentials> Keys(const std::string& profile, const Section& section) {
    const std::string id = Setting(section, "aws_access_key_id");
    const std::string key = Setting(section, "aws_secret_access_key");
    if (!id.empty() && !key.empty()) {
      RegisterSecret(key);
      return Credentials{id, key, Setting(section, "aws_session_token"), std::nullopt};
    }
    if (!id.empty() || !key.empty()) {
      return UnauthenticatedError("profile " + profile +
                                  ": aws_access_key_id and aws_secret_access_key belong together, "
                                  "but only one is there");
    }
    if (!Setting(section, "credential_process").empty()) {
      return UnimplementedError("profile " + profile +
                                ": credential_process is not supported: Salve runs no program that "
                                "a file names; use a role, SSO or keys");
    }
    return NotConfigured("profile " + profile + " in " + config_.where + " has no credentials");
  }

  const SharedConfig& config_;
  const std::string region_;
  const WaitOptions wait_;
  const Platform& platform_;
  std::set<std::string> visited_;
};

class ProfileSource final : public CredentialSource {
 public:
  ProfileSource(std::string profile, std::string region, const Platform& platform)
      : profile_(std::move(profile)), region_(std::move(region)), platform_(platform) {}

  std::string name() const override { return "profile"; }

  StatusOr<Credentials> Fetch(const WaitOptions& wait) override {
    SALVE_ASSIGN_OR_RETURN(const SharedConfig config, LoadSharedConfig(platform_));
    const std::string profile = profile_.empty() ? DefaultProfile(platform_.env) : profile_;
    // Only a profile that nobody asked for may be missing.
    if (profile == "default" && config.profiles.count(profile) == 0) {
      return NotConfigured("there is no profile in " + config.where);
    }
    return ProfileWalk(config, region_, wait, platform_).Resolve(profile);
  }

 private:
  const std::string profile_;
  const std::string region_;
  const Platform platform_;
};

}  // namespace

std::unique_ptr<CredentialSource> MakeProfileSource(const std::string& profile,
                                                    const std::string& region,
                                                    const Platform& platform) {
  return std::make_unique<ProfileSource>(profile, region, platform);
}

}  // namespace salve::aws
