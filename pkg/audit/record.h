// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AUDIT_RECORD_H_
#define SALVE_PKG_AUDIT_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "pkg/base/status.h"

namespace salve::audit {

// What happened to an incident, in the order of its life.
inline constexpr char kDetected[] = "Detected";
inline constexpr char kDiagnosed[] = "Diagnosed";
inline constexpr char kProposed[] = "Proposed";
inline constexpr char kDecided[] = "Decided";  // a person: result Approve | Reject
// What it waits for: result Blocked | AwaitingApproval. That all passed is said by the intent.
inline constexpr char kGatesEvaluated[] = "GatesEvaluated";
inline constexpr char kCancelRequested[] = "CancelRequested";
inline constexpr char kExecuting[] = "Executing";  // the intent: written before the action
inline constexpr char kExecuted[] = "Executed";
inline constexpr char kVerified[] = "Verified";
inline constexpr char kUndoing[] = "Undoing";
inline constexpr char kUndone[] = "Undone";
inline constexpr char kUndoVerified[] = "UndoVerified";
inline constexpr char kEscalated[] = "Escalated";
inline constexpr char kResolved[] = "Resolved";
inline constexpr char kIncidentDeleted[] = "IncidentDeleted";  // while it was open
// Under which rules: mode, pauses and the digest of the specification, once a generation.
inline constexpr char kPolicySet[] = "PolicySet";
inline constexpr char kPolicyDeleted[] = "PolicyDeleted";
inline constexpr char kGuardrailSet[] = "GuardrailSet";
inline constexpr char kGuardrailDeleted[] = "GuardrailDeleted";
// About the journal itself.
inline constexpr char kTornLineSetAside[] = "TornLineSetAside";
inline constexpr char kJournalDisturbed[] = "JournalDisturbed";
inline constexpr char kRetentionApplied[] = "RetentionApplied";
inline constexpr char kRecordsLost[] = "RecordsLost";

// One thing that happened. All text in it is bounded, printable and without secrets (derive.h).
struct Record {
  std::string event;
  // The same each time the same thing is seen, unlike that of anything else about the subject.
  std::string id;
  std::string subject;   // uid of the incident, policy or guardrail; "" about the journal
  std::string at;        // when it happened; "" = when it was written
  std::string incident;  // "namespace/name"
  std::string policy;    // "namespace/name"
  std::string target;    // "docker/Container/redis-1"
  std::string trigger;   // "Probe memory"
  std::string cause;
  std::optional<double> confidence;  // 0..1
  std::string step;
  std::string action;
  std::string risk;
  std::string gates;     // those that did not pass, with their reasons: "Window OutsideWindow, …"
  std::string approver;  // several: "ann, ben"
  std::string result;
  std::string message;
  nlohmann::json detail = nlohmann::json::object();  // what else belongs to the event
};

// True for events that tell a state which may come again: only a repetition of the newest one of
// that event is none.
bool IsState(std::string_view event);
// True for events after which nothing more is told of the subject.
bool EndsSubject(std::string_view event);

// `previous` of the very first line.
const std::string& NoHash();

// A record as it stands in the journal.
struct Entry {
  Record record;
  std::int64_t sequence = 0;
  std::string time;      // when it was written
  std::string previous;  // SHA-256 of the line before
};

// One line of JSON without its line end. Members that are empty are left out.
std::string FormatLine(const Entry& entry);
// kInvalidArgument for what is no such line. Members that are not known are ignored.
StatusOr<Entry> ParseLine(std::string_view line);

// How far the journal has come: what to keep elsewhere to be able to show that nothing was taken
// off its end.
struct Head {
  std::int64_t sequence = 0;
  std::string hash;  // SHA-256 of that line
  bool operator==(const Head&) const = default;
};
// "17:9f86d081…"
std::string FormatHead(const Head& head);
StatusOr<Head> ParseHead(std::string_view text);

}  // namespace salve::audit

#endif  // SALVE_PKG_AUDIT_RECORD_H_
