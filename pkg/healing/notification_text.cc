// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/notification_text.h"

#include <algorithm>
#include <chrono>

#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/explain.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/scheduled_life.h"

namespace salve::healing {
namespace {

constexpr std::size_t kMaxTitle = 150;
constexpr std::size_t kMaxLine = 600;
constexpr std::size_t kMaxLines = 8;  // of one part
constexpr std::size_t kMaxOthers = 20;
constexpr std::size_t kDigestShown = 12;

// Text from outside as one bounded line without anything that a terminal or a chat would act on.
std::string Clean(const std::string& text, std::size_t max = kMaxLine) {
  std::string clean = EscapeTerminal(SanitizeLine(text, max));
  return clean;
}

std::string Lasted(std::int64_t millis) {
  if (millis < 1000) return std::to_string(millis) + " ms";
  return HumanDuration(std::chrono::milliseconds(millis));
}

class Parts {
 public:
  explicit Parts(std::vector<MessagePart>& out) : out_(out) {}

  void Add(const char* label, const std::vector<std::string>& lines, bool code = false) {
    std::vector<std::string> kept;
    for (const std::string& line : lines) {
      if (line.empty()) continue;
      if (kept.size() == kMaxLines) {
        kept.push_back("… and " + std::to_string(lines.size() - kMaxLines) + " more");
        break;
      }
      kept.push_back(Clean(line));
    }
    if (!kept.empty()) out_.push_back({label, std::move(kept), code});
  }
  void Code(const char* label, const std::vector<std::string>& lines) { Add(label, lines, true); }

 private:
  std::vector<MessagePart>& out_;
};

std::string WhereOf(const v1::Incident& incident) {
  return " " + incident.metadata.name + " -n " + incident.metadata.ns;
}

std::string SystemOf(const v1::Incident& incident) {
  return incident.spec.affected_system.empty() ? incident.spec.target.name
                                               : incident.spec.affected_system;
}

std::string ConditionText(const v1::IncidentStatus& status, const char* type) {
  const metav1::Condition* c = metav1::FindCondition(status.conditions, type);
  return c == nullptr ? "" : c->reason + ": " + c->message;
}

const v1::Attempt* AttemptOf(const v1::IncidentStatus& status, const std::string& id) {
  for (const v1::Attempt& attempt : status.attempts) {
    if (attempt.id == id) return &attempt;
  }
  return nullptr;
}

void AddIllness(const v1::Incident& incident, Parts& parts) {
  const v1::Trigger& trigger = incident.spec.trigger;
  std::string line = SystemOf(incident) + ": " + trigger.source + " " + trigger.name;
  if (!trigger.message.empty()) line += ", " + trigger.message;
  std::string when = "since " + trigger.at;
  if (incident.status.occurrences > 1) {
    when += ", seen " + std::to_string(incident.status.occurrences) + " times";
  }
  if (!incident.spec.severity.empty()) when += ", severity " + incident.spec.severity;
  parts.Add(IsScheduled(incident) ? "What is due" : "What is ill", {line, when});
}

void AddCause(const v1::IncidentStatus& status, Parts& parts) {
  if (!status.diagnosis) return;
  const v1::DiagnosisStatus& d = *status.diagnosis;
  parts.Add("Cause", {d.cause + " of " + d.object + " (" + Percent(d.confidence) +
                          (d.rule.empty() ? ")" : ", rule " + d.rule + ")"),
                      d.message});
  parts.Add("Evidence", d.evidence);
}

void AddMore(const v1::Incident& incident, Parts& parts) {
  parts.Code("More", {"salve why" + WhereOf(incident)});
}

// What a person has to know and to type to say yes or no to exactly what he sees.
void AddProposal(const v1::Incident& incident, const v1::NotificationStatus& entry, Parts& parts) {
  const v1::IncidentStatus& status = incident.status;
  const bool waits = status.phase == kPhaseAwaitingApproval && status.proposal &&
                     status.proposal->digest.rfind(entry.key, 0) == 0;
  if (!waits) {
    parts.Add("Too late", {"this proposal no longer waits for anybody: " + status.summary});
    return;
  }
  const v1::Proposal& p = *status.proposal;
  parts.Code("Salve wants to run", {p.preview.command});
  std::vector<std::string> about = {p.description};
  for (const std::string& one : p.preview.affected) about.push_back("affects " + one);
  if (!p.expected.empty()) about.push_back("expected: " + p.expected);
  parts.Add("What it does", about);
  std::vector<std::string> risk = {p.risk.level};
  risk.insert(risk.end(), p.risk.factors.begin(), p.risk.factors.end());
  if (!p.undo.empty()) risk.push_back("undo: " + p.undo);
  parts.Add("Risk", risk);
  parts.Add("Approvals",
            {std::to_string(p.approvers.size()) + " of " + std::to_string(p.required_approvals) +
             (p.expires_at.empty() ? "" : ", until " + p.expires_at)});
  const std::string digest = " --digest " + p.digest.substr(0, kDigestShown);
  parts.Code("To approve", {"salve approve" + WhereOf(incident) + digest});
  parts.Code("To refuse", {"salve reject" + WhereOf(incident) + digest});
}

void AddBlockers(const v1::Incident& incident, Parts& parts) {
  std::vector<std::string> lines;
  for (const v1::GateStatus& gate : incident.status.gates) {
    if (gate.result == "Pass") continue;
    std::string line = gate.name + ": " + gate.message;
    if (!gate.until.empty()) line += ", until " + gate.until;
    if (!gate.unblocked_by.empty()) line += "; opens by: " + gate.unblocked_by;
    lines.push_back(std::move(line));
  }
  if (lines.empty()) lines.push_back(ConditionText(incident.status, v1::kIncidentBlocked));
  parts.Add("Salve does nothing because", lines);
}

void AddAttempt(const v1::Attempt& attempt, Parts& parts) {
  parts.Code("Salve ran", {attempt.command});
  std::vector<std::string> lines;
  if (!attempt.approved_by.empty()) lines.push_back("approved by " + attempt.approved_by);
  if (attempt.result) {
    lines.push_back(attempt.result->outcome + " after " + Lasted(attempt.result->duration_millis) +
                    (attempt.result->message.empty() ? "" : ": " + attempt.result->message));
  }
  const bool verified = attempt.verification && !attempt.verification->outcome.empty();
  lines.push_back(verified ? "verification " + attempt.verification->outcome + ": " +
                                 attempt.verification->message
                           : "now Salve checks whether it helped");
  if (attempt.undo_result) {
    lines.push_back("undone: " + attempt.undo_result->outcome +
                    (attempt.undo_verification ? ", " + attempt.undo_verification->outcome : ""));
  }
  parts.Add("Result", lines);
}

// One line for each thing that was done.
void AddHistory(const v1::IncidentStatus& status, Parts& parts) {
  std::vector<std::string> lines;
  for (const v1::Attempt& attempt : status.attempts) {
    std::string line = attempt.step + ": " + attempt.command;
    if (!attempt.approved_by.empty()) line += ", approved by " + attempt.approved_by;
    if (attempt.verification && !attempt.verification->outcome.empty()) {
      line += ", " + attempt.verification->outcome + ": " + attempt.verification->message;
    } else if (attempt.result) {
      line += ", " + attempt.result->outcome;
    }
    if (attempt.phase == kAttemptUndone) line += ", undone";
    lines.push_back(std::move(line));
  }
  if (lines.empty()) lines.push_back("nothing was done");
  parts.Add("What Salve did", lines);
}

void AddEscalation(const v1::Incident& incident, const v1::HealingPolicy* policy, Parts& parts) {
  std::vector<std::string> lines{ConditionText(incident.status, v1::kIncidentEscalated)};
  if (policy != nullptr) {
    for (const v1::Step& step : policy->spec.ladder) {
      if (step.escalate && !step.escalate->message.empty()) lines.push_back(step.escalate->message);
    }
  }
  parts.Add("A person is needed", lines);
}

void AddEnd(const v1::IncidentStatus& status, Parts& parts) {
  parts.Add("Outcome", {ConditionText(status, v1::kIncidentResolved)});
  const v1::Durations& d = status.durations;
  std::string spent;
  const auto add = [&spent](const char* stage, std::int64_t millis) {
    if (millis > 0)
      spent += (spent.empty() ? "" : ", ") + std::string(stage) + " " + Lasted(millis);
  };
  add("detect", d.detect_millis);
  add("diagnose", d.diagnose_millis);
  add("waiting for a person", d.approval_wait_millis);
  add("blocked", d.blocked_millis);
  add("execute", d.execute_millis);
  add("verify", d.verify_millis);
  parts.Add("It took", {Lasted(d.total_millis), spent});
}

std::string TitleOf(const v1::Incident& incident, const v1::NotificationStatus& entry) {
  const std::string& stage = entry.stage;
  const v1::IncidentStatus& status = incident.status;
  const std::string system = SystemOf(incident);
  if (stage == kStageProposed) {
    const bool waits = status.phase == kPhaseAwaitingApproval && status.proposal;
    return "Approval needed: " + (waits ? status.proposal->step + " " : std::string()) + system;
  }
  if (stage == kStageBlocked) return "Ill, and Salve does nothing: " + system;
  if (stage == kStageExecuted || stage == kStageRolledBack) {
    const v1::Attempt* attempt = AttemptOf(status, entry.key);
    const std::string step = attempt == nullptr ? "" : attempt->step + " on ";
    return (stage == kStageExecuted ? "Salve ran " : "Salve undid ") + step + system;
  }
  if (stage == kStageEscalated) return "A person is needed: " + system;
  if (stage == kStageResolved) {
    return "Resolved, " + status.outcome + ": " + system + " after " +
           Lasted(status.durations.total_millis);
  }
  return "Ill: " + system;
}

std::string ReachedAt(const v1::Incident& incident, const v1::NotificationStatus& entry) {
  const v1::IncidentStatus& status = incident.status;
  if (entry.stage == kStageResolved && !status.resolved_at.empty()) return status.resolved_at;
  if (entry.stage == kStageDetected && !status.detected_at.empty()) return status.detected_at;
  return entry.at;
}

}  // namespace

Message BuildMessage(const v1::Incident& incident, const v1::NotificationStatus& entry,
                     const v1::HealingPolicy* policy) {
  Message message;
  message.id = NotificationId(incident, entry);
  message.thread = "salve_" + Sha256Hex(incident.metadata.uid + "\n" + incident.metadata.ns + "\n" +
                                        incident.metadata.name)
                                  .substr(0, 32);
  message.stage = entry.stage;
  message.title = Clean(TitleOf(incident, entry), kMaxTitle);
  message.severity = incident.spec.severity;
  message.ns = incident.metadata.ns;
  message.incident = incident.metadata.name;
  message.policy = incident.spec.policy_ref.name;
  message.system = Clean(SystemOf(incident), kMaxTitle);
  message.outcome = entry.stage == kStageResolved ? incident.status.outcome : "";
  message.at = ReachedAt(incident, entry);
  Parts parts(message.parts);
  AddIllness(incident, parts);
  AddCause(incident.status, parts);
  const v1::Attempt* attempt = AttemptOf(incident.status, entry.key);
  if (entry.stage == kStageProposed) {
    AddProposal(incident, entry, parts);
  } else if (entry.stage == kStageBlocked) {
    AddBlockers(incident, parts);
  } else if (attempt != nullptr &&
             (entry.stage == kStageExecuted || entry.stage == kStageRolledBack)) {
    AddAttempt(*attempt, parts);
  } else if (entry.stage == kStageEscalated) {
    AddEscalation(incident, policy, parts);
    AddHistory(incident.status, parts);
  } else if (entry.stage == kStageResolved) {
    AddHistory(incident.status, parts);
    AddEnd(incident.status, parts);
  }
  AddMore(incident, parts);
  return message;
}

Message BuildSummary(const std::vector<QueuedNotification>& items,
                     const v1::HealingPolicy* policy) {
  Message message = BuildMessage(*items.front().incident, *items.front().entry, policy);
  if (items.size() == 1) return message;
  for (std::size_t i = 1; i < items.size() && message.others.size() < kMaxOthers; ++i) {
    const v1::Incident& other = *items[i].incident;
    message.others.push_back(Clean(other.metadata.name + " (" + SystemOf(other) + ")", kMaxTitle));
  }
  message.others_total = items.size() - 1;
  const std::string total = std::to_string(message.others_total);
  message.title = Clean(message.title, kMaxTitle - 20) + " (and " + total + " more)";
  const std::string stage = message.stage == kStageProposed  ? "wait for approval"
                            : message.stage == kStageBlocked ? "are blocked"
                                                             : "are " + message.stage;
  MessagePart part{"And " + total + " more incidents of policy " + message.policy + " " + stage,
                   message.others, false};
  if (message.others_total > message.others.size()) {
    part.lines.push_back("… and " + std::to_string(message.others_total - message.others.size()) +
                         " more");
  }
  message.parts.push_back(std::move(part));
  message.parts.push_back({"All of them", {"salve get incidents -n " + message.ns}, /*code=*/true});
  return message;
}

Message BuildTestMessage(const std::string& sink, WallTime now) {
  Message message;
  message.at = FormatMicroTime(now);
  message.id = "salve_" + Sha256Hex("test\n" + sink + "\n" + message.at).substr(0, 32);
  message.thread = message.id;
  message.stage = "Test";
  message.severity = "Info";
  message.title = "Test message of Salve to sink " + sink;
  message.system = "nothing is ill";
  message.parts.push_back(
      {"What this is",
       {"Somebody ran salve notify test " + sink + ". Messages about incidents will arrive here."},
       false});
  return message;
}

std::string PlainText(const Message& message) {
  std::string out = message.title + "\n";
  for (const MessagePart& part : message.parts) {
    out += "\n" + part.label + "\n";
    for (const std::string& line : part.lines) out += "    " + line + "\n";
  }
  return out;
}

}  // namespace salve::healing
