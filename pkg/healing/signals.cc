// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/signals.h"

#include <algorithm>
#include <charconv>

#include "pkg/base/ascii.h"
#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/budget.h"
#include "pkg/healing/canary.h"
#include "pkg/healing/evidence.h"

namespace salve::healing {
namespace {

constexpr std::size_t kMaxErrorLogs = 20;
constexpr std::size_t kMaxMetrics = 50;
constexpr std::size_t kMaxNameLength = 63;
constexpr std::size_t kMaxMessage = 1024;

// Lower-case letters, digits and single dashes; at most `max`, no dash at either end.
std::string Slug(std::string_view text, std::size_t max) {
  std::string out;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    const char lower = upper ? static_cast<char>(c - 'A' + 'a') : c;
    const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (plain) {
      out += lower;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
    if (out.size() >= max) break;
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

// The condition that tells best what is wrong; "" if the target does not run because it was meant
// so.
std::string TellingCondition(const TargetObservation& observation) {
  const auto has = [&](const char* name) {
    return std::find(observation.conditions.begin(), observation.conditions.end(), name) !=
           observation.conditions.end();
  };
  if (has(kConditionStopped) || has(kConditionPaused)) return "";
  for (const char* name : {kConditionStartFailed, kConditionDead, kConditionOOMKilled,
                           kConditionExited, kConditionRestarting, kConditionUnhealthy}) {
    if (has(name)) return name;
  }
  return HealthStateName(observation.state);
}

Signal FromIndicator(const TargetRef& target, const IndicatorState& indicator) {
  Signal signal;
  signal.source = indicator.source.empty() ? kSourceProbe : indicator.source;
  signal.target = target;
  signal.kind = indicator.name;
  signal.message = SanitizeLine(indicator.message, kMaxMessage);
  signal.at = indicator.since;
  signal.metrics = indicator.metrics;
  for (const std::string& line : indicator.error_lines) {
    if (signal.evidence.size() >= kMaxErrorLogs) break;
    signal.evidence.push_back(SanitizeLine(line));
  }
  return signal;
}

const v1::Incident* NewestClosed(const std::vector<const v1::Incident*>& known,
                                 const std::string& fingerprint) {
  const v1::Incident* newest = nullptr;
  for (const v1::Incident* incident : known) {
    if (incident->spec.fingerprint != fingerprint) continue;
    const auto at = ParseTime(incident->status.resolved_at);
    if (!at) continue;
    const auto newest_at = newest ? ParseTime(newest->status.resolved_at) : std::nullopt;
    if (!newest_at || *at > *newest_at) newest = incident;
  }
  return newest;
}

}  // namespace

std::vector<Signal> SignalsOf(const TargetRef& target, const TargetHealth& health,
                              const std::optional<TargetObservation>& observation) {
  std::vector<Signal> out;
  for (const IndicatorState& indicator : health.indicators) {
    const bool ill = indicator.state == HealthState::kUnhealthy;
    if (indicator.name == kContainerIndicator) {
      if (!ill || !observation) continue;
      const std::string kind = TellingCondition(*observation);
      if (kind.empty()) continue;
      Signal signal = FromIndicator(target, indicator);
      signal.source = kSourceTarget;
      signal.kind = kind;
      signal.severity = kSeverityCritical;
      out.push_back(std::move(signal));
      continue;
    }
    if (ill) {
      Signal signal = FromIndicator(target, indicator);
      signal.severity = !indicator.severity.empty() ? indicator.severity
                        : indicator.health == 0     ? kSeverityCritical
                                                    : kSeverityWarning;
      out.push_back(std::move(signal));
    } else if (indicator.unmeasurable) {
      Signal signal = FromIndicator(target, indicator);
      signal.kind = indicator.name + "/Unmeasurable";
      signal.severity = kSeverityWarning;
      out.push_back(std::move(signal));
    }
  }
  return out;
}

std::string Fingerprint(const std::string& policy_uid, const metav1::NamespacedName& policy,
                        const TargetRef& target) {
  // Every part ends with a byte that occurs in none of them, so that no two lists give one text.
  std::string text;
  for (const std::string* part :
       {&policy_uid, &policy.ns, &policy.name, &target.backend, &target.kind, &target.name}) {
    text += *part;
    text += '\0';
  }
  // Only where there is one, so that the others keep the fingerprint that they always had.
  if (!target.ns.empty()) text += target.ns + '\0';
  return Sha256Hex(text);
}

std::string IncidentName(const std::string& policy_name, const TargetRef& target,
                         const std::string& fingerprint, std::int64_t occurrence) {
  const std::string tail = fingerprint.substr(0, 8) + "-" + std::to_string(occurrence);
  const std::size_t room = kMaxNameLength - tail.size() - 1;
  std::string head = Slug(policy_name, room / 2);
  const std::string name = Slug(target.name, room - head.size() - 1);
  // "redis-redis-…" says no more than "redis-…".
  if (!name.empty() && name != head) head += (head.empty() ? "" : "-") + name;
  if (head.empty()) head = "incident";
  return head + "-" + tail;
}

std::int64_t OccurrenceOf(const std::string& incident_name) {
  const std::size_t dash = incident_name.rfind('-');
  if (dash == std::string::npos) return 0;
  std::int64_t value = 0;
  const char* begin = incident_name.data() + dash + 1;
  const char* end = incident_name.data() + incident_name.size();
  const auto [ptr, error] = std::from_chars(begin, end, value);
  return error == std::errc() && ptr == end && value > 0 && value < 1'000'000'000 ? value : 0;
}

std::string LabelValue(std::string_view value) {
  const auto alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  bool valid = value.size() <= 63;
  for (const char c : value) valid = valid && (alnum(c) || c == '-' || c == '_' || c == '.');
  if (valid && (value.empty() || (alnum(value.front()) && alnum(value.back())))) {
    return std::string(value);
  }
  std::string head;
  for (const char c : value) {
    if (head.size() >= 46) break;
    const bool fits = alnum(c) || c == '-' || c == '_' || c == '.';
    if (fits && (alnum(c) || !head.empty())) head += c;
  }
  return head + (head.empty() ? "" : ".") + Sha256Hex(value).substr(0, 16);
}

Correlation Correlate(const Signal& signal, const v1::HealingPolicy& policy,
                      const std::string& fingerprint,
                      const std::vector<const v1::Incident*>& known) {
  std::int64_t last = 0;
  const v1::Incident* open = nullptr;
  for (const v1::Incident* incident : known) {
    if (incident->spec.fingerprint != fingerprint) continue;
    last = std::max(last, OccurrenceOf(incident->metadata.name));
    const bool closed = metav1::IsConditionTrue(incident->status.conditions, v1::kIncidentResolved);
    const bool older = open != nullptr &&
                       open->metadata.creation_timestamp <= incident->metadata.creation_timestamp;
    if (!closed && !older) open = incident;
  }
  // Names of incidents that were deleted are not given again: the policy's records still mean them.
  for (const v1::ActionRecord& record : policy.status.actions) {
    if (record.target == signal.target.name) last = std::max(last, OccurrenceOf(record.incident));
  }
  if (open != nullptr) {
    return {Correlation::Kind::kAbsorb, open->metadata.name, OccurrenceOf(open->metadata.name),
            "incident " + open->metadata.name + " is open for this target"};
  }
  const v1::Incident* closed = NewestClosed(known, fingerprint);
  if (closed != nullptr && signal.source != kSourceManual) {
    // Stored times may have lost their fraction of a second; the onset has not.
    const auto end = ParseTime(closed->status.resolved_at);
    const bool same_illness = signal.at <= *end;
    const bool policy_moved_on = policy.metadata.generation > closed->spec.policy_ref.generation;
    if (same_illness && !policy_moved_on) {
      return {Correlation::Kind::kIgnore, closed->metadata.name, 0,
              "the illness that incident " + closed->metadata.name + " ended as " +
                  closed->status.outcome + " lasts since before that"};
    }
  }
  return {Correlation::Kind::kOpen,
          IncidentName(policy.metadata.name, signal.target, fingerprint, last + 1), last + 1, ""};
}

v1::Incident MakeIncident(const v1::HealingPolicy& policy, const Signal& signal,
                          const std::string& fingerprint, std::int64_t occurrence) {
  v1::Incident incident;
  incident.metadata.ns = policy.metadata.ns;
  incident.metadata.name =
      IncidentName(policy.metadata.name, signal.target, fingerprint, occurrence);
  incident.metadata.labels[v1::kLabelPolicy] = LabelValue(policy.metadata.name);
  incident.metadata.labels[v1::kLabelTarget] = LabelValue(signal.target.name);
  if (IsCanary(policy.metadata)) incident.metadata.annotations[kCanaryAnnotation] = "true";
  v1::IncidentSpec& spec = incident.spec;
  spec.fingerprint = fingerprint;
  spec.policy_ref = {policy.metadata.name, policy.metadata.uid, policy.metadata.generation};
  spec.target = signal.target;
  spec.trigger = {signal.source, signal.kind, SanitizeLine(signal.message, kMaxMessage),
                  FormatMicroTime(signal.at)};
  spec.severity = signal.severity;
  spec.affected_system = AffectedSystem(signal.target);
  for (const std::string& line : signal.evidence) {
    if (spec.error_logs.size() >= kMaxErrorLogs) break;
    spec.error_logs.push_back(SanitizeLine(line));
  }
  spec.metrics_snapshot = signal.metrics;
  if (spec.metrics_snapshot.size() > kMaxMetrics) spec.metrics_snapshot.resize(kMaxMetrics);
  return incident;
}

void CompleteManualIncident(const v1::HealingPolicy& policy, v1::Incident& incident) {
  v1::IncidentSpec& spec = incident.spec;
  spec.policy_ref.uid = policy.metadata.uid;
  if (spec.policy_ref.generation == 0) spec.policy_ref.generation = policy.metadata.generation;
  if (spec.trigger.source.empty()) spec.trigger.source = kSourceManual;
  if (spec.trigger.at.empty()) spec.trigger.at = incident.metadata.creation_timestamp;
  if (spec.severity.empty()) spec.severity = kSeverityWarning;
  if (spec.affected_system.empty()) spec.affected_system = AffectedSystem(spec.target);
  if (spec.fingerprint.empty()) {
    spec.fingerprint =
        Fingerprint(policy.metadata.uid, {policy.metadata.ns, policy.metadata.name}, spec.target);
  }
  incident.metadata.labels.try_emplace(v1::kLabelPolicy, LabelValue(policy.metadata.name));
  incident.metadata.labels.try_emplace(v1::kLabelTarget, LabelValue(spec.target.name));
}

bool IsSameProblem(const std::vector<v1::ActionRecord>& records, const std::string& target_name,
                   WallTime onset, std::int64_t min_healthy_seconds) {
  std::optional<WallTime> fixed;
  for (const v1::ActionRecord& record : records) {
    if (record.target != target_name || record.result != "Successful") continue;
    const auto at = ParseTime(record.finished_at);
    if (at && (!fixed || *at > *fixed)) fixed = at;
  }
  return fixed && onset - *fixed < std::chrono::seconds(min_healthy_seconds);
}

std::string AffectedSystem(const TargetRef& target) {
  return target.name + " (" + target.backend + " " + AsciiLower(target.kind) + ")";
}

}  // namespace salve::healing
