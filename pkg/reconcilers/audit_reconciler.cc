// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/audit_reconciler.h"

namespace salve::reconcilers {

StatusOr<engine::Result> AuditReconciler::Reconcile(const NamespacedName& key,
                                                    engine::ReconcileContext& /*context*/) {
  if (key.ns.empty()) {
    const auto guardrail = shell_.guardrails.Get(key);
    if (guardrail != nullptr) {
      shell_.audit->Observe(*guardrail);
    } else {
      shell_.audit->GuardrailGone(key.name);
    }
  } else {
    const auto policy = shell_.policies.Get(key);
    if (policy != nullptr) {
      shell_.audit->Observe(*policy);
    } else {
      shell_.audit->PolicyGone(key);
    }
  }
  return engine::Result{};
}

}  // namespace salve::reconcilers
