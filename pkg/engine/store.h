// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_STORE_H_
#define SALVE_PKG_ENGINE_STORE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pkg/base/mutex.h"
#include "pkg/engine/object.h"

namespace salve::engine {

// What happened to one object of the cache. A new object under an old name (another UID) is a
// kDeleted of the old one followed by a kAdded of the new one, never an update (checklist 4).
struct Delta {
  enum class Type { kAdded, kUpdated, kDeleted };
  Type type = Type::kAdded;
  CachedPtr before;  // kUpdated, kDeleted: what readers saw until now
  CachedPtr after;   // kAdded, kUpdated
  // kAdded during the first list: nothing is known to have changed.
  bool initial = false;
  // kDeleted: the deletion itself was not seen, `before` may not be its last state.
  bool final_state_unknown = false;

  const ObjectHeader& header() const { return after != nullptr ? after->header : before->header; }
};

// The local copy of one kind of objects. Thread-safe; readers never wait for a network or a
// handler, and see either all of an old list or all of a new one. Never goes back in time: an
// object is replaced only by a newer version of itself, and a deleted one does not return with an
// old version (checklist 15).
//
// Every change is handed to the handlers, in order, one at a time, by the thread that made it.
// Handlers must be quick and must not change the store; they may read it and already see the
// change.
class Store {
 public:
  using Handler = std::function<void(const Delta&)>;
  using IndexFunction = std::function<std::vector<std::string>(const CachedObject&)>;

  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Before the first change only.
  void AddIndex(const std::string& index, IndexFunction function);
  void AddHandler(Handler handler);

  // nullptr if there is none.
  CachedPtr Get(const NamespacedName& name) const;
  // All, or those of one namespace, in the order of their names.
  std::vector<CachedPtr> List() const;
  std::vector<CachedPtr> List(const std::string& ns) const;
  // Those for which the index function gave `value`, in the order of their names.
  std::vector<CachedPtr> ByIndex(const std::string& index, const std::string& value) const;
  std::size_t size() const;
  // The newest resourceVersion that the cache is known to reflect; "" before the first list.
  std::string version() const;
  // True once a first list and its handler calls are complete.
  bool synced() const;

  // The complete contents as of `version`. `keep` names objects that were in the list but could not
  // be understood: an older entry of that name stays. Entries newer than `version` stay. If
  // `reset_history` is true, the server's history itself went back (a restored backup) and the new
  // contents win over anything newer. Reports how many deltas there were.
  std::size_t Replace(std::vector<CachedPtr> items, const std::set<NamespacedName>& keep,
                      const std::string& version, bool reset_history = false);
  // An ADDED or MODIFIED from a watch. False if it is old news.
  bool Upsert(CachedPtr item);
  // A DELETED from a watch: `header` is that of the event's object. False if it is old news.
  bool Delete(const ObjectHeader& header);
  // A bookmark: nothing changed up to `version`.
  void Advance(const std::string& version);
  // What a write or a direct read answered: taken over only if it is certainly newer than the
  // cache.
  bool Offer(CachedPtr item);

 private:
  using Items = std::map<NamespacedName, CachedPtr>;
  // (value, name) pairs in order, so that one value is one range.
  using Index = std::set<std::pair<std::string, NamespacedName>>;

  void IndexEntry(const CachedObject& entry, bool insert) SALVE_REQUIRES(mu_);
  void Put(const NamespacedName& name, CachedPtr after) SALVE_REQUIRES(mu_);
  void Remove(const NamespacedName& name) SALVE_REQUIRES(mu_);
  // The deltas that lead from `before` to `after` (either may be null).
  static void Diff(const CachedPtr& before, const CachedPtr& after, bool initial,
                   bool final_state_unknown, std::vector<Delta>& out);
  void Dispatch(const std::vector<Delta>& deltas) SALVE_REQUIRES(write_mu_);
  bool Take(CachedPtr item, bool offered);

  // Held from the decision about a change to the end of its handlers: keeps their order.
  Mutex write_mu_;
  std::vector<Handler> handlers_;  // constant after the first change
  std::map<std::string, IndexFunction> index_functions_;

  mutable Mutex mu_;
  Items items_ SALVE_GUARDED_BY(mu_);
  std::map<std::string, Index> indexes_ SALVE_GUARDED_BY(mu_);
  std::string version_ SALVE_GUARDED_BY(mu_);
  bool synced_ SALVE_GUARDED_BY(mu_) = false;
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_STORE_H_
