// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/incident_run.h"

#include <algorithm>

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/validation.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/canary.h"
#include "pkg/healing/notifications.h"
#include "pkg/healing/rules.h"
#include "pkg/healing/scheduled_life.h"
#include "pkg/healing/signals.h"

namespace salve::reconcilers {
namespace {

using healing::Do;

// More steps than any incident needs in one go; a machine that asks for more is caught here instead
// of spinning.
constexpr int kMaxSteps = 64;
constexpr int kStoreAttempts = 3;

}  // namespace

IncidentRun::IncidentRun(Shell& shell, const v1::Incident& incident,
                         engine::ReconcileContext& context)
    : shell_(shell),
      context_(context),
      incident_(incident),
      stored_status_(incident.status),
      scheduled_(healing::IsScheduled(incident)) {
  auto policy = shell_.policies.Get({incident.metadata.ns, incident.spec.policy_ref.name});
  const std::string& uid = incident.spec.policy_ref.uid;
  if (policy != nullptr && (!policy->metadata.deletion_timestamp.empty() ||
                            (!uid.empty() && uid != policy->metadata.uid))) {
    policy = nullptr;
  }
  if (policy != nullptr) {
    healing::CompleteManualIncident(*policy, incident_);
    invalid_ = apis::ToStatus(apis::Validate(*policy)).message();
  }
  Use(std::move(policy));
  if (policy_ != nullptr) ladder_ = healing::EffectiveLadder(policy_->spec);
  const std::string& name = incident_.spec.target.backend;
  backend_ = shell_.backends.Find(name);
  if (backend_ == nullptr) {
    backend_problem_ = NotFoundError("the configuration has no backend named \"" + name + "\"")
                           .WithReason("BackendNotConfigured");
  } else if (!BackendAllowed(shell_.settings, name, incident_.metadata.ns)) {
    backend_ = nullptr;
    backend_problem_ =
        PermissionDeniedError("backend \"" + name + "\" is not open to namespace \"" +
                              incident_.metadata.ns + "\"")
            .WithReason("BackendNotAllowed");
  }
}

void IncidentRun::Use(std::shared_ptr<const v1::HealingPolicy> policy) {
  policy_ = std::move(policy);
  if (policy_ == nullptr || !scheduled_) return;
  policy_ = std::make_shared<const v1::HealingPolicy>(healing::ScheduledView(*policy_, incident_));
}

Status IncidentRun::CheckWanted() {
  if (!scheduled_) return Status::Ok();  // Observe sees to the others
  view_.overtaken.reset();
  if (policy_ == nullptr || healing::IsResolved(incident_.status)) return Status::Ok();
  healing::TickStanding standing = healing::StandingOf(*policy_, incident_, shell_.clock.Now());
  using Kind = healing::TickStanding::Kind;
  // What is begun is brought to its end, whatever the policy's status says by now.
  const bool running = healing::RunningAttempt(incident_.status) != nullptr;
  if (standing.kind == Kind::kUnseen && !running) {
    return ConflictError("policy " + policy_->metadata.name +
                         " as it is known here has not seen the tick of " +
                         incident_.spec.trigger.at + " yet");
  }
  if (standing.kind == Kind::kOver) view_.overtaken = std::move(standing.why);
  return Status::Ok();
}

// A further onset of the illness, as the policy's status tells it, is an occurrence of this
// incident.
void IncidentRun::CountOccurrence() {
  if (policy_ == nullptr || scheduled_ || incident_.status.phase.empty() ||
      healing::IsResolved(incident_.status))
    return;
  for (const v1::TargetStatus& target : policy_->status.targets) {
    if (target.name != incident_.spec.target.name || target.state != "Unhealthy") continue;
    const auto since = ParseTime(target.since);
    const auto last = ParseTime(incident_.status.last_occurrence);
    if (since && (!last || *since > *last)) {
      healing::ApplyOccurrence(incident_.status, target.message, *since);
    }
  }
}

StatusOr<engine::Result> IncidentRun::Run() {
  TellAudit();
  SALVE_RETURN_IF_ERROR(SettleEndedReservations());
  // A change of spec.cancel is a generation, too; who waits for a condition wants it to be seen.
  if (!incident_.status.phase.empty()) {
    incident_.status.observed_generation = incident_.metadata.generation;
  }
  CountOccurrence();
  for (int step = 0; step < kMaxSteps; ++step) {
    if (context_.stop.stop_requested()) return CancelledError("the controller is stopping");
    view_.incident = &incident_;
    view_.policy = policy_.get();
    view_.incident_deleted = !incident_.metadata.deletion_timestamp.empty();
    view_.self_heal_enabled = shell_.settings.self_heal_enabled;
    view_.now = shell_.clock.Now();
    if (policy_ != nullptr) {
      limits_ = LimitsFor(shell_, *policy_);
      limits_->invalid = invalid_;
      view_.limits = &*limits_;
    }
    SALVE_RETURN_IF_ERROR(CheckWanted());
    // A person who asks again has decided to start over, and so has who wrote a schedule; files
    // that change once more are no relapse.
    const std::string& source = incident_.spec.trigger.source;
    if (policy_ != nullptr && !scheduled_ && source != healing::kSourceManual &&
        source != healing::kSourceFile) {
      view_.earlier = healing::EarlierAttempts(
          policy_->status.actions, incident_.spec.target.name, incident_.metadata.name,
          ParseTime(incident_.spec.trigger.at).value_or(view_.now),
          policy_->spec.guardrails.retry.min_healthy_seconds);
    }
    SALVE_ASSIGN_OR_RETURN(const std::optional<engine::Result> end,
                           Step(healing::NextAction(view_)));
    if (end) return *end;
  }
  return InternalError("the state machine asked for more than " + std::to_string(kMaxSteps) +
                       " steps in one reconcile (last phase " + incident_.status.phase + ")");
}

StatusOr<std::optional<engine::Result>> IncidentRun::Step(const healing::Next& next) {
  const WallTime now = shell_.clock.Now();
  Status done;
  switch (next.what) {
    case Do::kNothing:
      SALVE_RETURN_IF_ERROR(Persist());
      return std::optional(engine::Result{});
    case Do::kWait: {
      healing::ApplyNextCheck(incident_.status, next);
      SALVE_RETURN_IF_ERROR(Persist());
      Duration wait = next.at ? std::max<Duration>(*next.at - now, Duration(0)) : Duration(0);
      if (look_again_) wait = std::min(wait, *look_again_);
      return std::optional(engine::Result{wait});
    }
    case Do::kBegin:
      healing::ApplyBegin(incident_, incident_.status, now);
      done = Persist();
      break;
    case Do::kObserve:
      done = Observe();
      // The probes of a process that has just started need a moment: nothing to write about.
      if (done.ok() && look_again_ && JustStarted()) {
        return std::optional(engine::Result{look_again_});
      }
      break;
    case Do::kDiagnose:
      done = Diagnose();
      break;
    case Do::kPropose:
      done = Propose(next);
      break;
    case Do::kEvaluateGates:
      done = EvaluateGates();
      break;
    case Do::kExecute:
      done = Execute();
      break;
    case Do::kRecoverAttempt:
      done = Recover(next.attempt_id);
      break;
    case Do::kExecuteSameKey:
      done = ExecuteSameKey(next.attempt_id);
      break;
    case Do::kVerify:
      done = Verify(next.attempt_id);
      break;
    case Do::kUndo:
      done = Undo(next.attempt_id);
      break;
    case Do::kRecoverUndo:
      done = RecoverUndo(next.attempt_id);
      break;
    case Do::kUndoSameKey:
      done = UndoSameKey(next.attempt_id);
      break;
    case Do::kVerifyUndo:
      done = VerifyUndo(next.attempt_id);
      break;
    case Do::kEscalate:
      healing::ApplyEscalation(incident_.status, next.reason, next.message, now);
      done = Persist();
      break;
    case Do::kAbandon:
      done = Abandon(next.attempt_id, next.reason, next.message);
      break;
    case Do::kClose:
      healing::ApplyClose(incident_.status, next.outcome, next.reason, next.message, now);
      ReleaseLease();
      done = Persist();
      if (done.ok()) done = SettleRecords();
      break;
  }
  if (!done.ok()) return done;
  return std::optional<engine::Result>();
}

// An incident's status has one writer, but for the list of messages. A conflict is therefore
// somebody's change of the rest (a label, spec.cancel) or a message that was sent: the result of an
// action must not get lost over that.
StatusOr<client::Json> IncidentRun::StoreStatus() {
  client::WriteOptions options;
  options.subresource = "status";
  if (shell_.audit != nullptr) {
    shell_.audit->Await({incident_.metadata.ns, incident_.metadata.name});
  }
  for (int attempt = 0;; ++attempt) {
    auto stored = shell_.client.Update(v1::Incident::kInfo, apis::Encode(incident_), options);
    if (stored.code() != Code::kConflict || attempt == kStoreAttempts) return stored;
    const Status conflict = stored.status();
    SALVE_ASSIGN_OR_RETURN(
        const client::Json json,
        shell_.client.Get(v1::Incident::kInfo, {incident_.metadata.ns, incident_.metadata.name}));
    SALVE_ASSIGN_OR_RETURN(v1::Incident live, apis::Decode<v1::Incident>(json));
    stored_status_.notifications = live.status.notifications;
    if (live.metadata.uid != incident_.metadata.uid ||
        apis::Encode(live.status) != apis::Encode(stored_status_)) {
      return conflict;
    }
    incident_.status.notifications =
        healing::MergeNotifications(live.status.notifications, incident_.status.notifications);
    incident_.metadata = std::move(live.metadata);
    incident_.spec.cancel = live.spec.cancel;
  }
}

// What the status says now is to be told: noted in the same write, so that neither can be without
// the other. What was over before is old news, whoever asks for it now.
void IncidentRun::NoteMessages() {
  if (healing::IsResolved(stored_status_)) return;
  const auto open = [this](const std::string& sink) {
    return SinkProblem(shell_.settings, sink, incident_.metadata.ns).ok();
  };
  (void)healing::AddNotifications(policy_.get(), open, shell_.clock.Now(), incident_);
}

Status IncidentRun::Persist() {
  NoteMessages();
  const client::Json next = apis::Encode(incident_.status);
  if (next == apis::Encode(stored_status_)) return Status::Ok();
  SALVE_ASSIGN_OR_RETURN(const client::Json stored, StoreStatus());
  shell_.incidents.Offer(stored);
  SALVE_ASSIGN_OR_RETURN(const v1::Incident decoded, apis::Decode<v1::Incident>(stored));
  incident_.metadata = decoded.metadata;
  TellAudit();
  const v1::IncidentStatus before = std::exchange(stored_status_, incident_.status);
  EmitEvents(before);
  return Status::Ok();
}

void IncidentRun::TellAudit() const {
  if (shell_.audit == nullptr) return;
  const NamespacedName key{incident_.metadata.ns, incident_.metadata.name};
  shell_.audit->Observe(incident_, shell_.approvals.ByIndex(kApprovalsByIncident, key.ToString()));
}

bool IncidentRun::JustStarted() const {
  constexpr std::chrono::seconds kFirstLooks{15};
  return shell_.clock.Monotonic() - shell_.steady.mono < kFirstLooks;
}

void IncidentRun::EmitEvents(const v1::IncidentStatus& before) const {
  using apis::meta::v1::Condition;
  for (const Condition& condition : incident_.status.conditions) {
    const Condition* old = apis::meta::v1::FindCondition(before.conditions, condition.type);
    const bool news = condition.status == "True" &&
                      (old == nullptr || old->status != "True" || old->reason != condition.reason);
    if (!news) continue;
    const bool warning =
        condition.type == v1::kIncidentBlocked || condition.type == v1::kIncidentEscalated;
    const auto type = warning ? engine::EventType::kWarning : engine::EventType::kNormal;
    shell_.events.Event(ReferenceTo(incident_), type, condition.type,
                        condition.reason + ": " + condition.message);
    if (policy_ != nullptr &&
        (condition.type == v1::kIncidentExecuted || condition.type == v1::kIncidentEscalated ||
         condition.type == v1::kIncidentResolved)) {
      shell_.events.Event(ReferenceTo(*policy_), type, condition.type,
                          incident_.metadata.name + ": " + condition.message);
    }
    Log(Severity::kInfo, "incident: " + condition.type,
        {{"reason", condition.reason}, {"detail", condition.message}});
  }
  if (incident_.status.outcome != before.outcome && !incident_.status.outcome.empty()) {
    Metrics().IncidentClosed(incident_.status.outcome, incident_.status.durations);
    if (IsCanary()) shell_.metrics.CanaryClosed(incident_.status.outcome);
  }
}

// By its own mark where the policy is gone, by the policy's where a person made the incident.
bool IncidentRun::IsCanary() const {
  return healing::IsCanary(incident_.metadata) ||
         (policy_ != nullptr && healing::IsCanary(policy_->metadata));
}

HealingMetrics& IncidentRun::Metrics() const { return MetricsOf(shell_, IsCanary()); }

void IncidentRun::ForgetFacts() {
  view_.health.reset();
  view_.gates.reset();
  view_.recovered.reset();
  view_.diagnosed = false;
  view_.proposed = false;
  observation_.reset();
  plan_.reset();
}

const v1::Verification& IncidentRun::VerificationSpec() const {
  static const v1::Verification kDefaults;
  if (policy_ == nullptr) return kDefaults;
  return policy_->spec.verification;
}

const v1::Step* IncidentRun::StepOf(const std::string& name) const {
  return healing::FindStep(ladder_, name);
}

backends::CallContext IncidentRun::CallWithin(Duration limit) const {
  return {std::min(context_.deadline, shell_.clock.Monotonic() + limit), context_.stop};
}

}  // namespace salve::reconcilers
