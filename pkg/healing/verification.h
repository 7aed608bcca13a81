// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_VERIFICATION_H_
#define SALVE_PKG_HEALING_VERIFICATION_H_

#include <optional>
#include <string>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/healing/health.h"
#include "pkg/healing/types.h"

// Whether a fix helped, by fresh measurements. Pure functions; the state is the API's
// VerificationStatus.
namespace salve::healing {

inline constexpr char kOutcomeSuccessful[] = "Successful";
inline constexpr char kOutcomeFailed[] = "Failed";  // no better, or worse
inline constexpr char kOutcomeError[] = "Error";    // could not be measured
inline constexpr char kOutcomeInconclusive[] =
    "Inconclusive";  // measured, but neither good nor bad enough

// One fresh look at everything that counts: target and all probes, measured for this purpose.
struct FreshCheck {
  Verdict verdict = Verdict::kUnmeasured;
  HealthState state = HealthState::kUnknown;
  int health = 0;
  std::string message;  // of the worst
  WallTime at;
};
struct ProbeReading {
  std::string probe;
  Thresholds thresholds;
  Measurement measurement;
};
// The worst of all: any bad one is bad, else any unmeasured one is unmeasured, else any in between
// is in between. A target without probes is judged by the observation alone (Starting is in
// between, and so is a rollout whose end is open).
FreshCheck CombineFresh(const std::optional<TargetObservation>& observation,
                        const std::vector<ProbeReading>& readings, WallTime at);

// Begins: first check after initialDelaySeconds.
v1::VerificationStatus StartVerification(const v1::Verification& spec, WallTime now);

// Takes one check. Ends (outcome set, finished_at set, next_check_at empty) with
//   Successful    consecutiveSuccesses good ones in a row, and healthy for minHealthySeconds
//   Failed        failureLimit bad ones, or bad at the time-out
//   Error         errorLimit unmeasured ones in a row, or unmeasured at the time-out
//   Inconclusive  time-out otherwise
// Else sets next_check_at (interval). The time-out counts from the first check and is extended by
// minHealthySeconds once the target is healthy, so that a good fix is not called late. A check
// that is older than the beginning (the clock was set back) begins the time-out anew.
void AdvanceVerification(const v1::Verification& spec, const FreshCheck& check,
                         v1::VerificationStatus& status);

// Whether the target is clearly worse after than before: from serving to not, or by more than 20
// points.
bool GotWorse(const v1::Observation& before, const v1::Observation& after);

// For attempts: what is written of a look at the target.
v1::Observation ToObservation(const std::optional<TargetObservation>& observation,
                              const TargetHealth& health, WallTime at);
v1::Observation ToObservation(const std::optional<TargetObservation>& observation,
                              const FreshCheck& check);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_VERIFICATION_H_
