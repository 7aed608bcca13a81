// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/salve/v1alpha1/redis_parameters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace salve::apis::salve::v1alpha1 {
namespace {

enum class Form { kNumber, kBytes, kYesNo, kEvictionPolicy };

struct Parameter {
  std::string_view name;
  Form form;
  std::int64_t low;
  std::int64_t high;
};

constexpr std::int64_t kNoLimit = std::int64_t{1} << 46;

// Sorted by name.
constexpr std::array kParameters = {
    Parameter{"active-expire-effort", Form::kNumber, 1, 10},
    Parameter{"activedefrag", Form::kYesNo, 0, 0},
    Parameter{"hz", Form::kNumber, 1, 500},
    Parameter{"lazyfree-lazy-eviction", Form::kYesNo, 0, 0},
    Parameter{"lazyfree-lazy-expire", Form::kYesNo, 0, 0},
    Parameter{"lua-time-limit", Form::kNumber, 1, 600000},
    Parameter{"maxclients", Form::kNumber, 1, 1000000},
    Parameter{"maxmemory", Form::kBytes, 1 << 20, kNoLimit},
    Parameter{"maxmemory-policy", Form::kEvictionPolicy, 0, 0},
    Parameter{"maxmemory-samples", Form::kNumber, 1, 64},
    Parameter{"slowlog-log-slower-than", Form::kNumber, 0, 60000000},
    Parameter{"slowlog-max-len", Form::kNumber, 0, 100000},
    Parameter{"tcp-keepalive", Form::kNumber, 0, 86400},
    Parameter{"timeout", Form::kNumber, 0, 604800},
};

constexpr std::array<std::string_view, 8> kEvictionPolicies = {
    "allkeys-lfu",  "allkeys-lru",  "allkeys-random",  "noeviction",
    "volatile-lfu", "volatile-lru", "volatile-random", "volatile-ttl"};

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
// As redis.conf: k is 1000, kb is 1024.
constexpr std::array kUnits = {Unit{"", 1},           Unit{"b", 1},       Unit{"k", 1000},
                               Unit{"kb", 1024},      Unit{"m", 1000000}, Unit{"mb", 1 << 20},
                               Unit{"g", 1000000000}, Unit{"gb", 1 << 30}};

bool InRange(std::string_view digits, std::int64_t factor, const Parameter& parameter) {
  std::int64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stop != end || number < 0 || number > kNoLimit / factor) return false;
  return number * factor >= parameter.low && number * factor <= parameter.high;
}

bool IsBytes(const std::string& value, const Parameter& parameter) {
  std::string lower = value;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::size_t digits = std::min(lower.find_first_not_of("0123456789"), lower.size());
  const std::string_view suffix = std::string_view(lower).substr(digits);
  const auto unit =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == suffix; });
  return unit != kUnits.end() &&
         InRange(std::string_view(lower).substr(0, digits), unit->factor, parameter);
}

}  // namespace

const std::vector<std::string>& RedisParameterNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Parameter& p : kParameters) all.emplace_back(p.name);
    return all;
  }();
  return names;
}

std::string CheckRedisParameter(const std::string& name, const std::string& value) {
  const auto parameter = std::find_if(kParameters.begin(), kParameters.end(),
                                      [&](const Parameter& p) { return p.name == name; });
  if (parameter == kParameters.end()) return "is not a parameter that Salve sets";
  switch (parameter->form) {
    case Form::kNumber:
      if (InRange(value, 1, *parameter)) return "";
      return "must be a whole number from " + std::to_string(parameter->low) + " to " +
             std::to_string(parameter->high);
    case Form::kBytes:
      if (IsBytes(value, *parameter)) return "";
      return "must be a size of at least 1mb, as in 256mb";
    case Form::kYesNo:
      return value == "yes" || value == "no" ? "" : "must be yes or no";
    case Form::kEvictionPolicy:
      break;
  }
  if (std::find(kEvictionPolicies.begin(), kEvictionPolicies.end(), value) !=
      kEvictionPolicies.end()) {
    return "";
  }
  return "must be an eviction policy of Redis, as in allkeys-lru";
}

}  // namespace salve::apis::salve::v1alpha1
