// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/scheduled_life.h"

#include <algorithm>

#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/risk.h"
#include "pkg/healing/signals.h"

namespace salve::healing {
namespace {

using Kind = TickStanding::Kind;

// Draining and starting many tasks takes longer than it takes to see whether a fix helped.
constexpr std::int64_t kVerificationSeconds = 900;
// A call that was certainly refused may be repeated once: at six in the evening nobody looks.
constexpr std::int64_t kMaxCalls = 2;
// A view of a policy that has not seen the tick for so long never will.
constexpr std::chrono::minutes kViewLag{5};

const v1::Schedule* ScheduleOf(const v1::HealingPolicy& policy, const v1::Incident& incident) {
  return FindSchedule(policy.spec, incident.spec.trigger.name);
}

const v1::ScheduledTarget* EntryOf(const v1::HealingPolicy& policy, const v1::Incident& incident) {
  return FindScheduled(policy.status, incident.spec.target.name);
}

// The schedule's word in the backend's.
Action ActionOf(const v1::Target& target, const std::string& action, std::int64_t count) {
  const std::int64_t wanted = action == v1::kScheduleScaleToZero ? 0 : count;
  Action out;
  if (target.kubernetes) {
    out.scale.emplace().replicas = wanted;
  } else if (target.ecs) {
    out.set_desired_count.emplace().count = wanted;
  } else if (wanted == 0) {
    out.stop.emplace();
  } else {
    out.start.emplace();
  }
  return out;
}

// An attempt that was not given up before it ran.
bool Begun(const v1::IncidentStatus& status) {
  return std::any_of(status.attempts.begin(), status.attempts.end(), [](const v1::Attempt& a) {
    return a.phase != kAttemptDone || !a.executed_at.empty();
  });
}

bool WantsZero(const v1::Schedule& schedule) { return schedule.action == v1::kScheduleScaleToZero; }

// What was asked for has also come about.
bool CameAbout(bool zero, const TargetObservation& seen) {
  if (seen.replicas) {
    return zero ? seen.replicas->available == 0
                : seen.replicas->available >= seen.replicas->desired;
  }
  if (zero) return !seen.running;
  return seen.running && seen.state == HealthState::kHealthy;
}

std::string Now(const TargetObservation& seen) {
  if (seen.replicas) {
    return std::to_string(seen.replicas->available) + " of " +
           std::to_string(seen.replicas->desired) + " available";
  }
  if (!seen.message.empty()) return seen.message;
  return seen.running ? "it runs" : "it does not run";
}

std::string Describe(bool zero, const TargetObservation& seen) {
  return Now(seen) + "; its schedule wants " + (zero ? "nothing to run" : "what there was before");
}

TickStanding Over(std::string reason, std::string message) {
  return {Kind::kOver, {std::move(reason), std::move(message)}};
}

// The policy may be an old view, or nobody's tick: time tells.
TickStanding Unseen(const v1::Incident& incident, WallTime now) {
  const auto created = ParseTime(incident.metadata.creation_timestamp);
  const bool old = created && now - *created > kViewLag;
  if (!old) return {Kind::kUnseen, {}};
  return Over("NoSuchTick", "the policy knows of no such time of schedule " +
                                incident.spec.trigger.name + " for this target");
}

// One for each tick, so that no two have an incident in common, nor with an illness.
std::string ScheduledFingerprint(const v1::HealingPolicy& policy, const TargetRef& target,
                                 const std::string& schedule, WallTime tick) {
  const std::string base =
      Fingerprint(policy.metadata.uid, {policy.metadata.ns, policy.metadata.name}, target);
  return Sha256Hex(base + '\0' + schedule + '\0' + FormatTime(tick));
}

}  // namespace

bool IsScheduled(const v1::Incident& incident) {
  return incident.spec.trigger.source == kSourceSchedule;
}

bool IsScheduleStep(const std::string& step) { return step.starts_with(kScheduleStepPrefix); }

bool EndsService(const Action& action) {
  return action.stop || (action.scale && action.scale->replicas == 0) ||
         (action.set_desired_count && action.set_desired_count->count == 0);
}

std::string ScheduledIncidentName(const v1::HealingPolicy& policy, const TargetRef& target,
                                  const std::string& schedule, WallTime tick) {
  return IncidentName(policy.metadata.name, target,
                      ScheduledFingerprint(policy, target, schedule, tick), 1);
}

v1::Incident MakeScheduledIncident(const v1::HealingPolicy& policy, const TargetRef& target,
                                   const v1::ScheduledTarget& scheduled) {
  Signal signal;
  signal.source = kSourceSchedule;
  signal.target = target;
  signal.kind = scheduled.schedule;
  signal.severity = kSeverityInfo;
  signal.at = ParseTime(scheduled.tick).value_or(WallTime{});
  signal.message = "schedule " + scheduled.schedule + " (" + scheduled.action + ") came due at " +
                   scheduled.tick;
  return MakeIncident(policy, signal,
                      ScheduledFingerprint(policy, target, scheduled.schedule, signal.at), 1);
}

v1::HealingPolicy ScheduledView(const v1::HealingPolicy& policy, const v1::Incident& incident) {
  v1::HealingPolicy view = policy;
  v1::HealingPolicySpec& spec = view.spec;
  spec.probes.clear();
  spec.triggers.clear();
  spec.diagnosis.rules.clear();
  spec.ladder.clear();
  spec.verification.timeout_seconds =
      std::max(spec.verification.timeout_seconds, kVerificationSeconds);
  std::vector<v1::Step> people;  // whom the policy calls is called here, too
  if (!policy.spec.ladder.empty() && policy.spec.ladder.back().escalate) {
    people.push_back(policy.spec.ladder.back());
  }
  const v1::Schedule* schedule = ScheduleOf(policy, incident);
  v1::Step step;
  step.name = kScheduleStepPrefix + incident.spec.trigger.name;
  step.on_verification_failed = "Escalate";
  step.max_attempts = kMaxCalls;
  if (schedule != nullptr) {
    const v1::ScheduledTarget* entry = EntryOf(policy, incident);
    const std::int64_t count = entry != nullptr ? entry->count.value_or(1) : 1;
    step.action = ActionOf(spec.target, schedule->action, std::max<std::int64_t>(1, count));
    step.expected = WantsZero(*schedule) ? "nothing of it runs" : "as many run as before";
  } else {
    step.escalate.emplace();  // never an empty ladder: that would let the built-in steps in
  }
  spec.ladder.push_back(std::move(step));
  for (v1::Step& one : people) spec.ladder.push_back(std::move(one));
  return view;
}

TickStanding StandingOf(const v1::HealingPolicy& policy, const v1::Incident& incident,
                        WallTime now) {
  const std::string& name = incident.spec.trigger.name;
  const v1::Schedule* schedule = ScheduleOf(policy, incident);
  const auto tick = ParseTime(incident.spec.trigger.at);
  if (!tick) return Over("NoSuchTick", "the incident names no time of schedule " + name);
  if (schedule == nullptr) {
    if (policy.metadata.generation < incident.spec.policy_ref.generation) {
      return Unseen(incident, now);
    }
    return Over("ScheduleRemoved", "the policy no longer has schedule " + name);
  }
  const v1::IncidentStatus& status = incident.status;
  const Duration deadline = std::chrono::seconds(schedule->starting_deadline_seconds);
  if (!Begun(status) && status.phase != kPhaseEscalated && now - *tick > deadline) {
    return Over("DeadlineMissed",
                "it could not begin within " + HumanDuration(deadline) + ": " + status.summary);
  }
  const v1::ScheduledTarget* entry = EntryOf(policy, incident);
  const auto newest = entry != nullptr ? ParseTime(entry->tick) : std::nullopt;
  if (!newest || *newest < *tick) return Unseen(incident, now);
  if (*newest > *tick) {
    return Over("Overtaken", "schedule " + entry->schedule + " (" + entry->action +
                                 ") came due at " + entry->tick);
  }
  if (entry->incident != incident.metadata.name || entry->action != schedule->action) {
    return Over("NoSuchTick", "what schedule " + name + " says now is carried out by incident \"" +
                                  entry->incident + "\"");
  }
  return {};
}

TargetHealth ScheduledHealth(const v1::HealingPolicy& policy, const v1::Incident& incident,
                             const std::optional<TargetObservation>& seen, WallTime now) {
  TargetHealth out;
  out.since = ParseTime(incident.spec.trigger.at).value_or(now);
  const v1::Schedule* schedule = ScheduleOf(policy, incident);
  if (!seen || schedule == nullptr) {
    out.message = "how the target is cannot be seen";
    return out;
  }
  if (seen->state == HealthState::kMissing) {
    out.state = HealthState::kMissing;
    out.message = seen->message;
    return out;
  }
  const bool zero = WantsZero(*schedule);
  const bool done = AtZero(*seen) == zero;
  const bool well = done && (!HasActed(incident.status) || CameAbout(zero, *seen));
  out.state = well ? HealthState::kHealthy : HealthState::kUnhealthy;
  out.health = well ? 100 : 0;
  out.message = SanitizeLine(Describe(zero, *seen));
  return out;
}

FreshCheck ScheduledFresh(const v1::HealingPolicy& policy, const v1::Incident& incident,
                          const std::optional<TargetObservation>& seen, WallTime now) {
  FreshCheck check;
  check.at = now;
  check.message = "how the target is cannot be seen";
  const v1::Schedule* schedule = ScheduleOf(policy, incident);
  if (!seen || schedule == nullptr) return check;
  const bool zero = WantsZero(*schedule);
  check.state = HealthState::kUnhealthy;
  check.verdict = Verdict::kBad;
  check.message = SanitizeLine(Describe(zero, *seen));
  if (seen->state == HealthState::kMissing) return check;
  // What was asked for is not shown yet, or takes its time.
  const bool rolling =
      seen->state == HealthState::kUnknown && HasCondition(*seen, kConditionRolloutInProgress);
  if (AtZero(*seen) != zero) {
    if (rolling) check.verdict = Verdict::kBetween;
  } else if (CameAbout(zero, *seen)) {
    check.verdict = Verdict::kGood;
    check.message = SanitizeLine("as its schedule wants it, " + Now(*seen));
    check.state = HealthState::kHealthy;
    check.health = 100;
  } else if (zero || seen->state != HealthState::kUnhealthy) {
    check.verdict = Verdict::kBetween;
  }
  if (check.verdict == Verdict::kBetween) check.state = HealthState::kUnknown;
  return check;
}

v1::DiagnosisStatus ScheduledDiagnosis(const v1::HealingPolicy& policy,
                                       const v1::Incident& incident, const TargetHealth& health,
                                       WallTime now) {
  v1::DiagnosisStatus out;
  out.rule = kScheduleRule;
  out.cause = kScheduleCause;
  out.object = incident.spec.target.name;
  out.confidence = 1.0;
  out.step = kScheduleStepPrefix + incident.spec.trigger.name;
  out.evidence = {health.message};
  out.message =
      incident.spec.target.name + ": " + incident.spec.trigger.message + "; " + health.message;
  const v1::ScheduledTarget* entry = EntryOf(policy, incident);
  if (entry != nullptr && entry->action == v1::kScheduleRestore && entry->count) {
    out.message += " (" + std::to_string(*entry->count) + ")";
  }
  out.at = FormatMicroTime(now);
  return out;
}

v1::Risk ScheduledRisk(const ActionPlan& plan, const v1::HealingPolicySpec& spec) {
  v1::Risk risk;
  const bool ends = EndsService(plan.action);
  const bool comes_back =
      std::any_of(spec.schedules.begin(), spec.schedules.end(),
                  [](const v1::Schedule& one) { return one.action == v1::kScheduleRestore; });
  if (!ends) {
    risk.level = v1::kRiskLow;
    risk.factors.emplace_back("its owner wrote down when it is to come back");
  } else if (comes_back) {
    risk.level = v1::kRiskMedium;
    risk.factors.emplace_back("its owner wrote down when it is to end, and when it comes back");
  } else {
    risk.level = v1::kRiskHigh;
    risk.factors.emplace_back(
        "its owner wrote down when it is to end; no schedule of the policy brings it back");
  }
  for (const std::string& factor : plan.risk_factors) risk.factors.push_back(factor);
  if (!plan.reversible) risk.factors.emplace_back("it cannot be undone");
  return risk;
}

Status RememberBefore(v1::HealingPolicy& current, const v1::Incident& incident,
                      const TargetObservation& seen, WallTime now) {
  const TickStanding standing = StandingOf(current, incident, now);
  if (standing.kind != Kind::kCurrent) {
    return ConflictError("the tick of incident " + incident.metadata.name +
                         " is not the current one: " + standing.why.message);
  }
  for (v1::ScheduledTarget& s : current.status.scheduled) {
    if (s.target != incident.spec.target.name || s.action != v1::kScheduleScaleToZero) continue;
    // What is at zero already has nothing to say about what there was.
    const std::int64_t count = CountOf(seen);
    if (count < 1) continue;
    s.count = count;
    s.asleep_by = s.schedule;
    s.asleep_since = FormatTime(now);
  }
  return Status::Ok();
}

}  // namespace salve::healing
