// SPDX-License-Identifier: Apache-2.0
// Walks the state machine at random with a shell that dies, a target that changes its mind and
// people who approve, reject and cancel, and checks what must hold whatever happens.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "pkg/base/random.h"
#include "pkg/healing/budget.h"
#include "pkg/healing/digest.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using testing::At;

// Thrown away with the process: what a crash loses.
struct Crash {};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    now_ = At("2026-12-01T00:00:00Z");
    incident_ = testing::MakeTestIncident();
    incident_.spec.trigger.at = FormatMicroTime(now_);
    policy_ = testing::MakePolicy();
    policy_.spec.mode = Pick<std::string>({"Auto", "Auto", "Auto", "Approve", "DryRun", "Observe"});
    policy_.spec.guardrails.max_auto_risk = Pick<std::string>({"Medium", "High"});
    policy_.spec.guardrails.max_actions.count = Below(4);
    policy_.spec.verification.initial_delay_seconds = Below(3);
    policy_.spec.verification.min_healthy_seconds = Below(2) * 10;
    policy_.spec.approval.on_expiry = Pick<std::string>({"Escalate", "Close"});
    policy_.spec.approval.expires_after_seconds = Pick<std::int64_t>({60, 900});
    if (Chance(20)) policy_.spec.ladder.clear();
    for (v1::Step& step : policy_.spec.ladder) {
      step.max_attempts = 1 + Below(3);
      step.on_verification_failed = Pick<std::string>({"Next", "RollbackThenNext", "Escalate"});
    }
    healed_by_ = Pick<std::string>({"flush", "restart", "nothing", "nothing", "time"});
    health_ = Below(60);
  }

  // Runs one reconcile; true when the incident is over.
  bool Reconcile() {
    try {
      Loop();
    } catch (const Crash&) {
      ++crashes_;
    }
    stored_is_current_ = false;
    return IsResolved(stored_);
  }

  void Check() const {
    for (const auto& [id, count] : executions_) {
      EXPECT_LE(count, 1) << "attempt " << id << " was executed more than once";
      EXPECT_TRUE(licensed_.count(id) || id.ends_with("-undo")) << id << " had no licence";
    }
    EXPECT_EQ(over_budget_, 0);
  }
  // What happens between two reconciles.
  void Live() {
    now_ += std::chrono::seconds(1 + Below(20));
    if (Chance(3)) now_ -= std::chrono::seconds(Below(400));
    if (healed_by_ == "time" && Chance(5)) health_ = 100;
    if (Chance(1)) health_ = 100;
    if (Chance(2)) health_ = Below(60);
    if (Chance(1)) incident_.spec.cancel = true;
    if (Chance(1)) policy_gone_ = true;
    if (Chance(1)) identity_ += "x";
    enabled_ = enabled_ ? !Chance(1) : Chance(50);
    if (!stored_.proposal || stored_.proposal->required_approvals == 0) return;
    if (Chance(10)) Approve("alice", Chance(90) ? "Approve" : "Reject");
    if (Chance(10)) Approve("bob", "Approve");
  }
  void StopPeople() { people_left_ = true; }

  const v1::IncidentStatus& status() const { return stored_; }
  WallTime next() const { return next_; }
  WallTime now() const { return now_; }
  int crashes() const { return crashes_; }
  bool waits_with_a_reason() const { return waiting_; }
  void MakeHealthy() {
    health_ = 100;
    healed_by_ = "time";
    measurable_ = true;
    enabled_ = true;
  }

 private:
  std::int64_t Below(std::uint64_t n) { return static_cast<std::int64_t>(random_.Next() % n); }
  bool Chance(std::uint64_t percent) { return !people_left_ && random_.Next() % 100 < percent; }
  template <class T>
  T Pick(std::vector<T> from) {
    return from[random_.Next() % from.size()];
  }
  void MayCrash() {
    if (Chance(4)) throw Crash{};
  }
  void Persist() {
    MayCrash();
    stored_ = incident_.status;
    stored_is_current_ = true;
    MayCrash();
  }
  void Approve(const std::string& who, const std::string& decision) {
    v1::IncidentApproval approval;
    approval.metadata.creation_timestamp = FormatTime(now_);
    approval.spec.incident_name = incident_.metadata.name;
    approval.spec.incident_uid = incident_.metadata.uid;
    approval.spec.policy_name = policy_.metadata.name;
    approval.spec.proposal_digest = stored_.proposal->digest;
    approval.spec.decision = decision;
    approval.spec.approver = who;
    approvals_.push_back(approval);
  }

  TargetObservation Observe() const {
    TargetObservation observation = testing::RunningTarget();
    observation.identity = identity_;
    observation.at = now_;
    return observation;
  }
  TargetHealth Health() const {
    if (!measurable_) return testing::HealthOf(HealthState::kUnknown, 0);
    TargetHealth health = testing::HealthOf(
        health_ > 80 ? HealthState::kHealthy : HealthState::kUnhealthy, static_cast<int>(health_));
    IndicatorState indicator;
    indicator.name = "memory";
    indicator.state = health.state;
    indicator.measured = true;
    if (health_ <= 80 && healed_by_ == "flush") {
      indicator.error_lines = {"OOM command not allowed when used memory > 'maxmemory'."};
    }
    health.indicators = {indicator};
    return health;
  }
  Evidence Gather() const {
    Evidence evidence;
    evidence.target = incident_.spec.target;
    evidence.observation = Observe();
    evidence.health = Health();
    evidence.systems = {"docker", "redis"};
    evidence.at = now_;
    return evidence;
  }
  FreshCheck Measure() {
    FreshCheck check;
    const bool blind = !measurable_ || Chance(5);
    check.verdict = blind          ? Verdict::kUnmeasured
                    : health_ > 80 ? Verdict::kGood
                    : Chance(3)    ? Verdict::kBetween
                                   : Verdict::kBad;
    check.state = blind ? HealthState::kUnknown
                        : (health_ > 80 ? HealthState::kHealthy : HealthState::kUnhealthy);
    check.health = static_cast<int>(health_);
    check.at = now_;
    return check;
  }
  const v1::Step* StepNamed(const std::string& name) {
    ladder_ = EffectiveLadder(policy_.spec);
    return FindStep(ladder_, name);
  }
  ActionPlan Plan(const v1::Step& step) const {
    ActionPlan plan = testing::PlanOf(*step.action);
    if (step.name == "restart") {
      plan.undo = testing::Restart();
      plan.reversible = true;
      plan.undo_command = "docker restart redis-test";
    }
    return plan;
  }
  std::string Digest(const v1::Step& step) const {
    return ProposalDigest(Plan(step), Observe(), policy_.metadata, step, incident_.metadata.uid,
                          ProposalOrdinal(incident_.status));
  }

  ActionResult Run(const std::string& key, const std::string& step) {
    ActionResult result;
    if (Chance(10)) {
      result.outcome = ActionResult::Outcome::kNotApplied;
      return result;
    }
    ++executions_[key];
    if (step == healed_by_) health_ = 100;
    if (step == "restart") identity_ += "r";
    if (Chance(10)) health_ = 0;
    MayCrash();
    result.outcome = Chance(10) ? ActionResult::Outcome::kUnknown : ActionResult::Outcome::kApplied;
    return result;
  }
  ActionResult Ask(const std::string& key) {
    ActionResult result;
    result.outcome = Chance(20)              ? ActionResult::Outcome::kUnknown
                     : executions_[key] == 0 ? ActionResult::Outcome::kNotApplied
                                             : ActionResult::Outcome::kApplied;
    return result;
  }

  void CountBudget() {
    const auto& budget = policy_.spec.guardrails.max_actions;
    std::int64_t spent = 0;
    for (const v1::ActionRecord& record : records_) {
      if (record.result != "NotExecuted") ++spent;
    }
    // The walk is shorter than the window: nothing ever becomes free again.
    if (spent > budget.count) ++over_budget_;
  }

  void Execute(IncidentView& view) {
    const v1::Step step = *StepNamed(incident_.status.proposal->step);
    const std::string id = NextAttemptId(incident_, records_);
    const Status reserved =
        Reserve(records_, {id, incident_.metadata.name, "redis-test", step.name, "x"},
                policy_.spec.guardrails.max_actions, KeepSeconds(policy_.spec), now_);
    if (!reserved.ok()) return Forget(view);
    CountBudget();
    MayCrash();
    const ActionPlan plan = Plan(step);
    const v1::Observation before = ToObservation(Observe(), Health(), now_);
    const Status licence = ApplyIntent(incident_.status, {id, &step, &plan, before}, now_);
    ASSERT_TRUE(licence.ok()) << licence;
    licensed_.insert(id);
    Persist();
    Attempt(id, step);
    Forget(view);
  }
  void Attempt(const std::string& id, const v1::Step& step) {
    if (Digest(step) != incident_.status.proposal->digest || health_ > 80) {
      ApplyAbandon(incident_.status, id, "Drifted", "the target changed meanwhile", now_);
    } else {
      ApplyResult(incident_.status, id, Run(id, step.name), policy_.spec.verification, now_);
    }
    Persist();
  }
  void Forget(IncidentView& view) {
    view.gates.reset();
    view.health.reset();
    view.recovered.reset();
    view.diagnosed = view.proposed = false;
    if (Chance(5)) identity_ += "y";
  }
  void Gates(IncidentView& view) {
    const v1::Step* step = StepNamed(incident_.status.proposal->step);
    const ActionPlan plan = Plan(*step);
    const v1::Proposal& proposal = *incident_.status.proposal;
    GateInput input;
    input.now = input.accounting_now = now_;
    input.self_heal_enabled = enabled_;
    input.policy = &policy_;
    input.limits = &limits_;
    input.incident = &incident_;
    input.zones = &testing::Zones();
    input.health = *view.health;
    input.observation = Observe();
    input.records = records_;
    input.step = step;
    input.plan = &plan;
    input.risk = proposal.risk;
    input.confidence = incident_.status.diagnosis->confidence;
    input.approval =
        CountApprovals({incident_.metadata.name, incident_.metadata.uid, policy_.metadata.name,
                        proposal.digest, proposal.expires_at, proposal.required_approvals, "", ""},
                       approvals_, now_);
    view.gates = EvaluateGates(input);
    ApplyGates(incident_.status, *view.gates, input.approval, now_);
  }
  void Propose(const std::string& name, IncidentView& view) {
    const v1::Step* step = StepNamed(name);
    ASSERT_NE(step, nullptr) << name;
    const ActionPlan plan = Plan(*step);
    ProposalInput input;
    input.step = step;
    input.plan = &plan;
    input.risk = AssessRisk(plan, {1, 0, true}, *step);
    input.need = RequiredApprovals(policy_.spec, limits_, input.risk.level,
                                   incident_.status.diagnosis->confidence);
    input.digest = Digest(*step);
    input.expires_after_seconds = policy_.spec.approval.expires_after_seconds;
    ApplyProposal(incident_.status, input, now_);
    view.proposed = true;
  }

  void Loop() {
    incident_.status = stored_;
    limits_ = MergeLimits(policy_, {}, {});
    waiting_ = false;
    IncidentView view;
    view.incident = &incident_;
    view.policy = policy_gone_ ? nullptr : &policy_;
    view.limits = &limits_;
    view.self_heal_enabled = enabled_;
    view.now = now_;
    ReconcileRecords(records_, incident_, "", now_);
    for (int i = 0; i < 60; ++i) {
      const Next next = NextAction(view);
      if (!Act(next, view)) return;
    }
    FAIL() << "the machine went round and round in phase " << incident_.status.phase;
  }

  // False ends the reconcile.
  bool Act(const Next& next, IncidentView& view) {
    v1::IncidentStatus& status = incident_.status;
    const v1::Verification& verification = policy_.spec.verification;
    switch (next.what) {
      case Do::kNothing:
        EXPECT_TRUE(IsResolved(status));
        return false;
      case Do::kBegin:
        ApplyBegin(incident_, status, now_);
        Persist();
        return true;
      case Do::kObserve:
        view.health = Health();
        return true;
      case Do::kDiagnose:
        ApplyDiagnosis(status, Diagnose(policy_.spec, Gather()), now_);
        view.diagnosed = true;
        return true;
      case Do::kPropose:
        Propose(next.step, view);
        return true;
      case Do::kEvaluateGates:
        Gates(view);
        return true;
      case Do::kExecute:
        EXPECT_TRUE(AllPassed(*view.gates));
        EXPECT_TRUE(enabled_);
        Execute(view);
        return true;
      case Do::kRecoverAttempt: {
        const ActionResult result = Ask(next.attempt_id);
        ApplyRecovery(status, next.attempt_id, result, verification, now_);
        view.recovered = result.outcome;
        Persist();
        return true;
      }
      case Do::kExecuteSameKey:
        EXPECT_TRUE(enabled_);
        Attempt(next.attempt_id, *StepNamed(next.step));
        Forget(view);
        return true;
      case Do::kVerify: {
        const FreshCheck check = Measure();
        ApplyCheck(status, next.attempt_id, check, ToObservation(std::nullopt, check), verification,
                   now_);
        ReconcileRecords(records_, incident_, "", now_);
        Persist();
        return true;
      }
      case Do::kUndo:
        ApplyUndoIntent(status, next.attempt_id, now_);
        Persist();
        ApplyUndoResult(status, next.attempt_id, Run(UndoKey(next.attempt_id), "undo"),
                        verification, now_);
        Persist();
        return true;
      case Do::kRecoverUndo: {
        const ActionResult result = Ask(UndoKey(next.attempt_id));
        ApplyUndoRecovery(status, next.attempt_id, result, verification, now_);
        view.recovered = result.outcome;
        return true;
      }
      case Do::kUndoSameKey:
        ApplyUndoResult(status, next.attempt_id, Run(UndoKey(next.attempt_id), "undo"),
                        verification, now_);
        Persist();
        return true;
      case Do::kVerifyUndo:
        ApplyUndoCheck(status, next.attempt_id, Measure(), verification, now_);
        Persist();
        return true;
      case Do::kEscalate:
        EXPECT_NE(status.phase, kPhaseEscalated) << "people are told once";
        ApplyEscalation(status, next.reason, next.message, now_);
        return true;
      case Do::kAbandon:
        ApplyAbandon(status, next.attempt_id, next.reason, next.message, now_);
        Persist();
        return true;
      case Do::kClose:
        ApplyClose(status, next.outcome, next.reason, next.message, now_);
        Persist();
        return true;
      case Do::kWait:
        EXPECT_TRUE(next.at && *next.at > now_);
        EXPECT_FALSE(next.reason.empty());
        next_ = *next.at;
        waiting_ = true;
        ApplyNextCheck(status, next);
        Persist();
        return false;
    }
    return false;
  }

  SeededRandom random_;
  WallTime now_;
  WallTime next_{};
  v1::Incident incident_;
  v1::IncidentStatus stored_;
  bool stored_is_current_ = true;
  v1::HealingPolicy policy_;
  EffectiveLimits limits_;
  std::vector<v1::Step> ladder_;
  std::vector<v1::ActionRecord> records_;
  std::vector<v1::IncidentApproval> approvals_;
  std::string healed_by_;
  std::string identity_ = "id@0";
  std::int64_t health_ = 0;
  bool measurable_ = true;
  bool enabled_ = true;
  bool policy_gone_ = false;
  bool people_left_ = false;
  bool waiting_ = false;
  std::map<std::string, int> executions_;
  std::set<std::string> licensed_;
  int over_budget_ = 0;
  int crashes_ = 0;
};

TEST(MachineWalk, EveryReachableStateEndsOrWaitsAndNothingRunsTwice) {
  std::map<std::string, int> outcomes;
  std::set<std::string> phases;
  int crashes = 0;
  for (std::uint64_t seed = 1; seed <= 800; ++seed) {
    World world(seed);
    bool over = false;
    for (int i = 0; i < 120 && !over && !::testing::Test::HasFailure(); ++i) {
      over = world.Reconcile();
      phases.insert(world.status().phase);
      world.Live();
    }
    // Nobody interferes any more, nothing crashes, and the target gets well: then it must end.
    world.StopPeople();
    for (int i = 0; i < 200 && !over; ++i) {
      if (i == 60) world.MakeHealthy();
      over = world.Reconcile();
      EXPECT_TRUE(over || world.waits_with_a_reason()) << "stuck in " << world.status().phase;
      world.Live();
    }
    EXPECT_TRUE(over) << "seed " << seed << " never ended, phase " << world.status().phase << ": "
                      << world.status().summary;
    world.Check();
    crashes += world.crashes();
    ++outcomes[world.status().outcome];
    EXPECT_LE(world.status().timeline.size(), kMaxTimeline);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(crashes, 300) << "the walk must meet crashes to mean anything";
  for (const char* outcome : {kAutoHealed, kHealedAfterApproval, kSelfResolved, kEscalated,
                              kRejected, kExpired, kDryRun, kCancelled, kRolledBack}) {
    EXPECT_GT(outcomes[outcome], 0) << outcome << " was never reached";
  }
  for (const char* phase : {kPhaseAwaitingApproval, kPhaseBlocked, kPhaseExecuting, kPhaseVerifying,
                            kPhaseRollingBack, kPhaseEscalated, kPhaseResolved}) {
    EXPECT_TRUE(phases.count(phase)) << phase << " was never seen";
  }
}

}  // namespace
}  // namespace salve::healing
