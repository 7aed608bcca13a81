// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/auth.h"

#include <algorithm>
#include <cctype>

namespace salve::apiserver {
namespace {

const std::vector<std::string> kRead = {"get", "list", "watch"};
const std::vector<std::string> kChange = {"create", "update", "patch", "delete",
                                          "deletecollection"};
const std::vector<std::string> kSalve = {"salve.dev"};

struct Grant {
  bool to_user;  // else to a group
  std::string subject;
  Rule rule;
};

// The whole policy of the embedded server. On a cluster the same words are ClusterRoles.
const std::vector<Grant>& Grants() {
  static const std::vector<Grant>* const grants = new std::vector<Grant>{
      {false, kMastersGroup, {{"*"}, {"*"}, {"*"}, {"*"}}},
      {false, kAdminsGroup, {{"*"}, {"*"}, {"*"}, {"*"}}},

      {false,
       kAuthenticatedGroup,
       {{"get"},
        {},
        {},
        {"/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", "/version", "/healthz",
         "/livez", "/readyz"}}},
      {false,
       kAuthenticatedGroup,
       {{"create"},
        {"authorization.k8s.io", "authentication.k8s.io"},
        {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"},
        {}}},

      // Reading leaves Secrets out for everybody below.
      {false, kViewersGroup, {kRead, {""}, {"namespaces", "events", "configmaps", "services"}, {}}},
      {false, kViewersGroup, {kRead, {"events.k8s.io", "coordination.k8s.io"}, {"*"}, {}}},
      {false, kViewersGroup, {kRead, kSalve, {"*"}, {}}},

      {false, kOperatorsGroup, {kChange, kSalve, {"healingpolicies", "incidents"}, {}}},

      {false, kApproversGroup, {{"approve"}, kSalve, {"healingpolicies"}, {}}},
      {false, kApproversGroup, {{"create"}, kSalve, {"incidentapprovals"}, {}}},

      // The controller: what its reconcilers, its event recorder and its lease use, and neither
      // approvals nor policies to write.
      {true, kControllerUser, {kRead, kSalve, {"*"}, {}}},
      {true, kControllerUser, {{"create", "delete"}, kSalve, {"incidents"}, {}}},
      {true,
       kControllerUser,
       {{"update", "patch"},
        kSalve,
        {"healingpolicies/status", "incidents/status", "healingguardrails/status"},
        {}}},
      {true, kControllerUser, {kRead, {""}, {"namespaces"}, {}}},
      {true, kControllerUser, {{"get"}, {""}, {"secrets"}, {}}},
      {true,
       kControllerUser,
       {{"create", "update", "patch"}, {"", "events.k8s.io"}, {"events"}, {}}},
      {true,
       kControllerUser,
       {{"get", "create", "update", "patch", "delete"}, {"coordination.k8s.io"}, {"leases"}, {}}},
  };
  return *grants;
}

bool Contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool ContainsOrAny(const std::vector<std::string>& list, std::string_view word) {
  return Contains(list, word) || Contains(list, "*");
}

bool PathMatches(const std::vector<std::string>& patterns, std::string_view path) {
  return std::any_of(patterns.begin(), patterns.end(), [path](const std::string& pattern) {
    if (!pattern.empty() && pattern.back() == '*') {
      return path.substr(0, pattern.size() - 1) ==
             std::string_view(pattern).substr(0, pattern.size() - 1);
    }
    return path == pattern;
  });
}

bool Grants(const Rule& rule, const Attributes& a) {
  if (!ContainsOrAny(rule.verbs, a.verb)) return false;
  if (!a.resource_request) return PathMatches(rule.paths, a.path);
  const std::string resource =
      a.subresource.empty() ? a.resource : a.resource + "/" + a.subresource;
  return ContainsOrAny(rule.groups, a.group) && ContainsOrAny(rule.resources, resource);
}

// What a restricted token still may do, its groups granted.
bool WithinRestrictions(const Identity& identity, const Attributes& a) {
  if (!identity.policies.empty() && a.verb == "approve" && !Contains(identity.policies, a.name)) {
    return false;
  }
  if (identity.namespaces.empty() || !a.resource_request) return true;
  const bool review = a.group == "authorization.k8s.io" || a.group == "authentication.k8s.io";
  if (review) return true;
  if (a.group.empty() && a.resource == "namespaces") {
    return a.verb == "get" && Contains(identity.namespaces, a.name);
  }
  return Contains(identity.namespaces, a.ns);
}

// Operators and approvers are viewers, too.
bool IsSubject(const Identity& identity, const Grant& grant) {
  if (grant.to_user) {
    return identity.user == grant.subject ||
           (grant.subject == kControllerUser && IsController(identity));
  }
  if (grant.subject == kAuthenticatedGroup) return true;
  if (identity.InGroup(grant.subject)) return true;
  return grant.subject == kViewersGroup &&
         (identity.InGroup(kOperatorsGroup) || identity.InGroup(kApproversGroup));
}

}  // namespace

bool Identity::InGroup(std::string_view group) const { return Contains(groups, group); }

bool IsController(const Identity& identity) {
  return identity.user == kControllerUser || identity.InGroup(kControllersGroup);
}

std::vector<const Rule*> RulesOf(const Identity& identity) {
  std::vector<const Rule*> rules;
  for (const Grant& grant : Grants()) {
    if (IsSubject(identity, grant)) rules.push_back(&grant.rule);
  }
  return rules;
}

bool Allowed(const Identity& identity, const Attributes& attributes) {
  if (!WithinRestrictions(identity, attributes)) return false;
  const auto rules = RulesOf(identity);
  return std::any_of(rules.begin(), rules.end(),
                     [&](const Rule* rule) { return Grants(*rule, attributes); });
}

bool IsPublicPath(std::string_view path) {
  return path == "/healthz" || path == "/livez" || path == "/readyz" || path == "/version";
}

std::string_view BearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(authorization[i])) != kScheme[i]) return {};
  }
  std::string_view token = authorization.substr(kScheme.size());
  while (!token.empty() && token.front() == ' ') token.remove_prefix(1);
  return token;
}

}  // namespace salve::apiserver
