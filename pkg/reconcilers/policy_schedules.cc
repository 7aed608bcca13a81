// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/policy_schedules.h"

#include <algorithm>

#include "pkg/apis/codec.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/canary.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/scheduled_life.h"

namespace salve::reconcilers {
namespace {

// The calendar may be set forward while the process waits on its own clock.
constexpr std::chrono::minutes kLookAtLeastEvery{1};

bool MayBeOpen(const v1::ScheduledTarget& scheduled) {
  return scheduled.state == v1::kTickOpened && !scheduled.incident.empty();
}

const v1::Incident* FindIncident(const std::vector<std::shared_ptr<const v1::Incident>>& incidents,
                                 const std::string& name) {
  for (const auto& incident : incidents) {
    if (!name.empty() && incident->metadata.name == name) return incident.get();
  }
  return nullptr;
}

std::string IllIncident(const std::vector<std::shared_ptr<const v1::Incident>>& incidents,
                        const v1::TargetRef& target) {
  for (const auto& incident : incidents) {
    const bool about_health = incident->spec.target == target && !healing::IsScheduled(*incident);
    if (about_health && !healing::IsResolved(incident->status)) return incident->metadata.name;
  }
  return "";
}

// From the reservation on: it is stored before the intent is on the incident.
bool IsActing(const v1::Incident* incident, const std::string& name,
              const std::vector<v1::ActionRecord>& records) {
  if (incident != nullptr && healing::IsActing(incident->status)) return true;
  return std::any_of(records.begin(), records.end(), [&](const v1::ActionRecord& record) {
    return !name.empty() && record.incident == name && record.result.empty();
  });
}

// Those of targets that are not there now, as long as there is something to go back to: a container
// may be on its way to being created anew.
void KeepAbsent(const std::vector<v1::ScheduledTarget>& before,
                std::vector<v1::ScheduledTarget>& next) {
  std::set<std::string> present;
  for (const v1::ScheduledTarget& s : next) present.insert(s.target);
  for (const v1::ScheduledTarget& s : before) {
    if (next.size() >= healing::kMaxScheduled) return;
    if (present.count(s.target) == 0 && s.count) next.push_back(s);
  }
}

const char* EventReason(const v1::ScheduledTarget& s) {
  if (s.state == v1::kTickOpened) return "ScheduleDue";
  if (s.state == v1::kTickHeld) return "ScheduleHeld";
  if (s.state == v1::kTickFailed) return "ScheduleFailed";
  if (s.state == v1::kTickSkipped) return "ScheduleSkipped";
  if (s.state != v1::kTickDone) return "";
  return s.action == v1::kScheduleScaleToZero ? "ScaledToZero" : "Restored";
}

}  // namespace

StatusOr<std::set<std::string>> GoneIncidents(const Shell& shell, const v1::HealingPolicy& policy) {
  std::set<std::string> gone;
  for (const v1::ScheduledTarget& s : policy.status.scheduled) {
    const NamespacedName name{policy.metadata.ns, s.incident};
    if (!MayBeOpen(s) || shell.incidents.Get(name) != nullptr) continue;
    const auto live = shell.client.Get(v1::Incident::kInfo, name);
    if (live.ok()) {
      shell.incidents.Offer(*live);
    } else if (live.code() == Code::kNotFound) {
      gone.insert(s.incident);
    } else {
      return live.status().Annotate("looking for incident " + name.ToString());
    }
  }
  return gone;
}

void SettleSchedules(const SettleSchedulesInput& in, v1::HealingPolicyStatus& status) {
  const healing::ScheduleCalendar calendar(in.spec.schedules, in.zones);
  status.schedules = calendar.Remember(status.schedules, in.now);
  status.next_schedule = healing::DescribeNext(calendar.Next(in.now));
  if (calendar.empty()) {
    status.scheduled.clear();
    return;
  }
  v1::HealingPolicy policy;
  policy.metadata = in.metadata;
  policy.spec = in.spec;
  policy.status.schedules = status.schedules;
  const auto newest = calendar.Newest(status.schedules, in.now);
  std::vector<v1::ScheduledTarget> next;
  for (std::size_t i = 0; i < in.view.targets.size() && next.size() < healing::kMaxScheduled; ++i) {
    const v1::TargetRef& target = in.view.targets[i];
    const v1::ScheduledTarget* known = healing::FindScheduled(status, target.name);
    const v1::ScheduledTarget before = known != nullptr ? *known : v1::ScheduledTarget{};
    healing::ScheduleFacts facts;
    facts.target = target;
    facts.seen = in.view.observations[i];
    facts.ill_incident = IllIncident(in.incidents, target);
    facts.incident = FindIncident(in.incidents, before.incident);
    facts.incident_gone = in.gone.count(before.incident) > 0;
    facts.acting = IsActing(facts.incident, before.incident, status.actions);
    v1::ScheduledTarget settled =
        healing::SettleTick(policy, calendar, before, newest, facts, in.now);
    if (!settled.tick.empty()) next.push_back(std::move(settled));
  }
  KeepAbsent(status.scheduled, next);
  std::sort(next.begin(), next.end(),
            [](const auto& a, const auto& b) { return a.target < b.target; });
  status.scheduled = std::move(next);
}

StatusOr<v1::HealingPolicy> OpenScheduled(Shell& shell, v1::HealingPolicy policy,
                                          const PolicyView& view) {
  const NamespacedName key{policy.metadata.ns, policy.metadata.name};
  bool any = false;
  for (const v1::TargetRef& target : view.targets) {
    const v1::ScheduledTarget* due = healing::FindScheduled(policy.status, target.name);
    if (due == nullptr || due->state != v1::kTickDue) continue;
    const v1::Incident incident = healing::MakeScheduledIncident(policy, target, *due);
    auto created = shell.client.Create(v1::Incident::kInfo, apis::Encode(incident));
    // The name says that it is the same incident, whoever has created it.
    if (!created.ok() && created.code() != Code::kAlreadyExists) {
      return created.status().Annotate("opening the incident of schedule " + due->schedule +
                                       " for " + target.name);
    }
    any = true;
    if (!created.ok()) continue;
    shell.incidents.Offer(*created);
    MetricsOf(shell, healing::IsCanary(policy.metadata)).IncidentOpened(key.ToString());
    Log(Severity::kInfo, "incident of a schedule opened",
        {{"incident", incident.metadata.name},
         {"target", target.name},
         {"schedule", due->schedule}});
  }
  if (!any) return policy;
  const std::vector<v1::ScheduledTarget> opened = policy.status.scheduled;
  return shell.policy_status.Update(key, [&](v1::HealingPolicy& current) -> StatusOr<bool> {
    bool changed = false;
    for (v1::ScheduledTarget& s : current.status.scheduled) {
      const bool ours = std::any_of(opened.begin(), opened.end(), [&](const auto& one) {
        return one.target == s.target && one.incident == s.incident;
      });
      if (ours && healing::MarkOpened(s, shell.clock.Now())) changed = true;
    }
    return changed;
  });
}

void TellOfSchedules(Shell& shell, const v1::HealingPolicy& policy,
                     const v1::HealingPolicyStatus& before) {
  for (const v1::ScheduledTarget& s : policy.status.scheduled) {
    const v1::ScheduledTarget* old = healing::FindScheduled(before, s.target);
    const bool news = old == nullptr || old->tick != s.tick || old->state != s.state;
    const std::string reason = EventReason(s);
    if (!news || reason.empty()) continue;
    const bool good = s.state == v1::kTickOpened || s.state == v1::kTickDone;
    shell.events.Event(ReferenceTo(policy),
                       good ? engine::EventType::kNormal : engine::EventType::kWarning, reason,
                       s.target + ": schedule " + s.schedule + " (" + s.action + ") of " + s.tick +
                           ": " + s.message);
    Log(Severity::kInfo, "schedule: " + reason,
        {{"schedule", s.schedule}, {"target", s.target}, {"tick", s.tick}, {"detail", s.message}});
  }
}

bool ScheduleIsActing(const Shell& shell, const v1::HealingPolicy& policy,
                      const std::string& target) {
  const v1::ScheduledTarget* scheduled = healing::FindScheduled(policy.status, target);
  if (scheduled == nullptr || scheduled->incident.empty()) return false;
  const auto incident = shell.incidents.Get({policy.metadata.ns, scheduled->incident});
  return incident != nullptr && healing::IsActing(incident->status);
}

std::optional<WallTime> NextScheduleLook(const v1::HealingPolicy& policy, TimeZones& zones,
                                         WallTime now) {
  const healing::ScheduleCalendar calendar(policy.spec.schedules, zones);
  if (calendar.empty()) return std::nullopt;
  WallTime next = now + kLookAtLeastEvery;
  if (const auto tick = calendar.Next(now)) next = std::min(next, tick->at);
  for (const v1::ScheduledTarget& s : policy.status.scheduled) {
    const auto deadline = healing::DeadlineOf(policy.spec, s);
    if (deadline && *deadline >= now) next = std::min(next, *deadline + std::chrono::seconds(1));
  }
  return next;
}

}  // namespace salve::reconcilers
