// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SALVE_V1ALPHA1_INCIDENT_H_
#define SALVE_PKG_APIS_SALVE_V1ALPHA1_INCIDENT_H_

#include <map>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/common.h"

namespace salve::apis::salve::v1alpha1 {

struct PolicyRef {
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
};

struct Trigger {
  std::string source;  // Probe | Target | Alert | File | Schedule | Manual
  std::string name;    // the probe's name, the condition's, the trigger's, the schedule's, …
  std::string message;
  std::string at;
};

struct Metric {
  std::string name;  // "memory.used_bytes"
  double value = 0;
};

// Immutable but for `cancel`.
struct IncidentSpec {
  std::string fingerprint;  // 64 hex digits; filled in for human-made incidents
  PolicyRef policy_ref;
  TargetRef target;
  Trigger trigger;
  std::string severity;         // Info | Warning | Critical
  std::string affected_system;  // "redis-test (docker container)"
  std::vector<std::string> error_logs;
  std::vector<Metric> metrics_snapshot;
  bool cancel = false;
};

struct Candidate {
  std::string rule;
  std::string cause;
  double confidence = 0;
  std::string step;
  std::string verdict;
  std::string why_not;  // why it lost against the chosen one
};

struct DiagnosisStatus {
  std::string rule;  // "redis/oom" or the policy's rule name
  std::string cause;
  std::string object;  // the thing at fault
  double confidence = 0;
  std::string step;     // chosen step, "" with a verdict
  std::string verdict;  // DoNothing | Escalate | ""
  std::string message;  // a sentence that quotes its evidence
  std::vector<std::string> evidence;
  std::vector<Candidate> others;
  std::string at;
};

struct Risk {
  std::string level;
  std::vector<std::string> factors;
};

struct Preview {
  std::string command;  // the exact command or API call
  std::vector<std::string> affected;
};

struct Proposal {
  std::string digest;  // 64 hex digits over everything that will be executed and what it acts on
  std::string step;
  std::string action;  // ActionName
  std::string description;
  Preview preview;
  Risk risk;
  bool reversible = false;
  std::string undo;  // preview of the inverse; "" if there is none
  std::string expected;
  std::string proposed_at;
  std::string expires_at;  // "" if no approval is needed
  std::int64_t required_approvals = 0;
  std::vector<std::string> approvers;  // distinct people whose approval counts for this digest
};

// One evaluated gate, in the order of evaluation.
struct GateStatus {
  std::string name;
  std::string result;  // Pass | Block
  std::string reason;
  std::string message;
  std::string until;         // "" = not a matter of time
  std::string unblocked_by;  // what would open it
};

// Health and identity of the target at one moment.
struct Observation {
  std::string at;
  std::string state;  // Healthy | Unhealthy | Unknown | Missing
  std::int64_t health = 0;
  std::string identity;  // what tells a replaced or restarted target: "<id>@<StartedAt>"
  std::string message;
  std::vector<Metric> metrics;
};

struct ExecutionResult {
  std::string outcome;  // Applied | NotApplied | Unknown
  std::string message;
  std::int64_t exit_code = 0;
  std::string stdout_text;  // JSON: stdout (bounded)
  std::string stderr_text;  // JSON: stderr (bounded)
  std::int64_t duration_millis = 0;
};

struct VerificationStatus {
  std::string outcome;  // "" while running; Successful | Failed | Error | Inconclusive
  std::string started_at;
  std::string finished_at;
  std::int64_t successes = 0;  // consecutive
  std::int64_t failures = 0;
  std::int64_t errors = 0;
  std::string healthy_since;
  std::string next_check_at;
  std::string message;
};

struct Attempt {
  std::string id;  // idempotency key
  std::string step;
  std::string action;
  std::string digest;
  std::string
      phase;  // Intended | Executed | Verifying | Done | UndoIntended | UndoExecuted | Undone
  std::string command;
  std::string subject;  // which object exactly, in the backend's words
  std::string started_at;
  std::string executed_at;
  std::string finished_at;
  Observation before;
  std::optional<Observation> after;
  std::optional<Action> undo;  // computed and stored before acting
  std::string undo_token;      // backend data that the inverse needs, opaque
  std::optional<ExecutionResult> result;
  std::optional<VerificationStatus> verification;
  std::optional<ExecutionResult> undo_result;
  std::optional<VerificationStatus> undo_verification;  // an undo is verified itself
  std::string approved_by;                              // "" = nobody had to
};

struct TimelineEntry {
  std::int64_t sequence = 0;  // per incident, from 1
  std::string at;
  std::string phase;  // thinking | command | executing | result | verifying | verification |
                      // complete | error
  std::string message;
};

struct Durations {
  std::int64_t detect_millis = 0;
  std::int64_t diagnose_millis = 0;
  std::int64_t approval_wait_millis = 0;
  std::int64_t blocked_millis = 0;
  std::int64_t execute_millis = 0;
  std::int64_t verify_millis = 0;
  std::int64_t total_millis = 0;
};

// One message to one sink: written as Pending before it is sent, so that a message outlives the
// process. Delivery is at least once, with a key by which the sink can tell a repetition.
struct NotificationStatus {
  std::string sink;
  std::string stage;  // as in HealingPolicy.spec.notifications.stages
  std::string key;    // the stage's occurrence: a second proposal is a second message
  std::string state;  // Pending | Sent | Failed (given up)
  std::string at;     // when the state began
  std::int64_t attempts = 0;
  std::string next_attempt_at;
  std::string message;  // why it was not taken; where it went (a link), if the sink says so
};

struct IncidentStatus {
  std::int64_t observed_generation = 0;
  std::string phase;  // Detected Diagnosing AwaitingApproval Blocked Executing Verifying
                      // RollingBack Escalated Resolved
  std::vector<meta::v1::Condition> conditions;
  std::string summary;  // one line: what happened, what it waits for
  std::optional<DiagnosisStatus> diagnosis;
  std::optional<Proposal> proposal;
  std::vector<GateStatus> gates;
  std::vector<Attempt> attempts;
  std::vector<TimelineEntry> timeline;
  std::vector<NotificationStatus> notifications;
  Durations durations;
  std::int64_t occurrences = 0;
  std::string last_occurrence;
  std::string next_check_at;  // when Salve looks again by itself
  std::string detected_at;
  std::string phase_since;
  std::string resolved_at;
  std::string outcome;
};

struct Incident {
  static const meta::v1::ResourceInfo kInfo;
  meta::v1::ObjectMeta metadata;
  IncidentSpec spec;
  IncidentStatus status;
};

inline constexpr char kIncidentDiagnosed[] = "Diagnosed";
inline constexpr char kIncidentProposed[] = "Proposed";
inline constexpr char kIncidentApproved[] = "Approved";
inline constexpr char kIncidentExecuted[] = "Executed";
inline constexpr char kIncidentVerified[] = "Verified";
inline constexpr char kIncidentRolledBack[] = "RolledBack";
inline constexpr char kIncidentBlocked[] = "Blocked";
inline constexpr char kIncidentEscalated[] = "Escalated";
inline constexpr char kIncidentResolved[] = "Resolved";

// Labels on incidents; values are hashed where too long.
inline constexpr char kLabelPolicy[] = "salve.dev/policy";
inline constexpr char kLabelTarget[] = "salve.dev/target";

}  // namespace salve::apis::salve::v1alpha1

#endif  // SALVE_PKG_APIS_SALVE_V1ALPHA1_INCIDENT_H_
