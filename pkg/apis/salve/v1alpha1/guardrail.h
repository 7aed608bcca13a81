// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SALVE_V1ALPHA1_GUARDRAIL_H_
#define SALVE_PKG_APIS_SALVE_V1ALPHA1_GUARDRAIL_H_

#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/common.h"

namespace salve::apis::salve::v1alpha1 {

struct RiskApprovals {
  std::optional<std::int64_t> low;
  std::optional<std::int64_t> medium;
  std::optional<std::int64_t> high;
  std::optional<std::int64_t> critical;
};

struct ExecAllowlist {
  // Each is an argv; an element may be a RE2 in slashes ("/^[a-z]+$/"), else it is literal.
  std::vector<std::vector<std::string>> allow;
};

struct ProbeLimits {
  std::vector<std::string> allowed_cidrs;  // JSON: allowedCIDRs
};

struct HealingGuardrailSpec {
  LabelSelector namespace_selector;
  bool paused = false;
  std::string max_mode;       // "" = no limit
  std::string max_risk;       // above it nothing is ever done
  std::string max_auto_risk;  // above it a human approves
  std::optional<double> min_confidence;
  RiskApprovals min_approvals;
  std::vector<std::string> allowed_actions;    // empty = all
  std::vector<std::string> protected_targets;  // "docker/name", * is a wildcard
  ExecAllowlist exec;
  ProbeLimits probes;
  std::optional<ActionBudget> max_actions;
  std::vector<Window> windows;
  std::optional<Breaker> breaker;
};

// Conditions of a HealingGuardrail.
inline constexpr char kGuardrailReady[] = "Ready";

struct GuardrailSpend {
  std::string policy;  // namespace/name
  std::string attempt_id;
  std::string at;
};

struct HealingGuardrailStatus {
  std::int64_t observed_generation = 0;
  std::vector<meta::v1::Condition> conditions;
  std::int64_t policies_selected = 0;
  std::vector<GuardrailSpend> actions;  // bounded
  std::string last_blocked;
  std::string last_blocked_at;
};

struct HealingGuardrail {
  static const meta::v1::ResourceInfo kInfo;
  meta::v1::ObjectMeta metadata;
  HealingGuardrailSpec spec;
  HealingGuardrailStatus status;
};

}  // namespace salve::apis::salve::v1alpha1

#endif  // SALVE_PKG_APIS_SALVE_V1ALPHA1_GUARDRAIL_H_
