// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/target_index.h"

namespace salve::reconcilers {

using apis::meta::v1::NamespacedName;
using apis::salve::v1alpha1::TargetRef;

void TargetIndex::Set(const NamespacedName& policy, const std::string& backend, bool selects,
                      const std::vector<TargetRef>& targets) {
  Forget(policy);
  MutexLock lock(mu_);
  Entry& entry = policies_[policy];
  entry.backend = backend;
  entry.selects = selects;
  for (const TargetRef& target : targets) {
    entry.targets.insert(target);
    by_target_[target].insert(policy);
  }
}

void TargetIndex::Register(const NamespacedName& policy, const std::string& backend, bool selects) {
  MutexLock lock(mu_);
  policies_.try_emplace(policy, Entry{backend, selects, {}});
}

void TargetIndex::Forget(const NamespacedName& policy) {
  MutexLock lock(mu_);
  const auto it = policies_.find(policy);
  if (it == policies_.end()) return;
  for (const TargetRef& ref : it->second.targets) {
    const auto target = by_target_.find(ref);
    if (target == by_target_.end()) continue;
    target->second.erase(policy);
    if (target->second.empty()) by_target_.erase(target);
  }
  policies_.erase(it);
}

std::vector<NamespacedName> TargetIndex::PoliciesOf(const TargetRef& ref) const {
  MutexLock lock(mu_);
  std::vector<NamespacedName> out;
  if (const auto it = by_target_.find(ref); it != by_target_.end()) {
    out.assign(it->second.begin(), it->second.end());
    return out;
  }
  for (const auto& [policy, entry] : policies_) {
    if (entry.backend != ref.backend || (!ref.ns.empty() && ref.ns != policy.ns)) continue;
    // One that has found nothing yet may be waiting for just this.
    if (ref.name.empty() || entry.selects || entry.targets.empty()) out.push_back(policy);
  }
  return out;
}

}  // namespace salve::reconcilers
