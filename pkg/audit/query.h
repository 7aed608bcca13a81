// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AUDIT_QUERY_H_
#define SALVE_PKG_AUDIT_QUERY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pkg/audit/record.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"

namespace salve::audit {

// Which records are asked for; what is empty asks for nothing in particular.
struct Filter {
  std::string incident;  // "name", "namespace/name" or uid
  std::string policy;    // "name" or "namespace/name"
  std::string target;    // "redis-1" or "docker/Container/redis-1"
  std::string action;
  std::string approver;  // one of them
  std::string event;
  std::optional<WallTime> from;  // by when it happened; inclusive
  std::optional<WallTime> to;    // exclusive
};
bool Matches(const Filter& filter, const Record& record);

// "2026-11-21" (its beginning in UTC) or RFC 3339.
StatusOr<WallTime> ParseMoment(const std::string& text);

// A record and the line that it was read from.
using EachRecord = std::function<bool(const Entry& entry, const std::string& line)>;

// Calls `each` for what matches, in the order of the journal, until it returns false. Lines that
// cannot be read are passed over; returns how many. kNotFound: there is no journal.
StatusOr<std::int64_t> ReadJournal(const std::string& directory, const Filter& filter,
                                   const EachRecord& each);

// A line of RFC 4180 with its end. A cell that a spreadsheet would take for a formula begins with
// an apostrophe.
std::string CsvLine(const std::vector<std::string>& cells);
const std::vector<std::string>& CsvHeader();
std::vector<std::string> CsvCells(const Entry& entry);

}  // namespace salve::audit

#endif  // SALVE_PKG_AUDIT_QUERY_H_
