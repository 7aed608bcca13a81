// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_VIEW_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_VIEW_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/backends/kubernetes/objects.h"
#include "pkg/backends/kubernetes/pod_health.h"
#include "pkg/backends/kubernetes/workload_health.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/client/client.h"
#include "pkg/engine/informer.h"
#include "pkg/engine/thread.h"

namespace salve::backends::kubernetes {

// A target as it is, judged. `snapshot` is of workloads, `pod` of pods.
struct Seen {
  std::optional<Snapshot> snapshot;
  std::shared_ptr<const Pod> pod;
  PodMemory pod_memory;
  Verdict verdict;
};

// The local picture of a cluster's workloads: a cache of each kind that keeps itself up to date,
// and what must be remembered because the objects do not tell it any more (which revisions served,
// which pods could not pull their image, since when a target is ill). Thread-safe.
//
// Reports each change of a target to `on_change`, from its threads: whenever an object of it
// changed, when time alone changed what is to be said of it (a pod became ready too late), and with
// an empty name when the view became complete, or unavailable, or available again.
class View {
 public:
  using OnChange = std::function<void(const healing::TargetRef&)>;

  // All references outlive it.
  View(std::string backend, client::Client& client, engine::Environment env, OnChange on_change);
  ~View();  // stops

  Status Start();
  void Stop();  // idempotent

  // OK: every cache is complete and follows the server.
  Status status() const;
  StatusOr<std::vector<healing::TargetRef>> Resolve(
      const apis::salve::v1alpha1::KubernetesTarget& target, const std::string& ns) const;
  // From the caches. kNotFound if they do not have it.
  StatusOr<Seen> Look(const healing::TargetRef& ref);

  // Adds what is remembered to a snapshot that was read from the server, remembers what it tells,
  // and judges it.
  Seen Judge(Snapshot snapshot);
  Seen Judge(std::shared_ptr<const Pod> pod);
  // What the events of a pod said last.
  void RememberPodEvent(const Pod& pod, const std::string& text);
  // The revisions of a workload as the cache has them.
  std::vector<std::shared_ptr<const Revision>> RevisionsOf(const Workload& workload) const;
  // Since when the target is in that state; nullopt: it was so when it was first looked at.
  std::optional<WallTime> Since(const healing::TargetRef& ref, healing::HealthState state) const;
  // A workload or ReplicaSet of the namespace that cannot create pods, and why: "" if there is
  // none.
  std::string CreationRefusedIn(const std::string& ns) const;

  WallTime Now() const { return clock_.Now(); }

  // One step of each cache on the calling thread instead of Start(), and a look at what time has
  // changed. For tests.
  void Step();

 private:
  // What was last seen of a target that somebody looks at.
  struct Memo {
    healing::HealthState state = healing::HealthState::kUnknown;
    std::string fingerprint;
    std::optional<WallTime> since;
    bool unsettled = false;  // time alone may change it
  };

  const engine::Informer<Workload>* WorkloadsOf(const std::string& kind) const;
  std::vector<engine::InformerBase*> Caches();
  std::shared_ptr<const Workload> FindWorkload(const healing::TargetRef& ref) const;
  Snapshot SnapshotOf(const Workload& workload) const;
  void Recall(Snapshot& snapshot) const;
  void Learn(const Snapshot& snapshot);
  void LearnFrom(const Workload& workload);
  void Forget(const healing::TargetRef& ref);
  std::string CreateFailureOf(const std::string& uid) const;
  bool Knows(const Pod& pod) const;
  void RememberImageFailure(const Pod& pod);
  void RememberCreation(const Pod& pod);

  void WatchWorkloads(engine::Informer<Workload>& informer, const std::string& kind);
  void WatchRevisions(engine::Informer<Revision>& informer);
  void WatchPods();
  void WatchCreateFailures();
  void Tell(const std::string& kind, const std::string& ns, const std::string& name) const;
  void TellOwner(const Revision& revision) const;
  void TellPod(const Pod& pod) const;

  void Run();
  void LookAgain();
  void CheckStatus();

  const std::string backend_;
  Clock& clock_;
  const OnChange on_change_;

  engine::Informer<Workload> deployments_;
  engine::Informer<Workload> stateful_sets_;
  engine::Informer<Workload> daemon_sets_;
  engine::Informer<Revision> replica_sets_;
  engine::Informer<Revision> controller_revisions_;
  engine::Informer<Pod> pods_;
  // StatefulSets and DaemonSets have no condition for it: only events tell.
  engine::Informer<CreateFailure> create_failures_;

  engine::Thread thread_;
  std::stop_source stop_;

  mutable Mutex mu_;
  CondVar wake_;
  bool started_ SALVE_GUARDED_BY(mu_) = false;
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  std::string last_status_ SALVE_GUARDED_BY(mu_) = "never asked";
  std::map<healing::TargetRef, Memo> memos_ SALVE_GUARDED_BY(mu_);
  // Each is dropped with its object, so that they are no more than there are objects.
  std::set<std::string> proven_ SALVE_GUARDED_BY(mu_);  // UIDs of revisions
  // When the newest pod of a StatefulSet or DaemonSet was created, by its UID.
  std::map<std::string, WallTime> last_created_ SALVE_GUARDED_BY(mu_);
  std::map<std::string, PodMemory> pod_memory_ SALVE_GUARDED_BY(mu_);  // by pod UID
};

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_VIEW_H_
