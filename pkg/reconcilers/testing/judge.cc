// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/testing/judge.h"

#include <algorithm>

#include "pkg/apis/coordination/v1/types.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/digest.h"
#include "pkg/healing/gates.h"
#include "pkg/healing/limits.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/scheduled_life.h"
#include "pkg/healing/verification.h"
#include "pkg/reconcilers/incident_run.h"

namespace salve::reconcilers::testing {
namespace {

using std::chrono::seconds;

// What changed less than that ago nobody needs to know yet: two periods of a probe and a margin.
constexpr seconds kNewsTravels{45};
// Stored times are cut to microseconds: what is at the very edge of a window may be in or out.
constexpr seconds kEdge{1};
const std::string kUndoTail = "-undo";

bool IsUndo(const std::string& id) {
  return id.size() > kUndoTail.size() &&
         id.compare(id.size() - kUndoTail.size(), kUndoTail.size(), kUndoTail) == 0;
}

int RankOf(const std::string& phase) {
  static const std::map<std::string, int> kRanks = {
      {healing::kAttemptIntended, 0},     {healing::kAttemptExecuted, 1},
      {healing::kAttemptVerifying, 2},    {healing::kAttemptDone, 3},
      {healing::kAttemptUndoIntended, 4}, {healing::kAttemptUndoExecuted, 5},
      {healing::kAttemptUndone, 6}};
  const auto it = kRanks.find(phase);
  return it == kRanks.end() ? -1 : it->second;
}

bool MayFollow(const std::string& before, const std::string& after) {
  // An undo that could not be run leaves the attempt as it was.
  if (before == healing::kAttemptUndoIntended && after == healing::kAttemptDone) return true;
  return RankOf(after) >= RankOf(before);
}

}  // namespace

void Judge::Complain(const Case& c, const std::string& what) {
  world_.Complain(c.request.attempt_id + ": " + what);
}

// --- at every Execute

void Judge::BeforeExecution(const ControllerSettings& settings,
                            const backends::ActionRequest& request) {
  Case c{request, settings, request.attempt_id, IsUndo(request.attempt_id), {}, {}, {}, false, {}};
  if (c.undo) c.id.resize(c.id.size() - kUndoTail.size());
  c.all = world_.All<v1::Incident>();
  for (const v1::Incident& incident : c.all) {
    const v1::Attempt* attempt = healing::FindAttempt(incident.status, c.id);
    if (attempt == nullptr) continue;
    c.incident = &incident;
    c.attempt = attempt;
  }
  if (c.incident == nullptr) return Complain(c, "no incident has a stored intent for it");
  const std::string& name = c.incident->spec.policy_ref.name;
  c.policy = world_.Find<v1::HealingPolicy>({kNs, name});
  const auto edited = edited_.find(name);
  const auto seen = policies_[name].records.find(c.id);
  c.edited_since = edited != edited_.end() &&
                   (seen == policies_[name].records.end() || edited->second >= seen->second.at);
  JudgeProtocol(c);
  JudgeOthers(c);
  JudgeLease(c);
  if (c.undo || !c.policy) return;
  JudgeBudgets(c);
  JudgeDigest(c);
  JudgeGates(c);
  JudgeStorm(c);
  JudgeDependencies(c);
  JudgeApproval(c);
}

void Judge::AfterExecution(const backends::ActionRequest& request) {
  if (world_.docker.Executions(request.attempt_id) == 0) return;  // it was refused
  Execution done;
  done.id = request.attempt_id;
  done.undo = IsUndo(done.id);
  done.target = request.target.name;
  done.at = world_.clock.Monotonic();
  const std::string id = done.undo ? done.id.substr(0, done.id.size() - kUndoTail.size()) : done.id;
  for (const v1::Incident& incident : world_.All<v1::Incident>()) {
    if (healing::FindAttempt(incident.status, id) == nullptr) continue;
    done.policy = incident.spec.policy_ref.name;
    done.incident_uid = incident.metadata.uid;
  }
  executions_.push_back(std::move(done));
}

// The promises of the execution protocol, as stored at the moment when something is about to be
// changed.
void Judge::JudgeProtocol(const Case& c) {
  if (c.attempt->phase != (c.undo ? healing::kAttemptUndoIntended : healing::kAttemptIntended)) {
    Complain(c, "its stored phase is " + c.attempt->phase);
  }
  if (healing::IsResolved(c.incident->status)) Complain(c, "its incident is over");
  if (world_.docker.Executions(c.request.attempt_id) > 0) Complain(c, "it was executed before");
  if (!c.settings.self_heal_enabled) Complain(c, "self-healing is switched off");
  if (!(c.request.target == c.incident->spec.target)) Complain(c, "it is for another target");
  if (c.undo) {
    if (world_.docker.Executions(c.id) == 0) Complain(c, "what it undoes was never done");
    const auto& verification = c.attempt->verification;
    if (!verification || verification->outcome == healing::kOutcomeSuccessful) {
      Complain(c, "what it undoes did not fail");
    }
    return;
  }
  if (c.policy) {
    const auto& records = c.policy->status.actions;
    const bool reserved =
        std::any_of(records.begin(), records.end(),
                    [&](const v1::ActionRecord& r) { return r.attempt_id == c.id; });
    if (!reserved) Complain(c, "no reservation is stored for it");
  }
  if (c.incident->status.gates.empty()) Complain(c, "no gate was evaluated");
  for (const v1::GateStatus& gate : c.incident->status.gates) {
    if (gate.result != "Pass") Complain(c, "gate " + gate.name + " did not pass");
  }
}

void Judge::JudgeOthers(const Case& c) {
  std::int64_t acting = 0;
  for (const v1::Incident& other : c.all) {
    if (other.metadata.uid == c.incident->metadata.uid) continue;
    const v1::Attempt* running = healing::RunningAttempt(other.status);
    // An intent that never got further than its second look changes nothing.
    if (running == nullptr || running->phase == healing::kAttemptIntended) continue;
    // Where somebody takes the leases away, nothing keeps two policies apart.
    if (other.spec.target == c.incident->spec.target && !world_.leases_dropped_) {
      Complain(c, "incident " + other.metadata.name + " is acting on the same target");
    }
    if (other.spec.policy_ref.name == c.incident->spec.policy_ref.name) ++acting;
  }
  if (!c.undo && c.policy && acting >= c.policy->spec.guardrails.max_concurrent) {
    Complain(c, "maxConcurrent other incidents of its policy are acting");
  }
}

void Judge::JudgeLease(const Case& c) {
  namespace coordination = apis::coordination::v1;
  if (world_.leases_dropped_) return;
  const auto lease = world_.Find<coordination::Lease>(
      LeaseName(c.settings.lease_namespace, c.incident->spec.target));
  const std::string ours = c.settings.lease_holder + "/" + c.incident->metadata.uid;
  if (!lease) return Complain(c, "nobody holds the lease of the target");
  if (lease->spec.holder_identity != ours) {
    Complain(c, "the lease of the target is held by " + lease->spec.holder_identity);
  }
}

void Judge::JudgeBudgets(const Case& c) {
  const v1::PolicyGuardrails& g = c.policy->spec.guardrails;
  const MonoTime now = world_.clock.Monotonic();
  std::int64_t spent = 0;
  for (const Execution& e : executions_) {
    if (e.undo || e.policy != c.policy->metadata.name) continue;
    if (now - e.at < seconds(g.max_actions.window_seconds) - kEdge) ++spent;
    if (!healing::IsScheduled(*c.incident) && e.target == c.request.target.name &&
        e.incident_uid != c.incident->metadata.uid &&
        now - e.at < seconds(g.cooldown_seconds) - kEdge) {
      Complain(c, "the target is in its cooldown");
    }
  }
  if (spent >= g.max_actions.count && !c.edited_since) {
    Complain(c, std::to_string(spent) + " actions of the policy are executed in this window");
  }
  for (const v1::HealingGuardrail& guardrail : world_.All<v1::HealingGuardrail>()) {
    if (!guardrail.spec.max_actions) continue;
    const auto within = std::count_if(executions_.begin(), executions_.end(), [&](const auto& e) {
      return !e.undo && now - e.at < seconds(guardrail.spec.max_actions->window_seconds) - kEdge;
    });
    if (within >= guardrail.spec.max_actions->count) {
      Complain(c, "the budget of guardrail " + guardrail.metadata.name + " is spent");
    }
  }
}

// What is about to run must be what was decided on, and on what is there now.
void Judge::JudgeDigest(const Case& c) {
  const v1::HealingPolicy policy = healing::IsScheduled(*c.incident)
                                       ? healing::ScheduledView(*c.policy, *c.incident)
                                       : *c.policy;
  const std::vector<v1::Step> ladder = healing::EffectiveLadder(policy.spec);
  const v1::Step* step = healing::FindStep(ladder, c.attempt->step);
  if (step == nullptr || !step->action) {
    if (!c.edited_since) Complain(c, "the policy has no step " + c.attempt->step);
    return;
  }
  const auto plan = world_.docker.Plan(c.request.action, c.request.target, {});
  const auto seen = world_.docker.Observe(c.request.target, {});
  if (!plan.ok() || !seen.ok() || c.edited_since) return;
  const std::string digest =
      healing::ProposalDigest(*plan, *seen, c.policy->metadata, *step, c.incident->metadata.uid,
                              healing::ProposalOrdinal(c.incident->status));
  if (digest != c.attempt->digest) Complain(c, "it is not what was proposed, or not on that state");
}

void Judge::JudgeGates(const Case& c) {
  const std::string& target = c.request.target.name;
  if (healing::IsScheduled(*c.incident)) {
    JudgeSchedule(c);
  } else if (!world_.TrulyIll(target) && world_.InThatStateFor(target) > kNewsTravels) {
    Complain(c, "the target has been well for a while");
  }
  if (c.edited_since) return;
  std::vector<v1::HealingGuardrail> guardrails = world_.All<v1::HealingGuardrail>();
  std::vector<const v1::HealingGuardrail*> pointers;
  for (const v1::HealingGuardrail& g : guardrails) pointers.push_back(&g);
  const auto limits = healing::MergeLimits(*c.policy, pointers, {});
  if (healing::ModeRank(limits.mode) < healing::ModeRank(v1::kModeApprove)) {
    Complain(c, "mode " + limits.mode + " never acts");
  }
  const WallTime now = world_.clock.Now();
  if (healing::EvaluatePauses(c.policy->spec, limits, now).paused) Complain(c, "it is paused");
  const healing::WindowView window =
      healing::EvaluateWindows(limits.windows, SystemTimeZones(), now);
  if (!window.allowed && !window.break_glass) Complain(c, "the window is closed");
}

// A tick acts once, on what is not as it wants it, and stores what there is before it takes it
// away.
void Judge::JudgeSchedule(const Case& c) {
  const auto seen = world_.docker.Observe(c.request.target, {});
  const bool ends = healing::EndsService(c.request.action);
  if (seen.ok() && healing::AtZero(*seen) == ends) Complain(c, "the target is as it is wanted");
  for (const Execution& e : executions_) {
    if (e.incident_uid == c.incident->metadata.uid) Complain(c, "its tick has acted before");
  }
  const v1::ScheduledTarget* s = healing::FindScheduled(c.policy->status, c.request.target.name);
  if (s == nullptr || s->incident != c.incident->metadata.name) {
    return Complain(c, "the policy's status does not name it");
  }
  if (!s->count || *s->count != 1 || s->asleep_by.empty()) {
    Complain(c, "what there was before is not stored");
  }
}

// What a schedule has to go back to is not lost while nothing has gone back.
void Judge::JudgeMemory(const v1::HealingPolicy& policy) {
  for (const v1::ScheduledTarget& s : policy.status.scheduled) {
    const auto key = std::pair(policy.metadata.name, s.target);
    const auto seen = world_.docker.Observe({"docker", "Container", s.target}, {});
    if (s.count) {
      counts_[key] = *s.count;
    } else if (counts_.erase(key) > 0 && seen.ok() && healing::AtZero(*seen) &&
               s.state != v1::kTickFailed) {  // it was woken, and did not stay so
      world_.Complain("policy " + policy.metadata.name + ": what " + s.target +
                      " had before it was put to sleep is lost");
    }
  }
}

void Judge::JudgeStorm(const Case& c) {
  if (healing::IsScheduled(*c.incident)) return;
  const auto targets = world_.docker.Resolve(c.policy->spec.target, c.policy->metadata.ns);
  if (!targets.ok()) return;
  std::int64_t ill = 0;
  for (const v1::TargetRef& t : *targets) {
    if (world_.TrulyIll(t.name) && world_.InThatStateFor(t.name) > kNewsTravels) ++ill;
  }
  const auto total = static_cast<std::int64_t>(targets->size());
  if (healing::EvaluateStorm(c.policy->spec.guardrails, total, ill).active) {
    Complain(c, "a storm: " + std::to_string(ill) + " of " + std::to_string(total) + " are ill");
  }
}

std::string Judge::TargetOf(const v1::HealingPolicy& policy) const {
  return policy.spec.target.docker ? policy.spec.target.docker->container : "";
}

void Judge::JudgeDependencies(const Case& c) {
  if (healing::IsScheduled(*c.incident) && healing::EndsService(c.request.action)) return;
  for (const v1::PolicyDependency& d : c.policy->spec.depends_on) {
    const auto other = world_.Find<v1::HealingPolicy>({kNs, d.policy});
    if (!other) {
      Complain(c, "it depends on a policy that is not there");
      continue;
    }
    const std::string target = TargetOf(*other);
    if (world_.TrulyIll(target) && world_.InThatStateFor(target) > kNewsTravels) {
      Complain(c, "what it depends on is ill");
    }
  }
}

void Judge::JudgeApproval(const Case& c) {
  const backends::fake::FakeContainer now = world_.docker.Get(c.request.target.name);
  std::set<std::string> approvers;
  for (const auto& [name, d] : decisions_) {
    const bool same_thing = d.incident_uid == c.incident->metadata.uid &&
                            d.policy_uid == c.policy->metadata.uid &&
                            (c.edited_since || d.generation == c.policy->metadata.generation) &&
                            d.identity == now.Identity() && d.configuration == now.configuration;
    if (d.decision == "Reject" && d.digest == c.attempt->digest) {
      Complain(c, d.approver + " has rejected it");
    }
    if (d.decision == "Approve" && same_thing && d.approver != c.settings.identity) {
      approvers.insert(d.approver);
    }
  }
  const bool asks = c.policy->spec.mode == v1::kModeApprove;
  const auto have = static_cast<std::int64_t>(approvers.size());
  if (asks && !c.edited_since && have < c.policy->spec.approval.min_approvals) {
    Complain(c, "approved by " + std::to_string(have) + " for this state of things, " +
                    std::to_string(c.policy->spec.approval.min_approvals) + " are needed");
  }
}

void Judge::Decided(const v1::IncidentApproval& approval, const v1::Incident& incident) {
  Subject d;
  d.approver = approval.spec.approver;
  d.decision = approval.spec.decision;
  d.digest = approval.spec.proposal_digest;
  d.incident_uid = incident.metadata.uid;
  const auto shown = proposals_.find(d.digest);
  if (shown != proposals_.end()) {
    d.policy_uid = shown->second.policy_uid;
    d.generation = shown->second.generation;
    d.identity = shown->second.identity;
    d.configuration = shown->second.configuration;
  }
  decisions_[approval.metadata.name] = std::move(d);
}

// What there was when a proposal was first stored: what people see who decide on it.
void Judge::NoteProposal(const v1::Incident& incident) {
  if (!incident.status.proposal || proposals_.count(incident.status.proposal->digest) > 0) return;
  Subject& shown = proposals_[incident.status.proposal->digest];
  if (const auto policy = world_.Find<v1::HealingPolicy>({kNs, incident.spec.policy_ref.name})) {
    shown.policy_uid = policy->metadata.uid;
    shown.generation = policy->metadata.generation;
  }
  const auto seen = world_.docker.Observe(incident.spec.target, {});
  if (!seen.ok()) return;
  shown.identity = seen->identity;
  shown.configuration = seen->configuration;
}

// --- after every write

void Judge::AfterWrite(const client::testing::Call& call) {
  // Refused, or without effect: nothing new to see.
  const std::int64_t version = world_.server.version();
  if (version == judged_version_) return;
  judged_version_ = version;
  if (call.verb == "delete") JudgeDeletion(call);
  if (call.resource.plural == v1::Incident::kInfo.plural) {
    const auto incident = world_.Find<v1::Incident>(call.name);
    if (!incident) {
      incidents_.erase(call.name.name);
      return;
    }
    JudgeIncident(*incident, incidents_[call.name.name]);
  } else if (call.resource.plural == v1::HealingPolicy::kInfo.plural) {
    const auto policy = world_.Find<v1::HealingPolicy>(call.name);
    if (policy) JudgePolicy(*policy, policies_[call.name.name]);
  }
}

void Judge::JudgeDeletion(const client::testing::Call& call) {
  const std::vector<client::testing::CallRecord> calls = world_.server.Calls();
  if (calls.empty() || calls.back().verb != "delete" || !calls.back().changed) return;
  if (!calls.back().uid_precondition) {
    world_.Complain("deleted " + call.resource.plural + " " + call.name.name +
                    " without a precondition on its uid");
  }
}

// What was stored once is not lost again, and only goes forward.
void Judge::JudgeIncident(const v1::Incident& incident, SeenIncident& seen) {
  const v1::IncidentStatus& status = incident.status;
  NoteProposal(incident);
  const auto complain = [&](const std::string& what) {
    world_.Complain("incident " + incident.metadata.name + ": " + what);
  };
  if (seen.uid != incident.metadata.uid) {
    seen = {incident.metadata.uid, {}, "", 0, world_.clock.Monotonic()};
  }
  for (std::size_t i = 0; i < seen.attempts.size(); ++i) {
    if (i >= status.attempts.size() || status.attempts[i].id != seen.attempts[i].first) {
      complain("attempt " + seen.attempts[i].first + " is lost");
      break;
    }
    if (!MayFollow(seen.attempts[i].second, status.attempts[i].phase)) {
      complain("attempt " + status.attempts[i].id + " goes back from " + seen.attempts[i].second +
               " to " + status.attempts[i].phase);
    }
  }
  seen.attempts.clear();
  for (const v1::Attempt& attempt : status.attempts) {
    seen.attempts.emplace_back(attempt.id, attempt.phase);
    const bool denied = attempt.phase == healing::kAttemptDone && attempt.result &&
                        attempt.result->outcome == "NotApplied";
    if (denied && world_.docker.Executions(attempt.id) > 0) {
      complain("attempt " + attempt.id + " was executed and is said not to have been");
    }
  }
  JudgeClaims(incident);
  const std::int64_t sequence = status.timeline.empty() ? 0 : status.timeline.back().sequence;
  if (sequence < seen.sequence) complain("its timeline lost entries");
  seen.sequence = sequence;
  if (!seen.outcome.empty() && status.outcome != seen.outcome) {
    complain("its outcome turned from " + seen.outcome + " to " + status.outcome);
  }
  if (seen.outcome.empty() && !status.outcome.empty()) {
    JudgeClosing(incident, world_.clock.Monotonic() - seen.first);
  }
  seen.outcome = status.outcome;
}

// What is said to be applied was. Where others restart the target, nobody can tell.
void Judge::JudgeClaims(const v1::Incident& incident) {
  const bool others =
      world_.processes_.size() > 1 || world_.server.Objects(v1::HealingPolicy::kInfo).size() > 1 ||
      std::any_of(world_.accidents.begin(), world_.accidents.end(), [](auto& a) {
        return a.what == Accident::What::kHandRestart || a.what == Accident::What::kRecreate;
      });
  if (others) return;
  for (const v1::Attempt& attempt : incident.status.attempts) {
    const bool claimed = attempt.result && attempt.result->outcome == "Applied";
    if (claimed && world_.docker.Executions(attempt.id) == 0) {
      world_.Complain("incident " + incident.metadata.name + ": attempt " + attempt.id +
                      " is said to be applied and never was");
    }
  }
}

void Judge::JudgeClosing(const v1::Incident& incident, Duration age) {
  if (healing::IsScheduled(incident)) return;
  const std::string& outcome = incident.status.outcome;
  const std::string& target = incident.spec.target.name;
  const bool healed = outcome == healing::kAutoHealed || outcome == healing::kHealedAfterApproval;
  const bool claims_health =
      healed || outcome == healing::kSelfResolved || outcome == healing::kRolledBack;
  if (!claims_health || !world_.Find<v1::HealingPolicy>({kNs, incident.spec.policy_ref.name})) {
    return;
  }
  // A verification measures freshly; the rest goes by what the probes found last. One that was
  // ill all the time was never seen to be well.
  const Duration tolerated = std::min(age, healed ? Duration(seconds(3)) : Duration(kNewsTravels));
  if (world_.TrulyIll(target) && world_.InThatStateFor(target) > tolerated) {
    world_.Complain("incident " + incident.metadata.name + ": closed as " + outcome +
                    " while the target is ill");
  }
}

void Judge::JudgePolicy(const v1::HealingPolicy& policy, SeenPolicy& seen) {
  const auto complain = [&](const std::string& what) {
    world_.Complain("policy " + policy.metadata.name + ": " + what);
  };
  if (seen.uid != policy.metadata.uid) seen = {policy.metadata.uid, {}};
  JudgeMemory(policy);
  const MonoTime now = world_.clock.Monotonic();
  const v1::ActionBudget& budget = policy.spec.guardrails.max_actions;
  std::map<std::string, SeenRecord> next;
  for (const v1::ActionRecord& record : policy.status.actions) {
    const auto old = seen.records.find(record.attempt_id);
    next[record.attempt_id] = {record.result, old == seen.records.end() ? now : old->second.at};
    if (old != seen.records.end() && !old->second.result.empty() &&
        old->second.result != record.result) {
      complain("record " + record.attempt_id + " turned from " + old->second.result + " to " +
               record.result);
    }
  }
  for (const auto& [id, record] : seen.records) {
    if (next.count(id) == 0 && now - record.at < seconds(budget.window_seconds) - kEdge) {
      complain("reservation " + id + " is lost");
    }
  }
  const auto fresh = std::count_if(next.begin(), next.end(), [&](const auto& r) {
    return now - r.second.at < seconds(budget.window_seconds) - kEdge;
  });
  if (next.size() > seen.records.size() && fresh > budget.count) {
    complain(std::to_string(fresh) + " reservations within one window of " +
             std::to_string(budget.count));
  }
  seen.records = std::move(next);
}

// --- at the end

void Judge::AtEnd() {
  std::map<std::string, int> executed;
  std::map<std::string, std::string> owners;
  for (const Execution& e : executions_) {
    owners[e.id] = e.incident_uid;
    const int times = ++executed[e.id];
    if (times > 1) world_.Complain(e.id + " was executed " + std::to_string(times) + " times");
  }
  for (const v1::HealingPolicy& policy : world_.All<v1::HealingPolicy>()) {
    for (const v1::ActionRecord& record : policy.status.actions) {
      const bool ran = executed.count(record.attempt_id) > 0;
      if (ran && record.result == "NotExecuted") {
        world_.Complain(record.attempt_id + " ran, and its record says NotExecuted");
      }
      const auto incident = world_.Find<v1::Incident>({kNs, record.incident});
      if (!incident || !healing::IsResolved(incident->status)) continue;
      if (record.result.empty()) world_.Complain("record " + record.attempt_id + " still runs");
      // Another one of the same name knows nothing of it.
      if (ran && owners[record.attempt_id] == incident->metadata.uid &&
          healing::FindAttempt(incident->status, record.attempt_id) == nullptr) {
        world_.Complain(record.attempt_id + " ran without an attempt");
      }
    }
  }
  std::map<std::string, int> open;
  for (const v1::Incident& incident : world_.All<v1::Incident>()) {
    if (healing::IsResolved(incident.status)) continue;
    const std::string key = incident.spec.policy_ref.name + "/" + incident.spec.target.name +
                            (healing::IsScheduled(incident) ? " (schedule)" : "");
    if (++open[key] == 2) world_.Complain(key + " has more than one open incident");
  }
}

}  // namespace salve::reconcilers::testing
