// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_ALERTS_H_
#define SALVE_PKG_HEALING_ALERTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/matcher.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/clock.h"
#include "pkg/healing/health.h"
#include "pkg/healing/verification.h"

// Alerts that somebody else's monitoring sends: which triggers they concern, what they change in a
// policy's status.signals, and what those signals say about a target. Pure functions; the list in
// the status is the only memory, so that a restart forgets nothing.
namespace salve::healing {

inline constexpr char kSignalFiring[] = "Firing";
inline constexpr char kSignalCleared[] = "Cleared";

// Labels of a signal that are Salve's own; a sender's labels of this form are left out.
inline constexpr char kLabelReceiver[] = "__receiver__";  // the receiver's name
inline constexpr char kLabelClearedBy[] = "__cleared__";  // kClearedBy…; absent: by its sender
inline constexpr char kClearedBySilence[] = "not repeated";
inline constexpr char kClearedByHealing[] = "healed";

inline constexpr std::size_t kMaxSignals = 200;  // per policy
// Repeats that change nothing else are written at most so often.
inline constexpr std::chrono::seconds kRepeatInterval{30};
// When a signal whose sender never says that it is over counts as over.
inline constexpr std::int64_t kDefaultClearsAfterSeconds = 900;

// One alert of one delivery.
struct Alert {
  std::string receiver;  // name in the configuration
  std::map<std::string, std::string> labels;
  std::string message;
  std::string severity;  // Info | Warning | Critical
  bool firing = true;    // false: its sender says that it is over
  // When it began to fire, or ceased. `told`: the sender said so; else it is the time of arrival.
  WallTime since;
  bool told = false;
};

// 64 hex digits over receiver and labels: what makes two deliveries the same alert.
std::string AlertFingerprint(const Alert& alert);

// "critical", "page", "error" → Critical, "info", "none" → Info, anything else Warning.
std::string SeverityOf(const std::string& word);

// The triggers of one policy, ready to be matched. Immutable, thread-safe.
class TriggerSet {
 public:
  // A trigger whose matchers cannot be understood matches nothing: validation tells its author.
  explicit TriggerSet(const v1::HealingPolicySpec& spec);

  // One trigger that an alert concerns, and the target that it names ("" = all of the policy's).
  struct Match {
    std::string trigger;
    std::string severity;  // the trigger's own, "" = the alert's
    std::string target;
  };
  // A trigger with a targetLabel that the alert does not carry does not match: it would be about
  // everything.
  std::vector<Match> Matching(const Alert& alert) const;
  bool empty() const { return triggers_.empty(); }

 private:
  struct Compiled {
    std::string name;
    std::string severity;
    std::string receiver;
    std::string target_label;
    std::vector<apis::Matcher> matchers;
  };
  std::vector<Compiled> triggers_;
};

// What an alert did to a list of signals.
enum class SignalChange {
  kNone,     // nothing that is not known: a repeat, a replay, an older delivery that came late
  kChanged,  // write the list
  kRefused,  // there is no room: all of kMaxSignals fire
};
// Whether a delivery that changed nothing was one more of an alert that fires.
struct SignalEffect {
  SignalChange change = SignalChange::kNone;
  bool repeat = false;
};
// `absorbed`: repeats of this signal that were not written since the last time.
SignalEffect ApplyAlert(std::vector<v1::SignalStatus>& signals, const TriggerSet::Match& match,
                        const Alert& alert, std::int64_t absorbed, WallTime now);

// Receiver name → seconds without a repeat after which its alerts count as over (0 = never); for
// triggers that do not say it themselves. A receiver that is not there any more will not say
// either: kDefaultClearsAfterSeconds.
using ClearsAfter = std::map<std::string, std::int64_t>;

// Brings the list up to `now`: signals of triggers that are gone are dropped, those not repeated
// for long are cleared, and so are those of senders that never say that it is over once an action
// on their target was verified after their last delivery. Returns whether anything changed.
bool SettleSignals(const v1::HealingPolicySpec& spec, const ClearsAfter& clears,
                   const std::vector<v1::ActionRecord>& actions, std::size_t targets, WallTime now,
                   std::vector<v1::SignalStatus>& signals);

// One indicator per trigger that has ever had a signal about the target, named after it: Unhealthy
// while one fires (for forSeconds), else Healthy.
std::vector<IndicatorState> AlertIndicators(const v1::HealingPolicy& policy,
                                            const ClearsAfter& clears, const std::string& target,
                                            WallTime now);

// When one of the signals means something else by time alone; nullopt: never.
std::optional<WallTime> NextSignalChange(const v1::HealingPolicy& policy, const ClearsAfter& clears,
                                         WallTime now);

// For verification: what otherwise is good is only in between while an alert about the target has
// not cleared. Of senders that never say that it is over, only deliveries after `acted` count.
FreshCheck AwaitAlerts(FreshCheck check, const v1::HealingPolicy& policy, const ClearsAfter& clears,
                       const std::string& target, std::optional<WallTime> acted);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_ALERTS_H_
