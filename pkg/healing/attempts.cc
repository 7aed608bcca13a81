// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "pkg/base/time_format.h"
#include "pkg/healing/digest.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/outcome.h"

// The transitions of an attempt: intent, result, verification, undo.
namespace salve::healing {
namespace {

constexpr std::size_t kMaxOutput = 16u << 10;
constexpr std::size_t kMaxMessage = 1024;

v1::Attempt* Find(v1::IncidentStatus& status, const std::string& id) {
  return const_cast<v1::Attempt*>(FindAttempt(status, id));
}

void Set(v1::IncidentStatus& status, const char* type, const char* value, const char* reason,
         const std::string& message, WallTime now) {
  metav1::SetCondition(status.conditions,
                       {.type = type,
                        .status = value,
                        .observed_generation = status.observed_generation,
                        .last_transition_time = "",
                        .reason = reason,
                        .message = SanitizeLine(message, kMaxMessage)},
                       FormatTime(now));
}

// Output keeps its lines; what a terminal or JSON could not carry is replaced.
std::string Output(const std::string& text) {
  std::string out;
  std::size_t begin = 0;
  while (begin <= text.size() && out.size() < kMaxOutput) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += SanitizeLine(std::string_view(text).substr(begin, end - begin), kMaxOutput - out.size());
    if (end == text.size()) return out;
    if (out.size() < kMaxOutput) out += '\n';
    begin = end + 1;
  }
  return out + "… (shortened)";
}

v1::ExecutionResult ToApi(const ActionResult& result) {
  v1::ExecutionResult out;
  out.outcome = OutcomeName(result.outcome);
  out.message = SanitizeLine(result.message, kMaxMessage);
  out.exit_code = result.exit_code;
  out.stdout_text = Output(result.stdout_text);
  out.stderr_text = Output(result.stderr_text);
  out.duration_millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(result.duration).count();
  return out;
}

std::string ResultLine(const ActionResult& result) {
  std::string out = OutcomeName(result.outcome);
  if (result.exit_code != 0) out += ", exit code " + std::to_string(result.exit_code);
  out += " after " +
         std::to_string(
             std::chrono::duration_cast<std::chrono::milliseconds>(result.duration).count()) +
         " ms";
  const std::string& said = !result.message.empty()       ? result.message
                            : !result.stderr_text.empty() ? result.stderr_text
                                                          : result.stdout_text;
  if (!said.empty()) out += ": " + SanitizeLine(said, 512);
  return out;
}

// The attempt is over without success: what comes next is decided anew, with a new proposal.
void StartOver(v1::IncidentStatus& status, WallTime now) {
  status.proposal.reset();
  status.next_check_at.clear();
  EnterPhase(status, kPhaseDiagnosing, now);
}

// The licence: the full chain, every gate passed, for exactly this step.
bool Licensed(const v1::IncidentStatus& status, const IntentInput& input) {
  std::vector<Gate> gates;
  for (const v1::GateStatus& gate : status.gates) {
    gates.push_back({gate.name, gate.result == "Pass", gate.reason, "", std::nullopt, ""});
  }
  return AllPassed(gates) && status.proposal && status.proposal->step == input.step->name &&
         !status.proposal->digest.empty() &&
         status.proposal->preview.command == input.plan->command;
}

void Finished(v1::IncidentStatus& status, const std::string& outcome, const std::string& message,
              WallTime now) {
  const char* value = outcome == kOutcomeSuccessful ? "True"
                      : outcome == kOutcomeFailed   ? "False"
                                                    : "Unknown";
  Set(status, v1::kIncidentVerified, value, outcome.c_str(), message, now);
  AddTimeline(status, kVerification, outcome + ": " + message, now);
}

}  // namespace

const char* OutcomeName(ActionResult::Outcome outcome) {
  switch (outcome) {
    case ActionResult::Outcome::kApplied:
      return "Applied";
    case ActionResult::Outcome::kNotApplied:
      return "NotApplied";
    case ActionResult::Outcome::kUnknown:
      return "Unknown";
  }
  return "Unknown";
}

Status ApplyIntent(v1::IncidentStatus& status, const IntentInput& input, WallTime now) {
  if (RunningAttempt(status) != nullptr) {
    return InternalError("beginning attempt " + input.attempt_id + ": attempt " +
                         RunningAttempt(status)->id + " has not ended")
        .WithReason("AttemptRunning");
  }
  if (!Licensed(status, input)) {
    return InternalError("beginning attempt " + input.attempt_id + " of step " + input.step->name +
                         ": not every gate has passed for this proposal")
        .WithReason("NotLicensed");
  }
  v1::Attempt attempt;
  attempt.id = input.attempt_id;
  attempt.step = input.step->name;
  attempt.action = status.proposal->action;
  attempt.digest = status.proposal->digest;
  attempt.phase = kAttemptIntended;
  attempt.command = input.plan->command;
  attempt.started_at = FormatMicroTime(now);
  attempt.before = input.before;
  attempt.undo = input.plan->undo;
  attempt.undo_token = input.plan->undo_token;
  attempt.subject = input.plan->subject;
  for (const std::string& name : status.proposal->approvers) {
    attempt.approved_by += (attempt.approved_by.empty() ? "" : ", ") + name;
  }
  status.attempts.push_back(std::move(attempt));
  EnterPhase(status, kPhaseExecuting, now);
  AddTimeline(status, kExecuting, input.plan->command, now);
  status.summary = SummaryLine(status);
  return Status::Ok();
}

void ApplyAbandon(v1::IncidentStatus& status, const std::string& attempt_id,
                  const std::string& reason, const std::string& message, WallTime now) {
  v1::Attempt* attempt = Find(status, attempt_id);
  if (attempt == nullptr || attempt->phase != kAttemptIntended) return;
  attempt->phase = kAttemptDone;
  attempt->finished_at = FormatMicroTime(now);
  attempt->result.emplace();
  attempt->result->outcome = "NotApplied";
  attempt->result->message = SanitizeLine(reason + ": " + message, kMaxMessage);
  AddTimeline(status, kResult, "not executed: " + message, now);
  StartOver(status, now);
  status.summary = SummaryLine(status);
}

void ApplyResult(v1::IncidentStatus& status, const std::string& attempt_id,
                 const ActionResult& result, const v1::Verification& verification, WallTime now) {
  v1::Attempt* attempt = Find(status, attempt_id);
  if (attempt == nullptr || attempt->phase != kAttemptIntended) return;
  attempt->executed_at = FormatMicroTime(now);
  attempt->result = ToApi(result);
  AddTimeline(status, kResult, ResultLine(result), now);
  if (result.outcome == ActionResult::Outcome::kNotApplied) {
    attempt->phase = kAttemptDone;
    attempt->finished_at = attempt->executed_at;
    Set(status, v1::kIncidentExecuted, "False", "NotApplied", ResultLine(result), now);
    AddTimeline(status, kError, "step " + attempt->step + " could not be run", now);
    StartOver(status, now);
  } else {
    const bool applied = result.outcome == ActionResult::Outcome::kApplied;
    attempt->phase = kAttemptExecuted;
    attempt->verification = StartVerification(verification, now);
    Set(status, v1::kIncidentExecuted, applied ? "True" : "Unknown", OutcomeName(result.outcome),
        ResultLine(result), now);
    EnterPhase(status, kPhaseVerifying, now);
    status.next_check_at = attempt->verification->next_check_at;
    AddTimeline(status, kVerifying, "measuring whether step " + attempt->step + " helped", now);
  }
  status.summary = SummaryLine(status);
}

void ApplyRecovery(v1::IncidentStatus& status, const std::string& attempt_id,
                   const ActionResult& result, const v1::Verification& verification, WallTime now) {
  const v1::Attempt* attempt = FindAttempt(status, attempt_id);
  if (attempt == nullptr || attempt->phase != kAttemptIntended) return;
  AddTimeline(status, kThinking,
              "found attempt " + attempt_id + " without a result; the backend says " +
                  OutcomeName(result.outcome),
              now);
  if (result.outcome != ActionResult::Outcome::kNotApplied) {
    ApplyResult(status, attempt_id, result, verification, now);
  }
}

void ApplyCheck(v1::IncidentStatus& status, const std::string& attempt_id, const FreshCheck& check,
                const v1::Observation& after, const v1::Verification& verification, WallTime now) {
  v1::Attempt* attempt = Find(status, attempt_id);
  const bool verifying = attempt != nullptr && (attempt->phase == kAttemptExecuted ||
                                                attempt->phase == kAttemptVerifying);
  if (!verifying) return;
  if (!attempt->verification) attempt->verification = StartVerification(verification, now);
  v1::VerificationStatus& running = *attempt->verification;
  AdvanceVerification(verification, check, running);
  if (check.verdict != Verdict::kUnmeasured || !attempt->after) attempt->after = after;
  attempt->phase = kAttemptVerifying;
  status.next_check_at = running.next_check_at;
  if (running.outcome.empty()) {
    AddTimeline(status, kVerifying, check.message, now);
  } else {
    attempt->phase = kAttemptDone;
    attempt->finished_at = FormatMicroTime(now);
    const std::string outcome = running.outcome;
    Finished(status, outcome, running.message, now);
    if (outcome != kOutcomeSuccessful) StartOver(status, now);
  }
  status.summary = SummaryLine(status);
}

std::string UndoKey(const std::string& attempt_id) { return attempt_id + "-undo"; }

void ApplyUndoIntent(v1::IncidentStatus& status, const std::string& attempt_id, WallTime now) {
  v1::Attempt* attempt = Find(status, attempt_id);
  if (attempt == nullptr || attempt->phase != kAttemptDone || !attempt->undo) return;
  attempt->phase = kAttemptUndoIntended;
  attempt->finished_at.clear();
  EnterPhase(status, kPhaseRollingBack, now);
  AddTimeline(status, kExecuting,
              "undoing step " + attempt->step + ": " + CanonicalAction(*attempt->undo), now);
  status.summary = SummaryLine(status);
}

void ApplyUndoResult(v1::IncidentStatus& status, const std::string& attempt_id,
                     const ActionResult& result, const v1::Verification& verification,
                     WallTime now) {
  v1::Attempt* attempt = Find(status, attempt_id);
  if (attempt == nullptr || attempt->phase != kAttemptUndoIntended) return;
  attempt->undo_result = ToApi(result);
  AddTimeline(status, kResult, "undo: " + ResultLine(result), now);
  if (result.outcome == ActionResult::Outcome::kNotApplied) {
    attempt->phase = kAttemptDone;
    attempt->finished_at = FormatMicroTime(now);
    Set(status, v1::kIncidentRolledBack, "False", "NotApplied", ResultLine(result), now);
    StartOver(status, now);
  } else {
    attempt->phase = kAttemptUndoExecuted;
    attempt->undo_verification = StartVerification(verification, now);
    status.next_check_at = attempt->undo_verification->next_check_at;
    AddTimeline(status, kVerifying, "measuring whether the target is as well as before", now);
  }
  status.summary = SummaryLine(status);
}

void ApplyUndoRecovery(v1::IncidentStatus& status, const std::string& attempt_id,
                       const ActionResult& result, const v1::Verification& verification,
                       WallTime now) {
  const v1::Attempt* attempt = FindAttempt(status, attempt_id);
  if (attempt == nullptr || attempt->phase != kAttemptUndoIntended) return;
  AddTimeline(status, kThinking,
              "found the undo of attempt " + attempt_id + " without a result; the backend says " +
                  OutcomeName(result.outcome),
              now);
  if (result.outcome != ActionResult::Outcome::kNotApplied) {
    ApplyUndoResult(status, attempt_id, result, verification, now);
  }
}

void ApplyUndoCheck(v1::IncidentStatus& status, const std::string& attempt_id,
                    const FreshCheck& check, const v1::Verification& verification, WallTime now) {
  v1::Attempt* attempt = Find(status, attempt_id);
  if (attempt == nullptr || attempt->phase != kAttemptUndoExecuted) return;
  if (!attempt->undo_verification) {
    attempt->undo_verification = StartVerification(verification, now);
  }
  // The measure of an undo is the state before the attempt, which was an ill one.
  FreshCheck judged = check;
  if (judged.verdict != Verdict::kUnmeasured) {
    const bool worse = GotWorse(attempt->before, ToObservation(std::nullopt, check));
    judged.verdict = worse ? Verdict::kBad : Verdict::kGood;
  }
  v1::Verification spec = verification;
  spec.min_healthy_seconds = 0;
  v1::VerificationStatus& running = *attempt->undo_verification;
  AdvanceVerification(spec, judged, running);
  status.next_check_at = running.next_check_at;
  if (!running.outcome.empty()) {
    const bool good = running.outcome == kOutcomeSuccessful;
    running.message = (good ? "as well as before: " : "worse than before: ") + check.message;
    attempt->phase = kAttemptUndone;
    attempt->finished_at = FormatMicroTime(now);
    Set(status, v1::kIncidentRolledBack, good ? "True" : "False", running.outcome.c_str(),
        running.message, now);
    AddTimeline(status, good ? kVerification : kError,
                "undo " + running.outcome + ": " + running.message, now);
    StartOver(status, now);
  }
  status.summary = SummaryLine(status);
}

}  // namespace salve::healing
