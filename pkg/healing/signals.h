// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_SIGNALS_H_
#define SALVE_PKG_HEALING_SIGNALS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/healing/health.h"
#include "pkg/healing/types.h"

// What says that something is wrong, and which incident it belongs to. Pure functions.
namespace salve::healing {

inline constexpr char kSourceProbe[] = "Probe";
inline constexpr char kSourceTarget[] = "Target";
inline constexpr char kSourceManual[] = "Manual";
inline constexpr char kSourceAlert[] = "Alert";
inline constexpr char kSourceFile[] = "File";
inline constexpr char kSourceSchedule[] = "Schedule";

inline constexpr char kSeverityInfo[] = "Info";
inline constexpr char kSeverityWarning[] = "Warning";
inline constexpr char kSeverityCritical[] = "Critical";

struct Signal {
  std::string source;  // Probe | Target | Manual | Alert | File | Schedule
  TargetRef target;
  std::string kind;  // name of the probe, trigger or person; the target's condition ("Exited")
  bool firing = true;
  std::string severity;
  std::string message;
  std::vector<std::string> evidence;  // error lines, bounded
  std::vector<Metric> metrics;
  WallTime at;  // onset: when it began to be so (not when it was seen)
};

// All signals of one target: one per unhealthy indicator, one per indicator that could not be
// measured for long (kind "<name>/Unmeasurable"). A target that somebody stopped or paused on
// purpose gives none of source Target. Deterministic order: worst first.
std::vector<Signal> SignalsOf(const TargetRef& target, const TargetHealth& health,
                              const std::optional<TargetObservation>& observation);

// 64 hex digits; the same for all signals of one policy and target. A policy that was deleted and
// made anew (other uid) gives another one.
std::string Fingerprint(const std::string& policy_uid, const metav1::NamespacedName& policy,
                        const TargetRef& target);

// A DNS-1123 label of at most 63 characters, readable ("redis-cache-redis-test-3f9a2c1b-2"), from
// policy, target and occurrence (1, 2, …). Deterministic: a replay meets AlreadyExists.
std::string IncidentName(const std::string& policy_name, const TargetRef& target,
                         const std::string& fingerprint, std::int64_t occurrence);
// The occurrence in such a name; 0 if it is not one.
std::int64_t OccurrenceOf(const std::string& incident_name);

// A value fit for a Kubernetes label: itself if valid, else a readable prefix and a hash (≤ 63).
std::string LabelValue(std::string_view value);

// What to do with a firing signal.
struct Correlation {
  enum class Kind {
    kOpen,    // create incident `name`
    kAbsorb,  // count it as an occurrence of the open incident `name`
    kIgnore,  // the illness that the closed incident `name` was about still lasts: nothing new
  };
  Kind kind = Kind::kOpen;
  std::string name;
  std::int64_t occurrence = 0;
  std::string reason;  // for the log
};
// `known`: the incidents with this fingerprint, in any order, from the cache. A closed incident
// swallows signals whose onset is not after its end, unless the policy's generation has moved on
// since.
Correlation Correlate(const Signal& signal, const v1::HealingPolicy& policy,
                      const std::string& fingerprint,
                      const std::vector<const v1::Incident*>& known);

// The incident to create for a signal: name, labels, spec (bounded). metadata.ns is the policy's;
// no owner reference (history outlives the policy's spec changes; the shell may add one).
v1::Incident MakeIncident(const v1::HealingPolicy& policy, const Signal& signal,
                          const std::string& fingerprint, std::int64_t occurrence);

// Fills what a human-made incident may leave out (fingerprint, severity, affected system).
void CompleteManualIncident(const v1::HealingPolicy& policy, v1::Incident& incident);

// Whether an illness that began at `onset` is the same problem as the one that the last successful
// fix on this target ended: less than retry.minHealthySeconds after it. Then the ladder goes on
// instead of starting over.
bool IsSameProblem(const std::vector<v1::ActionRecord>& records, const std::string& target_name,
                   WallTime onset, std::int64_t min_healthy_seconds);

// "redis-test (docker container)".
std::string AffectedSystem(const TargetRef& target);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_SIGNALS_H_
