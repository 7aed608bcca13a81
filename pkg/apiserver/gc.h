// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_GC_H_
#define SALVE_PKG_APISERVER_GC_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pkg/apiserver/rest_route.h"
#include "pkg/apiserver/status_body.h"
#include "pkg/apiserver/store.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"

namespace salve::apiserver {

// Removes what nobody holds any more, in the background:
// - objects whose owners are all gone (and owners that wait for their dependents, or want them
// orphaned);
// - what is in a namespace that is being deleted, and then the namespace;
// - objects whose time is over (Events).
// Everything is found again after a restart. Thread-safe; one thread, which sleeps while there is
// nothing to do.
class GarbageCollector {
 public:
  // All must outlive the collector.
  GarbageCollector(Store& store, const ResourceTable& resources, Clock& clock);
  ~GarbageCollector();  // Stop()

  // Looks through the whole store once, then follows Observe.
  void Start();
  // The store's listener calls it.
  void Observe(const std::vector<StoreEvent>& events);
  void Stop();

 private:
  struct Work {
    ObjectKey key;
    std::string deleted_uid;  // set: the object is gone, its dependents are to be looked at
    auto operator<=>(const Work&) const = default;
  };

  void Loop();
  void Enqueue(Work work) SALVE_REQUIRES(mu_);
  void EnqueueOwners(const Json& object) SALVE_REQUIRES(mu_);
  void ScanAll();
  void Process(const Work& work);
  void ProcessDependents(const std::string& uid);
  void ProcessOwned(const ObjectKey& key, const Json& object, std::int64_t revision,
                    const ServedResource& resource);
  void ProcessDeleting(const ObjectKey& key, const Json& object, std::int64_t revision,
                       const ServedResource& resource);
  void ProcessNamespace(const ObjectKey& key, const Json& object, std::int64_t revision,
                        const ServedResource& resource);
  bool ReleaseDependents(const std::string& uid, bool orphan);
  void ExpireObjects();

  struct Loaded {
    Json object;
    std::int64_t revision = 0;
    const ServedResource* resource = nullptr;
  };
  std::optional<Loaded> Load(const ObjectKey& key);
  // `waits_for_us`: the owner is in foreground deletion.
  bool OwnerExists(const Json& reference, const std::string& ns, bool* waits_for_us);
  void Delete(const ObjectKey& key);
  // Stores or removes; a conflict puts the key back into the queue.
  void Put(const ObjectKey& key, const Json& object, std::int64_t revision,
           const ServedResource& resource, bool remove);

  Store& store_;
  const ResourceTable& resources_;
  Clock& clock_;

  Mutex mu_;
  CondVar wake_;
  std::deque<Work> queue_ SALVE_GUARDED_BY(mu_);
  std::set<Work> queued_ SALVE_GUARDED_BY(mu_);
  bool scan_ SALVE_GUARDED_BY(mu_) = false;
  bool rescan_ SALVE_GUARDED_BY(mu_) = false;  // look through the store at the next sweep
  MonoTime next_expiry_ SALVE_GUARDED_BY(mu_) = MonoTime::max();
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_GC_H_
