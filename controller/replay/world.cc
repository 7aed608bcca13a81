// SPDX-License-Identifier: Apache-2.0
#include "controller/replay/world.h"

#include <algorithm>
#include <set>

#include "pkg/backends/ecs/names.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/rules.h"
#include "pkg/healing/signals.h"
#include "pkg/reconcilers/incident_run.h"

namespace salve::replay {
namespace {

namespace v1 = healing::v1;
using healing::HealthState;

constexpr char kUnmeasurable[] = "/Unmeasurable";
constexpr char kManualIndicator[] = "manual";

bool Has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// The probe, trigger or person that a recorded incident says it is from.
healing::IndicatorState IndicatorOf(const RecordedIllness& illness, WallTime now) {
  const v1::Incident& incident = illness.record->incident;
  healing::IndicatorState indicator;
  indicator.name = incident.spec.trigger.name;
  indicator.state = HealthState::kUnhealthy;
  indicator.measured = true;
  indicator.message = incident.spec.trigger.message;
  indicator.since = illness.record->onset;
  indicator.last_measured = now;
  indicator.error_lines = incident.spec.error_logs;
  indicator.metrics = incident.spec.metrics_snapshot;
  indicator.severity = incident.spec.severity;
  const std::string& source = incident.spec.trigger.source;
  if (source == healing::kSourceAlert || source == healing::kSourceManual ||
      source == healing::kSourceFile) {
    indicator.source = source;
    if (indicator.name.empty()) indicator.name = kManualIndicator;
  } else if (!incident.status.attempts.empty()) {
    indicator.health = static_cast<int>(incident.status.attempts.front().before.health);
  }
  if (indicator.name.ends_with(kUnmeasurable)) {
    indicator.name.resize(indicator.name.size() - std::string_view(kUnmeasurable).size());
    indicator.state = HealthState::kUnknown;
    indicator.unmeasurable = true;
  }
  return indicator;
}

bool FromTarget(const RecordedIllness& illness) {
  return illness.record->incident.spec.trigger.source == healing::kSourceTarget;
}

// The error lines of the indicator that is ill; the first one's where none is.
std::vector<std::string>* LinesOf(healing::Evidence& evidence) {
  for (healing::IndicatorState& indicator : evidence.health.indicators) {
    if (indicator.state != HealthState::kHealthy) return &indicator.error_lines;
  }
  return nullptr;
}

void AddConditions(const std::vector<std::string>& any, const std::vector<std::string>& all,
                   healing::TargetObservation& observation) {
  for (const std::string& one : all) {
    if (!Has(observation.conditions, one)) observation.conditions.push_back(one);
  }
  const bool known = std::any_of(any.begin(), any.end(), [&](const std::string& one) {
    return Has(observation.conditions, one);
  });
  if (!any.empty() && !known) observation.conditions.push_back(any.front());
}

// What was not kept of the evidence, as the rule that then held asks for it. Figures and texts that
// were kept are not touched: if they speak against the rule, it does not hold.
void Complete(const healing::PackCondition& when, healing::Evidence& evidence) {
  if (!when.system.empty()) evidence.systems.insert(when.system);
  healing::TargetObservation& observation = *evidence.observation;
  AddConditions(when.conditions_any, when.conditions_all, observation);
  if (!when.exit_codes.empty() && !observation.exit_code) {
    observation.exit_code = when.exit_codes.front();
  }
  if (when.running) observation.running = *when.running;
  if (healing::Matches(when, evidence)) return;
  std::vector<std::string>* lines = LinesOf(evidence);
  if (!when.lines.empty() && lines != nullptr) lines->push_back(when.lines.front());
  for (std::size_t i = 0; !when.recent_log_lines.empty() && i < when.recent_log_hits; ++i) {
    evidence.log_lines.push_back(when.recent_log_lines.front());
  }
}

void Complete(const v1::RuleCondition& when, healing::Evidence& evidence) {
  healing::TargetObservation& observation = *evidence.observation;
  AddConditions(when.conditions, {}, observation);
  if (!when.exit_codes.empty() && !observation.exit_code) {
    observation.exit_code = when.exit_codes.front();
  }
}

// The same action as it was proposed then; nullptr if another was, or none.
const v1::Proposal* RecordedProposal(const ReplayTarget& target, const std::string& action) {
  if (target.recorded == nullptr) return nullptr;
  const auto& proposal = target.recorded->incident.status.proposal;
  return proposal && proposal->action == action ? &*proposal : nullptr;
}

// Kinds of actions whose inverse every backend knows.
bool HasInverse(const v1::Action& action) {
  return action.start || action.stop || action.pause || action.unpause || action.update_resources ||
         action.redis_set_config || action.rollout_undo || action.scale || action.set_resources ||
         action.rollback_task_definition || action.set_desired_count ||
         action.update_task_resources;
}

}  // namespace

const char* KindName(ReplayDecision::Kind kind) {
  switch (kind) {
    case ReplayDecision::Kind::kActs:
      return "Acts";
    case ReplayDecision::Kind::kNeedsApproval:
      return "NeedsApproval";
    case ReplayDecision::Kind::kBlocked:
      return "Blocked";
    case ReplayDecision::Kind::kWaits:
      return "Waits";
    case ReplayDecision::Kind::kStepFails:
      return "StepFails";
    case ReplayDecision::Kind::kEscalates:
      return "Escalates";
    case ReplayDecision::Kind::kCloses:
      break;
  }
  return "Closes";
}

ReplayPolicy::ReplayPolicy(v1::HealingPolicy policy)
    : object(std::move(policy)),
      key(object.metadata.ns + "/" + object.metadata.name),
      triggers(object.spec),
      ladder(healing::EffectiveLadder(object.spec)),
      named(NamedTarget(object)) {}

std::optional<v1::TargetRef> NamedTarget(const v1::HealingPolicy& policy) {
  const v1::Target& target = policy.spec.target;
  const std::string backend = reconcilers::BackendName(target);
  if (target.docker && !target.docker->container.empty()) {
    return v1::TargetRef{backend, "Container", target.docker->container};
  }
  if (target.kubernetes && !target.kubernetes->name.empty()) {
    return v1::TargetRef{backend, target.kubernetes->kind, target.kubernetes->name,
                         policy.metadata.ns};
  }
  if (target.ecs) {
    const auto name = backends::ecs::NameOf(*target.ecs, {});
    if (name.ok()) return v1::TargetRef{backend, backends::ecs::kKindService, name->ToString()};
  }
  return std::nullopt;
}

v1::TargetRef SelectedTarget(const v1::HealingPolicy& policy, const std::string& name) {
  const v1::Target& target = policy.spec.target;
  const std::string backend = reconcilers::BackendName(target);
  if (target.kubernetes) return {backend, target.kubernetes->kind, name, policy.metadata.ns};
  return {backend, target.ecs ? backends::ecs::kKindService : "Container", name};
}

std::vector<healing::IndicatorState> ReplayIndicators(const ReplayPolicy& policy,
                                                      const ReplayTarget& target,
                                                      const healing::ClearsAfter& clears,
                                                      WallTime now) {
  std::vector<healing::IndicatorState> indicators;
  if (!policy.triggers.empty()) {
    indicators = healing::AlertIndicators(target.view, clears, target.ref.name, now);
  }
  for (const RecordedIllness& illness : target.illnesses) {
    if (!FromTarget(illness)) indicators.push_back(IndicatorOf(illness, now));
  }
  return indicators;
}

healing::TargetObservation ReplayObservation(const ReplayTarget& target, WallTime now) {
  healing::TargetObservation observation;
  observation.ref = target.ref;
  observation.state = HealthState::kHealthy;
  observation.identity = "replayed";
  observation.configuration = "{}";
  observation.running = true;
  observation.at = now;
  for (const RecordedIllness& illness : target.illnesses) {
    if (!FromTarget(illness)) continue;
    const v1::Incident& incident = illness.record->incident;
    const std::string& condition = incident.spec.trigger.name;
    observation.state = HealthState::kUnhealthy;
    if (!Has(observation.conditions, condition)) observation.conditions.push_back(condition);
    observation.message = incident.spec.trigger.message;
    observation.metrics = incident.spec.metrics_snapshot;
    observation.since = illness.record->onset;
    observation.running =
        condition != healing::kConditionExited && condition != healing::kConditionDead &&
        condition != healing::kConditionOOMKilled && condition != healing::kConditionStartFailed;
  }
  return observation;
}

healing::Evidence ReplayEvidence(const ReplayPolicy& policy, const ReplayTarget& target,
                                 const healing::TargetHealth& health,
                                 const healing::TargetObservation& observation,
                                 std::vector<healing::DependencyState> dependencies, WallTime now) {
  healing::Evidence evidence;
  evidence.target = target.ref;
  evidence.observation = observation;
  evidence.health = health;
  evidence.systems = healing::SystemsOf(policy.object.spec, target.ref, observation);
  evidence.dependencies = std::move(dependencies);
  for (const v1::ActionRecord& record : policy.object.status.actions) {
    if (record.target == target.ref.name) evidence.past.push_back(record);
  }
  evidence.at = now;
  evidence.onset =
      target.open ? ParseTime(target.open->spec.trigger.at).value_or(now) : health.since;
  if (target.illnesses.empty()) return evidence;
  const v1::Incident& recorded = target.illnesses.back().record->incident;
  evidence.log_lines = recorded.spec.error_logs;
  if (!recorded.status.diagnosis) return evidence;
  const v1::DiagnosisStatus& diagnosis = *recorded.status.diagnosis;
  evidence.log_lines.insert(evidence.log_lines.end(), diagnosis.evidence.begin(),
                            diagnosis.evidence.end());
  if (const healing::PackRule* rule = healing::FindPackRule(diagnosis.rule)) {
    Complete(rule->when, evidence);
  }
  for (const v1::DiagnosisRule& rule : policy.object.spec.diagnosis.rules) {
    if (rule.name == diagnosis.rule) Complete(rule.when, evidence);
  }
  return evidence;
}

healing::ActionPlan ReplayPlan(const ReplayPolicy& policy, const ReplayTarget& target,
                               const v1::Step& step) {
  healing::ActionPlan plan;
  plan.action = reconcilers::FillActionDefaults(*step.action, policy.object.spec);
  plan.target = target.ref;
  const std::string name = v1::ActionName(plan.action);
  plan.command = name + " " + target.ref.name;
  plan.affected = {healing::AffectedSystem(target.ref)};
  plan.description = plan.command;
  plan.reversible = HasInverse(plan.action);
  if (const v1::Proposal* then = RecordedProposal(target, name)) {
    if (!then->preview.command.empty()) plan.command = then->preview.command;
    plan.base_risk = then->risk.level;
    plan.reversible = then->reversible;
    plan.undo_command = then->undo;
  }
  return plan;
}

bool StepHelps(const ReplayTarget& target, const std::string& action) {
  if (target.recorded == nullptr || target.illnesses.empty()) return true;
  bool failed = false;
  for (const v1::Attempt& attempt : target.recorded->incident.status.attempts) {
    if (attempt.action != action || !attempt.verification) continue;
    const std::string& outcome = attempt.verification->outcome;
    if (outcome == healing::kOutcomeSuccessful) return true;
    failed = failed || !outcome.empty();
  }
  return !failed;
}

}  // namespace salve::replay
