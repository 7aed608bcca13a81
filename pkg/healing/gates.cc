// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/gates.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "pkg/base/time_format.h"
#include "pkg/healing/budget.h"
#include "pkg/healing/risk.h"
#include "pkg/healing/scheduled_life.h"

namespace salve::healing {
namespace {

using Check = Gate (*)(const GateInput&);

Gate Pass(const char* name, std::string reason, std::string message) {
  Gate gate;
  gate.name = name;
  gate.reason = std::move(reason);
  gate.message = std::move(message);
  return gate;
}

Gate Block(const char* name, std::string reason, std::string message, std::string unblocked_by,
           std::optional<WallTime> until = std::nullopt) {
  Gate gate;
  gate.name = name;
  gate.pass = false;
  gate.reason = std::move(reason);
  gate.message = std::move(message);
  gate.until = until;
  gate.unblocked_by = std::move(unblocked_by);
  return gate;
}

// `owner` as limits name it: "policy", "guardrail x", or several, of which the first counts.
Gate OwnedBy(Gate gate, const std::string& owner) {
  constexpr std::string_view kPrefix = "guardrail ";
  if (!gate.pass && owner.compare(0, kPrefix.size(), kPrefix) == 0) {
    gate.guardrail = owner.substr(kPrefix.size(), owner.find(',') - kPrefix.size());
  }
  return gate;
}

Gate NoProposal(const char* name) {
  return Pass(name, "NoProposal", "nothing is proposed yet that this could judge");
}

std::string PolicyKey(const GateInput& in) {
  return in.policy->metadata.ns + "/" + in.policy->metadata.name;
}

std::string Span(std::int64_t seconds) { return HumanDuration(std::chrono::seconds(seconds)); }

std::string Figure(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

const std::string& TargetName(const GateInput& in) { return in.incident->spec.target.name; }

bool HumanApproved(const GateInput& in) {
  return in.approval.approved && !in.approval.approvers.empty();
}

// --- who and whether at all
// ---------------------------------------------------------------------------------

Gate KillSwitch(const GateInput& in) {
  if (in.self_heal_enabled) {
    return Pass(kGateKillSwitch, "Enabled", "self-healing is switched on");
  }
  return Block(kGateKillSwitch, "Disabled",
               "self-healing is switched off for this controller (SELF_HEAL_ENABLED=false)",
               "set SELF_HEAL_ENABLED=true and restart the controller");
}

Gate Paused(const GateInput& in) {
  const PauseView view = EvaluatePauses(in.policy->spec, *in.limits, in.now);
  if (!view.paused) return Pass(kGatePaused, "NotPaused", "no pause is in force");
  const bool by_guardrail = !in.limits->paused_by.empty();
  Gate gate = Block(
      kGatePaused, by_guardrail ? "PausedByGuardrail" : "PausedByPolicy", view.message,
      by_guardrail ? "an administrator ends the pause in guardrail " + in.limits->paused_by.front()
                   : "`salve resume " + PolicyKey(in) + "`",
      view.until);
  return by_guardrail ? OwnedBy(std::move(gate), "guardrail " + in.limits->paused_by.front())
                      : gate;
}

Gate Mode(const GateInput& in) {
  if (!in.limits->invalid.empty()) {
    return Block(kGateMode, "InvalidSpec",
                 "the policy cannot be understood as a whole: " + in.limits->invalid,
                 "correct policy " + PolicyKey(in));
  }
  const std::string& mode = in.limits->mode;
  const std::string set_by = "mode is " + mode + " (set by " + in.limits->mode_owner + ")";
  switch (ModeRank(mode)) {
    case 3:
      return Pass(kGateMode, "Auto", set_by);
    case 2:
      return Pass(kGateMode, "Approve", set_by + ": every action is approved by a person");
    case 1:
      return OwnedBy(Block(kGateMode, kReasonDryRun, set_by + ": the action is shown, not run",
                           "set mode to Approve or Auto in " + in.limits->mode_owner),
                     in.limits->mode_owner);
    default:
      return OwnedBy(Block(kGateMode, "Observe", set_by + ": Salve watches and never acts",
                           "set mode to Approve or Auto in " + in.limits->mode_owner),
                     in.limits->mode_owner);
  }
}

Gate BackendAvailable(const GateInput& in) {
  if (in.backend.ok()) {
    return Pass(kGateBackendAvailable, "Available", "the backend answers");
  }
  return Block(kGateBackendAvailable, "BackendUnavailable",
               "backend \"" + in.incident->spec.target.backend +
                   "\" cannot be used: " + SanitizeLine(in.backend.message(), 256),
               "the backend answers again; Salve keeps trying");
}

// What is done because of the time is no answer to an illness.
Gate NotAnIllness(const char* name) {
  return Pass(name, "Scheduled",
              "it is done because its time has come, not because anything is ill");
}

Gate ScheduleStillDue(const GateInput& in, const std::string& told) {
  if (in.health.state == HealthState::kHealthy) {
    return Block(kGateSignalStillActive, "AsWanted",
                 TargetName(in) + " is as its schedule wants it",
                 "nothing: there is nothing left to do");
  }
  return Pass(kGateSignalStillActive, "StillDue",
              TargetName(in) + " is not as its schedule wants it, seen just now" + told);
}

Gate SignalStillActive(const GateInput& in) {
  const std::string told = in.health.message.empty() ? "" : ": " + in.health.message;
  const bool seen =
      in.health.state == HealthState::kHealthy || in.health.state == HealthState::kUnhealthy;
  if (seen && IsScheduled(*in.incident)) return ScheduleStillDue(in, told);
  switch (in.health.state) {
    case HealthState::kUnhealthy:
      return Pass(kGateSignalStillActive, "StillUnhealthy",
                  TargetName(in) + " is unhealthy, seen just now" + told);
    case HealthState::kHealthy:
      return Block(kGateSignalStillActive, "Healthy", TargetName(in) + " is healthy again",
                   "nothing: there is no reason left to act");
    case HealthState::kMissing:
      return Block(kGateSignalStillActive, "TargetMissing", TargetName(in) + " does not exist",
                   "the target is created again");
    case HealthState::kUnknown:
      break;
  }
  return Block(kGateSignalStillActive, "CouldNotMeasure",
               "the health of " + TargetName(in) + " cannot be measured" + told +
                   "; nothing is done blindly",
               "a measurement that works");
}

// --- surroundings
// -------------------------------------------------------------------------------------------

Gate Dependency(const GateInput& in) {
  if (IsScheduled(*in.incident) && in.plan != nullptr && EndsService(in.plan->action)) {
    return Pass(kGateDependency, "Scheduled", "what is to end needs nothing of what it depends on");
  }
  for (const DependencyState& dependency : in.dependencies) {
    if (!dependency.found) {
      return Block(kGateDependency, "DependencyUnknown",
                   "this policy depends on policy " + dependency.policy + ", which does not exist",
                   "create policy " + dependency.policy + " or remove it from dependsOn");
    }
    if (dependency.state == HealthState::kHealthy && dependency.open_incident.empty()) continue;
    if (dependency.asleep) {
      return Block(kGateDependency, "DependencyAsleep",
                   "policy " + dependency.policy + " is " + SanitizeLine(dependency.message, 256),
                   "policy " + dependency.policy + " is awake and healthy");
    }
    const std::string why = dependency.open_incident.empty()
                                ? std::string("is ") + HealthStateName(dependency.state)
                                : "has the open incident " + dependency.open_incident;
    return Block(kGateDependency, "DependencyDown",
                 "policy " + dependency.policy + " " + why + "; the root is healed first",
                 "policy " + dependency.policy + " is healthy again");
  }
  return Pass(kGateDependency, in.dependencies.empty() ? "NoDependencies" : "DependenciesHealthy",
              in.dependencies.empty() ? "the policy depends on nothing"
                                      : "everything it depends on is healthy");
}

Gate Window(const GateInput& in) {
  const WindowView view = EvaluateWindows(in.limits->windows, *in.zones, in.now);
  if (view.allowed) return Pass(kGateWindow, "Allowed", view.message);
  if (view.break_glass && HumanApproved(in)) {
    return Pass(kGateWindow, "BreakGlass",
                view.message + "; a person has approved it nevertheless");
  }
  std::string opens = "the window ends";
  if (view.break_glass) opens += ", or a person approves the proposal (break-glass)";
  return OwnedBy(Block(kGateWindow, view.break_glass ? "WindowClosedBreakGlass" : "WindowClosed",
                       view.message, opens, view.changes_at),
                 view.owner);
}

Gate Storm(const GateInput& in) {
  if (IsScheduled(*in.incident)) return NotAnIllness(kGateStorm);
  const StormView view =
      EvaluateStorm(in.policy->spec.guardrails, in.targets_total, in.targets_unhealthy);
  if (!view.active) return Pass(kGateStorm, "NoStorm", view.message);
  return Block(kGateStorm, "Storm", view.message + "; a shared cause is likely, so nothing is done",
               "fewer targets are unhealthy, or raise guardrails.maxUnhealthy");
}

// --- what was done before
// -----------------------------------------------------------------------------------

Gate BreakerGate(const GateInput& in) {
  const BreakerView view = EvaluateBreaker(in.records, TargetName(in), in.limits->breaker,
                                           in.policy->spec.guardrails.retry.min_healthy_seconds,
                                           in.ill_since, in.accounting_now);
  switch (view.state) {
    case BreakerView::State::kClosed:
      return Pass(kGateBreaker, "Closed",
                  std::to_string(view.consecutive_failures) + " failures in a row (limit " +
                      std::to_string(in.limits->breaker.consecutive_failures) + "), " +
                      std::to_string(view.ineffective_fixes) + " fixes that did not last (limit " +
                      std::to_string(in.limits->breaker.ineffective_fixes) + ")");
    case BreakerView::State::kHalfOpen:
      return Pass(kGateBreaker, "HalfOpen", view.reason + "; the rest is over, one try is allowed");
    case BreakerView::State::kOpen:
      break;
  }
  return Block(kGateBreaker, "BreakerOpen",
               view.reason + " on " + TargetName(in) + "; a person should look",
               "the rest of " + Span(in.limits->breaker.open_seconds) + " ends", view.open_until);
}

Gate Cooldown(const GateInput& in) {
  if (IsScheduled(*in.incident)) return NotAnIllness(kGateCooldown);
  const std::int64_t seconds = in.policy->spec.guardrails.cooldown_seconds;
  const auto until = CooldownUntil(in.records, TargetName(in), in.incident->metadata.name, seconds,
                                   in.accounting_now);
  if (!until) return Pass(kGateCooldown, "Rested", "no other incident acted on it just before");
  return Block(kGateCooldown, "CoolingDown",
               "the last action on " + TargetName(in) + " was less than " + Span(seconds) + " ago",
               "the cooldown ends", until);
}

Gate Budget(const GateInput& in) {
  const auto judge = [](const std::string& owner, const v1::ActionBudget& budget,
                        const BudgetView& view) -> Gate {
    const std::string used = std::to_string(view.spent) + " of " + std::to_string(budget.count) +
                             " actions used within " + Span(budget.window_seconds) + " (" + owner +
                             ")";
    if (view.remaining > 0) return Pass(kGateBudget, "WithinBudget", used);
    return OwnedBy(Block(kGateBudget, "BudgetExhausted", used,
                         "the oldest action leaves the window, or raise maxActions of " + owner,
                         view.next_free_at),
                   owner);
  };
  Gate first = judge("policy", in.limits->policy_budget,
                     SpentOf(in.records, in.limits->policy_budget, in.accounting_now));
  for (const OwnedBudget& owned : in.limits->guardrail_budgets) {
    Gate gate =
        judge(owned.owner, owned.budget, SpentOf(owned.spent, owned.budget, in.accounting_now));
    if (first.pass && !gate.pass) first = std::move(gate);
  }
  return first;
}

Gate Concurrency(const GateInput& in) {
  if (!in.lease_holder.empty()) {
    return Block(
        kGateConcurrency, "LeaseHeld",
        "\"" + SanitizeLine(in.lease_holder, 128) + "\" holds the lease of " + TargetName(in),
        "the holder lets go or its lease ends", in.lease_until);
  }
  const std::int64_t limit = in.policy->spec.guardrails.max_concurrent;
  const auto running = static_cast<std::int64_t>(in.running_incidents.size());
  const std::string figures = std::to_string(running) +
                              " other incidents of this policy are acting (limit " +
                              std::to_string(limit) + " at a time)";
  if (running < std::max<std::int64_t>(1, limit)) return Pass(kGateConcurrency, "Free", figures);
  return Block(kGateConcurrency, "TooManyRunning", figures,
               "incident " + in.running_incidents.front() + " finishes");
}

// --- the action itself
// --------------------------------------------------------------------------------------

// Of a target that has parts: those that are left when the action has taken its share.
Gate MinAvailableParts(const GateInput& in, const ReplicaCount& replicas) {
  const std::int64_t taken = in.plan->takes_available;
  if (taken <= 0) {
    return Pass(kGateMinAvailable, "NothingTaken", "the action takes nothing away that serves now");
  }
  const std::int64_t left = replicas.available - taken;
  const std::int64_t others = std::max<std::int64_t>(0, replicas.desired - 1);
  const std::int64_t needed = std::min(in.policy->spec.guardrails.min_available, others);
  const std::string figures = std::to_string(replicas.available) + " of " +
                              std::to_string(replicas.desired) + " replicas are available, " +
                              std::to_string(taken) + " would be taken away, " +
                              std::to_string(needed) + " must stay";
  if (left >= needed) return Pass(kGateMinAvailable, "EnoughLeft", figures);
  return Block(kGateMinAvailable, "TooFewAvailable", figures,
               "another replica is available again, or lower guardrails.minAvailable");
}

Gate MinAvailable(const GateInput& in) {
  if (in.plan == nullptr) return NoProposal(kGateMinAvailable);
  if (IsScheduled(*in.incident)) return NotAnIllness(kGateMinAvailable);
  if (in.observation && in.observation->replicas) {
    return MinAvailableParts(in, *in.observation->replicas);
  }
  const bool serving = in.observation && in.observation->running && in.health.health > 0;
  if (!IsDisruptive(in.plan->action) || !serving) {
    return Pass(kGateMinAvailable, "NothingTaken", "the action takes nothing away that serves now");
  }
  // The others must carry it; where there are no others, nothing could ever be done.
  const std::int64_t others = std::max<std::int64_t>(0, in.targets_total - 1);
  const std::int64_t needed = std::min(in.policy->spec.guardrails.min_available, others);
  const std::string figures = std::to_string(in.targets_healthy) + " other targets are healthy, " +
                              std::to_string(needed) + " must stay available";
  if (in.targets_healthy >= needed) return Pass(kGateMinAvailable, "EnoughLeft", figures);
  return Block(kGateMinAvailable, "TooFewAvailable", figures,
               "another target is healthy again, or lower guardrails.minAvailable");
}

Gate AllowedAction(const GateInput& in) {
  for (const auto& [pattern, guardrail] : in.limits->protected_targets) {
    if (!TargetPatternMatches(pattern, in.incident->spec.target)) continue;
    return OwnedBy(
        Block(kGateAllowedAction, "ProtectedTarget",
              TargetName(in) + " is protected by guardrail " + guardrail + " (\"" + pattern + "\")",
              "an administrator takes it off protectedTargets of guardrail " + guardrail),
        "guardrail " + guardrail);
  }
  if (in.plan == nullptr) return NoProposal(kGateAllowedAction);
  const std::string name = v1::ActionName(in.plan->action);
  const auto& allowed = in.limits->allowed_actions;
  if (name.empty()) {
    return Block(kGateAllowedAction, "UnknownAction", "this build does not know the action",
                 "update Salve");
  }
  if (allowed && std::find(allowed->begin(), allowed->end(), name) == allowed->end()) {
    return OwnedBy(
        Block(kGateAllowedAction, "ActionNotAllowed",
              "action " + name + " is not allowed by " + in.limits->allowed_actions_owner,
              "an administrator adds it to allowedActions"),
        in.limits->allowed_actions_owner);
  }
  if (in.plan->action.exec && !ArgvAllowed(in.limits->exec_allow, in.plan->action.exec->argv)) {
    return Block(kGateAllowedAction, "CommandNotAllowed",
                 "neither configuration nor a guardrail allows this command to be run in a target",
                 "an administrator adds its argv to exec.allow");
  }
  return Pass(kGateAllowedAction, "Allowed", "action " + name + " is allowed on this target");
}

Gate RiskCeiling(const GateInput& in) {
  if (in.plan == nullptr) return NoProposal(kGateRiskCeiling);
  const std::string& ceiling = in.limits->max_risk;
  if (!ceiling.empty() && RiskRank(in.risk.level) > RiskRank(ceiling)) {
    return OwnedBy(Block(kGateRiskCeiling, "RiskTooHigh",
                         "risk " + in.risk.level + " is above the ceiling " + ceiling + " of " +
                             in.limits->max_risk_owner,
                         "an administrator raises maxRisk of " + in.limits->max_risk_owner),
                   in.limits->max_risk_owner);
  }
  const bool automatic = RiskRank(in.risk.level) <= RiskRank(in.limits->max_auto_risk) &&
                         RiskRank(in.risk.level) < RiskRank(v1::kRiskCritical);
  return Pass(kGateRiskCeiling, automatic ? "WithinAutoRisk" : "NeedsApproval",
              "risk is " + in.risk.level + ", up to " + in.limits->max_auto_risk +
                  " nobody needs to be asked");
}

Gate Reversibility(const GateInput& in) {
  if (in.plan == nullptr) return NoProposal(kGateReversibility);
  if (in.plan->reversible) {
    return Pass(kGateReversibility, "Reversible", "it can be undone: " + in.plan->undo_command);
  }
  if (!in.policy->spec.guardrails.reversible_only) {
    return Pass(kGateReversibility, "NotRequired", "it cannot be undone, and need not be");
  }
  return Block(kGateReversibility, "Irreversible",
               "the policy allows only what can be undone, and this cannot",
               "set guardrails.reversibleOnly to false, or act by hand");
}

Gate Confidence(const GateInput& in) {
  if (in.plan == nullptr) return NoProposal(kGateConfidence);
  const std::string figures = "the diagnosis is " + Figure(in.confidence) +
                              " sure, minConfidence is " + Figure(in.limits->min_confidence);
  if (in.confidence >= in.limits->min_confidence) {
    return Pass(kGateConfidence, "Confident", figures);
  }
  if (HumanApproved(in)) {
    return Pass(kGateConfidence, "Approved", figures + "; a person is sure enough");
  }
  return Block(kGateConfidence, "LowConfidence", figures, "a person approves the proposal");
}

Gate Approval(const GateInput& in) {
  if (in.plan == nullptr) return NoProposal(kGateApproval);
  const ApprovalResult& a = in.approval;
  if (!a.rejected_by.empty()) {
    return Block(kGateApproval, kReasonRejected,
                 SanitizeLine(a.rejected_by, 128) + " rejected it" +
                     (a.reject_reason.empty() ? "" : ": " + a.reject_reason),
                 "a new incident");
  }
  if (a.expired) {
    return Block(kGateApproval, kReasonExpired, "nobody approved it in time", "a new incident");
  }
  if (a.required == 0) return Pass(kGateApproval, "NotNeeded", "nobody needs to approve it");
  const std::string figures =
      std::to_string(a.approvers.size()) + " of " + std::to_string(a.required) + " approvals";
  if (a.approved) return Pass(kGateApproval, "Approved", figures);
  std::string message = figures;
  if (!a.ignored.empty()) message += "; not counted: " + a.ignored.front();
  return Block(kGateApproval, kReasonApprovalNeeded, message,
               "`salve approve " + in.incident->metadata.name + "` by " +
                   std::to_string(a.missing) + " more " + (a.missing == 1 ? "person" : "people"));
}

constexpr Check kChain[] = {KillSwitch,        Paused,        Mode,        BackendAvailable,
                            SignalStillActive, Dependency,    Window,      Storm,
                            BreakerGate,       Cooldown,      Budget,      Concurrency,
                            MinAvailable,      AllowedAction, RiskCeiling, Reversibility,
                            Confidence,        Approval};
constexpr const char* kNames[] = {
    kGateKillSwitch,        kGatePaused,        kGateMode,        kGateBackendAvailable,
    kGateSignalStillActive, kGateDependency,    kGateWindow,      kGateStorm,
    kGateBreaker,           kGateCooldown,      kGateBudget,      kGateConcurrency,
    kGateMinAvailable,      kGateAllowedAction, kGateRiskCeiling, kGateReversibility,
    kGateConfidence,        kGateApproval};

}  // namespace

StormView EvaluateStorm(const v1::PolicyGuardrails& guardrails, std::int64_t targets_total,
                        std::int64_t targets_unhealthy) {
  StormView view;
  const std::string& text = guardrails.max_unhealthy;
  char* end = nullptr;
  const std::int64_t number = std::max<std::int64_t>(0, std::strtoll(text.c_str(), &end, 10));
  const bool percent = end != nullptr && *end == '%';
  // Rounded down: 40 % of 4 targets is 1, so that 2 are a storm unless the floor says otherwise.
  view.limit = percent ? targets_total * std::min<std::int64_t>(number, 100) / 100 : number;
  view.active = targets_unhealthy > view.limit &&
                targets_unhealthy >= guardrails.max_unhealthy_floor && targets_unhealthy > 1;
  view.message = std::to_string(targets_unhealthy) + " of " + std::to_string(targets_total) +
                 " targets are unhealthy (a storm is more than " + text + ", and at least " +
                 std::to_string(guardrails.max_unhealthy_floor) + ")";
  return view;
}

PauseView EvaluatePauses(const v1::HealingPolicySpec& policy, const EffectiveLimits& limits,
                         WallTime now) {
  PauseView view;
  bool endless = false;
  for (const std::string& guardrail : limits.paused_by) {
    view.paused = endless = true;
    view.message += (view.message.empty() ? "" : "; ") + ("paused by guardrail " + guardrail);
  }
  for (const v1::Pause& pause : policy.pauses) {
    const auto until = ParseTime(pause.until);
    if (until && *until <= now) continue;
    view.paused = true;
    view.message += (view.message.empty() ? "" : "; ") + ("pause \"" + pause.name + "\"");
    if (!pause.reason.empty()) view.message += " (" + SanitizeLine(pause.reason, 256) + ")";
    // Every pause must have ended. One whose end cannot be read does not end by itself.
    if (!until) {
      endless = true;
    } else if (!view.until || *until > *view.until) {
      view.until = until;
    }
  }
  if (endless) view.until.reset();
  return view;
}

std::vector<Gate> EvaluateGates(const GateInput& input) {
  std::vector<Gate> gates;
  gates.reserve(std::size(kChain));
  for (const Check check : kChain) gates.push_back(check(input));
  return gates;
}

std::vector<Gate> Blocked(const std::vector<Gate>& gates) {
  std::vector<Gate> out;
  std::copy_if(gates.begin(), gates.end(), std::back_inserter(out),
               [](const Gate& gate) { return !gate.pass; });
  return out;
}

const Gate* FindGate(const std::vector<Gate>& gates, const std::string& name) {
  const auto it =
      std::find_if(gates.begin(), gates.end(), [&](const Gate& g) { return g.name == name; });
  return it == gates.end() ? nullptr : &*it;
}

bool AllPassed(const std::vector<Gate>& gates) {
  if (gates.size() != std::size(kNames)) return false;
  for (std::size_t i = 0; i < gates.size(); ++i) {
    // A chain that was evaluated without a proposal is no licence.
    if (gates[i].name != kNames[i] || !gates[i].pass || gates[i].reason == "NoProposal") {
      return false;
    }
  }
  return true;
}

bool OnlyApprovalMissing(const std::vector<Gate>& gates) {
  bool missing = false;
  for (const Gate& gate : gates) {
    if (gate.pass) continue;
    const bool by_approval = (gate.name == kGateApproval && gate.reason == kReasonApprovalNeeded) ||
                             (gate.name == kGateConfidence && gate.reason == "LowConfidence") ||
                             (gate.name == kGateWindow && gate.reason == "WindowClosedBreakGlass");
    if (!by_approval) return false;
    missing = missing || gate.name == kGateApproval;
  }
  return missing;
}

std::optional<WallTime> NextOpening(const std::vector<Gate>& gates) {
  std::optional<WallTime> out;
  for (const Gate& gate : gates) {
    if (!gate.pass && gate.until && (!out || *gate.until < *out)) out = gate.until;
  }
  return out;
}

std::vector<v1::GateStatus> ToGateStatus(const std::vector<Gate>& gates) {
  std::vector<v1::GateStatus> out;
  out.reserve(gates.size());
  for (const Gate& gate : gates) {
    out.push_back({gate.name, gate.pass ? "Pass" : "Block", gate.reason, SanitizeLine(gate.message),
                   gate.until ? FormatTime(*gate.until) : "", gate.unblocked_by});
  }
  return out;
}

}  // namespace salve::healing
