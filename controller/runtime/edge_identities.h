// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_EDGE_IDENTITIES_H_
#define SALVE_CONTROLLER_RUNTIME_EDGE_IDENTITIES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/tokens.h"
#include "pkg/base/mutex.h"
#include "pkg/edge/identity.h"

namespace salve::runtime {

// The embedded API server's tokens and rights, as the edge asks for them. Thread-safe.
//
// A token may be narrower than its user (restricted to namespaces or policies), and the edge's
// Identity has no room for that: a session group, which no token can carry, leads back to the whole
// identity.
class EdgeIdentities final : public edge::Authenticator, public edge::Authorizer {
 public:
  explicit EdgeIdentities(apiserver::TokenStore& tokens) : tokens_(tokens) {}

  std::optional<edge::Identity> Authenticate(std::string_view bearer_token) override;
  bool MayReadIncidents(const edge::Identity& identity, const std::string& ns) override;

  // A token with exactly the rights of `identity`, for calls on its behalf; nullopt if it is not
  // one that Authenticate gave.
  std::optional<std::string> TokenFor(const edge::Identity& identity);

 private:
  struct Session {
    apiserver::Identity identity;
    std::string token;  // made at the first use
  };
  Session* Find(const edge::Identity& identity) SALVE_REQUIRES(mu_);

  apiserver::TokenStore& tokens_;
  Mutex mu_;
  std::vector<Session> sessions_ SALVE_GUARDED_BY(mu_);  // one per distinct identity
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_EDGE_IDENTITIES_H_
