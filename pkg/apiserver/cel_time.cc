// SPDX-License-Identifier: Apache-2.0
// Timestamps and durations; accessors are in UTC.
#include <chrono>

#include "pkg/apiserver/cel_functions.h"
#include "pkg/apiserver/schema_node.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver::cel {
namespace {

using Type = Value::Type;

constexpr std::int64_t kSecond = 1'000'000'000;

Value ToTimestamp(const CallContext& call) {
  if (call.Is(0, Type::kTimestamp)) return call[0];
  if (call.Is(0, Type::kInt)) {
    std::int64_t nanoseconds = 0;
    if (__builtin_mul_overflow(call[0].integer(), kSecond, &nanoseconds)) {
      return Value::Error("timestamp overflow");
    }
    return Value::Timestamp(nanoseconds);
  }
  if (!call.Is(0, Type::kString)) return Value::NoOverload();
  const auto time = ParseTime(call[0].text());
  if (!time) return Value::Error("not a timestamp: " + ShowValue(call[0].text()));
  return Value::Timestamp(time->time_since_epoch().count());
}

Value ToDuration(const CallContext& call) {
  if (call.Is(0, Type::kDuration)) return call[0];
  if (!call.Is(0, Type::kString)) return Value::NoOverload();
  const auto nanoseconds = ParseGoDuration(call[0].text());
  if (!nanoseconds) return Value::Error("not a duration: " + ShowValue(call[0].text()));
  return Value::Duration(*nanoseconds);
}

enum class Part {
  kYear,
  kMonth,
  kDate,
  kDayOfMonth,
  kDayOfWeek,
  kDayOfYear,
  kHours,
  kMinutes,
  kSeconds,
  kMilliseconds,
};

Value DatePart(std::int64_t nanoseconds, Part part) {
  using std::chrono::sys_days;
  const std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(nanoseconds)};
  const sys_days day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  switch (part) {
    case Part::kYear:
      return Value::Int(static_cast<int>(date.year()));
    case Part::kMonth:
      return Value::Int(static_cast<std::int64_t>(static_cast<unsigned>(date.month())) - 1);
    case Part::kDate:
      return Value::Int(static_cast<unsigned>(date.day()));
    case Part::kDayOfMonth:
      return Value::Int(static_cast<std::int64_t>(static_cast<unsigned>(date.day())) - 1);
    case Part::kDayOfWeek:
      return Value::Int(std::chrono::weekday(day).c_encoding());
    case Part::kDayOfYear:
      return Value::Int((day - sys_days(date.year() / 1 / 1)).count());
    default:
      break;
  }
  const std::chrono::nanoseconds rest = time - day;
  switch (part) {
    case Part::kHours:
      return Value::Int(rest / std::chrono::hours(1));
    case Part::kMinutes:
      return Value::Int(rest / std::chrono::minutes(1) % 60);
    case Part::kSeconds:
      return Value::Int(rest / std::chrono::seconds(1) % 60);
    default:
      return Value::Int(rest / std::chrono::milliseconds(1) % 1000);
  }
}

Value Get(const CallContext& call, Part part) {
  if (call.Is(0, Type::kTimestamp)) return DatePart(call[0].integer(), part);
  if (!call.Is(0, Type::kDuration)) return Value::NoOverload();
  const std::int64_t nanoseconds = call[0].integer();
  switch (part) {
    case Part::kHours:
      return Value::Int(nanoseconds / (3600 * kSecond));
    case Part::kMinutes:
      return Value::Int(nanoseconds / (60 * kSecond));
    case Part::kSeconds:
      return Value::Int(nanoseconds / kSecond);
    case Part::kMilliseconds:
      return Value::Int(nanoseconds / 1'000'000 % 1000);
    default:
      return Value::NoOverload();
  }
}

template <Part kPart>
Value Accessor(const CallContext& call) {
  return Get(call, kPart);
}

}  // namespace

const std::vector<Function>& TimeFunctions() {
  static const std::vector<Function> functions = {
      {"timestamp", true, false, 1, 1, ToTimestamp},
      {"duration", true, false, 1, 1, ToDuration},
      {"getFullYear", false, true, 1, 1, Accessor<Part::kYear>},
      {"getMonth", false, true, 1, 1, Accessor<Part::kMonth>},
      {"getDate", false, true, 1, 1, Accessor<Part::kDate>},
      {"getDayOfMonth", false, true, 1, 1, Accessor<Part::kDayOfMonth>},
      {"getDayOfWeek", false, true, 1, 1, Accessor<Part::kDayOfWeek>},
      {"getDayOfYear", false, true, 1, 1, Accessor<Part::kDayOfYear>},
      {"getHours", false, true, 1, 1, Accessor<Part::kHours>},
      {"getMinutes", false, true, 1, 1, Accessor<Part::kMinutes>},
      {"getSeconds", false, true, 1, 1, Accessor<Part::kSeconds>},
      {"getMilliseconds", false, true, 1, 1, Accessor<Part::kMilliseconds>},
  };
  return functions;
}

}  // namespace salve::apiserver::cel
