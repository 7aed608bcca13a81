// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/measurement.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace salve::probes {

using healing::HealthState;
using healing::Measurement;

namespace {
constexpr std::size_t kMaxLine = 512;
}  // namespace

std::string OneLine(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxLine)) {
    const auto byte = static_cast<unsigned char>(c);
    // ASCII only: what servers say in errors; the rest could be broken UTF-8 or terminal controls.
    if (byte >= 0x20 && byte < 0x7F) {
      out += c;
    } else if (byte >= 0x80) {
      out += '?';
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string Megabytes(double bytes) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.1f MB", bytes / 1e6);
  return text.data();
}

Measurement Ill(const std::string& line) {
  Measurement m;
  m.state = HealthState::kUnhealthy;
  m.message = OneLine(line);
  m.error_lines = {m.message};
  return m;
}

Measurement NotMeasured(const std::string& why, const std::string& line) {
  Measurement m;
  m.state = HealthState::kUnknown;
  m.message = OneLine(why);
  if (!line.empty()) m.error_lines = {OneLine(line)};
  return m;
}

Measurement Well(const std::string& message) {
  Measurement m;
  m.state = HealthState::kHealthy;
  m.health = 100;
  m.message = OneLine(message);
  return m;
}

Measurement Graded(const apis::salve::v1alpha1::Probe& probe, double health,
                   const std::string& message) {
  Measurement m;
  m.health = static_cast<int>(std::lround(std::clamp(health, 0.0, 100.0)));
  m.state = m.health < probe.unhealthy_below ? HealthState::kUnhealthy : HealthState::kHealthy;
  m.message = OneLine(message);
  return m;
}

}  // namespace salve::probes
