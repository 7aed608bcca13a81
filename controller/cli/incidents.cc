// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/incidents.h"

#include <algorithm>

#include "pkg/apis/codec.h"

namespace salve::cli {
namespace {

bool StartsWith(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

}  // namespace

StatusOr<v1::Incident> GetIncident(Session& session, const std::string& name) {
  SALVE_ASSIGN_OR_RETURN(const Json json,
                         session.client().Get(v1::Incident::kInfo, {session.ns(), BareName(name)}));
  return apis::Decode<v1::Incident>(json);
}

StatusOr<std::optional<v1::HealingPolicy>> GetPolicy(Session& session, const std::string& name) {
  const auto json = session.client().Get(v1::HealingPolicy::kInfo, {session.ns(), BareName(name)});
  if (json.code() == Code::kNotFound) return std::optional<v1::HealingPolicy>();
  if (!json.ok()) return json.status();
  SALVE_ASSIGN_OR_RETURN(v1::HealingPolicy policy, apis::Decode<v1::HealingPolicy>(*json));
  return std::optional(std::move(policy));
}

StatusOr<std::vector<v1::Incident>> ListIncidents(Session& session, const std::string& labels,
                                                  const std::string& fields) {
  client::ListOptions options;
  options.ns = session.ns();
  options.label_selector = labels;
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
  const bool policy_only = StartsWith(word, "healingpolic") || StartsWith(word, "healpol/");
  const bool incident_only = !policy_only && word.find('/') != std::string::npos;
  const std::string name = BareName(word);
  if (!policy_only) {
    auto incident = GetIncident(session, name);
    if (incident.ok()) {
      SALVE_ASSIGN_OR_RETURN(subject.policy, GetPolicy(session, incident->spec.policy_ref.name));
      subject.incident = std::move(incident).value();
      return subject;
    }
    if (incident.code() != Code::kNotFound || incident_only) return incident.status();
  }
  SALVE_ASSIGN_OR_RETURN(subject.policy, GetPolicy(session, name));
  const std::string field = subject.policy ? "spec.policyRef.name=" : "spec.target.name=";
  SALVE_ASSIGN_OR_RETURN(const auto incidents, ListIncidents(session, "", field + name));
  if (!subject.policy && incidents.empty()) {
    return NotFoundError("no incident, policy or target of an incident is called \"" + name +
                         "\" in namespace " + session.ns());
  }
  if (const v1::Incident* open = NewestOpen(incidents)) subject.incident = *open;
  if (!subject.policy && !incidents.empty()) {
    if (!subject.incident) subject.incident = incidents.back();
    SALVE_ASSIGN_OR_RETURN(subject.policy,
                           GetPolicy(session, incidents.back().spec.policy_ref.name));
  }
  return subject;
}

}  // namespace salve::cli
