// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_TEST_SUPPORT_H_
#define SALVE_PKG_HEALING_TEST_SUPPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "pkg/base/time_format.h"
#include "pkg/base/time_zone.h"
#include "pkg/healing/gates.h"
#include "pkg/healing/machine.h"

// Builders for this room's tests: valid objects, changed by the test where it matters.
namespace salve::healing::testing {

inline WallTime At(const std::string& text) { return ParseTime(text).value_or(WallTime{}); }
inline const WallTime kNow = At("2026-12-01T12:00:00Z");
inline WallTime After(std::int64_t seconds) { return kNow + std::chrono::seconds(seconds); }

// UTC only.
class OnlyUtc : public TimeZones {
 public:
  StatusOr<std::shared_ptr<const TimeZone>> Find(const std::string& name) override {
    if (name == "UTC") return TimeZone::Utc();
    return NotFoundError("no time zone \"" + name + "\"");
  }
};
inline TimeZones& Zones() {
  static OnlyUtc zones;
  return zones;
}

inline v1::Step MakeStep(const std::string& name, Action action) {
  v1::Step step;
  step.name = name;
  step.action = std::move(action);
  step.on_verification_failed = "Next";
  return step;
}
inline v1::Step HumanStep() {
  v1::Step step;
  step.name = "human";
  step.escalate = v1::Escalation{};
  return step;
}
inline Action Restart() {
  Action action;
  action.restart.emplace();
  return action;
}
inline Action Flush() {
  Action action;
  action.redis_flush_all.emplace();
  return action;
}
inline Action MoreMemory() {
  Action action;
  action.update_resources.emplace().memory_bytes = 100;
  return action;
}

// Auto, one docker target "redis-test", ladder flush, restart, human.
inline v1::HealingPolicy MakePolicy() {
  v1::HealingPolicy policy;
  policy.metadata.name = "redis";
  policy.metadata.ns = "default";
  policy.metadata.uid = "policy-uid";
  policy.metadata.generation = 3;
  policy.spec.mode = v1::kModeAuto;
  policy.spec.target.docker.emplace().container = "redis-test";
  policy.spec.ladder = {MakeStep("flush", Flush()), MakeStep("restart", Restart()), HumanStep()};
  return policy;
}

inline v1::Incident MakeTestIncident() {
  v1::Incident incident;
  incident.metadata.name = "redis-redis-test-00000000-1";
  incident.metadata.ns = "default";
  incident.metadata.uid = "incident-uid";
  incident.metadata.generation = 1;
  incident.spec.target = {"docker", "Container", "redis-test"};
  incident.spec.policy_ref = {"redis", "policy-uid", 3};
  incident.spec.trigger = {"Probe", "memory", "used 50 of 50 MB", "2026-12-01T11:59:50Z"};
  incident.spec.affected_system = "redis-test (docker container)";
  return incident;
}

inline TargetObservation RunningTarget() {
  TargetObservation observation;
  observation.ref = {"docker", "Container", "redis-test"};
  observation.state = HealthState::kHealthy;
  observation.running = true;
  observation.identity = "abc@2026-12-01T00:00:00Z";
  observation.configuration = R"({"image":"redis:7"})";
  observation.at = kNow;
  return observation;
}

inline TargetHealth HealthOf(HealthState state, int figure) {
  TargetHealth health;
  health.state = state;
  health.health = figure;
  health.message = "measured";
  return health;
}

inline ActionPlan PlanOf(const Action& action) {
  ActionPlan plan;
  plan.action = action;
  plan.target = {"docker", "Container", "redis-test"};
  plan.command = "docker " + v1::ActionName(action) + " redis-test";
  plan.affected = {"container redis-test (1 of 1)"};
  return plan;
}

inline v1::ActionRecord Record(const std::string& id, std::int64_t reserved, std::string result,
                               std::int64_t finished, const std::string& incident = "earlier") {
  v1::ActionRecord record;
  record.attempt_id = id;
  record.incident = incident;
  record.target = "redis-test";
  record.step = "restart";
  record.action = "restart";
  record.reserved_at = FormatMicroTime(After(reserved));
  record.result = std::move(result);
  if (!record.result.empty()) record.finished_at = FormatMicroTime(After(finished));
  return record;
}

// A situation in which every gate passes. Owns what GateInput points to.
struct Situation {
  v1::HealingPolicy policy = MakePolicy();
  std::vector<v1::HealingGuardrail> guardrails;
  std::vector<std::vector<std::string>> exec_allow;
  v1::Incident incident = MakeTestIncident();
  ActionPlan plan = PlanOf(Restart());
  EffectiveLimits limits;
  GateInput input;

  Situation() {
    input.now = input.accounting_now = kNow;
    input.zones = &Zones();
    input.health = HealthOf(HealthState::kUnhealthy, 10);
    input.observation = RunningTarget();
    input.risk.level = v1::kRiskMedium;
    input.confidence = 0.9;
    input.plan = &plan;
    input.approval.approved = true;
  }
  std::vector<Gate> Gates() {
    std::vector<const v1::HealingGuardrail*> selecting;
    for (const v1::HealingGuardrail& g : guardrails) selecting.push_back(&g);
    limits = MergeLimits(policy, selecting, exec_allow);
    input.policy = &policy;
    input.limits = &limits;
    input.incident = &incident;
    return EvaluateGates(input);
  }
};

}  // namespace salve::healing::testing

#endif  // SALVE_PKG_HEALING_TEST_SUPPORT_H_
