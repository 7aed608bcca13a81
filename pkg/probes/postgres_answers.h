// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_POSTGRES_ANSWERS_H_
#define SALVE_PKG_PROBES_POSTGRES_ANSWERS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/healing/types.h"

// What PostgreSQL's answers mean. Pure functions.
namespace salve::probes {

struct PostgresFigures {
  std::int64_t connections = 0;  // client sessions, without the probe's own
  std::int64_t max_connections = 0;
  std::int64_t reserved = 0;  // slots that only superusers get
  std::int64_t active = 0;
  std::int64_t idle = 0;
  std::int64_t idle_in_transaction = 0;
  std::int64_t waiting_for_lock = 0;
};

// One row with the columns in the order of PostgresFigures.
inline constexpr char kPostgresQuestion[] =
    "SELECT count(*) FILTER (WHERE backend_type = 'client backend'),"
    " current_setting('max_connections'), current_setting('superuser_reserved_connections'),"
    " count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state = 'idle'),"
    " count(*) FILTER (WHERE state LIKE 'idle in transaction%'),"
    " count(*) FILTER (WHERE wait_event_type = 'Lock')"
    " FROM pg_stat_activity WHERE pid <> pg_backend_pid()";

healing::Measurement JudgePostgres(const apis::salve::v1alpha1::Probe& probe,
                                   const PostgresFigures& figures);

// A failed connection or query. The server's own words become the error line; whether they tell
// about the service (full, starting, gone) or about us (password, role, database) decides the
// state.
healing::Measurement JudgePostgresError(std::string_view text);

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_POSTGRES_ANSWERS_H_
