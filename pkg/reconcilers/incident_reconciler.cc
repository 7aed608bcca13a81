// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/incident_reconciler.h"

#include "pkg/base/log.h"
#include "pkg/reconcilers/incident_run.h"

namespace salve::reconcilers {

StatusOr<engine::Result> IncidentReconciler::Reconcile(const NamespacedName& key,
                                                       engine::ReconcileContext& context) {
  const auto incident = shell_.incidents.Get(key);
  if (incident == nullptr) {
    if (shell_.audit != nullptr) shell_.audit->IncidentGone(key);
    return engine::Result{};
  }
  const LogContext log("incident", key.ToString());
  return IncidentRun(shell_, *incident, context).Run();
}

}  // namespace salve::reconcilers
