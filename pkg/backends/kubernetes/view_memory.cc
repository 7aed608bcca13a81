// SPDX-License-Identifier: Apache-2.0
// What the view remembers because the objects do not tell it any more, and the changes that teach
// it.
#include <algorithm>
#include <utility>

#include "pkg/backends/kubernetes/view.h"

namespace salve::backends::kubernetes {
namespace {

using healing::TargetRef;

constexpr char kByOwner[] = "owner";
// The controllers try again ever more rarely, at last each quarter of an hour.
constexpr std::chrono::minutes kCreateFailureMemory{20};

}  // namespace

std::vector<std::shared_ptr<const Revision>> View::RevisionsOf(const Workload& workload) const {
  const auto& informer = workload.kind == kKindDeployment ? replica_sets_ : controller_revisions_;
  return informer.ByIndex(kByOwner, workload.uid);
}

Snapshot View::SnapshotOf(const Workload& workload) const {
  Snapshot snapshot;
  snapshot.workload = workload;
  snapshot.revisions = RevisionsOf(workload);
  if (workload.kind == kKindDeployment) {
    for (const auto& revision : snapshot.revisions) {
      for (auto& pod : pods_.ByIndex(kByOwner, revision->uid)) {
        snapshot.pods.push_back(std::move(pod));
      }
    }
  } else {
    snapshot.pods = pods_.ByIndex(kByOwner, workload.uid);
  }
  return snapshot;
}

void View::Recall(Snapshot& snapshot) const {
  if (snapshot.workload.kind != kKindDeployment) {
    snapshot.create_failure = CreateFailureOf(snapshot.workload.uid);
  }
  MutexLock lock(mu_);
  for (const auto& pod : snapshot.pods) {
    const auto it = pod_memory_.find(pod->uid);
    if (it != pod_memory_.end()) snapshot.pod_memory.insert(*it);
  }
  for (const auto& revision : snapshot.revisions) {
    if (proven_.contains(revision->uid)) snapshot.proven.insert(revision->uid);
  }
}

std::string View::CreateFailureOf(const std::string& uid) const {
  std::shared_ptr<const CreateFailure> newest;
  // What could not be created before the last pod could, is history.
  std::optional<WallTime> created;
  {
    MutexLock lock(mu_);
    const auto it = last_created_.find(uid);
    if (it != last_created_.end()) created = it->second;
  }
  for (auto& one : create_failures_.ByIndex(kByOwner, uid)) {
    if (!one->at || clock_.Now() - *one->at > kCreateFailureMemory) continue;
    if (created && *one->at <= *created) continue;
    if (newest == nullptr || *one->at > *newest->at) newest = std::move(one);
  }
  return newest == nullptr ? "" : newest->message;
}

void View::Learn(const Snapshot& snapshot) {
  for (const auto& revision : snapshot.revisions) {
    if (!Proves(*revision, snapshot, clock_.Now())) continue;
    // Only of what the caches will say goodbye to.
    const auto& cache =
        snapshot.workload.kind == kKindDeployment ? replica_sets_ : controller_revisions_;
    if (cache.Get({revision->ns, revision->name}) == nullptr) continue;
    MutexLock lock(mu_);
    proven_.insert(revision->uid);
  }
  for (const auto& pod : snapshot.pods) {
    if (ImagePullBacksOff(*pod)) RememberImageFailure(*pod);
  }
}

Seen View::Judge(Snapshot snapshot) {
  Learn(snapshot);
  Recall(snapshot);
  Seen seen;
  seen.verdict = JudgeWorkload(snapshot, clock_.Now());
  seen.snapshot = std::move(snapshot);
  return seen;
}

Seen View::Judge(std::shared_ptr<const Pod> pod) {
  Seen seen;
  if (ImagePullBacksOff(*pod)) RememberImageFailure(*pod);
  {
    MutexLock lock(mu_);
    const auto it = pod_memory_.find(pod->uid);
    if (it != pod_memory_.end()) seen.pod_memory = it->second;
  }
  seen.verdict = JudgeBarePod(pod, seen.pod_memory, clock_.Now());
  seen.pod = std::move(pod);
  return seen;
}

bool View::Knows(const Pod& pod) const {
  const auto cached = pods_.Get({pod.ns, pod.name});
  return cached != nullptr && cached->uid == pod.uid;
}

void View::RememberImageFailure(const Pod& pod) {
  if (!Knows(pod)) return;
  MutexLock lock(mu_);
  pod_memory_[pod.uid].image_failed = true;
}

void View::RememberPodEvent(const Pod& pod, const std::string& text) {
  if (!Knows(pod)) return;
  MutexLock lock(mu_);
  pod_memory_[pod.uid].event = text;
}

std::optional<WallTime> View::Since(const TargetRef& ref, healing::HealthState state) const {
  MutexLock lock(mu_);
  const auto it = memos_.find(ref);
  if (it == memos_.end() || it->second.state != state) return std::nullopt;
  return it->second.since;
}

std::string View::CreationRefusedIn(const std::string& ns) const {
  for (const auto& set : replica_sets_.List(ns)) {
    if (!set->failure.empty() && set->desired > 0) {
      return "ReplicaSet " + set->name + ": " + set->failure;
    }
  }
  return "";
}

void View::Forget(const TargetRef& ref) {
  MutexLock lock(mu_);
  memos_.erase(ref);
}

// Right before a workload changes is the last moment to see that its present revision served.
void View::LearnFrom(const Workload& workload) { Learn(SnapshotOf(workload)); }

// --- changes of the caches

void View::WatchWorkloads(engine::Informer<Workload>& informer, const std::string& kind) {
  informer.AddHandler([this, kind](const engine::Change<Workload>& change) {
    const Workload& object = change.object();
    if (change.type == engine::Delta::Type::kDeleted) {
      Forget({backend_, kind, object.name, object.ns});
      MutexLock lock(mu_);
      last_created_.erase(object.uid);
    } else if (change.before != nullptr && change.generation_before != change.header.generation) {
      LearnFrom(*change.before);
    }
    Tell(kind, object.ns, object.name);
  });
}

void View::WatchRevisions(engine::Informer<Revision>& informer) {
  informer.AddHandler([this](const engine::Change<Revision>& change) {
    const Revision& object = change.object();
    if (change.type == engine::Delta::Type::kDeleted) {
      MutexLock lock(mu_);
      proven_.erase(object.uid);
    }
    TellOwner(object);
  });
}

void View::WatchPods() {
  pods_.AddHandler([this](const engine::Change<Pod>& change) {
    const Pod& pod = change.object();
    if (change.type == engine::Delta::Type::kDeleted) {
      Forget({backend_, kKindPod, pod.name, pod.ns});
      MutexLock lock(mu_);
      pod_memory_.erase(pod.uid);
    } else if (ImagePullBacksOff(pod)) {
      RememberImageFailure(pod);
    }
    if (change.type == engine::Delta::Type::kAdded) RememberCreation(pod);
    TellPod(pod);
  });
}

void View::RememberCreation(const Pod& pod) {
  if (!pod.created || WorkloadResource(pod.owner_kind) == nullptr) return;
  MutexLock lock(mu_);
  WallTime& last = last_created_.try_emplace(pod.owner_uid, *pod.created).first->second;
  last = std::max(last, *pod.created);
}

void View::WatchCreateFailures() {
  create_failures_.AddHandler([this](const engine::Change<CreateFailure>& change) {
    const CreateFailure& failure = change.object();
    if (WorkloadResource(failure.kind) != nullptr) Tell(failure.kind, failure.ns, failure.name);
  });
}

void View::Tell(const std::string& kind, const std::string& ns, const std::string& name) const {
  on_change_({backend_, kind, name, ns});
}

void View::TellOwner(const Revision& revision) const {
  if (revision.owner_uid.empty()) return;
  for (const char* kind : {kKindDeployment, kKindStatefulSet, kKindDaemonSet}) {
    const auto owner = FindWorkload({backend_, kind, revision.owner_name, revision.ns});
    if (owner != nullptr && owner->uid == revision.owner_uid) {
      return Tell(kind, revision.ns, revision.owner_name);
    }
  }
}

void View::TellPod(const Pod& pod) const {
  if (pod.owner_kind == kKindReplicaSet) {
    const auto set = replica_sets_.Get({pod.ns, pod.owner_name});
    if (set != nullptr) TellOwner(*set);
  } else if (WorkloadResource(pod.owner_kind) != nullptr) {
    Tell(pod.owner_kind, pod.ns, pod.owner_name);
  }
  Tell(kKindPod, pod.ns, pod.name);
}

}  // namespace salve::backends::kubernetes
