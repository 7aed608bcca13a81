// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_STORE_H_
#define SALVE_PKG_APISERVER_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/status.h"

namespace salve::apiserver {

// Where an object is. `resource` is "incidents.salve.dev", of the core group "secrets".
struct ObjectKey {
  std::string resource;
  std::string ns;  // "" for cluster-scoped objects
  std::string name;

  auto operator<=>(const ObjectKey&) const = default;
};

// An object as text with a gap: the store inserts the digits of the new revision at `revision_at`.
struct Body {
  std::string text;
  std::size_t revision_at = 0;
};

enum class EventType { kAdded = 1, kModified = 2, kDeleted = 3 };

// One write. It is carried out only if the object is still as the caller saw it.
struct Mutation {
  ObjectKey key;
  // 0: the object must not exist (kAlreadyExists). Else its present revision (kConflict; kNotFound
  // if it is gone).
  std::int64_t expected_revision = 0;
  bool remove = false;
  // The new state; with `remove` the last state, for those who watch.
  Body body;
  bool deleting = false;  // deletionTimestamp is set
  std::vector<std::string> owner_uids;
  // When Expired() names the object; 0: never. Seconds since 1970.
  std::int64_t expires_at = 0;
  // Must exist and not be deleting: kNotFound with reason "ParentMissing", kPermissionDenied with
  // reason "ParentDeleting". For the namespace of a new object.
  std::optional<ObjectKey> parent;
};

// What a committed mutation did.
struct StoreEvent {
  EventType type = EventType::kAdded;
  ObjectKey key;
  std::int64_t revision = 0;
  std::int64_t previous = 0;  // revision of the state before; 0: there was none
  bool deleting = false;
  bool owners_changed = false;  // has owners, and they are new; or is deleted and had some
  std::shared_ptr<const std::string> text;
};

struct StoredObject {
  std::int64_t revision = 0;
  std::string text;
};

struct ListQuery {
  std::string resource;
  std::string ns;  // "": all namespaces
  // Starts after this key: the pages of a long list.
  std::string after_ns;
  std::string after_name;
  // 0: the present. Else the state as of this revision, which must not be compacted (kExpired).
  std::int64_t at_revision = 0;
};

// A row of a list or of the history. The views live until the visitor returns.
struct RowView {
  EventType type = EventType::kAdded;
  std::string_view ns;
  std::string_view name;
  std::int64_t revision = 0;
  std::int64_t previous = 0;
  std::string_view text;
};
// False ends the visit. Must not call the store.
using RowVisitor = std::function<bool(const RowView&)>;

struct StoreLimits {
  // How far back a watch may resume: the newest this many mutations, if they are not larger in all.
  std::int64_t history_events = 10000;
  std::int64_t history_bytes = 32 << 20;
  // Mutations that may wait for the writer; more are refused with kTooManyRequests.
  std::size_t max_pending = 10000;
  // Pages of 4 KiB; a full database is kUnavailable.
  std::int64_t max_pages = 1 << 20;
};

// Objects of every kind in one SQLite database (WAL) with one revision that counts mutations; past
// states are kept for a while, so that lists can be paged consistently and watches resume. What has
// been acknowledged survives a crash of the process and of the machine (synchronous=FULL).
//
// All mutations go through one writer thread, which commits whatever has gathered as one
// transaction: a hundred concurrent writes cost one fsync. Reads run beside it on their own
// connections and see every acknowledged write. Thread-safe.
class Store {
 public:
  using Done = std::function<void(StatusOr<std::int64_t> revision)>;
  using Listener = std::function<void(const std::vector<StoreEvent>&)>;

  // Opens or makes `data_dir`/salve.db and locks the directory. kAlreadyExists: another process
  // uses it. A file that is not ours, is cut short or comes from a newer Salve is kInvalidArgument
  // and is not touched.
  static StatusOr<std::unique_ptr<Store>> Open(const std::string& data_dir,
                                               const StoreLimits& limits = {});
  static StatusOr<std::unique_ptr<Store>> OpenInMemory(const StoreLimits& limits = {});
  // Finishes what was submitted.
  virtual ~Store() = default;

  // Called on the writer thread after each commit, in the order of revisions. Set once, before the
  // first mutation.
  virtual void SetListener(Listener listener) = 0;
  // `done` runs on the writer thread once the outcome is durable; it must be quick and must not
  // wait for another mutation.
  virtual void Submit(Mutation mutation, Done done) = 0;
  // Submits and waits. Not from the writer thread.
  StatusOr<std::int64_t> Write(Mutation mutation);

  virtual StatusOr<std::optional<StoredObject>> Get(const ObjectKey& key) = 0;
  // Visits objects by namespace and name, as of one revision, which is returned.
  virtual StatusOr<std::int64_t> List(const ListQuery& query, const RowVisitor& visit) = 0;
  virtual StatusOr<std::int64_t> Count(const std::string& resource, const std::string& ns) = 0;
  // Visits the events of a resource with after < revision <= through. kExpired if some of them are
  // compacted.
  virtual Status History(const std::string& resource, std::int64_t after, std::int64_t through,
                         const RowVisitor& visit) = 0;
  // A past state; nullopt if it is compacted.
  virtual StatusOr<std::optional<std::string>> ReadVersion(std::int64_t revision) = 0;

  // Of the newest committed mutation; at least 1.
  virtual std::int64_t revision() const = 0;
  // Watches may resume from this revision and newer ones.
  virtual std::int64_t compacted() const = 0;

  // For garbage collection. At most `limit` keys.
  virtual StatusOr<std::vector<ObjectKey>> OwnedBy(const std::string& uid, std::size_t limit) = 0;
  virtual StatusOr<std::vector<ObjectKey>> Owned(const ObjectKey& after, std::size_t limit) = 0;
  virtual StatusOr<std::vector<ObjectKey>> Deleting(std::size_t limit) = 0;
  virtual StatusOr<std::vector<ObjectKey>> Expired(std::int64_t now, std::size_t limit) = 0;
  // When the next object expires; nullopt if none does.
  virtual StatusOr<std::optional<std::int64_t>> NextExpiry() = 0;

  // One consistent state to a new file, while everything goes on.
  virtual Status Backup(const std::string& path) = 0;
};

// Whether the file is a database of ours that this version can open: kInvalidArgument says why not,
// kNotFound if it does not exist. Reads only the header.
Status CheckDatabaseFile(const std::string& path);

inline constexpr char kDatabaseFile[] = "salve.db";

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_STORE_H_
