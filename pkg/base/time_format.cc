// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/time_format.h"

#include <cstdio>

namespace salve {
namespace {

using std::chrono::duration_cast;

std::string FormatSeconds(WallTime t, char* end_fraction, std::size_t size) {
  const auto secs = std::chrono::floor<std::chrono::seconds>(t);
  const auto day = std::chrono::floor<std::chrono::days>(secs);
  const std::chrono::year_month_day ymd(day);
  const std::chrono::hh_mm_ss hms(secs - day);
  if (end_fraction != nullptr) {
    std::snprintf(end_fraction, size, ".%06ld",
                  static_cast<long>(duration_cast<std::chrono::microseconds>(t - secs).count()));
  }
  char buf[48];
  std::snprintf(buf, sizeof buf, "%04d-%02u-%02uT%02ld:%02ld:%02ld", static_cast<int>(ymd.year()),
                static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                static_cast<long>(hms.hours().count()), static_cast<long>(hms.minutes().count()),
                static_cast<long>(hms.seconds().count()));
  return buf;
}

// Reads exactly `n` digits at `pos`.
std::optional<int> Digits(std::string_view s, std::size_t pos, std::size_t n) {
  if (pos + n > s.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = pos; i < pos + n; ++i) {
    if (s[i] < '0' || s[i] > '9') return std::nullopt;
    value = value * 10 + (s[i] - '0');
  }
  return value;
}

std::optional<Duration> ParseFraction(std::string_view s, std::size_t& pos) {
  if (pos >= s.size() || s[pos] != '.') return Duration(0);
  ++pos;
  std::int64_t nanos = 0;
  int digits = 0;
  for (; pos < s.size() && s[pos] >= '0' && s[pos] <= '9'; ++pos) {
    if (++digits > 9) return std::nullopt;
    nanos = nanos * 10 + (s[pos] - '0');
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) nanos *= 10;
  return Duration(nanos);
}

std::optional<Duration> ParseOffset(std::string_view s) {
  if (s == "Z" || s == "z") return Duration(0);
  if (s.size() != 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':') return std::nullopt;
  const auto h = Digits(s, 1, 2), m = Digits(s, 4, 2);
  if (!h || !m || *h > 23 || *m > 59) return std::nullopt;
  const Duration d = std::chrono::hours(*h) + std::chrono::minutes(*m);
  return s[0] == '-' ? -d : d;
}

}  // namespace

std::string FormatTime(WallTime t) { return FormatSeconds(t, nullptr, 0) + "Z"; }

std::string FormatMicroTime(WallTime t) {
  char fraction[24];
  std::string base = FormatSeconds(t, fraction, sizeof fraction);
  return base + fraction + "Z";
}

std::optional<WallTime> ParseTime(std::string_view s) {
  if (s.size() < 20 || s[4] != '-' || s[7] != '-' || (s[10] != 'T' && s[10] != 't') ||
      s[13] != ':' || s[16] != ':') {
    return std::nullopt;
  }
  const auto y = Digits(s, 0, 4), mo = Digits(s, 5, 2), d = Digits(s, 8, 2);
  const auto h = Digits(s, 11, 2), mi = Digits(s, 14, 2), se = Digits(s, 17, 2);
  if (!y || !mo || !d || !h || !mi || !se) return std::nullopt;
  if (*y < 1678 || *y > 2261 || *h > 23 || *mi > 59 || *se > 59) return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year(*y),
                                        std::chrono::month(static_cast<unsigned>(*mo)),
                                        std::chrono::day(static_cast<unsigned>(*d))};
  if (!ymd.ok()) return std::nullopt;
  std::size_t pos = 19;
  const auto fraction = ParseFraction(s, pos);
  if (!fraction) return std::nullopt;
  const auto offset = ParseOffset(s.substr(pos));
  if (!offset) return std::nullopt;
  return WallTime(std::chrono::sys_days(ymd)) + std::chrono::hours(*h) + std::chrono::minutes(*mi) +
         std::chrono::seconds(*se) + *fraction - *offset;
}

std::string HumanDuration(Duration d) {
  const auto total = duration_cast<std::chrono::seconds>(d).count();
  if (total <= 0) return "0s";
  const auto str = [](std::int64_t a, const char* ua, std::int64_t b, const char* ub) {
    return std::to_string(a) + ua + (b != 0 ? std::to_string(b) + ub : "");
  };
  const std::int64_t minutes = total / 60, hours = total / 3600, days = hours / 24;
  if (total < 120) return std::to_string(total) + "s";
  if (minutes < 10) return str(minutes, "m", total % 60, "s");
  if (minutes < 180) return std::to_string(minutes) + "m";
  if (hours < 8) return str(hours, "h", minutes % 60, "m");
  if (hours < 48) return std::to_string(hours) + "h";
  if (days < 8) return str(days, "d", hours % 24, "h");
  if (days < 365 * 2) return std::to_string(days) + "d";
  if (days < 365 * 8) return str(days / 365, "y", days % 365, "d");
  return std::to_string(days / 365) + "y";
}

}  // namespace salve
