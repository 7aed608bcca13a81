// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/evidence.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace salve::healing {
namespace {

// The "image" member of the canonical configuration, lower case; "" if there is none.
std::string ImageOf(const TargetObservation& observation) {
  const auto json = nlohmann::json::parse(observation.configuration, nullptr, false);
  if (!json.is_object()) return "";
  for (const char* key : {"image", "Image"}) {
    const auto it = json.find(key);
    if (it == json.end() || !it->is_string()) continue;
    std::string image = it->get<std::string>();
    std::transform(image.begin(), image.end(), image.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return image;
  }
  return "";
}

// Length of the UTF-8 sequence that starts at text[i]; 0 if it is not a valid one.
std::size_t SequenceLength(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(i);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || i + length > text.size()) return 0;
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return 0;
  }
  if (length == 3 && lead == 0xE0 && byte(i + 1) < 0xA0) return 0;   // overlong
  if (length == 3 && lead == 0xED && byte(i + 1) >= 0xA0) return 0;  // surrogate
  if (length == 4 && lead == 0xF0 && byte(i + 1) < 0x90) return 0;   // overlong
  if (length == 4 && lead == 0xF4 && byte(i + 1) >= 0x90) return 0;  // past U+10FFFF
  return length;
}

}  // namespace

std::set<std::string> SystemsOf(const v1::HealingPolicySpec& policy, const TargetRef& target,
                                const std::optional<TargetObservation>& observation) {
  std::set<std::string> out;
  if (target.kind == "Container" || policy.target.docker) out.insert("docker");
  if (policy.target.kubernetes) out.insert("kubernetes");
  if (policy.target.ecs) out.insert("ecs");
  for (const v1::Probe& probe : policy.probes) {
    if (probe.redis) out.insert("redis");
    if (probe.postgres) out.insert("postgres");
  }
  if (observation) {
    const std::string image = ImageOf(*observation);
    for (const char* name : {"redis", "valkey"}) {
      if (image.find(name) != std::string::npos) out.insert("redis");
    }
    if (image.find("postgres") != std::string::npos) out.insert("postgres");
  }
  return out;
}

std::optional<double> FindMetric(const Evidence& evidence, const std::string& name) {
  for (const IndicatorState& indicator : evidence.health.indicators) {
    for (const Metric& metric : indicator.metrics) {
      if (metric.name == name) return metric.value;
    }
  }
  if (!evidence.observation) return std::nullopt;
  for (const Metric& metric : evidence.observation->metrics) {
    if (metric.name == name) return metric.value;
  }
  return std::nullopt;
}

std::vector<std::string> MeasuredLines(const Evidence& evidence) {
  std::vector<std::string> out;
  for (const IndicatorState& indicator : evidence.health.indicators) {
    // A healthy indicator's last error line is history, not evidence.
    if (indicator.state == HealthState::kHealthy) continue;
    for (const std::string& line : indicator.error_lines) {
      if (out.size() < kMaxEvidenceLines) out.push_back(line);
    }
    if (!indicator.message.empty()) out.push_back(indicator.message);
  }
  if (evidence.observation && !evidence.observation->message.empty()) {
    out.push_back(evidence.observation->message);
  }
  return out;
}

bool HasCondition(const Evidence& evidence, const std::string& condition) {
  if (!evidence.observation) return false;
  const auto& all = evidence.observation->conditions;
  return std::find(all.begin(), all.end(), condition) != all.end();
}

std::string SanitizeLine(std::string_view line, std::size_t max) {
  std::string out;
  for (std::size_t i = 0; i < line.size();) {
    const std::size_t length = SequenceLength(line, i);
    if (length == 0) {
      if (out.size() + 3 > max) break;
      out += "\xEF\xBF\xBD";  // U+FFFD
      ++i;
      continue;
    }
    if (out.size() + length > max) break;
    const unsigned char lead = static_cast<unsigned char>(line[i]);
    const bool c0 = length == 1 && (lead < 0x20 || lead == 0x7F);
    const bool c1 = length == 2 && lead == 0xC2 && static_cast<unsigned char>(line[i + 1]) < 0xA0;
    if (c0 || c1) {
      out += ' ';
    } else {
      out.append(line.substr(i, length));
    }
    i += length;
  }
  return out;
}

}  // namespace salve::healing
