// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_INCIDENTS_H_
#define SALVE_CONTROLLER_CLI_INCIDENTS_H_

#include <optional>
#include <string>
#include <vector>

#include "controller/cli/session.h"

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"

// What the commands about incidents share.
namespace salve::cli {

namespace v1 = ::salve::apis::salve::v1alpha1;

// `argument` as in Session::Locate.
StatusOr<v1::Incident> GetIncident(Session& session, const std::string& argument);
// nullopt if there is no policy of that name (any more).
StatusOr<std::optional<v1::HealingPolicy>> GetPolicy(Session& session,
                                                     const client::NamespacedName& name);
// Of one namespace, oldest first. Labels and fields are selectors ("" = all).
StatusOr<std::vector<v1::Incident>> ListIncidents(Session& session, const std::string& ns,
                                                  const std::string& fields);

// What "redis", "incident/redis-1", "healingpolicy/redis", "shop/redis" or "redis-test" means, in
// this order: an incident, a policy, a target. The newest open incident of a policy or target, else
// the newest one that is over.
struct Subject {
  std::optional<v1::Incident> incident;
  std::optional<v1::HealingPolicy> policy;
  bool about_policy = false;      // a policy or a target was named and nothing is open
  std::vector<std::string> also;  // names of the other open incidents of that policy or target
};
// kNotFound if nothing is called so.
StatusOr<Subject> FindSubject(Session& session, const std::string& word);

bool IsOpen(const v1::Incident& incident);
// The newest open one; nullptr if there is none. Pure.
const v1::Incident* NewestOpen(const std::vector<v1::Incident>& incidents);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_INCIDENTS_H_
