// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/docker_label.h"

#include "pkg/apis/codec.h"
#include "pkg/base/hash.h"
#include "pkg/base/log.h"

namespace salve::runtime {
namespace {

namespace v1 = apis::salve::v1alpha1;

// A name from the label's text: "autoheal=true" becomes "autoheal-true".
std::string NameFor(const std::string& label) {
  std::string name;
  for (const char c : label) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      name += c;
    } else if (c >= 'A' && c <= 'Z') {
      name += static_cast<char>(c - 'A' + 'a');
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  if (name.size() > 40 || name.empty()) name = "label-" + Sha256Hex(label).substr(0, 10);
  return name;
}

v1::Step MakeStep(const std::string& name, v1::Action action, const std::string& expected) {
  v1::Step step;
  step.name = name;
  step.action = std::move(action);
  step.expected = expected;
  step.max_attempts = 3;
  step.timeout_seconds = 60;
  return step;
}

}  // namespace

StatusOr<v1::HealingPolicy> PolicyForLabel(const std::string& label) {
  const std::size_t equals = label.find('=');
  if (equals == 0 || equals == std::string::npos) {
    return InvalidArgumentError("--docker-label: \"" + label + "\" is not KEY=VALUE");
  }
  v1::HealingPolicy policy;
  policy.metadata.ns = "default";
  policy.metadata.name = NameFor(label);
  policy.metadata.annotations["salve.dev/created-for"] = "--docker-label " + label;
  policy.spec.mode = v1::kModeAuto;
  policy.spec.target.docker = v1::DockerTarget{};
  policy.spec.target.docker->labels = {{label.substr(0, equals), label.substr(equals + 1)}};

  v1::Action restart;
  restart.restart = v1::RestartAction{};
  v1::Action start;
  start.start = v1::StartAction{};
  policy.spec.ladder = {MakeStep("restart", restart, "the container's health check passes"),
                        MakeStep("start", start, "the container runs")};
  v1::Step human;
  human.name = "human";
  human.escalate.emplace().message = "restarting did not help";
  policy.spec.ladder.push_back(human);

  policy.spec.verification.initial_delay_seconds = 1;
  policy.spec.verification.timeout_seconds = 120;
  policy.spec.guardrails.max_actions = {100, 3600};
  policy.spec.guardrails.cooldown_seconds = 10;
  policy.spec.guardrails.max_concurrent = 32;
  policy.spec.guardrails.max_unhealthy = "40%";
  policy.spec.guardrails.max_unhealthy_floor = 25;
  apis::SetDefaults(policy);
  return policy;
}

Status EnsurePolicyForLabel(const std::string& label, client::Client& client) {
  SALVE_ASSIGN_OR_RETURN(const v1::HealingPolicy policy, PolicyForLabel(label));
  const Status created = client.Create(v1::HealingPolicy::kInfo, apis::Encode(policy)).status();
  if (created.code() == Code::kAlreadyExists) return Status::Ok();
  if (created.ok()) {
    Log(Severity::kInfo, "policy created for containers with the label",
        {{"label", label}, {"policy", policy.metadata.name}});
  }
  return created;
}

}  // namespace salve::runtime
