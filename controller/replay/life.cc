// SPDX-License-Identifier: Apache-2.0
// The life of one incident in a replay: what the core's state machine asks for, answered from the
// record.
#include <algorithm>

#include "controller/replay/run.h"

#include "pkg/base/time_format.h"
#include "pkg/healing/budget.h"
#include "pkg/healing/ladder.h"
#include "pkg/healing/rules.h"
#include "pkg/healing/signals.h"

namespace salve::replay {
namespace {

namespace v1 = healing::v1;
using healing::Do;
using healing::HealthState;
using Kind = ReplayDecision::Kind;

// More than any incident needs at one moment.
constexpr int kMaxSteps = 64;

std::vector<std::string> NamesOf(const std::vector<healing::Gate>& gates) {
  std::vector<std::string> names;
  for (const healing::Gate& gate : gates) names.push_back(gate.name);
  return names;
}

// Whether two decisions that follow each other say the same.
bool SaysTheSame(const ReplayDecision& a, const ReplayDecision& b) {
  return a.kind == b.kind && a.step == b.step && a.risk == b.risk && a.approvals == b.approvals &&
         a.reason == b.reason && a.outcome == b.outcome &&
         std::equal(a.gates.begin(), a.gates.end(), b.gates.begin(), b.gates.end(),
                    [](const healing::Gate& x, const healing::Gate& y) {
                      return x.name == y.name && x.reason == y.reason && x.until == y.until;
                    });
}

// When a diagnosis to do nothing becomes a matter for a person.
std::optional<WallTime> OverdueAt(const v1::Incident& incident) {
  const auto& diagnosis = incident.status.diagnosis;
  if (!diagnosis || diagnosis->verdict != healing::kVerdictDoNothing) return std::nullopt;
  const healing::PackRule* rule = healing::FindPackRule(diagnosis->rule);
  const auto onset = ParseTime(incident.spec.trigger.at);
  if (rule == nullptr || rule->escalate_after_seconds <= 0 || !onset) return std::nullopt;
  return *onset + std::chrono::seconds(rule->escalate_after_seconds);
}

}  // namespace

std::vector<v1::HealingGuardrail*> ReplayRun::GuardrailsOf(const ReplayPolicy& policy) {
  static const std::map<std::string, std::string> kNoLabels;
  const auto labels = input_.namespace_labels.find(policy.object.metadata.ns);
  const auto selecting = healing::SelectGuardrails(
      guardrails_, labels == input_.namespace_labels.end() ? kNoLabels : labels->second);
  std::vector<v1::HealingGuardrail*> out;
  for (v1::HealingGuardrail& guardrail : guardrails_) {
    if (std::find(selecting.begin(), selecting.end(), &guardrail) != selecting.end()) {
      out.push_back(&guardrail);
    }
  }
  return out;
}

healing::EffectiveLimits ReplayRun::LimitsOf(const ReplayPolicy& policy) {
  const auto guardrails = GuardrailsOf(policy);
  return healing::MergeLimits(policy.object, {guardrails.begin(), guardrails.end()},
                              input_.exec_allow);
}

std::vector<healing::DependencyState> ReplayRun::Dependencies(const ReplayPolicy& policy) const {
  std::vector<healing::DependencyState> out;
  for (const v1::PolicyDependency& dependency : policy.object.spec.depends_on) {
    healing::DependencyState state;
    state.policy = dependency.policy;
    const std::string key = policy.object.metadata.ns + "/" + dependency.policy;
    for (const auto& other : policies_) {
      if (other->key != key) continue;
      state.found = true;
      state.state = other->unhealthy > 0 ? HealthState::kUnhealthy : HealthState::kHealthy;
      for (const auto& target : other->targets) {
        if (target->open && state.open_incident.empty()) {
          state.open_incident = target->open->metadata.name;
        }
      }
    }
    out.push_back(std::move(state));
  }
  return out;
}

std::vector<std::string> ReplayRun::Running() const {
  std::vector<std::string> running;
  for (const auto& other : policy_->targets) {
    if (other.get() == target_ || !other->open || !healing::IsActing(other->open->status)) continue;
    running.push_back(other->open->metadata.name);
  }
  return running;
}

runtime::DryFacts ReplayRun::Facts() const {
  runtime::DryFacts facts;
  facts.now = now_;
  facts.policy = &policy_->object;
  facts.limits = &limits_;
  facts.incident = &*target_->open;
  facts.zones = &SystemTimeZones();
  if (view_.health) facts.health = *view_.health;
  facts.observation = observation_;
  facts.dependencies = Dependencies(*policy_);
  facts.targets_total =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(policy_->targets.size()));
  facts.targets_unhealthy = std::max<std::int64_t>(1, policy_->unhealthy);
  facts.records = policy_->object.status.actions;
  facts.ill_since = ParseTime(target_->open->spec.trigger.at);
  facts.running_incidents = Running();
  return facts;
}

// What the incident's report says last is not said again.
void ReplayRun::Tell(ReplayDecision decision) {
  decision.at = now_;
  std::vector<ReplayDecision>& course = result_.incidents[target_->report].course;
  if (!course.empty() && SaysTheSame(course.back(), decision)) return;
  course.push_back(std::move(decision));
}

ReplayDecision ReplayRun::Decide(Kind kind) const {
  ReplayDecision decision;
  decision.kind = kind;
  if (const auto& proposal = target_->open->status.proposal) {
    decision.step = proposal->step;
    decision.action = proposal->action;
    decision.risk = proposal->risk.level;
    decision.command = proposal->preview.command;
    decision.approvals = proposal->required_approvals;
  }
  return decision;
}

void ReplayRun::Forget() {
  view_.health.reset();
  view_.gates.reset();
  view_.diagnosed = view_.proposed = false;
  observation_.reset();
  plan_.reset();
  step_ = nullptr;
}

Status ReplayRun::Drive(const Place& place) {
  place_ = place;
  policy_ = policies_[place.first].get();
  target_ = policy_->targets[place.second].get();
  view_ = {};
  Forget();
  for (int i = 0; i < kMaxSteps; ++i) {
    limits_ = LimitsOf(*policy_);
    view_.incident = &*target_->open;
    view_.policy = &policy_->object;
    view_.limits = &limits_;
    view_.now = now_;
    // A person who asks again has decided to start over.
    if (target_->open->spec.trigger.source != healing::kSourceManual) {
      view_.earlier = healing::EarlierAttempts(
          policy_->object.status.actions, target_->ref.name, target_->open->metadata.name,
          ParseTime(target_->open->spec.trigger.at).value_or(now_),
          policy_->object.spec.guardrails.retry.min_healthy_seconds);
    }
    SALVE_ASSIGN_OR_RETURN(const bool done, Step(healing::NextAction(view_)));
    if (done) return Status::Ok();
  }
  return InternalError("incident " + target_->open->metadata.name + " of policy " + policy_->key +
                       " asks for more than " + std::to_string(kMaxSteps) + " steps at once");
}

StatusOr<bool> ReplayRun::Step(const healing::Next& next) {
  v1::IncidentStatus& status = target_->open->status;
  switch (next.what) {
    case Do::kBegin:
      healing::ApplyBegin(*target_->open, status, now_);
      return false;
    case Do::kObserve:
      observation_ = ReplayObservation(*target_, now_);
      view_.health = healing::CombineHealth(
          observation_, ReplayIndicators(*policy_, *target_, input_.clears, now_));
      return false;
    case Do::kDiagnose:
      Diagnose();
      return false;
    case Do::kPropose:
      SALVE_RETURN_IF_ERROR(Propose(next));
      return false;
    case Do::kEvaluateGates:
      EvaluateGates();
      return false;
    case Do::kExecute:
      SALVE_RETURN_IF_ERROR(Execute());
      return false;
    case Do::kVerify:
      Verify(next.attempt_id);
      return false;
    case Do::kUndo: {
      healing::ApplyUndoIntent(status, next.attempt_id, now_);
      healing::ActionResult result;
      result.outcome = healing::ActionResult::Outcome::kApplied;
      healing::ApplyUndoResult(status, next.attempt_id, result, policy_->object.spec.verification,
                               now_);
      return false;
    }
    case Do::kVerifyUndo:
      VerifyUndo(next.attempt_id);
      return false;
    case Do::kEscalate: {
      ReplayDecision decision = Decide(Kind::kEscalates);
      decision.reason = next.reason;
      decision.message = next.message;
      healing::ApplyEscalation(status, next.reason, next.message, now_);
      Tell(std::move(decision));
      return false;
    }
    case Do::kClose:
      Close(next);
      return true;
    case Do::kWait:
      healing::ApplyNextCheck(status, next);
      next_ = next.stated ? next.at : OverdueAt(*target_->open);
      // The core looks again every so often; nothing changes here but at the end of a stated wait.
      if (next.stated && next.at) next_ = std::max(*next.at, *next.stated);
      return true;
    case Do::kNothing:
      return true;
    case Do::kRecoverAttempt:
    case Do::kExecuteSameKey:
    case Do::kRecoverUndo:
    case Do::kUndoSameKey:
    case Do::kAbandon:
      break;
  }
  return InternalError(std::string("a replay came to ") + healing::DoName(next.what) +
                       ", which only a crash can bring about");
}

void ReplayRun::Diagnose() {
  const healing::Evidence evidence = ReplayEvidence(*policy_, *target_, *view_.health,
                                                    *observation_, Dependencies(*policy_), now_);
  v1::IncidentStatus& status = target_->open->status;
  healing::ApplyDiagnosis(status, healing::Diagnose(policy_->object.spec, evidence), now_);
  view_.diagnosed = true;
  ReplayedIncident& report = result_.incidents[target_->report];
  report.rule = status.diagnosis->rule;
  report.cause = status.diagnosis->cause;
}

Status ReplayRun::Propose(const healing::Next& next) {
  step_ = healing::FindStep(policy_->ladder, next.step);
  if (step_ == nullptr || !step_->action) {
    return InternalError("the ladder of policy " + policy_->key + " has no step \"" + next.step +
                         "\" to propose");
  }
  plan_ = ReplayPlan(*policy_, *target_, *step_);
  healing::ApplyProposal(target_->open->status, runtime::DryProposal(Facts(), *step_, *plan_),
                         now_);
  view_.proposed = true;
  return Status::Ok();
}

void ReplayRun::EvaluateGates() {
  const runtime::DryFacts facts = Facts();
  const healing::ApprovalResult approval = runtime::NobodyApproves(facts);
  const auto gates =
      healing::EvaluateGates(runtime::DryGates(facts, step_, plan_ ? &*plan_ : nullptr, approval));
  v1::IncidentStatus& status = target_->open->status;
  healing::ApplyGates(status, gates, approval, now_);
  view_.gates = gates;
  const std::vector<healing::Gate> blocked = healing::Blocked(gates);
  target_->blocked_by = NamesOf(blocked);
  if (!status.diagnosis->verdict.empty()) {
    ReplayDecision decision;
    decision.kind = Kind::kWaits;
    decision.reason = status.diagnosis->cause;
    decision.message = status.diagnosis->message;
    // What is waited for may be what it depends on.
    target_->blocked_by.emplace_back(healing::kGateDependency);
    Tell(std::move(decision));
  } else if (!blocked.empty() && !approval.expired) {
    // What has expired ends at once, and that is told.
    ReplayDecision decision =
        Decide(healing::OnlyApprovalMissing(gates) ? Kind::kNeedsApproval : Kind::kBlocked);
    decision.gates = blocked;
    Tell(std::move(decision));
  }
}

Status ReplayRun::Reserve(const v1::Step& step, const std::string& attempt_id) {
  for (v1::HealingGuardrail* guardrail : GuardrailsOf(*policy_)) {
    if (!guardrail->spec.max_actions) continue;
    SALVE_RETURN_IF_ERROR(healing::ReserveSpend(guardrail->status.actions, policy_->key, attempt_id,
                                                *guardrail->spec.max_actions, now_));
  }
  const healing::Reservation reservation{attempt_id, target_->open->metadata.name,
                                         target_->ref.name, step.name,
                                         v1::ActionName(*step.action)};
  return healing::Reserve(policy_->object.status.actions, reservation, limits_.policy_budget,
                          healing::KeepSeconds(policy_->object.spec), now_);
}

// The gates have all passed, and nothing else happens between them and this.
Status ReplayRun::Execute() {
  v1::IncidentStatus& status = target_->open->status;
  const std::string attempt_id =
      healing::NextAttemptId(*target_->open, policy_->object.status.actions);
  SALVE_RETURN_IF_ERROR(Reserve(*step_, attempt_id));
  healing::IntentInput intent;
  intent.attempt_id = attempt_id;
  intent.step = step_;
  intent.plan = &*plan_;
  intent.before = healing::ToObservation(observation_, *view_.health, now_);
  SALVE_RETURN_IF_ERROR(healing::ApplyIntent(status, intent, now_));
  Tell(Decide(Kind::kActs));
  healing::ActionResult result;
  result.outcome = healing::ActionResult::Outcome::kApplied;
  result.message = "replayed";
  healing::ApplyResult(status, attempt_id, result, policy_->object.spec.verification, now_);
  target_->blocked_by.clear();
  Forget();
  return Status::Ok();
}

healing::FreshCheck ReplayRun::Check(bool good) const {
  healing::FreshCheck check;
  check.verdict = good ? healing::Verdict::kGood : healing::Verdict::kBad;
  check.state = good ? HealthState::kHealthy : HealthState::kUnhealthy;
  check.health = good ? 100 : 0;
  check.message = good ? "assumed" : "as recorded";
  check.at = now_;
  return check;
}

void ReplayRun::Verify(const std::string& attempt_id) {
  v1::IncidentStatus& status = target_->open->status;
  const v1::Attempt* attempt = healing::FindAttempt(status, attempt_id);
  const bool helps = StepHelps(*target_, attempt->action);
  const healing::FreshCheck check = Check(helps);
  healing::ApplyCheck(status, attempt_id, check, healing::ToObservation(std::nullopt, check),
                      policy_->object.spec.verification, now_);
  attempt = healing::FindAttempt(status, attempt_id);
  if (!attempt->verification || attempt->verification->outcome.empty()) return;
  (void)healing::ReconcileRecords(policy_->object.status.actions, *target_->open, "", now_);
  if (attempt->verification->outcome == healing::kOutcomeSuccessful) {
    Heal(*target_);
    return;
  }
  ReplayDecision decision;
  decision.kind = Kind::kStepFails;
  decision.step = attempt->step;
  decision.action = attempt->action;
  decision.reason = attempt->verification->outcome;
  decision.message = attempt->verification->message;
  Tell(std::move(decision));
}

// Undone is as it was before: no worse.
void ReplayRun::VerifyUndo(const std::string& attempt_id) {
  v1::IncidentStatus& status = target_->open->status;
  healing::FreshCheck check = Check(false);
  if (const v1::Attempt* attempt = healing::FindAttempt(status, attempt_id)) {
    check.health = static_cast<int>(attempt->before.health);
  }
  healing::ApplyUndoCheck(status, attempt_id, check, policy_->object.spec.verification, now_);
}

// What is known to be wrong is over. Its sender may still say the same, and that is old news.
void ReplayRun::Heal(ReplayTarget& target) const {
  target.illnesses.clear();
  for (v1::SignalStatus& signal : target.view.status.signals) {
    if (signal.state != healing::kSignalFiring) continue;
    signal.state = healing::kSignalCleared;
    signal.since = FormatMicroTime(now_);
  }
}

void ReplayRun::Close(const healing::Next& next) {
  v1::IncidentStatus& status = target_->open->status;
  ReplayDecision decision = Decide(Kind::kCloses);
  decision.step = decision.action = decision.risk = decision.command = "";
  decision.approvals = 0;
  decision.outcome = next.outcome;
  decision.reason = next.reason;
  decision.message = next.message;
  healing::ApplyClose(status, next.outcome, next.reason, next.message, now_);
  Tell(std::move(decision));
  (void)healing::ReconcileRecords(policy_->object.status.actions, *target_->open, "", now_);
  ReplayedIncident& report = result_.incidents[target_->report];
  report.outcome = next.outcome;
  report.occurrences = status.occurrences;
  target_->closed = std::move(*target_->open);
  target_->open.reset();
  target_->blocked_by.clear();
  next_.reset();
  // A person has asked once.
  std::erase_if(target_->illnesses, [](const RecordedIllness& illness) {
    return illness.record->incident.spec.trigger.source == healing::kSourceManual;
  });
  // Whether it is well now, and whether anything else is wrong with it.
  if (queued_.insert(place_).second) again_.push_back(place_);
  WakeBlocked(place_.first);
  for (const std::size_t dependent : policy_->dependents) WakeBlocked(dependent);
}

}  // namespace salve::replay
