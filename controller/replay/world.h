// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_REPLAY_WORLD_H_
#define SALVE_CONTROLLER_REPLAY_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/replay/record.h"
#include "controller/runtime/dry_decision.h"

#include "pkg/apis/salve/v1alpha1/guardrail.h"
#include "pkg/healing/alerts.h"

// The world as replay plays it: policies with their memory of actions, targets with what is known
// to be wrong with them, and the incidents that come of it. Decisions are the core's (pkg/healing);
// here is only what it is asked and what becomes of its answers. Not thread-safe.
namespace salve::replay {

// Who replays what under which rules.
struct ReplayInput {
  std::vector<healing::v1::HealingPolicy> policies;  // valid, without status
  std::vector<healing::v1::HealingGuardrail> guardrails;
  std::map<std::string, std::map<std::string, std::string>> namespace_labels;
  std::vector<std::vector<std::string>> exec_allow;
  healing::ClearsAfter clears;
  // Receivers that are open to some namespaces only; others are open to all.
  std::map<std::string, std::vector<std::string>> receiver_namespaces;
  Record record;
  std::optional<WallTime> until;  // when time ends; default kReplayTail after the last record
};

// One thing that Salve would have done, or would have waited for.
struct ReplayDecision {
  enum class Kind {
    kActs,
    kNeedsApproval,  // a person's word is all that is missing
    kBlocked,        // by `gates`
    kWaits,          // the diagnosis says to do nothing
    kStepFails,      // as the record says
    kEscalates,
    kCloses,  // as `outcome`
  };
  WallTime at;
  Kind kind = Kind::kActs;
  std::string step;
  std::string action;
  std::string risk;
  std::string command;
  std::int64_t approvals = 0;
  std::vector<healing::Gate> gates;
  std::string reason;
  std::string message;
  std::string outcome;
};
const char* KindName(ReplayDecision::Kind kind);

struct ReplayedIncident {
  std::string policy;  // namespace/name
  std::string target;
  WallTime at;
  std::string trigger;  // "Alert/redis-down"
  std::string message;
  std::string rule;
  std::string cause;
  std::int64_t occurrences = 1;
  std::vector<ReplayDecision> course;
  std::string outcome;           // "" = open when time ended
  std::string recorded;          // name of the recorded incident that it stands for
  std::string recorded_outcome;  // "" if there is none, or it was open
};

// An illness that was recorded as an incident.
struct RecordedIllness {
  const RecordedIncident* record = nullptr;
  std::optional<WallTime> ends;  // by itself
};

// One of a policy's targets.
struct ReplayTarget {
  healing::v1::TargetRef ref;
  // The policy as far as this target's alerts go: its status.signals are this target's alone.
  healing::v1::HealingPolicy view;
  std::vector<RecordedIllness> illnesses;
  const RecordedIncident* recorded = nullptr;  // the newest, for what it knows
  bool ill = false;
  bool acting = false;  // holds one of maxConcurrent places
  std::optional<healing::v1::Incident> open;
  std::size_t report = 0;                       // of the open one
  std::optional<healing::v1::Incident> closed;  // the newest
  std::vector<std::string> blocked_by;          // names of gates
  std::optional<WallTime> wake;
};

struct ReplayPolicy {
  healing::v1::HealingPolicy object;  // status.actions is its memory
  std::string key;                    // namespace/name
  healing::TriggerSet triggers;
  std::vector<healing::v1::Step> ladder;
  std::vector<std::size_t> dependents;          // policies that depend on it
  std::optional<healing::v1::TargetRef> named;  // where the policy names its target
  std::vector<std::unique_ptr<ReplayTarget>> targets;
  std::map<std::string, std::size_t> by_name;
  std::int64_t unhealthy = 0;
  std::int64_t acting = 0;
  std::int64_t signals = 0;  // alerts that changed something

  explicit ReplayPolicy(healing::v1::HealingPolicy policy);
};

// The target that the policy names; nullopt where it selects.
std::optional<healing::v1::TargetRef> NamedTarget(const healing::v1::HealingPolicy& policy);
// A target of that name of a policy that selects.
healing::v1::TargetRef SelectedTarget(const healing::v1::HealingPolicy& policy,
                                      const std::string& name);

// What is known of a target at `now` from alerts and recorded illnesses.
std::vector<healing::IndicatorState> ReplayIndicators(const ReplayPolicy& policy,
                                                      const ReplayTarget& target,
                                                      const healing::ClearsAfter& clears,
                                                      WallTime now);
healing::TargetObservation ReplayObservation(const ReplayTarget& target, WallTime now);
// The evidence of then, as far as it was kept: what a recorded diagnosis rested on held.
healing::Evidence ReplayEvidence(const ReplayPolicy& policy, const ReplayTarget& target,
                                 const healing::TargetHealth& health,
                                 const healing::TargetObservation& observation,
                                 std::vector<healing::DependencyState> dependencies, WallTime now);
// What the step would be: by its kind, and at least what the record says of it.
healing::ActionPlan ReplayPlan(const ReplayPolicy& policy, const ReplayTarget& target,
                               const healing::v1::Step& step);
// False where the record says that this action was tried on this illness and did not help.
bool StepHelps(const ReplayTarget& target, const std::string& action);

}  // namespace salve::replay

#endif  // SALVE_CONTROLLER_REPLAY_WORLD_H_
