// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/packs.h"

#include <utility>

#include "pkg/healing/signals.h"

namespace salve::healing {
namespace {

v1::Step DefaultStep(const PackRule& rule) {
  v1::Step step;
  step.name = rule.name;
  step.action = rule.default_action;
  step.expected = "the target is healthy again";
  step.on_verification_failed = "Next";
  return step;
}

// Per name, what a policy without a ladder may do: the default steps of the packs, in the packs'
// order. A step of one cause is not a fallback for another, so each is followed by the end (see
// ChooseStep).
std::vector<v1::Step> MakePackLadder() {
  std::vector<v1::Step> out;
  for (const Pack& pack : BuiltinPacks()) {
    for (const PackRule& rule : pack.rules) {
      if (!rule.default_action) continue;
      out.push_back(DefaultStep(rule));
      v1::Step stop;
      stop.name = rule.name + "/escalate";
      stop.escalate = v1::Escalation{};
      out.push_back(std::move(stop));
    }
  }
  return out;
}

}  // namespace

const std::vector<Pack>& BuiltinPacks() {
  static const auto* packs = new std::vector<Pack>{CommonPack(),     DockerPack(),   EcsPack(),
                                                   KubernetesPack(), PostgresPack(), RedisPack()};
  return *packs;
}

const PackRule* FindPackRule(const std::string& name) {
  for (const Pack& pack : BuiltinPacks()) {
    for (const PackRule& rule : pack.rules) {
      if (rule.name == name) return &rule;
    }
  }
  return nullptr;
}

bool UsesPackLadder(const v1::HealingPolicySpec& policy) { return policy.ladder.empty(); }

std::vector<v1::Step> EffectiveLadder(const v1::HealingPolicySpec& policy) {
  if (!UsesPackLadder(policy)) return policy.ladder;
  static const auto* ladder = new std::vector<v1::Step>(MakePackLadder());
  return *ladder;
}

CaseBuilder Hit(std::string sentence) { return {std::move(sentence), true}; }
CaseBuilder Miss(std::string sentence) { return {std::move(sentence), false}; }

CaseBuilder::CaseBuilder(std::string name, bool matches) {
  case_.name = std::move(name);
  case_.matches = matches;
  case_.evidence.target = {"docker", "Container", "t"};
  TargetObservation observation;
  observation.ref = case_.evidence.target;
  observation.state = HealthState::kHealthy;
  observation.running = true;
  case_.evidence.observation = std::move(observation);
  case_.evidence.systems = {"docker"};
}

CaseBuilder& CaseBuilder::System(const std::string& system) {
  case_.evidence.systems.insert(system);
  return *this;
}

CaseBuilder& CaseBuilder::Workload() {
  case_.evidence.target = {"kubernetes", "Deployment", "t", "shop"};
  case_.evidence.observation->ref = case_.evidence.target;
  case_.evidence.systems = {"kubernetes"};
  return *this;
}

CaseBuilder& CaseBuilder::EcsService() {
  case_.evidence.target = {"aws", "Service", "shop/t"};
  case_.evidence.observation->ref = case_.evidence.target;
  case_.evidence.systems = {"ecs"};
  return *this;
}

CaseBuilder& CaseBuilder::Down(std::vector<std::string> conditions, std::int64_t exit_code) {
  TargetObservation& observation = *case_.evidence.observation;
  observation.state = HealthState::kUnhealthy;
  observation.running = false;
  observation.exit_code = exit_code;
  observation.conditions = std::move(conditions);
  return *this;
}

CaseBuilder& CaseBuilder::Conditions(std::vector<std::string> conditions) {
  case_.evidence.observation->conditions = std::move(conditions);
  return *this;
}

CaseBuilder& CaseBuilder::Says(const std::string& observation_message) {
  case_.evidence.observation->message = observation_message;
  return *this;
}

CaseBuilder& CaseBuilder::ProbeFails(const std::string& error_line) {
  IndicatorState indicator;
  indicator.name = "probe";
  indicator.state = HealthState::kUnhealthy;
  indicator.measured = true;
  if (!error_line.empty()) indicator.error_lines.push_back(error_line);
  case_.evidence.health.indicators.push_back(std::move(indicator));
  return *this;
}

CaseBuilder& CaseBuilder::ProbeUnknown(const std::string& error_line) {
  ProbeFails(error_line);
  case_.evidence.health.indicators.back().state = HealthState::kUnknown;
  return *this;
}

CaseBuilder& CaseBuilder::Metric(const std::string& name, double value) {
  case_.evidence.observation->metrics.push_back({name, value});
  return *this;
}

CaseBuilder& CaseBuilder::Log(const std::string& line) {
  case_.evidence.log_lines.push_back(line);
  return *this;
}

CaseBuilder& CaseBuilder::FilesChanged() {
  ProbeFails("env_changed: /srv/shop/shop.env");
  case_.evidence.health.indicators.back().source = kSourceFile;
  return *this;
}

CaseBuilder& CaseBuilder::DependencyDown(const std::string& policy) {
  DependencyState dependency;
  dependency.policy = policy;
  dependency.found = true;
  dependency.state = HealthState::kUnhealthy;
  case_.evidence.dependencies.push_back(std::move(dependency));
  return *this;
}

}  // namespace salve::healing
