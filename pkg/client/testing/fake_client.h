// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_TESTING_FAKE_CLIENT_H_
#define SALVE_PKG_CLIENT_TESTING_FAKE_CLIENT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/client/client.h"

namespace salve::client::testing {

// One call that reached the server, in order: what an oracle looks at ("no update without
// version").
struct CallRecord {
  std::string verb;  // get list watch create update patch delete
  ResourceInfo resource;
  NamespacedName name;
  std::string subresource;
  std::string resource_version;  // list, watch: as asked ("-" if absent); update: the object's
  bool uid_precondition = false;
  bool changed = false;  // a write that made a new version
  Code code = Code::kOk;
};

// An API server in memory, behind the Client interface: for unit tests and for the simulation.
// Thread-safe.
//
// It keeps what a controller may rely on: one resourceVersion for everything, a UID per object,
// generation raised by changes outside metadata and status, 409 on a stale version, no new version
// for a write that changes nothing, finalizers, deletions that have a version of their own, lists
// in pages of one snapshot, watches that see every change after their version in order (with label
// and field selectors: objects that leave the selection are DELETED), 410 for versions that were
// compacted away, and 504 for those that do not exist yet. An eviction deletes the pod. It knows
// any kind, without schema or admission. Not there: server-side apply (kUnimplemented), owner
// references.
class FakeClient final : public Client {
 public:
  // `clock` stamps creation times and ends watches; it must outlive the client and its streams.
  explicit FakeClient(Clock& clock);
  ~FakeClient() override;

  StatusOr<Json> Get(const ResourceInfo& resource, const NamespacedName& name) override;
  StatusOr<ObjectList> List(const ResourceInfo& resource, const ListOptions& options) override;
  StatusOr<std::string> PodLogs(const NamespacedName& pod, const PodLogOptions& options) override;
  StatusOr<std::unique_ptr<WatchStream>> Watch(const ResourceInfo& resource,
                                               const WatchOptions& options) override;
  StatusOr<Json> Create(const ResourceInfo& resource, const Json& object,
                        const WriteOptions& options = {}) override;
  StatusOr<Json> Update(const ResourceInfo& resource, const Json& object,
                        const WriteOptions& options = {}) override;
  StatusOr<Json> Patch(const ResourceInfo& resource, const NamespacedName& name, PatchType type,
                       const Json& patch, const WriteOptions& options = {}) override;
  Status Delete(const ResourceInfo& resource, const NamespacedName& name,
                const DeleteOptions& options = {}) override;

  // Kinds of named groups have a status subresource (ordinary writes keep the stored status, status
  // writes change nothing else); those of the core and coordination groups have none. This changes
  // it.
  void SetStatusSubresource(const ResourceInfo& resource, bool has_one);

  // What PodLogs answers for a container, now and of the run before; "" = there was none.
  void SetPodLogs(const NamespacedName& pod, const std::string& container, std::string now,
                  std::string before = "");

  // What happens to it besides calls:

  // Forgets history up to `version` (default: all): older watches and page tokens get 410.
  void Compact(std::optional<std::int64_t> version = std::nullopt);
  // All open watches end: regularly, by a broken connection, or with any error.
  void EndWatches(const Status& status);
  // Every open watch gets a bookmark at the present version.
  void SendBookmarks();
  // Reads that allow it are answered as of `version`, as by a replica that lags behind; nullopt: as
  // of now. Watches do not see beyond it either. With `break_promise`, even reads that ask for a
  // later version are (a bug that real servers had).
  void SetReplicaVersion(std::optional<std::int64_t> version, bool break_promise = false);

  std::int64_t version() const;
  std::int64_t compacted() const;
  // Every object of the kind as stored now, by name.
  std::map<NamespacedName, Json> Objects(const ResourceInfo& resource) const;
  // The same without copies, for oracles that look often. `look` must not call the server.
  void Visit(const ResourceInfo& resource,
             const std::function<void(const NamespacedName&, const Json&)>& look) const;
  std::vector<CallRecord> Calls() const;
  void ClearCalls();
  // Writes that made a new version, since the start.
  std::int64_t writes() const;
  int open_watches() const;

 private:
  class Stream;
  using Key = std::pair<std::string, std::string>;  // group, plural
  using Objects_ = std::map<NamespacedName, Json>;
  // One change of one object. null `before`: created; null `after`: removed.
  struct Change {
    std::int64_t version = 0;
    Key kind;
    NamespacedName name;
    Json before;
    Json after;
  };

  static Key KeyOf(const ResourceInfo& resource) { return {resource.group, resource.plural}; }
  bool HasStatus(const ResourceInfo& resource) const SALVE_REQUIRES(mu_);
  CallRecord& Record(const char* verb, const ResourceInfo& resource, const NamespacedName& name)
      SALVE_REQUIRES(mu_);
  Status FromReplica(const std::optional<std::string>& asked, std::int64_t* as_of) const
      SALVE_REQUIRES(mu_);
  Objects_ StateAt(const Key& kind, std::int64_t version) const SALVE_REQUIRES(mu_);
  Json* Find(const ResourceInfo& resource, const NamespacedName& name) SALVE_REQUIRES(mu_);
  // Makes `after` (null: removal) the state of the object at a new version; returns that version.
  std::int64_t Commit(const ResourceInfo& resource, const NamespacedName& name, Json after)
      SALVE_REQUIRES(mu_);
  StatusOr<Json> Store(const ResourceInfo& resource, const NamespacedName& name, Json wanted,
                       const WriteOptions& options, CallRecord& record) SALVE_REQUIRES(mu_);
  StatusOr<Json> Evict(const ResourceInfo& resource, const Json& eviction);
  std::string NewUid() SALVE_REQUIRES(mu_);

  Clock& clock_;
  mutable Mutex mu_;
  CondVar changed_;
  std::map<Key, Objects_> objects_ SALVE_GUARDED_BY(mu_);
  std::vector<Change> history_ SALVE_GUARDED_BY(mu_);  // after compacted_, in order
  std::map<Key, bool> status_subresource_ SALVE_GUARDED_BY(mu_);
  std::set<Stream*> streams_ SALVE_GUARDED_BY(mu_);
  // {pod, container} → {now, before}
  std::map<std::pair<NamespacedName, std::string>, std::pair<std::string, std::string>> logs_
      SALVE_GUARDED_BY(mu_);
  std::vector<CallRecord> calls_ SALVE_GUARDED_BY(mu_);
  std::int64_t version_ SALVE_GUARDED_BY(mu_) = 1;
  std::int64_t compacted_ SALVE_GUARDED_BY(mu_) = 0;
  std::int64_t next_uid_ SALVE_GUARDED_BY(mu_) = 1;
  std::int64_t next_name_ SALVE_GUARDED_BY(mu_) = 1;
  std::int64_t writes_ SALVE_GUARDED_BY(mu_) = 0;
  std::optional<std::int64_t> replica_ SALVE_GUARDED_BY(mu_);
  bool replica_lies_ SALVE_GUARDED_BY(mu_) = false;
};

}  // namespace salve::client::testing

#endif  // SALVE_PKG_CLIENT_TESTING_FAKE_CLIENT_H_
