// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/timeline.h"

#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"

namespace salve::healing {
namespace {

constexpr std::size_t kMaxMessage = 2048;

// The stage that time in this phase counts for; nullptr for phases in which nothing is going on.
std::int64_t* StageOf(v1::Durations& durations, const std::string& phase) {
  if (phase == kPhaseDetected || phase == kPhaseDiagnosing) return &durations.diagnose_millis;
  if (phase == kPhaseAwaitingApproval) return &durations.approval_wait_millis;
  if (phase == kPhaseBlocked) return &durations.blocked_millis;
  if (phase == kPhaseExecuting || phase == kPhaseRollingBack) return &durations.execute_millis;
  if (phase == kPhaseVerifying) return &durations.verify_millis;
  return nullptr;
}

}  // namespace

bool AddTimeline(v1::IncidentStatus& status, const std::string& phase, const std::string& message,
                 WallTime now) {
  const std::string clean = SanitizeLine(message, kMaxMessage);
  auto& entries = status.timeline;
  if (!entries.empty() && entries.back().phase == phase && entries.back().message == clean) {
    return false;
  }
  const std::int64_t next = entries.empty() ? 1 : entries.back().sequence + 1;
  entries.push_back({next, FormatMicroTime(now), phase, clean});
  if (entries.size() > kMaxTimeline) {
    entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(kMaxTimeline));
  }
  return true;
}

void EnterPhase(v1::IncidentStatus& status, const std::string& phase, WallTime now) {
  if (status.phase == phase) return;
  const auto since = ParseTime(status.phase_since);
  std::int64_t* stage = StageOf(status.durations, status.phase);
  if (since && *since < now && stage != nullptr) {
    *stage += std::chrono::duration_cast<std::chrono::milliseconds>(now - *since).count();
  }
  status.phase = phase;
  status.phase_since = FormatMicroTime(now);
}

}  // namespace salve::healing
