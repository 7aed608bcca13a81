// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_SIGNALS_HEALTH_H_
#define SALVE_PKG_RECONCILERS_SIGNALS_HEALTH_H_

#include <string>
#include <vector>

#include "pkg/healing/alerts.h"
#include "pkg/reconcilers/shell.h"

// How received alerts and changed files (status.signals of a policy) count among a target's
// indicators.
namespace salve::reconcilers {

// What the probes have measured of a target, then what alerts and files say of it.
std::vector<healing::IndicatorState> IndicatorsOf(const Shell& shell,
                                                  const v1::HealingPolicy& policy,
                                                  const std::string& target);

// A fresh check of an incident's target is not good before the alerts about it have cleared, nor
// while it runs with files that have changed.
healing::FreshCheck WithAlerts(const Shell& shell, const v1::HealingPolicy& policy,
                               const v1::Incident& incident, healing::FreshCheck check);

// Whether an update brought, cleared or repeated a signal: a reason to look at the policy.
bool SignalsChanged(const engine::Change<v1::HealingPolicy>& change);

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_SIGNALS_HEALTH_H_
