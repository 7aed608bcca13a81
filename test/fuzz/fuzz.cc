// SPDX-License-Identifier: Apache-2.0
#include "test/fuzz/fuzz.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "pkg/base/log.h"
#include "pkg/base/time_format.h"

namespace salve::fuzz {
namespace {

constexpr char kSeparator = '\x1e';
constexpr std::size_t kShown = 2000;  // bytes of what does not hold

}  // namespace

void Ensure(bool holds, const char* what, std::string_view of) {
  if (holds) return;
  const std::string_view shown = of.substr(0, kShown);
  std::fprintf(stderr, "==FINDING== %s: %.*s\n", what, static_cast<int>(shown.size()),
               shown.data());
  std::abort();
}

Input::Input(const std::uint8_t* data, std::size_t size)
    : rest_(reinterpret_cast<const char*>(data), size) {}

std::uint8_t Input::Byte() {
  if (rest_.empty()) return 0;
  const auto byte = static_cast<std::uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

std::size_t Input::Choose(std::size_t choices) {
  constexpr std::uint8_t kFirst = 'a';
  return static_cast<std::uint8_t>(Byte() - kFirst) % choices;
}

std::string_view Input::Part() {
  const std::size_t end = std::min(rest_.find(kSeparator), rest_.size());
  const std::string_view part = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return part;
}

std::string_view Input::Rest() {
  const std::string_view all = rest_;
  rest_ = {};
  return all;
}

std::vector<std::string_view> Pieces(std::string_view bytes, std::uint8_t seed) {
  constexpr std::uint32_t kMultiplier = 1664525;
  constexpr std::uint32_t kIncrement = 1013904223;
  constexpr std::uint32_t kLongest = 16;
  std::vector<std::string_view> pieces;
  std::uint32_t state = seed;
  while (!bytes.empty()) {
    state = state * kMultiplier + kIncrement;
    const std::size_t length = std::min<std::size_t>(1 + (state >> 24) % kLongest, bytes.size());
    pieces.push_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return pieces;
}

bool IsUtf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at]);
    std::size_t more = 0;
    std::uint32_t code = lead;
    std::uint32_t least = 0;
    if (lead >= 0xF0 && lead < 0xF8) {
      more = 3, code = lead & 0x07U, least = 0x10000;
    } else if (lead >= 0xE0 && lead < 0xF0) {
      more = 2, code = lead & 0x0FU, least = 0x800;
    } else if (lead >= 0xC0 && lead < 0xE0) {
      more = 1, code = lead & 0x1FU, least = 0x80;
    } else if (lead >= 0x80) {
      return false;
    }
    if (at + more >= text.size()) return false;
    for (std::size_t i = 1; i <= more; ++i) {
      const auto tail = static_cast<unsigned char>(text[at + i]);
      if ((tail & 0xC0U) != 0x80U) return false;
      code = (code << 6U) | (tail & 0x3FU);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    at += more + 1;
  }
  return true;
}

bool HasControl(std::string_view text) {
  constexpr unsigned char kDelete = 0x7F;
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\n') || byte == kDelete;
  });
}

WallTime Now() {
  static const WallTime now = ParseTime("2026-12-01T12:00:00Z").value_or(WallTime{});
  return now;
}

void Quiet() {
  SetLogWriterForTest([](std::string_view) {});
}

}  // namespace salve::fuzz
