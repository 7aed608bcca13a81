// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_EVIDENCE_H_
#define SALVE_PKG_HEALING_EVIDENCE_H_

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/healing/health.h"
#include "pkg/healing/types.h"

namespace salve::healing {

// What is known of a policy that the target's policy depends on.
struct DependencyState {
  std::string policy;
  bool found = false;
  HealthState state = HealthState::kUnknown;
  std::string open_incident;  // "" if none
  std::string message;
  bool asleep = false;  // put to sleep by a schedule: `message` says until when
};

// A sign that a person is at work on the target.
struct HumanTrace {
  std::string what;  // "stopped by a person", "paused", "engine restarted"
  WallTime at;
};

// Everything that one diagnosis is made from, gathered once per decision. Texts in it are data from
// strangers: bounded, quoted, never interpreted.
struct Evidence {
  TargetRef target;
  std::optional<TargetObservation> observation;
  TargetHealth health;                 // with all indicators, their error lines and metrics
  std::set<std::string> systems;       // "redis", "postgres", "docker", …: see SystemsOf
  std::vector<std::string> log_lines;  // newest last
  std::vector<DependencyState> dependencies;
  std::vector<v1::ActionRecord> past;  // records of this policy on this target
  std::vector<HumanTrace> human_traces;
  WallTime at;
  WallTime onset;  // when the illness began
};

inline constexpr std::size_t kMaxEvidenceLines = 200;
inline constexpr std::size_t kMaxLineBytes = 1024;

// Which rule packs apply: by the target's backend, the kinds of the policy's probes and the
// image's name.
std::set<std::string> SystemsOf(const v1::HealingPolicySpec& policy, const TargetRef& target,
                                const std::optional<TargetObservation>& observation);

// The value of a metric, from the indicators first, then from the observation.
std::optional<double> FindMetric(const Evidence& evidence, const std::string& name);

// Error lines of all indicators (fresh measurements of this decision), then the observation's
// message.
std::vector<std::string> MeasuredLines(const Evidence& evidence);

// True iff the observation carries that condition.
bool HasCondition(const Evidence& evidence, const std::string& condition);

// Valid UTF-8 with control characters replaced, at most `max` bytes, cut at a character.
std::string SanitizeLine(std::string_view line, std::size_t max = kMaxLineBytes);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_EVIDENCE_H_
