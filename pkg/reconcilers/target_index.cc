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
    entry.names.insert(target.name);
    by_target_[{backend, target.name}].insert(policy);
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
  for (const std::string& name : it->second.names) {
    const auto target = by_target_.find({it->second.backend, name});
    if (target == by_target_.end()) continue;
    target->second.erase(policy);
    if (target->second.empty()) by_target_.erase(target);
  }
  policies_.erase(it);
}

std::vector<NamespacedName> TargetIndex::PoliciesOf(const TargetRef& ref) const {
  MutexLock lock(mu_);
  std::vector<NamespacedName> out;
  if (const auto it = by_target_.find({ref.backend, ref.name}); it != by_target_.end()) {
    out.assign(it->second.begin(), it->second.end());
    return out;
  }
  for (const auto& [policy, entry] : policies_) {
    if (entry.backend != ref.backend) continue;
    if (ref.name.empty() || entry.selects) out.push_back(policy);
  }
  return out;
}

}  // namespace salve::reconcilers
