// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>

#include "pkg/backends/docker/container_state.h"
#include "pkg/base/time_format.h"

// From the engine's facts to the words of healing/types.h.
namespace salve::backends::docker {
namespace {

using healing::HealthState;
using healing::TargetObservation;

// A stop waits this long for the process to end, unless its container says otherwise; a signal
// longer ago than that and some slack has nothing to do with the end.
constexpr std::int64_t kDefaultStopSeconds = 10;
constexpr std::chrono::seconds kSlack{30};
// After that a container that the engine started again is one like any other.
constexpr std::chrono::seconds kSettling{60};

Duration StopPatience(const ContainerState& state) {
  return std::chrono::seconds(state.stop_timeout_seconds.value_or(kDefaultStopSeconds)) + kSlack;
}

bool Within(const std::optional<WallTime>& time, const std::optional<EngineOutage>& outage) {
  return time && outage && *time >= outage->from && *time <= outage->to;
}

// The trace belongs to this end, not to an earlier one that was followed by an unseen start.
bool SawThisEnd(const ContainerState& state, const RunTrace& trace) {
  return trace.die_at && (!state.started_at || *trace.die_at >= *state.started_at);
}

bool AskedToEnd(const ContainerState& state, const RunTrace& trace) {
  if (trace.stop_at && (!state.started_at || *trace.stop_at >= *state.started_at)) return true;
  if (!trace.kill_at || (state.started_at && *trace.kill_at < *state.started_at)) return false;
  const std::optional<WallTime> end = trace.die_at ? trace.die_at : state.finished_at;
  return !end || *end - *trace.kill_at <= StopPatience(state);
}

std::string At(const std::optional<WallTime>& time) {
  return time ? " at " + FormatTime(*time) : std::string();
}

void DescribeRunning(const ContainerState& state, const RunTrace& trace,
                     const std::optional<EngineOutage>& outage, TargetObservation& out) {
  out.running = true;
  out.state = HealthState::kHealthy;
  out.message = "running since " + FormatTime(state.started_at.value_or(out.at));
  if (Within(state.started_at, outage)) {
    if (out.at <= outage->to + kSettling) {
      out.conditions.emplace_back(healing::kConditionEngineRestarted);
    }
    out.message += " (started again with the engine)";
  }
  if (state.health == "starting") {
    out.state = HealthState::kUnknown;
    out.conditions.emplace_back(healing::kConditionStarting);
    out.message += ", health check starting";
  } else if (state.health == "healthy") {
    out.conditions.emplace_back(healing::kConditionHealthCheckPassing);
  } else if (state.health == "unhealthy") {
    out.state = HealthState::kUnhealthy;
    out.conditions.emplace_back(healing::kConditionUnhealthy);
    out.message = "health check fails with exit code " + std::to_string(state.health_exit_code);
    if (!state.health_output.empty()) out.message += ": " + state.health_output;
  }
  // Not a condition: the container itself survived it.
  if (trace.oom_at && state.started_at && *trace.oom_at >= *state.started_at) {
    out.message += "; a process in it was OOM-killed" + At(trace.oom_at);
  }
}

void DescribeEnded(const ContainerState& state, const RunTrace& trace,
                   const std::optional<EngineOutage>& outage, TargetObservation& out) {
  out.state = HealthState::kUnhealthy;
  out.exit_code = state.exit_code;
  // A child that takes the main process down leaves OOMKilled false; the event is the better
  // witness.
  const bool oom =
      state.oom_killed || (trace.oom_at && state.started_at && *trace.oom_at >= *state.started_at &&
                           state.exit_code == 137);
  out.message = "exited with " + std::to_string(state.exit_code);
  if (oom) {
    out.conditions.emplace_back(healing::kConditionOOMKilled);
    out.conditions.emplace_back(healing::kConditionExited);
    out.message += " (OOM-killed)";
  } else {
    switch (WhoEnded(state, trace, outage)) {
      case EndedBy::kItself:
        out.conditions.emplace_back(healing::kConditionExited);
        break;
      case EndedBy::kSomebody:
        out.conditions.emplace_back(healing::kConditionStopped);
        out.message += SawThisEnd(state, trace) || AskedToEnd(state, trace)
                           ? " (somebody stopped it)"
                           : " (while Salve did not watch; taken for a deliberate stop)";
        break;
      case EndedBy::kEngine:
        out.conditions.emplace_back(healing::kConditionStopped);
        out.conditions.emplace_back(healing::kConditionEngineRestarted);
        out.message += " (when the engine restarted)";
        break;
    }
  }
  out.message += At(state.finished_at);
}

void DescribeStartFailed(const ContainerState& state, TargetObservation& out) {
  out.state = HealthState::kUnhealthy;
  out.exit_code = state.exit_code;
  out.conditions.emplace_back(healing::kConditionStartFailed);
  out.message = "start failed with " + std::to_string(state.exit_code) + ": " + state.error;
}

}  // namespace

EndedBy WhoEnded(const ContainerState& state, const RunTrace& trace,
                 const std::optional<EngineOutage>& outage) {
  if (AskedToEnd(state, trace)) {
    return Within(state.finished_at, outage) ? EndedBy::kEngine : EndedBy::kSomebody;
  }
  if (SawThisEnd(state, trace)) return EndedBy::kItself;
  if (Within(state.finished_at, outage)) return EndedBy::kEngine;
  if (state.restart_policy == "always" || state.restart_policy == "unless-stopped") {
    return EndedBy::kSomebody;
  }
  const bool doubtful = state.exit_code == 0 || state.exit_code == 130 || state.exit_code == 143 ||
                        (state.exit_code == 137 && !state.oom_killed);
  return doubtful ? EndedBy::kSomebody : EndedBy::kItself;
}

TargetObservation Observation(const std::string& backend, const ContainerState& state,
                              const RunTrace& trace, const std::optional<EngineOutage>& outage,
                              WallTime now) {
  TargetObservation out;
  out.ref = {backend, "Container", state.name};
  out.identity = state.Identity();
  out.configuration = state.Configuration();
  out.labels = state.labels;
  out.at = now;
  if (state.restarting) {
    out.state = HealthState::kUnhealthy;
    out.exit_code = state.exit_code;
    out.conditions.emplace_back(healing::kConditionRestarting);
    if (state.oom_killed) out.conditions.emplace_back(healing::kConditionOOMKilled);
    out.message =
        "the engine restarts it again and again, last exit code " + std::to_string(state.exit_code);
  } else if (state.paused) {
    out.state = HealthState::kUnhealthy;
    out.running = true;
    out.conditions.emplace_back(healing::kConditionPaused);
    out.message = "paused";
  } else if (state.running) {
    DescribeRunning(state, trace, outage, out);
  } else if (state.status == "dead" || state.status == "removing") {
    out.state = HealthState::kUnhealthy;
    out.conditions.emplace_back(healing::kConditionDead);
    out.message = state.status == "dead" ? "dead: the engine could not remove it" : "being removed";
  } else if (!state.error.empty()) {
    DescribeStartFailed(state, out);
  } else if (!state.started_at) {
    out.state = HealthState::kUnhealthy;
    out.conditions.emplace_back(healing::kConditionStopped);
    out.message = "created, never started";
  } else {
    DescribeEnded(state, trace, outage, out);
  }
  out.metrics.push_back({"container.restart_count", static_cast<double>(state.restart_count)});
  if (state.memory_bytes > 0) {
    out.metrics.push_back(
        {"container.memory_limit_bytes", static_cast<double>(state.memory_bytes)});
  }
  return out;
}

TargetObservation MissingObservation(const healing::TargetRef& ref, WallTime now) {
  TargetObservation out;
  out.ref = ref;
  out.state = HealthState::kMissing;
  out.message = "the engine has no container of this name";
  out.at = now;
  return out;
}

}  // namespace salve::backends::docker
