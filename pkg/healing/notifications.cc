// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/notifications.h"

#include <algorithm>
#include <map>
#include <set>

#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/machine.h"

namespace salve::healing {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxKey = 253;

// A stage that an incident has come to.
struct Reached {
  const char* stage;
  std::string key;
};

std::string ReasonOf(const v1::IncidentStatus& status, const char* type) {
  const metav1::Condition* condition = metav1::FindCondition(status.conditions, type);
  return condition != nullptr ? condition->reason : "";
}

// Everything that can still be read off the status, oldest first.
std::vector<Reached> StagesOf(const v1::IncidentStatus& status) {
  std::vector<Reached> out;
  if (status.phase.empty()) return out;
  out.push_back({kStageDetected, "1"});
  if (status.phase == kPhaseBlocked &&
      metav1::IsConditionTrue(status.conditions, v1::kIncidentBlocked)) {
    out.push_back({kStageBlocked, ReasonOf(status, v1::kIncidentBlocked)});
  }
  if (status.phase == kPhaseAwaitingApproval && status.proposal) {
    out.push_back({kStageProposed, status.proposal->digest.substr(0, 16)});
  }
  for (const v1::Attempt& attempt : status.attempts) {
    if (MayHaveRun(attempt)) {
      out.push_back({kStageExecuted, attempt.id});
    }
    if (attempt.phase == kAttemptUndone) out.push_back({kStageRolledBack, attempt.id});
  }
  if (metav1::IsConditionTrue(status.conditions, v1::kIncidentEscalated)) {
    out.push_back({kStageEscalated, ReasonOf(status, v1::kIncidentEscalated)});
  }
  if (IsResolved(status)) out.push_back({kStageResolved, status.outcome});
  return out;
}

using StagesBySink = std::vector<std::pair<std::string, std::set<std::string>>>;

std::set<std::string>& StagesFor(StagesBySink& sinks, const std::string& sink) {
  const auto it =
      std::find_if(sinks.begin(), sinks.end(), [&](const auto& s) { return s.first == sink; });
  return it != sinks.end() ? it->second : sinks.emplace_back(sink, std::set<std::string>()).second;
}

StagesBySink Wanted(const v1::HealingPolicy* policy, const v1::IncidentStatus& status) {
  StagesBySink out;
  if (policy == nullptr) {
    for (const v1::NotificationStatus& entry : status.notifications) {
      StagesFor(out, entry.sink).insert(kStageResolved);
    }
    return out;
  }
  for (const v1::Notification& n : policy->spec.notifications) {
    std::set<std::string>& stages = StagesFor(out, n.sink);
    stages.insert(n.stages.begin(), n.stages.end());
    if (!n.stages.empty()) continue;
    stages = {kStageProposed, kStageBlocked, kStageRolledBack, kStageEscalated, kStageResolved};
  }
  // Whoever is called to help is told when it is over, too.
  const bool escalated = metav1::IsConditionTrue(status.conditions, v1::kIncidentEscalated);
  for (const v1::Step& step : policy->spec.ladder) {
    if (!step.escalate || !escalated) continue;
    for (const std::string& sink : step.escalate->sinks) {
      StagesFor(out, sink).insert({kStageEscalated, kStageResolved});
    }
  }
  return out;
}

bool Same(const v1::NotificationStatus& a, const v1::NotificationStatus& b) {
  return a.sink == b.sink && a.stage == b.stage && a.key == b.key;
}

WallTime TimeOf(const std::string& text) { return ParseTime(text).value_or(WallTime{}); }

bool TooOld(const v1::NotificationStatus& entry, WallTime now) {
  return now - TimeOf(entry.at) > kMaxNotificationAge;
}

// When an entry may be tried. A sink that has come back is not kept waiting for what it missed.
WallTime DueAt(const v1::NotificationStatus& entry, const SinkState& state) {
  WallTime due = entry.next_attempt_at.empty() ? TimeOf(entry.at) : TimeOf(entry.next_attempt_at);
  if (state.recovered_at)
    due = std::min<WallTime>(due, *state.recovered_at + std::chrono::minutes(1));
  return std::max(due, state.hold_until);
}

// What was sent of one policy and stage lately.
struct Recent {
  int count = 0;
  WallTime last{};
};

std::string GroupOf(const v1::Incident& incident, const std::string& stage) {
  return incident.metadata.ns + "/" + incident.spec.policy_ref.name + "/" + stage;
}

std::map<std::string, Recent> RecentlySent(const std::string& sink,
                                           const std::vector<const v1::Incident*>& incidents,
                                           WallTime now) {
  std::map<std::string, Recent> out;
  for (const v1::Incident* incident : incidents) {
    for (const v1::NotificationStatus& entry : incident->status.notifications) {
      if (entry.sink != sink || entry.state != kNotificationSent) continue;
      if (entry.message.rfind(kInSummary, 0) == 0) continue;
      const WallTime at = TimeOf(entry.at);
      if (now - at >= kSingleWindow) continue;
      Recent& recent = out[GroupOf(*incident, entry.stage)];
      ++recent.count;
      recent.last = std::max(recent.last, at);
    }
  }
  return out;
}

struct Candidate {
  QueuedNotification item;
  WallTime due{};
};

// The first of each incident's pending entries, the earliest due first: an incident's story is told
// in its order.
std::vector<Candidate> Candidates(const std::string& sink,
                                  const std::vector<const v1::Incident*>& incidents,
                                  const SinkState& state) {
  std::vector<Candidate> out;
  for (const v1::Incident* incident : incidents) {
    for (const v1::NotificationStatus& entry : incident->status.notifications) {
      if (entry.sink != sink || entry.state != kNotificationPending) continue;
      out.push_back({{incident, &entry}, DueAt(entry, state)});
      break;
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) {
    return a.due != b.due ? a.due < b.due
                          : a.item.incident->metadata.name < b.item.incident->metadata.name;
  });
  return out;
}

// All due ones of the same policy and stage, `first` in front.
std::vector<QueuedNotification> Group(const std::vector<Candidate>& candidates,
                                      const Candidate& first, WallTime now) {
  const std::string group = GroupOf(*first.item.incident, first.item.entry->stage);
  std::vector<QueuedNotification> out{first.item};
  for (const Candidate& other : candidates) {
    if (other.due > now || out.size() == kMaxInSummary) break;
    if (other.item.entry == first.item.entry) continue;
    if (GroupOf(*other.item.incident, other.item.entry->stage) == group) out.push_back(other.item);
  }
  return out;
}

}  // namespace

bool AddNotifications(const v1::HealingPolicy* policy, const SinkIsOpen& open, WallTime now,
                      v1::Incident& incident) {
  v1::IncidentStatus& status = incident.status;
  const StagesBySink wanted = Wanted(policy, status);
  if (wanted.empty()) return false;
  bool added = false;
  const std::vector<Reached> reached = StagesOf(status);
  for (const auto& [sink, stages] : wanted) {
    if (!open(sink)) continue;
    for (const Reached& r : reached) {
      if (stages.count(r.stage) == 0) continue;
      const std::string key = r.key.substr(0, kMaxKey);
      if (FindNotification(status, sink, r.stage, key) != nullptr) continue;
      // Full: only the end is still told.
      const bool end = r.stage == std::string(kStageResolved);
      if (status.notifications.size() >= kMaxNotifications && !end) continue;
      v1::NotificationStatus entry;
      entry.sink = sink;
      entry.stage = r.stage;
      entry.key = key;
      entry.state = kNotificationPending;
      entry.at = FormatMicroTime(now);
      status.notifications.push_back(std::move(entry));
      added = true;
    }
  }
  return added;
}

std::vector<v1::NotificationStatus> MergeNotifications(
    const std::vector<v1::NotificationStatus>& stored,
    const std::vector<v1::NotificationStatus>& ours) {
  std::vector<v1::NotificationStatus> out = stored;
  for (const v1::NotificationStatus& entry : ours) {
    const bool known = std::any_of(stored.begin(), stored.end(),
                                   [&](const auto& other) { return Same(entry, other); });
    if (!known) out.push_back(entry);
  }
  return out;
}

v1::NotificationStatus* FindNotification(v1::IncidentStatus& status, const std::string& sink,
                                         const std::string& stage, const std::string& key) {
  for (v1::NotificationStatus& entry : status.notifications) {
    if (entry.sink == sink && entry.stage == stage && entry.key == key) return &entry;
  }
  return nullptr;
}

bool HasPending(const v1::IncidentStatus& status, const std::string& sink) {
  return std::any_of(status.notifications.begin(), status.notifications.end(), [&](const auto& e) {
    return e.sink == sink && e.state == kNotificationPending;
  });
}

std::string NotificationId(const v1::Incident& incident, const v1::NotificationStatus& entry) {
  const std::string all = incident.metadata.uid + "\n" + incident.metadata.ns + "\n" +
                          incident.metadata.name + "\n" + entry.sink + "\n" + entry.stage + "\n" +
                          entry.key;
  return "salve_" + Sha256Hex(all).substr(0, 32);
}

NextNotification ChooseNotification(const std::string& sink,
                                    const std::vector<const v1::Incident*>& incidents,
                                    const SinkState& state, WallTime now) {
  using What = NextNotification::What;
  NextNotification next;
  const std::vector<Candidate> candidates = Candidates(sink, incidents, state);
  for (const Candidate& candidate : candidates) {
    if (TooOld(*candidate.item.entry, now)) return {What::kGiveUp, {}, {candidate.item}};
  }
  std::map<std::string, Recent> recent = RecentlySent(sink, incidents, now);
  const auto wait = [&next](WallTime at) {
    if (next.what == What::kWait) at = std::min(at, next.at);
    next = {What::kWait, at, {}};
  };
  for (const Candidate& candidate : candidates) {
    if (candidate.due > now) {
      wait(candidate.due);
      break;  // the others are due later still
    }
    const std::string& stage = candidate.item.entry->stage;
    const Recent sent = recent[GroupOf(*candidate.item.incident, stage)];
    if (sent.count < kSingleMessages || !state.takes_summaries(stage)) {
      return {What::kSend, {}, {candidate.item}};
    }
    if (now - sent.last >= kSummaryInterval) {
      return {What::kSend, {}, Group(candidates, candidate, now)};
    }
    wait(sent.last + kSummaryInterval);
  }
  return next;
}

Duration NotificationBackoff(std::int64_t attempts, Random& random) {
  Duration wait = seconds(5);
  const Duration cap = std::chrono::hours(4);
  for (std::int64_t i = 1; i < attempts && wait < cap; ++i) wait *= 3;
  wait = std::min(wait, cap);
  const double jitter = 0.5 * random.Fraction() * static_cast<double>(wait.count());
  return wait + Duration(static_cast<Duration::rep>(jitter));
}

Duration SinkHold(int failures) {
  if (failures <= 0) return Duration(0);
  Duration hold = seconds(5);
  for (int i = 1; i < failures && hold < std::chrono::minutes(5); ++i) hold *= 2;
  return std::min<Duration>(hold, std::chrono::minutes(5));
}

}  // namespace salve::healing
