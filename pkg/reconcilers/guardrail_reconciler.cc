// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/guardrail_reconciler.h"

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/validation.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/budget.h"

namespace salve::reconcilers {
namespace {

apis::meta::v1::Condition Ready(const v1::HealingGuardrail& guardrail) {
  apis::meta::v1::Condition ready;
  ready.type = v1::kGuardrailReady;
  ready.observed_generation = guardrail.metadata.generation;
  const apis::FieldErrors errors = apis::Validate(guardrail);
  ready.status = errors.empty() ? "True" : "False";
  ready.reason = errors.empty() ? "Applied" : "InvalidSpec";
  ready.message = errors.empty()
                      ? "it binds the policies that it selects"
                      : "what cannot be understood forbids: " + apis::ToStatus(errors).message();
  return ready;
}

std::int64_t PoliciesUnder(const Shell& shell, const std::string& guardrail) {
  std::map<std::string, bool> selected;  // by namespace
  std::int64_t count = 0;
  for (const auto& policy : shell.policies.List()) {
    const std::string& ns = policy->metadata.ns;
    auto it = selected.find(ns);
    if (it == selected.end()) {
      bool binds = false;
      for (const v1::HealingGuardrail& g : GuardrailsFor(shell, ns)) {
        binds = binds || g.metadata.name == guardrail;
      }
      it = selected.emplace(ns, binds).first;
    }
    count += it->second ? 1 : 0;
  }
  return count;
}

}  // namespace

StatusOr<engine::Result> GuardrailReconciler::Reconcile(const NamespacedName& key,
                                                        engine::ReconcileContext&) {
  const auto guardrail = shell_.guardrails.Get(key);
  if (guardrail == nullptr || !guardrail->metadata.deletion_timestamp.empty()) {
    return engine::Result{};
  }
  const std::int64_t selected = PoliciesUnder(shell_, key.name);
  const auto stored =
      shell_.guardrail_status.Update(key, [&](v1::HealingGuardrail& current) -> StatusOr<bool> {
        const apis::Json before = apis::Encode(current.status);
        current.status.observed_generation = current.metadata.generation;
        current.status.policies_selected = selected;
        if (current.spec.max_actions) {
          healing::PruneSpends(current.status.actions, current.spec.max_actions->window_seconds,
                               shell_.AccountingNow());
        }
        apis::meta::v1::SetCondition(current.status.conditions, Ready(current),
                                     FormatTime(shell_.clock.Now()));
        return apis::Encode(current.status) != before;
      });
  if (stored.code() == Code::kNotFound) return engine::Result{};
  if (!stored.ok()) return stored.status();
  return engine::Result{};
}

}  // namespace salve::reconcilers
