// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/sso.h"

#include <utility>

#include "pkg/aws/credential_answer.h"
#include "pkg/aws/endpoint.h"
#include "pkg/aws/service.h"
#include "pkg/aws/text.h"
#include "pkg/base/hash.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"
#include "pkg/http/url.h"

namespace salve::aws {
namespace {

constexpr AnswerNames kNames{"accessKeyId", "secretAccessKey", "sessionToken", "expiration"};
constexpr Service kPortal{"sso", "portal.sso", "awsssoportal", "SSO", Protocol::kJson11, "", ""};
constexpr Duration kTimeout = std::chrono::seconds(10);
constexpr std::size_t kMaxCacheFile = 256u << 10;

struct SsoSettings {
  std::string region;
  std::string account;
  std::string role;
  std::string cache_key;  // what the name of the cached token's file is the hash of
};

StatusOr<SsoSettings> ReadSettings(const std::string& profile, const SharedConfig& config) {
  Section section = config.profiles.at(profile);
  SsoSettings out;
  const std::string session = Setting(section, "sso_session");
  const std::string what = "profile " + profile;
  if (!session.empty()) {
    const auto at = config.sso_sessions.find(session);
    if (at == config.sso_sessions.end()) {
      return InvalidArgumentError(what + ": [sso-session " + Quotable(session, 80) +
                                  "] is not in " + config.where);
    }
    for (const auto& [name, value] : at->second) section[name] = value;
  }
  const auto need = [&](const char* name, std::string& into) -> Status {
    into = Setting(section, name);
    if (!into.empty()) return {};
    return InvalidArgumentError(what + ": " + name + " is missing for SSO");
  };
  std::string start_url;
  SALVE_RETURN_IF_ERROR(need("sso_account_id", out.account));
  SALVE_RETURN_IF_ERROR(need("sso_role_name", out.role));
  SALVE_RETURN_IF_ERROR(need("sso_region", out.region));
  SALVE_RETURN_IF_ERROR(need("sso_start_url", start_url));
  out.cache_key = session.empty() ? start_url : session;
  return out;
}

Status LogIn(const std::string& profile, const std::string& why) {
  return UnauthenticatedError("profile " + profile + ": " + why +
                              "; run: aws sso login --profile " + profile);
}

StatusOr<std::string> CachedToken(const std::string& profile, const SsoSettings& settings,
                                  const Platform& platform) {
  const std::string path = EnvValue(platform.env, "HOME").value_or("") + "/.aws/sso/cache/" +
                           Sha1Hex(settings.cache_key) + ".json";
  const StatusOr<std::string> text = platform.files->Read(path, kMaxCacheFile);
  if (!text.ok()) return LogIn(profile, "no SSO session (" + text.status().message() + ")");
  const nlohmann::json cached = nlohmann::json::parse(*text, nullptr, false);
  const std::string token = GetString(cached, {"accessToken"});
  const auto expires = ParseTime(GetString(cached, {"expiresAt"}));
  const bool unfit = token.empty() || token.find_first_of("\r\n") != std::string::npos;
  if (unfit || !expires) return LogIn(profile, path + " holds no SSO session");
  if (*expires <= platform.clock->Now()) {
    return LogIn(profile, "the SSO session expired at " + FormatTime(*expires));
  }
  return token;
}

}  // namespace

StatusOr<Credentials> SsoCredentials(const std::string& profile, const SharedConfig& config,
                                     const WaitOptions& wait, const Platform& platform) {
  SALVE_ASSIGN_OR_RETURN(const SsoSettings settings, ReadSettings(profile, config));
  SALVE_ASSIGN_OR_RETURN(std::string token, CachedToken(profile, settings, platform));
  EndpointOptions options;
  options.region = settings.region;
  SALVE_ASSIGN_OR_RETURN(const Endpoint endpoint, ResolveEndpoint(kPortal, options, platform.env));
  const http::Query query{{"role_name", settings.role}, {"account_id", settings.account}};
  const http::Request request{
      "GET",
      endpoint.path_prefix + "/federation/credentials?" + query.Encode(),
      {{"Host", endpoint.host}, {"x-amz-sso_bearer_token", std::move(token)}},
      "",
      ""};
  const std::string what = "profile " + profile + ", SSO role " + Quotable(settings.role, 80) +
                           " in account " + Quotable(settings.account, 20);
  SALVE_ASSIGN_OR_RETURN(const http::Response response,
                         Ask(what, endpoint.base_url, request, kTimeout, wait, platform));
  if (response.status == 401) return LogIn(profile, "the SSO session is no longer accepted");
  if (response.status != 200) return AnswerError(what, response);
  const nlohmann::json answer = nlohmann::json::parse(response.body, nullptr, false);
  const nlohmann::json* role = Find(answer, {"roleCredentials"});
  return ReadCredentials(what, role == nullptr ? nlohmann::json() : *role, kNames);
}

}  // namespace salve::aws
