// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_REPLAY_REPLAY_H_
#define SALVE_CONTROLLER_REPLAY_REPLAY_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "controller/replay/world.h"

// `salve replay`: what the policies would have made of what was recorded.
namespace salve::replay {

// How long time runs on after the last record, so that windows open and approvals expire.
inline constexpr std::chrono::hours kReplayTail{24};

struct ReplayedPolicy {
  std::string name;  // namespace/name
  std::string mode;  // with the guardrails
  std::int64_t signals = 0;
};

// Alerts, or incidents, that no policy had anything to do with.
struct UnmatchedRecord {
  std::string what;  // "alert" or "incident"
  std::string name;  // alertname, or the incident's name
  std::map<std::string, std::string> labels;
  std::string receiver;
  std::string why;
  std::int64_t count = 0;
  WallTime first;
  WallTime last;
};

struct ReplayResult {
  WallTime from;   // the first record
  WallTime to;     // the last one
  WallTime until;  // when time ended
  std::int64_t alerts = 0;
  std::int64_t incidents_read = 0;
  std::int64_t scheduled = 0;
  std::int64_t outside = 0;
  std::int64_t out_of_order = 0;
  std::int64_t others = 0;
  std::vector<std::string> notes;
  std::vector<ReplayedPolicy> policies;     // by name
  std::vector<ReplayedIncident> incidents;  // by time
  std::vector<UnmatchedRecord> unmatched;   // by time
};

// What is taken for granted where the record says nothing; for the head of the report and --help.
const std::vector<std::string>& ReplayAssumptions();

// Plays the record. The same input gives the same result, whatever the clock says. kInvalidArgument
// where it is more than can be played (targets, incidents, decisions): a part of it can.
StatusOr<ReplayResult> Replay(const ReplayInput& input);

}  // namespace salve::replay

#endif  // SALVE_CONTROLLER_REPLAY_REPLAY_H_
