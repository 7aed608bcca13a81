// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/shell.h"

#include <algorithm>

#include "pkg/apis/config/v1alpha1/namespaces.h"
#include "pkg/healing/scheduled_life.h"

namespace salve::reconcilers {
namespace {

std::map<std::string, std::string> NamespaceLabels(const Shell& shell, const std::string& ns) {
  const auto object = shell.namespaces.Get({"", ns});
  if (object == nullptr) return {};
  return object->metadata.labels;
}

engine::ObjectReference Reference(const apis::meta::v1::ResourceInfo& info,
                                  const apis::meta::v1::ObjectMeta& meta) {
  engine::ObjectReference ref;
  ref.api_version = info.ApiVersion();
  ref.kind = info.kind;
  ref.name = {meta.ns, meta.name};
  ref.uid = meta.uid;
  ref.resource_version = meta.resource_version;
  return ref;
}

// The first open incident about the health of a policy's targets; that of a schedule is no fault.
std::string OpenIllness(const Shell& shell, const v1::HealingPolicy& policy) {
  for (const std::string& name : policy.status.open_incidents) {
    const auto incident = shell.incidents.Get({policy.metadata.ns, name});
    if (incident == nullptr || !healing::IsScheduled(*incident)) return name;
  }
  return "";
}

}  // namespace

HealingMetrics& MetricsOf(const Shell& shell, bool canary) {
  static auto* const nothing = new HealingMetrics;
  return canary ? *nothing : shell.metrics;
}

std::vector<v1::HealingGuardrail> GuardrailsFor(const Shell& shell, const std::string& ns) {
  std::vector<v1::HealingGuardrail> all;
  for (const auto& guardrail : shell.guardrails.List()) all.push_back(*guardrail);
  std::vector<v1::HealingGuardrail> selecting;
  for (const v1::HealingGuardrail* g : healing::SelectGuardrails(all, NamespaceLabels(shell, ns))) {
    selecting.push_back(*g);
  }
  return selecting;
}

healing::EffectiveLimits LimitsFor(const Shell& shell, const v1::HealingPolicy& policy) {
  const std::vector<v1::HealingGuardrail> guardrails = GuardrailsFor(shell, policy.metadata.ns);
  std::vector<const v1::HealingGuardrail*> pointers;
  for (const v1::HealingGuardrail& g : guardrails) pointers.push_back(&g);
  return healing::MergeLimits(policy, pointers, shell.settings.exec_allow);
}

std::vector<healing::DependencyState> DependenciesOf(const Shell& shell,
                                                     const v1::HealingPolicy& policy) {
  std::vector<healing::DependencyState> out;
  for (const v1::PolicyDependency& dependency : policy.spec.depends_on) {
    healing::DependencyState state;
    state.policy = dependency.policy;
    const auto other = shell.policies.Get({policy.metadata.ns, dependency.policy});
    if (other != nullptr) {
      state.found = true;
      const apis::meta::v1::Condition* healthy =
          apis::meta::v1::FindCondition(other->status.conditions, v1::kPolicyTargetHealthy);
      if (healthy != nullptr && healthy->status != "Unknown") {
        state.state = healthy->status == "True" ? healing::HealthState::kHealthy
                                                : healing::HealthState::kUnhealthy;
        state.message = healthy->message;
      }
      if (healthy != nullptr && healthy->reason == kReasonAsleep) {
        state.asleep = true;
        state.message = healthy->message;
      }
      state.open_incident = OpenIllness(shell, *other);
    }
    out.push_back(std::move(state));
  }
  return out;
}

// Where a cluster itself lives: only for those to whom it was opened by name.
static bool IsClusterNamespace(const std::string& ns) { return ns.rfind("kube-", 0) == 0; }

bool BackendAllowed(const ControllerSettings& settings, const std::string& backend,
                    const std::string& ns) {
  const auto it = settings.backend_namespaces.find(backend);
  if (it == settings.backend_namespaces.end()) return false;
  return std::any_of(it->second.begin(), it->second.end(), [&](const std::string& allowed) {
    return allowed == ns ||
           (allowed == "*" && !IsClusterNamespace(ns) && ns != settings.lease_namespace);
  });
}

Status SinkProblem(const ControllerSettings& settings, const std::string& sink,
                   const std::string& ns) {
  const auto it = settings.sink_namespaces.find(sink);
  if (it == settings.sink_namespaces.end()) {
    return NotFoundError("the configuration has no notification sink named \"" + sink + "\"")
        .WithReason("SinkNotConfigured");
  }
  if (apis::config::v1alpha1::OpensTo(it->second, ns)) return Status::Ok();
  return PermissionDeniedError("notification sink \"" + sink + "\" is not open to namespace \"" +
                               ns + "\"")
      .WithReason("SinkNotAllowed");
}

std::string BackendName(const v1::Target& target) {
  if (target.kubernetes) {
    return target.kubernetes->backend.empty() ? "kubernetes" : target.kubernetes->backend;
  }
  if (target.ecs) return target.ecs->backend.empty() ? "aws" : target.ecs->backend;
  if (!target.docker) return "";
  return target.docker->backend.empty() ? "docker" : target.docker->backend;
}

std::optional<healing::TargetObservation> CachedObservation(const backends::Backend* backend,
                                                            const v1::TargetRef& ref) {
  if (backend == nullptr) return std::nullopt;
  StatusOr<healing::TargetObservation> seen = backend->Cached(ref);
  if (seen.ok()) return std::move(seen).value();
  if (seen.code() != Code::kNotFound) return std::nullopt;
  healing::TargetObservation missing;
  missing.ref = ref;
  missing.state = healing::HealthState::kMissing;
  missing.message = seen.status().message();
  return missing;
}

engine::ObjectReference ReferenceTo(const v1::HealingPolicy& policy) {
  return Reference(v1::HealingPolicy::kInfo, policy.metadata);
}
engine::ObjectReference ReferenceTo(const v1::Incident& incident) {
  return Reference(v1::Incident::kInfo, incident.metadata);
}

}  // namespace salve::reconcilers
