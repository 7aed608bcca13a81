// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_AUDIT_RECONCILER_H_
#define SALVE_PKG_RECONCILERS_AUDIT_RECONCILER_H_

#include "pkg/engine/reconciler.h"
#include "pkg/reconcilers/shell.h"

namespace salve::reconcilers {

// Tells who keeps the record of each new generation of a policy or guardrail, and of its end. Of
// generations that follow each other faster than it looks, only the last is seen. Incidents are
// told of by their own reconcile, which passes no state over. Thread-safe as engine::Reconciler
// demands; shell.audit is not null.
class AuditReconciler final : public engine::Reconciler {
 public:
  explicit AuditReconciler(Shell& shell) : shell_(shell) {}

  // A key without a namespace is that of a guardrail.
  StatusOr<engine::Result> Reconcile(const NamespacedName& key,
                                     engine::ReconcileContext& context) override;

 private:
  Shell& shell_;
};

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_AUDIT_RECONCILER_H_
