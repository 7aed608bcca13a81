// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/pod_health.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "pkg/healing/types.h"

namespace salve::backends::kubernetes {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// A rolling update frees room by ending old pods; a pod that waits for that is not stuck yet.
constexpr seconds kSchedulePatience{20};
constexpr seconds kSandboxPatience{60};   // to attach a disk takes its time
constexpr seconds kReadinessGrace{30};    // of a pod that was ready before
constexpr seconds kTerminationGrace{60};  // beyond the pod's own
constexpr minutes kOomMemory{10};
// The kubelet forgets its back-off after that long a run: two crashes that far apart are no loop.
constexpr minutes kLoopMemory{10};
constexpr seconds kMinRecovery{30};

template <std::size_t N>
bool OneOf(const std::string& word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool PullFails(const Container& c, const PodMemory& memory) {
  if (c.state != Container::State::kWaiting) return false;
  constexpr std::array<std::string_view, 3> kSure = {"ImagePullBackOff", "ErrImageNeverPull",
                                                     "InvalidImageName"};
  // Between two tries; the first of them may be an accident.
  constexpr std::array<std::string_view, 4> kTries = {
      "ErrImagePull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"};
  return OneOf(c.reason, kSure) || (memory.image_failed && OneOf(c.reason, kTries));
}

bool ConfigFails(const Container& c) {
  constexpr std::array<std::string_view, 2> kReasons = {"CreateContainerConfigError",
                                                        "CreateContainerError"};
  return c.state == Container::State::kWaiting && OneOf(c.reason, kReasons);
}

// How long a container has to run after a crash to be taken for recovered.
Duration Recovery(Duration last_run) {
  return std::clamp<Duration>(2 * last_run + seconds(10), kMinRecovery, kLoopMemory);
}

bool CrashLoops(const Container& c, WallTime now) {
  constexpr std::array<std::string_view, 4> kReasons = {"CrashLoopBackOff", "RunContainerError",
                                                        "StartError", "PostStartHookError"};
  switch (c.state) {
    case Container::State::kWaiting:
      return OneOf(c.reason, kReasons);
    case Container::State::kTerminated:
      return c.restarts > 0 && !(c.init && c.exit_code == 0);
    case Container::State::kRunning:
      break;
  }
  const std::optional<Duration> last_run = LastRun(c);
  if (c.restarts < 2 || !last_run || *last_run >= kLoopMemory || !c.started) return false;
  return now - *c.started < Recovery(*last_run);
}

bool OomKilled(const Container& c, WallTime now) {
  if (c.state == Container::State::kTerminated && c.reason == "OOMKilled") return c.restarts > 0;
  return c.last_reason == "OOMKilled" && c.last_finished && now - *c.last_finished < kOomMemory;
}

std::string Exited(const std::string& reason, std::int64_t code) {
  std::string text = "exited with " + std::to_string(code);
  if (!reason.empty() && reason != "Error") text += " (" + reason + ")";
  return text;
}

// The kubelet's own text of a crash loop says how long it waits, and changes all the time.
Illness Crash(const Container& c, bool oom) {
  Illness ill;
  ill.condition = healing::kConditionCrashLooping;
  ill.oom_killed = oom;
  ill.severity = 50;
  const bool ended = c.state == Container::State::kTerminated;
  const bool known = ended || !c.last_reason.empty();
  const std::string& reason = ended ? c.reason : c.last_reason;
  if (known) ill.exit_code = ended ? c.exit_code : c.last_exit_code;
  ill.what = "CrashLoopBackOff";
  if (known) ill.what += ": " + Exited(reason, *ill.exit_code);
  // Why it could not even start: no back-off in that text.
  if (c.state == Container::State::kWaiting && c.reason != "CrashLoopBackOff") {
    ill.what = c.reason + ": " + c.message;
  }
  return ill;
}

std::optional<Illness> JudgeContainer(const Container& c, const PodMemory& memory, WallTime now) {
  std::optional<Illness> ill;
  const bool oom = OomKilled(c, now);
  if (PullFails(c, memory)) {
    ill.emplace().condition = healing::kConditionImagePullFailing;
    ill->severity = 70;
    ill->what = c.message.empty() ? c.reason : c.reason + ": " + c.message;
  } else if (ConfigFails(c)) {
    ill.emplace().condition = healing::kConditionConfigError;
    ill->severity = 60;
    ill->what = c.reason + ": " + c.message;
  } else if (CrashLoops(c, now)) {
    ill = Crash(c, oom);
  } else if (oom) {
    ill.emplace().condition = healing::kConditionOOMKilled;
    ill->oom_killed = true;
    ill->severity = 20;
    ill->exit_code = c.last_exit_code;
    ill->what = "OOMKilled";
  }
  if (ill) ill->container = c.name;
  return ill;
}

Illness OfPod(const char* condition, int severity, std::string what) {
  Illness ill;
  ill.condition = condition;
  ill.severity = severity;
  ill.what = std::move(what);
  return ill;
}

std::string OrEvent(const PodMemory& memory, const std::string& otherwise) {
  return memory.event.empty() ? otherwise : memory.event;
}

// All its containers run, and it is not ready.
std::optional<Illness> JudgeReadiness(const Pod& pod, const PodMemory& memory,
                                      Duration start_patience, WallTime now) {
  std::optional<WallTime> started;
  const Container* unready = nullptr;
  for (const Container& c : pod.containers) {
    if (c.init) continue;
    if (c.state != Container::State::kRunning || !c.started) return std::nullopt;
    started = started ? std::max(*started, *c.started) : *c.started;
    if (!c.ready) unready = &c;
  }
  if (!started) return std::nullopt;
  // Times have whole seconds: a pod that was ready at all was so for more than one.
  const bool was_ready = pod.ready_changed && *pod.ready_changed > *started + seconds(1);
  const WallTime since = was_ready ? *pod.ready_changed : *started;
  const Duration patience = was_ready ? Duration(kReadinessGrace) : start_patience;
  if (now - since < patience) return std::nullopt;
  if (unready == nullptr) {
    return OfPod(healing::kConditionUnhealthy, 30,
                 "its containers are ready and it is not: its node or a readiness gate");
  }
  Illness ill = OfPod(healing::kConditionPodNotReady, 40,
                      OrEvent(memory, was_ready ? "runs, and is not ready any more"
                                                : "runs, and does not become ready"));
  ill.container = unready->name;
  return ill;
}

}  // namespace

std::optional<Duration> LastRun(const Container& c) {
  if (!c.last_started || !c.last_finished) return std::nullopt;
  return std::max(Duration::zero(), Duration(*c.last_finished - *c.last_started));
}

bool ImagePullBacksOff(const Pod& pod) {
  return std::any_of(pod.containers.begin(), pod.containers.end(),
                     [](const Container& c) { return PullFails(c, {}); });
}

bool ServesSince(const Pod& pod, Duration at_least, WallTime now) {
  return pod.ready && !pod.deleted && pod.ready_changed && now - *pod.ready_changed >= at_least;
}

std::optional<Illness> JudgePod(const Pod& pod, const PodMemory& memory, Duration start_patience,
                                WallTime now) {
  if (pod.deleted) {
    if (now - *pod.deleted < kTerminationGrace) return std::nullopt;
    return OfPod(healing::kConditionTerminatingLong, 10, "does not end after it was deleted");
  }
  if (pod.Finished()) return std::nullopt;
  std::optional<Illness> worst;
  for (const Container& container : pod.containers) {
    std::optional<Illness> ill = JudgeContainer(container, memory, now);
    if (ill && (!worst || ill->severity > worst->severity)) worst = std::move(ill);
  }
  if (worst && worst->severity > 20) return worst;
  if (pod.unschedulable && pod.unschedulable_since &&
      now - *pod.unschedulable_since >= kSchedulePatience) {
    return OfPod(healing::kConditionUnschedulable, 55,
                 "Unschedulable: " + pod.unschedulable_message);
  }
  const auto waits = [](const Container& c) { return c.state == Container::State::kWaiting; };
  if (pod.no_sandbox_since && !pod.node.empty() &&
      now - *pod.no_sandbox_since >= kSandboxPatience &&
      std::all_of(pod.containers.begin(), pod.containers.end(), waits)) {
    return OfPod(healing::kConditionConfigError, 60,
                 OrEvent(memory, "its volumes or its network cannot be set up"));
  }
  if (pod.ready) return worst;
  if (std::optional<Illness> ill = JudgeReadiness(pod, memory, start_patience, now)) return ill;
  // Whatever holds it: an init container that does not end, an image that does not arrive.
  const bool running = std::all_of(
      pod.containers.begin(), pod.containers.end(),
      [](const Container& c) { return c.init || c.state == Container::State::kRunning; });
  if (!running && !pod.unschedulable && pod.created && now - *pod.created >= start_patience) {
    return OfPod(healing::kConditionPodNotReady, 40, OrEvent(memory, "does not start"));
  }
  return worst;
}

}  // namespace salve::backends::kubernetes
