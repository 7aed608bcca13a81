// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_STORE_SQLITE_H_
#define SALVE_PKG_APISERVER_STORE_SQLITE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "pkg/base/status.h"

struct sqlite3;
struct sqlite3_stmt;

// The one place that talks to the SQLite library.
namespace salve::apiserver::sqlite {

class Database;

// "file:…" for a path with any characters.
std::string FileUri(const std::string& path);

// A prepared statement on loan from its Database: bind, step, read; reset when the loan ends. Bound
// texts are not copied: they must live until then. A statement that could not be prepared reports
// why at the first Step.
class Statement {
 public:
  Statement(sqlite3_stmt* stmt, Status status) : stmt_(stmt), status_(std::move(status)) {}
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Parameters count from 1, columns from 0.
  Statement& Bind(int parameter, std::int64_t value);
  Statement& Bind(int parameter, std::string_view value);
  Statement& BindNull(int parameter);

  // True: a row is there to be read. False: no more rows.
  StatusOr<bool> Step();
  // For statements without rows.
  Status Run();
  // Ready to be bound again.
  void Reset();

  std::int64_t Int(int column) const;
  bool IsNull(int column) const;
  // Valid until the next Step, Reset or destruction.
  std::string_view Text(int column) const;

 private:
  sqlite3_stmt* stmt_;
  Status status_;
};

// A connection. Not thread-safe: one user at a time.
class Database {
 public:
  // `uri` is a file: URI. `create` makes the file where it is missing.
  static StatusOr<std::unique_ptr<Database>> Open(const std::string& uri, bool create);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements that give no rows (or whose rows nobody needs).
  Status Exec(const char* sql);
  // Prepares once per text, then reuses. `sql` must be a literal.
  Statement Prepare(const char* sql);
  // The first column of the first row; `fallback` if there is no row or it is null.
  StatusOr<std::int64_t> QueryInt(const char* sql, std::int64_t fallback = 0);

  // Copies the whole database, as one consistent state, to a new file.
  Status CopyTo(const std::string& path);

 private:
  explicit Database(sqlite3* db) : db_(db) {}

  sqlite3* db_;
  std::map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace salve::apiserver::sqlite

#endif  // SALVE_PKG_APISERVER_STORE_SQLITE_H_
