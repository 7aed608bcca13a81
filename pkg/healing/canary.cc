// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/canary.h"

#include <algorithm>
#include <charconv>

#include "pkg/base/time_format.h"
#include "pkg/healing/machine.h"

namespace salve::healing {
namespace {

void TakeLater(const std::string& text, std::optional<WallTime>& latest) {
  const auto at = ParseTime(text);
  if (at && (!latest || *at > *latest)) latest = at;
}

}  // namespace

bool IsCanary(const apis::meta::v1::ObjectMeta& metadata) {
  const auto it = metadata.annotations.find(kCanaryAnnotation);
  return it != metadata.annotations.end() && it->second == "true";
}

std::chrono::seconds CanaryPeriod(const apis::meta::v1::ObjectMeta& metadata) {
  const auto it = metadata.annotations.find(kCanaryPeriodAnnotation);
  if (it == metadata.annotations.end()) return kCanaryPeriod;
  const std::string& text = it->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || value < 1 || value > std::chrono::seconds(kMaxCanaryPeriod).count()) {
    return kCanaryPeriod;
  }
  return std::chrono::seconds(value);
}

std::optional<WallTime> LastCanarySuccess(
    const v1::HealingPolicy& policy, const std::vector<std::shared_ptr<const v1::Incident>>& own) {
  std::optional<WallTime> last;
  for (const auto& incident : own) {
    const std::string& outcome = incident->status.outcome;
    if (outcome == kAutoHealed || outcome == kHealedAfterApproval) {
      TakeLater(incident->status.resolved_at, last);
    }
  }
  // Incidents are kept as the policy's history says; the records outlive them.
  for (const v1::ActionRecord& record : policy.status.actions) {
    if (record.result == kOutcomeSuccessful) TakeLater(record.finished_at, last);
  }
  return last;
}

std::optional<WallTime> CanaryAwaitedSince(const v1::HealingPolicy& policy,
                                           std::optional<WallTime> last_success) {
  TakeLater(policy.metadata.creation_timestamp, last_success);
  const auto* allowed =
      apis::meta::v1::FindCondition(policy.status.conditions, v1::kPolicyRemediationAllowed);
  if (allowed != nullptr && allowed->status != "True") return std::nullopt;
  if (allowed != nullptr) TakeLater(allowed->last_transition_time, last_success);
  return last_success;
}

}  // namespace salve::healing
