// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_DIGEST_H_
#define SALVE_PKG_HEALING_DIGEST_H_

#include <cstdint>
#include <string>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/healing/types.h"

namespace salve::healing {

// 64 hex digits over everything that will be executed and what it acts on: action with its
// parameters, command, inverse, target, its identity and configuration, policy uid and generation,
// step, the incident's uid (an approval of one incident is none of another) and the ordinal of the
// attempt (ProposalOrdinal: an approval licenses one attempt). Changes when any of it changes.
std::string ProposalDigest(const ActionPlan& plan, const TargetObservation& observation,
                           const metav1::ObjectMeta& policy, const v1::Step& step,
                           const std::string& incident_uid, std::int64_t ordinal);

// The action as canonical JSON ("{"restart":{}}"): sorted keys, no white space, absent members
// left out.
std::string CanonicalAction(const Action& action);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_DIGEST_H_
