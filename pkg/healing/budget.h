// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_BUDGET_H_
#define SALVE_PKG_HEALING_BUDGET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/guardrail.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/healing/types.h"

// The memory of budget, cooldown and breaker: a list of ActionRecords on the policy's status (and
// of GuardrailSpends on each guardrail's), written before an attempt may run and kept when its
// incident is deleted. Pure functions over that list.
//
// Time. A window slides: an action is spent from its reservation until windowSeconds later. A
// record that lies in the future (the clock was set back) counts as spent just now, so a jump back
// frees nothing. Against jumps forward callers pass SteadyWall::At(), not the calendar.
namespace salve::healing {

// Calendar time that runs on the monotonic clock: anchored once at start, immune to later jumps.
struct SteadyWall {
  WallTime wall;
  MonoTime mono;
  WallTime At(MonoTime now) const { return wall + (now - mono); }
};

inline constexpr std::size_t kMaxActionRecords = 200;

struct BudgetView {
  std::int64_t spent = 0;
  std::int64_t remaining = 0;
  std::optional<WallTime> next_free_at;  // when the oldest spent action leaves the window
};
BudgetView SpentOf(const std::vector<v1::ActionRecord>& records, const v1::ActionBudget& budget,
                   WallTime now);
BudgetView SpentOf(const std::vector<v1::GuardrailSpend>& spends, const v1::ActionBudget& budget,
                   WallTime now);
v1::BudgetStatus ToBudgetStatus(const BudgetView& view);

struct Reservation {
  std::string attempt_id;
  std::string incident;  // name
  std::string target;    // name
  std::string step;
  std::string action;
};
// Appends a record, after pruning. kAlreadyExists if the attempt is reserved (nothing changes: go
// on); kTooManyRequests if the budget does not allow it, or the list is full of records that must
// be kept.
Status Reserve(std::vector<v1::ActionRecord>& records, const Reservation& reservation,
               const v1::ActionBudget& budget, std::int64_t keep_seconds, WallTime now);
// The same on a guardrail. A reservation that has left the window is made anew.
Status ReserveSpend(std::vector<v1::GuardrailSpend>& spends, const std::string& policy_key,
                    const std::string& attempt_id, const v1::ActionBudget& budget, WallTime now);

// Writes the result of an attempt; returns whether anything changed. A finished record keeps its
// result.
bool Finish(std::vector<v1::ActionRecord>& records, const std::string& attempt_id,
            const std::string& result, WallTime now);

// Brings the records of one incident up to what its attempts say (results, finished_at), and marks
// reservations without an attempt as NotExecuted, unless they are `running_here`. They stay spent.
// Returns whether anything changed.
bool ReconcileRecords(std::vector<v1::ActionRecord>& records, const v1::Incident& incident,
                      const std::string& running_here, WallTime now);

// The same for records whose incident is not among `incidents` (it was deleted with its attempt
// running): they become Inconclusive once they are older than `grace_seconds`, so that they hold
// no place of maxConcurrent for ever. They stay spent.
bool SettleOrphans(std::vector<v1::ActionRecord>& records,
                   const std::vector<std::string>& incidents, std::int64_t grace_seconds,
                   WallTime now);

// How long records matter under this policy: the longest of window, cooldown, breaker and retry
// spans.
std::int64_t KeepSeconds(const v1::HealingPolicySpec& policy);
// Drops what no longer matters (older than keep_seconds and finished); at most kMaxActionRecords
// remain, but never at the price of a record that still matters.
void PruneRecords(std::vector<v1::ActionRecord>& records, std::int64_t keep_seconds, WallTime now);
void PruneSpends(std::vector<v1::GuardrailSpend>& spends, std::int64_t window_seconds,
                 WallTime now);

// 1 + the number of attempts and reservations this incident has had: a reservation whose attempt
// was never written stays spent, and the next attempt gets another id.
std::string NextAttemptId(const v1::Incident& incident,
                          const std::vector<v1::ActionRecord>& records);

// Until when `target` rests because of an action of an incident other than `incident`; nullopt: it
// does not. Steps of one ladder follow each other without a pause.
std::optional<WallTime> CooldownUntil(const std::vector<v1::ActionRecord>& records,
                                      const std::string& target, const std::string& incident,
                                      std::int64_t cooldown_seconds, WallTime now);

struct BreakerView {
  enum class State { kClosed, kOpen, kHalfOpen };
  State state = State::kClosed;
  std::int64_t consecutive_failures = 0;
  std::int64_t ineffective_fixes = 0;
  std::optional<WallTime> open_until;
  std::string reason;  // "3 attempts in a row failed"; "" when closed
};
// Per target, from the records. Failures: results Failed, Error, Inconclusive, in a row.
// Ineffective fixes: Successful ones, in a row, each followed by illness within
// retry.minHealthySeconds (by the next record, or for the newest by `ill_since`). Open for
// openSeconds from the last of them; then half-open: one try, which closes it by success or opens
// it again.
BreakerView EvaluateBreaker(const std::vector<v1::ActionRecord>& records, const std::string& target,
                            const v1::Breaker& breaker, std::int64_t min_healthy_seconds,
                            std::optional<WallTime> ill_since, WallTime now);
v1::BreakerStatus ToBreakerStatus(const std::string& target, const BreakerView& view);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_BUDGET_H_
