// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/alerts.h"

#include <algorithm>

#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/signals.h"

namespace salve::healing {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxKeptLabels = 62;  // and Salve's own two
constexpr std::size_t kMaxLabelName = 128;
constexpr std::size_t kMaxLabelValue = 1024;
constexpr std::size_t kMaxMessage = 1024;
constexpr std::size_t kMaxTarget = 512;

bool Reserved(const std::string& label) {
  return label == kLabelReceiver || label == kLabelClearedBy;
}

std::map<std::string, std::string> KeptLabels(const Alert& alert) {
  std::map<std::string, std::string> kept;
  for (const auto& [name, value] : alert.labels) {
    if (kept.size() >= kMaxKeptLabels) break;
    if (name.empty() || name.size() > kMaxLabelName || Reserved(name)) continue;
    kept[SanitizeLine(name, kMaxLabelName)] = SanitizeLine(value, kMaxLabelValue);
  }
  kept[kLabelReceiver] = alert.receiver;
  return kept;
}

std::string LabelOf(const v1::SignalStatus& signal, const char* name) {
  const auto it = signal.labels.find(name);
  return it == signal.labels.end() ? "" : it->second;
}

WallTime TimeOf(const std::string& text) { return ParseTime(text).value_or(WallTime{}); }

bool Firing(const v1::SignalStatus& signal) { return signal.state == kSignalFiring; }

bool Concerns(const v1::SignalStatus& signal, const std::string& target) {
  return signal.target.empty() || signal.target == target;
}

// Of alerts; what files give is settled by files.h.
const v1::PolicyTrigger* TriggerOf(const v1::HealingPolicySpec& spec, const std::string& name) {
  for (const v1::PolicyTrigger& trigger : spec.triggers) {
    if (trigger.name == name && trigger.alert) return &trigger;
  }
  return nullptr;
}

// 0: only its sender clears it.
seconds ClearsAfterOf(const v1::PolicyTrigger& trigger, const ClearsAfter& clears,
                      const v1::SignalStatus& signal) {
  if (trigger.alert->clears_after_seconds) return seconds(*trigger.alert->clears_after_seconds);
  const auto it = clears.find(LabelOf(signal, kLabelReceiver));
  return seconds(it == clears.end() ? kDefaultClearsAfterSeconds : it->second);
}

// When silence clears it; nullopt: it does not.
std::optional<WallTime> SilentAt(const v1::PolicyTrigger& trigger, const ClearsAfter& clears,
                                 const v1::SignalStatus& signal) {
  const seconds after = ClearsAfterOf(trigger, clears, signal);
  if (after == seconds(0)) return std::nullopt;
  return TimeOf(signal.received_at) + after;
}

void Clear(v1::SignalStatus& signal, const char* by, WallTime at) {
  signal.state = kSignalCleared;
  signal.since = FormatMicroTime(at);
  signal.labels[kLabelClearedBy] = by;
}

v1::SignalStatus* FindSignal(std::vector<v1::SignalStatus>& signals, const std::string& trigger,
                             const std::string& fingerprint) {
  for (v1::SignalStatus& signal : signals) {
    if (signal.trigger == trigger && signal.fingerprint == fingerprint) return &signal;
  }
  return nullptr;
}

// Makes room for one more: the one that cleared first goes. False if all fire.
bool MakeRoom(std::vector<v1::SignalStatus>& signals) {
  if (signals.size() < kMaxSignals) return true;
  auto oldest = signals.end();
  for (auto it = signals.begin(); it != signals.end(); ++it) {
    if (Firing(*it)) continue;
    if (oldest == signals.end() || TimeOf(it->since) < TimeOf(oldest->since)) oldest = it;
  }
  if (oldest == signals.end()) return false;
  signals.erase(oldest);
  return true;
}

void Describe(const TriggerSet::Match& match, const Alert& alert, v1::SignalStatus& signal) {
  signal.severity = match.severity.empty() ? alert.severity : match.severity;
  signal.message = SanitizeLine(alert.message, kMaxMessage);
  signal.target = SanitizeLine(match.target, kMaxTarget);
}

// A sender whose clock is ahead has not seen the future.
std::string SinceText(const Alert& alert, WallTime now) {
  return FormatMicroTime(std::min(alert.since, now));
}

SignalEffect AddSignal(std::vector<v1::SignalStatus>& signals, const TriggerSet::Match& match,
                       const Alert& alert, std::string fingerprint, WallTime now) {
  // The end of what was never heard of is remembered, too: its beginning may come late.
  if (!alert.firing && !alert.told) return {};
  if (!MakeRoom(signals)) {
    return {alert.firing ? SignalChange::kRefused : SignalChange::kNone, false};
  }
  v1::SignalStatus signal;
  signal.trigger = match.trigger;
  signal.fingerprint = std::move(fingerprint);
  signal.state = alert.firing ? kSignalFiring : kSignalCleared;
  signal.since = SinceText(alert, now);
  signal.received_at = FormatMicroTime(now);
  signal.occurrences = alert.firing ? 1 : 0;
  signal.labels = KeptLabels(alert);
  Describe(match, alert, signal);
  signals.push_back(std::move(signal));
  return {SignalChange::kChanged, false};
}

SignalEffect Refire(v1::SignalStatus& known, const TriggerSet::Match& match, const Alert& alert,
                    WallTime now) {
  const WallTime ended = TimeOf(known.since);
  const bool by_sender = LabelOf(known, kLabelClearedBy).empty();
  // Its sender said that it was over after that: this one came late, or is played again.
  if (by_sender && alert.told && alert.since <= ended) return {};
  known.since = alert.told && alert.since > ended ? SinceText(alert, now) : FormatMicroTime(now);
  known.state = kSignalFiring;
  known.received_at = FormatMicroTime(now);
  known.occurrences = 1;
  known.labels.erase(kLabelClearedBy);
  Describe(match, alert, known);
  return {SignalChange::kChanged, false};
}

SignalEffect Repeat(v1::SignalStatus& known, const TriggerSet::Match& match, const Alert& alert,
                    std::int64_t absorbed, WallTime now) {
  const WallTime since = TimeOf(known.since);
  // It ceased and began again, and nobody said so in between.
  const bool anew = alert.told && std::min(alert.since, now) > since;
  const WallTime last = TimeOf(known.received_at);
  const bool due = now - last >= kRepeatInterval || now < last;
  if (!anew && !due) return {SignalChange::kNone, true};
  if (anew) known.since = SinceText(alert, now);
  known.occurrences += 1 + absorbed;
  known.received_at = FormatMicroTime(now);
  Describe(match, alert, known);
  return {SignalChange::kChanged, true};
}

SignalEffect Resolve(v1::SignalStatus& known, const Alert& alert, std::int64_t absorbed,
                     WallTime now) {
  if (!Firing(known)) return {};
  // The end of an earlier time that it fired.
  if (alert.told && alert.since < TimeOf(known.since)) return {};
  known.state = kSignalCleared;
  known.since = SinceText(alert, now);
  known.received_at = FormatMicroTime(now);
  known.occurrences += absorbed;
  known.labels.erase(kLabelClearedBy);
  return {SignalChange::kChanged, false};
}

// Whether it fires at `now` as far as its own trigger is concerned, forSeconds aside.
bool FiresAt(const v1::PolicyTrigger& trigger, const ClearsAfter& clears,
             const v1::SignalStatus& signal, WallTime now) {
  if (!Firing(signal)) return false;
  const auto silent = SilentAt(trigger, clears, signal);
  return !silent || *silent > now;
}

// The last time that an action on the signal's target was found to have helped.
std::optional<WallTime> LastHealed(const std::vector<v1::ActionRecord>& actions,
                                   const v1::SignalStatus& signal, std::size_t targets) {
  std::optional<WallTime> last;
  if (signal.target.empty() && targets > 1) return last;  // helped one of them only
  for (const v1::ActionRecord& record : actions) {
    if (record.result != kOutcomeSuccessful) continue;
    if (!signal.target.empty() && record.target != signal.target) continue;
    const auto at = ParseTime(record.finished_at);
    if (at && (!last || *at > *last)) last = at;
  }
  return last;
}

}  // namespace

std::string AlertFingerprint(const Alert& alert) {
  // Lengths first, so that no two lists give one text.
  std::string text = std::to_string(alert.receiver.size()) + ":" + alert.receiver;
  for (const auto& [name, value] : alert.labels) {
    text += std::to_string(name.size()) + ":" + name + std::to_string(value.size()) + ":" + value;
  }
  return Sha256Hex(text);
}

std::string SeverityOf(const std::string& word) {
  std::string lower;
  for (const char c : word.substr(0, 16)) {
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  for (const char* critical : {"critical", "page", "fatal", "error", "emergency", "high"}) {
    if (lower == critical) return kSeverityCritical;
  }
  for (const char* info : {"info", "information", "none", "debug", "low", "notice"}) {
    if (lower == info) return kSeverityInfo;
  }
  return kSeverityWarning;
}

TriggerSet::TriggerSet(const v1::HealingPolicySpec& spec) {
  for (const v1::PolicyTrigger& trigger : spec.triggers) {
    if (!trigger.alert) continue;
    Compiled compiled{
        trigger.name, trigger.severity, trigger.alert->receiver, trigger.alert->target_label, {}};
    bool understood = !trigger.alert->matchers.empty();
    for (const std::string& text : trigger.alert->matchers) {
      auto matcher = apis::Matcher::Parse(text);
      if (!matcher.ok()) {
        understood = false;
        break;
      }
      compiled.matchers.push_back(std::move(matcher).value());
    }
    if (understood) triggers_.push_back(std::move(compiled));
  }
}

std::vector<TriggerSet::Match> TriggerSet::Matching(const Alert& alert) const {
  std::vector<Match> matches;
  for (const Compiled& trigger : triggers_) {
    if (!trigger.receiver.empty() && trigger.receiver != alert.receiver) continue;
    const bool all =
        std::all_of(trigger.matchers.begin(), trigger.matchers.end(),
                    [&](const apis::Matcher& matcher) { return matcher.Matches(alert.labels); });
    if (!all) continue;
    Match match{trigger.name, trigger.severity, ""};
    if (!trigger.target_label.empty()) {
      const auto it = alert.labels.find(trigger.target_label);
      if (it == alert.labels.end() || it->second.empty()) continue;
      match.target = it->second;
    }
    matches.push_back(std::move(match));
  }
  return matches;
}

SignalEffect ApplyAlert(std::vector<v1::SignalStatus>& signals, const TriggerSet::Match& match,
                        const Alert& alert, std::int64_t absorbed, WallTime now) {
  std::string fingerprint = AlertFingerprint(alert);
  v1::SignalStatus* known = FindSignal(signals, match.trigger, fingerprint);
  if (known == nullptr) return AddSignal(signals, match, alert, std::move(fingerprint), now);
  if (!alert.firing) return Resolve(*known, alert, absorbed, now);
  if (!Firing(*known)) return Refire(*known, match, alert, now);
  return Repeat(*known, match, alert, absorbed, now);
}

bool SettleSignals(const v1::HealingPolicySpec& spec, const ClearsAfter& clears,
                   const std::vector<v1::ActionRecord>& actions, std::size_t targets, WallTime now,
                   std::vector<v1::SignalStatus>& signals) {
  const auto known = [&](const std::string& name) {
    return std::any_of(spec.triggers.begin(), spec.triggers.end(),
                       [&](const v1::PolicyTrigger& trigger) { return trigger.name == name; });
  };
  const std::size_t dropped = std::erase_if(
      signals, [&](const v1::SignalStatus& signal) { return !known(signal.trigger); });
  bool changed = dropped > 0;
  for (v1::SignalStatus& signal : signals) {
    const v1::PolicyTrigger* trigger = TriggerOf(spec, signal.trigger);
    if (!Firing(signal) || trigger == nullptr) continue;
    const auto silent = SilentAt(*trigger, clears, signal);
    if (!silent) continue;
    const auto healed = LastHealed(actions, signal, targets);
    if (healed && *healed >= TimeOf(signal.received_at)) {
      Clear(signal, kClearedByHealing, *healed);
      changed = true;
    } else if (*silent <= now) {
      Clear(signal, kClearedBySilence, *silent);
      changed = true;
    }
  }
  return changed;
}

std::vector<IndicatorState> AlertIndicators(const v1::HealingPolicy& policy,
                                            const ClearsAfter& clears, const std::string& target,
                                            WallTime now) {
  std::vector<IndicatorState> out;
  for (const v1::PolicyTrigger& trigger : policy.spec.triggers) {
    if (!trigger.alert) continue;
    IndicatorState indicator;
    indicator.name = trigger.name;
    indicator.source = kSourceAlert;
    indicator.state = HealthState::kHealthy;
    indicator.health = 100;
    indicator.measured = true;
    indicator.last_measured = now;
    bool any = false;
    for (const v1::SignalStatus& signal : policy.status.signals) {
      if (signal.trigger != trigger.name || !Concerns(signal, target)) continue;
      any = true;
      const WallTime since = TimeOf(signal.since);
      const bool fires = FiresAt(trigger, clears, signal, now);
      const bool counts = fires && now - since >= seconds(trigger.alert->for_seconds);
      const bool ill = indicator.state == HealthState::kUnhealthy;
      if (counts && (!ill || since < indicator.since)) {
        indicator.state = HealthState::kUnhealthy;
        indicator.health = 0;
        indicator.severity = signal.severity;
        indicator.message = signal.message.empty() ? "its alert fires" : signal.message;
        indicator.since = since;
        if (!signal.message.empty()) indicator.error_lines = {signal.message};
      } else if (!counts && !ill) {
        indicator.since = std::max(indicator.since, since);
        indicator.message =
            fires ? "fires, but not for " + std::to_string(trigger.alert->for_seconds) + " s yet"
                  : "no alert";
      }
    }
    if (any) out.push_back(std::move(indicator));
  }
  return out;
}

std::optional<WallTime> NextSignalChange(const v1::HealingPolicy& policy, const ClearsAfter& clears,
                                         WallTime now) {
  std::optional<WallTime> next;
  const auto consider = [&](WallTime at) {
    if (at > now && (!next || at < *next)) next = at;
  };
  for (const v1::SignalStatus& signal : policy.status.signals) {
    const v1::PolicyTrigger* trigger = TriggerOf(policy.spec, signal.trigger);
    if (trigger == nullptr || !Firing(signal)) continue;
    consider(TimeOf(signal.since) + seconds(trigger->alert->for_seconds));
    if (const auto silent = SilentAt(*trigger, clears, signal)) consider(*silent);
  }
  return next;
}

FreshCheck AwaitAlerts(FreshCheck check, const v1::HealingPolicy& policy, const ClearsAfter& clears,
                       const std::string& target, std::optional<WallTime> acted) {
  if (check.verdict != Verdict::kGood) return check;
  for (const v1::SignalStatus& signal : policy.status.signals) {
    const v1::PolicyTrigger* trigger = TriggerOf(policy.spec, signal.trigger);
    if (trigger == nullptr || !Concerns(signal, target)) continue;
    if (!FiresAt(*trigger, clears, signal, check.at)) continue;
    const bool silent_sender = ClearsAfterOf(*trigger, clears, signal) > seconds(0);
    if (silent_sender && acted && TimeOf(signal.received_at) <= *acted) continue;
    check.verdict = Verdict::kBetween;
    check.message = "waits for the alert of trigger " + trigger->name + " to clear" +
                    (check.message.empty() ? "" : "; " + check.message);
    return check;
  }
  return check;
}

}  // namespace salve::healing
