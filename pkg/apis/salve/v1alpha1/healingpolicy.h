// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SALVE_V1ALPHA1_HEALINGPOLICY_H_
#define SALVE_PKG_APIS_SALVE_V1ALPHA1_HEALINGPOLICY_H_

#include <map>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/common.h"

namespace salve::apis::salve::v1alpha1 {

struct Pause {
  std::string name;
  std::string reason;
  std::string until;  // RFC 3339; "" = until removed
};

struct PolicyDependency {
  std::string policy;
};

// --- probes
// -------------------------------------------------------------------------------------------

// Health 0..100 is 100 − used/maxmemory·100, or by clients, whichever is lower.
struct RedisProbe {
  std::string address;  // host:port
  std::optional<SecretSource> password;
};
// Health is 100 − connections/max_connections·100.
struct PostgresProbe {
  std::string address;
  std::string user;      // default postgres
  std::string database;  // default postgres
  std::optional<SecretSource> password;
};
struct HttpProbe {
  std::string url;
  std::int64_t expected_status = 200;
  std::string body_match;  // RE2; "" = any
  std::optional<std::int64_t> max_latency_millis;
};
struct TcpProbe {
  std::string address;
};
// Healthy iff the command in the container exits 0.
struct ExecProbe {
  std::vector<std::string> argv;
};

// Words of PrometheusRange::judge.
inline constexpr char kJudgeNewest[] = "Newest";    // each series' newest point
inline constexpr char kJudgeEvery[] = "Every";      // each point of each series
inline constexpr char kJudgeAverage[] = "Average";  // the mean of each series' points

// The time up to the measurement that a query is evaluated over, and what of it is judged.
struct PrometheusRange {
  std::int64_t seconds = 0;
  std::int64_t step_seconds = 15;
  std::string judge;  // default Every
};

// Asks a Prometheus server. Health is 100 while every sample of the answer is within the bounds;
// no sample at all is not health: it could not be measured.
struct PrometheusProbe {
  std::string url;                       // of the server, without /api/v1/query
  std::string query;                     // PromQL, evaluated at the time of the measurement
  std::optional<PrometheusRange> range;  // absent: evaluated at that one moment
  std::optional<double> minimum;
  std::optional<double> maximum;
  std::optional<SecretSource> token;  // sent as a bearer token
};

// Asks CloudWatch, with the credentials of a backend. Health is 100 while the metric's newest value
// is within the bounds; no value at all is not health: it could not be measured.
struct CloudWatchProbe {
  std::string backend;  // name of an ecs backend in the configuration; default "aws"
  std::string region;   // "" = the backend's
  std::string metric_namespace;
  std::string metric_name;
  std::map<std::string, std::string> dimensions;  // all of the metric's, as CloudWatch has them
  std::string statistic;                          // Average, Sum, …, p99; default Average
  std::int64_t metric_period_seconds = 60;
  std::optional<double> minimum;
  std::optional<double> maximum;
};

// Exactly one of redis, postgres, http, tcp, exec, prometheus, cloudWatch.
struct Probe {
  std::string name;
  std::optional<RedisProbe> redis;
  std::optional<PostgresProbe> postgres;
  std::optional<HttpProbe> http;
  std::optional<TcpProbe> tcp;
  std::optional<ExecProbe> exec;
  std::optional<PrometheusProbe> prometheus;
  std::optional<CloudWatchProbe> cloud_watch;
  std::int64_t period_seconds = 10;
  std::int64_t timeout_seconds = 2;
  std::int64_t unhealthy_below = 70;
  std::int64_t healthy_above = 80;
  std::int64_t failure_threshold = 2;
  std::int64_t success_threshold = 2;
};

// --- triggers
// -----------------------------------------------------------------------------------------

// An alert that somebody else's monitoring sends to one of the receivers.
struct AlertTrigger {
  std::string receiver;               // name in the configuration; "" = any
  std::vector<std::string> matchers;  // all must match; Alertmanager's syntax: name="value", =~, …
  // The alert's label whose value is the name of the target; "" = the policy has one target only,
  // or the alert is about all of them.
  std::string target_label;
  std::int64_t for_seconds = 0;  // it must have been firing for so long
  // Not repeated for so long it counts as cleared; 0 = only when its sender says that it is
  // resolved. Default: 0 for alertmanager, 900 for receivers whose senders never say it.
  std::optional<std::int64_t> clears_after_seconds;
};

// Files on the controller's machine that the targets read when they start: their content differs
// from what a target was started with. Only below the roots of the configuration's `files`.
struct FileChangeTrigger {
  // Absolute, of files or directories; a directory counts with all that is below it.
  std::vector<std::string> paths;
  // What a change is called; "" = by the path: env_changed, migrations_changed, files_changed.
  std::string reason;
  std::int64_t debounce_seconds = 5;  // a content counts when it has been the same for so long
};

// Exactly one of alert and file_change.
struct PolicyTrigger {
  std::string name;
  std::optional<AlertTrigger> alert;
  std::optional<FileChangeTrigger> file_change;
  std::string severity;  // Info | Warning | Critical; "" = what the alert says, else Warning
};

// --- diagnosis and ladder
// -----------------------------------------------------------------------------

// All given members must hold.
struct RuleCondition {
  std::string logs;   // RE2 over recent log and error lines
  std::string probe;  // name of a probe that is unhealthy
  std::vector<std::string>
      conditions;  // any of the target's conditions: Unhealthy, Exited, OOMKilled, …
  std::vector<std::int64_t> exit_codes;
  std::string metric;                 // name of a probe metric …
  std::optional<std::int64_t> above;  // … and its bound
  std::optional<std::int64_t> below;
};

struct DiagnosisRule {
  std::string name;
  RuleCondition when;
  std::string cause;        // CamelCase
  double confidence = 0.9;  // 0..1
  std::string step;         // exactly one of step, verdict
  std::string verdict;      // DoNothing | Escalate
};

struct Diagnosis {
  std::vector<DiagnosisRule> rules;
  double min_confidence = 0.6;
  bool builtin_packs = true;  // the built-in rules come first
};

struct Escalation {
  std::string message;
  std::vector<std::string> sinks;  // told beside those of spec.notifications
};

// Exactly one of action, escalate.
struct Step {
  std::string name;
  std::optional<Action> action;
  std::optional<Escalation> escalate;
  std::string expected;                // shown to the approver
  std::string risk;                    // raises the computed risk, never lowers it; "" = computed
  std::string on_verification_failed;  // Next | RollbackThenNext | Escalate; default Next
  std::int64_t max_attempts = 1;
  std::int64_t timeout_seconds = 60;
};

struct Verification {
  std::int64_t initial_delay_seconds = 2;
  std::int64_t interval_seconds = 2;
  std::int64_t timeout_seconds = 60;
  std::int64_t consecutive_successes = 2;
  std::int64_t failure_limit = 3;
  std::int64_t error_limit = 4;
  std::int64_t min_healthy_seconds = 0;
};

struct RetryRule {
  std::int64_t min_healthy_seconds = 3600;
};

struct PolicyGuardrails {
  ActionBudget max_actions;
  std::int64_t cooldown_seconds = 300;
  Breaker breaker;
  RetryRule retry;
  std::int64_t max_concurrent = 1;
  std::int64_t min_available = 0;
  std::string max_unhealthy = "40%";     // "N%" or "N"
  std::int64_t max_unhealthy_floor = 3;  // fewer unhealthy targets than this are never a storm
  std::string max_auto_risk = kRiskMedium;
  bool reversible_only = false;
  std::vector<Window> windows;
};

struct ApprovalRule {
  std::int64_t min_approvals = 1;
  std::int64_t expires_after_seconds = 900;
  std::string on_expiry = "Escalate";  // Escalate | Close
};

struct History {
  std::int64_t keep_incidents = 50;
  std::int64_t ttl_seconds_after_resolved = 2592000;
};

// Who is told of what.
struct Notification {
  std::string sink;  // name in the administrator's configuration
  // Not "on", which YAML takes for a boolean. Empty = all but Detected and Executed.
  std::vector<std::string> stages;
};

// --- schedules
// ----------------------------------------------------------------------------------------

inline constexpr char kScheduleScaleToZero[] = "ScaleToZero";
inline constexpr char kScheduleRestore[] = "Restore";

// A size that the target is given at set times. Each tick acts once.
struct Schedule {
  std::string name;
  std::string cron;       // five fields
  std::string time_zone;  // IANA name; default UTC
  // ScaleToZero (stops a container) | Restore (back to what it had before).
  std::string action;
  // A tick that could not begin for so long is left out, as a CronJob's.
  std::int64_t starting_deadline_seconds = 3600;
};

struct HealingPolicySpec {
  std::string mode = kModeObserve;
  std::vector<Pause> pauses;
  Target target;
  std::vector<PolicyDependency> depends_on;
  std::vector<Probe> probes;
  std::vector<PolicyTrigger> triggers;
  Diagnosis diagnosis;
  std::vector<Step> ladder;
  Verification verification;
  PolicyGuardrails guardrails;
  ApprovalRule approval;
  std::vector<Notification> notifications;
  std::vector<Schedule> schedules;
  History history;
};

// --- status
// -------------------------------------------------------------------------------------------

struct IndicatorStatus {
  std::string name;         // a probe's name, or "container"
  std::string state;        // Healthy | Unhealthy | Unknown (could not be measured)
  std::int64_t health = 0;  // 0..100, bucketed to tens so that wobble is no change
  std::string message;
};

struct TargetStatus {
  std::string name;
  std::string state;  // Healthy | Unhealthy | Unknown | Missing
  std::int64_t health = 0;
  std::string since;
  std::string message;
  std::vector<IndicatorStatus> indicators;
  // Last time this target was verified or measured healthy, and when the last fix on it was
  // verified.
  std::string last_healthy;
};

// A reservation: written before an attempt may run, kept after it and after its incident. The
// memory of budget, cooldown and breaker.
struct ActionRecord {
  std::string attempt_id;  // idempotency key
  std::string incident;
  std::string target;
  std::string step;
  std::string action;
  std::string reserved_at;
  // "" while running; Successful | Failed | Error | Inconclusive | NotExecuted.
  std::string result;
  std::string finished_at;
};

struct BudgetStatus {
  std::int64_t remaining = 0;
  std::string next_free_at;  // when a spent action leaves the window; "" if nothing is spent
};

struct BreakerStatus {
  std::string target;
  std::int64_t consecutive_failures = 0;
  std::int64_t ineffective_fixes = 0;
  std::string open_until;  // "" = closed
};

// What a receiver has taken in for one of the policy's triggers and one target: written before the
// sender is told that it was accepted. One entry per trigger, target and alert.
struct SignalStatus {
  std::string trigger;
  std::string fingerprint;  // 64 hex digits over receiver and the alert's labels
  std::string target;       // name of the target; "" = all of the policy's
  std::string state;        // Firing | Cleared
  std::string since;        // when the state began, as its sender says
  std::string received_at;  // the last delivery that changed anything, by Salve's clock
  std::int64_t occurrences = 0;
  std::string severity;
  std::string message;
  std::map<std::string, std::string> labels;  // bounded
};

// Words of FileStatus::state.
inline constexpr char kFilesUnknown[] = "Unknown";  // never read so far
inline constexpr char kFilesCurrent[] = "Current";  // as the target was started with
inline constexpr char kFilesChanged[] = "Changed";  // the target was started with something else

// What one target runs with of the files of one trigger, and what was found since. Never content:
// digests of it.
struct FileStatus {
  std::string trigger;
  std::string target;                        // name
  std::string state;                         // kFiles…
  std::string content;                       // 64 hex digits over `paths`
  std::map<std::string, std::string> paths;  // path → digest of what the target runs with
  std::string found;                         // as content, of what was found when Changed; else ""
  std::map<std::string, std::string> found_paths;  // those of `paths` that differ
  std::string since;                 // when the state, or what was found, began to be so
  std::vector<std::string> reasons;  // of a change: env_changed, …
  std::vector<std::string> files;    // names of what changed; bounded
  std::string message;               // why the files cannot be read now; "" = they can
};

// What is remembered of one of spec.schedules.
struct ScheduleStatus {
  std::string name;
  std::string rule;       // action, cron and zone, as they were accepted
  std::string since;      // ticks up to then do not count
  std::string next_tick;  // "" if there is none
};

// Words of ScheduledTarget::state.
inline constexpr char kTickHeld[] = "Held";        // due, and waits for something to end
inline constexpr char kTickDue[] = "Due";          // `incident` is to be opened
inline constexpr char kTickOpened[] = "Opened";    // `incident` is open
inline constexpr char kTickDone[] = "Done";        // the target is as wanted
inline constexpr char kTickFailed[] = "Failed";    // it was tried, and a person has to look
inline constexpr char kTickSkipped[] = "Skipped";  // not run, for the reason in `message`

// The newest tick of any schedule that has come due for one target, and what is needed to go back.
// Written before anything is done about it.
struct ScheduledTarget {
  std::string target;    // name
  std::string schedule;  // whose tick it was
  std::string action;
  std::string tick;  // when it was due
  std::string state;
  std::string incident;  // name of the incident that carries it out; "" if there is none
  std::string message;   // why it is in that state
  std::string since;     // when it came to that state
  // How many replicas (tasks, running containers) there were when it was put to sleep; what Restore
  // goes back to. Stored before the target is scaled to zero.
  std::optional<std::int64_t> count;
  std::string asleep_by;     // the schedule that put it to sleep; "" = it is not meant to sleep
  std::string asleep_since;  // when
};

struct HealingPolicyStatus {
  std::int64_t observed_generation = 0;
  std::vector<meta::v1::Condition> conditions;
  std::string health;  // summary for the printer column: "3/4 healthy"
  std::int64_t targets_total = 0;
  std::int64_t targets_unhealthy = 0;
  std::int64_t targets_asleep = 0;    // put to sleep by a schedule: neither healthy nor ill
  std::vector<TargetStatus> targets;  // bounded: unhealthy ones first
  std::vector<SignalStatus> signals;  // bounded: cleared ones go first
  std::vector<FileStatus> files;      // bounded; one for each target and trigger with fileChange
  std::vector<std::string> open_incidents;
  std::int64_t open_incident_count = 0;  // for the printer column, which cannot count
  BudgetStatus budget;
  std::vector<ActionRecord> actions;  // bounded by window and count, newest last
  std::vector<BreakerStatus> breakers;
  std::string next_schedule;              // for people: "morning (Restore) at 2026-12-02T08:00:00Z"
  std::vector<ScheduleStatus> schedules;  // one for each of spec.schedules
  std::vector<ScheduledTarget> scheduled;  // bounded; one for each target that had a tick
};

struct HealingPolicy {
  static const meta::v1::ResourceInfo kInfo;
  meta::v1::ObjectMeta metadata;
  HealingPolicySpec spec;
  HealingPolicyStatus status;
};

// Condition types of HealingPolicy.
inline constexpr char kPolicyReady[] = "Ready";
inline constexpr char kPolicyTargetFound[] = "TargetFound";
inline constexpr char kPolicyTargetHealthy[] = "TargetHealthy";
inline constexpr char kPolicyRemediationAllowed[] = "RemediationAllowed";
inline constexpr char kPolicyPaused[] = "Paused";
inline constexpr char kPolicyStormActive[] = "StormActive";
inline constexpr char kPolicyBreakerOpen[] = "BreakerOpen";

}  // namespace salve::apis::salve::v1alpha1

#endif  // SALVE_PKG_APIS_SALVE_V1ALPHA1_HEALINGPOLICY_H_
