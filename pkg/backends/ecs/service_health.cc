// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/service_health.h"

#include <algorithm>
#include <utility>

#include "pkg/backends/ecs/checks.h"
#include "pkg/backends/ecs/names.h"
#include "pkg/base/time_format.h"

namespace salve::backends::ecs {
namespace {

using healing::HealthState;
using std::chrono::minutes;
using std::chrono::seconds;

// What a deployment without any failure may take, on top of its health checks' grace.
constexpr minutes kDeploymentPatience{15};
// ECS says at once that it cannot place a task, and tries again: capacity may be on its way.
constexpr seconds kPlacementPatience{30};
// Tasks that are missing without a deployment and without a failure.
constexpr minutes kShortPatience{5};
// ECS replaces a task whose health check fails by itself.
constexpr seconds kSickPatience{60};
// Tasks that were started that long ago are no news any more.
constexpr minutes kRecently{3};
constexpr std::size_t kMaxProven = 10;

bool IsOf(const Task& task, const Deployment& deployment) {
  if (!task.started_by.empty()) return task.started_by == deployment.id;
  return task.task_definition == deployment.task_definition &&
         (!task.created || !deployment.created || *task.created >= *deployment.created);
}

bool Older(const std::optional<WallTime>& at, Duration than, WallTime now) {
  return at && now - *at > than;
}

void Add(Verdict& v, const char* condition) {
  if (!v.Has(condition)) v.conditions.emplace_back(condition);
}

// Tasks of the primary deployment only: what an earlier one left behind is no fault of this one.
void FindIll(const Snapshot& s, const Deployment& primary, WallTime now, Verdict& v) {
  v.sick_targets = IllTargets(s, now);
  for (const Task& task : s.tasks) {
    if (!IsOf(task, primary)) continue;
    std::optional<Illness> ill = task.Running() ? JudgeRunning(s, task, now) : JudgeTask(task);
    if (!ill) continue;
    if (task.Running()) {
      v.sick.push_back({task, std::move(*ill)});
    } else if (!Older(task.stopped, kFailureWindow, now)) {
      v.failed.push_back({task, std::move(*ill)});
    }
  }
  std::stable_sort(v.failed.begin(), v.failed.end(), [](const IllTask& a, const IllTask& b) {
    return a.task.stopped > b.task.stopped;
  });
  std::stable_sort(v.sick.begin(), v.sick.end(), [](const IllTask& a, const IllTask& b) {
    return a.task.started < b.task.started;
  });
}

std::int64_t WellTasks(const Snapshot& s, const Deployment& primary) {
  return std::count_if(s.tasks.begin(), s.tasks.end(), [&](const Task& task) {
    return IsOf(task, primary) && task.Running() && !FailsACheck(s, task);
  });
}

// Nothing has failed for a while, and everything is there.
bool GotWell(const Snapshot& s, const Deployment& primary, const Verdict& v, WallTime now) {
  if (v.failed.empty()) return true;
  const std::optional<WallTime> last = v.failed.front().task.stopped;
  return WellTasks(s, primary) >= s.service.desired && Older(last, kSettled, now);
}

bool Failing(const Snapshot& s, const Deployment& primary, const Verdict& v, WallTime now) {
  if (primary.rollout_state == kFailed) return true;
  // Where the tasks cannot be seen, ECS's own count is what there is.
  if (!s.tasks_problem.empty()) {
    return primary.failed_tasks >= kFailuresToBeIll && s.service.running < s.service.desired;
  }
  const auto failed = static_cast<std::int64_t>(v.failed.size());
  return failed >= kFailuresToBeIll && !GotWell(s, primary, v, now);
}

bool IsProven(const Snapshot& s, const std::string& task_definition) {
  const auto& proven = s.memory.proven;
  return std::find(proven.begin(), proven.end(), task_definition) != proven.end();
}

std::string FindGood(const Snapshot& s, const Deployment& primary) {
  const Deployment* best = nullptr;
  for (const Deployment& d : s.service.deployments) {
    if (d.rollout_state != kCompleted || d.task_definition == primary.task_definition) continue;
    if (best == nullptr || d.created > best->created) best = &d;
  }
  if (best != nullptr) return best->task_definition;
  for (auto it = s.memory.proven.rbegin(); it != s.memory.proven.rend(); ++it) {
    if (*it != primary.task_definition) return *it;
  }
  for (auto it = s.memory.history.rbegin(); it != s.memory.history.rend(); ++it) {
    if (*it != primary.task_definition) return *it;
  }
  return "";
}

// ECS calls a deployment complete as soon as all its tasks run. One whose tasks all end within the
// first minute has not served, where there is another one that has.
bool CompleteForAMoment(const Deployment& primary, const Verdict& v) {
  if (v.good.empty() || v.failed.empty() || !primary.updated) return false;
  return std::all_of(v.failed.begin(), v.failed.end(), [&](const IllTask& one) {
    const Task& t = one.task;
    const bool brief = !t.started || !t.stopped || *t.stopped - *t.started < kProven;
    return brief && t.stopped && *t.stopped - *primary.updated < kProven;
  });
}

bool NewestServed(const Snapshot& s, const Deployment& primary, const Verdict& v) {
  if (IsProven(s, primary.task_definition)) return true;
  const auto& all = s.service.deployments;
  const bool before = std::any_of(all.begin(), all.end(), [&](const Deployment& d) {
    return d.id != primary.id && d.task_definition == primary.task_definition &&
           d.rollout_state == kCompleted;
  });
  if (before) return true;
  return primary.rollout_state == kCompleted && !CompleteForAMoment(primary, v);
}

std::string Counted(const Service& service) {
  return std::to_string(service.running) + " of " + std::to_string(service.desired) +
         " tasks running";
}

void DescribeIll(const Snapshot& s, const Deployment& primary, const Verdict& v,
                 const std::optional<PlacementFailure>& placement, std::string& text) {
  text = Counted(s.service);
  if (!v.failed.empty()) {
    const IllTask& newest = v.failed.front();
    text += "; task " + newest.task.Id().substr(0, 8);
    if (!newest.illness.container.empty() && newest.task.containers.size() > 1) {
      text += " container " + newest.illness.container;
    }
    text += " " + newest.illness.what;
    if (v.failed.size() > 1) text += " (" + std::to_string(v.failed.size()) + " have failed)";
  } else if (!v.sick.empty()) {
    text += "; task " + v.sick.front().task.Id().substr(0, 8) + " " + v.sick.front().illness.what;
    if (v.sick.size() > 1) text += " (" + std::to_string(v.sick.size()) + " do)";
  } else if (!v.sick_targets.empty()) {
    const LoadTarget& first = v.sick_targets.front();
    text += "; target " + first.id + ":" + first.port +
            " fails the load balancer's health check (" + first.reason + ")";
    if (v.sick_targets.size() > 1) text += " (" + std::to_string(v.sick_targets.size()) + " do)";
  } else if (primary.failed_tasks > 0) {
    text += "; " + std::to_string(primary.failed_tasks) + " tasks of it have failed";
  }
  if (placement) text += "; " + placement->message;
  if (primary.rollout_state == kFailed) text += "; " + primary.rollout_reason;
  text += " (" + ShortName(primary.task_definition) + ")";
}

// Nothing is wrong, but not everything is there yet.
void DescribeComing(const Service& service, const char* condition, const std::string& how,
                    Verdict& v) {
  Add(v, condition);
  v.state = service.running >= std::max<std::int64_t>(1, LeastHealthy(service))
                ? HealthState::kHealthy
                : HealthState::kUnknown;
  v.message = Counted(service) + "; " + how;
}

bool SickForLong(const Snapshot& s, const Verdict& v, WallTime now) {
  const auto for_long = [&](const std::string& key) {
    const auto since = s.memory.sick_since.find(key);
    return since != s.memory.sick_since.end() && now - since->second >= kSickPatience;
  };
  return std::any_of(v.sick.begin(), v.sick.end(),
                     [&](const IllTask& one) { return for_long(one.task.arn); }) ||
         std::any_of(v.sick_targets.begin(), v.sick_targets.end(),
                     [&](const LoadTarget& one) { return for_long(one.Key()); });
}

void Conclude(const Snapshot& s, const Deployment& primary, WallTime now, Verdict& v) {
  const Service& service = s.service;
  const bool rolling = primary.rollout_state == kInProgress ||
                       (primary.rollout_state.empty() && service.deployments.size() > 1);
  const bool failing = Failing(s, primary, v, now);
  auto placement = JudgeEvents(service, primary.created);
  if (placement && service.running >= service.desired && !rolling) placement.reset();
  const bool unplaced =
      placement && (!placement->since || Older(placement->since, kPlacementPatience, now));
  const bool overdue =
      rolling && service.running < service.desired &&
      Older(primary.created, kDeploymentPatience + seconds(service.grace_seconds), now);
  const bool missing_long = !rolling && service.running < service.desired &&
                            Older(s.memory.short_since, kShortPatience, now);
  // ECS's own circuit breaker is at it: it goes back by itself, to what it knows to have served.
  const bool breaker = rolling && service.breaker_rolls_back;
  const bool ill = failing || unplaced || overdue || missing_long || SickForLong(s, v, now);
  v.rollout_in_progress = rolling && (!ill || (breaker && !overdue && !unplaced));
  if (v.rollout_in_progress) {
    const std::string how = failing ? "tasks of a deployment fail, and the service's own circuit "
                                      "breaker is to roll it back"
                                    : "a deployment is under way";
    DescribeComing(service, healing::kConditionRolloutInProgress,
                   how + " (" + ShortName(primary.task_definition) + ")", v);
    if (AwaitsOwn(s)) v.state = HealthState::kUnknown;
    return;
  }
  if (!ill) {
    if (service.running < service.desired) {
      DescribeComing(service, healing::kConditionStarting, "the others are starting", v);
    } else {
      v.state = HealthState::kHealthy;
      v.message = Counted(service);
    }
    return;
  }
  v.state = HealthState::kUnhealthy;
  for (const IllTask& one : v.failed) {
    Add(v, one.illness.condition);
    if (one.illness.oom_killed) Add(v, healing::kConditionOOMKilled);
  }
  if (!v.sick.empty() || !v.sick_targets.empty()) Add(v, healing::kConditionUnhealthy);
  if (unplaced) Add(v, placement->condition);
  if (failing && v.failed.empty()) Add(v, healing::kConditionStartFailed);
  const auto sick = static_cast<std::int64_t>(std::max(v.sick.size(), v.sick_targets.size()));
  const bool none = sick >= service.running;
  if (none && service.desired > 1) Add(v, healing::kConditionNoneAvailable);
  if (!NewestServed(s, primary, v)) Add(v, healing::kConditionSinceRelease);
  if (!v.good.empty()) Add(v, healing::kConditionGoodRevision);
  DescribeIll(s, primary, v, unplaced ? placement : std::nullopt, v.message);
}

}  // namespace

bool Verdict::Has(const char* condition) const {
  return std::find(conditions.begin(), conditions.end(), condition) != conditions.end();
}

std::int64_t LeastHealthy(const Service& service) {
  const std::int64_t percent = std::clamp<std::int64_t>(service.minimum_healthy_percent, 0, 100);
  return (service.desired * percent + 99) / 100;  // ECS rounds up
}

bool IsSteady(const Service& service) {
  const Deployment* primary = service.Primary();
  return primary != nullptr && service.deployments.size() == 1 && service.pending == 0 &&
         service.running == service.desired &&
         (primary->rollout_state == kCompleted || primary->rollout_state.empty());
}

bool NeedsTasks(const Service& service, WallTime now) {
  if (!IsSteady(service)) return true;
  // Started outside a deployment, so in the place of one that was lost.
  const Deployment* primary = service.Primary();
  return std::any_of(service.events.begin(), service.events.end(), [&](const ServiceEvent& event) {
    return event.at && now - *event.at < kRecently &&
           event.message.find("has started") != std::string::npos &&
           (!primary->updated || *event.at > *primary->updated);
  });
}

Verdict Judge(const Snapshot& s, WallTime now) {
  Verdict v;
  const Deployment* primary = s.service.Primary();
  if (!s.awaited.empty()) {
    v.rollout_in_progress = true;
    v.message = s.awaited;
    Add(v, healing::kConditionRolloutInProgress);
  } else if (s.service.status != kActive) {
    Add(v, healing::kConditionDeleting);
    v.message = "the service is " + s.service.status;
  } else if (s.service.desired == 0) {
    v.state = HealthState::kHealthy;
    Add(v, healing::kConditionScaledToZero);
    v.message = "scaled to zero";
  } else if (primary == nullptr) {
    v.message = "ECS names no primary deployment of it";
  } else {
    FindIll(s, *primary, now, v);
    v.good = FindGood(s, *primary);
    Conclude(s, *primary, now, v);
  }
  if (s.bounds) Add(v, healing::kConditionAutoscaled);
  if (!s.tasks_problem.empty()) v.message += "; its tasks cannot be seen: " + s.tasks_problem;
  if (!s.targets_problem.empty()) {
    v.message += "; what its load balancer sees is not known: " + s.targets_problem;
  }
  return v;
}

bool AwaitsOwn(const Snapshot& s) {
  const auto& own = s.memory.own_deployments;
  const auto ours = [&](const Deployment& d) {
    return std::find(own.begin(), own.end(), d.id) != own.end();
  };
  const Deployment* primary = s.service.Primary();
  if (primary == nullptr || primary->rollout_state != kInProgress) return false;
  // The process that made it may have been another one of ours.
  if (!s.memory.settled_once || ours(*primary)) return true;
  const auto& all = s.service.deployments;
  return std::any_of(all.begin(), all.end(),
                     [&](const Deployment& d) { return d.rollout_state == kFailed && ours(d); });
}

Memory Learn(const Snapshot& s, WallTime now) {
  Memory next = s.memory;
  const Deployment* primary = s.service.Primary();
  if (!s.awaited.empty() || primary == nullptr) return next;
  if (primary->rollout_state != kInProgress) next.settled_once = true;
  LearnChecks(s, now, next);
  const bool short_of = s.service.running < s.service.desired;
  if (!short_of || primary->rollout_state == kInProgress) {
    next.short_since.reset();
  } else if (!next.short_since) {
    next.short_since = now;
  }
  if (!IsSteady(s.service) || s.service.desired == 0) {
    next.steady_since.reset();
    return next;
  }
  if (!next.steady_since || next.steady_deployment != primary->id) {
    // What ECS remembers counts as well: it was complete before this process looked.
    next.steady_since = primary->updated && *primary->updated < now ? primary->updated : now;
    if (!NeedsTasks(s.service, now)) next.steady_deployment = primary->id;
  }
  const bool lasted = now - *next.steady_since >= kProven && !NeedsTasks(s.service, now);
  if (lasted && next.sick_since.empty()) {
    std::erase(next.proven, primary->task_definition);
    next.proven.push_back(primary->task_definition);
    if (next.proven.size() > kMaxProven) next.proven.erase(next.proven.begin());
  }
  return next;
}

}  // namespace salve::backends::ecs
