// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_TIMELINE_H_
#define SALVE_PKG_HEALING_TIMELINE_H_

#include <string>

#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"
#include "pkg/healing/types.h"

// The incident's story: timeline entries, phases and the durations of stages.
namespace salve::healing {

inline constexpr std::size_t kMaxTimeline = 200;

inline constexpr char kThinking[] = "thinking";
inline constexpr char kCommand[] = "command";
inline constexpr char kExecuting[] = "executing";
inline constexpr char kResult[] = "result";
inline constexpr char kVerifying[] = "verifying";
inline constexpr char kVerification[] = "verification";
inline constexpr char kComplete[] = "complete";
inline constexpr char kError[] = "error";

// Phases of an incident.
inline constexpr char kPhaseDetected[] = "Detected";
inline constexpr char kPhaseDiagnosing[] = "Diagnosing";
inline constexpr char kPhaseAwaitingApproval[] = "AwaitingApproval";
inline constexpr char kPhaseBlocked[] = "Blocked";
inline constexpr char kPhaseExecuting[] = "Executing";
inline constexpr char kPhaseVerifying[] = "Verifying";
inline constexpr char kPhaseRollingBack[] = "RollingBack";
inline constexpr char kPhaseEscalated[] = "Escalated";
inline constexpr char kPhaseResolved[] = "Resolved";

// Appends an entry with the next sequence number; the oldest fall out, the numbers go on. The same
// phase and message as the newest entry is not repeated (returns false).
bool AddTimeline(v1::IncidentStatus& status, const std::string& phase, const std::string& message,
                 WallTime now);

// Enters a phase: the time since the last change is added to the stage that the old phase belongs
// to (never negative). Nothing happens if it is the same phase.
void EnterPhase(v1::IncidentStatus& status, const std::string& phase, WallTime now);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_TIMELINE_H_
