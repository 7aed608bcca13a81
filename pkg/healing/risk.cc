// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/risk.h"

#include <algorithm>

namespace salve::healing {
namespace {

void Raise(v1::Risk& risk, const std::string& to) {
  if (RiskRank(to) > RiskRank(risk.level)) risk.level = to;
}

const char* OneHigher(const std::string& risk) {
  switch (RiskRank(risk)) {
    case 0:
      return v1::kRiskMedium;
    case 1:
      return v1::kRiskHigh;
    default:
      return v1::kRiskCritical;
  }
}

// Growing without an upper bound ends at the machine's limit, where everybody pays.
bool GrowsUncapped(const Action& action) {
  const auto uncapped = [](const auto& update) {
    return update && update->memory_percent && *update->memory_percent > 0 &&
           !update->max_memory_bytes;
  };
  return uncapped(action.update_resources) || uncapped(action.set_resources) ||
         uncapped(action.update_task_resources);
}

}  // namespace

std::string BaseRisk(const Action& action) {
  if (action.wait || action.unpause || action.start) return v1::kRiskLow;
  if (action.scale && action.scale->replicas == 0) return v1::kRiskCritical;
  if (action.set_desired_count && action.set_desired_count->count == 0) return v1::kRiskCritical;
  if (action.stop || action.kill || action.exec || action.redis_flush_all ||
      action.postgres_terminate_blocker) {
    return v1::kRiskHigh;
  }
  if (action.restart || action.pause || action.update_resources || action.redis_set_config ||
      action.redis_script_kill || action.redis_client_kill ||
      action.postgres_terminate_connections || action.rollout_restart || action.rollout_undo ||
      action.scale || action.delete_pod || action.evict_pod || action.set_resources ||
      action.force_new_deployment || action.rollback_task_definition || action.set_desired_count ||
      action.stop_task || action.update_task_resources) {
    return v1::kRiskMedium;
  }
  return v1::kRiskCritical;  // an action that this build does not know
}

bool IsDisruptive(const Action& action) {
  return action.restart || action.stop || action.kill || action.pause;
}

v1::Risk AssessRisk(const ActionPlan& plan, const RiskFacts& facts, const v1::Step& step) {
  v1::Risk risk;
  risk.level = BaseRisk(plan.action);
  risk.factors.push_back(v1::ActionName(plan.action) + " is " + risk.level + " by itself");
  if (!plan.base_risk.empty() && RiskRank(plan.base_risk) > RiskRank(risk.level)) {
    Raise(risk, plan.base_risk);
    risk.factors.push_back("the backend rates it " + plan.base_risk + " on this target");
  }
  for (const std::string& factor : plan.risk_factors) risk.factors.push_back(factor);
  if (GrowsUncapped(plan.action)) {
    Raise(risk, v1::kRiskHigh);
    risk.factors.push_back("memory grows without a cap (maxMemoryBytes)");
  }
  // An ill target that still serves is all that a service without a healthy twin has. Ending it
  // for good (stop, kill) is another matter than a restart, which is the usual medicine of a
  // single target.
  const bool last_one = facts.still_serving && facts.targets_healthy == 0;
  if (IsDisruptive(plan.action) && last_one) {
    risk.factors.push_back(facts.targets_total <= 1 ? "it is the only target"
                                                    : "no other target is healthy");
    if (!plan.action.restart) Raise(risk, OneHigher(risk.level));
  }
  if (!plan.reversible) risk.factors.push_back("it cannot be undone");
  if (!step.risk.empty() && RiskRank(step.risk) > RiskRank(risk.level)) {
    Raise(risk, step.risk);
    risk.factors.push_back("the policy raises it to " + step.risk);
  }
  return risk;
}

ApprovalNeed RequiredApprovals(const v1::HealingPolicySpec& policy, const EffectiveLimits& limits,
                               const std::string& risk, double confidence) {
  ApprovalNeed need;
  const std::int64_t wanted = std::max<std::int64_t>(1, policy.approval.min_approvals);
  const auto ask = [&](std::int64_t count, const std::string& why) {
    if (count <= 0) return;
    need.required = std::max(need.required, count);
    need.why += (need.why.empty() ? "" : "; ") + why;
  };
  // Observe and DryRun run nothing, so there is nothing to ask a person for.
  if (limits.mode == v1::kModeApprove) ask(wanted, "mode is Approve");
  if (RiskRank(risk) >= RiskRank(v1::kRiskCritical)) {
    ask(wanted, "Critical actions are always approved by a person");
  } else if (RiskRank(risk) > RiskRank(limits.max_auto_risk)) {
    ask(wanted, "risk " + risk + " is above maxAutoRisk " + limits.max_auto_risk);
  }
  if (confidence < limits.min_confidence) ask(wanted, "confidence is below minConfidence");
  const auto it = limits.min_approvals.find(risk);
  if (it != limits.min_approvals.end()) {
    ask(it->second, "a guardrail wants " + std::to_string(it->second) + " for risk " + risk);
  }
  return need;
}

}  // namespace salve::healing
