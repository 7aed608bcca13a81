// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/health.h"

#include <algorithm>
#include <utility>

#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"

namespace salve::healing {
namespace {

constexpr std::size_t kMaxIndicators = 20;  // written to the status
constexpr std::size_t kMaxStatusMessage = 512;
constexpr auto kWriteInterval = std::chrono::seconds(30);

// The worse, the larger.
int Badness(HealthState state) {
  switch (state) {
    case HealthState::kMissing:
      return 3;
    case HealthState::kUnhealthy:
      return 2;
    case HealthState::kUnknown:
      return 1;
    case HealthState::kHealthy:
      return 0;
  }
  return 1;
}

}  // namespace

bool HasCondition(const TargetObservation& observation, const char* condition) {
  return std::find(observation.conditions.begin(), observation.conditions.end(), condition) !=
         observation.conditions.end();
}

const char* HealthStateName(HealthState state) {
  switch (state) {
    case HealthState::kHealthy:
      return "Healthy";
    case HealthState::kUnhealthy:
      return "Unhealthy";
    case HealthState::kUnknown:
      return "Unknown";
    case HealthState::kMissing:
      return "Missing";
  }
  return "Unknown";
}

std::optional<HealthState> ParseHealthState(const std::string& name) {
  for (const HealthState state : {HealthState::kHealthy, HealthState::kUnhealthy,
                                  HealthState::kUnknown, HealthState::kMissing}) {
    if (name == HealthStateName(state)) return state;
  }
  return std::nullopt;
}

Thresholds ThresholdsOf(const v1::Probe& probe) {
  return {
      .unhealthy_below = static_cast<int>(probe.unhealthy_below),
      .healthy_above = static_cast<int>(probe.healthy_above),
      .failure_threshold = static_cast<int>(std::max<std::int64_t>(1, probe.failure_threshold)),
      .success_threshold = static_cast<int>(std::max<std::int64_t>(1, probe.success_threshold))};
}

Verdict Judge(const Measurement& measurement, const Thresholds& thresholds) {
  if (measurement.state == HealthState::kUnknown) return Verdict::kUnmeasured;
  if (measurement.state != HealthState::kHealthy ||
      measurement.health < thresholds.unhealthy_below) {
    return Verdict::kBad;
  }
  const bool good = measurement.health > thresholds.healthy_above || measurement.health >= 100;
  return good ? Verdict::kGood : Verdict::kBetween;
}

IndicatorTracker::IndicatorTracker(std::string name, Thresholds thresholds)
    : thresholds_(thresholds) {
  state_.name = std::move(name);
}

bool IndicatorTracker::Enter(HealthState state, WallTime at) {
  if (state_.state == state && state_.measured) return false;
  const bool changed = state_.state != state;
  state_.state = state;
  state_.since = at;
  return changed;
}

bool IndicatorTracker::Add(const Measurement& measurement) {
  // Later than any answer can be: the calendar was set back.
  constexpr std::chrono::seconds kLatest{120};
  const Duration behind = state_.last_measured - measurement.at;
  if (behind > Duration(0) && behind < kLatest) return false;
  const Verdict verdict = Judge(measurement, thresholds_);
  state_.last_measured = measurement.at;
  state_.message = measurement.message;
  state_.error_lines = measurement.error_lines;
  bool changed = false;
  if (verdict == Verdict::kUnmeasured) {
    ++unknown_;
    if (unknown_ >= thresholds_.failure_threshold) {
      changed = Enter(HealthState::kUnknown, measurement.at);
    }
    if (unknown_ >= 3 * thresholds_.failure_threshold && !state_.unmeasurable) {
      state_.unmeasurable = true;
      changed = true;
    }
    return changed;
  }
  unknown_ = 0;
  if (state_.unmeasurable) {
    state_.unmeasurable = false;
    changed = true;
  }
  state_.health = std::clamp(measurement.health, 0, 100);
  state_.metrics = measurement.metrics;
  bad_ = verdict == Verdict::kBad ? std::min(bad_ + 1, thresholds_.failure_threshold) : 0;
  good_ = verdict == Verdict::kGood ? std::min(good_ + 1, thresholds_.success_threshold) : 0;
  if (bad_ >= thresholds_.failure_threshold) {
    changed = Enter(HealthState::kUnhealthy, measurement.at) || changed;
  } else if (good_ >= thresholds_.success_threshold) {
    changed = Enter(HealthState::kHealthy, measurement.at) || changed;
  }
  state_.measured = true;
  return changed;
}

void IndicatorTracker::Restore(HealthState state, int health, WallTime since) {
  if (state == HealthState::kMissing) state = HealthState::kUnknown;
  state_.state = state;
  state_.health = std::clamp(health, 0, 100);
  state_.since = since;
  state_.measured = state != HealthState::kUnknown;
  bad_ = good_ = unknown_ = 0;
}

IndicatorState IndicatorFromObservation(const TargetObservation& observation) {
  IndicatorState out;
  out.name = kContainerIndicator;
  out.state = observation.state;
  if (observation.state == HealthState::kHealthy &&
      HasCondition(observation, kConditionUnhealthy)) {
    out.state = HealthState::kUnhealthy;
  }
  out.health = out.state == HealthState::kHealthy ? 100 : 0;
  out.message = SanitizeLine(observation.message, kMaxStatusMessage);
  out.last_measured = observation.at;
  out.since = observation.since.value_or(observation.at);
  out.measured = observation.state != HealthState::kUnknown;
  out.metrics = observation.metrics;
  return out;
}

TargetHealth CombineHealth(const std::optional<TargetObservation>& observation,
                           std::vector<IndicatorState> indicators) {
  if (observation) indicators.push_back(IndicatorFromObservation(*observation));
  std::stable_sort(indicators.begin(), indicators.end(),
                   [](const IndicatorState& a, const IndicatorState& b) {
                     if (Badness(a.state) != Badness(b.state)) {
                       return Badness(a.state) > Badness(b.state);
                     }
                     return a.health < b.health;
                   });
  TargetHealth out;
  bool any = false;
  out.health = 100;
  for (const IndicatorState& indicator : indicators) {
    if (!indicator.measured) continue;
    any = true;
    out.health = std::min(out.health, indicator.health);
  }
  if (!any) out.health = 0;
  if (!indicators.empty()) {
    out.state = indicators.front().state;
    out.message = indicators.front().message;
    out.since = indicators.front().since;
  }
  out.indicators = std::move(indicators);
  return out;
}

int BucketHealth(int health) { return std::clamp(health, 0, 100) / 10 * 10; }

v1::TargetStatus ToTargetStatus(const std::string& name, const TargetHealth& health,
                                const v1::TargetStatus* previous, WallTime now) {
  v1::TargetStatus out;
  out.name = name;
  out.state = HealthStateName(health.state);
  out.health = BucketHealth(health.health);
  out.message = SanitizeLine(health.message, kMaxStatusMessage);
  const bool same_state = previous != nullptr && previous->state == out.state;
  const WallTime since = health.since == WallTime{} ? now : health.since;
  out.since = same_state && !previous->since.empty() ? previous->since : FormatTime(since);
  // Written at the transition only: "healthy now" is what state says, a moving time would be a
  // write per measurement.
  if (health.state == HealthState::kHealthy) {
    out.last_healthy = same_state ? previous->last_healthy : FormatTime(now);
  } else if (previous != nullptr) {
    const bool was_healthy = previous->state == HealthStateName(HealthState::kHealthy);
    out.last_healthy = was_healthy ? FormatTime(now) : previous->last_healthy;
  }
  for (const IndicatorState& indicator : health.indicators) {
    if (out.indicators.size() >= kMaxIndicators) break;
    out.indicators.push_back({.name = indicator.name,
                              .state = HealthStateName(indicator.state),
                              .health = BucketHealth(indicator.health),
                              .message = SanitizeLine(indicator.message, kMaxStatusMessage)});
  }
  // By name, so that two indicators that change places are no change.
  std::sort(
      out.indicators.begin(), out.indicators.end(),
      [](const v1::IndicatorStatus& a, const v1::IndicatorStatus& b) { return a.name < b.name; });
  return out;
}

namespace {

// Messages carry exact figures; those alone are no reason to write.
std::string WithoutFigures(std::string message) {
  std::erase_if(message, [](char c) { return c >= '0' && c <= '9'; });
  return message;
}

}  // namespace

bool WorthWriting(const v1::TargetStatus& previous, const v1::TargetStatus& next,
                  WallTime last_written, WallTime now) {
  if (previous.name != next.name || previous.state != next.state) return true;
  if (previous.indicators.size() != next.indicators.size()) return true;
  bool moved = previous.health != next.health;
  for (std::size_t i = 0; i < next.indicators.size(); ++i) {
    const v1::IndicatorStatus& before = previous.indicators[i];
    const v1::IndicatorStatus& after = next.indicators[i];
    if (before.name != after.name || before.state != after.state) return true;
    moved = moved || before.health != after.health;
    if (after.message.empty()) continue;  // not measured yet by this process
    if (before.message.empty()) return true;
    moved = moved || WithoutFigures(before.message) != WithoutFigures(after.message);
  }
  return moved && (now - last_written >= kWriteInterval || now < last_written);
}

}  // namespace salve::healing
