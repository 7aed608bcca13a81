// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/gc.h"

#include <algorithm>
#include <utility>

#include "pkg/apiserver/rest_object.h"
#include "pkg/apiserver/watch_event.h"
#include "pkg/base/log.h"

namespace salve::apiserver {
namespace {

// Beyond this many waiting keys the queue is dropped and the store looked through instead.
constexpr std::size_t kMaxQueue = 10000;
constexpr std::size_t kPage = 200;
// Expired objects go in batches: at most one sweep in this time.
constexpr Duration kExpiryPause = std::chrono::minutes(5);
// After an error of the store, not of a precondition.
constexpr Duration kRetryPause = std::chrono::seconds(10);

constexpr char kNamespaces[] = "namespaces";
constexpr char kEvents[] = "events";

bool HasFinalizer(const Json& object, const char* name) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return false;
  const auto list = metadata->find("finalizers");
  return list != metadata->end() && list->is_array() &&
         std::find(list->begin(), list->end(), name) != list->end();
}

Json WithoutFinalizer(Json object, const char* name) {
  Json& list = object["metadata"]["finalizers"];
  list.erase(std::remove(list.begin(), list.end(), name), list.end());
  if (list.empty()) object["metadata"].erase("finalizers");
  return object;
}

std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

GarbageCollector::GarbageCollector(Store& store, const ResourceTable& resources, Clock& clock)
    : store_(store), resources_(resources), clock_(clock) {}

GarbageCollector::~GarbageCollector() { Stop(); }

void GarbageCollector::Start() {
  MutexLock lock(mu_);
  scan_ = true;
  next_expiry_ = clock_.Monotonic();
  thread_ = std::thread([this] { Loop(); });
}

void GarbageCollector::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void GarbageCollector::Observe(const std::vector<StoreEvent>& events) {
  MutexLock lock(mu_);
  for (const StoreEvent& event : events) {
    if (event.type == EventType::kDeleted) {
      const Json object = Json::parse(*event.text, nullptr, /*allow_exceptions=*/false);
      if (const std::string uid = MetaText(object, "uid"); !uid.empty()) {
        Enqueue({event.key, uid});
      }
      if (event.owners_changed) EnqueueOwners(object);
    } else if (event.deleting || event.owners_changed) {
      Enqueue({event.key, ""});
    }
    if (event.key.resource == kEvents && event.type == EventType::kAdded &&
        next_expiry_ == MonoTime::max()) {
      next_expiry_ = clock_.Monotonic() + kExpiryPause;
      wake_.NotifyAll();
    }
  }
  if (!queue_.empty() || scan_) wake_.NotifyAll();
}

void GarbageCollector::Enqueue(Work work) {
  if (queue_.size() >= kMaxQueue) {
    queue_.clear();
    queued_.clear();
    scan_ = true;
    return;
  }
  if (queued_.insert(work).second) queue_.push_back(std::move(work));
}

// An owner in foreground deletion may have waited for just this object.
void GarbageCollector::EnqueueOwners(const Json& object) {
  for (const Json& owner : object["metadata"].value("ownerReferences", Json::array())) {
    const ServedResource* resource =
        resources_.FindKind(Text(owner, "apiVersion"), Text(owner, "kind"));
    if (resource == nullptr) continue;
    const std::string ns = resource->info.namespaced ? MetaText(object, "namespace") : "";
    Enqueue({{ResourceKey(resource->info), ns, Text(owner, "name")}, ""});
  }
}

void GarbageCollector::Loop() {
  for (;;) {
    std::optional<Work> work;
    bool scan = false;
    {
      MutexLock lock(mu_);
      while (!stopping_ && !scan_ && queue_.empty() && clock_.Monotonic() < next_expiry_) {
        clock_.WaitUntil(wake_, mu_, next_expiry_);
      }
      if (stopping_) return;
      scan = std::exchange(scan_, false);
      if (!scan && !queue_.empty()) {
        work = std::move(queue_.front());
        queue_.pop_front();
        queued_.erase(*work);
      }
    }
    if (scan) {
      ScanAll();
    } else if (work) {
      Process(*work);
    } else {
      ExpireObjects();
    }
  }
}

// Everything that may need attention: what is marked as deleted, and what has owners.
void GarbageCollector::ScanAll() {
  std::vector<ObjectKey> found;
  if (const auto deleting = store_.Deleting(kMaxQueue / 2); deleting.ok()) found = *deleting;
  ObjectKey after;
  while (found.size() < kMaxQueue) {
    const auto owned = store_.Owned(after, kPage);
    if (!owned.ok() || owned->empty()) break;
    after = owned->back();
    // Only those whose owner is gone: the others need no place in the queue.
    for (const ObjectKey& key : *owned) {
      const auto loaded = Load(key);
      if (!loaded) continue;
      const Json owners = loaded->object["metadata"].value("ownerReferences", Json::array());
      const bool all_there = std::all_of(owners.begin(), owners.end(), [&](const Json& owner) {
        bool blocking = false;
        return OwnerExists(owner, key.ns, &blocking);
      });
      if (!all_there) found.push_back(key);
    }
  }
  MutexLock lock(mu_);
  for (ObjectKey& key : found) Enqueue({std::move(key), ""});
}

std::optional<GarbageCollector::Loaded> GarbageCollector::Load(const ObjectKey& key) {
  const auto stored = store_.Get(key);
  const ServedResource* resource = resources_.FindKey(key.resource);
  if (!stored.ok() || !*stored || resource == nullptr) return std::nullopt;
  Loaded loaded{Json::parse((*stored)->text, nullptr, /*allow_exceptions=*/false),
                (*stored)->revision, resource};
  if (!loaded.object.is_object()) return std::nullopt;
  return loaded;
}

void GarbageCollector::Process(const Work& work) {
  if (!work.deleted_uid.empty()) {
    ProcessDependents(work.deleted_uid);
    // The last object of a namespace that is being deleted lets it go.
    if (!work.key.ns.empty()) {
      const ObjectKey ns{kNamespaces, "", work.key.ns};
      if (const auto loaded = Load(ns); loaded && IsDeleting(loaded->object)) {
        MutexLock lock(mu_);
        Enqueue({ns, ""});
      }
    }
    return;
  }
  const auto loaded = Load(work.key);
  if (!loaded) return;
  if (IsDeleting(loaded->object)) {
    if (work.key.resource == kNamespaces) {
      ProcessNamespace(work.key, loaded->object, loaded->revision, *loaded->resource);
    } else {
      ProcessDeleting(work.key, loaded->object, loaded->revision, *loaded->resource);
    }
  } else {
    ProcessOwned(work.key, loaded->object, loaded->revision, *loaded->resource);
  }
}

// The owner with this uid is gone: whoever named it is looked at.
void GarbageCollector::ProcessDependents(const std::string& uid) {
  const auto keys = store_.OwnedBy(uid, kMaxQueue / 2);
  if (!keys.ok()) return;
  MutexLock lock(mu_);
  for (const ObjectKey& key : *keys) Enqueue({key, ""});
}

bool GarbageCollector::OwnerExists(const Json& reference, const std::string& ns,
                                   bool* waits_for_us) {
  *waits_for_us = false;
  const ServedResource* resource =
      resources_.FindKind(Text(reference, "apiVersion"), Text(reference, "kind"));
  // A kind that is not served here cannot be judged: leave its dependents alone.
  if (resource == nullptr) return true;
  const ObjectKey key{ResourceKey(resource->info), resource->info.namespaced ? ns : "",
                      Text(reference, "name")};
  const auto stored = store_.Get(key);
  if (!stored.ok()) return true;
  if (!*stored) return false;
  const Json owner = Json::parse((*stored)->text, nullptr, /*allow_exceptions=*/false);
  if (MetaText(owner, "uid") != Text(reference, "uid")) return false;
  *waits_for_us = IsDeleting(owner) && HasFinalizer(owner, kForegroundFinalizer);
  return true;
}

void GarbageCollector::ProcessOwned(const ObjectKey& key, const Json& object, std::int64_t revision,
                                    const ServedResource& resource) {
  const Json owners = object["metadata"].value("ownerReferences", Json::array());
  if (!owners.is_array() || owners.empty()) return;
  // An owner in foreground deletion counts as gone: it waits for this object.
  Json kept = Json::array();
  for (const Json& owner : owners) {
    bool waits = false;
    if (OwnerExists(owner, key.ns, &waits) && !waits) kept.push_back(owner);
  }
  if (kept.size() == owners.size()) return;
  if (kept.empty()) return Delete(key);
  Json changed = object;
  changed["metadata"]["ownerReferences"] = std::move(kept);
  Put(key, changed, revision, resource, /*remove=*/false);
}

// Deletes or orphans the dependents of an owner; true when none is left that the owner waits for.
bool GarbageCollector::ReleaseDependents(const std::string& uid, bool orphan) {
  const auto keys = store_.OwnedBy(uid, kMaxQueue / 2);
  if (!keys.ok()) return false;
  bool none_left = true;
  for (const ObjectKey& key : *keys) {
    const auto loaded = Load(key);
    if (!loaded) continue;
    Json owners = loaded->object["metadata"].value("ownerReferences", Json::array());
    const auto mine = std::find_if(owners.begin(), owners.end(),
                                   [&uid](const Json& owner) { return Text(owner, "uid") == uid; });
    if (mine == owners.end()) continue;
    if (orphan) {
      owners.erase(mine);
      Json changed = loaded->object;
      changed["metadata"]["ownerReferences"] = std::move(owners);
      if (changed["metadata"]["ownerReferences"].empty()) {
        changed["metadata"].erase("ownerReferences");
      }
      Put(key, changed, loaded->revision, *loaded->resource, /*remove=*/false);
      continue;
    }
    none_left &= !mine->value("blockOwnerDeletion", false);
    if (!IsDeleting(loaded->object)) {
      ProcessOwned(key, loaded->object, loaded->revision, *loaded->resource);
    }
  }
  if (!orphan) return none_left;
  const auto left = store_.OwnedBy(uid, 1);
  return left.ok() && left->empty();
}

void GarbageCollector::ProcessDeleting(const ObjectKey& key, const Json& object,
                                       std::int64_t revision, const ServedResource& resource) {
  const std::string uid = MetaText(object, "uid");
  for (const char* finalizer : {kOrphanFinalizer, kForegroundFinalizer}) {
    if (!HasFinalizer(object, finalizer)) continue;
    const bool orphan = std::string_view(finalizer) == kOrphanFinalizer;
    if (!ReleaseDependents(uid, orphan)) {
      // Orphaning ran into somebody else's change: once more. In the foreground the end of the last
      // dependent brings us back.
      if (orphan) {
        MutexLock lock(mu_);
        Enqueue({key, ""});
      }
      return;
    }
    const Json released = WithoutFinalizer(object, finalizer);
    return Put(key, released, revision, resource, ReadyToRemove(released, resource));
  }
  // A dependent that waits for nothing but its own finalizers: nothing to do.
}

void GarbageCollector::ProcessNamespace(const ObjectKey& key, const Json& object,
                                        std::int64_t revision, const ServedResource& resource) {
  bool empty = true;
  for (const ServedResource& inside : resources_.all()) {
    if (!inside.info.namespaced || !inside.HasVerb("delete")) continue;
    std::vector<ObjectKey> keys;
    ListQuery query;
    query.resource = ResourceKey(inside.info);
    query.ns = key.name;
    const auto listed = store_.List(query, [&](const RowView& row) {
      keys.push_back({query.resource, std::string(row.ns), std::string(row.name)});
      return true;
    });
    if (!listed.ok()) return;
    for (const ObjectKey& object_key : keys) {
      Delete(object_key);
      const auto left = store_.Get(object_key);
      empty &= left.ok() && !*left;
    }
  }
  // What is left waits for its finalizers; when it goes, Observe brings us back.
  if (!empty) return;
  Json released = object;
  released["spec"]["finalizers"] = Json::array();
  Put(key, released, revision, resource, ReadyToRemove(released, resource));
}

void GarbageCollector::Delete(const ObjectKey& key) {
  const auto loaded = Load(key);
  if (!loaded) return;
  const DeletePlan plan =
      IsDeleting(loaded->object)
          ? DeletePlan{}
          : PlanDelete(loaded->object, *loaded->resource, Propagation::kBackground, clock_.Now());
  if (!plan.changed) return;
  Put(key, plan.object, loaded->revision, *loaded->resource, plan.remove);
}

void GarbageCollector::Put(const ObjectKey& key, const Json& object, std::int64_t revision,
                           const ServedResource& resource, bool remove) {
  const auto written =
      store_.Write(MakeMutation(object, resource, revision, remove, /*expires_at=*/0));
  if (written.ok() || written.code() == Code::kNotFound) return;
  if (written.code() == Code::kConflict) {
    MutexLock lock(mu_);
    return Enqueue({key, ""});
  }
  Log(Severity::kError, "garbage collection could not write, it tries again later",
      {{"object", key.resource + "/" + key.ns + "/" + key.name},
       {"error", written.status().message()}});
  // The sweep of expired objects comes back then, and the scan with it.
  MutexLock lock(mu_);
  next_expiry_ = std::min(next_expiry_, clock_.Monotonic() + kRetryPause);
  rescan_ = true;
}

void GarbageCollector::ExpireObjects() {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(clock_.Now().time_since_epoch()).count();
  for (;;) {
    const auto keys = store_.Expired(now, kPage);
    if (!keys.ok() || keys->empty()) break;
    bool progress = false;
    for (const ObjectKey& key : *keys) {
      Delete(key);
      const auto left = store_.Get(key);
      progress |= left.ok() && !*left;
    }
    // Held by finalizers or by an error: the next sweep sees it again.
    if (!progress) break;
  }
  const auto next = store_.NextExpiry();
  MutexLock lock(mu_);
  scan_ |= std::exchange(rescan_, false);
  if (next.ok() && !*next) {
    next_expiry_ = MonoTime::max();
    return;
  }
  const Duration until =
      next.ok() ? std::chrono::seconds(std::max<std::int64_t>(**next - now, 0)) : kRetryPause;
  next_expiry_ = clock_.Monotonic() + std::max(until, kExpiryPause);
}

}  // namespace salve::apiserver
