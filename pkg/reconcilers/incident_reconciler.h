// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_INCIDENT_RECONCILER_H_
#define SALVE_PKG_RECONCILERS_INCIDENT_RECONCILER_H_

#include "pkg/engine/reconciler.h"
#include "pkg/reconcilers/shell.h"

namespace salve::reconcilers {

// Brings an incident one or more steps further: asks the pure core (healing/machine.h) what comes
// next, does the I/O for it, writes the result. Thread-safe as engine::Reconciler demands.
class IncidentReconciler final : public engine::Reconciler {
 public:
  explicit IncidentReconciler(Shell& shell) : shell_(shell) {}

  StatusOr<engine::Result> Reconcile(const NamespacedName& key,
                                     engine::ReconcileContext& context) override;

 private:
  Shell& shell_;
};

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_INCIDENT_RECONCILER_H_
