// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "pkg/backends/docker/action_handler.h"
#include "pkg/backends/text.h"

// restart, start, stop, kill, pause, unpause.
namespace salve::backends::docker {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;

// In this order: our own, then the one that users of docker-autoheal have.
constexpr std::array<const char*, 2> kStopTimeoutLabels = {"salve.dev/stop-timeout-seconds",
                                                           "autoheal.stop.timeout"};
constexpr std::int64_t kMaxStopSeconds = 3600;
constexpr std::int64_t kEngineStopSeconds = 10;

std::optional<std::int64_t> LabelledTimeout(const ContainerState& container) {
  for (const char* name : kStopTimeoutLabels) {
    const auto label = container.labels.find(name);
    if (label == container.labels.end()) continue;
    const std::string& text = label->second;
    std::int64_t seconds = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (whole && seconds >= 0 && seconds <= kMaxStopSeconds) return seconds;
  }
  return std::nullopt;
}

// The container's owner knows best; nullopt leaves it to the engine (the image's, else 10 s).
std::optional<std::int64_t> StopTimeout(const ContainerState& container,
                                        const std::optional<std::int64_t>& of_action) {
  const auto labelled = LabelledTimeout(container);
  return labelled ? labelled : of_action;
}

// What an action of this family is in the engine's terms.
struct Verb {
  Endpoint endpoint = Endpoint::kRestart;
  std::string word;  // of the docker command
  http::Query query;
  std::string options;  // of the docker command, with a leading space
  const char* risk = v1alpha1::kRiskHigh;
};

void SetTimeout(const ContainerState& container, const std::optional<std::int64_t>& of_action,
                Verb& verb) {
  const auto seconds = StopTimeout(container, of_action);
  if (!seconds) return;
  verb.query.Add("t", std::to_string(*seconds));
  verb.options = " --time " + std::to_string(*seconds);
}

std::string KillSignal(const Action& action) {
  return action.kill->signal.empty() ? "SIGKILL" : action.kill->signal;
}

StatusOr<Verb> VerbOf(const Action& action, const ContainerState& container) {
  Verb verb;
  if (action.restart) {
    verb = {Endpoint::kRestart, "restart", {}, "", v1alpha1::kRiskMedium};
    SetTimeout(container, action.restart->stop_timeout_seconds, verb);
  } else if (action.stop) {
    verb = {Endpoint::kStop, "stop", {}, "", v1alpha1::kRiskHigh};
    SetTimeout(container, action.stop->stop_timeout_seconds, verb);
  } else if (action.start) {
    verb = {Endpoint::kStart, "start", {}, "", v1alpha1::kRiskLow};
  } else if (action.pause) {
    verb = {Endpoint::kPause, "pause", {}, "", v1alpha1::kRiskMedium};
  } else if (action.unpause) {
    verb = {Endpoint::kUnpause, "unpause", {}, "", v1alpha1::kRiskLow};
  } else {
    const std::string signal = KillSignal(action);
    if (!SignalNumber(signal)) {
      return InvalidArgumentError("kill: unknown signal \"" + Printable(signal, 32) + "\"");
    }
    verb = {
        Endpoint::kKill, "kill", {{"signal", signal}}, " --signal " + signal, v1alpha1::kRiskHigh};
  }
  return verb;
}

// A signal such as HUP may leave the container running: nothing tells afterwards that it was sent.
bool KillEnds(const Action& action) {
  const auto signal = SignalNumber(KillSignal(action));
  return signal == 9 || signal == 15 || signal == 2 || signal == 3;
}

void DescribeInverse(const Action& action, ActionPlan& plan) {
  if (action.start) plan.undo.emplace().stop.emplace();
  if (action.stop || (action.kill && KillEnds(action))) plan.undo.emplace().start.emplace();
  if (action.pause) plan.undo.emplace().unpause.emplace();
  if (action.unpause) plan.undo.emplace().pause.emplace();
  plan.reversible = plan.undo.has_value();
}

void DescribeEffect(const Action& action, const ContainerState& container, ActionPlan& plan) {
  const std::string name = "container " + container.name;
  if (action.restart) {
    const std::int64_t seconds =
        StopTimeout(container, action.restart->stop_timeout_seconds)
            .value_or(container.stop_timeout_seconds.value_or(kEngineStopSeconds));
    plan.description = "Stops " + name + " (up to " + std::to_string(seconds) +
                       " s for a clean end, then killed) and starts it again.";
    plan.risk_factors = {"the service is away while it restarts",
                         "what it holds only in memory is lost"};
  } else if (action.start) {
    plan.description = "Starts " + name + ", which does not run.";
  } else if (action.stop) {
    plan.description = "Stops " + name + "; it stays stopped.";
    plan.risk_factors = {"the service is away until it is started again"};
  } else if (action.kill) {
    plan.description = "Sends " + KillSignal(action) + " to " + name + ".";
    plan.risk_factors = {"no clean end: writes in progress may be lost"};
  } else if (action.pause) {
    plan.description = "Freezes all processes of " + name + ".";
    plan.risk_factors = {"the service does not answer until it is unpaused"};
  } else {
    plan.description = "Lets the frozen processes of " + name + " go on.";
  }
}

class LifecycleHandler final : public ActionHandler {
 public:
  explicit LifecycleHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override {
    return a.restart || a.start || a.stop || a.kill || a.pause || a.unpause;
  }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext&) const override {
    SALVE_ASSIGN_OR_RETURN(const Verb verb, VerbOf(action, subject.container));
    ActionPlan plan = NewPlan(action, subject);
    plan.command = "docker " + verb.word + verb.options + " " + subject.container.name;
    plan.base_risk = verb.risk;
    plan.idempotency = action.kill && !KillEnds(action) ? healing::IdempotencyClass::kAtMostOnce
                                                        : healing::IdempotencyClass::kRecognisable;
    DescribeEffect(action, subject.container, plan);
    DescribeInverse(action, plan);
    if (plan.undo) {
      SALVE_ASSIGN_OR_RETURN(const Verb back, VerbOf(*plan.undo, subject.container));
      plan.undo_command = "docker " + back.word + back.options + " " + subject.container.name;
    }
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    SALVE_ASSIGN_OR_RETURN(const Verb verb, VerbOf(request.action, subject.container));
    const auto answer =
        tools_.client.Call(verb.endpoint, subject.container.id, verb.query, nullptr, context);
    if (answer.ok())
      return Applied("docker " + verb.word + " " + subject.container.name + ": done");
    const Status s = answer.status();
    if (s.code() == Code::kInternal && !request.action.restart) {
      // The engine answered that it failed, and none of these is done by halves; a restart may have
      // stopped the container before its start failed.
      return NotApplied(s.message());
    }
    return Doubt(s);
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request, const Subject& subject,
                                 const CallContext&) const override {
    const ContainerState& now = subject.container;
    const bool same_run = now.Identity() == request.identity_before;
    const Action& action = request.action;
    if (action.restart || action.start) return StartOutcome(action, now, same_run);
    if (action.stop) {
      if (!now.running) return Applied("it does not run");
      if (same_run && StopUnderWay(now, action.stop->stop_timeout_seconds)) return StillStopping();
      return NotApplied(same_run ? "it still runs" : "it runs, started anew since");
    }
    if (action.kill) {
      if (!KillEnds(action)) return Unknown("a signal leaves no trace");
      if (!now.running || !same_run) return Applied("the run that was to be killed has ended");
      return NotApplied("it still runs");
    }
    if (!same_run) return Unknown("it was restarted since");
    return now.paused == action.pause.has_value()
               ? Applied(now.paused ? "it is paused" : "it runs")
               : NotApplied(now.paused ? "it is paused" : "it is not paused");
  }

 private:
  StatusOr<ActionResult> StartOutcome(const Action& action, const ContainerState& now,
                                      bool same_run) const {
    if (!same_run) {
      return Applied("started at " + now.started_at_text + ", after the attempt was written");
    }
    if (action.restart && now.running && StopUnderWay(now, action.restart->stop_timeout_seconds)) {
      return StillStopping();
    }
    return NotApplied(now.running ? "it still is in the same run" : "it does not run");
  }

  // Neither applied nor not: to be asked again. Whoever took it for either would act a second time.
  static Status StillStopping() {
    return UnavailableError("the engine is still stopping it").WithReason("StillRunning");
  }

  // A stop with a long time-out was begun, perhaps by this attempt before a crash of ours.
  bool StopUnderWay(const ContainerState& now, std::optional<std::int64_t> asked) const {
    const RunTrace trace = tools_.view.TraceOf(now.id);
    if (!trace.kill_at || !now.started_at || *trace.kill_at < *now.started_at) return false;
    const std::int64_t longest = std::max({kEngineStopSeconds, now.stop_timeout_seconds.value_or(0),
                                           LabelledTimeout(now).value_or(0), asked.value_or(0)});
    return tools_.clock.Now() - *trace.kill_at < std::chrono::seconds(longest + 5);
  }

  ActionTools& tools_;
};

}  // namespace

std::unique_ptr<ActionHandler> MakeLifecycleHandler(ActionTools& tools) {
  return std::make_unique<LifecycleHandler>(tools);
}

}  // namespace salve::backends::docker
