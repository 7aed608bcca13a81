// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/policy_conditions.h"

#include <algorithm>

#include "pkg/apis/codec.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/alerts.h"
#include "pkg/healing/budget.h"
#include "pkg/healing/gates.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/windows.h"

namespace salve::reconcilers {
namespace {

using apis::meta::v1::Condition;
using healing::HealthState;

Condition Make(const std::string& type, const std::string& status, const std::string& reason,
               const std::string& message) {
  Condition c;
  c.type = type;
  c.status = status;
  c.reason = reason;
  c.message = message;
  return c;
}

Condition TargetFound(const PolicyView& view) {
  const char* type = v1::kPolicyTargetFound;
  if (view.target_found.ok()) {
    return Make(type, "True", "Found",
                view.targets.size() == 1
                    ? view.targets.front().name + " is watched"
                    : std::to_string(view.targets.size()) + " targets are watched");
  }
  const std::string& reason = view.target_found.reason();
  const bool unknown = view.target_found.code() == Code::kUnavailable;
  return Make(type, unknown ? "Unknown" : "False", reason.empty() ? "NotFound" : reason,
              view.target_found.message());
}

Condition TargetHealthy(const PolicyView& view) {
  const char* type = v1::kPolicyTargetHealthy;
  const std::size_t total = view.targets.size();
  if (total == 0) return Make(type, "Unknown", "NoTarget", "there is no target to measure");
  const std::size_t awake = total - view.CountAsleep();
  if (awake == 0) return Make(type, "Unknown", kReasonAsleep, view.asleep.front());
  std::size_t worst = total;
  for (std::size_t i = 0; i < total; ++i) {
    const HealthState state = view.health[i].state;
    if (state == HealthState::kHealthy || !view.asleep[i].empty()) continue;
    const bool worse = worst == total || (view.health[worst].state == HealthState::kUnknown &&
                                          state != HealthState::kUnknown);
    if (worse) worst = i;
  }
  if (worst == total) {
    return Make(type, "True", "Healthy",
                std::to_string(awake) + " of " + std::to_string(awake) + " healthy" +
                    (awake < total ? ", " + std::to_string(total - awake) + " asleep" : ""));
  }
  const std::string message = view.targets[worst].name + ": " + view.health[worst].message;
  if (view.health[worst].state == HealthState::kUnknown) {
    return Make(type, "Unknown", "NotMeasured", message);
  }
  return Make(type, "False", healing::HealthStateName(view.health[worst].state), message);
}

Condition StormActive(const PolicyStatusInput& in) {
  const healing::StormView storm = healing::EvaluateStorm(
      in.policy.spec.guardrails, static_cast<std::int64_t>(in.view.targets.size()),
      static_cast<std::int64_t>(in.view.Count(HealthState::kUnhealthy)));
  return Make(v1::kPolicyStormActive, storm.active ? "True" : "False",
              storm.active ? "TooManyUnhealthy" : "BelowLimit", storm.message);
}

// Fills status.breakers as well.
Condition BreakerOpen(const PolicyStatusInput& in, v1::HealingPolicyStatus& status) {
  std::string open;
  status.breakers.clear();
  std::vector<std::string> names;
  for (const v1::ActionRecord& record : status.actions) names.push_back(record.target);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    const healing::BreakerView view = healing::EvaluateBreaker(
        status.actions, name, in.limits.breaker,
        in.policy.spec.guardrails.retry.min_healthy_seconds, std::nullopt, in.accounting_now);
    if (view.consecutive_failures == 0 && view.ineffective_fixes == 0 &&
        view.state == healing::BreakerView::State::kClosed) {
      continue;
    }
    status.breakers.push_back(healing::ToBreakerStatus(name, view));
    if (view.state == healing::BreakerView::State::kOpen) {
      open += (open.empty() ? "" : "; ") + name + ": " + view.reason;
    }
  }
  return Make(v1::kPolicyBreakerOpen, open.empty() ? "False" : "True",
              open.empty() ? "Closed" : "TooManyFailures",
              open.empty() ? "no breaker is open" : open);
}

// Whether an action could run now as far as the policy alone decides, with the first thing that
// forbids it.
Condition RemediationAllowed(const PolicyStatusInput& in, const healing::PauseView& pause) {
  const char* type = v1::kPolicyRemediationAllowed;
  if (!in.self_heal_enabled) {
    return Make(type, "False", "KillSwitch",
                "SELF_HEAL_ENABLED is false: nothing is done anywhere");
  }
  if (pause.paused) return Make(type, "False", "Paused", pause.message);
  if (healing::ModeRank(in.limits.mode) < healing::ModeRank(v1::kModeApprove)) {
    return Make(type, "False", in.limits.mode,
                "mode " + in.limits.mode + " (" + in.limits.mode_owner + ") never acts");
  }
  const healing::WindowView window = healing::EvaluateWindows(in.limits.windows, in.zones, in.now);
  if (!window.allowed) return Make(type, "False", "Window", window.message);
  return Make(type, "True", "Allowed", "mode " + in.limits.mode);
}

bool AllSignalsFire(const std::vector<v1::SignalStatus>& signals) {
  return signals.size() >= healing::kMaxSignals &&
         std::all_of(signals.begin(), signals.end(), [](const v1::SignalStatus& signal) {
           return signal.state == healing::kSignalFiring;
         });
}

Condition Ready(const PolicyView& view, const std::vector<v1::SignalStatus>& signals) {
  const char* type = v1::kPolicyReady;
  if (!view.target_found.ok()) {
    return Make(type, "False",
                view.target_found.reason().empty() ? "TargetNotFound" : view.target_found.reason(),
                view.target_found.message());
  }
  const std::size_t asleep = view.CountAsleep();
  if (asleep > 0 && asleep == view.targets.size()) {
    return Make(type, "True", kReasonAsleep, "targets are found, and sleep");
  }
  if (view.Count(HealthState::kUnknown) == view.targets.size()) {
    return Make(type, "False", "NotMeasured", "no target has been measured yet");
  }
  if (AllSignalsFire(signals)) {
    return Make(type, "False", "TooManySignals",
                std::to_string(signals.size()) +
                    " alerts fire, and no more are taken in: let the matchers be narrower");
  }
  return Make(type, "True", "Watching", "targets are found and measured");
}

std::vector<std::string> SinksOf(const v1::HealingPolicySpec& spec) {
  std::vector<std::string> sinks;
  const auto add = [&sinks](const std::string& sink) {
    if (std::find(sinks.begin(), sinks.end(), sink) == sinks.end()) sinks.push_back(sink);
  };
  for (const v1::Notification& notification : spec.notifications) add(notification.sink);
  for (const v1::Step& step : spec.ladder) {
    if (!step.escalate) continue;
    for (const std::string& sink : step.escalate->sinks) add(sink);
  }
  return sinks;
}

Condition SinksUsable(const PolicyStatusInput& in) {
  const std::size_t all = SinksOf(in.policy.spec).size();
  if (in.sink_problems.empty()) {
    return Make(kPolicySinksUsable, "True", "Usable",
                std::to_string(all) + (all == 1 ? " sink is told" : " sinks are told"));
  }
  std::string message;
  for (const Status& problem : in.sink_problems) {
    message += (message.empty() ? "" : "; ") + problem.message();
  }
  return Make(kPolicySinksUsable, "False", in.sink_problems.front().reason(), message);
}

void FillTargets(const PolicyStatusInput& in, v1::HealingPolicyStatus& status) {
  std::map<std::string, const v1::TargetStatus*> previous;
  for (const v1::TargetStatus& t : in.policy.status.targets) previous[t.name] = &t;
  std::vector<v1::TargetStatus> all;
  for (std::size_t i = 0; i < in.view.targets.size(); ++i) {
    const std::string& name = in.view.targets[i].name;
    const auto it = previous.find(name);
    all.push_back(healing::ToTargetStatus(name, in.view.health[i],
                                          it == previous.end() ? nullptr : it->second, in.now));
    // A figure that only wobbles keeps its last written value.
    const bool still_asleep = !in.view.asleep[i].empty() && it != previous.end() &&
                              it->second->message == all.back().message;
    if (it != previous.end() && (in.view.asleep[i].empty() || still_asleep) &&
        !healing::WorthWriting(*it->second, all.back(), in.last_written, in.now)) {
      all.back() = *it->second;
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return (a.state == "Healthy" ? 1 : 0) < (b.state == "Healthy" ? 1 : 0);
  });
  if (all.size() > kMaxStatusTargets) all.resize(kMaxStatusTargets);
  status.targets = std::move(all);
  status.targets_total = static_cast<std::int64_t>(in.view.targets.size());
  status.targets_unhealthy = static_cast<std::int64_t>(in.view.Count(HealthState::kUnhealthy) +
                                                       in.view.Count(HealthState::kMissing));
  status.health = std::to_string(in.view.Count(HealthState::kHealthy)) + "/" +
                  std::to_string(in.view.targets.size()) + " healthy";
  const std::size_t asleep = in.view.CountAsleep();
  status.targets_asleep = static_cast<std::int64_t>(asleep);
  if (asleep > 0) status.health += ", " + std::to_string(asleep) + " asleep";
}

// The message of TargetHealthy quotes measurements; it moves on only when the listed targets do.
void KeepMessageIfOnlyFiguresWobble(const v1::HealingPolicyStatus& previous,
                                    const v1::HealingPolicyStatus& next,
                                    std::vector<Condition>& conditions) {
  if (apis::Encode(previous)["targets"] != apis::Encode(next)["targets"]) return;
  const Condition* old =
      apis::meta::v1::FindCondition(previous.conditions, v1::kPolicyTargetHealthy);
  if (old == nullptr) return;
  for (Condition& c : conditions) {
    if (c.type == old->type && c.status == old->status && c.reason == old->reason) {
      c.message = old->message;
    }
  }
}

}  // namespace

std::vector<Status> ProblemsWithSinks(const ControllerSettings& settings,
                                      const v1::HealingPolicy& policy) {
  std::vector<Status> problems;
  for (const std::string& sink : SinksOf(policy.spec)) {
    Status problem = SinkProblem(settings, sink, policy.metadata.ns);
    if (!problem.ok()) problems.push_back(std::move(problem));
  }
  return problems;
}

v1::HealingPolicyStatus ComputePolicyStatus(const PolicyStatusInput& in) {
  v1::HealingPolicyStatus status = in.policy.status;
  const std::string now = FormatTime(in.now);
  status.observed_generation = in.policy.metadata.generation;
  FillTargets(in, status);
  status.open_incidents.clear();
  for (const auto& incident : in.incidents) {
    if (healing::IsResolved(incident->status)) continue;
    status.open_incidents.push_back(incident->metadata.name);
  }
  std::sort(status.open_incidents.begin(), status.open_incidents.end());
  status.open_incident_count = static_cast<std::int64_t>(status.open_incidents.size());
  if (status.open_incidents.size() > kMaxStatusTargets)
    status.open_incidents.resize(kMaxStatusTargets);

  healing::PruneRecords(status.actions, healing::KeepSeconds(in.policy.spec), in.accounting_now);
  status.budget = healing::ToBudgetStatus(
      healing::SpentOf(status.actions, in.limits.policy_budget, in.accounting_now));

  const healing::PauseView pause = healing::EvaluatePauses(in.policy.spec, in.limits, in.now);
  std::vector<Condition> conditions = {TargetFound(in.view),
                                       TargetHealthy(in.view),
                                       RemediationAllowed(in, pause),
                                       Make(v1::kPolicyPaused, pause.paused ? "True" : "False",
                                            pause.paused ? "Paused" : "NotPaused", pause.message),
                                       StormActive(in),
                                       BreakerOpen(in, status)};
  conditions.insert(conditions.begin(), Ready(in.view, status.signals));
  // Who names no sink needs no word about them.
  if (!SinksOf(in.policy.spec).empty()) {
    conditions.push_back(SinksUsable(in));
  } else {
    std::erase_if(status.conditions,
                  [](const Condition& c) { return c.type == kPolicySinksUsable; });
  }
  KeepMessageIfOnlyFiguresWobble(in.policy.status, status, conditions);
  for (Condition& condition : conditions) {
    condition.observed_generation = in.policy.metadata.generation;
    apis::meta::v1::SetCondition(status.conditions, std::move(condition), now);
  }
  return status;
}

bool StatusWorthWriting(const v1::HealingPolicyStatus& previous,
                        const v1::HealingPolicyStatus& next) {
  return apis::Encode(previous) != apis::Encode(next);
}

}  // namespace salve::reconcilers
