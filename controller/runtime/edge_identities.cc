// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/edge_identities.h"

#include <charconv>

#include "pkg/apis/salve/v1alpha1/approval.h"
#include "pkg/client/rest_client.h"
#include "pkg/http/transports.h"

namespace salve::runtime {
namespace {

constexpr std::string_view kSessionGroup = "salve:edge-session:";

bool Same(const apiserver::Identity& a, const apiserver::Identity& b) {
  return a.user == b.user && a.groups == b.groups && a.namespaces == b.namespaces &&
         a.policies == b.policies;
}

}  // namespace

std::optional<edge::Identity> EmbeddedIdentities::Authenticate(std::string_view bearer_token) {
  std::optional<apiserver::Identity> known = api_.tokens().Authenticate(bearer_token);
  if (!known) return std::nullopt;
  MutexLock lock(mu_);
  std::size_t index = 0;
  while (index < sessions_.size() && !Same(sessions_[index].identity, *known)) ++index;
  if (index == sessions_.size()) {
    if (sessions_.size() >= apiserver::TokenStore::kMaxTokens) return std::nullopt;
    sessions_.push_back({*known, ""});
  }
  edge::Identity identity{known->user, known->groups};
  identity.groups.push_back(std::string(kSessionGroup) + std::to_string(index));
  return identity;
}

EmbeddedIdentities::Session* EmbeddedIdentities::Find(const edge::Identity& identity) {
  if (identity.groups.empty()) return nullptr;
  const std::string& group = identity.groups.back();
  if (group.compare(0, kSessionGroup.size(), kSessionGroup) != 0) return nullptr;
  std::size_t index = 0;
  const char* end = group.data() + group.size();
  const auto [at, error] = std::from_chars(group.data() + kSessionGroup.size(), end, index);
  if (error != std::errc() || at != end || index >= sessions_.size()) return nullptr;
  return &sessions_[index];
}

bool EmbeddedIdentities::MayReadIncidents(const edge::Identity& identity, const std::string& ns) {
  MutexLock lock(mu_);
  const Session* session = Find(identity);
  if (session == nullptr) return false;
  apiserver::Attributes attributes;
  attributes.verb = "get";
  attributes.group = "salve.dev";
  attributes.resource = "incidents";
  attributes.ns = ns;
  return apiserver::Allowed(session->identity, attributes);
}

std::optional<std::string> EmbeddedIdentities::TokenFor(const edge::Identity& identity) {
  MutexLock lock(mu_);
  Session* session = Find(identity);
  if (session == nullptr) return std::nullopt;
  if (session->token.empty()) session->token = api_.tokens().AddEphemeral(session->identity);
  return session->token;
}

Status EmbeddedIdentities::CreateApproval(const edge::Identity& identity,
                                          const client::Json& approval) {
  const std::optional<std::string> token = TokenFor(identity);
  if (!token) return UnauthenticatedError("who approves is not known");
  const auto transport =
      http::MakeInProcessTransport(api_.handler(), {{"Authorization", "Bearer " + *token}}, clock_);
  client::RestClient client(*transport, {}, clock_, random_);
  return client.Create(apis::salve::v1alpha1::IncidentApproval::kInfo, approval, {}).status();
}

}  // namespace salve::runtime
