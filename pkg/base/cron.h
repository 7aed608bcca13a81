// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_CRON_H_
#define SALVE_PKG_BASE_CRON_H_

#include <bitset>
#include <optional>
#include <string_view>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/base/time_zone.h"

namespace salve {

// A crontab line's five fields: minute, hour, day of month, month, day of week. Numbers, names
// (JAN, MON; any case), `*`, ranges, lists and steps (`*/15`, `8-18/2`; `5/15` is `5-59/15`);
// Sunday is 0 or 7. As in Vixie's cron, where neither day field begins with `*` it is enough that
// one of them matches. Immutable, thread-safe.
class Cron {
 public:
  // kInvalidArgument names the field. A line that never fires (30 February) is refused as well.
  static StatusOr<Cron> Parse(std::string_view text);

  // The first minute after `after` (not `after` itself), on a wall clock that never jumps.
  std::optional<CivilMinute> NextFire(CivilMinute after) const;
  // The last minute up to and including `at`.
  std::optional<CivilMinute> PrevFire(CivilMinute at) const;

 private:
  Cron() = default;

  bool MatchesDay(const std::chrono::year_month_day& date) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;     // 1–31
  std::bitset<13> months_;   // 1–12
  std::bitset<7> weekdays_;  // 0 = Sunday
  bool any_day_ = false;     // the field begins with '*'
  bool any_weekday_ = false;
};

// The same on the clocks of a time zone: a minute that daylight saving skips fires at the end of
// the gap, one that comes twice fires once, the first time. NextFire: after `after`; PrevFire: up
// to and including `at`.
std::optional<WallTime> NextFire(const Cron& cron, const TimeZone& zone, WallTime after);
std::optional<WallTime> PrevFire(const Cron& cron, const TimeZone& zone, WallTime at);

}  // namespace salve

#endif  // SALVE_PKG_BASE_CRON_H_
