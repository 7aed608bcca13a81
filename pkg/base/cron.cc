// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/cron.h"

#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

namespace salve {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::year_month_day;

constexpr std::array<std::string_view, 12> kMonths = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                      "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekdays = {"SUN", "MON", "TUE", "WED",
                                                       "THU", "FRI", "SAT"};

// 29 February may be eight years away.
constexpr days kHorizon{9 * 366};

struct FieldForm {
  const char* name;
  int low;
  int high;
};

std::optional<int> ParseValue(std::string_view text, const FieldForm& form) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stop == end && text[0] != '-') return number;
  if (text.size() != 3) return std::nullopt;
  const auto matches = [text](std::string_view name) {
    for (std::size_t i = 0; i < 3; ++i) {
      const char c = text[i];
      if ((c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c) != name[i]) return false;
    }
    return true;
  };
  if (form.high == 12) {
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      if (matches(kMonths[i])) return static_cast<int>(i) + 1;
    }
  } else if (form.high == 7) {
    for (std::size_t i = 0; i < kWeekdays.size(); ++i) {
      if (matches(kWeekdays[i])) return static_cast<int>(i);
    }
  }
  return std::nullopt;
}

// One element of a list: "*", "5", "MON-FRI", "8-18/2".
template <std::size_t N>
bool ParseElement(std::string_view text, const FieldForm& form, std::bitset<N>& bits) {
  int step = 1;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
    if (error != std::errc() || stop != digits.data() + digits.size() || step < 1) return false;
    text = text.substr(0, slash);
  }
  if (text.empty()) return false;
  int low = form.low, high = form.high;
  if (text != "*") {
    const std::size_t dash = text.find('-');
    const auto first = ParseValue(text.substr(0, dash), form);
    if (!first) return false;
    low = *first;
    if (dash != std::string_view::npos) {
      const std::string_view end = text.substr(dash + 1);
      const auto last = end.empty() ? std::nullopt : ParseValue(end, form);
      if (!last) return false;
      high = *last;
    } else if (slash == std::string_view::npos) {
      high = low;
    }
  }
  if (low < form.low || high > form.high || low > high) return false;
  for (int value = low; value <= high; value += step) bits.set(static_cast<std::size_t>(value));
  return true;
}

template <std::size_t N>
Status ParseField(std::string_view text, const FieldForm& form, std::bitset<N>& bits) {
  std::string_view rest = text;
  for (;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view element = rest.substr(0, comma);
    if (element.empty() || !ParseElement(element, form, bits)) {
      return InvalidArgumentError("cron: \"" + std::string(text.substr(0, 40)) + "\" is not a " +
                                  form.name + " (" + std::to_string(form.low) + "–" +
                                  std::to_string(form.high) + ")");
    }
    if (comma == std::string_view::npos) return Status::Ok();
    rest.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> Fields(std::string_view text) {
  std::vector<std::string_view> fields;
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t begin = text.find_first_not_of(" \t", i);
    if (begin == std::string_view::npos) break;
    i = std::min(text.find_first_of(" \t", begin), text.size());
    fields.push_back(text.substr(begin, i - begin));
  }
  return fields;
}

template <std::size_t N>
int NextBit(const std::bitset<N>& bits, int from) {
  for (int i = from; i < static_cast<int>(N); ++i) {
    if (bits.test(static_cast<std::size_t>(i))) return i;
  }
  return -1;
}

template <std::size_t N>
int PrevBit(const std::bitset<N>& bits, int from) {
  for (int i = std::min(from, static_cast<int>(N) - 1); i >= 0; --i) {
    if (bits.test(static_cast<std::size_t>(i))) return i;
  }
  return -1;
}

CivilMinute At(local_days day, int hour, int minute) {
  return CivilMinute(day) + std::chrono::hours(hour) + std::chrono::minutes(minute);
}

}  // namespace

StatusOr<Cron> Cron::Parse(std::string_view text) {
  const std::vector<std::string_view> fields = Fields(text);
  if (fields.size() != 5) {
    return InvalidArgumentError(
        "cron: five fields are expected (minute, hour, day of month, month, day of week), there "
        "are " +
        std::to_string(fields.size()));
  }
  Cron cron;
  std::bitset<8> weekdays;
  SALVE_RETURN_IF_ERROR(ParseField(fields[0], {"minute", 0, 59}, cron.minutes_));
  SALVE_RETURN_IF_ERROR(ParseField(fields[1], {"hour", 0, 23}, cron.hours_));
  SALVE_RETURN_IF_ERROR(ParseField(fields[2], {"day of month", 1, 31}, cron.days_));
  SALVE_RETURN_IF_ERROR(ParseField(fields[3], {"month", 1, 12}, cron.months_));
  SALVE_RETURN_IF_ERROR(ParseField(fields[4], {"day of week", 0, 7}, weekdays));
  for (std::size_t day = 0; day < 8; ++day) {
    if (weekdays.test(day)) cron.weekdays_.set(day % 7);
  }
  cron.any_day_ = fields[2][0] == '*';
  cron.any_weekday_ = fields[4][0] == '*';
  // Any start finds what there is within the horizon.
  constexpr CivilMinute kSomeDay{std::chrono::hours(24 * 365 * 30)};
  if (!cron.NextFire(kSomeDay)) {
    return InvalidArgumentError("cron: \"" + std::string(text.substr(0, 60)) + "\" never fires");
  }
  return cron;
}

bool Cron::MatchesDay(const year_month_day& date) const {
  if (!months_.test(static_cast<unsigned>(date.month()))) return false;
  const bool day = days_.test(static_cast<unsigned>(date.day()));
  const bool weekday = weekdays_.test(std::chrono::weekday(local_days(date)).c_encoding());
  return any_day_ || any_weekday_ ? day && weekday : day || weekday;
}

std::optional<CivilMinute> Cron::NextFire(CivilMinute after) const {
  const CivilMinute from = after + std::chrono::minutes(1);
  const local_days first = std::chrono::floor<days>(from);
  const std::chrono::hh_mm_ss time(from - CivilMinute(first));
  int hour = static_cast<int>(time.hours().count());
  int minute = static_cast<int>(time.minutes().count());
  for (local_days day = first; day <= first + kHorizon; day += days(1)) {
    if (MatchesDay(year_month_day(day))) {
      for (int h = NextBit(hours_, hour); h >= 0; h = NextBit(hours_, h + 1)) {
        const int m = NextBit(minutes_, h == hour ? minute : 0);
        if (m >= 0) return At(day, h, m);
      }
    }
    hour = minute = 0;
  }
  return std::nullopt;
}

std::optional<CivilMinute> Cron::PrevFire(CivilMinute at) const {
  const local_days first = std::chrono::floor<days>(at);
  const std::chrono::hh_mm_ss time(at - CivilMinute(first));
  int hour = static_cast<int>(time.hours().count());
  int minute = static_cast<int>(time.minutes().count());
  for (local_days day = first; day >= first - kHorizon; day -= days(1)) {
    if (MatchesDay(year_month_day(day))) {
      for (int h = PrevBit(hours_, hour); h >= 0; h = PrevBit(hours_, h - 1)) {
        const int m = PrevBit(minutes_, h == hour ? minute : 59);
        if (m >= 0) return At(day, h, m);
      }
    }
    hour = 23;
    minute = 59;
  }
  return std::nullopt;
}

std::optional<WallTime> NextFire(const Cron& cron, const TimeZone& zone, WallTime after) {
  CivilMinute civil = std::chrono::floor<std::chrono::minutes>(zone.ToLocal(after));
  // In the second pass of an hour that comes twice, fires of that hour lie in the first pass: skip
  // them.
  while (const auto fire = cron.NextFire(civil)) {
    const WallTime moment = zone.ToUtc(*fire);
    if (moment > after) return moment;
    civil = *fire;
  }
  return std::nullopt;
}

std::optional<WallTime> PrevFire(const Cron& cron, const TimeZone& zone, WallTime at) {
  // Clocks are never set back by more than a few hours; a fire shown later than now may have been
  // in the first pass.
  constexpr std::chrono::hours kMostSetBack{3};
  CivilMinute civil = std::chrono::floor<std::chrono::minutes>(zone.ToLocal(at)) + kMostSetBack;
  while (const auto fire = cron.PrevFire(civil)) {
    const WallTime moment = zone.ToUtc(*fire);
    if (moment <= at) return moment;
    civil = *fire - std::chrono::minutes(1);
  }
  return std::nullopt;
}

}  // namespace salve
