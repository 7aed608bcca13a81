// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace salve::backends::kubernetes {
namespace {

constexpr double kLargest = 4.0e18;

// What a suffix multiplies by; nullopt for an unknown one.
std::optional<double> Factor(std::string_view suffix) {
  constexpr std::array<std::pair<std::string_view, double>, 16> kSuffixes = {{
      {"", 1.0},
      {"n", 1e-9},
      {"u", 1e-6},
      {"m", 1e-3},
      {"k", 1e3},
      {"M", 1e6},
      {"G", 1e9},
      {"T", 1e12},
      {"P", 1e15},
      {"E", 1e18},
      {"Ki", 1024.0},
      {"Mi", 1048576.0},
      {"Gi", 1073741824.0},
      {"Ti", 1099511627776.0},
      {"Pi", 1125899906842624.0},
      {"Ei", 1152921504606846976.0},
  }};
  for (const auto& [name, factor] : kSuffixes) {
    if (name == suffix) return factor;
  }
  return std::nullopt;
}

// "12e6" has an exponent; "12E" and "12Ei" have the suffix for 10^18 and 2^60.
std::optional<double> Parse(std::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, number, std::chars_format::general);
  if (parsed.ec != std::errc()) return std::nullopt;
  const auto factor = Factor(text.substr(static_cast<std::size_t>(parsed.ptr - text.data())));
  if (!factor || number < 0) return std::nullopt;
  return number * *factor;
}

std::optional<std::int64_t> RoundedUp(std::optional<double> value) {
  if (!value || !(*value < kLargest)) return std::nullopt;
  const double nearest = std::round(*value);
  // 0.1 * 1000 is not exactly 100.
  const bool whole = std::abs(*value - nearest) < 1e-6 * std::max(1.0, nearest);
  return static_cast<std::int64_t>(whole ? nearest : std::ceil(*value));
}

}  // namespace

std::optional<std::int64_t> ParseBytes(std::string_view text) { return RoundedUp(Parse(text)); }

std::optional<std::int64_t> ParseMillis(std::string_view text) {
  const std::optional<double> cores = Parse(text);
  return cores ? RoundedUp(*cores * 1000.0) : std::nullopt;
}

std::string BytesQuantity(std::int64_t bytes) {
  constexpr std::array<std::pair<const char*, std::int64_t>, 3> kUnits = {
      {{"Gi", 1ll << 30}, {"Mi", 1ll << 20}, {"Ki", 1ll << 10}}};
  for (const auto& [suffix, unit] : kUnits) {
    if (bytes != 0 && bytes % unit == 0) return std::to_string(bytes / unit) + suffix;
  }
  return std::to_string(bytes);
}

std::string MillisQuantity(std::int64_t millis) {
  if (millis % 1000 == 0) return std::to_string(millis / 1000);
  return std::to_string(millis) + "m";
}

}  // namespace salve::backends::kubernetes
