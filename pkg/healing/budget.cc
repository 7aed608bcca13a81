// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/budget.h"

#include <algorithm>
#include <map>

#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/scheduled_life.h"
#include "pkg/healing/verification.h"

namespace salve::healing {
namespace {

constexpr char kNotExecuted[] = "NotExecuted";
// Records per target that are kept whatever their age, so that a breaker keeps its counts.
constexpr std::size_t kKeepPerTarget = 10;

Duration Seconds(std::int64_t seconds) {
  // A year is as good as for ever, and cannot overflow.
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, 366LL * 24 * 3600));
}

// When something was spent. What cannot be read counts as spent just now, and so does the future:
// after a clock was set back nobody knows how long ago it really was, and less rest than due must
// not come of it.
WallTime SpentAt(const std::string& text, WallTime now) {
  const auto at = ParseTime(text);
  return at && *at < now ? *at : now;
}

BudgetView View(std::vector<WallTime> spent, const v1::ActionBudget& budget, WallTime now) {
  BudgetView view;
  const Duration window = Seconds(budget.window_seconds);
  std::erase_if(spent, [&](WallTime at) { return now - at >= window; });
  view.spent = static_cast<std::int64_t>(spent.size());
  view.remaining = std::max<std::int64_t>(0, budget.count - view.spent);
  if (!spent.empty()) {
    std::sort(spent.begin(), spent.end());
    // With more spent than allowed (the policy was tightened) one leaving frees nothing yet.
    const auto over =
        std::max<std::int64_t>(0, view.spent - std::max<std::int64_t>(1, budget.count));
    view.next_free_at = spent[static_cast<std::size_t>(over)] + window;
  }
  return view;
}

std::string WhenFree(const BudgetView& view) {
  return view.next_free_at ? ", the next is free at " + FormatTime(*view.next_free_at) : "";
}

WallTime EndOf(const v1::ActionRecord& record, WallTime now) {
  return SpentAt(record.finished_at.empty() ? record.reserved_at : record.finished_at, now);
}

std::vector<const v1::ActionRecord*> OfTarget(const std::vector<v1::ActionRecord>& records,
                                              const std::string& target) {
  std::vector<const v1::ActionRecord*> out;
  for (const v1::ActionRecord& record : records) {
    if (record.target == target && record.result != kNotExecuted) out.push_back(&record);
  }
  return out;  // in the order of reservation: the list is appended to
}

bool Failed(const v1::ActionRecord& record) {
  return record.result == kOutcomeFailed || record.result == kOutcomeError ||
         record.result == kOutcomeInconclusive;
}

std::string ResultOf(const v1::Attempt& attempt) {
  const bool ended = attempt.phase == "Done" || attempt.phase == "Undone";
  if (ended && attempt.executed_at.empty()) return kNotExecuted;
  if (ended && attempt.result && attempt.result->outcome == "NotApplied") return kOutcomeFailed;
  if (attempt.verification && !attempt.verification->outcome.empty()) {
    return attempt.verification->outcome;
  }
  return ended ? kOutcomeInconclusive : "";
}

}  // namespace

BudgetView SpentOf(const std::vector<v1::ActionRecord>& records, const v1::ActionBudget& budget,
                   WallTime now) {
  std::vector<WallTime> spent;
  spent.reserve(records.size());
  for (const v1::ActionRecord& record : records) {
    spent.push_back(SpentAt(record.reserved_at, now));
  }
  return View(std::move(spent), budget, now);
}

BudgetView SpentOf(const std::vector<v1::GuardrailSpend>& spends, const v1::ActionBudget& budget,
                   WallTime now) {
  std::vector<WallTime> spent;
  spent.reserve(spends.size());
  for (const v1::GuardrailSpend& spend : spends) spent.push_back(SpentAt(spend.at, now));
  return View(std::move(spent), budget, now);
}

v1::BudgetStatus ToBudgetStatus(const BudgetView& view) {
  return {view.remaining, view.next_free_at ? FormatTime(*view.next_free_at) : ""};
}

Status Reserve(std::vector<v1::ActionRecord>& records, const Reservation& reservation,
               const v1::ActionBudget& budget, std::int64_t keep_seconds, WallTime now) {
  for (const v1::ActionRecord& record : records) {
    if (record.attempt_id == reservation.attempt_id) {
      return AlreadyExistsError("attempt " + reservation.attempt_id + " is reserved already");
    }
  }
  PruneRecords(records, std::max(keep_seconds, budget.window_seconds), now);
  const BudgetView view = SpentOf(records, budget, now);
  if (view.remaining <= 0) {
    return TooManyRequestsError("reserving attempt " + reservation.attempt_id + ": " +
                                std::to_string(view.spent) + " of " + std::to_string(budget.count) +
                                " actions are spent" + WhenFree(view))
        .WithReason("BudgetExhausted");
  }
  if (records.size() >= kMaxActionRecords) {
    return TooManyRequestsError("reserving attempt " + reservation.attempt_id +
                                ": the policy's memory of actions is full (" +
                                std::to_string(kMaxActionRecords) + ")")
        .WithReason("BudgetExhausted");
  }
  // A record of the future would outlive its window; from here on it is what it counted as: just
  // now.
  for (v1::ActionRecord& record : records) {
    const auto at = ParseTime(record.reserved_at);
    if (at && *at > now) record.reserved_at = FormatMicroTime(now);
  }
  records.push_back({.attempt_id = reservation.attempt_id,
                     .incident = reservation.incident,
                     .target = reservation.target,
                     .step = reservation.step,
                     .action = reservation.action,
                     .reserved_at = FormatMicroTime(now),
                     .result = "",
                     .finished_at = ""});
  return Status::Ok();
}

Status ReserveSpend(std::vector<v1::GuardrailSpend>& spends, const std::string& policy_key,
                    const std::string& attempt_id, const v1::ActionBudget& budget, WallTime now) {
  // What has left the window goes first, be it this very attempt's: it is reserved anew then.
  PruneSpends(spends, budget.window_seconds, now);
  for (const v1::GuardrailSpend& spend : spends) {
    if (spend.attempt_id == attempt_id && spend.policy == policy_key) {
      return AlreadyExistsError("attempt " + attempt_id + " is reserved already");
    }
  }
  const BudgetView view = SpentOf(spends, budget, now);
  if (view.remaining <= 0 || spends.size() >= kMaxActionRecords) {
    return TooManyRequestsError("reserving attempt " + attempt_id + " of policy " + policy_key +
                                ": the guardrail allows " + std::to_string(budget.count) +
                                " actions, " + std::to_string(view.spent) + " are spent" +
                                WhenFree(view))
        .WithReason("BudgetExhausted");
  }
  for (v1::GuardrailSpend& spend : spends) {
    const auto at = ParseTime(spend.at);
    if (at && *at > now) spend.at = FormatMicroTime(now);
  }
  spends.push_back({policy_key, attempt_id, FormatMicroTime(now)});
  return Status::Ok();
}

bool Finish(std::vector<v1::ActionRecord>& records, const std::string& attempt_id,
            const std::string& result, WallTime now) {
  for (v1::ActionRecord& record : records) {
    if (record.attempt_id != attempt_id || !record.result.empty()) continue;
    record.result = result;
    record.finished_at = FormatMicroTime(now);
    return true;
  }
  return false;
}

bool ReconcileRecords(std::vector<v1::ActionRecord>& records, const v1::Incident& incident,
                      const std::string& running_here, WallTime now) {
  bool changed = false;
  for (v1::ActionRecord& record : records) {
    if (record.incident != incident.metadata.name || !record.result.empty()) continue;
    if (record.attempt_id == running_here) continue;
    const auto& attempts = incident.status.attempts;
    const auto it = std::find_if(attempts.begin(), attempts.end(),
                                 [&](const v1::Attempt& a) { return a.id == record.attempt_id; });
    const std::string result = it == attempts.end() ? kNotExecuted : ResultOf(*it);
    if (result.empty()) continue;
    record.result = result;
    // The attempt's times are the calendar's, which may have been set meanwhile; the records' are
    // not.
    const auto calendar = it != attempts.end() ? ParseTime(it->finished_at) : std::nullopt;
    const WallTime reserved = std::min(ParseTime(record.reserved_at).value_or(now), now);
    record.finished_at = FormatMicroTime(std::clamp(calendar.value_or(now), reserved, now));
    changed = true;
  }
  return changed;
}

bool SettleOrphans(std::vector<v1::ActionRecord>& records,
                   const std::vector<std::string>& incidents, std::int64_t grace_seconds,
                   WallTime now) {
  bool changed = false;
  for (v1::ActionRecord& record : records) {
    const bool known =
        std::find(incidents.begin(), incidents.end(), record.incident) != incidents.end();
    const bool old = now - SpentAt(record.reserved_at, now) >= Seconds(grace_seconds);
    if (!record.result.empty() || known || !old) continue;
    record.result = kOutcomeInconclusive;
    record.finished_at = FormatMicroTime(now);
    changed = true;
  }
  return changed;
}

std::int64_t KeepSeconds(const v1::HealingPolicySpec& policy) {
  const v1::PolicyGuardrails& g = policy.guardrails;
  return std::max({g.max_actions.window_seconds, g.cooldown_seconds, g.breaker.open_seconds,
                   g.retry.min_healthy_seconds});
}

void PruneRecords(std::vector<v1::ActionRecord>& records, std::int64_t keep_seconds, WallTime now) {
  // From the newest on, so that the newest of each target are the ones that stay.
  std::map<std::string, std::size_t> kept;
  std::vector<v1::ActionRecord> out;
  const Duration keep = Seconds(keep_seconds);
  for (auto it = records.rbegin(); it != records.rend(); ++it) {
    const bool recent = now - SpentAt(it->reserved_at, now) < keep ||
                        (!it->finished_at.empty() && now - SpentAt(it->finished_at, now) < keep);
    const bool remembered = kept[it->target] < kKeepPerTarget && out.size() < kMaxActionRecords / 2;
    if (!recent && !remembered) continue;
    ++kept[it->target];
    out.push_back(std::move(*it));
  }
  std::reverse(out.begin(), out.end());
  records = std::move(out);
}

void PruneSpends(std::vector<v1::GuardrailSpend>& spends, std::int64_t window_seconds,
                 WallTime now) {
  const Duration window = Seconds(window_seconds);
  std::erase_if(spends, [&](const v1::GuardrailSpend& spend) {
    return now - SpentAt(spend.at, now) >= window;
  });
}

std::string NextAttemptId(const v1::Incident& incident,
                          const std::vector<v1::ActionRecord>& records) {
  const auto taken = [&](const std::string& id) {
    const auto& attempts = incident.status.attempts;
    return std::any_of(attempts.begin(), attempts.end(),
                       [&](const v1::Attempt& a) { return a.id == id; }) ||
           std::any_of(records.begin(), records.end(),
                       [&](const v1::ActionRecord& r) { return r.attempt_id == id; });
  };
  const std::string head = Sha256Hex(incident.metadata.uid + "/" + incident.metadata.name);
  for (std::size_t n = incident.status.attempts.size() + 1;; ++n) {
    std::string id = head.substr(0, 16) + "-" + std::to_string(n);
    if (!taken(id)) return id;
  }
}

std::optional<WallTime> CooldownUntil(const std::vector<v1::ActionRecord>& records,
                                      const std::string& target, const std::string& incident,
                                      std::int64_t cooldown_seconds, WallTime now) {
  std::optional<WallTime> until;
  for (const v1::ActionRecord* record : OfTarget(records, target)) {
    if (record->incident == incident) continue;
    const WallTime end = EndOf(*record, now) + Seconds(cooldown_seconds);
    if (end > now && (!until || end > *until)) until = end;
  }
  return until;
}

BreakerView EvaluateBreaker(const std::vector<v1::ActionRecord>& records, const std::string& target,
                            const v1::Breaker& breaker, std::int64_t min_healthy_seconds,
                            std::optional<WallTime> ill_since, WallTime now) {
  BreakerView view;
  std::vector<const v1::ActionRecord*> mine = OfTarget(records, target);
  // One that is still running has no result to count.
  std::erase_if(mine, [](const v1::ActionRecord* record) {
    // What a schedule asked for and what came about is no fix: nothing was ill before it.
    const bool no_fix = IsScheduleStep(record->step) && !Failed(*record);
    return record->result.empty() || no_fix;
  });
  const Duration gap = Seconds(min_healthy_seconds);
  // When the target was ill again after a record: at the next one's reservation.
  std::optional<WallTime> ill_again = ill_since;
  bool counting_failures = true;
  bool counting_fixes = true;
  std::optional<WallTime> last_failure;
  std::optional<WallTime> last_fix;
  for (auto it = mine.rbegin(); it != mine.rend(); ++it) {
    const WallTime end = EndOf(**it, now);
    if (Failed(**it)) {
      counting_fixes = false;
      if (counting_failures) {
        ++view.consecutive_failures;
        if (!last_failure) last_failure = end;
      }
    } else {
      counting_failures = false;
      const bool relapsed = ill_again && *ill_again - end < gap;
      counting_fixes = counting_fixes && relapsed;
      if (counting_fixes) {
        ++view.ineffective_fixes;
        if (!last_fix) last_fix = end;
      }
    }
    ill_again = SpentAt((*it)->reserved_at, now);
  }
  const bool failing =
      breaker.consecutive_failures > 0 && view.consecutive_failures >= breaker.consecutive_failures;
  const bool useless =
      breaker.ineffective_fixes > 0 && view.ineffective_fixes >= breaker.ineffective_fixes;
  if (!failing && !useless) return view;
  view.reason = failing ? std::to_string(view.consecutive_failures) + " attempts in a row failed"
                        : std::to_string(view.ineffective_fixes) + " fixes in a row did not last " +
                              HumanDuration(std::chrono::seconds(min_healthy_seconds));
  view.open_until = *(failing ? last_failure : last_fix) + Seconds(breaker.open_seconds);
  view.state = *view.open_until > now ? BreakerView::State::kOpen : BreakerView::State::kHalfOpen;
  return view;
}

v1::BreakerStatus ToBreakerStatus(const std::string& target, const BreakerView& view) {
  const bool open = view.state == BreakerView::State::kOpen;
  return {target, view.consecutive_failures, view.ineffective_fixes,
          open && view.open_until ? FormatTime(*view.open_until) : ""};
}

}  // namespace salve::healing
