// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_RISK_H_
#define SALVE_PKG_HEALING_RISK_H_

#include <cstdint>
#include <string>

#include "pkg/healing/limits.h"
#include "pkg/healing/types.h"

namespace salve::healing {

struct RiskFacts {
  std::int64_t targets_total = 1;    // of the policy
  std::int64_t targets_healthy = 0;  // without the one to act on
  bool still_serving = false;        // the target answers in part, so acting takes something away
};

// The floor that the kind of action sets, whatever a backend says: data loss is High, stop and
// kill are at least High, …
std::string BaseRisk(const Action& action);

// The highest of the plan's base risk, the action's floor, what the target adds and what the step
// raises it to; with all factors. Nothing lowers it.
v1::Risk AssessRisk(const ActionPlan& plan, const RiskFacts& facts, const v1::Step& step);

// How many distinct people must approve before this may run; 0 = nobody. Reasons are the words for
// the gate's message. Critical is always at least 1.
struct ApprovalNeed {
  std::int64_t required = 0;
  std::string why;
};
ApprovalNeed RequiredApprovals(const v1::HealingPolicySpec& policy, const EffectiveLimits& limits,
                               const std::string& risk, double confidence);

// Whether the action interrupts what the target still serves.
bool IsDisruptive(const Action& action);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_RISK_H_
