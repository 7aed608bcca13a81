// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/signals_health.h"

#include <algorithm>
#include <utility>

#include "pkg/base/time_format.h"
#include "pkg/healing/files.h"
#include "pkg/healing/machine.h"

namespace salve::reconcilers {

std::vector<healing::IndicatorState> IndicatorsOf(const Shell& shell,
                                                  const v1::HealingPolicy& policy,
                                                  const std::string& target) {
  std::vector<healing::IndicatorState> all =
      shell.health.Indicators({policy.metadata.ns, policy.metadata.name}, target);
  for (healing::IndicatorState& indicator : healing::AlertIndicators(
           policy, shell.settings.receiver_clears_after, target, shell.clock.Now())) {
    all.push_back(std::move(indicator));
  }
  for (healing::IndicatorState& indicator : healing::FileIndicators(policy, target)) {
    all.push_back(std::move(indicator));
  }
  return all;
}

healing::FreshCheck WithAlerts(const Shell& shell, const v1::HealingPolicy& policy,
                               const v1::Incident& incident, healing::FreshCheck check) {
  const v1::Attempt* attempt = healing::RunningAttempt(incident.status);
  check = healing::AwaitFiles(std::move(check), policy, incident);
  return healing::AwaitAlerts(std::move(check), policy, shell.settings.receiver_clears_after,
                              incident.spec.target.name,
                              attempt != nullptr ? ParseTime(attempt->started_at) : std::nullopt);
}

bool SignalsChanged(const engine::Change<v1::HealingPolicy>& change) {
  if (change.before == nullptr || change.after == nullptr) return true;
  const auto& before = change.before->status.signals;
  const auto& after = change.after->status.signals;
  const auto same = [](const v1::SignalStatus& a, const v1::SignalStatus& b) {
    return a.trigger == b.trigger && a.fingerprint == b.fingerprint && a.target == b.target &&
           a.state == b.state && a.since == b.since && a.received_at == b.received_at;
  };
  return !std::equal(before.begin(), before.end(), after.begin(), after.end(), same);
}

}  // namespace salve::reconcilers
