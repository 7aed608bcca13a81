// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_META_V1_TYPES_H_
#define SALVE_PKG_APIS_META_V1_TYPES_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// The parts of Kubernetes' meta/v1 that Salve uses. Plain values without behaviour: JSON, defaults
// and validation come from the field tables (pkg/apis/schema.h). Times are RFC 3339 strings as on
// the wire;
// "" means absent.
namespace salve::apis::meta::v1 {

// Identifies a kind of resource on the wire. Constant, usually from a `kInfo`.
struct ResourceInfo {
  std::string group;    // "" for core
  std::string version;  // "v1alpha1"
  std::string plural;   // "incidents"
  std::string kind;     // "Incident"
  bool namespaced = true;

  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  auto operator<=>(const ResourceInfo&) const = default;
};

struct NamespacedName {
  std::string ns;  // "" for cluster-scoped objects
  std::string name;

  std::string ToString() const { return ns.empty() ? name : ns + "/" + name; }
  auto operator<=>(const NamespacedName&) const = default;
};

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
  bool block_owner_deletion = false;
};

struct ObjectMeta {
  std::string name;
  std::string generate_name;
  std::string ns;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  std::string creation_timestamp;
  std::string deletion_timestamp;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> finalizers;
  std::vector<OwnerReference> owner_references;
};

struct Condition {
  std::string type;
  std::string status = "Unknown";  // True | False | Unknown
  std::int64_t observed_generation = 0;
  std::string last_transition_time;
  std::string reason;
  std::string message;
};

// nullptr if there is none of that type.
const Condition* FindCondition(const std::vector<Condition>& conditions, const std::string& type);
// True iff present with status "True".
bool IsConditionTrue(const std::vector<Condition>& conditions, const std::string& type);
// Adds or replaces by type. last_transition_time becomes `now` only if the status changes; returns
// whether anything at all changed.
bool SetCondition(std::vector<Condition>& conditions, Condition condition, const std::string& now);

}  // namespace salve::apis::meta::v1

#endif  // SALVE_PKG_APIS_META_V1_TYPES_H_
