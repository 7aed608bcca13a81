// SPDX-License-Identifier: Apache-2.0
// What an incident's reconcile has to know: looks at the target, evidence, plans, gates.
#include <algorithm>
#include <charconv>

#include "pkg/apis/codec.h"
#include "pkg/apis/coordination/v1/types.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/digest.h"
#include "pkg/healing/files.h"
#include "pkg/healing/rules.h"
#include "pkg/healing/scheduled_life.h"
#include "pkg/reconcilers/incident_run.h"
#include "pkg/reconcilers/signals_health.h"

namespace salve::reconcilers {
namespace {

using healing::HealthState;
using std::chrono::seconds;

constexpr seconds kLookTimeout{5};
constexpr int kEvidenceLogLines = 200;

// The port in "host:port"; nullopt if there is none.
std::optional<std::int64_t> PortOf(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::int64_t port = 0;
  const char* end = address.data() + address.size();
  const auto [at, error] = std::from_chars(address.data() + colon + 1, end, port);
  if (error != std::errc() || at != end) return std::nullopt;
  return port;
}

template <class Member>
void FillPort(std::optional<Member>& action, std::optional<std::int64_t> port) {
  if (action && !action->port) action->port = port;
}

// Signs of a person at work, as far as the target itself shows them.
std::vector<healing::HumanTrace> TracesOf(const std::optional<healing::TargetObservation>& seen) {
  std::vector<healing::HumanTrace> traces;
  if (!seen) return traces;
  for (const std::string& condition : seen->conditions) {
    if (condition == healing::kConditionStopped) {
      traces.push_back({"stopped by a person", seen->at});
    } else if (condition == healing::kConditionPaused) {
      traces.push_back({"paused", seen->at});
    }
  }
  return traces;
}

// A reservation without a result holds a place as well: its incident is about to act.
void AddReserving(const std::vector<v1::ActionRecord>& records, const std::string& self,
                  std::vector<std::string>& running) {
  for (const v1::ActionRecord& record : records) {
    if (!record.result.empty() || record.incident == self) continue;
    if (std::find(running.begin(), running.end(), record.incident) == running.end()) {
      running.push_back(record.incident);
    }
  }
}

}  // namespace

v1::Action FillActionDefaults(const v1::Action& action, const v1::HealingPolicySpec& policy) {
  v1::Action filled = action;
  for (const v1::Probe& probe : policy.probes) {
    if (probe.redis) {
      const auto port = PortOf(probe.redis->address);
      FillPort(filled.redis_flush_all, port);
      FillPort(filled.redis_set_config, port);
      FillPort(filled.redis_script_kill, port);
      FillPort(filled.redis_client_kill, port);
    } else if (probe.postgres) {
      const auto port = PortOf(probe.postgres->address);
      FillPort(filled.postgres_terminate_connections, port);
      FillPort(filled.postgres_terminate_blocker, port);
      for (std::string* user :
           {filled.postgres_terminate_connections ? &filled.postgres_terminate_connections->user
                                                  : nullptr,
            filled.postgres_terminate_blocker ? &filled.postgres_terminate_blocker->user
                                              : nullptr}) {
        if (user != nullptr && user->empty()) *user = probe.postgres->user;
      }
    }
  }
  return filled;
}

Status IncidentRun::Observe() {
  const NamespacedName policy{incident_.metadata.ns, incident_.spec.policy_ref.name};
  observation_.reset();
  Status problem = backend_problem_;
  if (backend_ != nullptr) {
    StatusOr<healing::TargetObservation> seen =
        backend_->Observe(incident_.spec.target, CallWithin(kLookTimeout));
    if (seen.ok()) {
      observation_ = std::move(seen).value();
      if (!IsTargetOfPolicy()) {
        observation_->state = HealthState::kMissing;
        observation_->message = "it is not a target of policy " + policy.name;
      }
    } else {
      problem = seen.status();
    }
  }
  if (scheduled_ && policy_ != nullptr) {
    view_.health = healing::ScheduledHealth(*policy_, incident_, observation_, shell_.clock.Now());
    if (!observation_) view_.health->message = problem.message();
    return Status::Ok();
  }
  CheckAsleep();
  const std::string& target = incident_.spec.target.name;
  std::vector<healing::IndicatorState> indicators = policy_ != nullptr
                                                        ? IndicatorsOf(shell_, *policy_, target)
                                                        : shell_.health.Indicators(policy, target);
  if (auto requested = healing::RequestedIndicator(incident_)) {
    indicators.push_back(std::move(*requested));
  }
  view_.health = healing::CombineHealth(observation_, indicators);
  ForgetOldMeasurements(indicators);
  if (!observation_ && !problem.ok()) {
    // Without a look at the target itself nothing is known for sure, whatever the probes said
    // before.
    if (view_.health->state != HealthState::kUnhealthy) view_.health->state = HealthState::kUnknown;
    view_.health->message = problem.message();
  }
  return Status::Ok();
}

void IncidentRun::CheckAsleep() {
  view_.overtaken.reset();
  if (policy_ == nullptr) return;
  const v1::ScheduledTarget* scheduled =
      healing::FindScheduled(policy_->status, incident_.spec.target.name);
  if (!healing::IsAsleep(policy_->spec, scheduled, observation_)) return;
  const healing::ScheduleCalendar calendar(policy_->spec.schedules, shell_.zones);
  view_.overtaken = {"Asleep",
                     "the target is " +
                         healing::AsleepMessage(*scheduled, calendar, shell_.clock.Now()) +
                         "; whoever wants it healed wakes it first"};
}

// Who may create incidents in a namespace has a say over the targets that its policies name, and
// over nothing else. An attempt that runs is finished, also where the policy names other targets
// now.
bool IncidentRun::IsTargetOfPolicy() const {
  const v1::TargetRef& target = incident_.spec.target;
  if (policy_ == nullptr || healing::RunningAttempt(incident_.status) != nullptr) return true;
  if (BackendName(policy_->spec.target) != target.backend) return false;
  // What the view does not know yet it cannot have chosen.
  if (!backend_->Cached(target).ok()) return true;
  const auto targets = backend_->Resolve(policy_->spec.target, policy_->metadata.ns);
  return !targets.ok() || std::find(targets->begin(), targets->end(), target) != targets->end();
}

// What a probe found before the process stood still, or what an earlier one wrote down, is no
// ground to act on, nor to call a target well.
void IncidentRun::ForgetOldMeasurements(const std::vector<healing::IndicatorState>& indicators) {
  look_again_.reset();
  if (policy_ == nullptr) return;
  const WallTime now = shell_.clock.Now();
  for (const v1::Probe& probe : policy_->spec.probes) {
    const auto known =
        std::find_if(indicators.begin(), indicators.end(),
                     [&](const healing::IndicatorState& i) { return i.name == probe.name; });
    const Duration patience = seconds(3 * probe.period_seconds + probe.timeout_seconds);
    if (known != indicators.end() && now - known->last_measured <= patience) continue;
    const bool ill_itself =
        observation_ &&
        healing::IndicatorFromObservation(*observation_).state == HealthState::kUnhealthy;
    if (ill_itself || view_.health->state == HealthState::kMissing) return;
    look_again_ = seconds(probe.period_seconds);
    view_.health->state = HealthState::kUnknown;
    view_.health->message = "probe " + probe.name + " has not measured it lately";
    return;
  }
}

healing::Evidence IncidentRun::GatherEvidence() {
  healing::Evidence evidence;
  evidence.target = incident_.spec.target;
  evidence.observation = observation_;
  if (view_.health) evidence.health = *view_.health;
  evidence.systems = healing::SystemsOf(policy_->spec, evidence.target, observation_);
  evidence.dependencies = DependenciesOf(shell_, *policy_);
  for (const v1::ActionRecord& record : policy_->status.actions) {
    if (record.target == evidence.target.name) evidence.past.push_back(record);
  }
  evidence.human_traces = TracesOf(observation_);
  evidence.at = shell_.clock.Now();
  evidence.onset = ParseTime(incident_.spec.trigger.at).value_or(evidence.at);
  if (backend_ != nullptr) {
    auto logs = backend_->Logs(evidence.target, kEvidenceLogLines, CallWithin(kLookTimeout));
    if (logs.ok()) {
      evidence.log_lines = std::move(logs).value();
    } else {
      Log(Severity::kWarning, "no logs of the target, diagnosing without them",
          {{"error", logs.status().ToString()}});
    }
  }
  return evidence;
}

Status IncidentRun::Diagnose() {
  const v1::DiagnosisStatus diagnosis =
      scheduled_ ? healing::ScheduledDiagnosis(*policy_, incident_,
                                               view_.health.value_or(healing::TargetHealth{}),
                                               shell_.clock.Now())
                 : healing::Diagnose(policy_->spec, GatherEvidence());
  const bool news =
      !incident_.status.diagnosis || incident_.status.diagnosis->rule != diagnosis.rule;
  healing::ApplyDiagnosis(incident_.status, diagnosis, shell_.clock.Now());
  view_.diagnosed = true;
  if (news) Metrics().DecisionConfidence(diagnosis.confidence);
  return Status::Ok();
}

StatusOr<healing::ActionPlan> IncidentRun::PlanStep(const v1::Step& step) {
  if (backend_ == nullptr) return backend_problem_;
  if (!step.action) {
    return InvalidArgumentError("step \"" + step.name + "\" has no action to plan");
  }
  return backend_->Plan(FillActionDefaults(*step.action, policy_->spec), incident_.spec.target,
                        CallWithin(kLookTimeout));
}

Status IncidentRun::Propose(const healing::Next& next) {
  const WallTime now = shell_.clock.Now();
  const v1::Step* step = StepOf(next.step);
  if (step == nullptr) return InternalError("the ladder has no step \"" + next.step + "\"");
  StatusOr<healing::ActionPlan> plan = PlanStep(*step);
  if (!plan.ok()) {
    const Status why = plan.status();
    if (why.code() == Code::kInvalidArgument || why.code() == Code::kNotFound ||
        why.code() == Code::kPermissionDenied) {
      healing::ApplyEscalation(incident_.status, "CannotPlan",
                               "step " + step->name + " cannot run: " + why.message(), now);
    } else {
      healing::ApplyWait(incident_.status, "BackendUnavailable", why.message(), now);
      SALVE_RETURN_IF_ERROR(Persist());
      return why;  // back-off decides when to try again
    }
    return Status::Ok();
  }
  plan_ = std::move(plan).value();
  const v1::HealingPolicyStatus& status = policy_->status;
  healing::RiskFacts facts;
  facts.targets_total = std::max<std::int64_t>(1, status.targets_total);
  facts.targets_healthy = std::max<std::int64_t>(
      0, status.targets_total - status.targets_unhealthy - status.targets_asleep);
  facts.still_serving =
      observation_ && observation_->running && view_.health && view_.health->health > 0;
  healing::ProposalInput input;
  input.step = step;
  input.plan = &*plan_;
  input.risk = scheduled_ ? healing::ScheduledRisk(*plan_, policy_->spec)
                          : healing::AssessRisk(*plan_, facts, *step);
  const double confidence = incident_.status.diagnosis ? incident_.status.diagnosis->confidence : 0;
  input.need = healing::RequiredApprovals(policy_->spec, *limits_, input.risk.level, confidence);
  input.digest = healing::ProposalDigest(
      *plan_, observation_.value_or(healing::TargetObservation{}), policy_->metadata, *step,
      incident_.metadata.uid, healing::ProposalOrdinal(incident_.status));
  input.expires_after_seconds = policy_->spec.approval.expires_after_seconds;
  healing::ApplyProposal(incident_.status, input, now);
  view_.proposed = true;
  return Status::Ok();
}

healing::ApprovalResult IncidentRun::CountApprovals() {
  const v1::Proposal* proposal = incident_.status.proposal ? &*incident_.status.proposal : nullptr;
  if (proposal == nullptr) return {};
  const NamespacedName key{incident_.metadata.ns, incident_.metadata.name};
  healing::ApprovalQuery query;
  query.incident_name = key.name;
  query.incident_uid = incident_.metadata.uid;
  query.policy_name = incident_.spec.policy_ref.name;
  query.digest = proposal->digest;
  query.expires_at = proposal->expires_at;
  query.required = proposal->required_approvals;
  std::vector<v1::IncidentApproval> approvals;
  for (const auto& a : shell_.approvals.ByIndex(kApprovalsByIncident, key.ToString())) {
    approvals.push_back(*a);
  }
  ApprovalTrust trust{Status::Ok(), shell_.settings.identity};
  if (!approvals.empty() && shell_.settings.approval_trust != nullptr) {
    trust = shell_.settings.approval_trust();
  }
  query.controller_identity = trust.controller_identity;
  query.admission_problem = trust.enforced.ok() ? "" : trust.enforced.message();
  return healing::CountApprovals(query, approvals, shell_.clock.Now());
}

void IncidentRun::ReadLease(healing::GateInput& input) {
  namespace coordination = apis::coordination::v1;
  const NamespacedName name = LeaseName(shell_.settings.lease_namespace, incident_.spec.target);
  const std::string ours = LeaseHolder();
  const auto json = shell_.client.Get(coordination::Lease::kInfo, name);
  if (!json.ok()) return;  // Nobody holds it, or nobody can tell: taking it is the real test.
  const auto lease = apis::Decode<coordination::Lease>(*json);
  if (!lease.ok() || lease->spec.holder_identity.empty() || lease->spec.holder_identity == ours)
    return;
  // Asked to renew what is not ours, it only looks. Its judgement of how long the other one has it
  // is the one that taking it will go by; the lease's own timestamps are another machine's.
  const auto look = shell_.leases.Renew(name, ours, seconds(1));
  if (!look.ok() || look->held || look->holder.empty()) return;
  const Duration left = look->until - shell_.clock.Monotonic();
  if (left <= Duration(0)) return;
  input.lease_holder = look->holder;
  input.lease_until = input.now + left;
}

healing::GateInput IncidentRun::MakeGateInput() {
  healing::GateInput in;
  in.now = shell_.clock.Now();
  in.accounting_now = shell_.AccountingNow();
  in.self_heal_enabled = shell_.settings.self_heal_enabled;
  in.policy = policy_.get();
  in.limits = &*limits_;
  in.incident = &incident_;
  in.zones = &shell_.zones;
  in.backend = backend_ != nullptr ? backend_->Available() : backend_problem_;
  if (view_.health) in.health = *view_.health;
  in.observation = observation_;
  in.dependencies = DependenciesOf(shell_, *policy_);
  const v1::HealingPolicyStatus& status = policy_->status;
  in.targets_total = std::max<std::int64_t>(1, status.targets_total);
  in.targets_unhealthy = std::max<std::int64_t>(1, status.targets_unhealthy);
  in.targets_healthy = std::max<std::int64_t>(
      0, status.targets_total - status.targets_unhealthy - status.targets_asleep);
  in.records = status.actions;
  if (!scheduled_) in.ill_since = ParseTime(incident_.spec.trigger.at);
  const std::string policy_key = incident_.metadata.ns + "/" + policy_->metadata.name;
  for (const auto& other : shell_.incidents.ByIndex(kIncidentsByPolicy, policy_key)) {
    if (other->metadata.uid != incident_.metadata.uid && healing::IsActing(other->status)) {
      in.running_incidents.push_back(other->metadata.name);
    }
  }
  AddReserving(status.actions, incident_.metadata.name, in.running_incidents);
  ReadLease(in);
  if (incident_.status.proposal) {
    in.step = StepOf(incident_.status.proposal->step);
    in.risk = incident_.status.proposal->risk;
  }
  in.plan = plan_ ? &*plan_ : nullptr;
  if (incident_.status.diagnosis) in.confidence = incident_.status.diagnosis->confidence;
  in.approval = approval_;
  return in;
}

Status IncidentRun::EvaluateGates() {
  approval_ = CountApprovals();
  std::vector<healing::Gate> gates = healing::EvaluateGates(MakeGateInput());
  if (healing::AllPassed(gates)) ConfirmSignal(gates);
  NoteOnGuardrails(gates);
  healing::ApplyGates(incident_.status, gates, approval_, shell_.clock.Now());
  view_.gates = gates;
  return Status::Ok();
}

// The last look before anything is reserved: what the probes found may be as old as their period,
// or only be still believed because one good measurement is not enough. Measurements made here
// count for the probes, too, so that a target that stays well is soon known to be.
void IncidentRun::ConfirmSignal(std::vector<healing::Gate>& gates) {
  if (policy_->spec.probes.empty()) return;
  const healing::FreshCheck check =
      WithAlerts(shell_, *policy_, incident_,
                 healing::CombineFresh(observation_, MeasureProbes(), shell_.clock.Now()));
  if (check.verdict != healing::Verdict::kGood) return;
  for (healing::Gate& gate : gates) {
    if (gate.name != healing::kGateSignalStillActive) continue;
    gate.pass = false;
    gate.reason = "HealthyNow";
    gate.message = "it was well when it was measured just now: " + check.message;
    gate.unblocked_by = "nothing: it is measured again, and either closes or is acted on";
  }
  look_again_ = seconds(policy_->spec.probes.front().period_seconds);
}

// A guardrail shows what it kept from being done last; told once for each thing it blocks.
void IncidentRun::NoteOnGuardrails(const std::vector<healing::Gate>& gates) {
  for (const healing::Gate& gate : gates) {
    if (gate.guardrail.empty()) continue;
    const auto known = std::find_if(
        incident_.status.gates.begin(), incident_.status.gates.end(),
        [&](const v1::GateStatus& g) { return g.name == gate.name && g.reason == gate.reason; });
    if (known != incident_.status.gates.end() && known->result == "Block") continue;
    const std::string text = gate.name + " of " + incident_.metadata.ns + "/" +
                             incident_.metadata.name + ": " + gate.message;
    const auto noted = shell_.guardrail_status.Update(
        {"", gate.guardrail}, [&](v1::HealingGuardrail& current) -> StatusOr<bool> {
          if (current.status.last_blocked == text) return false;
          current.status.last_blocked = text;
          current.status.last_blocked_at = FormatTime(shell_.clock.Now());
          return true;
        });
    // It is for people to read; nothing depends on it.
    if (!noted.ok()) {
      Log(Severity::kWarning, "cannot write what a guardrail blocked",
          {{"guardrail", gate.guardrail}, {"error", noted.status().ToString()}});
    }
  }
}

std::vector<healing::ProbeReading> IncidentRun::MeasureProbes() {
  std::vector<healing::ProbeReading> readings;
  if (policy_ == nullptr) return readings;
  const std::vector<v1::Probe>& probes = policy_->spec.probes;
  // All at once: one that hangs until its time-out must not delay the others.
  Mutex mu;
  CondVar done;
  std::size_t missing = probes.size();
  readings.resize(probes.size());
  for (std::size_t i = 0; i < probes.size(); ++i) {
    readings[i].probe = probes[i].name;
    readings[i].thresholds = healing::ThresholdsOf(probes[i]);
    const probes::ProbeJob job{incident_.metadata.ns, policy_->metadata.name, incident_.spec.target,
                               probes[i]};
    shell_.prober.MeasureOnce(
        job, [&, i](const probes::ProbeJob&, const healing::Measurement& measurement) {
          MutexLock lock(mu);
          readings[i].measurement = measurement;
          if (--missing == 0) done.NotifyAll();
        });
  }
  {
    MutexLock lock(mu);
    while (missing > 0) done.Wait(mu);
  }
  // What was measured here is known there too: otherwise a target that is verified to be well would
  // stay ill in the policy's eyes until its probes come round, and get another incident.
  for (std::size_t i = 0; i < probes.size(); ++i) {
    shell_.health.Add(
        {incident_.metadata.ns, policy_->metadata.name, incident_.spec.target, probes[i]},
        readings[i].measurement);
  }
  return readings;
}

healing::FreshCheck IncidentRun::MeasureFresh(v1::Observation* after) {
  const std::vector<healing::ProbeReading> readings = MeasureProbes();
  observation_.reset();
  if (backend_ != nullptr) {
    auto seen = backend_->Observe(incident_.spec.target, CallWithin(kLookTimeout));
    if (seen.ok()) observation_ = std::move(seen).value();
  }
  healing::FreshCheck check =
      scheduled_ && policy_ != nullptr
          ? healing::ScheduledFresh(*policy_, incident_, observation_, shell_.clock.Now())
          : healing::CombineFresh(observation_, readings, shell_.clock.Now());
  if (policy_ != nullptr && !scheduled_)
    check = WithAlerts(shell_, *policy_, incident_, std::move(check));
  *after = healing::ToObservation(observation_, check);
  return check;
}

}  // namespace salve::reconcilers
