// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_WIRING_H_
#define SALVE_PKG_RECONCILERS_WIRING_H_

#include <vector>

#include "pkg/engine/controller.h"
#include "pkg/reconcilers/shell.h"

namespace salve::reconcilers {

// Adds the indexes that the reconcilers read. Before the informers start.
void AddIndexes(engine::Informer<v1::Incident>& incidents,
                engine::Informer<v1::IncidentApproval>& approvals);

// Tells the controllers which change leads to which reconcile. Before the informers and the
// controllers start.
void WatchForPolicies(Shell& shell, engine::Controller& policies);
void WatchForIncidents(Shell& shell, engine::Controller& incidents);
void WatchForGuardrails(Shell& shell, engine::Controller& guardrails);
// Keys are policies, and guardrails, which have no namespace.
void WatchForAudit(Shell& shell, engine::Controller& audit);
// Keys are the names of sinks that something is pending for.
void WatchForNotifications(Shell& shell, engine::Controller& notifications);

// The open incidents that a change of their policy concerns: all if its specification changed;
// those whose target's state changed; and, when an action ended, those that wait at a gate.
std::vector<NamespacedName> IncidentsToWake(const Shell& shell,
                                            const engine::Change<v1::HealingPolicy>& change);

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_WIRING_H_
