// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_CANARY_H_
#define SALVE_PKG_HEALING_CANARY_H_

#include <memory>
#include <optional>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"
#include "pkg/healing/types.h"

// The canary: a policy like any other, about a target that falls ill on purpose, by which it shows
// that a fault is seen, decided about, acted on and verified. What differs is only where it is
// counted: not among what was healed. Pure functions; all that is known of a canary stands on the
// policy and its incidents, so that a restart of Salve forgets nothing.
namespace salve::healing {

// On a policy, "true": it is a canary. Its incidents bear the same.
inline constexpr char kCanaryAnnotation[] = "salve.dev/canary";
// After how long it falls ill again, in whole seconds; kCanaryPeriod where it is absent or no such.
inline constexpr char kCanaryPeriodAnnotation[] = "salve.dev/canary-period-seconds";
inline constexpr std::chrono::seconds kCanaryPeriod{300};
inline constexpr std::chrono::hours kMaxCanaryPeriod{24};

bool IsCanary(const apis::meta::v1::ObjectMeta& metadata);
std::chrono::seconds CanaryPeriod(const apis::meta::v1::ObjectMeta& metadata);

// When the canary was healed last, as far as its incidents (`own`) and the records of its actions
// go back; nullopt: not that they know.
std::optional<WallTime> LastCanarySuccess(
    const v1::HealingPolicy& policy, const std::vector<std::shared_ptr<const v1::Incident>>& own);

// Since when its next healing is waited for: its last one, its making, or the moment from which
// Salve may act on it again, whichever was latest. nullopt while Salve may not act (a pause, the
// kill switch, a mode or a window): then nothing is to be expected of it.
std::optional<WallTime> CanaryAwaitedSince(const v1::HealingPolicy& policy,
                                           std::optional<WallTime> last_success);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_CANARY_H_
