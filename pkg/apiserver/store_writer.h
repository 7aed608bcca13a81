// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_STORE_WRITER_H_
#define SALVE_PKG_APISERVER_STORE_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pkg/apiserver/store.h"
#include "pkg/apiserver/store_sqlite.h"

namespace salve::apiserver {

// Makes the tables if the file is new. `durable`: WAL with synchronous=FULL, else for memory.
Status PrepareDatabase(sqlite::Database& db, bool durable, const StoreLimits& limits);

// Applies mutations to the tables, one transaction at a time. Not thread-safe: the writer thread's.
//
//   versions  every state that is kept, by revision, linked to the state before
//   objects   the present: key → revision
//   owners    owner's uid → key
//   meta      what must not be recomputed at start
//
// `compacted` is the boundary of history: a state is kept if it is the newest, or if its successor
// is newer than the boundary. So lists at, and watches from, any revision >= compacted are exact.
class StoreWriter {
 public:
  StoreWriter(sqlite::Database& db, const StoreLimits& limits) : db_(db), limits_(limits) {}

  // Reads where an earlier process stopped.
  Status Load();

  Status Begin();
  // kConflict, kNotFound, kAlreadyExists, kPermissionDenied (see Mutation): nothing was written,
  // the transaction goes on. Any other error: roll back.
  StatusOr<StoreEvent> Apply(const Mutation& mutation);
  // Compacts a little, then makes everything durable.
  Status Commit();
  void Rollback();

  std::int64_t revision() const { return revision_; }
  std::int64_t compacted() const { return compacted_; }

 private:
  struct Present {
    std::int64_t revision = 0;  // 0: does not exist
    bool deleting = false;
  };
  StatusOr<Present> Find(const ObjectKey& key);
  Status CheckParent(const ObjectKey& parent);
  Status InsertVersion(const Mutation& mutation, const StoreEvent& event);
  Status UpdateObject(const Mutation& mutation);
  // Whether they changed.
  StatusOr<bool> UpdateOwners(const Mutation& mutation, bool existed);
  StatusOr<std::vector<std::string>> OwnersOf(const ObjectKey& key);
  Status Compact();
  Status CompactOne();
  Status DeleteVersion(std::int64_t revision);
  Status SaveMeta();

  sqlite::Database& db_;
  const StoreLimits limits_;
  std::int64_t revision_ = 1;
  std::int64_t compacted_ = 1;
  std::int64_t history_bytes_ = 0;  // of the states newer than the boundary
  // As of Begin, for Rollback.
  std::int64_t begin_revision_ = 1;
  std::int64_t begin_compacted_ = 1;
  std::int64_t begin_history_bytes_ = 0;
};

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_STORE_WRITER_H_
