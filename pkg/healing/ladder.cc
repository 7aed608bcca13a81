// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/ladder.h"

#include <algorithm>

#include "pkg/base/time_format.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/scheduled_life.h"

namespace salve::healing {
namespace {

// Given up before it ran (drift, cancelled). One that ran and failed to apply is used up: it would
// fail again.
bool Abandoned(const v1::Attempt& attempt) {
  return attempt.phase == kAttemptDone && attempt.executed_at.empty();
}

std::int64_t Used(const std::string& step, const std::vector<v1::Attempt>& attempts,
                  const std::vector<v1::ActionRecord>& earlier) {
  std::int64_t used = 0;
  for (const v1::Attempt& attempt : attempts) {
    if (attempt.step == step && !Abandoned(attempt)) ++used;
  }
  for (const v1::ActionRecord& record : earlier) {
    if (record.step == step && record.result != "NotExecuted") ++used;
  }
  return used;
}

}  // namespace

const v1::Step* FindStep(const std::vector<v1::Step>& ladder, const std::string& name) {
  const auto it = std::find_if(ladder.begin(), ladder.end(),
                               [&](const v1::Step& step) { return step.name == name; });
  return it == ladder.end() ? nullptr : &*it;
}

LadderChoice ChooseStep(const std::vector<v1::Step>& ladder, const std::string& diagnosed_step,
                        const std::vector<v1::Attempt>& attempts,
                        const std::vector<v1::ActionRecord>& earlier) {
  const auto first = std::find_if(ladder.begin(), ladder.end(), [&](const v1::Step& step) {
    return step.name == diagnosed_step;
  });
  if (first == ladder.end()) {
    return {nullptr, "NoSuitableStep",
            diagnosed_step.empty() ? "no step of the ladder fits the diagnosis"
                                   : "the ladder has no step \"" + diagnosed_step + "\""};
  }
  for (auto it = first; it != ladder.end(); ++it) {
    if (!it->action) {
      const std::string message = it->escalate ? it->escalate->message : "";
      return {nullptr, "EscalateStep",
              "step \"" + it->name + "\" hands over to a person" +
                  (message.empty() ? "" : ": " + message)};
    }
    const std::int64_t used = Used(it->name, attempts, earlier);
    if (used < it->max_attempts) {
      return {&*it, "StepChosen",
              it == first ? "step \"" + it->name + "\" is what the diagnosis asks for"
                          : "step \"" + it->name + "\" comes next: those before it are used up"};
    }
  }
  return {nullptr, "LadderExhausted",
          "every step from \"" + diagnosed_step + "\" on has used its attempts"};
}

std::vector<v1::ActionRecord> EarlierAttempts(const std::vector<v1::ActionRecord>& records,
                                              const std::string& target_name,
                                              const std::string& incident_name, WallTime onset,
                                              std::int64_t min_healthy_seconds) {
  std::vector<const v1::ActionRecord*> mine;
  for (const v1::ActionRecord& record : records) {
    const bool other = record.target == target_name && record.incident != incident_name;
    if (other && !IsScheduleStep(record.step)) mine.push_back(&record);
  }
  std::sort(mine.begin(), mine.end(), [](const v1::ActionRecord* a, const v1::ActionRecord* b) {
    return ParseTime(a->reserved_at) < ParseTime(b->reserved_at);
  });
  // Backwards through the relapses: as long as the gap between an action's end and the next
  // illness (the next reservation stands for it) is short, it is one problem.
  const auto gap = std::chrono::seconds(min_healthy_seconds);
  std::vector<v1::ActionRecord> out;
  WallTime next = onset;
  for (auto it = mine.rbegin(); it != mine.rend(); ++it) {
    const auto reserved = ParseTime((*it)->reserved_at);
    const auto finished = ParseTime((*it)->finished_at);
    const auto end = finished ? finished : reserved;
    if (!end || next - *end >= gap) break;
    out.push_back(**it);
    if (reserved && *reserved < next) next = *reserved;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

AfterFailure DecideAfterFailure(const v1::Attempt& attempt, const v1::Step* step) {
  // Blind: whatever is done next, in either direction, could not be checked.
  if (attempt.verification && attempt.verification->outcome == kOutcomeError) {
    return AfterFailure::kEscalate;
  }
  const bool undoable =
      attempt.undo.has_value() && attempt.phase == kAttemptDone && !attempt.undo_result;
  const bool worse = attempt.after && GotWorse(attempt.before, *attempt.after);
  const std::string wish = step != nullptr ? step->on_verification_failed : "";
  if (undoable && (worse || wish == "RollbackThenNext")) return AfterFailure::kRollback;
  return wish == "Escalate" ? AfterFailure::kEscalate : AfterFailure::kNext;
}

}  // namespace salve::healing
