// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using namespace salve::v1alpha1;  // NOLINT(google-build-using-namespace): the tables are about it

const meta::v1::ResourceInfo Incident::kInfo{kGroup, kVersion, "incidents", "Incident", true};

namespace {

// Bounds of what Salve itself writes: far above what it keeps, so that a status is never refused,
// and low enough that no object grows without end.
constexpr std::size_t kShortText = 4096;
constexpr std::size_t kLongText = 32768;
constexpr std::size_t kOutput = 131072;

constexpr char kDigest[] = "^[0-9a-f]{64}$";

const std::vector<std::string>& RiskLevels() {
  static const std::vector<std::string> levels = {kRiskLow, kRiskMedium, kRiskHigh, kRiskCritical};
  return levels;
}

// Rules by which a member of the spec, once set, stays as it is.
std::string Unchanged(const std::string& member) {
  return "has(self." + member + ") == has(oldSelf." + member + ") && (!has(self." + member +
         ") || self." + member + " == oldSelf." + member + ")";
}
std::string UnchangedOnceSet(const std::string& member) {
  return "!has(oldSelf." + member + ") || (has(self." + member + ") && self." + member +
         " == oldSelf." + member + ")";
}

}  // namespace

SALVE_APIS_TABLE(
    PolicyRef,
    Describe("PolicyRef",
             {
                 F<&PolicyRef::name>("name", "A HealingPolicy in the same namespace.")
                     .Required()
                     .MinLength(1)
                     .MaxLength(253),
                 F<&PolicyRef::uid>("uid", "Its UID when the incident began; Salve fills it in.")
                     .Text(253),
                 F<&PolicyRef::generation>(
                     "generation", "Its generation when the incident began; Salve fills it in.")
                     .Min(0),
             })
        .Cel("self.name == oldSelf.name", "name is immutable", ".name")
        .Cel(UnchangedOnceSet("uid"), "uid is immutable once set", ".uid")
        .Cel(UnchangedOnceSet("generation"), "generation is immutable once set", ".generation"));

SALVE_APIS_TABLE(
    Trigger,
    Describe(
        "Trigger",
        {
            F<&Trigger::source>("source",
                                "Probe: a probe's health. Target: a condition that the "
                                "backend reports. Alert: somebody's monitoring. File: files "
                                "that the target reads have changed. Schedule: a time that "
                                "the policy names. Manual: a human asked.")
                .Default("Manual")
                .Enum({"Probe", "Target", "Alert", "File", "Schedule", "Manual"}),
            F<&Trigger::name>("name",
                              "The probe, the condition, the policy's trigger, its schedule or "
                              "the person.")
                .Text(253),
            F<&Trigger::message>("message", "What was seen.").Text(kShortText),
            F<&Trigger::at>("at", "When.").DateTime(),
        }));

SALVE_APIS_TABLE(
    Metric,
    Describe("Metric",
             {
                 F<&Metric::name>("name", "As in memory.used_bytes.").Required().MaxLength(128),
                 F<&Metric::value>("value", "Its value.").Required(),
             }));

SALVE_APIS_TABLE(
    IncidentSpec,
    Describe(
        "IncidentSpec",
        {
            F<&IncidentSpec::fingerprint>("fingerprint",
                                          "What the incident is about, as 64 hex digits; one "
                                          "incident is open per fingerprint. "
                                          "Salve fills it in for incidents made by people.")
                .MaxLength(64)
                .Matching(kDigest),
            F<&IncidentSpec::policy_ref>("policyRef", "The policy that rules this incident.")
                .Required(),
            F<&IncidentSpec::target>("target", "What is ill.").Required(),
            F<&IncidentSpec::trigger>("trigger", "What opened the incident.")
                .Default(Json::object()),
            F<&IncidentSpec::severity>("severity", "How bad it is.")
                .Default("Warning")
                .Enum({"Info", "Warning", "Critical"}),
            F<&IncidentSpec::affected_system>("affectedSystem",
                                              "For people, as in redis-test (docker container).")
                .Text(1024),
            F<&IncidentSpec::error_logs>("errorLogs",
                                         "Error lines when it was opened, oldest first.")
                .MaxItems(200)
                .ItemMaxLength(2048),
            F<&IncidentSpec::metrics_snapshot>("metricsSnapshot", "Metrics when it was opened.")
                .MaxItems(200),
            F<&IncidentSpec::cancel>(
                "cancel",
                "Set to true to end the incident; an attempt that is running ends first."),
        })
        .Cel(UnchangedOnceSet("fingerprint"), "fingerprint is immutable once set", ".fingerprint")
        .Cel("self.target == oldSelf.target", "target is immutable", ".target")
        .Cel(Unchanged("trigger"), "trigger is immutable", ".trigger")
        .Cel(Unchanged("severity"), "severity is immutable", ".severity")
        .Cel(UnchangedOnceSet("affectedSystem"), "affectedSystem is immutable once set",
             ".affectedSystem")
        .Cel(Unchanged("errorLogs"), "errorLogs is immutable", ".errorLogs")
        .Cel(Unchanged("metricsSnapshot"), "metricsSnapshot is immutable", ".metricsSnapshot")
        .Cel("!has(oldSelf.cancel) || !oldSelf.cancel || (has(self.cancel) && self.cancel)",
             "a cancelled incident stays cancelled", ".cancel"));

// --- status
// -------------------------------------------------------------------------------------------

SALVE_APIS_TABLE(
    Candidate,
    Describe("Candidate",
             {
                 F<&Candidate::rule>("rule", "The rule.").Required().MaxLength(253),
                 F<&Candidate::cause>("cause", "The cause that it names.").Text(253),
                 F<&Candidate::confidence>("confidence", "How sure it is.").KeepZero().Range(0, 1),
                 F<&Candidate::step>("step", "The step that it would take.").Text(253),
                 F<&Candidate::verdict>("verdict", "Its verdict instead of a step.").Text(63),
                 F<&Candidate::why_not>("whyNot", "Why another was chosen.").Text(kShortText),
             }));

SALVE_APIS_TABLE(
    DiagnosisStatus,
    Describe(
        "DiagnosisStatus",
        {
            F<&DiagnosisStatus::rule>("rule", "The rule that was chosen, as in redis/oom.")
                .Text(253),
            F<&DiagnosisStatus::cause>("cause", "The cause in one word.").Text(253),
            F<&DiagnosisStatus::object>("object", "The thing at fault.").Text(1024),
            F<&DiagnosisStatus::confidence>("confidence", "From 0 to 1.").KeepZero().Range(0, 1),
            F<&DiagnosisStatus::step>("step", "The step to begin with.").Text(253),
            F<&DiagnosisStatus::verdict>("verdict", "Instead of a step: DoNothing or Escalate.")
                .Enum({"DoNothing", "Escalate"}),
            F<&DiagnosisStatus::message>("message", "A sentence that quotes the evidence.")
                .Text(kLongText),
            F<&DiagnosisStatus::evidence>("evidence", "What it rests on.")
                .MaxItems(200)
                .ItemMaxLength(kShortText),
            F<&DiagnosisStatus::others>("others", "Rules that matched as well.").MaxItems(200),
            F<&DiagnosisStatus::at>("at", "When it was made.").DateTime(),
        }));

SALVE_APIS_TABLE(
    Risk,
    Describe(
        "Risk",
        {
            F<&Risk::level>("level", "As computed, or raised by the policy.").Enum(RiskLevels()),
            F<&Risk::factors>("factors", "What it comes from.").MaxItems(50).ItemMaxLength(1024),
        }));

SALVE_APIS_TABLE(
    Preview,
    Describe(
        "Preview",
        {
            F<&Preview::command>("command", "The exact command or API call.").Text(kLongText),
            F<&Preview::affected>("affected", "What it touches.").MaxItems(500).ItemMaxLength(1024),
        }));

SALVE_APIS_TABLE(
    Proposal,
    Describe("Proposal",
             {
                 F<&Proposal::digest>("digest",
                                      "64 hex digits over everything that will be executed and "
                                      "what it acts on. An approval is "
                                      "for exactly this.")
                     .Matching(kDigest)
                     .MaxLength(64),
                 F<&Proposal::step>("step", "The step of the ladder.").Text(253),
                 F<&Proposal::action>("action", "The action's name.").Text(63),
                 F<&Proposal::description>("description", "What it does, in a sentence.")
                     .Text(kLongText),
                 F<&Proposal::preview>("preview", "What will be executed."),
                 F<&Proposal::risk>("risk", "How dangerous it is."),
                 F<&Proposal::reversible>("reversible", "Whether there is an inverse.").KeepZero(),
                 F<&Proposal::undo>("undo", "Preview of the inverse.").Text(kLongText),
                 F<&Proposal::expected>("expected", "What success looks like.").Text(kShortText),
                 F<&Proposal::proposed_at>("proposedAt", "When it was made.").DateTime(),
                 F<&Proposal::expires_at>("expiresAt", "Until when it can be approved.").DateTime(),
                 F<&Proposal::required_approvals>("requiredApprovals",
                                                  "People who must approve; 0 is nobody.")
                     .KeepZero(),
                 F<&Proposal::approvers>("approvers", "Different people whose approval counts.")
                     .MaxItems(50)
                     .ItemMaxLength(1024),
             }));

SALVE_APIS_TABLE(
    GateStatus,
    Describe(
        "GateStatus",
        {
            F<&GateStatus::name>("name", "The gate, as in Window.").Required().MaxLength(63),
            F<&GateStatus::result>("result", "Pass or Block.").Enum({"Pass", "Block"}),
            F<&GateStatus::reason>("reason", "One CamelCase word.").Text(253),
            F<&GateStatus::message>("message", "The value that decided.").Text(kLongText),
            F<&GateStatus::until>("until", "When it opens by itself.").DateTime(),
            F<&GateStatus::unblocked_by>("unblockedBy", "What would open it.").Text(kShortText),
        }));

SALVE_APIS_TABLE(
    Observation,
    Describe("Observation",
             {
                 F<&Observation::at>("at", "When.").DateTime(),
                 F<&Observation::state>("state", "Unknown: it could not be measured.")
                     .Enum({"Healthy", "Unhealthy", "Unknown", "Missing"}),
                 F<&Observation::health>("health", "0 to 100.").KeepZero().Range(0, 100),
                 F<&Observation::identity>("identity",
                                           "Changes when the target is replaced or restarted.")
                     .Text(1024),
                 F<&Observation::message>("message", "For people.").Text(kLongText),
                 F<&Observation::metrics>("metrics", "What was measured.").MaxItems(200),
             }));

SALVE_APIS_TABLE(
    ExecutionResult,
    Describe(
        "ExecutionResult",
        {
            F<&ExecutionResult::outcome>("outcome", "Unknown: it may or may not have been applied.")
                .Enum({"Applied", "NotApplied", "Unknown"}),
            F<&ExecutionResult::message>("message", "For people.").Text(kLongText),
            F<&ExecutionResult::exit_code>("exitCode", "Of the command.").KeepZero(),
            F<&ExecutionResult::stdout_text>("stdout", "Its output, shortened.").Text(kOutput),
            F<&ExecutionResult::stderr_text>("stderr", "Its error output, shortened.")
                .Text(kOutput),
            F<&ExecutionResult::duration_millis>("durationMillis", "How long it took.").KeepZero(),
        }));

SALVE_APIS_TABLE(
    VerificationStatus,
    Describe("VerificationStatus",
             {
                 F<&VerificationStatus::outcome>("outcome", "Absent while it runs.")
                     .Enum({"Successful", "Failed", "Error", "Inconclusive"}),
                 F<&VerificationStatus::started_at>("startedAt", "When it began.").DateTime(),
                 F<&VerificationStatus::finished_at>("finishedAt", "When it ended.").DateTime(),
                 F<&VerificationStatus::successes>("successes", "Good measurements in a row.")
                     .KeepZero(),
                 F<&VerificationStatus::failures>("failures", "Bad measurements.").KeepZero(),
                 F<&VerificationStatus::errors>("errors", "Measurements that failed.").KeepZero(),
                 F<&VerificationStatus::healthy_since>("healthySince",
                                                       "Healthy without a break since.")
                     .DateTime(),
                 F<&VerificationStatus::next_check_at>("nextCheckAt", "When the next one is due.")
                     .DateTime(),
                 F<&VerificationStatus::message>("message", "For people.").Text(kLongText),
             }));

SALVE_APIS_TABLE(
    Attempt,
    Describe(
        "Attempt",
        {
            F<&Attempt::id>("id", "Idempotency key.").Required().MaxLength(253),
            F<&Attempt::step>("step", "The step of the ladder.").Text(253),
            F<&Attempt::action>("action", "The action's name.").Text(63),
            F<&Attempt::digest>("digest", "Digest of the proposal that was executed.").Text(64),
            F<&Attempt::phase>("phase", "How far it is.")
                .Enum({"Intended", "Executed", "Verifying", "Done", "UndoIntended", "UndoExecuted",
                       "Undone"}),
            F<&Attempt::command>("command", "The exact command or API call.").Text(kLongText),
            F<&Attempt::subject>("subject",
                                 "Which object exactly it acts on, where that is not the target "
                                 "itself, in the backend's words.")
                .MaxLength(1024),
            F<&Attempt::started_at>("startedAt", "When it was decided on.").DateTime(),
            F<&Attempt::executed_at>("executedAt", "When the action had ended.").DateTime(),
            F<&Attempt::finished_at>("finishedAt", "When the verification had ended.").DateTime(),
            F<&Attempt::before>("before", "The target right before."),
            F<&Attempt::after>("after", "The target right after."),
            F<&Attempt::undo>("undo", "The inverse, computed and stored before acting."),
            F<&Attempt::undo_token>("undoToken", "What the backend needs for the inverse.")
                .Text(kLongText),
            F<&Attempt::result>("result", "What the action did; absent while it runs."),
            F<&Attempt::verification>("verification", "Whether it helped."),
            F<&Attempt::undo_result>("undoResult", "What the inverse did."),
            F<&Attempt::undo_verification>(
                "undoVerification", "Whether the target is at least as well after the inverse."),
            F<&Attempt::approved_by>("approvedBy", "Who approved; absent if nobody had to.")
                .Text(kShortText),
        }));

SALVE_APIS_TABLE(
    TimelineEntry,
    Describe("TimelineEntry",
             {
                 F<&TimelineEntry::sequence>("sequence", "Counts from 1 per incident.").Required(),
                 F<&TimelineEntry::at>("at", "When.").DateTime(),
                 F<&TimelineEntry::phase>("phase", "What kind of entry it is.")
                     .Enum({"thinking", "command", "executing", "result", "verifying",
                            "verification", "complete", "error"}),
                 F<&TimelineEntry::message>("message", "What happened.").Text(kLongText),
             }));

SALVE_APIS_TABLE(
    Durations,
    Describe("Durations",
             {
                 F<&Durations::detect_millis>("detectMillis",
                                              "From the first bad sign to the incident."),
                 F<&Durations::diagnose_millis>("diagnoseMillis", "To find the cause."),
                 F<&Durations::approval_wait_millis>("approvalWaitMillis", "Waiting for a human."),
                 F<&Durations::blocked_millis>("blockedMillis", "Blocked by other gates."),
                 F<&Durations::execute_millis>("executeMillis", "Acting."),
                 F<&Durations::verify_millis>("verifyMillis", "Verifying."),
                 F<&Durations::total_millis>("totalMillis", "From the first bad sign to the end."),
             }));

SALVE_APIS_TABLE(
    IncidentStatus,
    Describe(
        "IncidentStatus",
        {
            F<&IncidentStatus::observed_generation>("observedGeneration",
                                                    "The generation that this status is about."),
            F<&IncidentStatus::phase>("phase", "For printing; programs read the conditions.")
                .Enum({"Detected", "Diagnosing", "AwaitingApproval", "Blocked", "Executing",
                       "Verifying", "RollingBack", "Escalated", "Resolved"}),
            F<&IncidentStatus::conditions>("conditions",
                                           "Diagnosed, Proposed, Approved, Executed, Verified, "
                                           "RolledBack, Blocked, Escalated, and in "
                                           "the end Resolved.")
                .MaxItems(32)
                .MapKeys({"type"}),
            F<&IncidentStatus::summary>("summary", "One line: what happened, what it waits for.")
                .Text(kLongText),
            F<&IncidentStatus::diagnosis>("diagnosis", "The cause and how it was found."),
            F<&IncidentStatus::proposal>("proposal", "What Salve wants to do."),
            F<&IncidentStatus::gates>("gates", "Every gate, as last evaluated, in order.")
                .MaxItems(64),
            F<&IncidentStatus::attempts>("attempts", "What has been done, oldest first.")
                .MaxItems(64),
            F<&IncidentStatus::timeline>("timeline", "The newest entries of the story.")
                .MaxItems(500),
            F<&IncidentStatus::notifications>(
                "notifications", "What was said to whom, and what is still to be said.")
                .MaxItems(200),
            F<&IncidentStatus::durations>("durations", "Where the time went."),
            F<&IncidentStatus::occurrences>("occurrences", "Signals absorbed."),
            F<&IncidentStatus::last_occurrence>("lastOccurrence", "When the last one came.")
                .DateTime(),
            F<&IncidentStatus::next_check_at>("nextCheckAt", "When Salve looks again by itself.")
                .DateTime(),
            F<&IncidentStatus::detected_at>("detectedAt", "When it was detected.").DateTime(),
            F<&IncidentStatus::phase_since>("phaseSince", "When the phase began.").DateTime(),
            F<&IncidentStatus::resolved_at>("resolvedAt", "When it ended.").DateTime(),
            F<&IncidentStatus::outcome>("outcome", "How it ended.")
                .Enum({"AutoHealed", "HealedAfterApproval", "SelfResolved", "RolledBack",
                       "Escalated", "Rejected", "Expired", "Suppressed", "DryRun", "Inconclusive",
                       "Cancelled"}),
        }));

SALVE_APIS_TABLE(
    Incident,
    Describe("Incident",
             {
                 F<&Incident::metadata>("metadata", "Name, labels and the like."),
                 F<&Incident::spec>("spec", "What happened. Immutable but for cancel.").Required(),
                 F<&Incident::status>("status", "What Salve makes of it."),
             })
        .Kind(Incident::kInfo));

}  // namespace salve::apis
