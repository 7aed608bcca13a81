// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_AUTH_H_
#define SALVE_PKG_APISERVER_AUTH_H_

#include <string>
#include <string_view>
#include <vector>

namespace salve::apiserver {

// Who sends a request. Value type.
struct Identity {
  std::string user;
  std::vector<std::string> groups;
  // A token may be narrower than its groups. Empty: no restriction.
  std::vector<std::string> namespaces;
  std::vector<std::string> policies;  // for the verb approve

  bool InGroup(std::string_view group) const;
};

// What a request wants to do.
struct Attributes {
  bool resource_request = true;
  std::string verb;  // get, list, watch, create, update, patch, delete, deletecollection, approve
  std::string group;
  std::string resource;
  std::string subresource;
  std::string ns;
  std::string name;
  std::string path;  // of other requests: "/version"
};

// A grant: everything that matches each list. "*" matches anything.
struct Rule {
  std::vector<std::string> verbs;
  std::vector<std::string> groups;
  std::vector<std::string> resources;  // "incidents", "incidents/status"
  std::vector<std::string> paths;      // of non-resource requests; a trailing * is a prefix
};

inline constexpr char kControllerUser[] = "system:serviceaccount:salve-system:salve-controller";
// The rights of the controller for a process of its own, under a name of its own.
inline constexpr char kControllersGroup[] = "salve:controllers";
inline constexpr char kAdminsGroup[] = "salve:admins";
inline constexpr char kOperatorsGroup[] = "salve:operators";
inline constexpr char kApproversGroup[] = "salve:approvers";
inline constexpr char kViewersGroup[] = "salve:viewers";
inline constexpr char kMastersGroup[] = "system:masters";
inline constexpr char kAuthenticatedGroup[] = "system:authenticated";

// The controller, in this process or beside it.
bool IsController(const Identity& identity);

// What an identity's groups grant it, before the restrictions of its token.
std::vector<const Rule*> RulesOf(const Identity& identity);

// The one decision about rights: requests, reviews and the approval rule all ask here. Pure,
// thread-safe.
bool Allowed(const Identity& identity, const Attributes& attributes);

// Paths that anybody may GET without a token: health checks and the version.
bool IsPublicPath(std::string_view path);

// The credentials of "Bearer <token>"; "" if the header is something else.
std::string_view BearerToken(std::string_view authorization);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_AUTH_H_
