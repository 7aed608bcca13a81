// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/derive.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "pkg/apis/codec.h"
#include "pkg/base/hash.h"
#include "pkg/base/redact.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/machine.h"

namespace salve::audit {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxName = 300;
constexpr std::size_t kMaxMessage = 600;
constexpr std::size_t kMaxCommand = 1200;
constexpr std::size_t kMaxItem = 240;
constexpr std::size_t kMaxItems = 12;
constexpr std::size_t kIdDigits = 16;

// Redacted before it is cut: half a secret is none that Redact would know.
std::string Clean(const std::string& text, std::size_t max = kMaxMessage) {
  return healing::SanitizeLine(Redact(text), max);
}

Json CleanList(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) {
    if (out.size() == kMaxItems) break;
    out.push_back(Clean(text, kMaxItem));
  }
  return out;
}

std::string IdOf(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) all.append(part).push_back('\0');
  return Sha256Hex(all).substr(0, kIdDigits);
}

void Put(Json& detail, const char* key, const std::string& value) {
  if (!value.empty()) detail[key] = value;
}

std::string Key(const apis::meta::v1::ObjectMeta& metadata) {
  return metadata.ns.empty() ? metadata.name : metadata.ns + "/" + metadata.name;
}

std::string TargetText(const v1::TargetRef& target) {
  std::string text = target.backend + "/" + target.kind + "/";
  if (!target.ns.empty()) text += target.ns + "/";
  return Clean(text + target.name, kMaxName);
}

// Collects the records of one incident.
class Story {
 public:
  Story(const v1::Incident& incident, const Approvals& approvals)
      : incident_(incident), status_(incident.status), approvals_(approvals) {}

  std::vector<Record> Tell() {
    if (status_.phase.empty()) return {};  // it has not begun
    Detected();
    // What led to the attempts that were made is gone from the status, unless it is still
    // under way; then it belongs before them.
    Diagnosed();
    Proposed();
    Decisions();
    if (incident_.spec.cancel) Add(kCancelRequested, {}, "");
    Gates();
    for (const v1::Attempt& attempt : status_.attempts) AttemptMade(attempt);
    Escalated();
    if (healing::IsResolved(status_)) Resolved();
    return std::move(records_);
  }

 private:
  // The reference is good until the next call.
  Record& Add(const char* event, std::initializer_list<std::string_view> identity,
              const std::string& at) {
    Record record;
    record.event = event;
    std::string parts;
    for (const std::string_view part : identity) parts.append(part).push_back('\0');
    record.id = IdOf({incident_.metadata.uid, event, parts});
    record.subject = incident_.metadata.uid;
    record.at = at;
    record.incident = Key(incident_.metadata);
    record.policy = incident_.metadata.ns + "/" + incident_.spec.policy_ref.name;
    record.target = TargetText(incident_.spec.target);
    records_.push_back(std::move(record));
    return records_.back();
  }

  void Detected() {
    const v1::IncidentSpec& spec = incident_.spec;
    Record& record = Add(kDetected, {}, status_.detected_at);
    record.trigger = Clean(spec.trigger.source + " " + spec.trigger.name, kMaxName);
    record.message = Clean(spec.trigger.message);
    Put(record.detail, "severity", spec.severity);
    Put(record.detail, "affectedSystem", Clean(spec.affected_system, kMaxName));
    Put(record.detail, "fingerprint", spec.fingerprint);
    Put(record.detail, "policyUID", spec.policy_ref.uid);
    record.detail["policyGeneration"] = spec.policy_ref.generation;
    if (!spec.error_logs.empty()) record.detail["errorLogs"] = CleanList(spec.error_logs);
  }

  void AddDiagnosis(Record& record) const {
    if (!status_.diagnosis) return;
    record.cause = Clean(status_.diagnosis->cause, kMaxName);
    record.confidence = status_.diagnosis->confidence;
  }

  void Diagnosed() {
    if (!status_.diagnosis) return;
    const v1::DiagnosisStatus& diagnosis = *status_.diagnosis;
    Record& record = Add(kDiagnosed,
                         {diagnosis.at, diagnosis.rule, diagnosis.cause, diagnosis.object,
                          diagnosis.step, diagnosis.verdict},
                         diagnosis.at);
    AddDiagnosis(record);
    record.step = diagnosis.step;
    record.result = diagnosis.verdict;
    record.message = Clean(diagnosis.message);
    Put(record.detail, "rule", diagnosis.rule);
    Put(record.detail, "object", Clean(diagnosis.object, kMaxName));
    if (!diagnosis.evidence.empty()) record.detail["evidence"] = CleanList(diagnosis.evidence);
    if (!diagnosis.others.empty()) record.detail["others"] = Losers(diagnosis.others);
  }

  static Json Losers(const std::vector<v1::Candidate>& others) {
    Json out = Json::array();
    for (const v1::Candidate& other : others) {
      if (out.size() == kMaxItems) break;
      out.push_back({{"rule", other.rule},
                     {"confidence", other.confidence},
                     {"whyNot", Clean(other.why_not, kMaxItem)}});
    }
    return out;
  }

  void Proposed() {
    if (!status_.proposal || status_.proposal->digest.empty()) return;
    const v1::Proposal& proposal = *status_.proposal;
    Record& record = Add(kProposed, {proposal.digest, proposal.proposed_at}, proposal.proposed_at);
    AddDiagnosis(record);
    record.step = proposal.step;
    record.action = proposal.action;
    record.risk = proposal.risk.level;
    record.message = Clean(proposal.description);
    Put(record.detail, "digest", proposal.digest);
    Put(record.detail, "command", Clean(proposal.preview.command, kMaxCommand));
    record.detail["affected"] = CleanList(proposal.preview.affected);
    record.detail["riskFactors"] = CleanList(proposal.risk.factors);
    record.detail["reversible"] = proposal.reversible;
    record.detail["requiredApprovals"] = proposal.required_approvals;
    Put(record.detail, "expiresAt", proposal.expires_at);
  }

  void Decisions() {
    std::vector<const v1::IncidentApproval*> ours;
    for (const auto& approval : approvals_) {
      if (approval->spec.incident_uid == incident_.metadata.uid) ours.push_back(approval.get());
    }
    std::sort(ours.begin(), ours.end(), [](const auto* a, const auto* b) {
      return std::tie(a->metadata.creation_timestamp, a->metadata.name) <
             std::tie(b->metadata.creation_timestamp, b->metadata.name);
    });
    for (const v1::IncidentApproval* approval : ours) {
      Record& record =
          Add(kDecided, {approval->metadata.uid}, approval->metadata.creation_timestamp);
      record.approver = Clean(approval->spec.approver, kMaxName);
      record.result = approval->spec.decision;
      record.message = Clean(approval->spec.reason);
      Put(record.detail, "digest", Clean(approval->spec.proposal_digest, kMaxName));
      Put(record.detail, "approval", approval->metadata.name);
    }
  }

  // The gates that say why it waits now. That all have passed is told by the intent.
  void Gates() {
    const bool asks = status_.phase == healing::kPhaseAwaitingApproval;
    if (!asks && status_.phase != healing::kPhaseBlocked) return;
    const apis::meta::v1::Condition* blocked =
        apis::meta::v1::FindCondition(status_.conditions, v1::kIncidentBlocked);
    const std::string reason = blocked != nullptr ? blocked->reason : "";
    const std::string digest = status_.proposal ? status_.proposal->digest : "";
    const std::string closed = ClosedGates();
    Record& record = Add(kGatesEvaluated, {status_.phase, reason, closed, digest},
                         blocked != nullptr ? blocked->last_transition_time : "");
    // The condition may be older than this set of gates.
    if (record.at < status_.phase_since) record.at = status_.phase_since;
    AddDiagnosis(record);
    if (status_.proposal) record.step = status_.proposal->step;
    if (status_.proposal) record.action = status_.proposal->action;
    record.result = status_.phase;
    record.gates = closed.empty() ? reason : closed;
    if (blocked != nullptr) record.message = Clean(blocked->message);
    record.detail["gates"] = GateList();
  }

  std::string ClosedGates() const {
    std::string out;
    for (const v1::GateStatus& gate : status_.gates) {
      if (gate.result == "Pass") continue;
      out += (out.empty() ? "" : ", ") + gate.name + " " + gate.reason;
    }
    return Clean(out, kMaxMessage);
  }

  Json GateList() const {
    Json out = Json::array();
    for (const v1::GateStatus& gate : status_.gates) {
      Json one = {{"name", gate.name}, {"result", gate.result}};
      if (gate.result != "Pass") {
        Put(one, "reason", gate.reason);
        Put(one, "message", Clean(gate.message, kMaxItem));
        Put(one, "until", gate.until);
        Put(one, "unblockedBy", Clean(gate.unblocked_by, kMaxItem));
      }
      out.push_back(std::move(one));
    }
    return out;
  }

  Record& AddAttempt(const char* event, const v1::Attempt& attempt, const std::string& at) {
    Record& record = Add(event, {attempt.id}, at);
    record.step = attempt.step;
    record.action = attempt.action;
    record.approver = Clean(attempt.approved_by, kMaxName);
    record.detail["attempt"] = attempt.id;
    return record;
  }

  void AttemptMade(const v1::Attempt& attempt) {
    Intended(attempt);
    if (attempt.result) {
      const std::string& at =
          attempt.executed_at.empty() ? attempt.finished_at : attempt.executed_at;
      AddResult(AddAttempt(kExecuted, attempt, at), *attempt.result);
    }
    if (attempt.verification && !attempt.verification->outcome.empty()) {
      AddVerification(kVerified, attempt, *attempt.verification);
    }
    if (attempt.phase == healing::kAttemptUndoIntended || attempt.undo_result) {
      AddAttempt(kUndoing, attempt, "");
    }
    if (attempt.undo_result) AddResult(AddAttempt(kUndone, attempt, ""), *attempt.undo_result);
    if (attempt.undo_verification && !attempt.undo_verification->outcome.empty()) {
      AddVerification(kUndoVerified, attempt, *attempt.undo_verification);
    }
  }

  void Intended(const v1::Attempt& attempt) {
    Record& record = AddAttempt(kExecuting, attempt, attempt.started_at);
    record.message = Clean(attempt.command, kMaxCommand);
    Put(record.detail, "digest", attempt.digest);
    Put(record.detail, "subject", Clean(attempt.subject, kMaxName));
    record.detail["before"] = {{"state", attempt.before.state},
                               {"health", attempt.before.health},
                               {"identity", Clean(attempt.before.identity, kMaxName)},
                               {"message", Clean(attempt.before.message, kMaxItem)}};
    // Diagnosis, risk and gates are those of this attempt only until it has run.
    if (attempt.phase != healing::kAttemptIntended) return;
    AddDiagnosis(record);
    if (status_.proposal) record.risk = status_.proposal->risk.level;
    const std::string closed = ClosedGates();
    record.gates = closed.empty() && !status_.gates.empty() ? "all passed" : closed;
    record.detail["gates"] = GateList();
  }

  static void AddResult(Record& record, const v1::ExecutionResult& result) {
    record.result = result.outcome;
    record.message = Clean(result.message);
    record.detail["exitCode"] = result.exit_code;
    record.detail["durationMillis"] = result.duration_millis;
    Put(record.detail, "stdout", Clean(result.stdout_text, kMaxMessage));
    Put(record.detail, "stderr", Clean(result.stderr_text, kMaxMessage));
  }

  void AddVerification(const char* event, const v1::Attempt& attempt,
                       const v1::VerificationStatus& verification) {
    Record& record = AddAttempt(event, attempt, verification.finished_at);
    record.result = verification.outcome;
    record.message = Clean(verification.message);
    if (event == kVerified && attempt.after) {
      record.detail["after"] = {{"state", attempt.after->state},
                                {"health", attempt.after->health},
                                {"identity", Clean(attempt.after->identity, kMaxName)}};
    }
  }

  void Escalated() {
    const apis::meta::v1::Condition* condition =
        apis::meta::v1::FindCondition(status_.conditions, v1::kIncidentEscalated);
    if (condition == nullptr || condition->status != "True") return;
    Record& record = Add(kEscalated, {condition->last_transition_time, condition->reason},
                         condition->last_transition_time);
    AddDiagnosis(record);
    record.result = condition->reason;
    record.message = Clean(condition->message);
  }

  void Resolved() {
    Record& record = Add(kResolved, {}, status_.resolved_at);
    record.result = status_.outcome;
    const apis::meta::v1::Condition* condition =
        apis::meta::v1::FindCondition(status_.conditions, v1::kIncidentResolved);
    if (condition != nullptr) record.message = Clean(condition->message);
    record.detail = {{"occurrences", status_.occurrences},
                     {"attempts", status_.attempts.size()},
                     {"totalMillis", status_.durations.total_millis},
                     {"blockedMillis", status_.durations.blocked_millis},
                     {"approvalWaitMillis", status_.durations.approval_wait_millis}};
  }

  const v1::Incident& incident_;
  const v1::IncidentStatus& status_;
  const Approvals& approvals_;
  std::vector<Record> records_;
};

Record RulesSet(const char* event, const apis::meta::v1::ObjectMeta& metadata, const Json& spec) {
  Record record;
  record.event = event;
  record.subject = metadata.uid;
  const std::string generation = std::to_string(metadata.generation);
  record.id = IdOf({metadata.uid, event, generation});
  record.detail["generation"] = metadata.generation;
  record.detail["specDigest"] =
      Sha256Hex(spec.dump(-1, ' ', false, Json::error_handler_t::replace));
  return record;
}

}  // namespace

std::vector<Record> RecordsOf(const v1::Incident& incident, const Approvals& approvals) {
  return Story(incident, approvals).Tell();
}

Record RecordOf(const v1::HealingPolicy& policy) {
  Record record = RulesSet(kPolicySet, policy.metadata, apis::Encode(policy.spec));
  record.policy = Key(policy.metadata);
  record.result = policy.spec.pauses.empty() ? policy.spec.mode : "Paused";
  record.detail["mode"] = policy.spec.mode;
  std::string why;
  Json pauses = Json::array();
  for (const v1::Pause& pause : policy.spec.pauses) {
    why += (why.empty() ? "" : "; ") + pause.name + ": " + pause.reason;
    if (pauses.size() == kMaxItems) continue;
    Json one = {{"name", pause.name}, {"reason", Clean(pause.reason, kMaxItem)}};
    Put(one, "until", pause.until);
    pauses.push_back(std::move(one));
  }
  record.message = why.empty() ? "mode " + policy.spec.mode : Clean("paused by " + why);
  if (!pauses.empty()) record.detail["pauses"] = std::move(pauses);
  return record;
}

Record RecordOf(const v1::HealingGuardrail& guardrail) {
  Record record = RulesSet(kGuardrailSet, guardrail.metadata, apis::Encode(guardrail.spec));
  record.result = guardrail.spec.paused ? "Paused" : "Active";
  record.message = "guardrail " + guardrail.metadata.name;
  Put(record.detail, "guardrail", guardrail.metadata.name);
  Put(record.detail, "maxMode", guardrail.spec.max_mode);
  return record;
}

}  // namespace salve::audit
