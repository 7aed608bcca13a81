// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/checks.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace salve::backends::ecs {
namespace {

using std::chrono::seconds;

bool IsAt(const LoadTarget& target, const Task& task) {
  return std::find(task.addresses.begin(), task.addresses.end(), target.id) != task.addresses.end();
}

const LoadTarget* IllTargetOf(const Snapshot& s, const Task& task) {
  const auto it = std::find_if(s.targets.begin(), s.targets.end(), [&](const LoadTarget& target) {
    return target.Ill() && IsAt(target, task);
  });
  return it == s.targets.end() ? nullptr : &*it;
}

bool Passes(const Snapshot& s, const Task& task) {
  if (FailsACheck(s, task)) return false;
  return task.health == "HEALTHY" ||
         std::any_of(s.targets.begin(), s.targets.end(), [&](const LoadTarget& target) {
           return target.state == "healthy" && IsAt(target, task);
         });
}

bool IsYoung(const Snapshot& s, const Task& task, WallTime now) {
  return task.Running() && task.started && now - *task.started < seconds(s.service.grace_seconds);
}

// ECS overlooks what a young task fails; one that has been well is past its beginning.
bool InGrace(const Snapshot& s, const Task& task, WallTime now) {
  return IsYoung(s, task, now) && !s.memory.been_well.contains(task.arn);
}

}  // namespace

bool FailsACheck(const Snapshot& s, const Task& task) {
  return task.health == "UNHEALTHY" || IllTargetOf(s, task) != nullptr;
}

std::optional<Illness> JudgeRunning(const Snapshot& s, const Task& task, WallTime now) {
  if (InGrace(s, task, now)) return std::nullopt;
  if (std::optional<Illness> own = JudgeTask(task)) return own;
  const LoadTarget* target = IllTargetOf(s, task);
  if (target == nullptr) return std::nullopt;
  Illness ill;
  ill.condition = healing::kConditionUnhealthy;
  ill.what = "fails the load balancer's health check (" + target->reason + ")";
  return ill;
}

std::vector<LoadTarget> IllTargets(const Snapshot& s, WallTime now) {
  std::vector<LoadTarget> ill;
  const bool told_apart = std::any_of(s.tasks.begin(), s.tasks.end(), [&](const Task& task) {
    return !task.addresses.empty() || IsYoung(s, task, now);
  });
  if (told_apart) return ill;
  std::copy_if(s.targets.begin(), s.targets.end(), std::back_inserter(ill),
               [](const LoadTarget& target) { return target.Ill(); });
  return ill;
}

void LearnChecks(const Snapshot& s, WallTime now, Memory& next) {
  next.sick_since.clear();
  next.been_well.clear();
  const auto sick = [&](const std::string& key) {
    const auto known = s.memory.sick_since.find(key);
    next.sick_since[key] = known == s.memory.sick_since.end() ? now : known->second;
  };
  for (const Task& task : s.tasks) {
    if (!task.Running()) continue;
    if (Passes(s, task) || s.memory.been_well.contains(task.arn)) next.been_well.insert(task.arn);
    if (FailsACheck(s, task) && !InGrace(s, task, now)) sick(task.arn);
  }
  for (const LoadTarget& target : IllTargets(s, now)) sick(target.Key());
}

}  // namespace salve::backends::ecs
