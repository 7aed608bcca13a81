// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_EDGE_IDENTITIES_H_
#define SALVE_CONTROLLER_RUNTIME_EDGE_IDENTITIES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/server.h"
#include "pkg/base/mutex.h"
#include "pkg/client/client.h"
#include "pkg/edge/identity.h"

namespace salve::runtime {

// Who may ask the edge, as the API server sees it: the same tokens, the same rights. Thread-safe.
class EdgeIdentities : public edge::Authenticator, public edge::Authorizer {
 public:
  // Creates an IncidentApproval by the API server's rules, with the person's own rights.
  // kUnauthenticated if `identity` is not one that Authenticate gave, or not any more.
  virtual Status CreateApproval(const edge::Identity& identity, const client::Json& approval) = 0;
};

// The embedded API server's tokens and rights. Thread-safe.
//
// A token may be narrower than its user (restricted to namespaces or policies), and the edge's
// Identity has no room for that: a session group, which no token can carry, leads back to the whole
// identity.
class EmbeddedIdentities final : public EdgeIdentities {
 public:
  // All must outlive it.
  EmbeddedIdentities(apiserver::ApiServer& api, Clock& clock, Random& random)
      : api_(api), clock_(clock), random_(random) {}

  std::optional<edge::Identity> Authenticate(std::string_view bearer_token) override;
  bool MayReadIncidents(const edge::Identity& identity, const std::string& ns) override;
  Status CreateApproval(const edge::Identity& identity, const client::Json& approval) override;

 private:
  struct Session {
    apiserver::Identity identity;
    std::string token;  // made at the first use
  };
  Session* Find(const edge::Identity& identity) SALVE_REQUIRES(mu_);
  // A token with exactly the rights of `identity`, for calls on its behalf.
  std::optional<std::string> TokenFor(const edge::Identity& identity);

  apiserver::ApiServer& api_;
  Clock& clock_;
  Random& random_;
  Mutex mu_;
  std::vector<Session> sessions_ SALVE_GUARDED_BY(mu_);  // one per distinct identity
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_EDGE_IDENTITIES_H_
