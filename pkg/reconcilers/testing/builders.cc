// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/testing/builders.h"

#include <utility>

namespace salve::reconcilers::testing {

v1::Step MakeStep(const std::string& name, v1::Action action) {
  v1::Step step;
  step.name = name;
  step.action = std::move(action);
  step.on_verification_failed = "Next";
  return step;
}

v1::Step HumanStep() {
  v1::Step step;
  step.name = "human";
  step.escalate.emplace();
  return step;
}

v1::Action Restart() {
  v1::Action action;
  action.restart.emplace();
  return action;
}

v1::Action MoreMemory() {
  v1::Action action;
  action.update_resources.emplace().memory_bytes = 128 << 20;
  return action;
}

v1::Action Stop() {
  v1::Action action;
  action.stop.emplace();
  return action;
}

v1::Action Flush() {
  v1::Action action;
  action.redis_flush_all.emplace();
  return action;
}

v1::HealingPolicy MakePolicy(const std::string& name, const std::string& container) {
  v1::HealingPolicy policy;
  policy.metadata.name = name;
  policy.metadata.ns = kNs;
  policy.spec.mode = v1::kModeAuto;
  v1::DockerTarget& target = policy.spec.target.docker.emplace();
  target.backend = "docker";
  target.container = container;
  v1::Probe probe;
  probe.name = "health";
  probe.tcp.emplace().address = "127.0.0.1:6379";
  policy.spec.probes = {probe};
  v1::DiagnosisRule rule;
  rule.name = "ill";
  rule.when.probe = "health";
  rule.cause = "Unresponsive";
  rule.step = "restart";
  policy.spec.diagnosis.rules = {rule};
  policy.spec.diagnosis.builtin_packs = false;
  policy.spec.ladder = {MakeStep("restart", Restart()), HumanStep()};
  policy.spec.guardrails.max_actions = {5, 3600};
  return policy;
}

}  // namespace salve::reconcilers::testing
