// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_MACHINE_H_
#define SALVE_PKG_HEALING_MACHINE_H_

#include <optional>
#include <string>
#include <vector>

#include "pkg/healing/gates.h"
#include "pkg/healing/ladder.h"
#include "pkg/healing/risk.h"
#include "pkg/healing/rules.h"
#include "pkg/healing/timeline.h"
#include "pkg/healing/types.h"
#include "pkg/healing/verification.h"

// The life of an incident as a state machine. NextAction is the single place that decides what
// happens next; the shell (reconciler) does the I/O that it asks for, hands the facts to one of
// the Apply functions below, and asks again:
//
//   IncidentView view{…};
//   for (;;) {
//     const Next next = NextAction(view);
//     switch (next.what) { … do the I/O, fill `view`, call the Apply function named there … }
//   }
//
// All state is in Incident.status; the view's optional members are the facts of this reconcile
// only. So a successor that finds the same status decides the same. Without a policy (deleted)
// verification uses the defaults of v1::Verification. Pure; no clock. The shell persists the status
// where "persist" is said, and at the end of the reconcile if it changed.
namespace salve::healing {

// Outcomes of an incident.
inline constexpr char kAutoHealed[] = "AutoHealed";
inline constexpr char kHealedAfterApproval[] = "HealedAfterApproval";
inline constexpr char kSelfResolved[] = "SelfResolved";
inline constexpr char kRolledBack[] = "RolledBack";
inline constexpr char kEscalated[] = "Escalated";
inline constexpr char kRejected[] = "Rejected";
inline constexpr char kExpired[] = "Expired";
inline constexpr char kSuppressed[] = "Suppressed";
inline constexpr char kDryRun[] = "DryRun";
inline constexpr char kInconclusive[] = "Inconclusive";
inline constexpr char kCancelled[] = "Cancelled";

// Phases of an attempt.
inline constexpr char kAttemptIntended[] = "Intended";
inline constexpr char kAttemptExecuted[] = "Executed";
inline constexpr char kAttemptVerifying[] = "Verifying";
inline constexpr char kAttemptDone[] = "Done";
inline constexpr char kAttemptUndoIntended[] = "UndoIntended";
inline constexpr char kAttemptUndoExecuted[] = "UndoExecuted";
inline constexpr char kAttemptUndone[] = "Undone";

inline constexpr std::size_t kMaxAttempts = 20;      // of one incident; then escalate
inline constexpr std::int64_t kRecheckSeconds = 30;  // how often a waiting incident looks by itself

enum class Do {
  kNothing,  // resolved: over for good
  kBegin,    // new: ApplyBegin; persist
  // Look at the target freshly (Backend::Observe and the trackers' states, or fresh probes), put
  // the result into view.health.
  kObserve,
  kDiagnose,  // gather Evidence, Diagnose(), ApplyDiagnosis; view.diagnosed = true
  // Backend::Plan for `next.step`, AssessRisk, RequiredApprovals, ProposalDigest; ApplyProposal;
  // view.proposed = true. If the plan cannot be made: kInvalidArgument or kNotFound →
  // ApplyEscalation with reason CannotPlan; kUnavailable → ApplyWait(BackendUnavailable).
  kPropose,
  kEvaluateGates,  // fill a GateInput, EvaluateGates; ApplyGates; view.gates
  // The execution protocol: reserve (budget.h) and persist on guardrails and policy, take the
  // Lease, ApplyIntent and persist, observe and recompute the digest (differs: ApplyAbandon),
  // Execute, ApplyResult and persist. Afterwards clear view.gates, view.health, view.diagnosed,
  // view.proposed.
  kExecute,
  kRecoverAttempt,  // crash: Backend::Outcome(attempt) → ApplyRecovery; set view.recovered to its
                    // outcome
  // Outcome said NotApplied: execute with the same attempt id (lease, observe, digest as in
  // kExecute; the reservation stands), ApplyResult. No new intent.
  kExecuteSameKey,
  kVerify,  // fresh measurements → CombineFresh → ApplyCheck; also ReconcileRecords on the policy
  kUndo,    // ApplyUndoIntent and persist, Execute(attempt.undo, UndoKey), ApplyUndoResult; persist
  kRecoverUndo,  // crash in an undo: Outcome(UndoKey) → ApplyUndoRecovery; set view.recovered
  kUndoSameKey,  // NotApplied: Execute(attempt.undo, UndoKey) again, ApplyUndoResult
  kVerifyUndo,   // as kVerify, ApplyUndoCheck
  kEscalate,     // ApplyEscalation(next.reason, next.message); tell people once
  kAbandon,      // ApplyAbandon(next.attempt_id, next.reason, next.message); persist
  kClose,        // ApplyClose(next.outcome, next.reason, next.message); persist
  kWait,         // ApplyNextCheck(next); end this reconcile; come back at next.at
};
const char* DoName(Do what);

struct Next {
  Do what = Do::kNothing;
  std::optional<WallTime> at;  // kWait: always set; when to look again at the latest
  std::optional<WallTime>
      stated;          // kWait: the end of a stated wait (a gate's until, an expiry), if any
  std::string reason;  // CamelCase
  std::string message;
  std::string outcome;     // kClose
  std::string attempt_id;  // those about an attempt
  std::string step;        // kPropose
};

struct IncidentView {
  const v1::Incident* incident =
      nullptr;  // never null; its status is what the Apply functions changed
  const v1::HealingPolicy* policy = nullptr;  // null: gone, or being deleted
  const EffectiveLimits* limits = nullptr;    // null only without a policy
  bool incident_deleted = false;              // being deleted: ends after the running attempt
  // Why what it was opened for is wanted no more; it ends after the running attempt. Empty: it is.
  struct Overtaken {
    std::string reason;  // CamelCase
    std::string message;
  };
  std::optional<Overtaken> overtaken;
  // SELF_HEAL_ENABLED: without it nothing is run, not even an undo that is owed.
  bool self_heal_enabled = true;
  WallTime now;
  // Facts of this reconcile; empty = not asked yet.
  std::optional<TargetHealth> health;
  bool diagnosed = false;
  bool proposed = false;
  std::optional<std::vector<Gate>> gates;
  std::optional<ActionResult::Outcome> recovered;
  // Records of earlier incidents that count against this ladder: EarlierAttempts(). Empty for an
  // incident that a person made: asking again is a decision.
  std::vector<v1::ActionRecord> earlier;
};

Next NextAction(const IncidentView& view);

// --- transitions: each changes status only, and only where something is different
// --------------------------

void ApplyBegin(const v1::Incident& incident, v1::IncidentStatus& status, WallTime now);
// A further signal for the open incident.
void ApplyOccurrence(v1::IncidentStatus& status, const std::string& message, WallTime at);

// A diagnosis with the same rule, cause, object, step and verdict as the stored one changes
// nothing.
void ApplyDiagnosis(v1::IncidentStatus& status, const v1::DiagnosisStatus& diagnosis, WallTime now);

struct ProposalInput {
  const v1::Step* step = nullptr;
  const ActionPlan* plan = nullptr;
  v1::Risk risk;
  ApprovalNeed need;
  std::string digest;
  std::int64_t expires_after_seconds = 0;
};
// The same digest as the stored proposal's: only required_approvals and risk are brought up to
// date. Another digest: a new proposal, the old one's approvals are void, and the timeline says so.
void ApplyProposal(v1::IncidentStatus& status, const ProposalInput& input, WallTime now);

// `approval` fills proposal.approvers.
void ApplyGates(v1::IncidentStatus& status, const std::vector<Gate>& gates,
                const ApprovalResult& approval, WallTime now);

// Writes the attempt that is about to run. Must be persisted before Execute. `approved_by`: from
// the proposal's approvers.
struct IntentInput {
  std::string attempt_id;
  const v1::Step* step = nullptr;
  const ActionPlan* plan = nullptr;
  v1::Observation before;
};
// kInternal unless the gates in status all passed: no action without.
Status ApplyIntent(v1::IncidentStatus& status, const IntentInput& input, WallTime now);
// The attempt was certainly not executed (drift, refused, healed meanwhile).
void ApplyAbandon(v1::IncidentStatus& status, const std::string& attempt_id,
                  const std::string& reason, const std::string& message, WallTime now);
// Applied and Unknown begin verification; NotApplied ends the attempt. A refused call has used up
// one of its step's attempts: a backend that refuses for ever must not be asked for ever.
void ApplyResult(v1::IncidentStatus& status, const std::string& attempt_id,
                 const ActionResult& result, const v1::Verification& verification, WallTime now);
// What Outcome() said of an attempt found without a result. Applied and Unknown: as ApplyResult.
// NotApplied: only a timeline entry; NextAction then asks for kExecuteSameKey.
void ApplyRecovery(v1::IncidentStatus& status, const std::string& attempt_id,
                   const ActionResult& result, const v1::Verification& verification, WallTime now);
void ApplyCheck(v1::IncidentStatus& status, const std::string& attempt_id, const FreshCheck& check,
                const v1::Observation& after, const v1::Verification& verification, WallTime now);

// The id under which the inverse of an attempt runs.
std::string UndoKey(const std::string& attempt_id);
void ApplyUndoIntent(v1::IncidentStatus& status, const std::string& attempt_id, WallTime now);
// NotApplied ends the attempt; NextAction then escalates: an undo that does not run needs a person.
void ApplyUndoResult(v1::IncidentStatus& status, const std::string& attempt_id,
                     const ActionResult& result, const v1::Verification& verification,
                     WallTime now);
void ApplyUndoRecovery(v1::IncidentStatus& status, const std::string& attempt_id,
                       const ActionResult& result, const v1::Verification& verification,
                       WallTime now);
// An undo is good when the target is no worse than it was before the attempt.
void ApplyUndoCheck(v1::IncidentStatus& status, const std::string& attempt_id,
                    const FreshCheck& check, const v1::Verification& verification, WallTime now);

// A wait that is not a gate (the plan cannot be made because the backend is away): phase Blocked.
void ApplyWait(v1::IncidentStatus& status, const std::string& reason, const std::string& message,
               WallTime now);
// next_check_at: the stated end of the wait, or empty. A mere look every kRecheckSeconds is not
// written.
void ApplyNextCheck(v1::IncidentStatus& status, const Next& next);
void ApplyEscalation(v1::IncidentStatus& status, const std::string& reason,
                     const std::string& message, WallTime now);
void ApplyClose(v1::IncidentStatus& status, const std::string& outcome, const std::string& reason,
                const std::string& message, WallTime now);

// --- reading
// ----------------------------------------------------------------------------------------------

// Which attempt a proposal made now would be; part of its digest, so that an approval licenses one
// attempt. An attempt that is running does not change it.
std::int64_t ProposalOrdinal(const v1::IncidentStatus& status);
bool IsResolved(const v1::IncidentStatus& status);
// The attempt that is not at its end yet; nullptr if none.
const v1::Attempt* RunningAttempt(const v1::IncidentStatus& status);
const v1::Attempt* FindAttempt(const v1::IncidentStatus& status, const std::string& attempt_id);
// Whether the attempt has run, or may have: it has a result, and that is not NotApplied.
bool MayHaveRun(const v1::Attempt& attempt);
// Whether any of its attempts has, or may have.
bool HasActed(const v1::IncidentStatus& status);
// Whether the incident holds one of the policy's maxConcurrent places.
bool IsActing(const v1::IncidentStatus& status);
// One line: what happened and what it waits for. ApplyX keep status.summary up to date by it.
std::string SummaryLine(const v1::IncidentStatus& status);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_MACHINE_H_
