// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "pkg/apis/yaml/yaml.h"

namespace salve::apis::yaml::internal {
namespace {

constexpr std::array<std::string_view, 11> kTrue = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                    "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse = {"n",     "N",     "no",  "No",  "NO", "false",
                                                     "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 12> kNotInJson = {".nan",  ".NaN",  ".NAN",  ".inf",
                                                         ".Inf",  ".INF",  "+.inf", "+.Inf",
                                                         "+.INF", "-.inf", "-.Inf", "-.INF"};

template <class Words>
bool Contains(const Words& words, const std::string& text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Digits with the prefix that tells their base.
struct Digits {
  std::string_view text;
  int base;
};

Digits SplitBase(std::string_view s) {
  if (s.size() > 2 && s[0] == '0') {
    switch (s[1]) {
      case 'x':
      case 'X':
        return {s.substr(2), 16};
      case 'o':
      case 'O':
        return {s.substr(2), 8};
      case 'b':
      case 'B':
        return {s.substr(2), 2};
      default:
        break;
    }
  }
  if (s.size() > 1 && s[0] == '0') return {s.substr(1), 8};
  return {s, 10};
}

std::optional<Json> Integer(std::string_view s) {
  const bool negative = !s.empty() && s[0] == '-';
  if (!s.empty() && (s[0] == '-' || s[0] == '+')) s.remove_prefix(1);
  const Digits digits = SplitBase(s);
  if (digits.text.empty()) return std::nullopt;
  std::uint64_t number = 0;
  const char* end = digits.text.data() + digits.text.size();
  const auto [stop, error] = std::from_chars(digits.text.data(), end, number, digits.base);
  if (error != std::errc() || stop != end) return std::nullopt;
  constexpr std::uint64_t kMinMagnitude = std::uint64_t{1} << 63;
  if (!negative) return Json(number);
  if (number > kMinMagnitude) return std::nullopt;
  return Json(static_cast<std::int64_t>(~number + 1));
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool LooksLikeFloat(std::string_view s) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < s.size() && IsDigit(s[i])) ++i;
    return i - start;
  };
  const auto sign = [&] {
    if (i < s.size() && (s[i] == '-' || s[i] == '+')) ++i;
  };
  sign();
  const std::size_t whole = digits();
  std::size_t fraction = 0;
  if (i < s.size() && s[i] == '.') {
    ++i;
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
    ++i;
    sign();
    if (digits() == 0) return false;
  }
  return i == s.size();
}

}  // namespace

StatusOr<Json> ResolvePlain(const std::string& text) {
  if (Contains(kNull, text)) return Json();
  if (Contains(kTrue, text)) return Json(true);
  if (Contains(kFalse, text)) return Json(false);
  if (Contains(kNotInJson, text)) {
    return InvalidArgumentError("\"" + text + "\" has no form in JSON");
  }
  const char first = text[0];
  if (!IsDigit(first) && first != '-' && first != '+' && first != '.') return Json(text);
  std::string plain = text;
  plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
  if (auto number = Integer(plain)) return *std::move(number);
  if (LooksLikeFloat(plain)) {
    // std::from_chars for double would do, but not with a leading '+'.
    const double number = std::strtod(plain.c_str(), nullptr);
    if (number >= -1.7976931348623157e308 && number <= 1.7976931348623157e308) return Json(number);
  }
  return Json(text);
}

}  // namespace salve::apis::yaml::internal
