// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_GITHUB_APP_H_
#define SALVE_PKG_NOTIFY_GITHUB_APP_H_

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"

// How a GitHub App logs in. Pure functions.
namespace salve::notify {

// What an App shows to be given a token: a JSON Web Token signed with RS256, good from a minute ago
// (clocks differ) for nine minutes. kInvalidArgument if the PEM text is no private key.
StatusOr<std::string> GithubAppJwt(std::int64_t app, const std::string& private_key_pem,
                                   WallTime now);

// The request for an installation's token: for that repository alone, with the rights that the
// sink needs and no others.
nlohmann::json GithubTokenRequest(const apis::config::v1alpha1::GithubSink& sink);

struct GithubToken {
  std::string value;
  WallTime good_until;  // a minute before GitHub's word
};
// nullopt: the answer has no token, or one that is over.
std::optional<GithubToken> ReadGithubToken(const nlohmann::json& answer, WallTime now);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_GITHUB_APP_H_
