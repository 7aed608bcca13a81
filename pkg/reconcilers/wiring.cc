// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/wiring.h"

#include <algorithm>
#include <map>
#include <set>

#include "pkg/apis/codec.h"
#include "pkg/engine/predicates.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/notifications.h"
#include "pkg/healing/pull_requests.h"
#include "pkg/healing/scheduled_life.h"
#include "pkg/reconcilers/notification_reconciler.h"
#include "pkg/reconcilers/signals_health.h"

namespace salve::reconcilers {
namespace {

using engine::Change;
using Keys = std::vector<NamespacedName>;

std::string PolicyKey(const v1::Incident& incident) {
  return incident.metadata.ns + "/" + incident.spec.policy_ref.name;
}

// The targets whose state differs between the two statuses.
std::set<std::string> ChangedTargets(const v1::HealingPolicyStatus& before,
                                     const v1::HealingPolicyStatus& after) {
  std::map<std::string, std::string> states;
  for (const v1::TargetStatus& t : before.targets) states[t.name] = t.state;
  std::set<std::string> changed;
  for (const v1::TargetStatus& t : after.targets) {
    const auto it = states.find(t.name);
    if (it == states.end() || it->second != t.state) changed.insert(t.name);
    if (it != states.end()) states.erase(it);
  }
  for (const auto& [name, state] : states) changed.insert(name);
  return changed;
}

// The targets for which another time has come than before, or that were put to sleep.
void AddRescheduled(const v1::HealingPolicyStatus& before, const v1::HealingPolicyStatus& after,
                    std::set<std::string>& targets) {
  for (const v1::ScheduledTarget& s : after.scheduled) {
    const v1::ScheduledTarget* old = healing::FindScheduled(before, s.target);
    const bool same = old != nullptr && old->tick == s.tick && old->incident == s.incident &&
                      old->asleep_by == s.asleep_by;
    if (!same) targets.insert(s.target);
  }
}

// What a policy's status tells of the incident of one of its schedules.
bool MattersToSchedule(const Change<v1::Incident>& change) {
  return healing::IsScheduled(*change.after) &&
         change.before->status.phase != change.after->status.phase &&
         change.after->status.phase == healing::kPhaseEscalated;
}

// The incidents' reconciler writes what came of an action: breaker and budget follow from that.
bool ActionsChanged(const Change<v1::HealingPolicy>& change) {
  if (change.type != engine::Delta::Type::kUpdated) return false;
  const auto& before = change.before->status.actions;
  const auto& after = change.after->status.actions;
  return !std::equal(before.begin(), before.end(), after.begin(), after.end(),
                     [](const v1::ActionRecord& a, const v1::ActionRecord& b) {
                       return a.attempt_id == b.attempt_id && a.result == b.result;
                     });
}

std::int64_t Running(const v1::HealingPolicyStatus& status) {
  std::int64_t n = 0;
  for (const v1::ActionRecord& record : status.actions) n += record.result.empty() ? 1 : 0;
  return n;
}

Keys OpenIncidents(const Shell& shell, const std::string& ns) {
  Keys keys;
  for (const auto& incident : shell.incidents.List(ns)) {
    if (healing::IsResolved(incident->status)) continue;
    keys.push_back({incident->metadata.ns, incident->metadata.name});
  }
  return keys;
}

Keys PoliciesOf(const Shell& shell, const std::string& ns) {
  Keys keys;
  for (const auto& policy : shell.policies.List(ns)) {
    keys.push_back({policy->metadata.ns, policy->metadata.name});
  }
  return keys;
}

// The policies that depend on this one.
Keys Dependents(const Shell& shell, const v1::HealingPolicy& policy) {
  Keys keys;
  for (const auto& other : shell.policies.List(policy.metadata.ns)) {
    for (const v1::PolicyDependency& d : other->spec.depends_on) {
      if (d.policy == policy.metadata.name)
        keys.push_back({other->metadata.ns, other->metadata.name});
    }
  }
  return keys;
}

std::vector<std::string> PendingSinks(const v1::Incident& incident) {
  std::set<std::string> sinks;
  for (const v1::NotificationStatus& entry : incident.status.notifications) {
    if (entry.state == healing::kNotificationPending) sinks.insert(entry.sink);
  }
  return {sinks.begin(), sinks.end()};
}

std::vector<std::string> PullRequestSinks(const v1::Incident& incident) {
  std::vector<std::string> sinks;
  for (healing::OpenPullRequest& open : healing::OpenPullRequests(incident.status)) {
    sinks.push_back(std::move(open.sink));
  }
  return sinks;
}

// A message was sent, and that is all: nothing that an incident's own reconcile would look at.
bool OnlyMessagesDiffer(const Change<v1::Incident>& change) {
  if (change.type != engine::Delta::Type::kUpdated || change.header.deleting ||
      change.header.generation != change.generation_before) {
    return false;
  }
  const v1::IncidentStatus& after = change.after->status;
  if (after.notifications.empty()) return false;
  v1::IncidentStatus before = change.before->status;
  if (apis::Encode(before)["notifications"] == apis::Encode(after)["notifications"]) return false;
  before.notifications = after.notifications;
  return apis::Encode(before) == apis::Encode(after);
}

}  // namespace

void AddIndexes(engine::Informer<v1::Incident>& incidents,
                engine::Informer<v1::IncidentApproval>& approvals) {
  incidents.AddIndex(kIncidentsByPolicy, [](const v1::Incident& incident) {
    return std::vector<std::string>{PolicyKey(incident)};
  });
  incidents.AddIndex(kIncidentsBySink, PendingSinks);
  incidents.AddIndex(kIncidentsByPullRequest, PullRequestSinks);
  approvals.AddIndex(kApprovalsByIncident, [](const v1::IncidentApproval& approval) {
    return std::vector<std::string>{approval.metadata.ns + "/" + approval.spec.incident_name};
  });
}

Keys IncidentsToWake(const Shell& shell, const Change<v1::HealingPolicy>& change) {
  const bool spec_changed = change.type != engine::Delta::Type::kUpdated ||
                            change.header.generation != change.generation_before ||
                            change.header.deleting;
  std::set<std::string> targets;
  bool place_free = false;
  if (!spec_changed) {
    targets = ChangedTargets(change.before->status, change.after->status);
    AddRescheduled(change.before->status, change.after->status, targets);
    place_free = Running(change.after->status) < Running(change.before->status);
  }
  Keys keys;
  const std::string policy = change.header.name.ToString();
  for (const auto& incident : shell.incidents.ByIndex(kIncidentsByPolicy, policy)) {
    if (healing::IsResolved(incident->status)) continue;
    const bool waits = incident->status.phase == healing::kPhaseBlocked ||
                       incident->status.phase == healing::kPhaseAwaitingApproval;
    if (spec_changed || targets.count(incident->spec.target.name) > 0 || (place_free && waits)) {
      keys.push_back({incident->metadata.ns, incident->metadata.name});
    }
  }
  return keys;
}

void WatchForPolicies(Shell& shell, engine::Controller& policies) {
  policies.WatchOwn<v1::HealingPolicy>(shell.policies, [](const Change<v1::HealingPolicy>& change) {
    return engine::GenerationChanged<v1::HealingPolicy>(change) || SignalsChanged(change) ||
           ActionsChanged(change);
  });
  // An incident that opens, closes or goes away changes the list in its policy's status.
  policies.Watch<v1::Incident>(
      shell.incidents,
      [](const Change<v1::Incident>& change) {
        return Keys{{change.header.name.ns, change.object().spec.policy_ref.name}};
      },
      [](const Change<v1::Incident>& change) {
        return change.type != engine::Delta::Type::kUpdated ||
               healing::IsResolved(change.before->status) !=
                   healing::IsResolved(change.after->status) ||
               MattersToSchedule(change);
      });
  policies.Watch<v1::HealingGuardrail>(
      shell.guardrails,
      [&shell](const Change<v1::HealingGuardrail>&) { return PoliciesOf(shell, ""); },
      engine::GenerationChanged<v1::HealingGuardrail>);
  policies.Watch<apis::core::v1::Namespace>(
      shell.namespaces, [&shell](const Change<apis::core::v1::Namespace>& change) {
        return PoliciesOf(shell, change.header.name.name);
      });
}

void WatchForIncidents(Shell& shell, engine::Controller& incidents) {
  incidents.WatchOwn<v1::Incident>(shell.incidents, [](const Change<v1::Incident>& change) {
    return engine::VersionChanged<v1::Incident>(change) && !OnlyMessagesDiffer(change);
  });
  incidents.Watch<v1::HealingPolicy>(
      shell.policies, [&shell](const Change<v1::HealingPolicy>& change) {
        Keys keys = IncidentsToWake(shell, change);
        // What a dependent waits for may have come.
        const bool healthy_changed =
            change.type != engine::Delta::Type::kUpdated ||
            apis::meta::v1::IsConditionTrue(change.before->status.conditions,
                                            v1::kPolicyTargetHealthy) !=
                apis::meta::v1::IsConditionTrue(change.after->status.conditions,
                                                v1::kPolicyTargetHealthy);
        if (!healthy_changed) return keys;
        for (const NamespacedName& dependent : Dependents(shell, change.object())) {
          for (const auto& i : shell.incidents.ByIndex(kIncidentsByPolicy, dependent.ToString())) {
            if (!healing::IsResolved(i->status)) keys.push_back({i->metadata.ns, i->metadata.name});
          }
        }
        return keys;
      });
  incidents.Watch<v1::IncidentApproval>(
      shell.approvals, [](const Change<v1::IncidentApproval>& change) {
        return Keys{{change.header.name.ns, change.object().spec.incident_name}};
      });
  incidents.Watch<v1::HealingGuardrail>(
      shell.guardrails,
      [&shell](const Change<v1::HealingGuardrail>&) { return OpenIncidents(shell, ""); },
      engine::GenerationChanged<v1::HealingGuardrail>);
}

void WatchForAudit(Shell& shell, engine::Controller& audit) {
  audit.WatchOwn<v1::HealingPolicy>(shell.policies, engine::GenerationChanged<v1::HealingPolicy>);
  audit.WatchOwn<v1::HealingGuardrail>(shell.guardrails,
                                       engine::GenerationChanged<v1::HealingGuardrail>);
}

void WatchForNotifications(Shell& shell, engine::Controller& notifications) {
  notifications.Watch<v1::Incident>(shell.incidents, [](const Change<v1::Incident>& change) {
    Keys keys;
    if (change.after == nullptr) return keys;
    for (const std::string& sink : PendingSinks(*change.after)) keys.push_back({"", sink});
    for (const std::string& sink : PullRequestSinks(*change.after)) keys.push_back({"", sink});
    return keys;
  });
}

void WatchForGuardrails(Shell& shell, engine::Controller& guardrails) {
  const auto all = [&shell] {
    Keys keys;
    for (const auto& guardrail : shell.guardrails.List()) {
      keys.push_back({"", guardrail->metadata.name});
    }
    return keys;
  };
  guardrails.WatchOwn<v1::HealingGuardrail>(shell.guardrails,
                                            engine::GenerationChanged<v1::HealingGuardrail>);
  // How many policies it selects changes with them and with the labels of their namespaces.
  guardrails.Watch<v1::HealingPolicy>(
      shell.policies, [all](const Change<v1::HealingPolicy>&) { return all(); },
      [](const Change<v1::HealingPolicy>& change) {
        return change.type != engine::Delta::Type::kUpdated;
      });
  guardrails.Watch<apis::core::v1::Namespace>(
      shell.namespaces, [all](const Change<apis::core::v1::Namespace>&) { return all(); });
}

}  // namespace salve::reconcilers
