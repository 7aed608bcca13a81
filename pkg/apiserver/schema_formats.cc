// SPDX-License-Identifier: Apache-2.0
// The string formats of OpenAPI that CRDs may name.
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <limits>

#include "pkg/apiserver/schema_node.h"
#include "pkg/base/base64.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

bool IsDate(std::string_view text) {
  return text.size() == 10 && ParseTime(std::string(text) + "T00:00:00Z").has_value();
}

bool IsIPv4(std::string_view text) {
  int parts = 0;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    if (part.empty() || part.size() > 3 || !std::all_of(part.begin(), part.end(), IsDigit) ||
        (part.size() > 1 && part[0] == '0') || std::stoi(std::string(part)) > 255) {
      return false;
    }
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    text = text.substr(dot + 1);
  }
}

bool IsIPv6(std::string_view text) {
  const std::size_t gap = text.find("::");
  if (gap != std::string_view::npos && text.find("::", gap + 1) != std::string_view::npos) {
    return false;
  }
  if (text.find(':') == std::string_view::npos) return false;
  int groups = 0;
  std::size_t start = 0;
  while (start <= text.size()) {
    std::size_t end = text.find(':', start);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view group = text.substr(start, end - start);
    if (end == text.size() && group.find('.') != std::string_view::npos) {
      if (!IsIPv4(group)) return false;
      groups += 2;
    } else if (group.empty()) {
      // Only next to "::": at the gap itself, or before or after it at an end.
      const bool at_gap = gap != std::string_view::npos && start >= gap && start <= gap + 2;
      if (!at_gap) return false;
    } else {
      if (group.size() > 4 || !std::all_of(group.begin(), group.end(), IsHex)) return false;
      ++groups;
    }
    start = end + 1;
  }
  return gap == std::string_view::npos ? groups == 8 : groups < 8;
}

bool IsCidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view bits = text.substr(slash + 1);
  if (bits.empty() || bits.size() > 3 || !std::all_of(bits.begin(), bits.end(), IsDigit)) {
    return false;
  }
  const int size = std::stoi(std::string(bits));
  const std::string_view address = text.substr(0, slash);
  return (IsIPv4(address) && size <= 32) || (IsIPv6(address) && size <= 128);
}

bool IsUuid(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (IsHex(text[i])) {
      digits += text[i];
    } else if (text[i] != '-' ||
               (digits.size() != 8 && digits.size() != 12 && digits.size() != 16 &&
                digits.size() != 20) ||
               text[i - 1] == '-') {
      return false;
    }
  }
  return digits.size() == 32;
}

bool IsHostname(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  std::size_t label = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.') {
      if (label == 0 || text[i - 1] == '-') return false;
      label = 0;
    } else {
      const bool alnum = std::isalnum(static_cast<unsigned char>(c)) != 0;
      if (!alnum && (c != '-' || label == 0)) return false;
      ++label;
      if (label > 63) return false;
    }
  }
  return text.back() != '-';
}

// A scheme and something after it, or an absolute path: what url.ParseRequestURI takes, roughly.
bool IsUri(std::string_view text) {
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; })) {
    return false;
  }
  if (!text.empty() && text[0] == '/') return true;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 ||
      std::isalpha(static_cast<unsigned char>(text[0])) == 0) {
    return false;
  }
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '-' || c == '.';
  });
}

bool IsEmail(std::string_view text) {
  const std::size_t at = text.rfind('@');
  return at != std::string_view::npos && at > 0 && IsHostname(text.substr(at + 1)) &&
         text.find(' ') == std::string_view::npos;
}

struct Unit {
  std::string_view name;
  double nanoseconds;
};

constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                         {"us", 1e3},
                                         {"µs", 1e3},
                                         {"μs", 1e3},
                                         {"ms", 1e6},
                                         {"s", 1e9},
                                         {"m", 6e10},
                                         {"h", 3.6e12}}};

}  // namespace

std::optional<std::int64_t> ParseGoDuration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return 0;
  if (text.empty() || text.size() > 64) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    std::size_t length = 0;
    std::size_t dots = 0;
    while (length < text.size() && (IsDigit(text[length]) || text[length] == '.')) {
      dots += text[length] == '.' ? 1 : 0;
      ++length;
    }
    if (length == dots || dots > 1) return std::nullopt;
    const double number = std::stod(std::string(text.substr(0, length)));
    text.remove_prefix(length);
    std::size_t unit_length = 0;
    while (unit_length < text.size() && !IsDigit(text[unit_length]) && text[unit_length] != '.') {
      ++unit_length;
    }
    const std::string_view name = text.substr(0, unit_length);
    auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                             [name](const Unit& one) { return one.name == name; });
    if (unit == kUnits.end()) return std::nullopt;
    text.remove_prefix(unit_length);
    total += number * unit->nanoseconds;
  }
  if (total > 9.2e18) return std::nullopt;
  const auto nanoseconds = static_cast<std::int64_t>(std::llround(total));
  return negative ? -nanoseconds : nanoseconds;
}

bool MatchesFormat(std::string_view format, std::string_view text) {
  if (format == "date-time" || format == "datetime") return ParseTime(text).has_value();
  if (format == "date") return IsDate(text);
  if (format == "duration") return ParseGoDuration(text).has_value();
  if (format == "ipv4") return IsIPv4(text);
  if (format == "ipv6") return IsIPv6(text);
  if (format == "cidr") return IsCidr(text);
  if (format == "uuid") return IsUuid(text);
  if (format == "byte") return Base64Decode(text).has_value();
  if (format == "hostname") return IsHostname(text);
  if (format == "uri") return IsUri(text);
  if (format == "email") return IsEmail(text);
  return true;
}

}  // namespace salve::apiserver
