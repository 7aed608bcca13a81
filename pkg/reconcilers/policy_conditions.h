// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_POLICY_CONDITIONS_H_
#define SALVE_PKG_RECONCILERS_POLICY_CONDITIONS_H_

#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/healing/limits.h"
#include "pkg/reconcilers/healingpolicy_reconciler.h"

namespace salve::reconcilers {

// Whether the sinks that the policy names exist and are open to it. Only on policies that name
// some.
inline constexpr char kPolicySinksUsable[] = "SinksUsable";

// At most so many targets are listed one by one in a policy's status; ill ones come first.
inline constexpr std::size_t kMaxStatusTargets = 100;

// What is wrong with the sinks that the policy names, in its order, each once.
std::vector<Status> ProblemsWithSinks(const ControllerSettings& settings,
                                      const v1::HealingPolicy& policy);

// Computes the status that `policy` should have. Pure but for its arguments.
struct PolicyStatusInput {
  const v1::HealingPolicy& policy;
  const PolicyView& view;
  const healing::EffectiveLimits& limits;
  TimeZones& zones;
  std::vector<std::shared_ptr<const v1::Incident>> incidents;  // of this policy
  bool self_heal_enabled = true;
  WallTime now;
  WallTime accounting_now;
  WallTime last_written;  // when this process last wrote that status
  // One for each sink that it names and may not use; see SinkProblem.
  std::vector<Status> sink_problems = {};
};
v1::HealingPolicyStatus ComputePolicyStatus(const PolicyStatusInput& input);

// Whether `next` says anything that `previous` does not, apart from figures that may wobble.
bool StatusWorthWriting(const v1::HealingPolicyStatus& previous,
                        const v1::HealingPolicyStatus& next);

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_POLICY_CONDITIONS_H_
