// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_CLUSTER_IDENTITIES_H_
#define SALVE_CONTROLLER_RUNTIME_CLUSTER_IDENTITIES_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controller/runtime/edge_identities.h"

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/random.h"
#include "pkg/base/token_bucket.h"
#include "pkg/client/rest_client.h"
#include "pkg/http/transport.h"

namespace salve::runtime {

// A cluster's tokens and rights, asked of its API server with the asker's own token
// (SelfSubjectReview, SelfSubjectAccessReview): the controller needs no right for it, sees nothing
// that the person may not see, and can do nothing in his name that he may not do. Thread-safe.
//
// Answers are remembered for a minute, by the SHA-256 of the token, which is what is compared: at
// most 256 of them, guesses dropped before people. The server is asked about at most 4 tokens at a
// time and 10 new ones a second; beyond that a token counts as unknown.
class ClusterIdentities final : public EdgeIdentities {
 public:
  // `anonymous` shows no credentials of its own; all outlive it.
  ClusterIdentities(http::Transport& anonymous, std::string path_prefix, Clock& clock,
                    Random& random);

  std::optional<edge::Identity> Authenticate(std::string_view bearer_token) override;
  bool MayReadIncidents(const edge::Identity& identity, const std::string& ns) override;
  Status CreateApproval(const edge::Identity& identity, const client::Json& approval) override;

 private:
  struct Session {
    std::string id;
    std::string token;
    std::optional<edge::Identity> identity;  // none: the server does not know the token
    MonoTime asked{};
    std::map<std::string, bool> may_read;  // by namespace; forgotten with the answer
  };

  client::RestClient ClientFor(const std::string& token) const;
  Session* Find(const edge::Identity& identity) SALVE_REQUIRES(mu_);
  bool MayAsk(bool was_known);
  void Asked();
  void Remember(const std::string& hash, Session session);

  http::Transport& transport_;
  const std::string path_prefix_;
  Clock& clock_;
  Random& random_;

  Mutex mu_;
  std::map<std::string, Session> sessions_ SALVE_GUARDED_BY(mu_);  // by the token's SHA-256
  int asking_ SALVE_GUARDED_BY(mu_) = 0;
  TokenBucket unknown_ SALVE_GUARDED_BY(mu_){10, 20};
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_CLUSTER_IDENTITIES_H_
