// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/cluster_identities.h"

#include <algorithm>
#include <utility>

#include "pkg/apis/salve/v1alpha1/approval.h"
#include "pkg/base/hash.h"
#include "pkg/base/redact.h"
#include "pkg/client/wire.h"

namespace salve::runtime {
namespace {

using client::Json;
using std::chrono::seconds;

constexpr std::string_view kSessionGroup = "salve:edge-session:";
constexpr std::size_t kMaxSessions = 256;
constexpr std::size_t kMaxNamespaces = 1000;
constexpr std::size_t kMaxTokenBytes = 16u << 10;
constexpr int kMaxAsking = 4;
constexpr seconds kRememberFor{60};
constexpr seconds kCallTimeout{2};

StatusOr<Json> Post(client::RestClient& client, const std::string& target, const Json& body) {
  http::Request request;
  request.method = "POST";
  request.target = target;
  request.headers.Set("Content-Type", "application/json");
  request.body = body.dump();
  SALVE_ASSIGN_OR_RETURN(const http::Response response, client.Send(std::move(request)));
  return client::ParseJson(response.body);
}

// The part of an answer at `path`, null where it is not.
Json At(const Json& json, std::initializer_list<const char*> path) {
  const Json* at = &json;
  for (const char* name : path) {
    if (!at->is_object() || !at->contains(name)) return nullptr;
    at = &(*at)[name];
  }
  return *at;
}

std::optional<edge::Identity> IdentityIn(const Json& review) {
  const Json user = At(review, {"status", "userInfo", "username"});
  if (!user.is_string() || user.get_ref<const std::string&>().empty() ||
      user == "system:anonymous") {
    return std::nullopt;
  }
  edge::Identity identity{user.get<std::string>(), {}};
  const Json groups = At(review, {"status", "userInfo", "groups"});
  for (std::size_t i = 0; groups.is_array() && i < groups.size() && i < 1000; ++i) {
    if (groups[i].is_string()) identity.groups.push_back(groups[i].get<std::string>());
  }
  return identity;
}

}  // namespace

ClusterIdentities::ClusterIdentities(http::Transport& anonymous, std::string path_prefix,
                                     Clock& clock, Random& random)
    : transport_(anonymous), path_prefix_(std::move(path_prefix)), clock_(clock), random_(random) {}

client::RestClient ClusterIdentities::ClientFor(const std::string& token) const {
  client::RestClientOptions options;
  options.headers = {{"Authorization", "Bearer " + token}};
  options.path_prefix = path_prefix_;
  options.user_agent = "salve-edge";
  options.call_timeout = kCallTimeout;
  options.max_retries = 1;
  options.max_body_bytes = 1u << 20;
  return client::RestClient(transport_, std::move(options), clock_, random_);
}

bool ClusterIdentities::MayAsk(bool was_known) {
  MutexLock lock(mu_);
  if (asking_ >= kMaxAsking) return false;
  if (!was_known && !unknown_.TryTake(clock_.Monotonic())) return false;
  ++asking_;
  return true;
}

void ClusterIdentities::Asked() {
  MutexLock lock(mu_);
  --asking_;
}

void ClusterIdentities::Remember(const std::string& hash, Session session) {
  MutexLock lock(mu_);
  if (sessions_.size() >= kMaxSessions && !sessions_.contains(hash)) {
    // Those whom nobody knows go first: guesses must not drive people out.
    sessions_.erase(
        std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
          return std::pair(a.second.identity.has_value(), a.second.asked) <
                 std::pair(b.second.identity.has_value(), b.second.asked);
        }));
  }
  // Who asked before goes on under the same session: streams are open under it.
  if (const auto known = sessions_.find(hash); known != sessions_.end()) {
    session.id = known->second.id;
  }
  sessions_[hash] = std::move(session);
}

std::optional<edge::Identity> ClusterIdentities::Authenticate(std::string_view bearer_token) {
  if (bearer_token.empty() || bearer_token.size() > kMaxTokenBytes ||
      std::any_of(bearer_token.begin(), bearer_token.end(),
                  [](unsigned char c) { return c <= ' ' || c >= 0x7f; })) {
    return std::nullopt;
  }
  const std::string hash = Sha256Hex(bearer_token);
  const auto with_session = [](const Session& session) {
    std::optional<edge::Identity> identity = session.identity;
    if (identity) identity->groups.push_back(std::string(kSessionGroup) + session.id);
    return identity;
  };
  bool was_known = false;
  {
    MutexLock lock(mu_);
    const auto known = sessions_.find(hash);
    if (known != sessions_.end() && clock_.Monotonic() - known->second.asked < kRememberFor) {
      return with_session(known->second);
    }
    was_known = known != sessions_.end() && known->second.identity;
  }
  if (!MayAsk(was_known)) return std::nullopt;
  Session session;
  session.id = random_.Hex(32);
  session.token = std::string(bearer_token);
  session.asked = clock_.Monotonic();
  client::RestClient client = ClientFor(session.token);
  const auto review =
      Post(client, "/apis/authentication.k8s.io/v1/selfsubjectreviews",
           {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}});
  Asked();
  if (review.ok()) {
    session.identity = IdentityIn(*review);
  } else if (review.code() != Code::kUnauthenticated) {
    return std::nullopt;  // No answer is none: it is asked again the next time.
  }
  if (session.identity) {
    RegisterSecret(session.token);
  } else {
    session.token.clear();
  }
  Remember(hash, session);
  MutexLock lock(mu_);
  const auto known = sessions_.find(hash);
  return known == sessions_.end() ? std::nullopt : with_session(known->second);
}

ClusterIdentities::Session* ClusterIdentities::Find(const edge::Identity& identity) {
  if (identity.groups.empty()) return nullptr;
  const std::string& group = identity.groups.back();
  if (group.compare(0, kSessionGroup.size(), kSessionGroup) != 0) return nullptr;
  for (auto& [hash, session] : sessions_) {
    if (group.compare(kSessionGroup.size(), std::string::npos, session.id) == 0) return &session;
  }
  return nullptr;
}

bool ClusterIdentities::MayReadIncidents(const edge::Identity& identity, const std::string& ns) {
  std::string token;
  {
    MutexLock lock(mu_);
    const Session* session = Find(identity);
    if (session == nullptr || !session->identity) return false;
    const auto known = session->may_read.find(ns);
    if (known != session->may_read.end() && clock_.Monotonic() - session->asked < kRememberFor) {
      return known->second;
    }
    token = session->token;
  }
  client::RestClient client = ClientFor(token);
  const auto review = Post(client, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                           {{"apiVersion", "authorization.k8s.io/v1"},
                            {"kind", "SelfSubjectAccessReview"},
                            {"spec",
                             {{"resourceAttributes",
                               {{"verb", "get"},
                                {"group", "salve.dev"},
                                {"resource", "incidents"},
                                {"namespace", ns}}}}}});
  if (!review.ok()) return false;
  const bool allowed = At(*review, {"status", "allowed"}) == true;
  MutexLock lock(mu_);
  Session* session = Find(identity);
  if (session != nullptr && session->may_read.size() < kMaxNamespaces) {
    session->may_read[ns] = allowed;
  }
  return allowed;
}

Status ClusterIdentities::CreateApproval(const edge::Identity& identity, const Json& approval) {
  std::string token;
  {
    MutexLock lock(mu_);
    const Session* session = Find(identity);
    if (session == nullptr || !session->identity) {
      return UnauthenticatedError("who approves is not known any more; send it again");
    }
    token = session->token;
  }
  client::RestClient client = ClientFor(token);
  return client.Create(apis::salve::v1alpha1::IncidentApproval::kInfo, approval, {}).status();
}

}  // namespace salve::runtime
