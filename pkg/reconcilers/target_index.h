// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_TARGET_INDEX_H_
#define SALVE_PKG_RECONCILERS_TARGET_INDEX_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/base/mutex.h"

namespace salve::reconcilers {

// From a target to the policies that care: what to reconcile when a backend reports a change.
// Filled by the HealingPolicy reconciler. Thread-safe; no call blocks.
class TargetIndex {
 public:
  // `policy` now means these targets. `selects` is true if the set can grow by itself (labels,
  // compose).
  void Set(const apis::meta::v1::NamespacedName& policy, const std::string& backend, bool selects,
           const std::vector<apis::salve::v1alpha1::TargetRef>& targets);
  // Makes `policy` known without changing what it means: for one whose targets cannot be resolved
  // yet.
  void Register(const apis::meta::v1::NamespacedName& policy, const std::string& backend,
                bool selects);
  void Forget(const apis::meta::v1::NamespacedName& policy);

  // The policies to look at when `ref` changed: those that have it; where none has it, those that
  // might select it, and those that have found nothing yet. An empty name means every policy of the
  // backend.
  std::vector<apis::meta::v1::NamespacedName> PoliciesOf(
      const apis::salve::v1alpha1::TargetRef& ref) const;

 private:
  struct Entry {
    std::string backend;
    bool selects = false;
    std::set<apis::salve::v1alpha1::TargetRef> targets;
  };
  mutable Mutex mu_;
  std::map<apis::meta::v1::NamespacedName, Entry> policies_ SALVE_GUARDED_BY(mu_);
  std::map<apis::salve::v1alpha1::TargetRef, std::set<apis::meta::v1::NamespacedName>> by_target_
      SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_TARGET_INDEX_H_
