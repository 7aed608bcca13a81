// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/state_metrics.h"

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "pkg/healing/canary.h"
#include "pkg/healing/timeline.h"

namespace salve::runtime {
namespace {

namespace v1 = apis::salve::v1alpha1;
using Policies = std::vector<std::shared_ptr<const v1::HealingPolicy>>;
using Incidents = std::vector<std::shared_ptr<const v1::Incident>>;
using Labels = std::initializer_list<std::pair<const char*, std::string_view>>;

std::int64_t SinceEpoch(WallTime at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

// Names of objects need no escaping, but a label's value must not be able to break the format.
std::string Escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
  }
  return out;
}

// The samples of one name, under its head.
class Samples {
 public:
  Samples(std::string& out, std::string name, const char* help)
      : out_(out), name_(std::move(name)) {
    out_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " gauge\n";
  }

  void Add(Labels labels, std::int64_t value) {
    out_ += name_;
    const char* before = "{";
    for (const auto& [label, text] : labels) {
      out_ += before + std::string(label) + "=\"" + Escaped(text) + "\"";
      before = ",";
    }
    if (labels.size() > 0) out_ += "}";
    out_ += " " + std::to_string(value) + "\n";
  }

 private:
  std::string& out_;
  const std::string name_;
};

void AddHeartbeats(const std::map<std::string, WallTime>& heartbeats, std::string& out) {
  Samples samples(out, "salve_heartbeat_timestamp_seconds",
                  "When the controller's loop last came round; every 15 s while it works");
  for (const auto& [controller, last] : heartbeats) {
    samples.Add({{"controller", controller}}, SinceEpoch(last));
  }
}

void AddConditions(const Policies& policies, std::string& out) {
  Samples samples(out, "salve_policy_condition",
                  "1 while a condition of a policy is True, 0 while it is False");
  for (const auto& policy : policies) {
    for (const auto& condition : policy->status.conditions) {
      if (condition.status != "True" && condition.status != "False") continue;
      samples.Add({{"namespace", policy->metadata.ns},
                   {"policy", policy->metadata.name},
                   {"condition", condition.type}},
                  condition.status == "True" ? 1 : 0);
    }
  }
}

void AddTargets(const Policies& policies, std::string& out) {
  Samples samples(out, "salve_policy_targets", "Targets of a policy by state");
  for (const auto& policy : policies) {
    const std::pair<const char*, std::int64_t> counts[] = {
        {"all", policy->status.targets_total},
        {"unhealthy", policy->status.targets_unhealthy},
        {"asleep", policy->status.targets_asleep}};
    for (const auto& [state, count] : counts) {
      samples.Add(
          {{"namespace", policy->metadata.ns}, {"policy", policy->metadata.name}, {"state", state}},
          count);
    }
  }
}

void AddBudgets(const Policies& policies, std::string& out) {
  Samples samples(out, "salve_policy_budget_remaining_actions",
                  "Actions that the policy's budget still allows in its window");
  for (const auto& policy : policies) {
    samples.Add({{"namespace", policy->metadata.ns}, {"policy", policy->metadata.name}},
                policy->status.budget.remaining);
  }
}

void AddIncidents(const Incidents& incidents, std::string& out) {
  std::map<std::tuple<std::string, std::string, std::string>, std::int64_t> counts;
  for (const auto& incident : incidents) {
    // One that has just been made has no phase yet.
    const std::string phase =
        incident->status.phase.empty() ? healing::kPhaseDetected : incident->status.phase;
    if (phase == healing::kPhaseResolved || !incident->status.outcome.empty()) continue;
    ++counts[{incident->metadata.ns, incident->spec.policy_ref.name, phase}];
  }
  Samples samples(out, "salve_incidents_open", "Incidents that have not ended, by phase");
  std::size_t shown = 0;
  for (const auto& [labels, count] : counts) {
    if (++shown > kMaxShownPolicies) break;
    const auto& [ns, policy, phase] = labels;
    samples.Add({{"namespace", ns}, {"policy", policy}, {"phase", phase}}, count);
  }
}

std::string KeyOf(const std::string& ns, const std::string& policy) { return ns + "/" + policy; }

// Of the canaries among the policies: what is known of them stands on them and on their incidents.
void AddCanaries(const Policies& canaries, const std::map<std::string, Incidents>& incidents,
                 std::string& out) {
  struct Seen {
    const v1::HealingPolicy* policy;
    std::optional<WallTime> success;
  };
  std::vector<Seen> seen;
  for (const auto& policy : canaries) {
    if (seen.size() == kMaxShownCanaries) break;
    const auto own = incidents.find(KeyOf(policy->metadata.ns, policy->metadata.name));
    seen.push_back(
        {policy.get(),
         healing::LastCanarySuccess(*policy, own != incidents.end() ? own->second : Incidents())});
  }
  const auto add = [&seen, &out](const char* name, const char* help, const auto& value) {
    Samples samples(out, name, help);
    for (const Seen& one : seen) {
      const auto& metadata = one.policy->metadata;
      const std::optional<std::int64_t> figure = value(one);
      if (figure) samples.Add({{"namespace", metadata.ns}, {"policy", metadata.name}}, *figure);
    }
  };
  using Figure = std::optional<std::int64_t>;
  add("salve_canary_last_success_timestamp_seconds", "When the canary was healed last",
      [](const Seen& one) { return one.success ? Figure(SinceEpoch(*one.success)) : Figure(); });
  add("salve_canary_awaited_since_timestamp_seconds",
      "Since when the canary's next healing is waited for; absent while Salve may not act",
      [](const Seen& one) {
        const auto since = healing::CanaryAwaitedSince(*one.policy, one.success);
        return since ? Figure(SinceEpoch(*since)) : Figure();
      });
  add("salve_canary_period_seconds", "After how long the canary falls ill again",
      [](const Seen& one) { return Figure(healing::CanaryPeriod(one.policy->metadata).count()); });
}

// What is about canaries goes to `canaries` and, by policy, to `of_canaries`; the rest stays.
StateView WithoutCanaries(const StateView& view, Policies& canaries,
                          std::map<std::string, Incidents>& of_canaries) {
  StateView rest;
  rest.heartbeats = view.heartbeats;
  for (const auto& policy : view.policies) {
    const bool canary = healing::IsCanary(policy->metadata);
    (canary ? canaries : rest.policies).push_back(policy);
    if (canary) of_canaries[KeyOf(policy->metadata.ns, policy->metadata.name)];
  }
  for (const auto& incident : view.incidents) {
    const auto it = of_canaries.find(KeyOf(incident->metadata.ns, incident->spec.policy_ref.name));
    if (it != of_canaries.end()) {
      it->second.push_back(incident);
    } else if (!healing::IsCanary(incident->metadata)) {
      rest.incidents.push_back(incident);
    }
  }
  return rest;
}

}  // namespace

std::string StateMetrics(const StateView& all) {
  Policies canaries;
  std::map<std::string, Incidents> of_canaries;
  const StateView view = WithoutCanaries(all, canaries, of_canaries);
  std::string out;
  AddHeartbeats(view.heartbeats, out);
  AddCanaries(canaries, of_canaries, out);
  Samples(out, "salve_policies", "Policies that there are")
      .Add({}, static_cast<std::int64_t>(view.policies.size()));
  Policies shown = view.policies;
  if (shown.size() > kMaxShownPolicies) shown.resize(kMaxShownPolicies);
  AddConditions(shown, out);
  AddTargets(shown, out);
  AddBudgets(shown, out);
  AddIncidents(view.incidents, out);
  return out;
}

}  // namespace salve::runtime
