// SPDX-License-Identifier: Apache-2.0
// The execution protocol (design §4): reserve → lease → intent → observe again → execute → result →
// verify, and the way back from a crash at any point of it.
#include <algorithm>

#include "pkg/apis/codec.h"
#include "pkg/base/hash.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/budget.h"
#include "pkg/healing/digest.h"
#include "pkg/healing/scheduled_life.h"
#include "pkg/reconcilers/incident_run.h"

namespace salve::reconcilers {
namespace {

using healing::ActionResult;
using std::chrono::seconds;

// What may pass between the end of an action and the next look at it, on top of the configured
// times.
constexpr seconds kSpanMargin{30};
// From the reservation to the call of the backend; nothing but a halt takes that long.
constexpr seconds kReservationLife{30};

ActionResult NotApplied(const Status& why) {
  ActionResult result;
  result.outcome = ActionResult::Outcome::kNotApplied;
  result.message = why.message();
  return result;
}

}  // namespace

NamespacedName LeaseName(const std::string& ns, const v1::TargetRef& target) {
  return {ns, "target-" + Sha256Hex(target.backend + "/" + target.kind + "/" +
                                    (target.ns.empty() ? "" : target.ns + "/") + target.name)
                              .substr(0, 32)};
}

Duration IncidentRun::AttemptSpan(const v1::Step& step) const {
  const v1::Verification& v = VerificationSpec();
  return seconds(step.timeout_seconds + v.initial_delay_seconds + v.timeout_seconds +
                 v.min_healthy_seconds) +
         kSpanMargin;
}

Status IncidentRun::ReserveOnGuardrails(const std::string& attempt_id) {
  const std::string policy_key = policy_->metadata.ns + "/" + policy_->metadata.name;
  for (const v1::HealingGuardrail& guardrail : GuardrailsFor(shell_, policy_->metadata.ns)) {
    if (!guardrail.spec.max_actions) continue;
    auto stored = shell_.guardrail_status.Update(
        {"", guardrail.metadata.name}, [&](v1::HealingGuardrail& current) -> StatusOr<bool> {
          if (!current.spec.max_actions) return false;
          const Status reserved =
              healing::ReserveSpend(current.status.actions, policy_key, attempt_id,
                                    *current.spec.max_actions, shell_.AccountingNow());
          if (reserved.code() == Code::kAlreadyExists) return false;
          if (!reserved.ok()) return reserved;
          return true;
        });
    if (!stored.ok()) return stored.status();
  }
  return Status::Ok();
}

Status IncidentRun::Reserve(const v1::Step& step, const std::string& attempt_id) {
  SALVE_RETURN_IF_ERROR(ReserveOnGuardrails(attempt_id));
  const NamespacedName key{policy_->metadata.ns, policy_->metadata.name};
  const v1::TargetRef& target = incident_.spec.target;
  auto stored = shell_.policy_status.Update(key, [&](v1::HealingPolicy& current) -> StatusOr<bool> {
    if (current.metadata.generation != policy_->metadata.generation) {
      return ConflictError("the policy changed since the gates were evaluated");
    }
    const WallTime now = shell_.AccountingNow();
    const healing::EffectiveLimits limits = LimitsFor(shell_, current);
    std::vector<v1::ActionRecord>& records = current.status.actions;
    // The gates looked at a cached policy; other incidents may have reserved since. Here nobody
    // can.
    std::int64_t running = 0;
    for (const v1::ActionRecord& r : records) {
      if (r.result.empty() && r.incident != incident_.metadata.name) ++running;
    }
    if (running >= current.spec.guardrails.max_concurrent) {
      return TooManyRequestsError("maxConcurrent actions run already");
    }
    if (!scheduled_ && healing::CooldownUntil(records, target.name, incident_.metadata.name,
                                              current.spec.guardrails.cooldown_seconds, now)) {
      return TooManyRequestsError("the target is in its cooldown");
    }
    const healing::Reservation reservation{attempt_id, incident_.metadata.name, target.name,
                                           step.name, v1::ActionName(*step.action)};
    const Status reserved = healing::Reserve(records, reservation, limits.policy_budget,
                                             healing::KeepSeconds(current.spec), now);
    if (reserved.code() == Code::kAlreadyExists) return false;
    if (!reserved.ok()) return reserved;
    if (scheduled_) {
      SALVE_RETURN_IF_ERROR(
          healing::RememberBefore(current, incident_, *observation_, shell_.clock.Now()));
    }
    current.status.budget =
        healing::ToBudgetStatus(healing::SpentOf(records, limits.policy_budget, now));
    return true;
  });
  if (!stored.ok()) return stored.status();
  Use(std::make_shared<const v1::HealingPolicy>(std::move(stored).value()));
  return Status::Ok();
}

StatusOr<bool> IncidentRun::TakeLease(const v1::Step& step) {
  SALVE_ASSIGN_OR_RETURN(
      const engine::LeaseResult lease,
      shell_.leases.Acquire(LeaseName(shell_.settings.lease_namespace, incident_.spec.target),
                            LeaseHolder(), AttemptSpan(step)));
  if (lease.held) lease_until_ = lease.until;
  return lease.held;
}

std::string IncidentRun::LeaseHolder() const {
  return shell_.settings.lease_holder + "/" + incident_.metadata.uid;
}

void IncidentRun::ReleaseLease() {
  const Status released = shell_.leases.Release(
      LeaseName(shell_.settings.lease_namespace, incident_.spec.target), LeaseHolder());
  // It runs out by itself.
  if (!released.ok()) Log(Severity::kDebug, "lease not released", {{"error", released.ToString()}});
}

Status IncidentRun::CheckUnchanged(const v1::Step& step) {
  SALVE_RETURN_IF_ERROR(Observe());
  SALVE_RETURN_IF_ERROR(CheckWanted());
  if (view_.overtaken) {
    return AbortedError(view_.overtaken->message).WithReason(view_.overtaken->reason);
  }
  if (!observation_)
    return UnavailableError(view_.health->message).WithReason("BackendUnavailable");
  if (view_.health->state == healing::HealthState::kHealthy) {
    return AbortedError("the target is healthy again").WithReason("SelfResolved");
  }
  if (view_.health->state == healing::HealthState::kUnknown) {
    return AbortedError(view_.health->message).WithReason("CouldNotMeasure");
  }
  SALVE_ASSIGN_OR_RETURN(plan_, PlanStep(step));
  const std::string digest =
      healing::ProposalDigest(*plan_, *observation_, policy_->metadata, step,
                              incident_.metadata.uid, healing::ProposalOrdinal(incident_.status));
  if (!incident_.status.proposal || digest != incident_.status.proposal->digest) {
    return AbortedError("the target changed since the proposal was made")
        .WithReason(backends::kReasonTargetDrifted);
  }
  return Status::Ok();
}

backends::ActionRequest IncidentRun::RequestFor(const v1::Attempt& attempt, bool undo) const {
  backends::ActionRequest request;
  request.attempt_id = undo ? healing::UndoKey(attempt.id) : attempt.id;
  request.target = incident_.spec.target;
  request.stop = context_.stop;
  const v1::Step* step = StepOf(attempt.step);
  if (undo) {
    request.action = attempt.undo.value_or(v1::Action{});
    request.undo_token = attempt.undo_token;
    request.identity_before = attempt.after ? attempt.after->identity : attempt.before.identity;
  } else {
    if (plan_) {
      request.action = plan_->action;
    } else if (step != nullptr && step->action && policy_ != nullptr) {
      request.action = FillActionDefaults(*step->action, policy_->spec);
    }
    request.identity_before = attempt.before.identity;
    request.subject = attempt.subject;
  }
  const seconds timeout(step != nullptr ? step->timeout_seconds : 60);
  request.deadline = shell_.clock.Monotonic() + timeout;
  // Backends begin nothing after it: who stands still before the very call does not act any more.
  if (lease_until_ != MonoTime{}) request.deadline = std::min(request.deadline, lease_until_);
  return request;
}

StatusOr<ActionResult> IncidentRun::Call(const backends::ActionRequest& request) {
  if (backend_ == nullptr) return NotApplied(backend_problem_);
  StatusOr<ActionResult> result = backend_->Execute(request);
  if (result.ok() || result.status().reason() == backends::kReasonTargetDrifted) return result;
  return NotApplied(result.status());
}

StatusOr<ActionResult> IncidentRun::AskOutcome(const backends::ActionRequest& request) {
  ActionResult unknown;
  unknown.message = backend_problem_.message();
  if (backend_ == nullptr) return unknown;  // nobody will ever know
  SALVE_RETURN_IF_ERROR(backend_->Available());
  StatusOr<ActionResult> result = backend_->Outcome(request);
  // Not there yet, or still at it: the attempt waits, it is not judged.
  if (result.ok() || result.code() == Code::kUnavailable) return result;
  unknown.message = result.status().message();
  return unknown;
}

Status IncidentRun::Execute() {
  const v1::Step* step =
      incident_.status.proposal ? StepOf(incident_.status.proposal->step) : nullptr;
  if (step == nullptr || !step->action || !plan_ || !observation_) {
    return InternalError("asked to execute without a proposal that was made in this reconcile");
  }
  // 1. Budget and cooldown, before anything can happen.
  const std::string attempt_id = healing::NextAttemptId(incident_, policy_->status.actions);
  const Status reserved = Reserve(*step, attempt_id);
  if (reserved.code() == Code::kTooManyRequests) {
    // Another incident was faster. The gates will say so on the policy as it is now.
    Use(shell_.policies.Get({policy_->metadata.ns, policy_->metadata.name}));
    view_.gates.reset();
    return policy_ != nullptr ? Status::Ok() : ConflictError("the policy is gone");
  }
  SALVE_RETURN_IF_ERROR(reserved);
  // 2. The target, for this incident alone.
  SALVE_ASSIGN_OR_RETURN(const bool held, TakeLease(*step));
  if (!held) {
    SALVE_RETURN_IF_ERROR(SettleRecords());
    // Not again in this reconcile: each try costs a reservation. The next one finds the gate
    // closed.
    return ConflictError("another incident took the lease of " + incident_.spec.target.name);
  }
  // 3. Intent.
  healing::IntentInput intent;
  intent.attempt_id = attempt_id;
  intent.step = step;
  intent.plan = &*plan_;
  intent.before = healing::ToObservation(observation_, *view_.health, shell_.clock.Now());
  SALVE_RETURN_IF_ERROR(healing::ApplyIntent(incident_.status, intent, shell_.clock.Now()));
  // Whether it was stored when this fails, only the server knows: the next reconcile looks.
  SALVE_RETURN_IF_ERROR(Persist());
  // 4. The world as it is now must be the one that was decided on.
  if (const Status changed = CheckUnchanged(*step); !changed.ok()) {
    return Abandon(attempt_id, changed.reason(), changed.message());
  }
  return RunAndRecord(attempt_id);
}

Status IncidentRun::Abandon(const std::string& attempt_id, const std::string& reason,
                            const std::string& message) {
  healing::ApplyAbandon(incident_.status, attempt_id, reason, message, shell_.clock.Now());
  ReleaseLease();
  ForgetFacts();
  SALVE_RETURN_IF_ERROR(Persist());
  return SettleRecords();
}

// A process that stood still must not act on a target that may be somebody else's by now.
Status IncidentRun::CheckLease() const {
  if (shell_.clock.Monotonic() < lease_until_) return Status::Ok();
  return AbortedError("the lease of the target ran out before the action began")
      .WithReason("LeaseLost");
}

// The budget counts from the reservation: whoever was away since then must not act on what was true
// then.
Status IncidentRun::CheckInTime(const std::string& attempt_id) const {
  SALVE_RETURN_IF_ERROR(CheckLease());
  const std::vector<v1::ActionRecord>& records = policy_->status.actions;
  const auto record = std::find_if(records.begin(), records.end(), [&](const v1::ActionRecord& r) {
    return r.attempt_id == attempt_id;
  });
  const auto reserved =
      record != records.end() ? ParseTime(record->reserved_at) : std::optional<WallTime>();
  if (reserved && shell_.AccountingNow() - *reserved > kReservationLife) {
    return AbortedError("too long after the budget was reserved for it").WithReason("TooLate");
  }
  return Status::Ok();
}

// 5 and 6. The intent is stored and nothing has changed: run it, write what came of it.
Status IncidentRun::RunAndRecord(const std::string& attempt_id) {
  const v1::Attempt* attempt = healing::FindAttempt(incident_.status, attempt_id);
  if (attempt == nullptr) return InternalError("attempt " + attempt_id + " is not on the incident");
  if (const Status late = CheckInTime(attempt_id); !late.ok()) {
    return Abandon(attempt_id, late.reason(), late.message());
  }
  Metrics().ActionAttempted(attempt->action);
  const StatusOr<ActionResult> result = Call(RequestFor(*attempt, false));
  // Not refused but overtaken: whatever the target is now is looked at and decided anew.
  if (!result.ok()) return Abandon(attempt_id, result.status().reason(), result.status().message());
  healing::ApplyResult(incident_.status, attempt_id, *result, VerificationSpec(),
                       shell_.clock.Now());
  ForgetFacts();
  SALVE_RETURN_IF_ERROR(Persist());
  if (result->outcome != ActionResult::Outcome::kNotApplied) return Status::Ok();
  ReleaseLease();
  return SettleRecords();
}

Status IncidentRun::ExecuteSameKey(const std::string& attempt_id) {
  const v1::Attempt* attempt = healing::FindAttempt(incident_.status, attempt_id);
  const v1::Step* step = attempt != nullptr ? StepOf(attempt->step) : nullptr;
  if (policy_ == nullptr || step == nullptr) {
    return Abandon(attempt_id, "PolicyChanged",
                   "the policy no longer has the step of this attempt");
  }
  SALVE_ASSIGN_OR_RETURN(const bool held, TakeLease(*step));
  if (!held) return Abandon(attempt_id, "LeaseLost", "another incident holds the target");
  if (const Status changed = CheckUnchanged(*step); !changed.ok()) {
    return Abandon(attempt_id, changed.reason(), changed.message());
  }
  return RunAndRecord(attempt_id);
}

Status IncidentRun::Recover(const std::string& attempt_id) {
  const v1::Attempt* attempt = healing::FindAttempt(incident_.status, attempt_id);
  if (attempt == nullptr) return InternalError("attempt " + attempt_id + " is not on the incident");
  SALVE_ASSIGN_OR_RETURN(const ActionResult result, AskOutcome(RequestFor(*attempt, false)));
  healing::ApplyRecovery(incident_.status, attempt_id, result, VerificationSpec(),
                         shell_.clock.Now());
  view_.recovered = result.outcome;
  return Persist();
}

Status IncidentRun::Verify(const std::string& attempt_id) {
  v1::Observation after;
  const healing::FreshCheck check = MeasureFresh(&after);
  healing::ApplyCheck(incident_.status, attempt_id, check, after, VerificationSpec(),
                      shell_.clock.Now());
  ForgetFacts();
  SALVE_RETURN_IF_ERROR(Persist());
  const v1::Attempt* attempt = healing::FindAttempt(incident_.status, attempt_id);
  if (attempt == nullptr || attempt->phase != healing::kAttemptDone) return Status::Ok();
  if (attempt->verification && attempt->verification->outcome == healing::kOutcomeSuccessful) {
    Metrics().ActionSucceeded(attempt->action);
  }
  // The target stays ours until what is owed to it is done.
  const bool undo_owed = healing::DecideAfterFailure(*attempt, StepOf(attempt->step)) ==
                         healing::AfterFailure::kRollback;
  if (!undo_owed) ReleaseLease();
  return SettleRecords();
}

Status IncidentRun::TakeLeaseForUndo(const v1::Attempt& attempt) {
  const v1::Step* step = StepOf(attempt.step);  // nullptr: the policy has changed
  SALVE_ASSIGN_OR_RETURN(const bool held, TakeLease(step != nullptr ? *step : v1::Step{}));
  if (held) return Status::Ok();
  return UnavailableError("undoing attempt " + attempt.id +
                          ": another incident holds the lease of " + incident_.spec.target.name)
      .WithReason("LeaseHeld");
}

Status IncidentRun::Undo(const std::string& attempt_id) {
  const v1::Attempt* attempt = healing::FindAttempt(incident_.status, attempt_id);
  if (attempt == nullptr) return InternalError("attempt " + attempt_id + " is not on the incident");
  SALVE_RETURN_IF_ERROR(TakeLeaseForUndo(*attempt));
  healing::ApplyUndoIntent(incident_.status, attempt_id, shell_.clock.Now());
  SALVE_RETURN_IF_ERROR(Persist());
  return RunUndo(attempt_id);
}

Status IncidentRun::RecoverUndo(const std::string& attempt_id) {
  const v1::Attempt* attempt = healing::FindAttempt(incident_.status, attempt_id);
  if (attempt == nullptr) return InternalError("attempt " + attempt_id + " is not on the incident");
  SALVE_ASSIGN_OR_RETURN(const ActionResult result, AskOutcome(RequestFor(*attempt, true)));
  healing::ApplyUndoRecovery(incident_.status, attempt_id, result, VerificationSpec(),
                             shell_.clock.Now());
  view_.recovered = result.outcome;
  return Persist();
}

Status IncidentRun::UndoSameKey(const std::string& attempt_id) {
  const v1::Attempt* attempt = healing::FindAttempt(incident_.status, attempt_id);
  if (attempt == nullptr) return InternalError("attempt " + attempt_id + " is not on the incident");
  SALVE_RETURN_IF_ERROR(TakeLeaseForUndo(*attempt));
  return RunUndo(attempt_id);
}

Status IncidentRun::RunUndo(const std::string& attempt_id) {
  const v1::Attempt* attempt = healing::FindAttempt(incident_.status, attempt_id);
  if (attempt == nullptr) return InternalError("attempt " + attempt_id + " is not on the incident");
  SALVE_RETURN_IF_ERROR(CheckLease());
  // What is not what the attempt left behind is not put back: a person looks.
  const StatusOr<ActionResult> called = Call(RequestFor(*attempt, true));
  const ActionResult result = called.ok() ? *called : NotApplied(called.status());
  healing::ApplyUndoResult(incident_.status, attempt_id, result, VerificationSpec(),
                           shell_.clock.Now());
  ForgetFacts();
  return Persist();
}

Status IncidentRun::VerifyUndo(const std::string& attempt_id) {
  v1::Observation after;
  const healing::FreshCheck check = MeasureFresh(&after);
  healing::ApplyUndoCheck(incident_.status, attempt_id, check, VerificationSpec(),
                          shell_.clock.Now());
  ForgetFacts();
  SALVE_RETURN_IF_ERROR(Persist());
  if (healing::RunningAttempt(incident_.status) != nullptr) return Status::Ok();
  ReleaseLease();
  return SettleRecords();
}

Status IncidentRun::SettleEndedReservations() {
  if (policy_ == nullptr) return Status::Ok();
  const auto abandoned = [&](const v1::ActionRecord& record) {
    if (record.incident != incident_.metadata.name || !record.result.empty()) return false;
    const v1::Attempt* attempt = healing::FindAttempt(incident_.status, record.attempt_id);
    return attempt == nullptr || attempt != healing::RunningAttempt(incident_.status);
  };
  const std::vector<v1::ActionRecord>& records = policy_->status.actions;
  if (std::none_of(records.begin(), records.end(), abandoned)) return Status::Ok();
  // The cache may not have seen an intent whose answer was lost: only the server may say that there
  // is none.
  const NamespacedName key{incident_.metadata.ns, incident_.metadata.name};
  const StatusOr<client::Json> json = shell_.client.Get(v1::Incident::kInfo, key);
  if (json.code() == Code::kNotFound)
    return Status::Ok();  // its policy's reconcile ends them in time
  if (!json.ok()) return json.status();
  shell_.incidents.Offer(*json);
  SALVE_ASSIGN_OR_RETURN(const v1::Incident live, apis::Decode<v1::Incident>(*json));
  if (live.metadata.resource_version != incident_.metadata.resource_version) {
    return ConflictError("incident " + key.ToString() + " is newer than the cache knew");
  }
  return SettleRecords();
}

Status IncidentRun::SettleRecords() {
  if (policy_ == nullptr) return Status::Ok();
  const NamespacedName key{policy_->metadata.ns, policy_->metadata.name};
  auto stored = shell_.policy_status.Update(key, [&](v1::HealingPolicy& current) -> StatusOr<bool> {
    return healing::ReconcileRecords(current.status.actions, incident_, "", shell_.AccountingNow());
  });
  if (stored.code() == Code::kNotFound) return Status::Ok();
  if (!stored.ok()) return stored.status();
  Use(std::make_shared<const v1::HealingPolicy>(std::move(stored).value()));
  return Status::Ok();
}

}  // namespace salve::reconcilers
