// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_GATES_H_
#define SALVE_PKG_HEALING_GATES_H_

#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/status.h"
#include "pkg/healing/approval.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/health.h"
#include "pkg/healing/limits.h"
#include "pkg/healing/types.h"
#include "pkg/healing/windows.h"

// The chain of checks between a proposal and its execution. Each is a pure function of one
// GateInput; all are always evaluated, in the fixed order, so that `why` can show every one.
namespace salve::healing {

// In the order of evaluation.
inline constexpr char kGateKillSwitch[] = "KillSwitch";
inline constexpr char kGatePaused[] = "Paused";
inline constexpr char kGateMode[] = "Mode";
inline constexpr char kGateBackendAvailable[] = "BackendAvailable";
inline constexpr char kGateSignalStillActive[] = "SignalStillActive";
inline constexpr char kGateDependency[] = "Dependency";
inline constexpr char kGateWindow[] = "Window";
inline constexpr char kGateStorm[] = "Storm";
inline constexpr char kGateBreaker[] = "Breaker";
inline constexpr char kGateCooldown[] = "Cooldown";
inline constexpr char kGateBudget[] = "Budget";
inline constexpr char kGateConcurrency[] = "Concurrency";
inline constexpr char kGateMinAvailable[] = "MinAvailable";
inline constexpr char kGateAllowedAction[] = "AllowedAction";
inline constexpr char kGateRiskCeiling[] = "RiskCeiling";
inline constexpr char kGateReversibility[] = "Reversibility";
inline constexpr char kGateConfidence[] = "Confidence";
inline constexpr char kGateApproval[] = "Approval";

// Reasons that the state machine branches on.
inline constexpr char kReasonDryRun[] = "DryRun";
inline constexpr char kReasonRejected[] = "Rejected";
inline constexpr char kReasonExpired[] = "Expired";
inline constexpr char kReasonApprovalNeeded[] = "ApprovalNeeded";

// Everything that the gates look at, as values. Pointers are never null unless said, and outlive
// the call.
struct GateInput {
  WallTime now;             // the calendar: windows, pauses, expiry
  WallTime accounting_now;  // SteadyWall::At(): budget, cooldown, breaker

  bool self_heal_enabled = true;  // SELF_HEAL_ENABLED
  const v1::HealingPolicy* policy = nullptr;
  const EffectiveLimits* limits = nullptr;
  const v1::Incident* incident = nullptr;
  TimeZones* zones = nullptr;

  Status backend;       // Backend::Available()
  TargetHealth health;  // observed just now
  std::optional<TargetObservation> observation;
  std::vector<DependencyState> dependencies;

  std::int64_t targets_total = 1;      // of the policy
  std::int64_t targets_unhealthy = 1;  // with this one
  std::int64_t targets_healthy = 0;

  std::vector<v1::ActionRecord> records;       // the policy's
  std::optional<WallTime> ill_since;           // onset of this incident, for the breaker
  std::vector<std::string> running_incidents;  // other incidents of the policy that are acting now
  std::string lease_holder;  // who else holds the target's Lease; "" = nobody or we
  std::optional<WallTime> lease_until;

  // The proposal. Without one the gates that judge it pass with reason NoProposal.
  const v1::Step* step = nullptr;    // may be null
  const ActionPlan* plan = nullptr;  // may be null
  v1::Risk risk;
  double confidence = 0;
  ApprovalResult approval;
};

struct Gate {
  std::string name;
  bool pass = true;
  std::string reason;             // CamelCase, also when it passes
  std::string message;            // with the figures: "3 of 3 actions used within 1h"
  std::optional<WallTime> until;  // when it opens by itself
  std::string unblocked_by;       // what would open it: "`salve resume policy/redis`"
  std::string guardrail = {};     // name of the HealingGuardrail that blocks; "" if none does
};

// All gates, in order.
std::vector<Gate> EvaluateGates(const GateInput& input);
// Those that block.
std::vector<Gate> Blocked(const std::vector<Gate>& gates);
const Gate* FindGate(const std::vector<Gate>& gates, const std::string& name);
// Exactly the full chain, in order, and every one passed: the only licence to act.
bool AllPassed(const std::vector<Gate>& gates);
// Whether an approval is all that is missing.
bool OnlyApprovalMissing(const std::vector<Gate>& gates);
// The earliest time at which a blocked gate may open by itself; nullopt if none does.
std::optional<WallTime> NextOpening(const std::vector<Gate>& gates);

std::vector<v1::GateStatus> ToGateStatus(const std::vector<Gate>& gates);

// The storm rule by itself, for the policy's StormActive condition.
struct StormView {
  bool active = false;
  std::int64_t limit = 0;  // more unhealthy targets than this are a storm
  std::string message;
};
StormView EvaluateStorm(const v1::PolicyGuardrails& guardrails, std::int64_t targets_total,
                        std::int64_t targets_unhealthy);
// The pauses that hold now, for the Paused condition; the earliest end among them, if all end.
struct PauseView {
  bool paused = false;
  std::string message;
  std::optional<WallTime> until;
};
PauseView EvaluatePauses(const v1::HealingPolicySpec& policy, const EffectiveLimits& limits,
                         WallTime now);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_GATES_H_
