// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_HEALTH_H_
#define SALVE_PKG_HEALING_HEALTH_H_

#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/healing/types.h"

// From single measurements to the health of a target. Values; not thread-safe; no clock.
namespace salve::healing {

inline constexpr char kContainerIndicator[] = "container";

// Whether the backend reports that condition of the target.
bool HasCondition(const TargetObservation& observation, const char* condition);

// When an indicator changes its state. Taken from a probe.
struct Thresholds {
  int unhealthy_below = 70;
  int healthy_above = 80;
  int failure_threshold = 2;
  int success_threshold = 2;
};
Thresholds ThresholdsOf(const v1::Probe& probe);

// One probe's (or the backend's) opinion of a target at one moment.
struct IndicatorState {
  std::string name;
  HealthState state = HealthState::kUnknown;
  int health = 0;  // of the last successful measurement, 0..100
  std::string message;
  WallTime since;  // when `state` was entered
  WallTime last_measured;
  bool measured = false;      // false: nothing measured yet
  bool unmeasurable = false;  // could not be measured for so long that this is a signal of its own
  std::vector<std::string> error_lines;  // of the last measurement
  std::vector<Metric> metrics;           // of the last successful measurement
  std::string source;                    // of its signals (signals.h); "" = Probe
  std::string severity;                  // of its signals; "" = by its health
};

// Hysteresis over the measurements of one probe. Copyable value.
//
//   bad   the measurement says unhealthy, or health < unhealthy_below
//   good  the measurement says healthy and health > healthy_above (100 is always good)
// `failure_threshold` consecutive bad ones make it Unhealthy, `success_threshold` consecutive good
// ones Healthy; what lies between ends both runs. "Could not measure" ends neither run: after
// failure_threshold in a row the state is Unknown, after three times as many it is `unmeasurable`.
class IndicatorTracker {
 public:
  IndicatorTracker(std::string name, Thresholds thresholds);

  // Takes a measurement; returns true iff the state (or `unmeasurable`) changed. Measurements that
  // are older than the last one are ignored.
  bool Add(const Measurement& measurement);

  // After a restart of the controller: goes on from what the policy's status said, so that a
  // target that was ill stays ill until proven good, and its onset is kept.
  void Restore(HealthState state, int health, WallTime since);

  // New thresholds from a changed policy; the state is kept.
  void SetThresholds(Thresholds thresholds) { thresholds_ = thresholds; }

  const IndicatorState& state() const { return state_; }

 private:
  bool Enter(HealthState state, WallTime at);

  Thresholds thresholds_;
  IndicatorState state_;
  int bad_ = 0;
  int good_ = 0;
  int unknown_ = 0;
};

// The backend's view as an indicator named "container". It changes at once: the engine's own
// health check has had its retries.
IndicatorState IndicatorFromObservation(const TargetObservation& observation);

// Whether one fresh measurement alone counts as good, bad or neither (for verification).
enum class Verdict { kGood, kBad, kBetween, kUnmeasured };
Verdict Judge(const Measurement& measurement, const Thresholds& thresholds);

struct TargetHealth {
  HealthState state = HealthState::kUnknown;
  int health = 0;                          // the lowest of all indicators that are measured
  std::string message;                     // of the indicator that decided
  WallTime since;                          // when the deciding indicator entered its state
  std::vector<IndicatorState> indicators;  // the worst first
};

// The lowest of the indicators: Missing if the target does not exist, Unhealthy if any indicator
// is, Unknown if any could not be measured, else Healthy.
TargetHealth CombineHealth(const std::optional<TargetObservation>& observation,
                           std::vector<IndicatorState> indicators);

// 0..100 to tens, rounded down, so that wobble is no change.
int BucketHealth(int health);

// For the policy's status. `previous` (may be null) supplies `since` where the state did not
// change, and last_healthy.
v1::TargetStatus ToTargetStatus(const std::string& name, const TargetHealth& health,
                                const v1::TargetStatus* previous, WallTime now);

// Whether `next` must be written: a transition, or the first word on an indicator, at once; a
// bucketed figure or another sentence at most every 30 s.
bool WorthWriting(const v1::TargetStatus& previous, const v1::TargetStatus& next,
                  WallTime last_written, WallTime now);

// "Healthy" → kHealthy; nullopt for other words.
std::optional<HealthState> ParseHealthState(const std::string& name);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_HEALTH_H_
