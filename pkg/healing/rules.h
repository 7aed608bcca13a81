// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_RULES_H_
#define SALVE_PKG_HEALING_RULES_H_

#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/healing/evidence.h"

// Diagnosis: rules are data over Evidence. Built-in packs and the policy's own rules are matched
// in one pass; the more specific wins, then the more confident, then packs before the policy's,
// then the name.
namespace salve::healing {

inline constexpr char kVerdictDoNothing[] = "DoNothing";
inline constexpr char kVerdictEscalate[] = "Escalate";

// All given clauses must hold.
struct PackCondition {
  std::string system;              // "" = any
  std::vector<std::string> lines;  // any of these occurs in a measured error line or message …
  bool in_logs = false;            // … or in the newest lines of the target's own log
  std::vector<std::string>
      recent_log_lines;             // any of these occurs, in the target's own log only, in at …
  std::size_t recent_log_hits = 2;  // … least so many of the newest 20 lines
  std::vector<std::string> conditions_any;  // of the target
  std::vector<std::string> conditions_all;
  std::vector<std::string> conditions_none;
  std::vector<std::int64_t> exit_codes;
  std::vector<std::int64_t> exit_codes_none;
  std::optional<bool> running;
  bool probe_unhealthy = false;  // at least one indicator but the container's is Unhealthy
  bool unmeasurable = false;     // nothing is known to be unhealthy, something cannot be measured
  bool dependency_down = false;
  bool files_changed = false;  // files that the target reads are not what it was started with
  struct Ratio {
    std::string numerator;
    std::string denominator;
    double at_least = 0;
  };
  std::optional<Ratio> ratio;  // holds iff both metrics are known and the quotient is large enough
  std::optional<Ratio> unless_below;  // fails iff both are known and the quotient is smaller
  std::string metric_positive;        // this metric is known and > 0
};

// Evidence in short and what must come of it: each rule brings its own tests.
struct RuleCase {
  std::string name;  // a sentence
  Evidence evidence;
  bool matches = true;
};

struct PackRule {
  std::string name;      // "redis/oom"
  std::string cause;     // CamelCase
  std::string sentence;  // what it means, for people
  PackCondition when;
  double confidence = 0.9;
  // A cause outside the target, or a person at work: beats every rule that would act.
  bool overriding = false;
  // "" = act: the first of these groups with a step in the ladder picks it (ladder order within a
  // group).
  std::string verdict;
  std::vector<std::vector<std::string>> actions;
  std::optional<Action> default_action;  // for a policy without a ladder
  // DoNothing only: close the incident at once (true) or hold it open and look again (false).
  bool settles = false;
  // DoNothing that holds: after so long a human is told. 0 = never.
  std::int64_t escalate_after_seconds = 0;
  std::vector<RuleCase> cases;
};

struct Pack {
  std::string name;
  std::string version;
  std::vector<PackRule> rules;
};

// common, docker, ecs, kubernetes, postgres, redis. Built once, immutable.
const std::vector<Pack>& BuiltinPacks();
const PackRule* FindPackRule(const std::string& name);

bool Matches(const PackCondition& condition, const Evidence& evidence);
// False also if the pattern does not compile (validation has refused it before).
bool Matches(const v1::RuleCondition& condition, const Evidence& evidence);
int Specificity(const PackRule& rule);
int Specificity(const v1::RuleCondition& condition);

// The steps that may run: the policy's ladder, or (without one) what the packs bring, then
// `escalate`.
std::vector<v1::Step> EffectiveLadder(const v1::HealingPolicySpec& policy);
// Whether EffectiveLadder came from the packs.
bool UsesPackLadder(const v1::HealingPolicySpec& policy);

// Never fails: what no rule knows is cause "Unknown" with verdict Escalate and confidence 0. `at`
// is evidence.at.
v1::DiagnosisStatus Diagnose(const v1::HealingPolicySpec& policy, const Evidence& evidence);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_RULES_H_
