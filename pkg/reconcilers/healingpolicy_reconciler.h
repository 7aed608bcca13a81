// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_HEALINGPOLICY_RECONCILER_H_
#define SALVE_PKG_RECONCILERS_HEALINGPOLICY_RECONCILER_H_

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "pkg/base/mutex.h"
#include "pkg/engine/reconciler.h"
#include "pkg/healing/gates.h"
#include "pkg/healing/health.h"
#include "pkg/reconcilers/shell.h"

namespace salve::reconcilers {

// What one reconcile of a policy found out about its targets.
struct PolicyView {
  Status target_found;  // why there are no targets, with its reason
  std::vector<v1::TargetRef> targets;
  std::vector<healing::TargetHealth> health;                            // beside targets
  std::vector<std::optional<healing::TargetObservation>> observations;  // beside targets
  // Beside targets: "asleep by schedule …"; "" = awake. What sleeps is not measured.
  std::vector<std::string> asleep;

  std::size_t Count(healing::HealthState state) const;
  std::size_t CountAsleep() const;
};

// Keeps a policy's probes running, its status true, and an Incident open for each ill target.
// Thread-safe as engine::Reconciler demands.
class HealingPolicyReconciler final : public engine::Reconciler {
 public:
  // `shell` outlives it. `enqueue` asks for a reconcile of a policy from any thread (probe
  // results).
  HealingPolicyReconciler(Shell& shell, std::function<void(const NamespacedName&)> enqueue);

  StatusOr<engine::Result> Reconcile(const NamespacedName& key,
                                     engine::ReconcileContext& context) override;

 private:
  void Forget(const NamespacedName& key);
  PolicyView Look(const v1::HealingPolicy& policy);
  // Finds the targets; fills view.target_found otherwise.
  void FindTargets(const v1::HealingPolicy& policy, backends::Backend* backend, PolicyView& view);
  // Observations of the targets, and which of them sleep.
  void LookAtTargets(const v1::HealingPolicy& policy, backends::Backend* backend, PolicyView& view);
  void Probe(const v1::HealingPolicy& policy, const std::vector<v1::TargetRef>& targets);
  Status OpenIncidents(const v1::HealingPolicy& policy, const PolicyView& view);
  Status OpenIncident(const v1::HealingPolicy& policy, const v1::TargetRef& target,
                      const healing::TargetHealth& health,
                      const std::optional<healing::TargetObservation>& observation);
  Status CheckPredecessor(const v1::HealingPolicy& policy, const v1::TargetRef& target,
                          const std::string& fingerprint, std::int64_t occurrence);
  StatusOr<v1::HealingPolicy> WriteStatus(const v1::HealingPolicy& policy, const PolicyView& view);
  Status PruneHistory(const v1::HealingPolicy& policy);
  std::optional<Duration> NextLook(const v1::HealingPolicy& policy) const;

  WallTime LastWritten(const NamespacedName& policy) const;

  Shell& shell_;
  const std::function<void(const NamespacedName&)> enqueue_;
  // When this process last wrote the status of a policy.
  mutable Mutex mu_;
  std::map<NamespacedName, WallTime> written_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_HEALINGPOLICY_RECONCILER_H_
