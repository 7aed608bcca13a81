// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_POSTGRES_TEXT_H_
#define SALVE_PKG_BACKENDS_DOCKER_POSTGRES_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/status.h"

// What PostgreSQL is told and says, as text. Pure functions.
namespace salve::backends::docker {

// OK for role names that need no quoting anywhere.
Status CheckPostgresUser(const std::string& user);

// Both statements answer "ended|ordinary|superusers": how many sessions were ended, and how many
// there were of ordinary and of superuser roles. Never ended: our own session, background workers,
// replication, and what calls itself pg_dump, pg_restore and the like. Superusers' sessions are
// ended only if `superusers` is given and no ordinary one qualifies: then the application itself
// works as a superuser.

// Ends sessions that have been idle, also in a transaction, for at least so long.
std::string TerminateIdleSql(std::int64_t idle_seconds, bool superusers);
// Ends sessions that idle in a transaction and hold a lock for which others have waited so long,
// and that do not wait themselves. A session that is at work is left alone.
std::string TerminateBlockerSql(std::int64_t min_blocked_seconds, bool superusers);

struct TerminateCounts {
  std::int64_t ended = 0;
  std::int64_t ordinary = 0;
  std::int64_t superusers = 0;
};
std::optional<TerminateCounts> ParseCounts(std::string_view answer);

// Whether psql's error says that every slot is taken.
bool IsFull(std::string_view error);

// A server process as the system shows it.
struct BackendProcess {
  std::int64_t pid = 0;
  std::string user;
  bool in_transaction = false;
  double age_seconds = 0;
};
// The idle client backends in the output of `head` over /proc/uptime, /proc/*/cmdline and
// /proc/*/stat.
std::vector<BackendProcess> IdleBackends(std::string_view head_output);

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_POSTGRES_TEXT_H_
