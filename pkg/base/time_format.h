// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_TIME_FORMAT_H_
#define SALVE_PKG_BASE_TIME_FORMAT_H_

#include <optional>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"

namespace salve {

// "2026-12-01T12:00:00Z": what metav1.Time looks like on the wire (seconds, UTC).
std::string FormatTime(WallTime t);
// "2026-12-01T12:00:00.123456Z": metav1.MicroTime.
std::string FormatMicroTime(WallTime t);
// RFC 3339 with any offset and up to nine fractional digits; nullopt for anything else, for dates
// that do not exist, and for years outside 1678–2261 (what nanoseconds since the epoch can hold).
std::optional<WallTime> ParseTime(std::string_view text);

// How kubectl prints ages: "61s", "4m25s", "10m", "5h3m", "3d2h", "2y30d". Negative is "0s".
std::string HumanDuration(Duration d);

}  // namespace salve

#endif  // SALVE_PKG_BASE_TIME_FORMAT_H_
