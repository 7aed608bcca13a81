// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/store.h"

#include <atomic>
#include <deque>
#include <thread>
#include <utility>

#include "pkg/apiserver/store_file.h"
#include "pkg/apiserver/store_sqlite.h"
#include "pkg/apiserver/store_writer.h"
#include "pkg/base/log.h"
#include "pkg/base/mutex.h"

namespace salve::apiserver {
namespace {

// One transaction takes at most this many mutations, so that the first of them does not wait for
// long.
constexpr std::size_t kMaxBatch = 256;
// Reader connections: at most so many at once, and so many kept when idle.
constexpr std::size_t kMaxReaders = 4;
constexpr std::size_t kIdleReaders = 1;

// Hands out connections for reading. In memory there is only one connection, shared with the
// writer.
class ReaderPool {
 public:
  // `uri` empty: `shared` under its mutex.
  ReaderPool(std::string uri, sqlite::Database* shared, Mutex* shared_mu)
      : uri_(std::move(uri)), shared_(shared), shared_mu_(shared_mu) {}

  StatusOr<sqlite::Database*> Take() SALVE_NO_TSA {
    if (uri_.empty()) {
      shared_mu_->Lock();
      return shared_;
    }
    {
      MutexLock lock(mu_);
      while (idle_.empty() && open_ >= kMaxReaders) freed_.Wait(mu_);
      if (!idle_.empty()) {
        sqlite::Database* db = idle_.back().release();
        idle_.pop_back();
        return db;
      }
      ++open_;
    }
    auto db = sqlite::Database::Open(uri_, /*create=*/false);
    Status status = db.status();
    if (status.ok()) status = (*db)->Exec("PRAGMA cache_size=-128; PRAGMA query_only=1");
    if (!status.ok()) {
      MutexLock lock(mu_);
      --open_;
      freed_.NotifyOne();
      return status;
    }
    return db->release();
  }

  void Return(sqlite::Database* db) SALVE_NO_TSA {
    if (uri_.empty()) {
      shared_mu_->Unlock();
      return;
    }
    std::unique_ptr<sqlite::Database> surplus(db);
    MutexLock lock(mu_);
    if (idle_.size() < kIdleReaders) {
      idle_.push_back(std::move(surplus));
    } else {
      --open_;
    }
    freed_.NotifyOne();
  }

 private:
  const std::string uri_;
  sqlite::Database* const shared_;
  Mutex* const shared_mu_;
  Mutex mu_;
  CondVar freed_;
  std::size_t open_ SALVE_GUARDED_BY(mu_) = 0;
  std::vector<std::unique_ptr<sqlite::Database>> idle_ SALVE_GUARDED_BY(mu_);
};

// A connection out of the pool for a scope.
class Reader {
 public:
  explicit Reader(ReaderPool& pool) : pool_(pool), db_(pool.Take()) {}
  ~Reader() {
    if (db_.ok()) pool_.Return(*db_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Status status() const { return db_.status(); }
  sqlite::Database* operator->() { return *db_; }

 private:
  ReaderPool& pool_;
  StatusOr<sqlite::Database*> db_;
};

// Keeps one state of the database in view for several statements.
class ReadTransaction {
 public:
  explicit ReadTransaction(Reader& db) : db_(db), status_(db->Exec("BEGIN")) {}
  ~ReadTransaction() {
    // Nothing was written: if the end fails, the connection's next BEGIN says why.
    if (status_.ok() && !db_->Exec("COMMIT").ok()) {
    }
  }
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;
  Status status() const { return status_; }

 private:
  Reader& db_;
  Status status_;
};

StatusOr<std::vector<ObjectKey>> CollectKeys(sqlite::Statement& query) {
  std::vector<ObjectKey> keys;
  for (;;) {
    SALVE_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return keys;
    keys.push_back(
        {std::string(query.Text(0)), std::string(query.Text(1)), std::string(query.Text(2))});
  }
}

class StoreImpl final : public Store {
 public:
  StoreImpl(std::optional<DirectoryLock> lock, std::unique_ptr<sqlite::Database> db,
            std::string reader_uri, const StoreLimits& limits)
      : lock_(std::move(lock)),
        limits_(limits),
        db_(std::move(db)),
        in_memory_(reader_uri.empty()),
        writer_(*db_, limits),
        readers_(std::move(reader_uri), db_.get(), &db_mu_) {}

  Status Start() {
    SALVE_RETURN_IF_ERROR(writer_.Load());
    revision_ = writer_.revision();
    compacted_ = writer_.compacted();
    thread_ = std::thread([this] { WriterLoop(); });
    return Status::Ok();
  }

  ~StoreImpl() override {
    {
      MutexLock lock(mu_);
      stopping_ = true;
      wake_.NotifyAll();
    }
    if (thread_.joinable()) thread_.join();
  }

  void SetListener(Listener listener) override {
    MutexLock lock(mu_);
    listener_ = std::move(listener);
  }

  void Submit(Mutation mutation, Done done) override {
    Status refusal;
    {
      MutexLock lock(mu_);
      if (stopping_) {
        refusal = UnavailableError("the store is closing");
      } else if (queue_.size() >= limits_.max_pending) {
        refusal = TooManyRequestsError("too many writes are waiting for the disk");
      } else {
        queue_.push_back({std::move(mutation), std::move(done)});
        wake_.NotifyOne();
        return;
      }
    }
    done(refusal);
  }

  StatusOr<std::optional<StoredObject>> Get(const ObjectKey& key) override;
  StatusOr<std::int64_t> List(const ListQuery& query, const RowVisitor& visit) override;
  StatusOr<std::int64_t> Count(const std::string& resource, const std::string& ns) override;
  Status History(const std::string& resource, std::int64_t after, std::int64_t through,
                 const RowVisitor& visit) override;
  StatusOr<std::optional<std::string>> ReadVersion(std::int64_t revision) override;
  std::int64_t revision() const override { return revision_; }
  std::int64_t compacted() const override { return compacted_; }
  StatusOr<std::vector<ObjectKey>> OwnedBy(const std::string& uid, std::size_t limit) override;
  StatusOr<std::vector<ObjectKey>> Owned(const ObjectKey& after, std::size_t limit) override;
  StatusOr<std::vector<ObjectKey>> Deleting(std::size_t limit) override;
  StatusOr<std::vector<ObjectKey>> Expired(std::int64_t now, std::size_t limit) override;
  StatusOr<std::optional<std::int64_t>> NextExpiry() override;
  Status Backup(const std::string& path) override;

 private:
  struct Pending {
    Mutation mutation;
    Done done;
  };

  void WriterLoop();
  void CommitBatch(std::deque<Pending>& batch, const Listener& listener);
  Status ApplyBatch(std::deque<Pending>& batch, std::vector<StatusOr<std::int64_t>>& outcomes,
                    std::vector<StoreEvent>& events);

  const std::optional<DirectoryLock> lock_;
  const StoreLimits limits_;
  const std::unique_ptr<sqlite::Database> db_;
  const bool in_memory_;
  Mutex db_mu_;  // in memory: whoever uses db_; on disk only the writer thread does
  StoreWriter writer_;
  ReaderPool readers_;
  std::atomic<std::int64_t> revision_{1};
  std::atomic<std::int64_t> compacted_{1};

  Mutex mu_;
  CondVar wake_;
  std::deque<Pending> queue_ SALVE_GUARDED_BY(mu_);
  Listener listener_ SALVE_GUARDED_BY(mu_);
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

void StoreImpl::WriterLoop() {
  for (;;) {
    std::deque<Pending> batch;
    Listener listener;
    {
      MutexLock lock(mu_);
      while (queue_.empty() && !stopping_) wake_.Wait(mu_);
      if (queue_.empty()) return;
      while (!queue_.empty() && batch.size() < kMaxBatch) {
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      listener = listener_;
    }
    CommitBatch(batch, listener);
  }
}

void StoreImpl::CommitBatch(std::deque<Pending>& batch, const Listener& listener) {
  std::vector<StatusOr<std::int64_t>> outcomes;
  std::vector<StoreEvent> events;
  Status status;
  {
    if (in_memory_) db_mu_.Lock();
    status = ApplyBatch(batch, outcomes, events);
    if (in_memory_) db_mu_.Unlock();
  }
  if (!status.ok()) {
    Log(Severity::kError, "a transaction of the store failed",
        {{"error", status.ToString()}, {"mutations", batch.size()}});
    for (Pending& pending : batch) pending.done(status);
    return;
  }
  revision_ = writer_.revision();
  compacted_ = writer_.compacted();
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i].done(std::move(outcomes[i]));
  if (listener && !events.empty()) listener(events);
}

Status StoreImpl::ApplyBatch(std::deque<Pending>& batch,
                             std::vector<StatusOr<std::int64_t>>& outcomes,
                             std::vector<StoreEvent>& events) {
  SALVE_RETURN_IF_ERROR(writer_.Begin());
  Status broken;
  for (Pending& pending : batch) {
    auto event = writer_.Apply(pending.mutation);
    if (event.ok()) {
      outcomes.emplace_back(event->revision);
      events.push_back(std::move(event).value());
      continue;
    }
    const Code code = event.code();
    const bool refused = code == Code::kConflict || code == Code::kNotFound ||
                         code == Code::kAlreadyExists ||
                         (code == Code::kPermissionDenied && !event.status().reason().empty());
    if (!refused) {
      broken = event.status();
      break;
    }
    outcomes.emplace_back(event.status());
  }
  if (broken.ok()) broken = events.empty() ? Status::Ok() : writer_.Commit();
  // A batch that wrote nothing is rolled back as well: no fsync for refusals.
  if (!broken.ok() || events.empty()) writer_.Rollback();
  return broken;
}

StatusOr<std::optional<StoredObject>> StoreImpl::Get(const ObjectKey& key) {
  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  auto query = db->Prepare(
      "SELECT o.revision, v.body FROM objects o JOIN versions v ON v.revision = o.revision "
      "WHERE o.resource=?1 AND o.ns=?2 AND o.name=?3");
  query.Bind(1, key.resource).Bind(2, key.ns).Bind(3, key.name);
  SALVE_ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return std::optional<StoredObject>();
  return std::optional<StoredObject>({query.Int(0), std::string(query.Text(1))});
}

StatusOr<std::int64_t> StoreImpl::List(const ListQuery& q, const RowVisitor& visit) {
  static constexpr char kPresentAll[] =
      "SELECT o.ns, o.name, o.revision, v.body FROM objects o JOIN versions v "
      "ON v.revision = o.revision WHERE o.resource=?1 AND (o.ns, o.name) > (?2, ?3) "
      "ORDER BY o.ns, o.name";
  static constexpr char kPresentOne[] =
      "SELECT o.ns, o.name, o.revision, v.body FROM objects o JOIN versions v "
      "ON v.revision = o.revision WHERE o.resource=?1 AND o.ns=?2 AND o.name>?3 ORDER BY o.name";
  // The newest state of each key at that time, unless it is a deletion.
  static constexpr char kPastAll[] =
      "SELECT v.ns, v.name, v.revision, v.body FROM versions v WHERE v.resource=?1 "
      "AND (v.ns, v.name) > (?2, ?3) AND v.revision<=?4 AND v.op<>3 AND NOT EXISTS("
      "SELECT 1 FROM versions n WHERE n.resource=v.resource AND n.ns=v.ns AND n.name=v.name "
      "AND n.revision>v.revision AND n.revision<=?4) ORDER BY v.ns, v.name";
  static constexpr char kPastOne[] =
      "SELECT v.ns, v.name, v.revision, v.body FROM versions v WHERE v.resource=?1 AND v.ns=?2 "
      "AND v.name>?3 AND v.revision<=?4 AND v.op<>3 AND NOT EXISTS("
      "SELECT 1 FROM versions n WHERE n.resource=v.resource AND n.ns=v.ns AND n.name=v.name "
      "AND n.revision>v.revision AND n.revision<=?4) ORDER BY v.name";

  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  ReadTransaction transaction(db);
  SALVE_RETURN_IF_ERROR(transaction.status());
  SALVE_ASSIGN_OR_RETURN(std::int64_t revision,
                         db->QueryInt("SELECT value FROM meta WHERE key='revision'", 1));
  const bool past = q.at_revision != 0;
  if (past) {
    SALVE_ASSIGN_OR_RETURN(const std::int64_t compacted,
                           db->QueryInt("SELECT value FROM meta WHERE key='compacted'", 1));
    if (q.at_revision < compacted) return ExpiredError("the revision has been compacted");
    revision = q.at_revision;
  }
  auto query = q.ns.empty() ? db->Prepare(past ? kPastAll : kPresentAll)
                            : db->Prepare(past ? kPastOne : kPresentOne);
  query.Bind(1, q.resource).Bind(2, q.ns.empty() ? q.after_ns : q.ns).Bind(3, q.after_name);
  if (past) query.Bind(4, q.at_revision);
  for (;;) {
    SALVE_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return revision;
    const RowView view{EventType::kAdded, query.Text(0), query.Text(1), query.Int(2), 0,
                       query.Text(3)};
    if (!visit(view)) return revision;
  }
}

StatusOr<std::int64_t> StoreImpl::Count(const std::string& resource, const std::string& ns) {
  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  auto query = ns.empty() ? db->Prepare("SELECT count(*) FROM objects WHERE resource=?1")
                          : db->Prepare("SELECT count(*) FROM objects WHERE resource=?1 AND ns=?2");
  query.Bind(1, resource);
  if (!ns.empty()) query.Bind(2, ns);
  SALVE_ASSIGN_OR_RETURN(const bool row, query.Step());
  return row ? query.Int(0) : 0;
}

Status StoreImpl::History(const std::string& resource, std::int64_t after, std::int64_t through,
                          const RowVisitor& visit) {
  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  ReadTransaction transaction(db);
  SALVE_RETURN_IF_ERROR(transaction.status());
  SALVE_ASSIGN_OR_RETURN(const std::int64_t compacted,
                         db->QueryInt("SELECT value FROM meta WHERE key='compacted'", 1));
  if (after < compacted) {
    return ExpiredError("the revision " + std::to_string(after) + " is older than the oldest, " +
                        std::to_string(compacted));
  }
  auto query = db->Prepare(
      "SELECT op, ns, name, revision, previous, body FROM versions "
      "WHERE revision>?2 AND revision<=?3 AND resource=?1 ORDER BY revision");
  query.Bind(1, resource).Bind(2, after).Bind(3, through);
  for (;;) {
    SALVE_ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return Status::Ok();
    const RowView view{static_cast<EventType>(query.Int(0)),
                       query.Text(1),
                       query.Text(2),
                       query.Int(3),
                       query.Int(4),
                       query.Text(5)};
    if (!visit(view)) return Status::Ok();
  }
}

StatusOr<std::optional<std::string>> StoreImpl::ReadVersion(std::int64_t revision) {
  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  auto query = db->Prepare("SELECT body FROM versions WHERE revision=?1");
  query.Bind(1, revision);
  SALVE_ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return std::optional<std::string>();
  return std::optional<std::string>(query.Text(0));
}

StatusOr<std::vector<ObjectKey>> StoreImpl::OwnedBy(const std::string& uid, std::size_t limit) {
  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  auto query = db->Prepare("SELECT resource, ns, name FROM owners WHERE owner=?1 LIMIT ?2");
  query.Bind(1, uid).Bind(2, static_cast<std::int64_t>(limit));
  return CollectKeys(query);
}

StatusOr<std::vector<ObjectKey>> StoreImpl::Owned(const ObjectKey& after, std::size_t limit) {
  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  auto query = db->Prepare(
      "SELECT DISTINCT resource, ns, name FROM owners INDEXED BY owners_key "
      "WHERE (resource, ns, name) > (?1, ?2, ?3) ORDER BY resource, ns, name LIMIT ?4");
  query.Bind(1, after.resource).Bind(2, after.ns).Bind(3, after.name);
  query.Bind(4, static_cast<std::int64_t>(limit));
  return CollectKeys(query);
}

StatusOr<std::vector<ObjectKey>> StoreImpl::Deleting(std::size_t limit) {
  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  auto query = db->Prepare("SELECT resource, ns, name FROM objects WHERE deleting=1 LIMIT ?1");
  query.Bind(1, static_cast<std::int64_t>(limit));
  return CollectKeys(query);
}

StatusOr<std::vector<ObjectKey>> StoreImpl::Expired(std::int64_t now, std::size_t limit) {
  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  auto query = db->Prepare("SELECT resource, ns, name FROM objects WHERE expires<=?1 LIMIT ?2");
  query.Bind(1, now).Bind(2, static_cast<std::int64_t>(limit));
  return CollectKeys(query);
}

StatusOr<std::optional<std::int64_t>> StoreImpl::NextExpiry() {
  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  SALVE_ASSIGN_OR_RETURN(
      const std::int64_t next,
      db->QueryInt("SELECT min(expires) FROM objects WHERE expires IS NOT NULL", 0));
  return next == 0 ? std::optional<std::int64_t>() : next;
}

Status StoreImpl::Backup(const std::string& path) {
  if (FileExists(path)) {
    return AlreadyExistsError("the file " + path + " exists: choose another name for the backup");
  }
  Reader db(readers_);
  SALVE_RETURN_IF_ERROR(db.status());
  return db->CopyTo(path);
}

}  // namespace

StatusOr<std::int64_t> Store::Write(Mutation mutation) {
  struct Waiting {
    Mutex mu;
    CondVar done;
    std::optional<StatusOr<std::int64_t>> result SALVE_GUARDED_BY(mu);
  };
  auto waiting = std::make_shared<Waiting>();
  Submit(std::move(mutation), [waiting](StatusOr<std::int64_t> revision) {
    MutexLock lock(waiting->mu);
    waiting->result = std::move(revision);
    waiting->done.NotifyAll();
  });
  MutexLock lock(waiting->mu);
  while (!waiting->result) waiting->done.Wait(waiting->mu);
  return *std::move(waiting->result);
}

StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& data_dir,
                                             const StoreLimits& limits) {
  SALVE_ASSIGN_OR_RETURN(DirectoryLock lock, DirectoryLock::Take(data_dir));
  const std::string path = data_dir + "/" + kDatabaseFile;
  if (const Status check = CheckDatabaseFile(path);
      !check.ok() && check.code() != Code::kNotFound) {
    return check;
  }
  // Made here and not by SQLite for the mode, which its log beside it inherits.
  if (!FileExists(path)) SALVE_RETURN_IF_ERROR(ReplaceFile(path, ""));
  SALVE_ASSIGN_OR_RETURN(auto db, sqlite::Database::Open(sqlite::FileUri(path), /*create=*/false));
  SALVE_RETURN_IF_ERROR(PrepareDatabase(*db, /*durable=*/true, limits).Annotate(path));
  auto store =
      std::make_unique<StoreImpl>(std::move(lock), std::move(db), sqlite::FileUri(path), limits);
  SALVE_RETURN_IF_ERROR(store->Start().Annotate(path));
  return std::unique_ptr<Store>(std::move(store));
}

StatusOr<std::unique_ptr<Store>> Store::OpenInMemory(const StoreLimits& limits) {
  SALVE_ASSIGN_OR_RETURN(auto db, sqlite::Database::Open("file::memory:", /*create=*/true));
  SALVE_RETURN_IF_ERROR(PrepareDatabase(*db, /*durable=*/false, limits));
  auto store = std::make_unique<StoreImpl>(std::nullopt, std::move(db), "", limits);
  SALVE_RETURN_IF_ERROR(store->Start());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace salve::apiserver
