// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_POLICY_FILES_H_
#define SALVE_PKG_RECONCILERS_POLICY_FILES_H_

#include <memory>
#include <vector>

#include "pkg/reconcilers/healingpolicy_reconciler.h"
#include "pkg/reconcilers/shell.h"

// A policy's triggers with fileChange: what is watched for them, and what is made of what was
// found.
namespace salve::reconcilers {

// Whether the files that the policy names can be watched. Only on policies that name some.
inline constexpr char kPolicyFilesWatched[] = "FilesWatched";

// Has the policy's files watched, as far as the configuration opens them to its namespace.
void WatchFiles(const Shell& shell, const v1::HealingPolicy& policy, const PolicyView& view);

// Brings status.files and status.signals up to what was found, and says why nothing can be.
// `incidents`: the policy's. `status` is the one that is about to be written.
void SettleFiles(const Shell& shell, const v1::HealingPolicy& policy, const PolicyView& view,
                 const std::vector<std::shared_ptr<const v1::Incident>>& incidents,
                 v1::HealingPolicyStatus& status);

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_POLICY_FILES_H_
