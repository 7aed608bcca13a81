// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/state_metrics.h"

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "pkg/healing/timeline.h"

namespace salve::runtime {
namespace {

namespace v1 = apis::salve::v1alpha1;
using Policies = std::vector<std::shared_ptr<const v1::HealingPolicy>>;
using Incidents = std::vector<std::shared_ptr<const v1::Incident>>;
using Labels = std::initializer_list<std::pair<const char*, std::string_view>>;

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
    const auto since_epoch =
        std::chrono::duration_cast<std::chrono::seconds>(last.time_since_epoch());
    samples.Add({{"controller", controller}}, since_epoch.count());
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

}  // namespace

std::string StateMetrics(const StateView& view) {
  std::string out;
  AddHeartbeats(view.heartbeats, out);
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
