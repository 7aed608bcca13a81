// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_DRY_DECISION_H_
#define SALVE_CONTROLLER_RUNTIME_DRY_DECISION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pkg/healing/gates.h"
#include "pkg/healing/machine.h"

// What the core is asked where nothing may be done: by `salve simulate` (now, on the real targets)
// and `salve replay` (then, on what was recorded). Pure functions.
namespace salve::runtime {

// What is known when the decision is made. Pointers are never null and outlive the call.
struct DryFacts {
  WallTime now;
  const healing::v1::HealingPolicy* policy = nullptr;
  const healing::EffectiveLimits* limits = nullptr;
  const healing::v1::Incident* incident = nullptr;
  TimeZones* zones = nullptr;
  Status backend;
  healing::TargetHealth health;
  std::optional<healing::TargetObservation> observation;
  std::vector<healing::DependencyState> dependencies;
  std::int64_t targets_total = 1;      // of the policy
  std::int64_t targets_unhealthy = 1;  // with this one
  std::vector<healing::v1::ActionRecord> records;
  std::optional<WallTime> ill_since;           // for the breaker
  std::vector<std::string> running_incidents;  // others of the policy that are acting
};

// The proposal of `step`, as `plan` would carry it out. Both outlive the result.
healing::ProposalInput DryProposal(const DryFacts& facts, const healing::v1::Step& step,
                                   const healing::ActionPlan& plan);

// What the incident's proposal needs, and that nobody has given it; expired when its time is over.
healing::ApprovalResult NobodyApproves(const DryFacts& facts);

// For EvaluateGates. `step` and `plan` may be null: nothing is proposed.
healing::GateInput DryGates(const DryFacts& facts, const healing::v1::Step* step,
                            const healing::ActionPlan* plan,
                            const healing::ApprovalResult& approval);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_DRY_DECISION_H_
