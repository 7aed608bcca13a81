// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/time_zone.h"

#include <algorithm>
#include <set>
#include <utility>

namespace salve {
namespace {

using internal::PosixZone;
using internal::YearlyRule;
using std::chrono::days;
using std::chrono::sys_days;

constexpr std::size_t kMaxFileBytes = 256u << 10;
constexpr std::size_t kMaxZones = 700;  // more than there are
// No two places on earth are further apart than this.
constexpr std::int64_t kMaxOffset = 26 * 3600;

// Reads big-endian numbers; every read past the end fails and stays failed.
class TzifReader {
 public:
  explicit TzifReader(std::string_view data) : data_(data) {}

  bool ok() const { return ok_; }
  std::string_view Bytes(std::size_t n) {
    if (!ok_ || data_.size() < n) {
      ok_ = false;
      return {};
    }
    const std::string_view part = data_.substr(0, n);
    data_.remove_prefix(n);
    return part;
  }
  std::int64_t Number(std::size_t bytes) {
    const std::string_view part = Bytes(bytes);
    if (part.empty()) return 0;
    std::uint64_t value = (part[0] & 0x80) != 0 ? ~std::uint64_t{0} : 0;  // sign
    for (const char c : part) value = (value << 8) | static_cast<unsigned char>(c);
    return static_cast<std::int64_t>(value);
  }
  std::string_view rest() const { return data_; }

 private:
  std::string_view data_;
  bool ok_ = true;
};

struct TzifHeader {
  char version = 0;
  std::size_t utc_flags = 0, standard_flags = 0, leaps = 0, times = 0, types = 0, characters = 0;

  std::size_t DataSize(std::size_t time_bytes) const {
    return times * (time_bytes + 1) + types * 6 + characters + leaps * (time_bytes + 4) +
           standard_flags + utc_flags;
  }
};

std::optional<TzifHeader> ReadHeader(TzifReader& in) {
  if (in.Bytes(4) != "TZif") return std::nullopt;
  TzifHeader header;
  const std::string_view version = in.Bytes(1);
  in.Bytes(15);
  for (std::size_t* count : {&header.utc_flags, &header.standard_flags, &header.leaps,
                             &header.times, &header.types, &header.characters}) {
    const std::int64_t n = in.Number(4);
    if (n < 0 || n > 65536) return std::nullopt;
    *count = static_cast<std::size_t>(n);
  }
  if (!in.ok()) return std::nullopt;
  header.version = version[0];
  return header;
}

std::int64_t DayOf(const YearlyRule& rule, std::chrono::year year) {
  using std::chrono::month;
  const auto count = [](sys_days day) { return std::int64_t{day.time_since_epoch().count()}; };
  if (rule.kind != YearlyRule::Kind::kMonthWeekDay) {
    std::int64_t day = rule.day;
    if (rule.kind == YearlyRule::Kind::kJulianDay) {
      // J1–J365: February 29 is never counted.
      day = rule.day - 1 + (year.is_leap() && rule.day >= 60 ? 1 : 0);
    }
    return count(sys_days(year / 1 / 1)) + day;
  }
  const std::chrono::weekday weekday(static_cast<unsigned>(rule.day));
  const auto m = year / month(static_cast<unsigned>(rule.month));
  return rule.week == 5 ? count(sys_days(m / weekday[std::chrono::last]))
                        : count(sys_days(m / weekday[static_cast<unsigned>(rule.week)]));
}

std::int64_t Seconds(WallTime t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}
WallTime FromSeconds(std::int64_t t) { return WallTime(std::chrono::seconds(t)); }

bool IsZoneName(const std::string& name) {
  if (name.empty() || name.size() > 64 || name.front() == '/' || name.back() == '/') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  });
}

}  // namespace

std::shared_ptr<const TimeZone> TimeZone::Utc() {
  static const auto utc = [] {
    std::shared_ptr<TimeZone> zone(new TimeZone);
    zone->name_ = "UTC";
    return std::shared_ptr<const TimeZone>(zone);
  }();
  return utc;
}

StatusOr<std::shared_ptr<const TimeZone>> TimeZone::FromTzif(std::string name,
                                                             std::string_view data) {
  const auto broken = [&name](const char* what) {
    return InvalidArgumentError("time zone \"" + name + "\": not a usable TZif file: " + what);
  };
  TzifReader in(data);
  auto header = ReadHeader(in);
  if (!header) return broken("bad header");
  std::size_t time_bytes = 4;
  if (header->version >= '2') {  // the same again with 64-bit times follows
    in.Bytes(header->DataSize(4));
    header = ReadHeader(in);
    if (!header) return broken("bad second header");
    time_bytes = 8;
  }
  if (header->types == 0) return broken("no local time types");
  if (header->leaps != 0) return broken("it counts leap seconds");

  std::shared_ptr<TimeZone> zone(new TimeZone);
  zone->name_ = std::move(name);
  std::vector<std::int64_t> times(header->times);
  for (std::int64_t& t : times) t = in.Number(time_bytes);
  const std::string_view indices = in.Bytes(header->times);
  std::vector<int> offsets(header->types);
  for (int& offset : offsets) {
    const std::int64_t seconds = in.Number(4);
    if (seconds < -kMaxOffset || seconds > kMaxOffset) return broken("impossible offset");
    offset = static_cast<int>(seconds);
    in.Bytes(2);
  }
  in.Bytes(header->characters + header->standard_flags + header->utc_flags);
  if (!in.ok()) return broken("cut off");

  zone->first_offset_ = offsets[0];
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto type = static_cast<unsigned char>(indices[i]);
    if (type >= offsets.size()) return broken("bad type index");
    if (i > 0 && times[i] <= times[i - 1]) return broken("transitions out of order");
    zone->transitions_.push_back({times[i], offsets[type]});
  }
  if (time_bytes == 8) {
    const std::string_view footer = in.rest();
    if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') {
      return broken("footer cut short");
    }
    // "" is a zone whose rule cannot be written down.
    if (footer.size() > 2) {
      zone->yearly_ = internal::ParsePosixZone(footer.substr(1, footer.size() - 2));
      if (!zone->yearly_) return broken("bad footer");
    }
  }
  return std::shared_ptr<const TimeZone>(std::move(zone));
}

void TimeZone::AddYearly(std::int64_t from, std::int64_t to, std::vector<Transition>& out) const {
  if (!yearly_) return;
  const std::int64_t last = transitions_.empty() ? INT64_MIN : transitions_.back().at;
  const PosixZone& zone = *yearly_;
  const auto year_of = [](std::int64_t t) {
    const auto day = std::chrono::floor<days>(std::chrono::sys_seconds(std::chrono::seconds(t)));
    return std::chrono::year_month_day(day).year();
  };
  const std::size_t first = out.size();
  if (!zone.has_daylight) return;
  for (auto year = year_of(from); year <= year_of(to) + std::chrono::years(1); ++year) {
    const std::int64_t start =
        DayOf(zone.start, year) * 86400 + zone.start.seconds - zone.standard_offset;
    const std::int64_t end =
        DayOf(zone.end, year) * 86400 + zone.end.seconds - zone.daylight_offset;
    for (const Transition& t :
         {Transition{start, zone.daylight_offset}, Transition{end, zone.standard_offset}}) {
      if (t.at > last && t.at > from && t.at <= to) out.push_back(t);
    }
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(),
            [](const Transition& a, const Transition& b) { return a.at < b.at; });
}

std::vector<TimeZone::Transition> TimeZone::TransitionsBetween(std::int64_t from,
                                                               std::int64_t to) const {
  std::vector<Transition> found;
  const auto begin = std::upper_bound(
      transitions_.begin(), transitions_.end(), from,
      [](std::int64_t t, const Transition& transition) { return t < transition.at; });
  for (auto it = begin; it != transitions_.end() && it->at <= to; ++it) found.push_back(*it);
  if (transitions_.empty() || to > transitions_.back().at) AddYearly(from, to, found);
  return found;
}

int TimeZone::OffsetAt(std::int64_t t) const {
  const auto after = std::upper_bound(
      transitions_.begin(), transitions_.end(), t,
      [](std::int64_t at, const Transition& transition) { return at < transition.at; });
  if (after != transitions_.end() || !yearly_) {
    return after == transitions_.begin() ? first_offset_ : std::prev(after)->offset;
  }
  // Past the table: the last change of the last thirteen months counts.
  constexpr std::int64_t kThirteenMonths = 400 * 86400;
  std::vector<Transition> recent;
  AddYearly(t - kThirteenMonths, t, recent);
  if (!recent.empty()) return recent.back().offset;
  return transitions_.empty() || !yearly_->has_daylight ? yearly_->standard_offset
                                                        : transitions_.back().offset;
}

CivilSecond TimeZone::ToLocal(WallTime t) const {
  const std::int64_t seconds = Seconds(t);
  return CivilSecond(std::chrono::seconds(seconds + OffsetAt(seconds)));
}

WallTime TimeZone::ToUtc(CivilSecond civil) const {
  const std::int64_t local = civil.time_since_epoch().count();
  // Whichever offset holds, the moment lies in here.
  const std::int64_t low = local - kMaxOffset, high = local + kMaxOffset;
  int offset = OffsetAt(low);
  std::int64_t begin = low;
  for (const Transition& next : TransitionsBetween(low, high)) {
    const std::int64_t moment = local - offset;
    if (moment >= begin && moment < next.at) return FromSeconds(moment);  // the earliest that fits
    if (moment >= next.at && local - next.offset < next.at)
      return FromSeconds(next.at);  // in the gap
    offset = next.offset;
    begin = next.at;
  }
  return FromSeconds(local - offset);
}

ZoneInfoFiles::ZoneInfoFiles(FileSource& files, std::string directory)
    : files_(files), directory_(std::move(directory)) {}

StatusOr<std::shared_ptr<const TimeZone>> ZoneInfoFiles::Find(const std::string& name) {
  if (name == "UTC") return TimeZone::Utc();
  if (!IsZoneName(name)) {
    return InvalidArgumentError("\"" + name.substr(0, 64) + "\" is not a time zone's name");
  }
  {
    const MutexLock lock(mu_);
    if (const auto it = zones_.find(name); it != zones_.end()) return it->second;
  }
  auto data = files_.Read(directory_ + "/" + name, kMaxFileBytes);
  if (!data.ok()) {
    if (data.code() == Code::kNotFound || data.code() == Code::kInvalidArgument) {
      return NotFoundError("there is no time zone \"" + name + "\" in " + directory_);
    }
    return data.status();
  }
  SALVE_ASSIGN_OR_RETURN(std::shared_ptr<const TimeZone> zone, TimeZone::FromTzif(name, *data));
  const MutexLock lock(mu_);
  if (zones_.size() < kMaxZones) zones_[name] = zone;
  return zone;
}

TimeZones& SystemTimeZones() {
  static auto& zones = *new ZoneInfoFiles(SystemFiles());
  return zones;
}

}  // namespace salve
