// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_TYPES_H_
#define SALVE_PKG_HEALING_TYPES_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"

// The words in which backends and probes talk to the pure core. Plain values.
namespace salve::healing {

// The API's words, short: v1 is salve.dev/v1alpha1, metav1 is meta/v1.
namespace v1 = ::salve::apis::salve::v1alpha1;
namespace metav1 = ::salve::apis::meta::v1;

using apis::salve::v1alpha1::Action;
using apis::salve::v1alpha1::Metric;
using apis::salve::v1alpha1::TargetRef;

enum class HealthState {
  kHealthy,
  kUnhealthy,
  kUnknown,  // could not be measured: neither of the two
  kMissing,  // the target does not exist
};
// "Healthy", …; as in the API.
const char* HealthStateName(HealthState state);

// Conditions that a backend reports of a target; more than one may hold.
inline constexpr char kConditionUnhealthy[] = "Unhealthy";  // the engine's own health check fails
inline constexpr char kConditionHealthCheckPassing[] =
    "HealthCheckPassing";                                 // there is one, and it passes
inline constexpr char kConditionStarting[] = "Starting";  // inside the health check's start period
inline constexpr char kConditionExited[] = "Exited";      // ended by itself, exit_code says how
inline constexpr char kConditionStopped[] = "Stopped";    // ended because somebody asked for it
inline constexpr char kConditionOOMKilled[] = "OOMKilled";
inline constexpr char kConditionRestarting[] = "Restarting";  // restart loop of the engine itself
inline constexpr char kConditionPaused[] = "Paused";
inline constexpr char kConditionDead[] = "Dead";
inline constexpr char kConditionEngineRestarted[] =
    "EngineRestarted";                                          // the engine itself restarted
inline constexpr char kConditionStartFailed[] = "StartFailed";  // message has the engine's error

// Of workloads on Kubernetes, services on ECS. The first group says what is wrong with pods, tasks
inline constexpr char kConditionImagePullFailing[] = "ImagePullFailing";
inline constexpr char kConditionCrashLooping[] = "CrashLooping";
inline constexpr char kConditionConfigError[] = "ConfigError";  // a missing key, volume, account
inline constexpr char kConditionUnschedulable[] = "Unschedulable";
inline constexpr char kConditionCreateForbidden[] = "CreateForbidden";  // quota, admission
inline constexpr char kConditionPodNotReady[] = "PodNotReady";  // runs, and does not become ready
inline constexpr char kConditionNoneAvailable[] =
    "NoneAvailable";  // of several replicas not one is available
inline constexpr char kConditionTerminatingLong[] = "TerminatingLong";  // past its grace period
// … the second what its releases have to do with it, …
inline constexpr char kConditionRolloutInProgress[] = "RolloutInProgress";  // and nothing is wrong
inline constexpr char kConditionSinceRelease[] =
    "SinceRelease";  // only pods of the newest revision are ill, and it never served
inline constexpr char kConditionGoodRevision[] =
    "GoodRevision";  // an earlier revision serves, or was seen to
// … the third who else is at work on it.
inline constexpr char kConditionScaledToZero[] = "ScaledToZero";
inline constexpr char kConditionAutoscaled[] = "Autoscaled";  // an autoscaler owns the count
inline constexpr char kConditionGitOps[] = "GitOps";          // its source of truth is elsewhere
inline constexpr char kConditionDeleting[] = "Deleting";

// How many of its parts a target has.
struct ReplicaCount {
  std::int64_t desired = 0;
  std::int64_t available = 0;
};

// What a backend sees of one target at one moment. Salve's own view of health (probes) is not in
// it.
struct TargetObservation {
  TargetRef ref;
  HealthState state = HealthState::kUnknown;
  std::vector<std::string> conditions;
  // Changes whenever the thing behind the name was replaced or restarted: "<id>@<StartedAt>".
  std::string identity;
  // Everything that an action's effect depends on (image, limits, replicas), canonical JSON; part
  // of the digest, so that an approval does not outlive a drift of the target.
  std::string configuration;
  bool running = false;
  std::optional<std::int64_t> exit_code;
  std::string message;  // for people: "exited with 137 (OOM-killed) 3 s ago"
  std::map<std::string, std::string> labels;
  std::vector<Metric> metrics;
  std::optional<ReplicaCount> replicas;  // of a target that has parts
  WallTime at;
  // When the target entered its present state, where somebody remembers; else `at` counts.
  std::optional<WallTime> since;
};

// What one run of a probe measured.
struct Measurement {
  HealthState state = HealthState::kUnknown;  // never kMissing
  int health = 0;                             // 0..100; meaningless when kUnknown
  std::string message;                        // "used 49.8 of 50.0 MB"; the error when kUnknown
  std::vector<std::string> error_lines;       // bounded
  std::vector<Metric> metrics;                // "memory.used_bytes", …
  WallTime at;
  Duration latency{0};
};

enum class IdempotencyClass {
  kRecognisable,  // Outcome() can tell afterwards whether it was applied
  kAtMostOnce,    // cannot be told: never repeated after a doubt
  kHarmless,      // may be repeated (wait, read-only)
};

// What an action on a target would be: computed without changing anything.
struct ActionPlan {
  Action action;
  TargetRef target;
  std::string command;                    // the exact command or API call
  std::vector<std::string> affected;      // "container redis-test (1 of 1)"
  std::string description;                // a sentence for the approver
  std::string base_risk;                  // Low | Medium | High | Critical
  std::vector<std::string> risk_factors;  // "all keys are lost: no persistence", …
  bool reversible = false;
  std::optional<Action> undo;  // the inverse, with the values of now
  std::string undo_command;
  std::string undo_token;  // backend data for the inverse, opaque, stored with the attempt
  // Which object exactly is changed, where that is not the target itself ("pod web-x, UID …"): part
  // of the digest, stored with the attempt, handed back to Execute and Outcome.
  std::string subject;
  // How many available parts of a target with replicas it takes away for a while.
  std::int64_t takes_available = 0;
  IdempotencyClass idempotency = IdempotencyClass::kAtMostOnce;
};

struct ActionResult {
  enum class Outcome { kApplied, kNotApplied, kUnknown };
  Outcome outcome = Outcome::kUnknown;
  std::string message;
  std::int64_t exit_code = 0;
  std::string stdout_text;
  std::string stderr_text;
  Duration duration{0};
};

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_TYPES_H_
