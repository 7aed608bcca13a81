// SPDX-License-Identifier: Apache-2.0
// The POSIX TZ string, with the extensions of RFC 8536 (hours from -167 to 167).
#include <cctype>

#include "pkg/base/time_zone.h"

namespace salve::internal {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool AtEnd() const { return pos_ == text_.size(); }
  bool Take(char c) {
    if (AtEnd() || text_[pos_] != c) return false;
    ++pos_;
    return true;
  }
  char Peek() const { return AtEnd() ? '\0' : text_[pos_]; }

  std::optional<int> Number(int low, int high) {
    const std::size_t begin = pos_;
    int value = 0;
    while (!AtEnd() && text_[pos_] >= '0' && text_[pos_] <= '9' && pos_ - begin < 4) {
      value = value * 10 + (text_[pos_++] - '0');
    }
    if (pos_ == begin || value < low || value > high) return std::nullopt;
    return value;
  }

  // "CEST" or "<+03>".
  bool Name() {
    const std::size_t begin = pos_;
    if (Take('<')) {
      while (!AtEnd() && text_[pos_] != '>') ++pos_;
      return Take('>');
    }
    while (!AtEnd() && std::isalpha(static_cast<unsigned char>(text_[pos_])) != 0) ++pos_;
    return pos_ - begin >= 3;
  }

  // [+-]h[h[h]][:mm[:ss]] in seconds.
  std::optional<int> Time() {
    const bool negative = Take('-');
    if (!negative) Take('+');
    const auto hours = Number(0, 167);
    if (!hours) return std::nullopt;
    int seconds = *hours * 3600;
    for (const int unit : {60, 1}) {
      if (!Take(':')) break;
      const auto part = Number(0, 59);
      if (!part) return std::nullopt;
      seconds += *part * unit;
    }
    return negative ? -seconds : seconds;
  }

  std::optional<YearlyRule> Rule() {
    YearlyRule rule;
    if (!Date(rule)) return std::nullopt;
    if (Take('/')) {
      const auto time = Time();
      if (!time) return std::nullopt;
      rule.seconds = *time;
    }
    return rule;
  }

 private:
  bool Date(YearlyRule& rule) {
    if (Take('M')) {
      const auto month = Number(1, 12);
      if (!month || !Take('.')) return false;
      const auto week = Number(1, 5);
      if (!week || !Take('.')) return false;
      const auto day = Number(0, 6);
      if (!day) return false;
      rule.month = *month;
      rule.week = *week;
      rule.day = *day;
      return true;
    }
    const bool julian = Take('J');
    rule.kind = julian ? YearlyRule::Kind::kJulianDay : YearlyRule::Kind::kZeroBasedDay;
    const auto day = Number(julian ? 1 : 0, 365);
    if (!day) return false;
    rule.day = *day;
    return true;
  }

  std::string_view text_;
  std::size_t pos_ = 0;
};

}  // namespace

std::optional<PosixZone> ParsePosixZone(std::string_view text) {
  Reader in(text);
  PosixZone zone;
  if (!in.Name()) return std::nullopt;
  const auto standard = in.Time();
  if (!standard) return std::nullopt;
  zone.standard_offset = -*standard;  // POSIX counts west of Greenwich
  if (in.AtEnd()) return zone;
  if (!in.Name()) return std::nullopt;
  zone.has_daylight = true;
  zone.daylight_offset = zone.standard_offset + 3600;
  if (in.Peek() != ',') {
    const auto daylight = in.Time();
    if (!daylight) return std::nullopt;
    zone.daylight_offset = -*daylight;
  }
  if (!in.Take(',')) return std::nullopt;
  const auto start = in.Rule();
  if (!start || !in.Take(',')) return std::nullopt;
  const auto end = in.Rule();
  if (!end || !in.AtEnd()) return std::nullopt;
  zone.start = *start;
  zone.end = *end;
  return zone;
}

}  // namespace salve::internal
