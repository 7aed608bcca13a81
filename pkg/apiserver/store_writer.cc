// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/store_writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "pkg/apiserver/store_file.h"

namespace salve::apiserver {
namespace {

constexpr char kSchema[] = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE versions(
  revision INTEGER PRIMARY KEY, op INTEGER NOT NULL, previous INTEGER NOT NULL,
  resource TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL,
  size INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX versions_key ON versions(resource, ns, name, revision);
CREATE TABLE objects(
  resource TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL,
  deleting INTEGER NOT NULL, expires INTEGER, PRIMARY KEY(resource, ns, name)) WITHOUT ROWID;
CREATE INDEX objects_expires ON objects(expires) WHERE expires IS NOT NULL;
CREATE INDEX objects_deleting ON objects(deleting) WHERE deleting = 1;
CREATE TABLE owners(
  owner TEXT NOT NULL, resource TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY(owner, resource, ns, name)) WITHOUT ROWID;
CREATE INDEX owners_key ON owners(resource, ns, name);
INSERT INTO meta VALUES('revision', 1), ('compacted', 1), ('history_bytes', 0);
)sql";

// A transaction compacts at most this much more than it adds, so that no commit takes long.
constexpr int kCompactAhead = 64;

}  // namespace

Status PrepareDatabase(sqlite::Database& db, bool durable, const StoreLimits& limits) {
  // 256 KiB of page cache: reads are served by the kernel's cache, memory stays small.
  SALVE_RETURN_IF_ERROR(db.Exec("PRAGMA cache_size=-256; PRAGMA temp_store=MEMORY"));
  SALVE_RETURN_IF_ERROR(
      db.Exec(("PRAGMA max_page_count=" + std::to_string(limits.max_pages)).c_str()));
  SALVE_ASSIGN_OR_RETURN(const std::int64_t version, db.QueryInt("PRAGMA user_version"));
  if (version != kSchemaVersion) {
    SALVE_ASSIGN_OR_RETURN(const std::int64_t tables,
                           db.QueryInt("SELECT count(*) FROM sqlite_master"));
    if (tables != 0) {
      return InvalidArgumentError("the database holds other tables; nothing was changed");
    }
    // Before the log is switched on: the file's own header must say at once whose it is. One
    // transaction: a crash in between leaves an empty file, which is made again.
    const std::string stamp = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                              "; PRAGMA user_version=" + std::to_string(kSchemaVersion);
    SALVE_RETURN_IF_ERROR(
        db.Exec(("BEGIN IMMEDIATE;" + std::string(kSchema) + stamp + "; COMMIT").c_str()));
  }
  if (!durable) return Status::Ok();
  return db.Exec(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=4194304");
}

Status StoreWriter::Load() {
  SALVE_ASSIGN_OR_RETURN(revision_, db_.QueryInt("SELECT max(revision) FROM versions", 1));
  SALVE_ASSIGN_OR_RETURN(const std::int64_t saved,
                         db_.QueryInt("SELECT value FROM meta WHERE key='revision'", 1));
  if (saved > revision_) revision_ = saved;
  SALVE_ASSIGN_OR_RETURN(compacted_,
                         db_.QueryInt("SELECT value FROM meta WHERE key='compacted'", 1));
  SALVE_ASSIGN_OR_RETURN(history_bytes_,
                         db_.QueryInt("SELECT value FROM meta WHERE key='history_bytes'", 0));
  return Status::Ok();
}

Status StoreWriter::Begin() {
  begin_revision_ = revision_;
  begin_compacted_ = compacted_;
  begin_history_bytes_ = history_bytes_;
  return db_.Exec("BEGIN IMMEDIATE");
}

Status StoreWriter::Commit() {
  SALVE_RETURN_IF_ERROR(Compact());
  SALVE_RETURN_IF_ERROR(SaveMeta());
  return db_.Exec("COMMIT");
}

void StoreWriter::Rollback() {
  // SQLite may have rolled back by itself (disk full); then this says so, and that is fine.
  if (!db_.Exec("ROLLBACK").ok()) {
  }
  revision_ = begin_revision_;
  compacted_ = begin_compacted_;
  history_bytes_ = begin_history_bytes_;
}

StatusOr<StoreEvent> StoreWriter::Apply(const Mutation& m) {
  SALVE_ASSIGN_OR_RETURN(const Present present, Find(m.key));
  if (m.expected_revision == 0) {
    if (present.revision != 0) {
      return AlreadyExistsError("the object exists").WithReason(present.deleting ? "Deleting" : "");
    }
    if (m.remove) return NotFoundError("the object does not exist");
  } else {
    if (present.revision == 0) return NotFoundError("the object does not exist");
    if (present.revision != m.expected_revision) return ConflictError("the object has changed");
  }
  if (m.parent) SALVE_RETURN_IF_ERROR(CheckParent(*m.parent));

  StoreEvent event;
  event.type = m.remove                ? EventType::kDeleted
               : present.revision == 0 ? EventType::kAdded
                                       : EventType::kModified;
  event.key = m.key;
  event.revision = revision_ + 1;
  event.previous = present.revision;
  event.deleting = m.deleting;
  std::string text = m.body.text;
  text.insert(m.body.revision_at, std::to_string(event.revision));
  event.text = std::make_shared<const std::string>(std::move(text));

  revision_ = event.revision;
  history_bytes_ += static_cast<std::int64_t>(event.text->size());
  // Errors from here on are SQLite's: the caller rolls back.
  SALVE_RETURN_IF_ERROR(InsertVersion(m, event));
  SALVE_RETURN_IF_ERROR(UpdateObject(m));
  SALVE_ASSIGN_OR_RETURN(event.owners_changed, UpdateOwners(m, present.revision != 0));
  return event;
}

StatusOr<StoreWriter::Present> StoreWriter::Find(const ObjectKey& key) {
  auto query =
      db_.Prepare("SELECT revision, deleting FROM objects WHERE resource=?1 AND ns=?2 AND name=?3");
  query.Bind(1, key.resource).Bind(2, key.ns).Bind(3, key.name);
  SALVE_ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return Present{};
  return Present{query.Int(0), query.Int(1) != 0};
}

Status StoreWriter::CheckParent(const ObjectKey& parent) {
  SALVE_ASSIGN_OR_RETURN(const Present present, Find(parent));
  if (present.revision == 0) {
    return NotFoundError("the parent " + parent.name + " does not exist")
        .WithReason("ParentMissing");
  }
  if (present.deleting) {
    return PermissionDeniedError("the parent " + parent.name + " is being deleted")
        .WithReason("ParentDeleting");
  }
  return Status::Ok();
}

Status StoreWriter::InsertVersion(const Mutation& m, const StoreEvent& event) {
  auto insert = db_.Prepare("INSERT INTO versions VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  insert.Bind(1, event.revision)
      .Bind(2, static_cast<std::int64_t>(event.type))
      .Bind(3, event.previous)
      .Bind(4, m.key.resource)
      .Bind(5, m.key.ns)
      .Bind(6, m.key.name)
      .Bind(7, static_cast<std::int64_t>(event.text->size()))
      .Bind(8, *event.text);
  return insert.Run();
}

Status StoreWriter::UpdateObject(const Mutation& m) {
  if (m.remove) {
    auto erase = db_.Prepare("DELETE FROM objects WHERE resource=?1 AND ns=?2 AND name=?3");
    erase.Bind(1, m.key.resource).Bind(2, m.key.ns).Bind(3, m.key.name);
    return erase.Run();
  }
  auto put = db_.Prepare("INSERT OR REPLACE INTO objects VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
  put.Bind(1, m.key.resource).Bind(2, m.key.ns).Bind(3, m.key.name);
  put.Bind(4, revision_).Bind(5, std::int64_t{m.deleting});
  if (m.expires_at != 0) {
    put.Bind(6, m.expires_at);
  } else {
    put.BindNull(6);
  }
  return put.Run();
}

StatusOr<std::vector<std::string>> StoreWriter::OwnersOf(const ObjectKey& key) {
  std::vector<std::string> owners;
  auto query = db_.Prepare(
      "SELECT owner FROM owners WHERE resource=?1 AND ns=?2 AND name=?3 ORDER BY owner");
  query.Bind(1, key.resource).Bind(2, key.ns).Bind(3, key.name);
  for (;;) {
    SALVE_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return owners;
    owners.emplace_back(query.Text(0));
  }
}

StatusOr<bool> StoreWriter::UpdateOwners(const Mutation& m, bool existed) {
  std::vector<std::string> before;
  if (existed) {
    SALVE_ASSIGN_OR_RETURN(before, OwnersOf(m.key));
  }
  std::vector<std::string> after;
  if (!m.remove) after = m.owner_uids;
  std::sort(after.begin(), after.end());
  after.erase(std::unique(after.begin(), after.end()), after.end());
  if (before == after) return false;
  if (!before.empty()) {
    auto erase = db_.Prepare("DELETE FROM owners WHERE resource=?1 AND ns=?2 AND name=?3");
    erase.Bind(1, m.key.resource).Bind(2, m.key.ns).Bind(3, m.key.name);
    SALVE_RETURN_IF_ERROR(erase.Run());
  }
  for (const std::string& uid : after) {
    auto insert = db_.Prepare("INSERT INTO owners VALUES(?1, ?2, ?3, ?4)");
    insert.Bind(1, uid).Bind(2, m.key.resource).Bind(3, m.key.ns).Bind(4, m.key.name);
    SALVE_RETURN_IF_ERROR(insert.Run());
  }
  return true;
}

Status StoreWriter::Compact() {
  std::int64_t steps = revision_ - begin_revision_ + kCompactAhead;
  // The newest revision stays: it is where the next process goes on from.
  while (
      steps-- > 0 && compacted_ < revision_ - 1 &&
      (revision_ - compacted_ > limits_.history_events || history_bytes_ > limits_.history_bytes)) {
    SALVE_RETURN_IF_ERROR(CompactOne());
  }
  return Status::Ok();
}

// Moves the boundary over one revision. Its predecessor is no longer anybody's newest state, and
// neither is the revision itself if it is a deletion.
Status StoreWriter::CompactOne() {
  const std::int64_t next = compacted_ + 1;
  std::int64_t previous = 0;
  bool deletion = false;
  {
    auto query = db_.Prepare("SELECT op, previous, size FROM versions WHERE revision=?1");
    query.Bind(1, next);
    SALVE_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (row) {
      deletion = query.Int(0) == static_cast<std::int64_t>(EventType::kDeleted);
      previous = query.Int(1);
      history_bytes_ -= query.Int(2);
    }
  }
  if (previous != 0) SALVE_RETURN_IF_ERROR(DeleteVersion(previous));
  if (deletion) SALVE_RETURN_IF_ERROR(DeleteVersion(next));
  compacted_ = next;
  return Status::Ok();
}

Status StoreWriter::DeleteVersion(std::int64_t revision) {
  auto erase = db_.Prepare("DELETE FROM versions WHERE revision=?1");
  erase.Bind(1, revision);
  return erase.Run();
}

Status StoreWriter::SaveMeta() {
  auto update = db_.Prepare(
      "INSERT OR REPLACE INTO meta VALUES('revision', ?1), ('compacted', ?2), "
      "('history_bytes', ?3)");
  update.Bind(1, revision_).Bind(2, compacted_).Bind(3, history_bytes_);
  return update.Run();
}

}  // namespace salve::apiserver
