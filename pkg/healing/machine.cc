// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/machine.h"

#include <algorithm>

#include "pkg/base/time_format.h"
#include "pkg/healing/scheduled_life.h"
#include "pkg/healing/signals.h"

// What happens next. The transitions are in transitions.cc.
namespace salve::healing {
namespace {

Next Make(Do what) {
  Next next;
  next.what = what;
  return next;
}

Next OfAttempt(Do what, const v1::Attempt& attempt) {
  Next next = Make(what);
  next.attempt_id = attempt.id;
  next.step = attempt.step;
  return next;
}

Next Close(const char* outcome, std::string reason, std::string message) {
  Next next = Make(Do::kClose);
  next.outcome = outcome;
  next.reason = std::move(reason);
  next.message = std::move(message);
  return next;
}

Next Escalate(std::string reason, std::string message) {
  Next next = Make(Do::kEscalate);
  next.reason = std::move(reason);
  next.message = std::move(message);
  return next;
}

Next Wait(const IncidentView& view, std::optional<WallTime> stated, std::string reason,
          std::string message) {
  Next next = Make(Do::kWait);
  next.stated = stated;
  next.at = view.now + std::chrono::seconds(kRecheckSeconds);
  // A stated time that has passed already is looked at soon, not in a loop.
  const WallTime soonest = view.now + std::chrono::seconds(1);
  if (stated && *stated < *next.at) next.at = std::max(*stated, soonest);
  next.reason = std::move(reason);
  next.message = std::move(message);
  return next;
}

// Why the incident ends as soon as nothing runs any more; "" if it does not.
std::string Ending(const IncidentView& view) {
  if (view.incident_deleted) return "Deleted";
  if (view.policy == nullptr) return "PolicyDeleted";
  if (view.overtaken) return view.overtaken->reason;
  return view.incident->spec.cancel ? "CancelRequested" : "";
}

Next WaitForSwitch(const IncidentView& view) {
  return Wait(view, std::nullopt, "Disabled", "self-healing is switched off; what is begun waits");
}

std::string EndingMessage(const IncidentView& view, const std::string& reason) {
  if (view.overtaken && reason == view.overtaken->reason) return view.overtaken->message;
  if (reason == "Deleted") return "the incident was deleted";
  if (reason == "PolicyDeleted") return "its policy no longer exists";
  return "somebody asked to end it";
}

// Checks that are not due yet are waited for to the second: they are the stated end of this wait.
Next VerifyWhenDue(const IncidentView& view, const v1::Attempt& attempt,
                   const std::optional<v1::VerificationStatus>& verification, Do what) {
  const auto due = verification ? ParseTime(verification->next_check_at) : std::nullopt;
  // A clock that was set back must not put the check off for longer than any policy could ask.
  const bool sane = due && *due - view.now < std::chrono::hours(1);
  if (!due || *due <= view.now || !sane) return OfAttempt(what, attempt);
  Next next =
      Wait(view, due, "Verifying", "the next check of step " + attempt.step + " is not due");
  next.at = *due;
  next.attempt_id = attempt.id;
  return next;
}

// An attempt that has begun is always brought to its end first.
Next Continue(const IncidentView& view, const v1::Attempt& attempt) {
  const bool not_applied = view.recovered == ActionResult::Outcome::kNotApplied;
  if (attempt.phase == kAttemptIntended) {
    if (!not_applied) return OfAttempt(Do::kRecoverAttempt, attempt);
    const std::string ending = Ending(view);
    if (ending.empty()) {
      return view.self_heal_enabled ? OfAttempt(Do::kExecuteSameKey, attempt) : WaitForSwitch(view);
    }
    Next next = OfAttempt(Do::kAbandon, attempt);
    next.reason = ending;
    next.message = EndingMessage(view, ending);
    return next;
  }
  if (attempt.phase == kAttemptUndoIntended) {
    if (not_applied && !view.self_heal_enabled) return WaitForSwitch(view);
    return OfAttempt(not_applied ? Do::kUndoSameKey : Do::kRecoverUndo, attempt);
  }
  if (attempt.phase == kAttemptUndoExecuted) {
    return VerifyWhenDue(view, attempt, attempt.undo_verification, Do::kVerifyUndo);
  }
  return VerifyWhenDue(view, attempt, attempt.verification, Do::kVerify);
}

const char* HealedOutcome(const v1::Attempt& attempt) {
  return attempt.approved_by.empty() ? kAutoHealed : kHealedAfterApproval;
}

// What the end of the last attempt asks for; kNothing: go on as usual.
Next AfterAttempt(const IncidentView& view, const v1::Attempt& last) {
  const std::string outcome = last.verification ? last.verification->outcome : "";
  if (last.phase == kAttemptDone && outcome == kOutcomeSuccessful) {
    // The probes went with the policy: what they found ill, nothing has measured since.
    if (view.policy == nullptr && view.incident->spec.trigger.source != kSourceTarget) {
      return Close(
          kCancelled, "PolicyDeleted",
          "its policy no longer exists; step " + last.step +
              " ran, and of its effect only the target's own state could be measured: it is well");
    }
    return Close(HealedOutcome(last), "Verified",
                 "step " + last.step + (IsScheduleStep(last.step) ? " is done: " : " helped: ") +
                     last.verification->message);
  }
  const bool escalated = view.incident->status.phase == kPhaseEscalated;
  const bool undo_failed = (last.undo_result && last.undo_result->outcome == "NotApplied") ||
                           (last.phase == kAttemptUndone && last.undo_verification &&
                            last.undo_verification->outcome != kOutcomeSuccessful);
  if (undo_failed) {
    if (escalated) return Make(Do::kNothing);
    return Escalate("UndoFailed", "step " + last.step +
                                      " did not help and could not be undone; look at the target");
  }
  if (last.phase != kAttemptDone || outcome.empty()) return Make(Do::kNothing);
  std::vector<v1::Step> ladder;
  if (view.policy != nullptr) ladder = EffectiveLadder(view.policy->spec);
  switch (DecideAfterFailure(last, FindStep(ladder, last.step))) {
    case AfterFailure::kRollback:
      return view.self_heal_enabled ? OfAttempt(Do::kUndo, last) : WaitForSwitch(view);
    case AfterFailure::kEscalate:
      if (escalated) break;
      return outcome == kOutcomeError
                 ? Escalate("VerificationError",
                            "whether step " + last.step +
                                " helped could not be measured: " + last.verification->message)
                 : Escalate("StepEscalates", "step " + last.step + " did not help (" +
                                                 last.verification->message + ")");
    case AfterFailure::kNext:
      break;
  }
  return Make(Do::kNothing);
}

// The target is healthy although nothing that was done is known to have healed it.
Next CloseHealthy(const v1::IncidentStatus& status) {
  const std::string tail = "the target is healthy";
  if (status.phase == kPhaseEscalated) {
    return Close(kEscalated, "HealedByOthers", tail + " after a person was called");
  }
  if (!status.attempts.empty() && status.attempts.back().phase == kAttemptUndone) {
    return Close(kRolledBack, "RolledBack",
                 tail + " after step " + status.attempts.back().step + " was undone");
  }
  if (status.diagnosis && status.diagnosis->verdict == kVerdictDoNothing) {
    return Close(kSuppressed, status.diagnosis->cause,
                 tail + " again; nothing was done because " + status.diagnosis->cause +
                     " was no fault of its own");
  }
  const bool unproven =
      std::any_of(status.attempts.begin(), status.attempts.end(),
                  [](const v1::Attempt& attempt) { return !attempt.executed_at.empty(); });
  return Close(kSelfResolved, "Healthy",
               tail + (unproven ? ", though no step was verified to have healed it"
                                : " without any action"));
}

Next FollowVerdict(const IncidentView& view, const v1::DiagnosisStatus& diagnosis) {
  if (diagnosis.verdict == kVerdictEscalate) return Escalate(diagnosis.cause, diagnosis.message);
  const PackRule* rule = FindPackRule(diagnosis.rule);
  if (rule != nullptr && rule->settles) {
    return Close(kSuppressed, diagnosis.cause, diagnosis.message);
  }
  // Nothing is proposed; whoever asks why still sees what else would hold it.
  if (!view.gates) return Make(Do::kEvaluateGates);
  return Wait(view, std::nullopt, diagnosis.cause, diagnosis.message);
}

// Which step to plan, or that there is none.
Next Propose(const IncidentView& view) {
  const v1::IncidentStatus& status = view.incident->status;
  if (status.attempts.size() >= kMaxAttempts) {
    return Escalate("TooManyAttempts", std::to_string(kMaxAttempts) + " attempts are enough");
  }
  const std::vector<v1::Step> ladder = EffectiveLadder(view.policy->spec);
  const LadderChoice choice =
      ChooseStep(ladder, status.diagnosis->step, status.attempts, view.earlier);
  if (choice.step == nullptr) return Escalate(choice.reason, choice.message);
  Next next = Make(Do::kPropose);
  next.step = choice.step->name;
  next.reason = choice.reason;
  next.message = choice.message;
  return next;
}

// A policy without a ladder has allowed the packs' steps up to maxAutoRisk, and no further.
bool AbovePackRisk(const IncidentView& view) {
  if (!UsesPackLadder(view.policy->spec) || !view.incident->status.proposal) return false;
  const bool merged = view.limits != nullptr;
  const std::string& ceiling =
      merged ? view.limits->max_auto_risk : view.policy->spec.guardrails.max_auto_risk;
  const std::string& mode = merged ? view.limits->mode : view.policy->spec.mode;
  return mode == v1::kModeAuto &&
         RiskRank(view.incident->status.proposal->risk.level) > RiskRank(ceiling);
}

Next FollowGates(const IncidentView& view) {
  const std::vector<Gate>& gates = *view.gates;
  const v1::IncidentStatus& status = view.incident->status;
  const auto reason_of = [&](const char* name) {
    const Gate* gate = FindGate(gates, name);
    return gate != nullptr && !gate->pass ? gate->reason : std::string();
  };
  if (reason_of(kGateMode) == kReasonDryRun) {
    return Close(kDryRun, kReasonDryRun,
                 "mode is DryRun: step " + (status.proposal ? status.proposal->step : "") +
                     " was proposed, not run");
  }
  if (reason_of(kGateApproval) == kReasonRejected) {
    return Close(kRejected, kReasonRejected, FindGate(gates, kGateApproval)->message);
  }
  // Where the mode runs nothing, nobody was asked in earnest.
  if (reason_of(kGateApproval) == kReasonExpired && reason_of(kGateMode).empty()) {
    if (view.policy->spec.approval.on_expiry == "Close") {
      return Close(kExpired, kReasonExpired, "nobody approved the proposal in time");
    }
    return Escalate("ApprovalExpired", "nobody approved the proposal in time");
  }
  if (AllPassed(gates)) return Make(Do::kExecute);
  std::optional<WallTime> stated = NextOpening(gates);
  const auto expires = status.proposal ? ParseTime(status.proposal->expires_at) : std::nullopt;
  const bool asked = expires && *expires > view.now;
  if (asked && (!stated || *expires < *stated)) stated = expires;
  const std::vector<Gate> blocked = Blocked(gates);
  // A chain that is not complete blocks as well, without naming a gate.
  return blocked.empty() ? Wait(view, stated, "GatesIncomplete", "the gates were not all evaluated")
                         : Wait(view, stated, blocked.front().reason, blocked.front().message);
}

}  // namespace

const char* DoName(Do what) {
  static constexpr const char* kNames[] = {
      "Nothing",     "Begin",          "Observe",        "Diagnose", "Propose", "EvaluateGates",
      "Execute",     "RecoverAttempt", "ExecuteSameKey", "Verify",   "Undo",    "RecoverUndo",
      "UndoSameKey", "VerifyUndo",     "Escalate",       "Abandon",  "Close",   "Wait"};
  return kNames[static_cast<int>(what)];
}

Next NextAction(const IncidentView& view) {
  const v1::IncidentStatus& status = view.incident->status;
  if (IsResolved(status)) return Make(Do::kNothing);
  if (status.phase.empty()) return Make(Do::kBegin);
  if (const v1::Attempt* running = RunningAttempt(status)) return Continue(view, *running);
  if (!status.attempts.empty()) {
    const Next after = AfterAttempt(view, status.attempts.back());
    if (after.what != Do::kNothing) {
      // Nothing more is begun for an incident that is to end; an undo is not begun but owed.
      const bool owed =
          after.what == Do::kUndo || after.what == Do::kClose || after.what == Do::kWait;
      if (owed || Ending(view).empty()) return after;
    }
  }
  const std::string ending = Ending(view);
  if (!ending.empty()) return Close(kCancelled, ending, EndingMessage(view, ending));

  if (!view.health) return Make(Do::kObserve);
  if (view.health->state == HealthState::kHealthy) return CloseHealthy(status);
  if (view.health->state == HealthState::kMissing) {
    return Close(
        status.phase == kPhaseEscalated ? kEscalated : kCancelled, "TargetGone",
        view.health->message.empty() ? "the target does not exist any more" : view.health->message);
  }
  if (status.phase == kPhaseEscalated) {
    return Wait(view, std::nullopt, kEscalated, "a person is at it; closes when it is healthy");
  }
  if (!view.diagnosed || !status.diagnosis) return Make(Do::kDiagnose);
  if (!status.diagnosis->verdict.empty()) return FollowVerdict(view, *status.diagnosis);
  const Next proposal = Propose(view);
  if (proposal.what != Do::kPropose) return proposal;
  const bool current = view.proposed && status.proposal && status.proposal->step == proposal.step;
  if (!current) return proposal;
  if (AbovePackRisk(view)) {
    return Escalate("RiskAboveAuto", "the step that fits has risk " + status.proposal->risk.level +
                                         ", more than a policy without a ladder allows");
  }
  if (!view.gates) return Make(Do::kEvaluateGates);
  return FollowGates(view);
}

bool IsResolved(const v1::IncidentStatus& status) {
  return metav1::IsConditionTrue(status.conditions, v1::kIncidentResolved);
}

const v1::Attempt* RunningAttempt(const v1::IncidentStatus& status) {
  if (status.attempts.empty()) return nullptr;
  const v1::Attempt& last = status.attempts.back();
  return last.phase == kAttemptDone || last.phase == kAttemptUndone ? nullptr : &last;
}

const v1::Attempt* FindAttempt(const v1::IncidentStatus& status, const std::string& attempt_id) {
  const auto it = std::find_if(status.attempts.begin(), status.attempts.end(),
                               [&](const v1::Attempt& a) { return a.id == attempt_id; });
  return it == status.attempts.end() ? nullptr : &*it;
}

bool MayHaveRun(const v1::Attempt& attempt) {
  return attempt.result && attempt.result->outcome != "NotApplied";
}

bool HasActed(const v1::IncidentStatus& status) {
  return std::any_of(status.attempts.begin(), status.attempts.end(), MayHaveRun);
}

bool IsActing(const v1::IncidentStatus& status) {
  return !IsResolved(status) && RunningAttempt(status) != nullptr;
}

std::int64_t ProposalOrdinal(const v1::IncidentStatus& status) {
  const auto ended = static_cast<std::int64_t>(status.attempts.size()) -
                     (RunningAttempt(status) != nullptr ? 1 : 0);
  return ended + 1;
}

}  // namespace salve::healing
