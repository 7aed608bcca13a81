// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/next.h"

#include <algorithm>

#include "pkg/apis/meta/v1/types.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/explain.h"
#include "pkg/healing/gates.h"

namespace salve::cli {
namespace {

using Json = nlohmann::json;

// The policy and the words for it; every command below is made here.
struct Scene {
  std::string ns;
  std::string policy_name;
  const v1::HealingPolicy* policy = nullptr;
  const v1::Incident* incident = nullptr;
  const NextContext& context;

  std::string InNamespace() const {
    return ns.empty() || ns == context.default_ns ? "" : " -n " + ShellWord(ns);
  }
  std::string Salve(const std::string& words) const { return "salve " + words + InNamespace(); }
  std::string Patch(const Json& spec) const {
    return Salve("patch healingpolicy " + ShellWord(policy_name) + " -p " +
                 ShellWord(Json{{"spec", spec}}.dump()));
  }
  std::string PatchGuardrails(const Json& guardrails) const {
    return Patch({{"guardrails", guardrails}});
  }
  std::string PatchGuardrail(const std::string& name, const Json& spec) const {
    return "salve patch healingguardrail " + ShellWord(name) + " -p " +
           ShellWord(Json{{"spec", spec}}.dump());
  }
  std::string Approve() const {
    const std::string& digest = incident->status.proposal ? incident->status.proposal->digest : "";
    return Salve("approve " + ShellWord(incident->metadata.name) +
                 (digest.empty() ? "" : " --digest " + ShellWord(digest.substr(0, 12))));
  }
};

// The word after `before` in a sentence of the core: names have no spaces.
std::string WordAfter(const std::string& text, const std::string& before) {
  const std::size_t at = text.find(before);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + before.size();
  std::string word = text.substr(begin, text.find_first_of(" ,;:)", begin) - begin);
  return word;
}

// "guardrail prod" → "prod"; "" where the policy itself is the owner.
std::string GuardrailIn(const std::string& text) { return WordAfter(text, "guardrail "); }

using Steps = std::vector<NextStep>;

// Every pause of the policy that is in force is a step: all of them must end.
void AddPauses(const Scene& scene, const NextStep& gate, Steps& out) {
  bool any = false;
  if (scene.policy != nullptr) {
    for (const v1::Pause& pause : scene.policy->spec.pauses) {
      const auto until = ParseTime(pause.until);
      if (until && *until <= scene.context.now) continue;
      const bool ours = pause.name.rfind("cli-", 0) == 0;
      NextStep step = gate;
      any = true;
      step.until = pause.until;
      step.text = "pause \"" + pause.name + "\"" +
                  (pause.reason.empty() ? "" : " (" + pause.reason + ")") +
                  (ours ? " was made by salve pause; end it"
                        : " stands in the policy itself; end it, and in the file that it is kept "
                          "applied from");
      step.command = scene.Salve("resume " + ShellWord(scene.policy_name) +
                                 (ours ? "" : " --name " + ShellWord(pause.name)));
      out.push_back(std::move(step));
    }
  }
  if (any) return;
  NextStep step = gate;
  step.text = "end the pause";
  step.command = scene.Salve("resume " + ShellWord(scene.policy_name));
  out.push_back(std::move(step));
}

void AddMode(const Scene& scene, const std::string& owner_text, NextStep step, Steps& out) {
  const std::string guardrail = GuardrailIn(owner_text);
  if (guardrail.empty()) {
    step.text = "let the policy act after a person's approval (or at once, with Auto)";
    step.command = scene.Patch({{"mode", "Approve"}});
  } else {
    step.text = "an administrator lets guardrail " + guardrail + " allow more";
    step.command = scene.PatchGuardrail(guardrail, {{"maxMode", "Approve"}});
  }
  out.push_back(std::move(step));
}

void SignalStep(const Scene& scene, NextStep& step) {
  if (step.reason == "Healthy") {
    step.text = "nothing to do: the target is healthy, the incident closes by itself";
  } else if (step.reason == "TargetMissing") {
    step.text = "create the target again, or correct spec.target";
    step.command = scene.Salve("get healingpolicy " + ShellWord(scene.policy_name) +
                               " -o jsonpath={.spec.target}");
  } else {
    step.text = "make the measurement work; the policy's status says which one fails and how";
    step.command = scene.Salve("why healingpolicy/" + ShellWord(scene.policy_name));
  }
}

void BudgetStep(const Scene& scene, const std::string& message, NextStep& step) {
  const std::string guardrail = GuardrailIn(message);
  step.text = "wait, or raise the budget after looking at what was done";
  const std::int64_t now = std::atoll(WordAfter(message, "of ").c_str());
  const Json more = {{"maxActions", {{"count", now + 1}}}};
  if (guardrail.empty()) {
    step.command = scene.PatchGuardrails(more);
  } else {
    step.text += " (an administrator: it is the budget of guardrail " + guardrail + ")";
    step.command = scene.PatchGuardrail(guardrail, more);
  }
}

void ActionStep(const Scene& scene, const v1::GateStatus& gate, NextStep& step) {
  const std::string guardrail = GuardrailIn(gate.message);
  if (guardrail.empty()) return;
  if (gate.reason != "ActionNotAllowed" || !scene.incident->status.proposal) {
    step.command = "salve describe healingguardrail " + ShellWord(guardrail);
    return;
  }
  const Json add = {{{"op", "add"},
                     {"path", "/spec/allowedActions/-"},
                     {"value", scene.incident->status.proposal->action}}};
  step.command = "salve patch healingguardrail " + ShellWord(guardrail) + " --type json -p " +
                 ShellWord(add.dump());
}

void DependencyStep(const Scene& scene, const v1::GateStatus& gate, NextStep& step) {
  const std::string name = WordAfter(
      gate.unblocked_by, gate.reason == "DependencyUnknown" ? "create policy " : "policy ");
  step.text = gate.unblocked_by;
  if (name.empty()) return;
  step.command = gate.reason == "DependencyUnknown"
                     ? scene.Patch({{"dependsOn", nullptr}})
                     : scene.Salve("why healingpolicy/" + ShellWord(name));
}

// The gates that a person opens by deciding.
void DecisionStep(const Scene& scene, const v1::GateStatus& gate, NextStep& step) {
  const std::string& name = gate.name;
  if (name == healing::kGatePaused) {
    const std::string guardrail = GuardrailIn(gate.unblocked_by);
    if (!guardrail.empty()) step.command = scene.PatchGuardrail(guardrail, {{"paused", false}});
  } else if (name == healing::kGateWindow && gate.reason == "WindowClosedBreakGlass") {
    step.text = "wait for the window, or a person breaks the glass by approving";
    step.command = scene.Approve();
  } else if (name == healing::kGateConfidence) {
    step.text = "a person who is sure approves";
    step.command = scene.Approve();
  } else if (name == healing::kGateApproval && gate.reason == healing::kReasonApprovalNeeded) {
    step.text = "read the proposal above, then approve it (or: salve reject)";
    step.command = scene.Approve();
  }
}

// The gates that wait for something else to be well.
void SurroundingsStep(const Scene& scene, const v1::GateStatus& gate, NextStep& step) {
  const std::string& name = gate.name;
  if (name == healing::kGateBackendAvailable) {
    step.text = "make the backend answer again; Salve keeps trying";
    step.command = "salve preflight";
  } else if (name == healing::kGateSignalStillActive) {
    SignalStep(scene, step);
  } else if (name == healing::kGateDependency) {
    DependencyStep(scene, gate, step);
  } else if (name == healing::kGateStorm) {
    step.text = "find the cause that they share; only if there is none, raise the limit";
    step.command = scene.PatchGuardrails({{"maxUnhealthy", "100%"}});
  } else if (name == healing::kGateConcurrency) {
    const std::string other = WordAfter(gate.unblocked_by, "incident ");
    if (!other.empty()) step.command = scene.Salve("why " + ShellWord(other));
  }
}

// The gates that a figure or a list keeps closed.
void LimitStep(const Scene& scene, const v1::GateStatus& gate, NextStep& step) {
  const std::string& name = gate.name;
  if (name == healing::kGateBreaker) {
    step.text = "fixing it has failed before: look at what was tried; then wait for the next try";
    step.command = scene.Salve("report " + ShellWord(scene.incident->metadata.name));
  } else if (name == healing::kGateCooldown) {
    step.text = "wait, or end the rest now";
    step.command = scene.PatchGuardrails({{"cooldownSeconds", 0}});
  } else if (name == healing::kGateBudget) {
    BudgetStep(scene, gate.message, step);
  } else if (name == healing::kGateMinAvailable) {
    step.command = scene.PatchGuardrails({{"minAvailable", 0}});
  } else if (name == healing::kGateAllowedAction) {
    ActionStep(scene, gate, step);
  } else if (name == healing::kGateRiskCeiling) {
    const std::string guardrail = GuardrailIn(gate.message);
    if (!guardrail.empty() && scene.incident->status.proposal) {
      step.command = scene.PatchGuardrail(
          guardrail, {{"maxRisk", scene.incident->status.proposal->risk.level}});
    }
  } else if (name == healing::kGateReversibility) {
    step.command = scene.PatchGuardrails({{"reversibleOnly", false}});
  }
}

// One blocking gate. What the core says about it is kept where there is nothing more exact.
void AddGate(const Scene& scene, const v1::GateStatus& gate, Steps& out) {
  NextStep step{gate.name, gate.reason, gate.unblocked_by, "", gate.until};
  if (gate.name == healing::kGatePaused && gate.reason == "PausedByPolicy") {
    return AddPauses(scene, step, out);
  }
  if (gate.name == healing::kGateMode &&
      (gate.reason == v1::kModeObserve || gate.reason == healing::kReasonDryRun)) {
    return AddMode(scene, gate.message, step, out);
  }
  DecisionStep(scene, gate, step);
  SurroundingsStep(scene, gate, step);
  LimitStep(scene, gate, step);
  out.push_back(std::move(step));
}

// Phases in which no gate stands in the way and something is awaited nevertheless.
void AddPhase(const Scene& scene, Steps& out) {
  const std::string& phase = scene.incident->status.phase;
  const std::string name = ShellWord(scene.incident->metadata.name);
  if (phase == "Escalated") {
    out.push_back({phase, "NeedsAPerson",
                   "Salve has done what it may; a person has to act. It closes by itself once the "
                   "target is healthy; or give it up",
                   scene.Salve("cancel " + name), ""});
  } else if (phase == "Executing" || phase == "Verifying" || phase == "RollingBack") {
    out.push_back({phase, "Running", "watch it", scene.Salve("timeline -f " + name), ""});
  }
}

bool Is(const v1::HealingPolicy& policy, const char* type, const char* status) {
  const auto* condition = apis::meta::v1::FindCondition(policy.status.conditions, type);
  return condition != nullptr && condition->status == status;
}

}  // namespace

std::vector<NextStep> NextSteps(const v1::Incident& incident, const v1::HealingPolicy* policy,
                                const NextContext& context) {
  std::vector<NextStep> out;
  const bool over =
      incident.status.phase == "Resolved" ||
      apis::meta::v1::IsConditionTrue(incident.status.conditions, v1::kIncidentResolved);
  if (over) return out;
  const Scene scene{incident.metadata.ns, incident.spec.policy_ref.name, policy, &incident,
                    context};
  for (const v1::GateStatus& gate : incident.status.gates) {
    if (gate.result != "Pass") AddGate(scene, gate, out);
  }
  AddPhase(scene, out);
  return out;
}

std::vector<NextStep> NextSteps(const v1::HealingPolicy& policy, const NextContext& context) {
  std::vector<NextStep> out;
  const Scene scene{policy.metadata.ns, policy.metadata.name, &policy, nullptr, context};
  const auto message = [&](const char* type) {
    const auto* condition = apis::meta::v1::FindCondition(policy.status.conditions, type);
    return condition == nullptr ? std::string() : condition->message;
  };
  if (Is(policy, v1::kPolicyTargetFound, "False")) {
    out.push_back({v1::kPolicyTargetFound, "TargetNotFound",
                   "create the target, or correct spec.target",
                   scene.Salve("get healingpolicy " + ShellWord(policy.metadata.name) +
                               " -o jsonpath={.spec.target}"),
                   ""});
  }
  if (Is(policy, v1::kPolicyPaused, "True")) {
    const std::string guardrail = GuardrailIn(message(v1::kPolicyPaused));
    if (guardrail.empty()) {
      AddPauses(scene, {healing::kGatePaused, "PausedByPolicy", "", "", ""}, out);
    } else {
      out.push_back({healing::kGatePaused, "PausedByGuardrail",
                     "an administrator ends the pause in guardrail " + guardrail,
                     scene.PatchGuardrail(guardrail, {{"paused", false}}), ""});
    }
  }
  if (policy.spec.mode == v1::kModeObserve || policy.spec.mode == v1::kModeDryRun) {
    AddMode(scene, "", {healing::kGateMode, policy.spec.mode, "", "", ""}, out);
  }
  return out;
}

std::string ShellWord(const std::string& text) {
  static constexpr char kPlain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::vector<std::string> NextLines(const std::vector<NextStep>& steps, WallTime now) {
  std::vector<std::string> out;
  if (!steps.empty()) out.push_back("To go on:");
  for (const NextStep& step : steps) {
    std::string line = "  " + step.gate + ": " + step.text;
    if (const auto until = ParseTime(step.until); until && *until > now) {
      line += " (by itself in " + HumanDuration(*until - now) + ")";
    }
    out.push_back(healing::EscapeTerminal(line));
    if (!step.command.empty()) out.push_back("      " + healing::EscapeTerminal(step.command));
  }
  return out;
}

nlohmann::json NextJson(const std::vector<NextStep>& steps) {
  Json out = Json::array();
  for (const NextStep& step : steps) {
    Json one = {{"gate", step.gate}, {"reason", step.reason}, {"text", step.text}};
    if (!step.command.empty()) one["command"] = step.command;
    if (!step.until.empty()) one["until"] = step.until;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace salve::cli
