// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/credential_chain.h"

#include <utility>
#include <vector>

#include "pkg/aws/config_file.h"
#include "pkg/aws/credential_source.h"
#include "pkg/aws/endpoint.h"
#include "pkg/aws/text.h"
#include "pkg/base/log.h"

namespace salve::aws {
namespace {

constexpr const char* kNotConfigured = "NotConfigured";

class ChainSource final : public CredentialSource {
 public:
  explicit ChainSource(std::vector<std::unique_ptr<CredentialSource>> sources)
      : sources_(std::move(sources)) {}

  std::string name() const override { return chosen_ ? chosen_->name() : "any source"; }

  StatusOr<Credentials> Fetch(const WaitOptions& wait) override {
    if (chosen_ != nullptr) {
      StatusOr<Credentials> got = chosen_->Fetch(wait);
      return got.ok() ? std::move(got) : Failed(*chosen_, got.status());
    }
    std::string tried;
    for (const auto& source : sources_) {
      StatusOr<Credentials> got = source->Fetch(wait);
      if (got.ok()) {
        chosen_ = source.get();
        Log(Severity::kInfo, "AWS credentials found", {{"source", chosen_->name()}});
        return got;
      }
      if (!IsNotConfigured(got.status())) {
        return Failed(*source, got.status())
            .Annotate(tried.empty() ? "AWS identity" : "AWS identity (" + tried + ")");
      }
      if (!tried.empty()) tried += "; ";
      tried += source->name() + ": " + got.status().message();
    }
    return NotConfigured("no AWS credentials are configured; tried " + tried);
  }

 private:
  // To the caller kNotFound means that nothing is configured, and here something is.
  static Status Failed(const CredentialSource& source, const Status& status) {
    const Status annotated = status.Annotate(source.name());
    if (annotated.code() != Code::kNotFound) return annotated;
    const Code code = IsNotConfigured(status) ? Code::kUnavailable : Code::kUnauthenticated;
    return {code, annotated.message()};
  }

  const std::vector<std::unique_ptr<CredentialSource>> sources_;
  CredentialSource* chosen_ = nullptr;
};

// A region for STS, if one is known; without one only roles fail, and say so.
std::string RegionOf(const ChainOptions& options, const Platform& platform) {
  if (!options.region.empty()) return options.region;
  return ResolveRegion(options.profile, platform).value_or("");
}

}  // namespace

Status NotConfigured(std::string why) {
  return NotFoundError(std::move(why)).WithReason(kNotConfigured);
}

bool IsNotConfigured(const Status& status) {
  return status.code() == Code::kNotFound && status.reason() == kNotConfigured;
}

std::unique_ptr<CredentialsProvider> MakeCredentialChain(const ChainOptions& options,
                                                         const Platform& platform) {
  const std::string region = RegionOf(options, platform);
  std::vector<std::unique_ptr<CredentialSource>> sources;
  if (options.profile.empty()) {
    sources.push_back(MakeEnvironmentSource(platform));
    sources.push_back(MakeWebIdentitySource(region, platform));
  }
  sources.push_back(MakeProfileSource(options.profile, region, platform));
  if (options.profile.empty()) {
    sources.push_back(MakeContainerSource(platform));
    sources.push_back(MakeInstanceMetadataSource(platform));
  }
  return MakeRefreshingProvider(std::make_unique<ChainSource>(std::move(sources)), *platform.clock);
}

StatusOr<std::string> ResolveRegion(const std::string& profile, const Platform& platform) {
  const auto checked = [](const std::string& region,
                          const std::string& where) -> StatusOr<std::string> {
    if (IsRegionName(region)) return region;
    return InvalidArgumentError(where + ": \"" + Quotable(region, 80) +
                                "\" is no AWS region (like eu-west-1)");
  };
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (const auto region = EnvValue(platform.env, name)) return checked(*region, name);
  }
  SALVE_ASSIGN_OR_RETURN(const SharedConfig config, LoadSharedConfig(platform));
  const std::string chosen = profile.empty() ? DefaultProfile(platform.env) : profile;
  const auto at = config.profiles.find(chosen);
  const std::string region = at == config.profiles.end() ? "" : Setting(at->second, "region");
  if (!region.empty()) return checked(region, "profile " + chosen);
  return NotFoundError(
      "no AWS region is configured: AWS_REGION and AWS_DEFAULT_REGION are not set, "
      "and profile " +
      Quotable(chosen, 80) + " in " + config.where + " has none");
}

}  // namespace salve::aws
