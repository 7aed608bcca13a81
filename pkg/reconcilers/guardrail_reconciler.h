// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_GUARDRAIL_RECONCILER_H_
#define SALVE_PKG_RECONCILERS_GUARDRAIL_RECONCILER_H_

#include "pkg/engine/reconciler.h"
#include "pkg/reconcilers/shell.h"

namespace salve::reconcilers {

// Keeps a guardrail's status true: whether it can be applied as written, how many policies it
// limits, what was spent under it. What it blocked last is written by whoever was blocked. A
// guardrail binds whether or not this runs. Thread-safe as engine::Reconciler demands.
class GuardrailReconciler final : public engine::Reconciler {
 public:
  explicit GuardrailReconciler(Shell& shell) : shell_(shell) {}  // `shell` outlives it
  StatusOr<engine::Result> Reconcile(const NamespacedName& key,
                                     engine::ReconcileContext& context) override;

 private:
  Shell& shell_;
};

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_GUARDRAIL_RECONCILER_H_
