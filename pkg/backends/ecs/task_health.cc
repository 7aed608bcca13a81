// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/task_health.h"

#include <algorithm>
#include <initializer_list>

#include "pkg/base/time_format.h"
#include "pkg/healing/types.h"

namespace salve::backends::ecs {
namespace {

bool HasAny(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

// Who or what ends tasks without any fault of theirs. A service ends those that fail a health check
// under the same code.
bool WasAsked(const Task& task) {
  if (task.stop_code == "UserInitiated" || task.stop_code == "SpotInterruption" ||
      task.stop_code == "TerminationNotice") {
    return true;
  }
  return task.stop_code == "ServiceSchedulerInitiated" &&
         !HasAny(task.stopped_reason, {"health check"});
}

std::string After(const Task& task) {
  if (!task.started || !task.stopped || *task.stopped < *task.started) return "";
  return " after " + HumanDuration(*task.stopped - *task.started);
}

// The container that decided: killed for memory, else an exit code that is none of success, else
// one with a reason.
const TaskContainer* Decisive(const Task& task) {
  const TaskContainer* found = nullptr;
  int best = 0;
  for (const TaskContainer& c : task.containers) {
    const int weight = HasAny(c.reason, {"OutOfMemory"}) ? 4
                       : c.exit_code.value_or(0) != 0    ? 3
                       : !c.reason.empty()               ? 2
                       : c.exit_code                     ? 1
                                                         : 0;
    if (weight > best) {
      best = weight;
      found = &c;
    }
  }
  return found;
}

// What kept a task from starting.
const char* StartCondition(const std::string& why) {
  if (HasAny(why, {"CannotPull", "ImagePull", "pull image"})) {
    return healing::kConditionImagePullFailing;
  }
  if (HasAny(why, {"ResourceInitializationError", "secret", "log group", "logger args"})) {
    return healing::kConditionConfigError;
  }
  if (HasAny(why, {"RESOURCE:", "Capacity is unavailable", "capacity", "network interface"})) {
    return healing::kConditionUnschedulable;
  }
  if (HasAny(why, {"limit", "quota", "Quota"})) return healing::kConditionCreateForbidden;
  return healing::kConditionStartFailed;
}

Illness Ended(const Task& task) {
  Illness ill;
  const TaskContainer* c = Decisive(task);
  if (c != nullptr) {
    ill.container = c->name;
    ill.exit_code = c->exit_code;
  }
  const std::string reason = c != nullptr ? c->reason : "";
  if (HasAny(task.stopped_reason, {"health check"})) {
    ill.condition = healing::kConditionRestarting;
    ill.what = "failed its health checks: " + task.stopped_reason;
  } else if (HasAny(reason + task.stopped_reason, {"OutOfMemory"})) {
    ill.condition = healing::kConditionCrashLooping;
    ill.oom_killed = true;
    ill.what = "was killed for its memory" + After(task);
  } else if (task.stop_code == "TaskFailedToStart" || !task.started) {
    const std::string why = reason.empty() ? task.stopped_reason : reason;
    ill.condition = StartCondition(task.stopped_reason + " " + reason);
    ill.what = "could not start: " + why;
  } else {
    ill.condition = healing::kConditionCrashLooping;
    ill.what = ill.exit_code ? "ended with exit code " + std::to_string(*ill.exit_code)
                             : "ended: " + task.stopped_reason;
    ill.what += After(task);
    if (ill.exit_code && !reason.empty()) ill.what += ": " + reason;
  }
  return ill;
}

}  // namespace

std::optional<Illness> JudgeTask(const Task& task) {
  if (task.desired_status == kStopped || task.last_status == kStopped) {
    const bool ended = task.last_status == kStopped || !task.stop_code.empty();
    if (!ended || WasAsked(task)) return std::nullopt;
    return Ended(task);
  }
  if (task.health != "UNHEALTHY") return std::nullopt;
  Illness ill;
  ill.condition = healing::kConditionUnhealthy;
  for (const TaskContainer& c : task.containers) {
    if (c.health == "UNHEALTHY") ill.container = c.name;
  }
  ill.what = "fails its health check";
  return ill;
}

std::optional<PlacementFailure> JudgeEvents(const Service& service, std::optional<WallTime> after) {
  std::optional<PlacementFailure> found;
  for (const ServiceEvent& event : service.events) {  // newest first
    if (after && event.at && *event.at < *after) break;
    if (HasAny(event.message, {"has reached a steady state", "has started "})) break;
    const bool placement = HasAny(event.message, {"unable to place a task"});
    const bool refused = HasAny(event.message, {"reached the limit", "is not authorized",
                                                "AccessDenied", "unable to assume"});
    if (!placement && !refused) continue;
    if (!found) {
      found.emplace();
      const bool quota = refused || HasAny(event.message, {"limit on", "quota"});
      found->condition =
          quota ? healing::kConditionCreateForbidden : healing::kConditionUnschedulable;
      found->message = event.message;
    }
    found->since = event.at;
  }
  return found;
}

}  // namespace salve::backends::ecs
