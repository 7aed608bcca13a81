// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/workload_health.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace salve::backends::kubernetes {
namespace {

using healing::HealthState;
using std::chrono::seconds;

// A release that ends at once can look ready for a moment: what counts is what lasts.
constexpr seconds kServing{10};
constexpr seconds kProven{30};
constexpr std::int64_t kUsualDeadline = 600;
constexpr std::int64_t kNoDeadline = 1ll << 30;

using RevisionPtr = std::shared_ptr<const Revision>;

bool MadeFrom(const Pod& pod, const Revision& revision) {
  return pod.owner_uid == revision.uid || (!revision.hash.empty() && pod.hash == revision.hash);
}

RevisionPtr NewestOf(const Snapshot& s) {
  RevisionPtr newest;
  for (const RevisionPtr& one : s.revisions) {
    // The Deployment itself says which one it is; the others count upwards.
    if (s.workload.revision > 0 && one->number == s.workload.revision) return one;
    if (newest == nullptr || one->number > newest->number) newest = one;
  }
  return newest;
}

bool DeadlineExceeded(const Workload& w) {
  const Condition* progressing = w.Find("Progressing");
  return progressing != nullptr && !progressing->is_true &&
         progressing->reason == "ProgressDeadlineExceeded";
}

// Since when Kubernetes calls the newest revision complete; nullopt: it does not.
std::optional<WallTime> CompleteSince(const Workload& w) {
  const Condition* progressing = w.Find("Progressing");
  if (progressing == nullptr || !progressing->is_true ||
      progressing->reason != "NewReplicaSetAvailable" || w.observed_generation < w.generation) {
    return std::nullopt;
  }
  return progressing->updated;
}

// Pods on an old template are still to be replaced, or new ones to become available. A pod that was
// lost is neither.
bool Rolling(const Workload& w) {
  if (w.on_delete) return false;
  if (w.kind != kKindDeployment) return w.updated < w.replicas - w.partition;
  if (w.replicas > w.updated) return true;
  const Condition* progressing = w.Find("Progressing");
  if (progressing == nullptr) return w.updated < w.desired;
  return w.available < w.desired && progressing->is_true &&
         progressing->reason != "NewReplicaSetAvailable";
}

bool EnoughAvailable(const Workload& w) {
  if (w.available >= w.desired) return true;
  if (const Condition* available = w.Find("Available")) return available->is_true;
  return w.available > 0 && w.available >= w.desired - MaxUnavailable(w);
}

Duration StartPatience(const Workload& w, const Pod& pod) {
  const std::int64_t deadline =
      w.progress_deadline >= kNoDeadline ? kUsualDeadline : w.progress_deadline;
  return seconds(std::max(deadline, pod.start_budget));
}

bool RanLong(const Pod& pod) {
  return std::any_of(pod.containers.begin(), pod.containers.end(), [](const Container& c) {
    return !c.init && LastRun(c).value_or(Duration::zero()) >= kProven;
  });
}

// Whether the newest revision has served as it should before its pods fell ill.
bool NewestServed(const Snapshot& s, const Verdict& v, WallTime now) {
  if (s.proven.contains(v.newest->uid)) return true;
  const Workload& w = s.workload;
  const std::optional<WallTime> complete = CompleteSince(w);
  if (w.kind == kKindDeployment ? !complete : Rolling(w)) return false;
  // It was called complete, perhaps for the moment before a crash. What tells: others of it serve,
  // the ill ones came long after, or ran for long.
  const bool others = std::any_of(s.pods.begin(), s.pods.end(), [&](const auto& pod) {
    return MadeFrom(*pod, *v.newest) && ServesSince(*pod, kProven, now);
  });
  if (others) return true;
  return std::all_of(v.ill.begin(), v.ill.end(), [&](const IllPod& one) {
    const bool later = complete && one.pod->created && *one.pod->created - *complete >= kProven;
    return later || RanLong(*one.pod);
  });
}

std::string OldFailure(const Snapshot& s, const RevisionPtr& newest) {
  for (const RevisionPtr& one : s.revisions) {
    if (one != newest && !one->failure.empty() && one->desired > 0) return one->failure;
  }
  return "";
}

void FindIll(const Snapshot& s, bool overdue, WallTime now, Verdict& v) {
  for (const auto& pod : s.pods) {
    const auto memory = s.pod_memory.find(pod->uid);
    const bool late = overdue && v.newest != nullptr && MadeFrom(*pod, *v.newest);
    auto ill = JudgePod(*pod, memory == s.pod_memory.end() ? PodMemory{} : memory->second,
                        late ? Duration::zero() : StartPatience(s.workload, *pod), now);
    if (ill) v.ill.push_back({pod, std::move(*ill)});
  }
  std::stable_sort(v.ill.begin(), v.ill.end(), [](const IllPod& a, const IllPod& b) {
    if (a.illness.severity != b.illness.severity) return a.illness.severity > b.illness.severity;
    return a.pod->name < b.pod->name;
  });
}

void FindGood(const Snapshot& s, WallTime now, Verdict& v) {
  for (const RevisionPtr& one : s.revisions) {
    if (one == v.newest) continue;
    const bool serves = std::any_of(s.pods.begin(), s.pods.end(), [&](const auto& pod) {
      return MadeFrom(*pod, *one) && ServesSince(*pod, kServing, now);
    });
    if (serves || s.proven.contains(one->uid)) v.good.push_back(one);
  }
  std::sort(v.good.begin(), v.good.end(),
            [](const RevisionPtr& a, const RevisionPtr& b) { return a->number > b->number; });
}

void Add(Verdict& v, const char* condition) {
  if (!v.Has(condition)) v.conditions.emplace_back(condition);
}

void AddIllnesses(Verdict& v) {
  for (const IllPod& one : v.ill) {
    Add(v, one.illness.condition);
    if (one.illness.oom_killed) Add(v, healing::kConditionOOMKilled);
  }
}

void AddOwners(const Workload& w, Verdict& v) {
  if (w.paused) Add(v, healing::kConditionPaused);
  if (w.autoscaled) Add(v, healing::kConditionAutoscaled);
  if (!w.source_of_truth.empty()) Add(v, healing::kConditionGitOps);
  if (w.deleting) Add(v, healing::kConditionDeleting);
}

std::string Counted(const Workload& w) {
  return std::to_string(w.available) + " of " + std::to_string(w.desired) + " replicas available";
}

void DescribeIll(const Snapshot& s, Verdict& v) {
  v.message = Counted(s.workload);
  if (!v.create_failure.empty()) v.message += "; new pods are refused: " + v.create_failure;
  if (!v.ill.empty()) {
    const IllPod& worst = v.ill.front();
    v.message += "; pod " + worst.pod->name;
    if (!worst.illness.container.empty() && worst.pod->containers.size() > 1) {
      v.message += " container " + worst.illness.container;
    }
    v.message += " " + worst.illness.what;
    if (v.ill.size() > 1) v.message += " (and " + std::to_string(v.ill.size() - 1) + " more pods)";
  }
  const Condition* progressing = s.workload.Find("Progressing");
  if (v.ill.empty() && v.create_failure.empty() && progressing != nullptr) {
    v.message += "; " + progressing->message;
  }
  if (v.newest != nullptr) v.message += " (revision " + std::to_string(v.newest->number) + ")";
}

// Nothing is wrong, but not everything is there yet.
void DescribeComing(const Workload& w, const char* condition, const std::string& how, Verdict& v) {
  Add(v, condition);
  v.state = EnoughAvailable(w) ? HealthState::kHealthy : HealthState::kUnknown;
  v.message = Counted(w) + "; " + how;
}

void Conclude(const Snapshot& s, bool overdue, WallTime now, Verdict& v) {
  const Workload& w = s.workload;
  if (w.deleting) {
    v.state = HealthState::kUnknown;
    v.message = "it is being deleted";
  } else if (w.desired == 0) {
    v.state = HealthState::kHealthy;
    if (w.kind != kKindDaemonSet) Add(v, healing::kConditionScaledToZero);
    v.message = w.kind == kKindDaemonSet ? "no node is to run it" : "scaled to zero";
  } else if (v.rollout_in_progress) {
    DescribeComing(w, healing::kConditionRolloutInProgress,
                   "a rollout is under way: " + std::to_string(w.updated) + " of " +
                       std::to_string(w.desired) + " updated",
                   v);
  } else if (!v.ill.empty() || !v.create_failure.empty() || overdue) {
    v.state = HealthState::kUnhealthy;
    AddIllnesses(v);
    if (!v.create_failure.empty()) Add(v, healing::kConditionCreateForbidden);
    if (w.available == 0 && w.desired > 1) Add(v, healing::kConditionNoneAvailable);
    const bool only_newest = v.newest != nullptr && OldFailure(s, v.newest).empty() &&
                             std::all_of(v.ill.begin(), v.ill.end(), [&](const IllPod& one) {
                               return MadeFrom(*one.pod, *v.newest);
                             });
    if (only_newest && !NewestServed(s, v, now)) Add(v, healing::kConditionSinceRelease);
    if (!v.good.empty()) Add(v, healing::kConditionGoodRevision);
    DescribeIll(s, v);
  } else if (w.available < w.desired) {
    DescribeComing(w, healing::kConditionStarting, "the others are starting", v);
  } else {
    v.state = HealthState::kHealthy;
    v.message = Counted(w);
  }
}

}  // namespace

bool Verdict::Has(const char* condition) const {
  return std::find(conditions.begin(), conditions.end(), condition) != conditions.end();
}

std::int64_t MaxUnavailable(const Workload& w) {
  if (w.recreate) return w.desired;
  std::string text = w.max_unavailable;
  if (text.empty()) text = w.kind == kKindDeployment ? "25%" : "1";
  std::int64_t number = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.back() == '%') {
    // Kubernetes rounds down for Deployments, up for the others.
    const std::int64_t up = w.kind == kKindDeployment ? 0 : 99;
    number = (w.desired * std::clamp<std::int64_t>(number, 0, 100) + up) / 100;
  }
  return std::clamp<std::int64_t>(number, 0, w.desired);
}

bool Proves(const Revision& revision, const Snapshot& s, WallTime now) {
  const auto serving = std::count_if(s.pods.begin(), s.pods.end(), [&](const auto& pod) {
    return MadeFrom(*pod, revision) && ServesSince(*pod, kProven, now);
  });
  return serving >=
         std::max<std::int64_t>(1, revision.full > 0 ? revision.full : s.workload.desired);
}

Verdict JudgeWorkload(const Snapshot& s, WallTime now) {
  const Workload& w = s.workload;
  Verdict v;
  const bool seen = w.observed_generation >= w.generation;
  const bool overdue = seen && !w.paused && DeadlineExceeded(w);
  v.newest = NewestOf(s);
  FindIll(s, overdue, now, v);
  FindGood(s, now, v);
  v.create_failure = v.newest != nullptr ? v.newest->failure : "";
  if (v.create_failure.empty()) v.create_failure = OldFailure(s, v.newest);
  if (v.create_failure.empty() && w.available < w.desired) v.create_failure = s.create_failure;
  const bool newest_fails = overdue || (v.newest != nullptr && !v.newest->failure.empty()) ||
                            (w.kind != kKindDeployment && !v.create_failure.empty()) ||
                            std::any_of(v.ill.begin(), v.ill.end(), [&](const IllPod& one) {
                              return v.newest == nullptr || MadeFrom(*one.pod, *v.newest);
                            });
  // A StatefulSet waits for its pods one by one, also for an old one that never gets well.
  const bool stuck = w.kind == kKindStatefulSet && !v.ill.empty();
  v.rollout_in_progress = !w.paused && (!seen || (Rolling(w) && !newest_fails && !stuck));
  AddOwners(w, v);
  Conclude(s, overdue, now, v);
  return v;
}

Verdict JudgeBarePod(const std::shared_ptr<const Pod>& pod, const PodMemory& memory, WallTime now) {
  Verdict v;
  if (pod->deleted) Add(v, healing::kConditionDeleting);
  auto ill = JudgePod(*pod, memory, seconds(std::max(kUsualDeadline, pod->start_budget)), now);
  if (ill) {
    v.state = HealthState::kUnhealthy;
    v.message = ill->what;
    v.ill.push_back({pod, std::move(*ill)});
    AddIllnesses(v);
  } else if (pod->phase == "Failed") {
    v.state = HealthState::kUnhealthy;
    Add(v, healing::kConditionExited);
    v.message = "failed: " + (pod->reason.empty() ? "a container ended" : pod->reason) +
                (pod->message.empty() ? "" : ": " + pod->message);
    Illness ended;
    ended.condition = healing::kConditionExited;
    for (const Container& c : pod->containers) {
      if (c.state == Container::State::kTerminated && c.exit_code != 0) {
        ended.exit_code = c.exit_code;
      }
    }
    v.ill.push_back({pod, std::move(ended)});
  } else if (pod->phase == "Succeeded") {
    v.state = HealthState::kHealthy;
    v.message = "completed";
  } else if (pod->deleted) {
    v.message = "it is being deleted";
  } else if (pod->ready) {
    v.state = HealthState::kHealthy;
    v.message = "ready";
  } else {
    Add(v, healing::kConditionStarting);
    v.message = "starting";
  }
  return v;
}

}  // namespace salve::backends::kubernetes
