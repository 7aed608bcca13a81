// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/store_sqlite.h"

#include <utility>

#include <sqlite3.h>

namespace salve::apiserver::sqlite {
namespace {

Status ErrorOf(sqlite3* db, int code, std::string_view tried) {
  std::string what = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  std::string message = std::string(tried) + ": " + what;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return UnavailableError(message + "; free space on the disk of the data directory");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return UnavailableError(message + "; another program holds the database open");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return InternalError(message + "; the database is damaged: stop Salve and restore a backup");
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      return PermissionDeniedError(message + "; check owner and mode of the data directory");
    default:
      return InternalError(message);
  }
}

}  // namespace

std::string FileUri(const std::string& path) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      uri += c;
    }
  }
  return uri;
}

Statement::~Statement() {
  if (stmt_ != nullptr) Reset();
}

Statement::Statement(Statement&& other) noexcept
    : stmt_(std::exchange(other.stmt_, nullptr)), status_(std::move(other.status_)) {}

Statement& Statement::Bind(int parameter, std::int64_t value) {
  if (stmt_ != nullptr) sqlite3_bind_int64(stmt_, parameter, value);
  return *this;
}

Statement& Statement::Bind(int parameter, std::string_view value) {
  // A null pointer would bind NULL instead of an empty text.
  if (stmt_ != nullptr) {
    sqlite3_bind_text64(stmt_, parameter, value.data() == nullptr ? "" : value.data(), value.size(),
                        SQLITE_STATIC, SQLITE_UTF8);
  }
  return *this;
}

Statement& Statement::BindNull(int parameter) {
  if (stmt_ != nullptr) sqlite3_bind_null(stmt_, parameter);
  return *this;
}

StatusOr<bool> Statement::Step() {
  if (stmt_ == nullptr) return status_;
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return ErrorOf(sqlite3_db_handle(stmt_), code, "running a statement on the database");
}

Status Statement::Run() {
  const auto row = Step();
  if (stmt_ != nullptr) Reset();
  return row.status();
}

void Statement::Reset() {
  if (stmt_ == nullptr) return;
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(stmt_, column); }

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(stmt_, column) == SQLITE_NULL;
}

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column))};
}

StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& uri, bool create) {
  sqlite3* db = nullptr;
  // NOMUTEX: a connection has one user at a time (the writer, or a reader out of the pool).
  const int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_URI |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(uri.c_str(), &db, flags, nullptr);
  if (code != SQLITE_OK) {
    Status status = ErrorOf(db, code, "opening the database " + uri);
    sqlite3_close_v2(db);
    return status;
  }
  sqlite3_busy_timeout(db, 5000);
  // Prepared statements are few and small; the default lookaside costs more than it saves here.
  sqlite3_db_config(db, SQLITE_DBCONFIG_LOOKASIDE, nullptr, 0, 0);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return std::unique_ptr<Database>(new Database(db));
}

Database::~Database() {
  for (auto& [sql, stmt] : statements_) sqlite3_finalize(stmt);
  sqlite3_close_v2(db_);
}

Status Database::Exec(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return ErrorOf(db_, code, std::string("running \"") + std::string(sql).substr(0, 60) + "\"");
  }
  return Status::Ok();
}

Statement Database::Prepare(const char* sql) {
  auto& slot = statements_[sql];
  if (slot == nullptr) {
    const int code = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &slot, nullptr);
    if (code != SQLITE_OK) {
      Status status = ErrorOf(db_, code, std::string("preparing \"") + sql + "\"");
      statements_.erase(sql);
      return {nullptr, std::move(status)};
    }
  }
  return {slot, Status::Ok()};
}

StatusOr<std::int64_t> Database::QueryInt(const char* sql, std::int64_t fallback) {
  Statement query = Prepare(sql);
  SALVE_ASSIGN_OR_RETURN(const bool row, query.Step());
  return row && !query.IsNull(0) ? query.Int(0) : fallback;
}

Status Database::CopyTo(const std::string& path) {
  sqlite3* target = nullptr;
  int code =
      sqlite3_open_v2(path.c_str(), &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  Status status;
  if (code != SQLITE_OK) {
    status = ErrorOf(target, code, "creating the copy " + path);
  } else {
    sqlite3_backup* backup = sqlite3_backup_init(target, "main", db_, "main");
    if (backup == nullptr) {
      status = ErrorOf(target, sqlite3_errcode(target), "copying the database to " + path);
    } else {
      // All pages in one step: one consistent state, and no restart by a concurrent writer.
      code = sqlite3_backup_step(backup, -1);
      sqlite3_backup_finish(backup);
      if (code != SQLITE_DONE) status = ErrorOf(target, code, "copying the database to " + path);
    }
  }
  sqlite3_close_v2(target);
  return status;
}

}  // namespace salve::apiserver::sqlite
