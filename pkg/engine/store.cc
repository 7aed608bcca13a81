// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/store.h"

#include <utility>

namespace salve::engine {
namespace {

// The newer of two versions; the second where their order is unknown.
const std::string& Newer(const std::string& known, const std::string& seen) {
  return Older(seen, known) ? known : seen;
}

}  // namespace

void Store::AddIndex(const std::string& index, IndexFunction function) {
  index_functions_[index] = std::move(function);
}

void Store::AddHandler(Handler handler) { handlers_.push_back(std::move(handler)); }

CachedPtr Store::Get(const NamespacedName& name) const {
  MutexLock lock(mu_);
  const auto it = items_.find(name);
  return it == items_.end() ? nullptr : it->second;
}

std::vector<CachedPtr> Store::List() const {
  MutexLock lock(mu_);
  std::vector<CachedPtr> all;
  all.reserve(items_.size());
  for (const auto& [name, entry] : items_) all.push_back(entry);
  return all;
}

std::vector<CachedPtr> Store::List(const std::string& ns) const {
  MutexLock lock(mu_);
  std::vector<CachedPtr> found;
  for (auto it = items_.lower_bound({ns, ""}); it != items_.end() && it->first.ns == ns; ++it) {
    found.push_back(it->second);
  }
  return found;
}

std::vector<CachedPtr> Store::ByIndex(const std::string& index, const std::string& value) const {
  MutexLock lock(mu_);
  std::vector<CachedPtr> found;
  const auto entries = indexes_.find(index);
  if (entries == indexes_.end()) return found;
  for (auto it = entries->second.lower_bound({value, NamespacedName{}});
       it != entries->second.end() && it->first == value; ++it) {
    found.push_back(items_.at(it->second));
  }
  return found;
}

std::size_t Store::size() const {
  MutexLock lock(mu_);
  return items_.size();
}

std::string Store::version() const {
  MutexLock lock(mu_);
  return version_;
}

bool Store::synced() const {
  MutexLock lock(mu_);
  return synced_;
}

void Store::IndexEntry(const CachedObject& entry, bool insert) {
  for (const auto& [index, function] : index_functions_) {
    for (std::string& value : function(entry)) {
      std::pair<std::string, NamespacedName> row{std::move(value), entry.header.name};
      if (insert) {
        indexes_[index].insert(std::move(row));
      } else {
        indexes_[index].erase(row);
      }
    }
  }
}

void Store::Put(const NamespacedName& name, CachedPtr after) {
  CachedPtr& slot = items_[name];
  if (slot != nullptr) IndexEntry(*slot, false);
  slot = std::move(after);
  IndexEntry(*slot, true);
}

void Store::Remove(const NamespacedName& name) {
  const auto it = items_.find(name);
  if (it == items_.end()) return;
  IndexEntry(*it->second, false);
  items_.erase(it);
}

void Store::Diff(const CachedPtr& before, const CachedPtr& after, bool initial,
                 bool final_state_unknown, std::vector<Delta>& out) {
  if (before == after) return;
  if (before != nullptr && after != nullptr && before->header.uid == after->header.uid) {
    if (before->header.resource_version != after->header.resource_version) {
      out.push_back({Delta::Type::kUpdated, before, after, initial, false});
    }
    return;
  }
  if (before != nullptr) {
    // Its place is taken by another object, so its own end went by unseen.
    const bool unseen = final_state_unknown || after != nullptr;
    out.push_back({Delta::Type::kDeleted, before, nullptr, initial, unseen});
  }
  if (after != nullptr) out.push_back({Delta::Type::kAdded, nullptr, after, initial, false});
}

void Store::Dispatch(const std::vector<Delta>& deltas) {
  for (const Delta& delta : deltas) {
    for (const Handler& handler : handlers_) handler(delta);
  }
}

std::size_t Store::Replace(std::vector<CachedPtr> items, const std::set<NamespacedName>& keep,
                           const std::string& version, bool reset_history) {
  MutexLock write_lock(write_mu_);
  Items next;
  for (CachedPtr& item : items) next[item->header.name] = std::move(item);

  // Only holders of write_mu_ change the contents, so a copy of the pointers stays true until the
  // swap.
  Items old;
  bool initial = false;
  {
    MutexLock lock(mu_);
    old = items_;
    initial = !synced_;
  }
  for (const auto& [name, entry] : old) {
    const auto it = next.find(name);
    if (it == next.end()) {
      const bool newer = !reset_history && Older(version, entry->header.resource_version);
      if (newer || keep.contains(name)) next.emplace(name, entry);
    } else if (!reset_history &&
               Older(it->second->header.resource_version, entry->header.resource_version)) {
      it->second = entry;
    }
  }

  std::vector<Delta> deltas;
  for (const auto& [name, entry] : old) {
    if (!next.contains(name)) Diff(entry, nullptr, initial, true, deltas);
  }
  for (const auto& [name, entry] : next) {
    const auto it = old.find(name);
    Diff(it == old.end() ? nullptr : it->second, entry, initial, false, deltas);
  }

  std::map<std::string, Index> indexes;
  for (const auto& [index, function] : index_functions_) {
    Index& rows = indexes[index];
    for (const auto& [name, entry] : next) {
      for (std::string& value : function(*entry)) rows.emplace(std::move(value), name);
    }
  }
  {
    MutexLock lock(mu_);
    items_.swap(next);
    indexes_.swap(indexes);
    version_ = reset_history ? version : Newer(version_, version);
  }
  Dispatch(deltas);
  MutexLock lock(mu_);
  synced_ = true;
  return deltas.size();
}

bool Store::Take(CachedPtr item, bool offered) {
  MutexLock write_lock(write_mu_);
  const NamespacedName name = item->header.name;
  const std::string version = item->header.resource_version;
  std::vector<Delta> deltas;
  {
    MutexLock lock(mu_);
    const auto it = items_.find(name);
    const bool cached = it != items_.end();
    const CachedPtr before = cached ? it->second : nullptr;
    // The watch has told everything up to version_: what is not in the cache and not newer than
    // that has been deleted since.
    const std::string& known = cached ? it->second->header.resource_version : version_;
    if (NotNewer(version, known)) return false;
    if (offered && !(synced_ && Older(version_, version) && Older(known, version))) return false;
    Diff(before, item, false, false, deltas);
    Put(name, std::move(item));
    // An answer to a write says nothing about the other objects: only the watch moves version_.
    if (!offered) version_ = Newer(version_, version);
  }
  Dispatch(deltas);
  return true;
}

bool Store::Upsert(CachedPtr item) { return Take(std::move(item), false); }

bool Store::Offer(CachedPtr item) { return Take(std::move(item), true); }

bool Store::Delete(const ObjectHeader& header) {
  MutexLock write_lock(write_mu_);
  std::vector<Delta> deltas;
  {
    MutexLock lock(mu_);
    version_ = Newer(version_, header.resource_version);
    const auto it = items_.find(header.name);
    if (it == items_.end()) return false;
    const CachedPtr before = it->second;
    if (Older(header.resource_version, before->header.resource_version)) return false;
    const bool other = !header.uid.empty() && header.uid != before->header.uid;
    Diff(before, nullptr, false, other, deltas);
    Remove(header.name);
  }
  Dispatch(deltas);
  return true;
}

void Store::Advance(const std::string& version) {
  MutexLock lock(mu_);
  version_ = Newer(version_, version);
}

}  // namespace salve::engine
