// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/aws/credential_answer.h"
#include "pkg/aws/credential_source.h"
#include "pkg/aws/text.h"
#include "pkg/base/json_access.h"
#include "pkg/http/url.h"

namespace salve::aws {
namespace {

constexpr AnswerNames kNames{"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
constexpr Duration kTimeout = std::chrono::seconds(1);
constexpr const char* kTokenPath = "/latest/api/token";
constexpr const char* kRolesPath = "/latest/meta-data/iam/security-credentials/";
constexpr std::size_t kMaxRoleName = 256;

class InstanceMetadataSource final : public CredentialSource {
 public:
  explicit InstanceMetadataSource(const Platform& platform) : platform_(platform) {}

  std::string name() const override { return "instance metadata"; }

  StatusOr<Credentials> Fetch(const WaitOptions& wait) override {
    if (EnvFlag(platform_.env, "AWS_EC2_METADATA_DISABLED")) {
      return NotConfigured("AWS_EC2_METADATA_DISABLED is true");
    }
    SALVE_ASSIGN_OR_RETURN(const std::string base, BaseUrl());
    SALVE_ASSIGN_OR_RETURN(const std::string token, Token(base, wait));
    SALVE_ASSIGN_OR_RETURN(const std::string role, Role(base, token, wait));
    const std::string what = "instance metadata, role " + role;
    SALVE_ASSIGN_OR_RETURN(const http::Response response,
                           Get(what, base, kRolesPath + http::Escape(role), token, wait));
    if (response.status != 200) return AnswerError(what, response);
    const nlohmann::json answer = nlohmann::json::parse(response.body, nullptr, false);
    const std::string code = GetString(answer, {"Code"});
    if (!code.empty() && code != "Success") {
      return UnauthenticatedError(what + ": " + Quotable(code, 80));
    }
    return ReadCredentials(what, answer, kNames);
  }

 private:
  StatusOr<std::string> BaseUrl() const {
    if (const auto own = EnvValue(platform_.env, "AWS_EC2_METADATA_SERVICE_ENDPOINT")) {
      std::string base = *own;
      while (base.ends_with('/')) base.pop_back();
      const StatusOr<http::Url> url = http::ParseUrl(base);
      if (!url.ok()) return url.status().Annotate("AWS_EC2_METADATA_SERVICE_ENDPOINT");
      return base;
    }
    const std::string mode =
        Lower(EnvValue(platform_.env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").value_or("ipv4"));
    if (mode == "ipv4") return std::string("http://169.254.169.254");
    if (mode == "ipv6") return std::string("http://[fd00:ec2::254]");
    return InvalidArgumentError("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6");
  }

  // The session's token. A machine that does not answer is not one of EC2's: nothing is configured.
  StatusOr<std::string> Token(const std::string& base, const WaitOptions& wait) const {
    const std::string what = "instance metadata at " + base;
    http::Request request{"PUT", kTokenPath, {}, "", ""};
    request.headers.Set("X-aws-ec2-metadata-token-ttl-seconds", "21600");
    StatusOr<http::Response> response =
        Ask(what, base, std::move(request), kTimeout, wait, platform_);
    if (!response.ok()) {
      if (response.code() == Code::kCancelled) return response.status();
      return NotConfigured(what +
                           " does not answer within a second (not on EC2, or in a container "
                           "on an instance whose metadata hop limit is 1)");
    }
    if (response->status == 403 || response->status == 404 || response->status == 405) {
      return NotConfigured(what + " gives no IMDSv2 token (HTTP " +
                           std::to_string(response->status) + "); version 1 is not used");
    }
    if (response->status != 200) return AnswerError(what, *response);
    return CheckWord(what + ": the token", response->body, 4096);
  }

  StatusOr<std::string> Role(const std::string& base, const std::string& token,
                             const WaitOptions& wait) const {
    const std::string what = "instance metadata, roles";
    SALVE_ASSIGN_OR_RETURN(const http::Response response, Get(what, base, kRolesPath, token, wait));
    if (response.status == 404) return NotConfigured("the instance has no role");
    if (response.status != 200) return AnswerError(what, response);
    const std::string_view first = Trim(response.body);
    return CheckWord(what, std::string(first.substr(0, first.find('\n'))), kMaxRoleName);
  }

  StatusOr<http::Response> Get(const std::string& what, const std::string& base,
                               const std::string& path, const std::string& token,
                               const WaitOptions& wait) const {
    http::Request request{"GET", path, {{"X-aws-ec2-metadata-token", token}}, "", ""};
    return Ask(what, base, std::move(request), kTimeout, wait, platform_);
  }

  // One printable word: it goes into a header or a path.
  static StatusOr<std::string> CheckWord(const std::string& what, const std::string& text,
                                         std::size_t max_bytes) {
    const std::string word(Trim(text));
    const bool unfit =
        std::any_of(word.begin(), word.end(), [](char c) { return c <= ' ' || c == '\x7f'; });
    if (word.empty() || word.size() > max_bytes || unfit) {
      return UnauthenticatedError(what + ": the answer is not one word");
    }
    return word;
  }

  const Platform platform_;
};

}  // namespace

std::unique_ptr<CredentialSource> MakeInstanceMetadataSource(const Platform& platform) {
  return std::make_unique<InstanceMetadataSource>(platform);
}

}  // namespace salve::aws
