// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/limits.h"

#include <algorithm>

#include "pkg/base/pattern.h"

namespace salve::healing {
namespace {

bool RequirementMatches(const v1::LabelSelectorRequirement& requirement,
                        const std::map<std::string, std::string>& labels) {
  const auto it = labels.find(requirement.key);
  const bool present = it != labels.end();
  const bool listed = present && std::find(requirement.values.begin(), requirement.values.end(),
                                           it->second) != requirement.values.end();
  if (requirement.op == "In") return listed;
  if (requirement.op == "NotIn") return !listed;
  if (requirement.op == "Exists") return present;
  if (requirement.op == "DoesNotExist") return !present;
  return true;
}

// Glob with * only, linear: on a mismatch it goes back to the last star.
bool GlobMatches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool ElementAllowed(const std::string& pattern, const std::string& element) {
  const bool is_regex = pattern.size() >= 2 && pattern.front() == '/' && pattern.back() == '/';
  // An absolute path also begins with a slash; it is one unless it ends with one, too.
  if (!is_regex) return pattern == element;
  const auto compiled = Pattern::Compile(std::string_view(pattern).substr(1, pattern.size() - 2));
  return compiled.ok() && compiled->MatchesAll(element);
}

void TightenApprovals(const v1::RiskApprovals& wanted, EffectiveLimits& limits) {
  const auto raise = [&](const char* risk, const std::optional<std::int64_t>& count) {
    if (count) limits.min_approvals[risk] = std::max(limits.min_approvals[risk], *count);
  };
  raise(v1::kRiskLow, wanted.low);
  raise(v1::kRiskMedium, wanted.medium);
  raise(v1::kRiskHigh, wanted.high);
  raise(v1::kRiskCritical, wanted.critical);
}

void IntersectActions(const v1::HealingGuardrail& guardrail, const std::string& owner,
                      EffectiveLimits& limits) {
  const auto& allowed = guardrail.spec.allowed_actions;
  if (allowed.empty()) return;
  limits.allowed_actions_owner += (limits.allowed_actions_owner.empty() ? "" : ", ") + owner;
  if (!limits.allowed_actions) {
    limits.allowed_actions = allowed;
    return;
  }
  std::erase_if(*limits.allowed_actions, [&](const std::string& action) {
    return std::find(allowed.begin(), allowed.end(), action) == allowed.end();
  });
}

void Tighten(const v1::HealingGuardrail& guardrail, EffectiveLimits& limits) {
  const v1::HealingGuardrailSpec& spec = guardrail.spec;
  const std::string owner = "guardrail " + guardrail.metadata.name;
  if (spec.paused) limits.paused_by.push_back(guardrail.metadata.name);
  if (!spec.max_mode.empty() && ModeRank(spec.max_mode) < ModeRank(limits.mode)) {
    limits.mode = spec.max_mode;
    limits.mode_owner = owner;
  }
  if (!spec.max_risk.empty() &&
      (limits.max_risk.empty() || RiskRank(spec.max_risk) < RiskRank(limits.max_risk))) {
    limits.max_risk = spec.max_risk;
    limits.max_risk_owner = owner;
  }
  if (!spec.max_auto_risk.empty() &&
      RiskRank(spec.max_auto_risk) < RiskRank(limits.max_auto_risk)) {
    limits.max_auto_risk = spec.max_auto_risk;
  }
  if (spec.min_confidence) {
    limits.min_confidence = std::max(limits.min_confidence, *spec.min_confidence);
  }
  TightenApprovals(spec.min_approvals, limits);
  IntersectActions(guardrail, owner, limits);
  for (const std::string& pattern : spec.protected_targets) {
    limits.protected_targets.emplace_back(pattern, guardrail.metadata.name);
  }
  limits.exec_allow.insert(limits.exec_allow.end(), spec.exec.allow.begin(), spec.exec.allow.end());
  for (const v1::Window& window : spec.windows) limits.windows.push_back({owner, window});
  if (spec.max_actions) {
    limits.guardrail_budgets.push_back({owner, *spec.max_actions, guardrail.status.actions});
  }
  if (spec.breaker) {
    v1::Breaker& mine = limits.breaker;
    mine.consecutive_failures =
        std::min(mine.consecutive_failures, spec.breaker->consecutive_failures);
    mine.ineffective_fixes = std::min(mine.ineffective_fixes, spec.breaker->ineffective_fixes);
    mine.open_seconds = std::max(mine.open_seconds, spec.breaker->open_seconds);
  }
}

}  // namespace

int RiskRank(const std::string& risk) {
  if (risk == v1::kRiskLow) return 0;
  if (risk == v1::kRiskMedium) return 1;
  if (risk == v1::kRiskHigh) return 2;
  return 3;
}

int ModeRank(const std::string& mode) {
  if (mode == v1::kModeDryRun) return 1;
  if (mode == v1::kModeApprove) return 2;
  if (mode == v1::kModeAuto) return 3;
  return 0;
}

bool SelectorMatches(const v1::LabelSelector& selector,
                     const std::map<std::string, std::string>& labels) {
  for (const auto& [key, value] : selector.match_labels) {
    const auto it = labels.find(key);
    if (it == labels.end() || it->second != value) return false;
  }
  const auto& all = selector.match_expressions;
  return std::all_of(all.begin(), all.end(), [&](const v1::LabelSelectorRequirement& r) {
    return RequirementMatches(r, labels);
  });
}

std::vector<const v1::HealingGuardrail*> SelectGuardrails(
    const std::vector<v1::HealingGuardrail>& all,
    const std::map<std::string, std::string>& namespace_labels) {
  std::vector<const v1::HealingGuardrail*> out;
  for (const v1::HealingGuardrail& guardrail : all) {
    if (SelectorMatches(guardrail.spec.namespace_selector, namespace_labels)) {
      out.push_back(&guardrail);
    }
  }
  std::sort(out.begin(), out.end(),
            [](const v1::HealingGuardrail* a, const v1::HealingGuardrail* b) {
              return a->metadata.name < b->metadata.name;
            });
  return out;
}

EffectiveLimits MergeLimits(const v1::HealingPolicy& policy,
                            const std::vector<const v1::HealingGuardrail*>& selecting,
                            const std::vector<std::vector<std::string>>& exec_allow) {
  const v1::HealingPolicySpec& spec = policy.spec;
  EffectiveLimits limits;
  limits.mode = spec.mode;
  limits.mode_owner = "policy";
  limits.max_auto_risk = spec.guardrails.max_auto_risk;
  limits.min_confidence = spec.diagnosis.min_confidence;
  limits.exec_allow = exec_allow;
  for (const v1::Window& window : spec.guardrails.windows) {
    limits.windows.push_back({"policy", window});
  }
  limits.policy_budget = spec.guardrails.max_actions;
  limits.breaker = spec.guardrails.breaker;
  for (const v1::HealingGuardrail* guardrail : selecting) Tighten(*guardrail, limits);
  return limits;
}

bool TargetPatternMatches(const std::string& pattern, const TargetRef& target) {
  const std::size_t slash = pattern.find('/');
  // Without a backend the pattern protects the name everywhere.
  if (slash == std::string::npos) return GlobMatches(pattern, target.name);
  return GlobMatches(pattern.substr(0, slash), target.backend) &&
         GlobMatches(pattern.substr(slash + 1),
                     target.ns.empty() ? target.name : target.ns + "/" + target.name);
}

bool ArgvAllowed(const std::vector<std::vector<std::string>>& allow,
                 const std::vector<std::string>& argv) {
  if (argv.empty()) return false;
  return std::any_of(allow.begin(), allow.end(), [&](const std::vector<std::string>& pattern) {
    return pattern.size() == argv.size() &&
           std::equal(pattern.begin(), pattern.end(), argv.begin(), ElementAllowed);
  });
}

}  // namespace salve::healing
