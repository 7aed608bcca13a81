// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_LIMITS_H_
#define SALVE_PKG_HEALING_LIMITS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/guardrail.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/healing/types.h"

// The effective limits of a policy: its own and those of every HealingGuardrail that selects its
// namespace; the tightest wins. Pure functions.
namespace salve::healing {

struct OwnedWindow {
  std::string owner;  // "policy" or "guardrail x", for messages
  v1::Window window;
};

// One budget, with the memory of what was spent under it.
struct OwnedBudget {
  std::string owner;
  v1::ActionBudget budget;
  std::vector<v1::GuardrailSpend> spent;  // guardrails only; the policy's are its ActionRecords
};

struct EffectiveLimits {
  std::string invalid;  // what is wrong with the policy's specification: nothing runs under it
  std::string mode;
  std::string mode_owner;              // who made it that tight
  std::vector<std::string> paused_by;  // names of guardrails
  std::string max_risk;                // "" = no ceiling
  std::string max_risk_owner;
  std::string max_auto_risk;
  double min_confidence = 0;
  std::map<std::string, std::int64_t> min_approvals;        // by risk
  std::optional<std::vector<std::string>> allowed_actions;  // nullopt = all
  std::string allowed_actions_owner;
  std::vector<std::pair<std::string, std::string>> protected_targets;  // {pattern, guardrail}
  std::vector<std::vector<std::string>> exec_allow;  // argv patterns; empty = exec is refused
  std::vector<OwnedWindow> windows;
  v1::ActionBudget policy_budget;
  std::vector<OwnedBudget> guardrail_budgets;
  v1::Breaker breaker;
};

// Whether `selector` matches an object with these labels. An unknown operator matches everything: a
// guardrail that is not understood must bind, not vanish.
bool SelectorMatches(const v1::LabelSelector& selector,
                     const std::map<std::string, std::string>& labels);

// Those that select a namespace with these labels, sorted by name.
std::vector<const v1::HealingGuardrail*> SelectGuardrails(
    const std::vector<v1::HealingGuardrail>& all,
    const std::map<std::string, std::string>& namespace_labels);

// `exec_allow` is what the controller's configuration allows; guardrails may add to it.
EffectiveLimits MergeLimits(const v1::HealingPolicy& policy,
                            const std::vector<const v1::HealingGuardrail*>& selecting,
                            const std::vector<std::vector<std::string>>& exec_allow);

// "docker/redis-*" against backend "docker", name "redis-1"; * matches any run of characters.
bool TargetPatternMatches(const std::string& pattern, const TargetRef& target);
// Element by element; /…/ is a RE2 over the whole element, else literal; same length required.
bool ArgvAllowed(const std::vector<std::vector<std::string>>& allow,
                 const std::vector<std::string>& argv);

// Low 0 … Critical 3; an unknown word counts as Critical.
int RiskRank(const std::string& risk);
// Observe 0, DryRun 1, Approve 2, Auto 3; an unknown word counts as Observe.
int ModeRank(const std::string& mode);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_LIMITS_H_
