// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/policy_files.h"

#include <algorithm>
#include <string>
#include <utility>

#include "pkg/apis/config/v1alpha1/namespaces.h"
#include "pkg/base/time_format.h"
#include "pkg/files/watch.h"
#include "pkg/healing/files.h"
#include "pkg/healing/machine.h"

namespace salve::reconcilers {
namespace {

using apis::meta::v1::Condition;

std::size_t CountPaths(const v1::HealingPolicySpec& spec) {
  std::size_t paths = 0;
  for (const v1::PolicyTrigger& trigger : spec.triggers) {
    if (trigger.file_change) paths += trigger.file_change->paths.size();
  }
  return paths;
}

// OK if the configuration opens files to policies of `ns`.
Status FilesOpen(const Shell& shell, const std::string& ns) {
  if (shell.files == nullptr || shell.settings.file_roots.empty()) {
    return NotFoundError(
               "spec.triggers[].fileChange: no directory is open to be watched; an administrator "
               "can add it to files.roots of the controller's configuration")
        .WithReason("FilesNotConfigured");
  }
  if (apis::config::v1alpha1::OpensTo(shell.settings.file_namespaces, ns)) return Status::Ok();
  return PermissionDeniedError("spec.triggers[].fileChange: files are not open to namespace \"" +
                               ns +
                               "\"; an administrator can add it to files.allowedNamespaces of the "
                               "controller's configuration")
      .WithReason("FilesNotAllowed");
}

std::vector<std::string> AwakeTargets(const PolicyView& view) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < view.targets.size(); ++i) {
    if (view.asleep[i].empty()) names.push_back(view.targets[i].name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::map<std::string, WallTime> LastHealed(
    const std::vector<std::shared_ptr<const v1::Incident>>& incidents) {
  std::map<std::string, WallTime> healed;
  for (const auto& incident : incidents) {
    const std::string& outcome = incident->status.outcome;
    if (outcome != healing::kAutoHealed && outcome != healing::kHealedAfterApproval) continue;
    const auto at = ParseTime(incident->status.resolved_at);
    if (!at) continue;
    WallTime& last = healed[incident->spec.target.name];
    last = std::max(last, *at);
  }
  return healed;
}

Condition FilesWatched(const Status& open, const v1::HealingPolicySpec& spec,
                       const v1::HealingPolicyStatus& status, std::size_t targets) {
  Condition condition;
  condition.type = kPolicyFilesWatched;
  condition.status = "False";
  if (!open.ok()) {
    condition.reason = open.reason();
    condition.message = open.message();
    return condition;
  }
  for (const v1::FileStatus& entry : status.files) {
    if (entry.message.empty()) continue;
    condition.reason = "FilesNotReadable";
    condition.message = "trigger " + entry.trigger + ": " + entry.message;
    return condition;
  }
  const std::size_t paths = CountPaths(spec);
  if (paths * targets > healing::kMaxFilePaths) {
    condition.reason = "TooManyFiles";
    condition.message = std::to_string(paths) + " paths for each of " + std::to_string(targets) +
                        " targets are more than the " + std::to_string(healing::kMaxFilePaths) +
                        " that are kept for one policy: what comes last by name is not watched";
    return condition;
  }
  condition.status = "True";
  condition.reason = "Watching";
  condition.message = std::to_string(paths) + (paths == 1 ? " path is" : " paths are") + " watched";
  return condition;
}

}  // namespace

void WatchFiles(const Shell& shell, const v1::HealingPolicy& policy, const PolicyView& view) {
  if (shell.files == nullptr) return;
  const NamespacedName key{policy.metadata.ns, policy.metadata.name};
  std::vector<files::Watched> wanted;
  if (view.target_found.reason() != "InvalidSpec" && FilesOpen(shell, key.ns).ok()) {
    for (const v1::PolicyTrigger& trigger : policy.spec.triggers) {
      if (!trigger.file_change) continue;
      wanted.push_back({trigger.name, trigger.file_change->paths,
                        std::chrono::seconds(trigger.file_change->debounce_seconds)});
    }
  }
  shell.files->Set(key, std::move(wanted));
}

void SettleFiles(const Shell& shell, const v1::HealingPolicy& policy, const PolicyView& view,
                 const std::vector<std::shared_ptr<const v1::Incident>>& incidents,
                 v1::HealingPolicyStatus& status) {
  if (CountPaths(policy.spec) == 0) {
    status.files.clear();
    std::erase_if(status.conditions,
                  [](const Condition& c) { return c.type == kPolicyFilesWatched; });
    return;
  }
  const Status open = FilesOpen(shell, policy.metadata.ns);
  // Who cannot see the targets does not know what they run with.
  if (view.target_found.ok()) {
    healing::FileFacts facts{policy.spec,    AwakeTargets(view),    {},
                             status.actions, LastHealed(incidents), shell.clock.Now()};
    if (open.ok()) {
      for (auto& [trigger, seen] : shell.files->Seen({policy.metadata.ns, policy.metadata.name})) {
        healing::FileSight& sight = facts.sights[trigger];
        sight = std::move(seen.sight);
        sight.since = shell.steady.At(seen.since);
      }
    }
    healing::SettleFiles(facts, status.files, status.signals);
  }
  Condition condition = FilesWatched(open, policy.spec, status, AwakeTargets(view).size());
  condition.observed_generation = policy.metadata.generation;
  apis::meta::v1::SetCondition(status.conditions, std::move(condition),
                               FormatTime(shell.clock.Now()));
}

}  // namespace salve::reconcilers
