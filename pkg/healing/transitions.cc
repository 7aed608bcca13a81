// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/scheduled_life.h"

// The transitions of an incident from its beginning to a licensed attempt, and its ends. Those of
// attempts are in attempts.cc.
namespace salve::healing {
namespace {

constexpr std::size_t kMaxConditionMessage = 1024;
constexpr std::size_t kMaxSummary = 256;

// A reason must be CamelCase on the wire; causes come from policies, so anything else is dropped.
std::string Reason(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (letter || (digit && !out.empty())) out += c;
  }
  return out.empty() ? "Unknown" : out.substr(0, 128);
}

void Set(v1::IncidentStatus& status, const char* type, const char* value, const std::string& reason,
         const std::string& message, WallTime now) {
  metav1::SetCondition(status.conditions,
                       {.type = type,
                        .status = value,
                        .observed_generation = status.observed_generation,
                        .last_transition_time = "",
                        .reason = Reason(reason),
                        .message = SanitizeLine(message, kMaxConditionMessage)},
                       FormatTime(now));
}

const metav1::Condition* Find(const v1::IncidentStatus& status, const char* type) {
  return metav1::FindCondition(status.conditions, type);
}

std::string MessageOf(const v1::IncidentStatus& status, const char* type) {
  const metav1::Condition* condition = Find(status, type);
  return condition != nullptr ? condition->message : "";
}

void Summarize(v1::IncidentStatus& status) { status.summary = SummaryLine(status); }

// What a reader would call a change of a gate; the figures in messages move all the time.
bool SameGates(const std::vector<v1::GateStatus>& a, const std::vector<v1::GateStatus>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const v1::GateStatus& x, const v1::GateStatus& y) {
                      // The others' messages hold figures that wobble; who has approved does not.
                      const bool same_text = x.name != kGateApproval || x.message == y.message;
                      return x.name == y.name && x.result == y.result && x.reason == y.reason &&
                             x.until == y.until && same_text;
                    });
}

std::string BlockersOf(const std::vector<Gate>& gates) {
  std::string out;
  for (const Gate& gate : Blocked(gates)) {
    out += (out.empty() ? "" : "; ") + gate.name + ": " + gate.message;
  }
  return out;
}

void ApplyApproval(v1::IncidentStatus& status, const ApprovalResult& approval, WallTime now) {
  if (!status.proposal) return;
  status.proposal->approvers = approval.approvers;
  std::string who;
  for (const std::string& name : approval.approvers) who += (who.empty() ? "" : ", ") + name;
  if (!approval.rejected_by.empty()) {
    Set(status, v1::kIncidentApproved, "False", kReasonRejected,
        "rejected by " + approval.rejected_by, now);
  } else if (approval.required == 0) {
    Set(status, v1::kIncidentApproved, "True", "NotNeeded", "nobody needs to approve it", now);
  } else if (approval.approved) {
    Set(status, v1::kIncidentApproved, "True", "Approved", "approved by " + who, now);
  } else {
    Set(status, v1::kIncidentApproved, "False",
        approval.expired ? kReasonExpired : kReasonApprovalNeeded,
        std::to_string(approval.approvers.size()) + " of " + std::to_string(approval.required) +
            " approvals",
        now);
  }
}

// Entered only on a change, so that a wait does not fill the timeline.
void ApplyBlocked(v1::IncidentStatus& status, const std::vector<Gate>& gates, bool changed,
                  WallTime now) {
  // It waits for what the diagnosis says, whatever the gates say.
  if (status.diagnosis && !status.diagnosis->verdict.empty()) return;
  const std::vector<Gate> blocked = Blocked(gates);
  if (blocked.empty()) {
    Set(status, v1::kIncidentBlocked, "False", "Passed", "every gate passed", now);
    if (changed) AddTimeline(status, kThinking, "every gate passed", now);
    return;
  }
  if (OnlyApprovalMissing(gates)) {
    EnterPhase(status, kPhaseAwaitingApproval, now);
    Set(status, v1::kIncidentBlocked, "False", kReasonApprovalNeeded, BlockersOf(gates), now);
    if (changed) {
      AddTimeline(status, kThinking, "waiting for approval: " + blocked.back().message, now);
    }
    return;
  }
  EnterPhase(status, kPhaseBlocked, now);
  // Something else may have been waited for in between.
  const metav1::Condition* condition = Find(status, v1::kIncidentBlocked);
  const bool shown = condition != nullptr && condition->status == "True" &&
                     condition->reason == Reason(blocked.front().reason);
  if (changed || !shown) {
    Set(status, v1::kIncidentBlocked, "True", blocked.front().reason, BlockersOf(gates), now);
    AddTimeline(status, kThinking, "blocked by " + BlockersOf(gates), now);
  }
  const Gate* breaker = FindGate(gates, kGateBreaker);
  if (breaker != nullptr && !breaker->pass) {
    Set(status, v1::kIncidentEscalated, "True", breaker->reason, breaker->message, now);
  }
}

}  // namespace

void ApplyBegin(const v1::Incident& incident, v1::IncidentStatus& status, WallTime now) {
  if (!status.phase.empty()) return;
  status.observed_generation = incident.metadata.generation;
  EnterPhase(status, kPhaseDetected, now);
  status.detected_at = FormatMicroTime(now);
  status.occurrences = std::max<std::int64_t>(1, status.occurrences);
  status.last_occurrence = status.detected_at;
  const auto onset = ParseTime(incident.spec.trigger.at);
  if (onset && *onset < now) {
    status.durations.detect_millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - *onset).count();
  }
  Set(status, v1::kIncidentResolved, "False", "Open", "the incident is open", now);
  AddTimeline(
      status, kThinking,
      incident.spec.affected_system + (IsScheduled(incident) ? ": " : " is ill, says ") +
          incident.spec.trigger.source + " " + incident.spec.trigger.name +
          (incident.spec.trigger.message.empty() ? "" : ": " + incident.spec.trigger.message),
      now);
  Summarize(status);
}

void ApplyOccurrence(v1::IncidentStatus& status, const std::string& message, WallTime at) {
  ++status.occurrences;
  status.last_occurrence = FormatMicroTime(at);
  AddTimeline(status, kThinking, "seen again: " + message, at);
}

void ApplyDiagnosis(v1::IncidentStatus& status, const v1::DiagnosisStatus& diagnosis,
                    WallTime now) {
  const bool same =
      status.diagnosis && status.diagnosis->rule == diagnosis.rule &&
      status.diagnosis->cause == diagnosis.cause && status.diagnosis->object == diagnosis.object &&
      status.diagnosis->step == diagnosis.step && status.diagnosis->verdict == diagnosis.verdict;
  if (!same) {
    status.diagnosis = diagnosis;
    Set(status, v1::kIncidentDiagnosed, "True", diagnosis.cause, diagnosis.message, now);
    AddTimeline(status, kThinking, diagnosis.message, now);
  }
  if (diagnosis.verdict.empty()) {
    const bool fresh = status.phase == kPhaseDetected || !same;
    if (fresh) EnterPhase(status, kPhaseDiagnosing, now);
  } else {
    // What was proposed on another diagnosis is no longer meant.
    status.proposal.reset();
    if (!same) status.gates.clear();
    if (diagnosis.verdict == kVerdictDoNothing) {
      EnterPhase(status, kPhaseBlocked, now);
      if (!same) {
        Set(status, v1::kIncidentBlocked, "True", diagnosis.cause, diagnosis.message, now);
      }
    } else if (!same) {
      EnterPhase(status, kPhaseDiagnosing, now);
    }
  }
  Summarize(status);
}

void ApplyProposal(v1::IncidentStatus& status, const ProposalInput& input, WallTime now) {
  const bool same = status.proposal && status.proposal->digest == input.digest;
  v1::Proposal proposal = same ? *status.proposal : v1::Proposal{};
  const bool asks_now = input.need.required > 0 && proposal.expires_at.empty();
  proposal.risk = input.risk;
  proposal.required_approvals = input.need.required;
  if (asks_now && input.expires_after_seconds > 0) {
    proposal.expires_at = FormatMicroTime(now + std::chrono::seconds(input.expires_after_seconds));
  } else if (input.need.required == 0) {
    proposal.expires_at.clear();
  }
  if (!same) {
    const ActionPlan& plan = *input.plan;
    proposal.digest = input.digest;
    proposal.step = input.step->name;
    proposal.action = v1::ActionName(plan.action);
    proposal.description = plan.description;
    proposal.preview = {plan.command, plan.affected};
    proposal.reversible = plan.reversible;
    proposal.undo = plan.undo ? plan.undo_command : "";
    proposal.expected = input.step->expected;
    proposal.proposed_at = FormatMicroTime(now);
    const bool drifted = status.proposal && !status.proposal->digest.empty();
    if (drifted && status.proposal->required_approvals > 0) {
      AddTimeline(status, kThinking,
                  "the proposal changed, approvals of the earlier one do not count", now);
    }
    status.gates.clear();
    AddTimeline(status, kThinking,
                "step " + input.step->name + " proposed, risk " + input.risk.level +
                    (input.need.why.empty() ? "" : " (needs approval: " + input.need.why + ")"),
                now);
    AddTimeline(status, kCommand, plan.command, now);
  }
  status.proposal = std::move(proposal);
  if (!same) {
    Set(status, v1::kIncidentProposed, "True", "StepChosen",
        "step " + status.proposal->step + ": " + status.proposal->preview.command, now);
  }
  Summarize(status);
}

void ApplyGates(v1::IncidentStatus& status, const std::vector<Gate>& gates,
                const ApprovalResult& approval, WallTime now) {
  std::vector<v1::GateStatus> next = ToGateStatus(gates);
  const bool changed = !SameGates(status.gates, next);
  if (changed) status.gates = std::move(next);
  ApplyApproval(status, approval, now);
  ApplyBlocked(status, gates, changed, now);
  Summarize(status);
}

void ApplyWait(v1::IncidentStatus& status, const std::string& reason, const std::string& message,
               WallTime now) {
  EnterPhase(status, kPhaseBlocked, now);
  const metav1::Condition* blocked = Find(status, v1::kIncidentBlocked);
  const bool same =
      blocked != nullptr && blocked->status == "True" && blocked->reason == Reason(reason);
  if (!same) {
    Set(status, v1::kIncidentBlocked, "True", reason, message, now);
    AddTimeline(status, kThinking, "waiting: " + message, now);
  }
  Summarize(status);
}

void ApplyNextCheck(v1::IncidentStatus& status, const Next& next) {
  status.next_check_at = next.stated ? FormatMicroTime(*next.stated) : "";
}

void ApplyEscalation(v1::IncidentStatus& status, const std::string& reason,
                     const std::string& message, WallTime now) {
  EnterPhase(status, kPhaseEscalated, now);
  status.proposal.reset();
  status.next_check_at.clear();
  if (Find(status, v1::kIncidentBlocked) != nullptr) {
    Set(status, v1::kIncidentBlocked, "False", kEscalated, "handed over to a person", now);
  }
  Set(status, v1::kIncidentEscalated, "True", reason, message, now);
  AddTimeline(status, kError, "a person is needed: " + message, now);
  Summarize(status);
}

void ApplyClose(v1::IncidentStatus& status, const std::string& outcome, const std::string& reason,
                const std::string& message, WallTime now) {
  EnterPhase(status, kPhaseResolved, now);
  status.outcome = outcome;
  status.resolved_at = FormatMicroTime(now);
  status.next_check_at.clear();
  const auto begin = ParseTime(status.detected_at);
  const std::int64_t open =
      begin && *begin < now
          ? std::chrono::duration_cast<std::chrono::milliseconds>(now - *begin).count()
          : 0;
  status.durations.total_millis = status.durations.detect_millis + open;
  if (metav1::IsConditionTrue(status.conditions, v1::kIncidentBlocked)) {
    Set(status, v1::kIncidentBlocked, "False", outcome, "the incident is over", now);
  }
  Set(status, v1::kIncidentResolved, "True", outcome,
      message.empty() ? reason : reason + ": " + message, now);
  AddTimeline(status, kComplete, outcome + ": " + message, now);
  Summarize(status);
}

std::string SummaryLine(const v1::IncidentStatus& status) {
  const std::string step = status.proposal           ? status.proposal->step
                           : status.attempts.empty() ? std::string()
                                                     : status.attempts.back().step;
  std::string out;
  if (IsResolved(status)) {
    out = status.outcome + ": " + MessageOf(status, v1::kIncidentResolved);
  } else if (status.phase == kPhaseEscalated) {
    out = "needs a person: " + MessageOf(status, v1::kIncidentEscalated);
  } else if (status.phase == kPhaseBlocked) {
    out = "waits: " + MessageOf(status, v1::kIncidentBlocked);
  } else if (status.phase == kPhaseAwaitingApproval && status.proposal) {
    out = "step " + step + " waits for approval (" +
          std::to_string(status.proposal->approvers.size()) + " of " +
          std::to_string(status.proposal->required_approvals) +
          "): " + status.proposal->preview.command;
  } else if (status.phase == kPhaseExecuting) {
    out = "running step " + step;
  } else if (status.phase == kPhaseVerifying) {
    out = "checking whether step " + step + " helped";
  } else if (status.phase == kPhaseRollingBack) {
    out = "undoing step " + step;
  } else if (status.diagnosis) {
    out = status.diagnosis->message;
  } else {
    out = "detected, looking for the cause";
  }
  return SanitizeLine(out, kMaxSummary);
}

}  // namespace salve::healing
