// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_REPLAY_REPORT_H_
#define SALVE_CONTROLLER_REPLAY_REPORT_H_

#include <string>
#include <vector>

#include "controller/replay/replay.h"
#include <nlohmann/json.hpp>

#include "pkg/base/status.h"

// What a replay found, for programs and against what was expected. docs/guides/replay.md describes
// both shapes; members are added to them, never changed. Pure functions.
namespace salve::replay {

inline constexpr char kReplayVersion[] = "replay.salve.dev/v1alpha1";
inline constexpr char kReplayKind[] = "Replay";
inline constexpr char kReplayExpectationKind[] = "ReplayExpectation";

nlohmann::json ReplayReport(const ReplayResult& result);

// What of a report is to stay as it is: decisions without their sentences.
nlohmann::json ReplayExpectation(const nlohmann::json& report);

// One decision of a report or of an expectation as a line: "Acts: restart (restart, risk Medium)".
std::string DecisionLine(const nlohmann::json& decision);

struct ReplayDifference {
  std::string where;                    // "shop/redis redis 2026-11-01T10:00:00.000000Z"
  std::vector<std::string> missing;     // expected, and not so now
  std::vector<std::string> unexpected;  // so now, and not expected
};
// kInvalidArgument if `expected` is no expectation. Empty: as expected.
StatusOr<std::vector<ReplayDifference>> CompareReplay(const nlohmann::json& expected,
                                                      const nlohmann::json& report);

}  // namespace salve::replay

#endif  // SALVE_CONTROLLER_REPLAY_REPORT_H_
