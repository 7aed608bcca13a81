// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/verification.h"

#include <algorithm>

#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"

namespace salve::healing {
namespace {

constexpr int kClearlyWorse = 20;  // points of health
constexpr std::size_t kMaxMetrics = 50;

Duration Seconds(std::int64_t seconds) {
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, 366LL * 24 * 3600));
}

// The worse, the larger: bad, unmeasured, between, good.
int Rank(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBad:
      return 3;
    case Verdict::kUnmeasured:
      return 2;
    case Verdict::kBetween:
      return 1;
    case Verdict::kGood:
      return 0;
  }
  return 2;
}

FreshCheck FromObservation(const TargetObservation& observation) {
  const IndicatorState indicator = IndicatorFromObservation(observation);
  FreshCheck check;
  check.state = indicator.state;
  check.health = indicator.health;
  check.message = indicator.message;
  check.verdict = indicator.state == HealthState::kHealthy   ? Verdict::kGood
                  : indicator.state == HealthState::kUnknown ? Verdict::kUnmeasured
                                                             : Verdict::kBad;
  return check;
}

void End(v1::VerificationStatus& status, const char* outcome, const std::string& message,
         WallTime at) {
  status.outcome = outcome;
  status.message = message;
  status.finished_at = FormatMicroTime(at);
  status.next_check_at.clear();
}

void Count(const FreshCheck& check, v1::VerificationStatus& status) {
  switch (check.verdict) {
    case Verdict::kGood:
      if (status.successes++ == 0) status.healthy_since = FormatMicroTime(check.at);
      status.errors = 0;
      return;
    case Verdict::kUnmeasured:
      ++status.errors;
      break;
    case Verdict::kBad:
      ++status.failures;
      [[fallthrough]];
    case Verdict::kBetween:
      status.errors = 0;
      break;
  }
  status.successes = 0;
  status.healthy_since.clear();
}

std::string Of(std::int64_t have, std::int64_t want) {
  return std::to_string(have) + " of " + std::to_string(want);
}

// Time in which nobody looked (the process was away) neither runs out nor proves anything.
void SkipAbsence(WallTime now, v1::VerificationStatus& status) {
  constexpr std::chrono::seconds kPunctual{30};
  const auto due = ParseTime(status.next_check_at);
  if (!due || now - *due <= kPunctual) return;
  for (std::string* time : {&status.started_at, &status.healthy_since}) {
    if (const auto at = ParseTime(*time)) *time = FormatMicroTime(*at + (now - *due));
  }
}

// What the time-out makes of the last check.
void TimeOut(const FreshCheck& check, v1::VerificationStatus& status) {
  const std::string tail = check.message.empty() ? "" : ": " + check.message;
  if (check.verdict == Verdict::kBad) {
    End(status, kOutcomeFailed, "still unhealthy at the time-out" + tail, check.at);
  } else if (check.verdict == Verdict::kUnmeasured) {
    End(status, kOutcomeError, "not measurable at the time-out" + tail, check.at);
  } else {
    End(status, kOutcomeInconclusive, "neither clearly healthy nor ill at the time-out" + tail,
        check.at);
  }
}

}  // namespace

FreshCheck CombineFresh(const std::optional<TargetObservation>& observation,
                        const std::vector<ProbeReading>& readings, WallTime at) {
  FreshCheck worst;
  bool any = false;
  int lowest = 100;
  const auto take = [&](FreshCheck check) {
    if (check.verdict != Verdict::kUnmeasured) lowest = std::min(lowest, check.health);
    if (!any || Rank(check.verdict) > Rank(worst.verdict) ||
        (Rank(check.verdict) == Rank(worst.verdict) && check.health < worst.health)) {
      worst = std::move(check);
    }
    any = true;
  };
  for (const ProbeReading& reading : readings) {
    FreshCheck check;
    check.verdict = Judge(reading.measurement, reading.thresholds);
    check.state =
        check.verdict == Verdict::kBad ? HealthState::kUnhealthy : reading.measurement.state;
    check.health = std::clamp(reading.measurement.health, 0, 100);
    check.message = SanitizeLine(reading.probe + ": " + reading.measurement.message, 512);
    take(std::move(check));
  }
  if (observation) take(FromObservation(*observation));
  if (!any) worst.message = "nothing to measure";
  // Neither ill nor proven well: it is inside the start period that its owner granted it. Not
  // knowing yet is not the same as not being able to measure.
  const bool starting =
      observation && observation->running && HasCondition(*observation, kConditionStarting);
  // A rollout takes its time, also where nothing of the target runs meanwhile.
  const bool rolling = observation && observation->state == HealthState::kUnknown &&
                       HasCondition(*observation, kConditionRolloutInProgress);
  if (starting || rolling) {
    worst.verdict = Verdict::kBetween;
    worst.message = (rolling ? "rollout in progress" : "still starting") +
                    (worst.message.empty() ? "" : "; " + worst.message);
  }
  worst.health = worst.verdict == Verdict::kUnmeasured ? 0 : lowest;
  worst.at = at;
  return worst;
}

v1::VerificationStatus StartVerification(const v1::Verification& spec, WallTime now) {
  v1::VerificationStatus status;
  status.started_at = FormatMicroTime(now);
  status.next_check_at = FormatMicroTime(now + Seconds(spec.initial_delay_seconds));
  return status;
}

void AdvanceVerification(const v1::Verification& spec, const FreshCheck& check,
                         v1::VerificationStatus& status) {
  if (!status.outcome.empty()) return;
  SkipAbsence(check.at, status);
  const auto started = ParseTime(status.started_at);
  if (!started || *started > check.at) status.started_at = FormatMicroTime(check.at);
  const auto since = ParseTime(status.healthy_since);
  if (since && *since > check.at) status.healthy_since = FormatMicroTime(check.at);
  Count(check, status);
  status.message = check.message;

  const WallTime begun = ParseTime(status.started_at).value_or(check.at);
  const Duration proof = Seconds(spec.min_healthy_seconds);
  const auto healthy_since = ParseTime(status.healthy_since);
  const bool proven = healthy_since && check.at - *healthy_since >= proof;
  if (status.successes >= std::max<std::int64_t>(1, spec.consecutive_successes) && proven) {
    End(status, kOutcomeSuccessful, "healthy: " + check.message, check.at);
  } else if (status.failures >= std::max<std::int64_t>(1, spec.failure_limit)) {
    End(status, kOutcomeFailed,
        Of(status.failures, spec.failure_limit) + " bad measurements, last: " + check.message,
        check.at);
  } else if (status.errors >= std::max<std::int64_t>(1, spec.error_limit)) {
    End(status, kOutcomeError,
        Of(status.errors, spec.error_limit) +
            " measurements failed in a row, last: " + check.message,
        check.at);
  } else {
    const WallTime soft =
        begun + Seconds(spec.initial_delay_seconds) + Seconds(spec.timeout_seconds);
    const bool good = check.verdict == Verdict::kGood;
    const WallTime limit = good ? soft + proof : soft;
    if (check.at >= limit) {
      TimeOut(check, status);
    } else {
      const Duration interval =
          std::max<Duration>(Seconds(spec.interval_seconds), std::chrono::seconds(1));
      status.next_check_at = FormatMicroTime(check.at + interval);
    }
  }
}

bool GotWorse(const v1::Observation& before, const v1::Observation& after) {
  if (after.state == "Unknown" || after.state.empty()) return false;
  if (after.state == "Missing") return before.state != "Missing";
  if (after.state == "Healthy") return false;
  if (before.health > 0 && after.health == 0) return true;
  return before.health - after.health > kClearlyWorse;
}

v1::Observation ToObservation(const std::optional<TargetObservation>& observation,
                              const TargetHealth& health, WallTime at) {
  v1::Observation out;
  out.at = FormatMicroTime(at);
  out.state = HealthStateName(health.state);
  out.health = health.health;
  out.message = SanitizeLine(health.message);
  if (observation) {
    out.identity = observation->identity;
    out.metrics = observation->metrics;
  }
  for (const IndicatorState& indicator : health.indicators) {
    if (indicator.name == kContainerIndicator) continue;
    out.metrics.insert(out.metrics.end(), indicator.metrics.begin(), indicator.metrics.end());
  }
  if (out.metrics.size() > kMaxMetrics) out.metrics.resize(kMaxMetrics);
  return out;
}

v1::Observation ToObservation(const std::optional<TargetObservation>& observation,
                              const FreshCheck& check) {
  v1::Observation out;
  out.at = FormatMicroTime(check.at);
  out.state = HealthStateName(check.state);
  out.health = check.health;
  out.message = SanitizeLine(check.message);
  if (observation) {
    out.identity = observation->identity;
    out.metrics = observation->metrics;
  }
  if (out.metrics.size() > kMaxMetrics) out.metrics.resize(kMaxMetrics);
  return out;
}

}  // namespace salve::healing
