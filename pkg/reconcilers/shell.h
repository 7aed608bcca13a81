// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_SHELL_H_
#define SALVE_PKG_RECONCILERS_SHELL_H_

#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/core/v1/types.h"
#include "pkg/apis/salve/v1alpha1/approval.h"
#include "pkg/apis/salve/v1alpha1/guardrail.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/audit/sink.h"
#include "pkg/backends/backend.h"
#include "pkg/base/clock.h"
#include "pkg/base/time_zone.h"
#include "pkg/client/client.h"
#include "pkg/engine/event_recorder.h"
#include "pkg/engine/informer.h"
#include "pkg/engine/lease.h"
#include "pkg/healing/alerts.h"
#include "pkg/healing/budget.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/limits.h"
#include "pkg/healing/windows.h"
#include "pkg/probes/prober.h"
#include "pkg/reconcilers/health_table.h"
#include "pkg/reconcilers/policy_status.h"
#include "pkg/reconcilers/target_index.h"

namespace salve::files {
class Watch;
}  // namespace salve::files

namespace salve::reconcilers {

namespace v1 = apis::salve::v1alpha1;
using apis::meta::v1::NamespacedName;

// Indexes that the wiring adds to the informers before they start.
inline constexpr char kIncidentsByPolicy[] = "policy";      // "ns/name"
inline constexpr char kApprovalsByIncident[] = "incident";  // "ns/name"

// What the administrator decided for all policies. Constant while the process runs.
// Whom approvals can be believed to come from.
struct ApprovalTrust {
  // Not OK where nothing ties an approval's approver to the user who made it: then none counts.
  Status enforced;
  // The identity under which this controller writes; its own approvals never count.
  std::string controller_identity;
};

struct ControllerSettings {
  // As controller_identity, where nobody is asked.
  std::string identity = "system:serviceaccount:salve-system:salve-controller";
  // Salve's own namespace: where the Leases of targets are. No policy may have targets in it.
  std::string lease_namespace = "salve-system";
  // Holder of target Leases: stable over restarts of the same installation, unlike any other's.
  std::string lease_holder = "salve";
  bool self_heal_enabled = true;  // the kill switch SELF_HEAL_ENABLED
  // Asked when there are approvals to count; may ask the API server. Null: always enforced.
  std::function<ApprovalTrust()> approval_trust;
  std::vector<std::vector<std::string>> exec_allow;
  // Receiver → after which silence its alerts count as over.
  healing::ClearsAfter receiver_clears_after;
  // Backend name → namespaces whose policies may use it; "*" = all.
  std::map<std::string, std::vector<std::string>> backend_namespaces;
  // The same for notification sinks.
  std::map<std::string, std::vector<std::string>> sink_namespaces;
  // Directories whose files policies may have watched, and the namespaces whose policies may.
  std::vector<std::string> file_roots;
  std::vector<std::string> file_namespaces;
};

// Counts of what Salve did (requirements B10, N9). Thread-safe, quick; nothing by default.
class HealingMetrics {
 public:
  virtual ~HealingMetrics() = default;
  virtual void IncidentOpened(const std::string& /*policy*/) {}
  virtual void ActionAttempted(const std::string& /*action*/) {}
  virtual void ActionSucceeded(const std::string& /*action*/) {}
  virtual void DecisionConfidence(double /*confidence*/) {}
  virtual void IncidentClosed(const std::string& /*outcome*/, const v1::Durations&) {}
  virtual void BreakerOpened(const std::string& /*policy*/, const std::string& /*target*/) {}
  // `result`: sent | summarized (told of in another one's) | retried | failed (given up).
  virtual void NotificationDone(const std::string& /*sink*/, const char* /*result*/) {}
  virtual void NotificationsPending(const std::string& /*sink*/, std::size_t /*count*/) {}
  // An incident of a canary has ended; nothing else about it is counted.
  virtual void CanaryClosed(const std::string& /*outcome*/) {}
  // `state`: opened | merged | rejected; `took`: how long it was open before it was merged.
  virtual void PullRequest(const char* /*state*/, std::optional<Duration> /*took*/) {}
};

// What both reconcilers work with. All outlive them.
struct Shell {
  client::Client& client;
  engine::Informer<v1::HealingPolicy>& policies;
  engine::Informer<v1::Incident>& incidents;
  engine::Informer<v1::IncidentApproval>& approvals;
  engine::Informer<v1::HealingGuardrail>& guardrails;
  engine::Informer<apis::core::v1::Namespace>& namespaces;
  backends::Registry& backends;
  probes::Prober& prober;
  HealthTable& health;
  TargetIndex& targets;
  StatusUpdater<v1::HealingPolicy>& policy_status;
  StatusUpdater<v1::HealingGuardrail>& guardrail_status;
  engine::TargetLeases& leases;
  engine::EventRecorder& events;
  HealingMetrics& metrics;
  TimeZones& zones;
  Clock& clock;
  healing::SteadyWall steady;  // anchored at start
  ControllerSettings settings;
  audit::Sink* audit = nullptr;   // null: nobody keeps a record
  files::Watch* files = nullptr;  // null: nothing is watched

  // The time that budgets, cooldowns and breakers are counted by: never jumps.
  WallTime AccountingNow() const { return steady.At(clock.Monotonic()); }
};

// Where what is done is counted: for a canary, who is not to be seen among the real ones, nowhere.
HealingMetrics& MetricsOf(const Shell& shell, bool canary);

// The guardrails that select the namespace, with the labels that it has now.
std::vector<v1::HealingGuardrail> GuardrailsFor(const Shell& shell, const std::string& ns);
// A policy's limits with those guardrails merged in.
healing::EffectiveLimits LimitsFor(const Shell& shell, const v1::HealingPolicy& policy);

// Reason of a policy's TargetHealthy (Unknown) while all its targets sleep.
inline constexpr char kReasonAsleep[] = "Asleep";

// What the policies that `policy` depends on are doing.
std::vector<healing::DependencyState> DependenciesOf(const Shell& shell,
                                                     const v1::HealingPolicy& policy);

// Whether the configuration opens `backend` to policies of `ns`.
bool BackendAllowed(const ControllerSettings& settings, const std::string& backend,
                    const std::string& ns);

// OK if the configuration has a notification sink of that name and opens it to policies of `ns`;
// else why not, with the reason SinkNotConfigured or SinkNotAllowed.
Status SinkProblem(const ControllerSettings& settings, const std::string& sink,
                   const std::string& ns);

// "docker" for the docker member, with its default filled in.
std::string BackendName(const v1::Target& target);
// The backend's local view of a target; nullopt if it does not answer.
std::optional<healing::TargetObservation> CachedObservation(const backends::Backend* backend,
                                                            const v1::TargetRef& ref);

// For events about a policy or an incident.
engine::ObjectReference ReferenceTo(const v1::HealingPolicy& policy);
engine::ObjectReference ReferenceTo(const v1::Incident& incident);

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_SHELL_H_
