// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/healing/packs.h"

namespace salve::healing {
namespace {

constexpr char kDocker[] = "docker";

// A person or the engine is at work, or the container has not had its time yet.
PackRule Hands(const std::string& name, const std::string& cause, const char* condition,
               const std::string& sentence) {
  PackRule rule;
  rule.name = name;
  rule.cause = cause;
  rule.sentence = sentence;
  rule.when.system = kDocker;
  rule.when.conditions_any = {condition};
  rule.confidence = 0.95;
  rule.overriding = true;
  rule.verdict = kVerdictDoNothing;
  return rule;
}

PackRule StoppedOnPurpose() {
  PackRule rule = Hands("docker/stopped-on-purpose", "StoppedOnPurpose", kConditionStopped,
                        "somebody stopped it; starting it again would undo that");
  rule.settles = true;
  rule.cases = {
      Hit("a container that a person stopped stays stopped").Down({kConditionStopped}, 143).Build(),
      Miss("a container that died by itself is not stopped").Down({kConditionExited}, 137).Build()};
  return rule;
}

PackRule PausedOnPurpose() {
  PackRule rule = Hands("docker/paused-on-purpose", "PausedOnPurpose", kConditionPaused,
                        "somebody paused it; that is for them to end");
  rule.settles = true;
  rule.cases = {Hit("a paused container is left alone")
                    .Conditions({kConditionPaused})
                    .ProbeFails("timed out")
                    .Build(),
                Miss("a hanging one that is not paused is not").ProbeFails("timed out").Build()};
  return rule;
}

PackRule EngineRestarted() {
  PackRule rule =
      Hands("docker/engine-restarted", "EngineRestarted", kConditionEngineRestarted,
            "the engine itself restarted; its containers come back by their own policy");
  // One that came back with the engine is judged as any other: it has long had its time.
  rule.when.running = false;
  rule.escalate_after_seconds = 600;
  rule.cases = {Hit("an engine restart is not a crash of each container")
                    .Down({kConditionExited, kConditionEngineRestarted}, 255)
                    .Build(),
                Miss("a crash without it is").Down({kConditionExited}, 255).Build(),
                Miss("one that came back and fails its health check is ill")
                    .Conditions({kConditionEngineRestarted, kConditionUnhealthy})
                    .Build()};
  return rule;
}

PackRule Starting() {
  PackRule rule = Hands("docker/starting", "Starting", kConditionStarting,
                        "it is inside the start period of its health check; a restart would only "
                        "start the clock again");
  rule.escalate_after_seconds = 900;
  rule.cases = {
      Hit("a container that is still starting gets its time")
          .Conditions({kConditionStarting})
          .ProbeFails("connection refused")
          .Build(),
      Miss("one that is past its start period does not").ProbeFails("connection refused").Build()};
  return rule;
}

PackRule PortConflict() {
  PackRule rule;
  rule.name = "docker/port-conflict";
  rule.cause = "PortConflict";
  rule.sentence = "its port is taken by something else; the owner of the port is not ours to stop";
  rule.when.system = kDocker;
  rule.when.lines = {"address already in use", "port is already allocated"};
  rule.when.conditions_any = {kConditionStartFailed};
  rule.confidence = 0.95;
  rule.overriding = true;
  rule.verdict = kVerdictEscalate;
  rule.cases = {Hit("a taken port goes to a person")
                    .Down({kConditionStartFailed}, 128)
                    .Says("driver failed programming external connectivity: listen tcp4 "
                          "0.0.0.0:8080: bind: address already in use")
                    .Build(),
                Miss("another start error is another cause")
                    .Down({kConditionStartFailed}, 127)
                    .Says("exec: \"srv\": executable file not found in $PATH")
                    .Build()};
  return rule;
}

PackRule StartFailed() {
  PackRule rule;
  rule.name = "docker/start-failed";
  rule.cause = "StartFailed";
  rule.sentence =
      "the engine cannot start it as it is configured; starting it again gives the same";
  rule.when.system = kDocker;
  rule.when.conditions_any = {kConditionStartFailed, kConditionDead};
  rule.confidence = 0.9;
  rule.overriding = true;
  rule.verdict = kVerdictEscalate;
  rule.cases = {Hit("a start error of the engine goes to a person")
                    .Down({kConditionStartFailed}, 127)
                    .Build(),
                Miss("a crash after a good start does not").Down({kConditionExited}, 1).Build()};
  return rule;
}

PackRule CommandNotRunnable() {
  PackRule rule;
  rule.name = "docker/command-not-runnable";
  rule.cause = "CommandNotRunnable";
  rule.sentence =
      "its command does not exist or cannot be run; that is a fault of image or "
      "configuration";
  rule.when.system = kDocker;
  rule.when.conditions_any = {kConditionExited, kConditionRestarting};
  rule.when.exit_codes = {126, 127};
  rule.confidence = 0.9;
  rule.verdict = kVerdictEscalate;
  rule.cases = {Hit("exit code 127 goes to a person").Down({kConditionExited}, 127).Build(),
                Miss("exit code 1 does not").Down({kConditionExited}, 1).Build()};
  return rule;
}

PackRule RestartLoop() {
  PackRule rule;
  rule.name = "docker/restart-loop";
  rule.cause = "RestartLoop";
  rule.sentence =
      "the engine restarts it again and again by itself; one more restart changes nothing";
  rule.when.system = kDocker;
  rule.when.conditions_any = {kConditionRestarting};
  rule.confidence = 0.8;
  rule.verdict = kVerdictEscalate;
  rule.cases = {
      Hit("a restart loop of the engine goes to a person").Down({kConditionRestarting}, 1).Build(),
      Miss("a single crash does not").Down({kConditionExited}, 1).Build()};
  return rule;
}

PackRule OutOfMemory() {
  PackRule rule;
  rule.name = "docker/oom-killed";
  rule.cause = "MemoryLimit";
  rule.sentence = "the kernel killed it at its memory limit";
  rule.when.system = kDocker;
  rule.when.conditions_any = {kConditionOOMKilled};
  // The engine's flag is better evidence than exit code 137 alone, which docker/crashed goes by.
  rule.when.exit_codes_none = {0};
  rule.when.conditions_none = {kConditionRestarting};
  rule.confidence = 0.95;
  rule.actions = {{"updateResources"}, {"start", "restart"}};
  rule.default_action.emplace().update_resources.emplace().memory_percent = 50;
  rule.cases = {Hit("a container that was OOM-killed gets more memory")
                    .Down({kConditionExited, kConditionOOMKilled}, 137)
                    .Build(),
                Miss("exit code 137 alone is a kill, not a lack of memory")
                    .Down({kConditionExited}, 137)
                    .Build()};
  return rule;
}

PackRule OutOfMemoryLoop() {
  PackRule rule;
  rule.name = "docker/oom-loop";
  rule.cause = "MemoryLimit";
  rule.sentence = "the kernel kills it at its memory limit as often as the engine restarts it";
  rule.when.system = kDocker;
  rule.when.conditions_all = {kConditionOOMKilled, kConditionRestarting};
  rule.confidence = 0.95;
  rule.actions = {{"updateResources"}};
  rule.default_action.emplace().update_resources.emplace().memory_percent = 50;
  rule.cases = {Hit("a restart loop at the memory limit gets more memory, not one more restart")
                    .Down({kConditionOOMKilled, kConditionRestarting}, 137)
                    .Build(),
                Miss("a restart loop without that has another cause")
                    .Down({kConditionRestarting}, 1)
                    .Build()};
  return rule;
}

PackRule Exited(const std::string& name, const std::string& cause, double confidence,
                const std::string& sentence) {
  PackRule rule;
  rule.name = name;
  rule.cause = cause;
  rule.sentence = sentence;
  rule.when.system = kDocker;
  rule.when.conditions_any = {kConditionExited};
  rule.when.running = false;
  rule.confidence = confidence;
  rule.actions = {{"start", "restart"}};
  rule.default_action.emplace().start.emplace();
  return rule;
}

PackRule Crashed() {
  PackRule rule = Exited("docker/crashed", "Crashed", 0.9, "its main process died by itself");
  rule.when.exit_codes_none = {0, 130, 143};
  rule.cases = {Hit("a killed main process is started again").Down({kConditionExited}, 137).Build(),
                Miss("a normal end is no crash").Down({kConditionExited}, 0).Build(),
                Miss("an end by SIGTERM is no crash").Down({kConditionExited}, 143).Build()};
  return rule;
}

// Below the usual minConfidence: a person decides.
PackRule Ended() {
  PackRule rule = Exited("docker/ended", "Ended", 0.5,
                         "it ended by itself as if it were done or had been asked to");
  rule.when.exit_codes = {0, 130, 143};
  rule.when.conditions_none = {kConditionOOMKilled};
  rule.cases = {Hit("an end with code 0 is started only if a person says so")
                    .Down({kConditionExited}, 0)
                    .Build(),
                Miss("a crash is not an end").Down({kConditionExited}, 1).Build()};
  return rule;
}

PackRule Unhealthy() {
  PackRule rule;
  rule.name = "docker/unhealthy";
  rule.cause = "HealthCheckFailing";
  rule.sentence = "the container's own health check fails";
  rule.when.system = kDocker;
  rule.when.conditions_any = {kConditionUnhealthy};
  rule.when.running = true;
  rule.confidence = 0.85;
  rule.actions = {{"restart", "exec"}};
  rule.default_action.emplace().restart.emplace();
  rule.cases = {Hit("a container whose health check fails is restarted")
                    .Conditions({kConditionUnhealthy})
                    .Build(),
                Miss("a healthy one is not").Build()};
  return rule;
}

PackRule PathFault() {
  PackRule rule;
  rule.name = "docker/path-fault";
  rule.cause = "NetworkPath";
  rule.sentence =
      "its own health check passes but it cannot be reached: the path is ill, not the "
      "process";
  rule.when.system = kDocker;
  rule.when.conditions_any = {kConditionHealthCheckPassing};
  rule.when.probe_unhealthy = true;
  rule.when.lines = {"timed out", "timeout", "No route to host", "Network is unreachable"};
  rule.confidence = 0.8;
  rule.overriding = true;
  rule.verdict = kVerdictDoNothing;
  rule.escalate_after_seconds = 600;
  rule.cases = {Hit("a container that is well inside and out of reach outside is left alone")
                    .Conditions({kConditionHealthCheckPassing})
                    .ProbeFails("connect: timed out")
                    .Build(),
                Miss("without a health check of its own nobody can tell")
                    .ProbeFails("connect: timed out")
                    .Build()};
  return rule;
}

PackRule Unresponsive() {
  PackRule rule;
  rule.name = "docker/unresponsive";
  rule.cause = "Unresponsive";
  rule.sentence = "it runs but does not answer as it should";
  rule.when.system = kDocker;
  rule.when.probe_unhealthy = true;
  rule.when.running = true;
  rule.confidence = 0.65;
  rule.actions = {{"restart", "exec"}};
  rule.default_action.emplace().restart.emplace();
  rule.cases = {Hit("a running container that fails its probe is restarted")
                    .ProbeFails("connection refused")
                    .Build(),
                Miss("a container that does not run is another case")
                    .Down({kConditionExited}, 1)
                    .ProbeFails("connection refused")
                    .Build()};
  return rule;
}

PackRule FilesChanged() {
  Action action;
  action.restart.emplace();
  return ConfigurationChanged(kDocker, std::move(action),
                              Hit("a container whose environment file changed is restarted"),
                              Miss("one that only fails its probe was started with what there is"));
}

}  // namespace

Pack DockerPack() {
  return {"docker",
          "1.0.0",
          {StoppedOnPurpose(), PausedOnPurpose(), EngineRestarted(), Starting(), PortConflict(),
           StartFailed(), CommandNotRunnable(), RestartLoop(), OutOfMemory(), OutOfMemoryLoop(),
           Crashed(), Ended(), Unhealthy(), PathFault(), Unresponsive(), FilesChanged()}};
}

}  // namespace salve::healing
