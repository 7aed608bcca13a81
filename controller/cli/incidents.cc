// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/incidents.h"

#include <algorithm>

#include "pkg/apis/codec.h"

namespace salve::cli {
namespace {

bool SaysKind(const Named& named, const std::string& kind) {
  const auto types = Find(KnownTypes(), named.type);
  return !named.type.empty() && !types.empty() && types.front().info.kind == kind;
}

// The policy that watches a target which never had an incident; nullopt if none does.
StatusOr<std::optional<v1::HealingPolicy>> PolicyOfTarget(Session& session,
                                                          const client::NamespacedName& target) {
  client::ListOptions options;
  options.ns = target.ns;
  SALVE_ASSIGN_OR_RETURN(const auto list, session.client().List(v1::HealingPolicy::kInfo, options));
  for (const Json& item : list.items) {
    SALVE_ASSIGN_OR_RETURN(v1::HealingPolicy policy, apis::Decode<v1::HealingPolicy>(item));
    for (const v1::TargetStatus& one : policy.status.targets) {
      if (one.name == target.name) return std::optional(std::move(policy));
    }
  }
  return std::optional<v1::HealingPolicy>();
}

void Choose(const std::vector<v1::Incident>& incidents, Subject& subject) {
  const v1::Incident* open = NewestOpen(incidents);
  subject.about_policy = open == nullptr && subject.policy.has_value();
  if (open != nullptr) subject.incident = *open;
  if (open == nullptr && !incidents.empty()) subject.incident = incidents.back();
  for (const v1::Incident& one : incidents) {
    if (&one != open && IsOpen(one)) subject.also.push_back(one.metadata.name);
  }
}

}  // namespace

StatusOr<v1::Incident> GetIncident(Session& session, const std::string& argument) {
  SALVE_ASSIGN_OR_RETURN(const auto name, session.Locate(argument, "Incident"));
  SALVE_ASSIGN_OR_RETURN(const Json json, session.client().Get(v1::Incident::kInfo, name));
  return apis::Decode<v1::Incident>(json);
}

StatusOr<std::optional<v1::HealingPolicy>> GetPolicy(Session& session,
                                                     const client::NamespacedName& name) {
  const auto json = session.client().Get(v1::HealingPolicy::kInfo, name);
  if (json.code() == Code::kNotFound) return std::optional<v1::HealingPolicy>();
  if (!json.ok()) return json.status();
  SALVE_ASSIGN_OR_RETURN(v1::HealingPolicy policy, apis::Decode<v1::HealingPolicy>(*json));
  return std::optional(std::move(policy));
}

StatusOr<std::vector<v1::Incident>> ListIncidents(Session& session, const std::string& ns,
                                                  const std::string& fields) {
  client::ListOptions options;
  options.ns = ns;
  options.field_selector = fields;
  SALVE_ASSIGN_OR_RETURN(const auto list, session.client().List(v1::Incident::kInfo, options));
  std::vector<v1::Incident> incidents;
  for (const Json& item : list.items) {
    SALVE_ASSIGN_OR_RETURN(v1::Incident incident, apis::Decode<v1::Incident>(item));
    incidents.push_back(std::move(incident));
  }
  std::stable_sort(incidents.begin(), incidents.end(), [](const auto& a, const auto& b) {
    return a.metadata.creation_timestamp < b.metadata.creation_timestamp;
  });
  return incidents;
}

bool IsOpen(const v1::Incident& incident) {
  return !apis::meta::v1::IsConditionTrue(incident.status.conditions, v1::kIncidentResolved) &&
         incident.status.phase != "Resolved";
}

const v1::Incident* NewestOpen(const std::vector<v1::Incident>& incidents) {
  const v1::Incident* newest = nullptr;
  for (const v1::Incident& incident : incidents) {
    if (!IsOpen(incident)) continue;
    if (newest == nullptr ||
        newest->metadata.creation_timestamp <= incident.metadata.creation_timestamp) {
      newest = &incident;
    }
  }
  return newest;
}

StatusOr<Subject> FindSubject(Session& session, const std::string& word) {
  Subject subject;
  SALVE_ASSIGN_OR_RETURN(const Named named, ParseNamed(word));
  const bool policy_only = SaysKind(named, "HealingPolicy");
  const bool incident_only = SaysKind(named, "Incident");
  const char* kind = policy_only ? "HealingPolicy" : "Incident";
  SALVE_ASSIGN_OR_RETURN(const client::NamespacedName name, session.Locate(word, kind));
  if (!policy_only) {
    auto incident = GetIncident(session, word);
    if (incident.ok()) {
      const client::NamespacedName policy{name.ns, incident->spec.policy_ref.name};
      SALVE_ASSIGN_OR_RETURN(subject.policy, GetPolicy(session, policy));
      subject.incident = std::move(incident).value();
      return subject;
    }
    if (incident.code() != Code::kNotFound || incident_only) return incident.status();
  }
  SALVE_ASSIGN_OR_RETURN(subject.policy, GetPolicy(session, name));
  const std::string field = subject.policy ? "spec.policyRef.name=" : "spec.target.name=";
  SALVE_ASSIGN_OR_RETURN(const auto incidents, ListIncidents(session, name.ns, field + name.name));
  if (!subject.policy && !incidents.empty()) {
    SALVE_ASSIGN_OR_RETURN(subject.policy,
                           GetPolicy(session, {name.ns, incidents.back().spec.policy_ref.name}));
  } else if (!subject.policy) {
    SALVE_ASSIGN_OR_RETURN(subject.policy, PolicyOfTarget(session, name));
  }
  if (!subject.policy && incidents.empty()) {
    return NotFoundError("no incident, policy or target is called \"" + name.name +
                         "\" in namespace " + name.ns);
  }
  Choose(incidents, subject);
  return subject;
}

}  // namespace salve::cli
