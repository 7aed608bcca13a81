// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_app.h"

#include "pkg/base/base64.h"
#include "pkg/base/crypto_sign.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"

namespace salve::notify {
namespace {

using nlohmann::json;

constexpr std::chrono::minutes kClocksDiffer{1};
constexpr std::chrono::minutes kGoodFor{9};  // GitHub takes ten at most

std::string Base64Url(std::string_view bytes) {
  std::string out = Base64Encode(bytes);
  while (!out.empty() && out.back() == '=') out.pop_back();
  for (char& c : out) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return out;
}

std::int64_t Seconds(WallTime t) {
  return std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
}

}  // namespace

StatusOr<std::string> GithubAppJwt(std::int64_t app, const std::string& private_key_pem,
                                   WallTime now) {
  const json header = {{"alg", "RS256"}, {"typ", "JWT"}};
  const json claims = {{"iat", Seconds(now - kClocksDiffer)},
                       {"exp", Seconds(now + kGoodFor)},
                       {"iss", std::to_string(app)}};
  const std::string signed_text = Base64Url(header.dump()) + "." + Base64Url(claims.dump());
  SALVE_ASSIGN_OR_RETURN(const std::string signature, SignRsaSha256(private_key_pem, signed_text));
  return signed_text + "." + Base64Url(signature);
}

json GithubTokenRequest(const apis::config::v1alpha1::GithubSink& sink) {
  json permissions = {{"metadata", "read"}};
  if (sink.issue) permissions["issues"] = "write";
  if (sink.dispatch || sink.pull_request) permissions["contents"] = "write";
  if (sink.pull_request) permissions["pull_requests"] = "write";
  const std::string name = sink.repository.substr(sink.repository.find('/') + 1);
  return {{"repositories", {name}}, {"permissions", std::move(permissions)}};
}

std::optional<GithubToken> ReadGithubToken(const json& answer, WallTime now) {
  GithubToken token{GetString(answer, {"token"}), {}};
  const auto expires = ParseTime(GetString(answer, {"expires_at"}));
  if (token.value.empty() || !expires) return std::nullopt;
  token.good_until = *expires - kClocksDiffer;
  if (token.good_until <= now) return std::nullopt;
  return token;
}

}  // namespace salve::notify
