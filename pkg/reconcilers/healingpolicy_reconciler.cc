// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/healingpolicy_reconciler.h"

#include <algorithm>

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/validation.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/files/watch.h"
#include "pkg/healing/canary.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/notifications.h"
#include "pkg/healing/schedules.h"
#include "pkg/healing/signals.h"
#include "pkg/healing/windows.h"
#include "pkg/reconcilers/policy_conditions.h"
#include "pkg/reconcilers/policy_files.h"
#include "pkg/reconcilers/policy_schedules.h"
#include "pkg/reconcilers/signals_health.h"

namespace salve::reconcilers {
namespace {

using healing::HealthState;
using std::chrono::seconds;

// A record whose incident is gone stops counting as running after that long: nothing runs longer.
constexpr seconds kOrphanedRecordAge{15 * 60};

// A backend tells what is, and since when if it saw it turn so. Of what was so at its first look
// the policy's own status remembers the onset. Without that an illness would begin anew with each
// look, and an incident that ended would be followed by another at once.
void RememberOnset(const v1::HealingPolicyStatus& status, healing::TargetObservation& observation) {
  if (observation.since) return;
  const std::string state =
      healing::IndicatorFromObservation(observation).state == HealthState::kUnhealthy
          ? "Unhealthy"
          : healing::HealthStateName(observation.state);
  for (const v1::TargetStatus& target : status.targets) {
    if (target.name != observation.ref.name || target.state != state) continue;
    for (const v1::IndicatorStatus& indicator : target.indicators) {
      if (indicator.name == healing::kContainerIndicator && indicator.state == state) {
        observation.since = ParseTime(target.since);
      }
    }
  }
}

std::string KindOf(const v1::Target& target) {
  if (target.ecs) return "service";
  return target.kubernetes ? target.kubernetes->kind : "container";
}

bool Selects(const v1::Target& target) {
  if (target.kubernetes) return target.kubernetes->selector.has_value();
  return target.docker && (!target.docker->labels.empty() || target.docker->compose);
}

// What is still to be said about an incident stands on it: for a day at most.
bool StillTelling(const v1::Incident& incident, WallTime now) {
  return std::any_of(incident.status.notifications.begin(), incident.status.notifications.end(),
                     [now](const auto& entry) {
                       const auto since = ParseTime(entry.at);
                       return entry.state == healing::kNotificationPending && since &&
                              now - *since <= healing::kMaxNotificationAge;
                     });
}

}  // namespace

std::size_t PolicyView::Count(HealthState state) const {
  return static_cast<std::size_t>(
      std::count_if(health.begin(), health.end(),
                    [&](const healing::TargetHealth& h) { return h.state == state; }));
}

std::size_t PolicyView::CountAsleep() const {
  return static_cast<std::size_t>(
      std::count_if(asleep.begin(), asleep.end(), [](const auto& why) { return !why.empty(); }));
}

HealingPolicyReconciler::HealingPolicyReconciler(Shell& shell,
                                                 std::function<void(const NamespacedName&)> enqueue)
    : shell_(shell), enqueue_(std::move(enqueue)) {}

StatusOr<engine::Result> HealingPolicyReconciler::Reconcile(const NamespacedName& key,
                                                            engine::ReconcileContext&) {
  const auto policy = shell_.policies.Get(key);
  if (policy == nullptr || !policy->metadata.deletion_timestamp.empty()) {
    Forget(key);
    return engine::Result{};
  }
  const LogContext context("policy", key.ToString());
  const PolicyView view = Look(*policy);
  // Health first, incidents second: an incident that finds no status of its target yet would guess.
  SALVE_ASSIGN_OR_RETURN(v1::HealingPolicy stored, WriteStatus(*policy, view));
  SALVE_ASSIGN_OR_RETURN(stored, OpenScheduled(shell_, std::move(stored), view));
  TellOfSchedules(shell_, stored, policy->status);
  SALVE_RETURN_IF_ERROR(OpenIncidents(stored, view));
  SALVE_RETURN_IF_ERROR(PruneHistory(stored));
  return engine::Result{NextLook(stored)};
}

void HealingPolicyReconciler::Forget(const NamespacedName& key) {
  shell_.prober.SetJobs(key.ns, key.name, {}, nullptr);
  if (shell_.files != nullptr) shell_.files->Set(key, {});
  shell_.health.Forget(key);
  shell_.targets.Forget(key);
  MutexLock lock(mu_);
  written_.erase(key);
}

WallTime HealingPolicyReconciler::LastWritten(const NamespacedName& policy) const {
  MutexLock lock(mu_);
  const auto it = written_.find(policy);
  return it == written_.end() ? WallTime{} : it->second;
}

void HealingPolicyReconciler::FindTargets(const v1::HealingPolicy& policy,
                                          backends::Backend* backend, PolicyView& view) {
  const NamespacedName key{policy.metadata.ns, policy.metadata.name};
  const std::string backend_name = BackendName(policy.spec.target);
  if (const Status valid = apis::ToStatus(apis::Validate(policy)); !valid.ok()) {
    view.target_found = Status(valid).WithReason("InvalidSpec");
  } else if (backend == nullptr) {
    view.target_found = NotFoundError("spec.target: the configuration has no backend named \"" +
                                      backend_name + "\"")
                            .WithReason("BackendNotConfigured");
  } else if (!BackendAllowed(shell_.settings, backend_name, key.ns)) {
    view.target_found =
        PermissionDeniedError("backend \"" + backend_name + "\" is not open to namespace \"" +
                              key.ns + "\"; an administrator can add it to allowedNamespaces")
            .WithReason("BackendNotAllowed");
  } else {
    auto targets = backend->Resolve(policy.spec.target, key.ns);
    if (!targets.ok()) {
      view.target_found = targets.status();
      if (view.target_found.reason().empty()) {
        view.target_found =
            Status(targets.status())
                .WithReason(targets.code() == Code::kUnavailable ? "BackendUnavailable"
                                                                 : "TargetNotFound");
      }
    } else if (targets->empty()) {
      view.target_found = NotFoundError("no " + KindOf(policy.spec.target) + " in backend \"" +
                                        backend_name + "\" matches spec.target")
                              .WithReason("TargetNotFound");
    } else {
      view.targets = std::move(targets).value();
    }
  }
}

void HealingPolicyReconciler::LookAtTargets(const v1::HealingPolicy& policy,
                                            backends::Backend* backend, PolicyView& view) {
  const WallTime now = shell_.clock.Now();
  const healing::ScheduleCalendar calendar(policy.spec.schedules, shell_.zones);
  for (const v1::TargetRef& target : view.targets) {
    view.observations.push_back(CachedObservation(backend, target));
    auto& seen = view.observations.back();
    if (seen) RememberOnset(policy.status, *seen);
    const v1::ScheduledTarget* scheduled = healing::FindScheduled(policy.status, target.name);
    const bool asleep = healing::IsAsleep(policy.spec, scheduled, seen);
    view.asleep.push_back(asleep ? healing::AsleepMessage(*scheduled, calendar, now) : "");
  }
}

PolicyView HealingPolicyReconciler::Look(const v1::HealingPolicy& policy) {
  const NamespacedName key{policy.metadata.ns, policy.metadata.name};
  const std::string backend_name = BackendName(policy.spec.target);
  backends::Backend* backend = shell_.backends.Find(backend_name);
  PolicyView view;
  FindTargets(policy, backend, view);
  LookAtTargets(policy, backend, view);
  WatchFiles(shell_, policy, view);
  std::vector<v1::TargetRef> awake;
  for (std::size_t i = 0; i < view.targets.size(); ++i) {
    if (view.asleep[i].empty()) awake.push_back(view.targets[i]);
  }
  // A backend that does not answer must not make the probes forget what they know.
  if (view.target_found.code() == Code::kUnavailable) {
    shell_.targets.Register(key, backend_name, Selects(policy.spec.target));
  } else {
    shell_.targets.Set(key, backend_name, Selects(policy.spec.target), view.targets);
    // What sleeps is forgotten, and measured afresh when it wakes.
    shell_.health.Configure(key, awake, policy.spec.probes, policy.status);
    Probe(policy, awake);
  }
  for (std::size_t i = 0; i < view.targets.size(); ++i) {
    healing::TargetHealth health;
    if (view.asleep[i].empty()) {
      health = healing::CombineHealth(view.observations[i],
                                      IndicatorsOf(shell_, policy, view.targets[i].name));
    } else {
      health.message = view.asleep[i];
    }
    view.health.push_back(std::move(health));
  }
  return view;
}

void HealingPolicyReconciler::Probe(const v1::HealingPolicy& policy,
                                    const std::vector<v1::TargetRef>& targets) {
  std::vector<probes::ProbeJob> jobs;
  for (const v1::TargetRef& target : targets) {
    for (const v1::Probe& probe : policy.spec.probes) {
      jobs.push_back({policy.metadata.ns, policy.metadata.name, target, probe});
    }
  }
  shell_.prober.SetJobs(
      policy.metadata.ns, policy.metadata.name, std::move(jobs),
      [this](const probes::ProbeJob& job, const healing::Measurement& measurement) {
        if (shell_.health.Add(job, measurement)) enqueue_({job.ns, job.policy});
      });
}

Status HealingPolicyReconciler::OpenIncidents(const v1::HealingPolicy& policy,
                                              const PolicyView& view) {
  for (std::size_t i = 0; i < view.targets.size(); ++i) {
    if (view.health[i].state == HealthState::kHealthy || !view.asleep[i].empty()) continue;
    if (ScheduleIsActing(shell_, policy, view.targets[i].name)) continue;
    SALVE_RETURN_IF_ERROR(
        OpenIncident(policy, view.targets[i], view.health[i], view.observations[i]));
  }
  return Status::Ok();
}

Status HealingPolicyReconciler::OpenIncident(
    const v1::HealingPolicy& policy, const v1::TargetRef& target,
    const healing::TargetHealth& health,
    const std::optional<healing::TargetObservation>& observation) {
  const std::vector<healing::Signal> signals = healing::SignalsOf(target, health, observation);
  if (signals.empty()) return Status::Ok();
  const NamespacedName key{policy.metadata.ns, policy.metadata.name};
  const std::string fingerprint = healing::Fingerprint(policy.metadata.uid, key, target);
  const auto cached = shell_.incidents.ByIndex(kIncidentsByPolicy, key.ToString());
  std::vector<const v1::Incident*> known;
  for (const auto& incident : cached) {
    // A human-made incident may leave out the uid, and has no fingerprint of its own.
    const std::string& uid = incident->spec.policy_ref.uid;
    if (incident->spec.target == target && (uid.empty() || uid == policy.metadata.uid)) {
      known.push_back(incident.get());
    }
  }

  const healing::Signal& signal = signals.front();
  const healing::Correlation correlation = healing::Correlate(signal, policy, fingerprint, known);
  // What an open incident absorbs, its own reconcile counts.
  if (correlation.kind != healing::Correlation::Kind::kOpen) return Status::Ok();
  SALVE_RETURN_IF_ERROR(CheckPredecessor(policy, target, fingerprint, correlation.occurrence - 1));
  const v1::Incident incident =
      healing::MakeIncident(policy, signal, fingerprint, correlation.occurrence);
  auto created = shell_.client.Create(v1::Incident::kInfo, apis::Encode(incident));
  // Somebody was faster, or our own answer was lost: the name says that it is the same incident.
  if (created.code() == Code::kAlreadyExists) return Status::Ok();
  if (!created.ok()) return created.status().Annotate("opening an incident for " + target.name);
  shell_.incidents.Offer(*created);
  MetricsOf(shell_, healing::IsCanary(policy.metadata)).IncidentOpened(key.ToString());
  shell_.events.Event(ReferenceTo(policy), engine::EventType::kWarning, "IncidentOpened",
                      incident.metadata.name + ": " + signal.message);
  Log(Severity::kInfo, "incident opened",
      {{"incident", incident.metadata.name}, {"target", target.name}, {"signal", signal.message}});
  return Status::Ok();
}

// The incident before the new one may be known from the policy's records alone: it was deleted, or
// the cache is behind. Only the server can tell.
Status HealingPolicyReconciler::CheckPredecessor(const v1::HealingPolicy& policy,
                                                 const v1::TargetRef& target,
                                                 const std::string& fingerprint,
                                                 std::int64_t occurrence) {
  if (occurrence < 1) return Status::Ok();
  const NamespacedName name{policy.metadata.ns, healing::IncidentName(policy.metadata.name, target,
                                                                      fingerprint, occurrence)};
  if (shell_.incidents.Get(name) != nullptr) return Status::Ok();
  const auto live = shell_.client.Get(v1::Incident::kInfo, name);
  if (live.code() == Code::kNotFound) return Status::Ok();
  if (!live.ok()) return live.status().Annotate("looking for incident " + name.ToString());
  shell_.incidents.Offer(*live);
  return ConflictError("incident " + name.ToString() + " is there and the cache did not know it");
}

StatusOr<v1::HealingPolicy> HealingPolicyReconciler::WriteStatus(const v1::HealingPolicy& policy,
                                                                 const PolicyView& view) {
  const NamespacedName key{policy.metadata.ns, policy.metadata.name};
  const healing::EffectiveLimits limits = LimitsFor(shell_, policy);
  SALVE_ASSIGN_OR_RETURN(const std::set<std::string> gone, GoneIncidents(shell_, policy));
  return shell_.policy_status.Update(key, [&](v1::HealingPolicy& current) -> StatusOr<bool> {
    // Without a view of the targets there is nothing new to say about their health.
    PolicyStatusInput input{current,
                            view,
                            limits,
                            shell_.zones,
                            shell_.incidents.ByIndex(kIncidentsByPolicy, key.ToString()),
                            shell_.settings.self_heal_enabled,
                            shell_.clock.Now(),
                            shell_.AccountingNow(),
                            LastWritten(key),
                            ProblemsWithSinks(shell_.settings, current)};
    v1::HealingPolicyStatus next = ComputePolicyStatus(input);
    healing::SettleSignals(current.spec, shell_.settings.receiver_clears_after, next.actions,
                           view.targets.size(), input.now, next.signals);
    SettleFiles(shell_, current, view, input.incidents, next);
    // Who cannot see the targets has nothing to say about what is due for them.
    if (view.target_found.ok()) {
      SettleSchedules(
          {current.spec, current.metadata, view, input.incidents, gone, shell_.zones, input.now},
          next);
    }
    std::vector<std::string> existing;
    for (const auto& incident : input.incidents) existing.push_back(incident->metadata.name);
    healing::SettleOrphans(next.actions, existing, kOrphanedRecordAge.count(),
                           input.accounting_now);
    if (!StatusWorthWriting(current.status, next)) return false;
    current.status = std::move(next);
    MutexLock lock(mu_);
    written_[key] = shell_.clock.Now();
    return true;
  });
}

Status HealingPolicyReconciler::PruneHistory(const v1::HealingPolicy& policy) {
  const NamespacedName key{policy.metadata.ns, policy.metadata.name};
  std::vector<std::shared_ptr<const v1::Incident>> closed;
  for (const auto& incident : shell_.incidents.ByIndex(kIncidentsByPolicy, key.ToString())) {
    if (healing::IsResolved(incident->status)) closed.push_back(incident);
  }
  std::sort(closed.begin(), closed.end(), [](const auto& a, const auto& b) {
    return a->status.resolved_at > b->status.resolved_at;  // newest first
  });
  const auto keep =
      static_cast<std::size_t>(std::max<std::int64_t>(0, policy.spec.history.keep_incidents));
  const seconds ttl(policy.spec.history.ttl_seconds_after_resolved);
  for (std::size_t i = 0; i < closed.size(); ++i) {
    const auto resolved = ParseTime(closed[i]->status.resolved_at);
    const bool old = resolved && shell_.clock.Now() - *resolved > ttl;
    if (i < keep && !old) continue;
    if (StillTelling(*closed[i], shell_.clock.Now())) continue;
    const NamespacedName name{closed[i]->metadata.ns, closed[i]->metadata.name};
    if (shell_.audit != nullptr) shell_.audit->Await(name);
    client::DeleteOptions options;
    options.uid = closed[i]->metadata.uid;
    const Status deleted = shell_.client.Delete(v1::Incident::kInfo, name, options);
    if (!deleted.ok() && deleted.code() != Code::kNotFound) return deleted;
  }
  return Status::Ok();
}

std::optional<Duration> HealingPolicyReconciler::NextLook(const v1::HealingPolicy& policy) const {
  const WallTime now = shell_.clock.Now();
  const healing::EffectiveLimits limits = LimitsFor(shell_, policy);
  std::optional<WallTime> next;
  const auto consider = [&](std::optional<WallTime> at) {
    if (at && *at > now && (!next || *at < *next)) next = at;
  };
  consider(healing::EvaluatePauses(policy.spec, limits, now).until);
  if (!limits.windows.empty()) {
    consider(healing::EvaluateWindows(limits.windows, shell_.zones, now).changes_at);
  }
  consider(ParseTime(policy.status.budget.next_free_at));
  for (const v1::BreakerStatus& breaker : policy.status.breakers) {
    consider(ParseTime(breaker.open_until));
  }
  consider(healing::NextSignalChange(policy, shell_.settings.receiver_clears_after, now));
  consider(NextScheduleLook(policy, shell_.zones, now));
  if (!next) return std::nullopt;
  return *next - now;
}

}  // namespace salve::reconcilers
