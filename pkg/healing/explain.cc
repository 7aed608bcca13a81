// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/explain.h"

#include <algorithm>
#include <cmath>

#include "pkg/base/time_format.h"
#include "pkg/healing/machine.h"

namespace salve::healing {
namespace {

using Lines = std::vector<std::string>;

std::string InTime(const std::string& until, WallTime now) {
  const auto at = ParseTime(until);
  if (!at) return "";
  const std::string when = FormatTime(*at);
  return *at > now ? when + " (in " + HumanDuration(*at - now) + ")" : when + " (passed)";
}

void AddDiagnosis(const v1::IncidentStatus& status, Lines& out) {
  if (!status.diagnosis) {
    out.push_back("Diagnosis: none yet");
    return;
  }
  const v1::DiagnosisStatus& d = *status.diagnosis;
  const std::string by = d.rule.empty() ? "no rule" : "rule " + d.rule;
  out.push_back("Diagnosis: " + d.cause + " of " + d.object + ", by " + by + ", confidence " +
                Percent(d.confidence));
  out.push_back("  " + d.message);
  out.push_back("  asks for: " + (d.verdict.empty() ? "step " + d.step : d.verdict));
  for (const v1::Candidate& other : d.others) {
    out.push_back("  not " + other.rule + " (" + other.cause + ", " + Percent(other.confidence) +
                  "): " + other.why_not);
  }
}

void AddProposal(const v1::IncidentStatus& status, WallTime now, Lines& out) {
  if (!status.proposal) return;
  const v1::Proposal& p = *status.proposal;
  out.push_back("Proposal: step " + p.step + ", risk " + p.risk.level +
                (p.reversible ? ", can be undone" : ", cannot be undone"));
  out.push_back("  command: " + p.preview.command);
  for (const std::string& one : p.preview.affected) out.push_back("  affects: " + one);
  for (const std::string& factor : p.risk.factors) out.push_back("  risk: " + factor);
  if (!p.undo.empty()) out.push_back("  undo: " + p.undo);
  if (!p.expected.empty()) out.push_back("  expected: " + p.expected);
  if (p.required_approvals > 0) {
    out.push_back("  approvals: " + std::to_string(p.approvers.size()) + " of " +
                  std::to_string(p.required_approvals) +
                  (p.expires_at.empty() ? "" : ", expires " + InTime(p.expires_at, now)));
  }
  out.push_back("  digest: " + p.digest);
}

void AddGates(const v1::IncidentStatus& status, WallTime now, Lines& out) {
  if (status.gates.empty()) return;
  const auto blocking =
      std::count_if(status.gates.begin(), status.gates.end(),
                    [](const v1::GateStatus& gate) { return gate.result != "Pass"; });
  out.push_back("Gates: " + std::to_string(blocking) + " of " +
                std::to_string(status.gates.size()) + " block");
  for (const v1::GateStatus& gate : status.gates) {
    const bool pass = gate.result == "Pass";
    std::string line = std::string(pass ? "  pass   " : "  BLOCK  ") + gate.name;
    line.resize(std::max<std::size_t>(line.size(), 28), ' ');
    out.push_back(line + gate.reason + ": " + gate.message);
    if (pass) continue;
    const std::string indent(28, ' ');
    if (!gate.until.empty()) out.push_back(indent + "until " + InTime(gate.until, now));
    if (!gate.unblocked_by.empty()) out.push_back(indent + "opens by: " + gate.unblocked_by);
  }
}

void AddAttempts(const v1::IncidentStatus& status, Lines& out) {
  for (const v1::Attempt& attempt : status.attempts) {
    std::string line = "Attempt " + attempt.id + ": step " + attempt.step + ", " + attempt.phase;
    if (attempt.result) line += ", " + attempt.result->outcome;
    if (attempt.verification && !attempt.verification->outcome.empty()) {
      line +=
          ", verification " + attempt.verification->outcome + ": " + attempt.verification->message;
    }
    out.push_back(line);
  }
}

std::string Millis(std::int64_t millis) {
  if (millis < 1000) return std::to_string(millis) + " ms";
  const std::string tenths = std::to_string(millis / 100 % 10);
  return std::to_string(millis / 1000) + "." + tenths + " s";
}

// A fence that the text cannot close.
std::string Fenced(const std::string& text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(std::max<std::size_t>(3, longest + 1), '`');
  std::string out = fence + "text\n";
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += EscapeTerminal(std::string_view(text).substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return out + fence + "\n";
}

void ReportDiagnosis(const v1::IncidentStatus& status, std::string& out) {
  if (!status.diagnosis) return;
  const v1::DiagnosisStatus& d = *status.diagnosis;
  out += "\n## Diagnosis\n\n";
  out += "**" + EscapeMarkdown(d.cause) + "** of " + EscapeMarkdown(d.object) + ", by " +
         (d.rule.empty() ? "no rule" : "rule " + EscapeMarkdown(d.rule)) + ", confidence " +
         Percent(d.confidence) + ".\n\n" + EscapeMarkdown(d.message) + "\n";
  if (!d.evidence.empty()) out += "\nEvidence:\n\n";
  for (const std::string& line : d.evidence) out += "- " + EscapeMarkdown(line) + "\n";
  if (!d.others.empty()) out += "\nAlso considered:\n\n";
  for (const v1::Candidate& other : d.others) {
    out += "- " + EscapeMarkdown(other.rule) + " (" + EscapeMarkdown(other.cause) + ", " +
           Percent(other.confidence) + "): " + EscapeMarkdown(other.why_not) + "\n";
  }
}

void ReportAttempt(const v1::Attempt& attempt, std::size_t number, std::string& out) {
  out += "\n### " + std::to_string(number) + ". " + EscapeMarkdown(attempt.step) + "\n\n";
  out += Fenced(attempt.command);
  out += "\n- begun: " + EscapeMarkdown(attempt.started_at) + "\n";
  if (!attempt.approved_by.empty()) {
    out += "- approved by: " + EscapeMarkdown(attempt.approved_by) + "\n";
  }
  out += "- before: " + EscapeMarkdown(attempt.before.state) + ", health " +
         std::to_string(attempt.before.health) + " %\n";
  if (attempt.after) {
    out += "- after: " + EscapeMarkdown(attempt.after->state) + ", health " +
           std::to_string(attempt.after->health) + " %\n";
  }
  if (attempt.result) {
    const v1::ExecutionResult& r = *attempt.result;
    out += "- result: " + EscapeMarkdown(r.outcome) + ", exit code " + std::to_string(r.exit_code) +
           ", " + Millis(r.duration_millis) + "\n";
  }
  if (attempt.verification && !attempt.verification->outcome.empty()) {
    out += "- verification: " + EscapeMarkdown(attempt.verification->outcome) + ", " +
           EscapeMarkdown(attempt.verification->message) + "\n";
  }
  if (attempt.undo_result) {
    out += "- undo: " + EscapeMarkdown(attempt.undo_result->outcome);
    if (attempt.undo_verification) {
      out += ", " + EscapeMarkdown(attempt.undo_verification->outcome);
    }
    out += "\n";
  }
  if (!attempt.result) return;
  if (!attempt.result->stdout_text.empty()) {
    out += "\nOutput:\n\n" + Fenced(attempt.result->stdout_text);
  }
  if (!attempt.result->stderr_text.empty()) {
    out += "\nError output:\n\n" + Fenced(attempt.result->stderr_text);
  }
}

void ReportDurations(const v1::Durations& d, std::string& out) {
  out += "\n## Where the time went\n\n| stage | time |\n|---|---|\n";
  const auto row = [&](const char* stage, std::int64_t millis) {
    out += std::string("| ") + stage + " | " + Millis(millis) + " |\n";
  };
  row("detect", d.detect_millis);
  row("diagnose", d.diagnose_millis);
  row("wait for a person", d.approval_wait_millis);
  row("blocked", d.blocked_millis);
  row("execute", d.execute_millis);
  row("verify", d.verify_millis);
  row("total", d.total_millis);
}

}  // namespace

std::string EscapeTerminal(std::string_view text) {
  std::string clean = SanitizeLine(text, text.size() * 3 + 3);
  // Characters that turn the direction of text or hide it: U+200B–U+200F, U+202A–U+202E,
  // U+2066–U+2069.
  std::string out;
  for (std::size_t i = 0; i < clean.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(clean[at]); };
    if (i + 2 < clean.size() && byte(i) == 0xE2) {
      const bool hidden = byte(i + 1) == 0x80 && ((byte(i + 2) >= 0x8B && byte(i + 2) <= 0x8F) ||
                                                  (byte(i + 2) >= 0xA8 && byte(i + 2) <= 0xAE));
      const bool isolate = byte(i + 1) == 0x81 && byte(i + 2) >= 0xA6 && byte(i + 2) <= 0xA9;
      if (hidden || isolate) {
        out += '?';
        i += 3;
        continue;
      }
    }
    out += clean[i++];
  }
  return out;
}

std::string Percent(double confidence) {
  return std::to_string(std::lround(confidence * 100)) + " %";
}

std::string EscapeMarkdown(std::string_view text) {
  // Signs that mean something anywhere in a line; those that do only at its beginning are handled
  // below.
  static constexpr std::string_view kMarkup = "\\`*_{}[]#!|~";
  const std::string clean = EscapeTerminal(text);
  std::string out;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const char c = clean[i];
    // As entities where a backslash would not do: raw HTML and mentions.
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '@') {
      out += "&#64;";
    } else if (c == ':' && clean.compare(i, 3, "://") == 0) {
      out += "&#58;";  // some renderers make a link of a bare address
    } else {
      const bool begins_list = i == 0 && (c == '-' || c == '+' || c == '=');
      if (begins_list || kMarkup.find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::vector<std::string> Why(const v1::Incident& incident, const v1::HealingPolicy* policy,
                             WallTime now) {
  const v1::IncidentStatus& status = incident.status;
  Lines out;
  out.push_back("Incident " + incident.metadata.ns + "/" + incident.metadata.name + ": " +
                (status.phase.empty() ? "new" : status.phase) +
                (status.outcome.empty() ? "" : ", " + status.outcome));
  out.push_back("  " + status.summary);
  out.push_back("  target: " + incident.spec.affected_system + ", policy " +
                incident.spec.policy_ref.name +
                (policy != nullptr ? ", mode " + policy->spec.mode : " (not given)"));
  out.push_back("  began: " + incident.spec.trigger.source + " " + incident.spec.trigger.name +
                " at " + incident.spec.trigger.at + ", seen " + std::to_string(status.occurrences) +
                " times");
  if (policy != nullptr && policy->metadata.generation > incident.spec.policy_ref.generation) {
    out.push_back("  the policy was changed since the incident began; the new one counts");
  }
  AddDiagnosis(status, out);
  AddProposal(status, now, out);
  AddGates(status, now, out);
  AddAttempts(status, out);
  if (!status.next_check_at.empty()) {
    out.push_back("Next: " + InTime(status.next_check_at, now));
  }
  for (std::string& line : out) line = EscapeTerminal(line);
  return out;
}

std::string Report(const v1::Incident& incident) {
  const v1::IncidentStatus& status = incident.status;
  std::string out = "# Incident " + EscapeMarkdown(incident.metadata.name) + "\n\n";
  out += "| | |\n|---|---|\n";
  const auto row = [&](const char* what, const std::string& value) {
    out += std::string("| ") + what + " | " + EscapeMarkdown(value) + " |\n";
  };
  row("Affected", incident.spec.affected_system);
  row("Severity", incident.spec.severity);
  row("Policy", incident.metadata.ns + "/" + incident.spec.policy_ref.name);
  row("Noticed by", incident.spec.trigger.source + " " + incident.spec.trigger.name + ": " +
                        incident.spec.trigger.message);
  row("Began", incident.spec.trigger.at);
  row("Detected", status.detected_at);
  row("Resolved", status.resolved_at.empty() ? "still open" : status.resolved_at);
  row("Outcome", status.outcome.empty() ? status.phase : status.outcome);
  row("Seen", std::to_string(status.occurrences) + " times");
  out += "\n" + EscapeMarkdown(status.summary) + "\n";
  ReportDiagnosis(status, out);
  if (!incident.spec.error_logs.empty()) {
    out += "\n## Error lines\n\n";
    std::string lines;
    for (const std::string& line : incident.spec.error_logs) lines += line + "\n";
    out += Fenced(lines);
  }
  if (!status.attempts.empty()) out += "\n## What was done\n";
  for (std::size_t i = 0; i < status.attempts.size(); ++i) {
    ReportAttempt(status.attempts[i], i + 1, out);
  }
  ReportDurations(status.durations, out);
  out += "\n## Timeline\n\n| # | time | phase | what |\n|---|---|---|---|\n";
  for (const v1::TimelineEntry& entry : status.timeline) {
    out += "| " + std::to_string(entry.sequence) + " | " + EscapeMarkdown(entry.at) + " | " +
           EscapeMarkdown(entry.phase) + " | " + EscapeMarkdown(entry.message) + " |\n";
  }
  return out;
}

}  // namespace salve::healing
