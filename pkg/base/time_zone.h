// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_TIME_ZONE_H_
#define SALVE_PKG_BASE_TIME_ZONE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/file_source.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"

namespace salve {

// A date and time of day as on a wall clock, without saying where.
using CivilSecond = std::chrono::local_time<std::chrono::seconds>;
using CivilMinute = std::chrono::local_time<std::chrono::minutes>;

namespace internal {

// When daylight saving begins or ends, as the POSIX TZ string at the end of a TZif file says it.
struct YearlyRule {
  enum class Kind { kMonthWeekDay, kJulianDay, kZeroBasedDay };
  Kind kind = Kind::kMonthWeekDay;
  int month = 1;  // kMonthWeekDay: 1–12, week 1–5 (5 = the last), weekday 0–6
  int week = 1;
  int day = 0;             // the weekday or the day of the year
  int seconds = 2 * 3600;  // local time of day; may be negative or above a day
};

struct PosixZone {
  int standard_offset = 0;  // seconds east of UTC
  int daylight_offset = 0;
  bool has_daylight = false;
  YearlyRule start;
  YearlyRule end;
};

// "CET-1CEST,M3.5.0,M10.5.0/3"; nullopt if it is not well formed.
std::optional<PosixZone> ParsePosixZone(std::string_view text);

}  // namespace internal

// The rules of one time zone. Immutable, thread-safe.
class TimeZone {
 public:
  // Seconds east of UTC from a moment on.
  struct Transition {
    std::int64_t at;  // seconds since the epoch
    int offset;
  };

  static std::shared_ptr<const TimeZone> Utc();
  // The content of a TZif file (RFC 8536), as under /usr/share/zoneinfo.
  static StatusOr<std::shared_ptr<const TimeZone>> FromTzif(std::string name,
                                                            std::string_view data);

  const std::string& name() const { return name_; }

  CivilSecond ToLocal(WallTime t) const;

  // The moment at which the clocks show `civil`. A time that daylight saving skips becomes the
  // moment at which the gap ends; one that comes twice becomes the first of the two.
  WallTime ToUtc(CivilSecond civil) const;

 private:
  TimeZone() = default;

  int OffsetAt(std::int64_t t) const;
  // Those in (from, to], sorted.
  std::vector<Transition> TransitionsBetween(std::int64_t from, std::int64_t to) const;
  void AddYearly(std::int64_t from, std::int64_t to, std::vector<Transition>& out) const;

  std::string name_;
  int first_offset_ = 0;  // before the first transition
  std::vector<Transition> transitions_;
  std::optional<internal::PosixZone> yearly_;  // after the last one
};

// Time zones by IANA name. Thread-safe.
class TimeZones {
 public:
  virtual ~TimeZones() = default;
  // kNotFound if there is no such zone, kInvalidArgument if the name is not one. "UTC" is always
  // there.
  virtual StatusOr<std::shared_ptr<const TimeZone>> Find(const std::string& name) = 0;
};

// Reads TZif files of a directory at first use and keeps them.
class ZoneInfoFiles : public TimeZones {
 public:
  explicit ZoneInfoFiles(FileSource& files, std::string directory = "/usr/share/zoneinfo");
  StatusOr<std::shared_ptr<const TimeZone>> Find(const std::string& name) override;

 private:
  FileSource& files_;
  const std::string directory_;
  Mutex mu_;
  std::map<std::string, std::shared_ptr<const TimeZone>> zones_ SALVE_GUARDED_BY(mu_);
};

// The machine's zones. Shared, never destroyed.
TimeZones& SystemTimeZones();

}  // namespace salve

#endif  // SALVE_PKG_BASE_TIME_ZONE_H_
