// SPDX-License-Identifier: Apache-2.0
// Whole lives of incidents: the production reconcilers from the first bad measurement to the end.
#include <algorithm>
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/machine.h"
#include "pkg/reconcilers/incident_run.h"
#include "pkg/reconcilers/testing/world.h"

namespace salve::reconcilers {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::kNs;
using testing::MakePolicy;
using testing::MakeStep;

class LivesTest : public ::testing::Test {
 protected:
  // A world with one policy on one container, both well.
  void Begin(const v1::HealingPolicy& policy = MakePolicy()) {
    world.AddContainer("redis-1");
    world.Create(policy);
    world.Advance(seconds(25));
  }
  void FallIll(const std::string& container = "redis-1") { world.figure[container] = 10; }
  // What the engine itself tells is all there is to go by.
  static v1::HealingPolicy WithoutProbes() {
    v1::HealingPolicy policy = MakePolicy();
    policy.spec.probes.clear();
    policy.spec.diagnosis.rules.clear();
    policy.spec.diagnosis.builtin_packs = true;
    return policy;
  }
  void Die(int exit_code) {
    world.docker.Change("redis-1", [&](backends::fake::FakeContainer& c) {
      c.running = false;
      c.exit_code = exit_code;
      c.conditions = {healing::kConditionExited};
    });
  }
  bool Until(const std::string& phase, const std::string& policy = "redis") {
    return world.AdvanceUntil([&] { return world.Incident(policy).status.phase == phase; },
                              minutes(40));
  }
  std::string Outcome(const std::string& policy = "redis") {
    return world.Incident(policy).status.outcome;
  }
  void TearDown() override {
    world.CheckRecords();
    EXPECT_THAT(world.broken(), ::testing::IsEmpty());
    if (HasFailure()) std::puts(world.Story().c_str());
  }

  testing::World world;
};

TEST_F(LivesTest, ATargetThatTurnsUnhealthyGetsOneIncident) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.mode = v1::kModeObserve;
  Begin(policy);
  EXPECT_TRUE(world.Incidents().empty());
  FallIll();
  world.Advance(minutes(5));
  ASSERT_EQ(world.Incidents().size(), 1u);
  EXPECT_EQ(world.Incident().status.phase, healing::kPhaseBlocked);
  EXPECT_EQ(world.Incident().spec.target.name, "redis-1");
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

TEST_F(LivesTest, AutoHealedByTheFirstStep) {
  Begin();
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kAutoHealed);
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
  ASSERT_EQ(world.Policy().status.actions.size(), 1u);
  EXPECT_EQ(world.Policy().status.actions[0].result, healing::kOutcomeSuccessful);
}

TEST_F(LivesTest, HealedAfterAPersonApproved) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.mode = v1::kModeApprove;
  Begin(policy);
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseAwaitingApproval));
  world.Advance(minutes(2));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  world.Decide(world.Incident(), "Approve");
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kHealedAfterApproval);
  EXPECT_EQ(world.Incident().status.attempts.at(0).approved_by, "alice");
}

TEST_F(LivesTest, AFailedStepIsUndoneTheUndoVerifiedAndTheNextStepTried) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.ladder.insert(policy.spec.ladder.begin(), MakeStep("memory", testing::MoreMemory()));
  policy.spec.ladder[0].on_verification_failed = "RollbackThenNext";
  policy.spec.diagnosis.rules[0].step = "memory";
  Begin(policy);
  const std::int64_t before = world.docker.Get("redis-1").memory_bytes;
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseRollingBack));
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kAutoHealed);
  EXPECT_EQ(world.docker.Get("redis-1").memory_bytes, before);
  const v1::Incident incident = world.Incident();
  ASSERT_EQ(incident.status.attempts.size(), 2u);
  EXPECT_EQ(incident.status.attempts[0].phase, healing::kAttemptUndone);
  EXPECT_EQ(incident.status.attempts[0].undo_verification->outcome, healing::kOutcomeSuccessful);
  EXPECT_EQ(world.docker.TotalExecutions(), 3);
}

TEST_F(LivesTest, ATargetThatChangesInTheMomentOfTheCallIsDecidedAnewAndTheStepIsNotUsedUp) {
  Begin();
  world.docker.SetFault(backends::fake::Operation::kExecute, backends::fake::Fault::kDrift);
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kAutoHealed);
  const v1::Incident incident = world.Incident();
  ASSERT_EQ(incident.status.attempts.size(), 2u);
  EXPECT_THAT(incident.status.attempts[0].result->message, ::testing::HasSubstr("TargetDrifted"));
  EXPECT_EQ(incident.status.attempts[1].step, incident.status.attempts[0].step);
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
}

TEST_F(LivesTest, AFailedVerificationLeadsToTheNextStep) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.ladder.insert(policy.spec.ladder.begin(), MakeStep("memory", testing::MoreMemory()));
  policy.spec.diagnosis.rules[0].step = "memory";
  Begin(policy);
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  const v1::Incident incident = world.Incident();
  ASSERT_EQ(incident.status.attempts.size(), 2u);
  EXPECT_EQ(incident.status.attempts[0].verification->outcome, healing::kOutcomeFailed);
  EXPECT_EQ(incident.status.attempts[1].step, "restart");
  EXPECT_EQ(Outcome(), healing::kAutoHealed);
}

TEST_F(LivesTest, ALadderWithoutSuccessEndsWithAPersonAndClosesWhenHealthy) {
  world.figure_after["restart"] = 10;
  Begin();
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseEscalated));
  world.Advance(minutes(10));
  EXPECT_EQ(world.Incident().status.phase, healing::kPhaseEscalated);
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
  world.figure["redis-1"] = 100;
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kEscalated);
}

TEST_F(LivesTest, AFailedActionShowsInThePolicysBreakerAtOnce) {
  world.figure_after["restart"] = 10;
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.guardrails.breaker.consecutive_failures = 1;
  Begin(policy);
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseEscalated));
  world.Settle();
  const v1::HealingPolicy after = world.Policy();
  EXPECT_TRUE(apis::meta::v1::IsConditionTrue(after.status.conditions, v1::kPolicyBreakerOpen));
  ASSERT_EQ(after.status.breakers.size(), 1u);
  EXPECT_EQ(after.status.breakers[0].target, "redis-1");
}

TEST_F(LivesTest, AContainerThatDiesIsSeenWithoutAProbe) {
  Begin(WithoutProbes());
  Die(137);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kAutoHealed);
  EXPECT_TRUE(world.docker.Get("redis-1").running);
}

// --- people

class ApprovalTest : public LivesTest {
 protected:
  v1::HealingPolicy Asking() {
    v1::HealingPolicy policy = MakePolicy();
    policy.spec.mode = v1::kModeApprove;
    return policy;
  }
  void AskFor(const v1::HealingPolicy& policy) {
    Begin(policy);
    FallIll();
    ASSERT_TRUE(Until(healing::kPhaseAwaitingApproval));
  }
};

TEST_F(ApprovalTest, ARejectionEndsItWithoutAnAction) {
  AskFor(Asking());
  world.Decide(world.Incident(), "Approve", "alice");
  world.Decide(world.Incident(), "Reject", "bob");
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kRejected);
  world.Advance(minutes(30));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  EXPECT_EQ(world.Incidents().size(), 1u) << "the same illness must not ask again";
}

TEST_F(ApprovalTest, AProposalThatNobodyApprovesGoesToAPerson) {
  AskFor(Asking());
  ASSERT_TRUE(Until(healing::kPhaseEscalated));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

TEST_F(ApprovalTest, AProposalThatNobodyApprovesEndsAsExpiredWhereThePolicySaysSo) {
  v1::HealingPolicy policy = Asking();
  policy.spec.approval.on_expiry = "Close";
  AskFor(policy);
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kExpired);
}

TEST_F(ApprovalTest, AnApprovalAfterTheExpiryDoesNotCount) {
  AskFor(Asking());
  const v1::Incident asked = world.Incident();
  ASSERT_TRUE(Until(healing::kPhaseEscalated));
  world.Decide(asked, "Approve");
  world.Advance(minutes(5));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

TEST_F(ApprovalTest, ATargetThatHealsWhileWaitingIsSelfResolved) {
  AskFor(Asking());
  const v1::Incident asked = world.Incident();
  world.figure["redis-1"] = 100;
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kSelfResolved);
  world.Decide(asked, "Approve");
  world.Advance(minutes(1));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

TEST_F(ApprovalTest, TheControllersOwnApprovalNeverCounts) {
  AskFor(Asking());
  world.Decide(world.Incident(), "Approve", testing::kController);
  world.Advance(minutes(2));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  EXPECT_EQ(world.Incident().status.phase, healing::kPhaseAwaitingApproval);
}

TEST_F(ApprovalTest, NoApprovalCountsWhileNothingTiesApprovalsToPeople) {
  world.settings.approval_trust = [] {
    return ApprovalTrust{NotFoundError("the admission policy is missing"), "salve"};
  };
  AskFor(Asking());
  world.Decide(world.Incident(), "Approve");
  world.Advance(minutes(2));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

TEST_F(ApprovalTest, OnePersonTwiceIsNotAQuorum) {
  v1::HealingPolicy policy = Asking();
  policy.spec.approval.min_approvals = 2;
  AskFor(policy);
  world.Decide(world.Incident(), "Approve", "alice");
  world.Decide(world.Incident(), "Approve", "alice");
  world.Advance(minutes(1));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  world.Decide(world.Incident(), "Approve", "bob");
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kHealedAfterApproval);
}

TEST_F(ApprovalTest, APolicyEditedMidwayVoidsTheApproval) {
  AskFor(Asking());
  const std::string digest = world.Incident().status.proposal->digest;
  world.Decide(world.Incident(), "Approve");
  world.Edit<v1::HealingPolicy>(
      {kNs, "redis"}, [](v1::HealingPolicy& p) { p.spec.ladder[0].timeout_seconds = 30; });
  world.Advance(minutes(2));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  EXPECT_EQ(world.Incident().status.phase, healing::kPhaseAwaitingApproval);
  EXPECT_NE(world.Incident().status.proposal->digest, digest);
  world.Decide(world.Incident(), "Approve");
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kHealedAfterApproval);
}

TEST_F(ApprovalTest, ATargetThatDriftsMidwayVoidsTheApproval) {
  AskFor(Asking());
  world.Decide(world.Incident(), "Approve");
  world.docker.Change("redis-1", [](auto& c) { c.configuration = R"({"image":"redis:8"})"; });
  world.Advance(minutes(2));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  EXPECT_EQ(world.Incident().status.phase, healing::kPhaseAwaitingApproval);
}

TEST_F(ApprovalTest, CancellingAWaitingIncidentEndsIt) {
  AskFor(Asking());
  world.Edit<v1::Incident>({kNs, world.Incident().metadata.name},
                           [](v1::Incident& i) { i.spec.cancel = true; });
  world.Advance(seconds(1));
  EXPECT_EQ(Outcome(), healing::kCancelled);
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

TEST_F(ApprovalTest, DeletingThePolicyCancelsWhatWaits) {
  AskFor(Asking());
  ASSERT_TRUE(world.server.Delete(v1::HealingPolicy::kInfo, {kNs, "redis"}).ok());
  world.Advance(seconds(1));
  EXPECT_EQ(Outcome(), healing::kCancelled);
}

TEST_F(ApprovalTest, AnIncidentThatAPersonMakesGoesThroughTheSameGates) {
  AskFor(Asking());
  world.Decide(world.Incident(), "Reject");
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  v1::Incident mine;
  mine.metadata.ns = kNs;
  mine.metadata.name = "please-heal";
  mine.spec.policy_ref.name = "redis";
  mine.spec.target = {"docker", "Container", "redis-1"};
  mine.spec.trigger = {"Manual", "alice", "it hurts", ""};
  world.Create(mine);
  const auto made = [&] { return *world.Find<v1::Incident>({kNs, "please-heal"}); };
  world.Advance(seconds(2));
  EXPECT_EQ(made().status.phase, healing::kPhaseAwaitingApproval);
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  world.Decide(made(), "Approve");
  world.Advance(minutes(2));
  EXPECT_EQ(made().status.outcome, healing::kHealedAfterApproval);
}

TEST_F(ApprovalTest, AnIncidentAboutATargetThatIsNotItsPolicysEndsWithoutAnAction) {
  AskFor(Asking());
  world.AddContainer("of-somebody-else");
  v1::Incident mine;
  mine.metadata.ns = kNs;
  mine.metadata.name = "please-restart-that";
  mine.spec.policy_ref.name = "redis";
  mine.spec.target = {"docker", "Container", "of-somebody-else"};
  mine.spec.trigger = {"Manual", "mallory", "it hurts", ""};
  world.Create(mine);
  world.Advance(minutes(2));
  const v1::Incident made = *world.Find<v1::Incident>({kNs, "please-restart-that"});
  EXPECT_EQ(made.status.outcome, healing::kCancelled);
  EXPECT_TRUE(made.status.attempts.empty());
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

// --- what blocks, and what unblocks

class BlockingTest : public LivesTest {
 protected:
  // The first gate that blocks the newest incident.
  std::string BlockedBy(const std::string& policy = "redis") {
    for (const v1::GateStatus& gate : world.Incident(policy).status.gates) {
      if (gate.result != "Pass") return gate.name;
    }
    return "";
  }
  void ExpectBlocked(const std::string& gate, const std::string& policy = "redis") {
    ASSERT_TRUE(Until(healing::kPhaseBlocked, policy));
    world.Advance(minutes(2));
    EXPECT_EQ(BlockedBy(policy), gate);
  }
  void ExpectHealedAtLast(int executions) {
    ASSERT_TRUE(Until(healing::kPhaseResolved));
    EXPECT_EQ(Outcome(), healing::kAutoHealed);
    EXPECT_EQ(world.docker.TotalExecutions(), executions);
  }
  // A policy under which a relapse is a new problem.
  v1::HealingPolicy Forgetful() {
    v1::HealingPolicy policy = MakePolicy();
    policy.spec.guardrails.cooldown_seconds = 0;
    policy.spec.guardrails.retry.min_healthy_seconds = 0;
    return policy;
  }
  // Several containers under one policy.
  void BeginFleet(v1::HealingPolicy policy, int size) {
    policy.spec.target.docker->container.clear();
    policy.spec.target.docker->labels = {{"app", "redis"}};
    for (int i = 1; i <= size; ++i) {
      backends::fake::FakeContainer container;
      container.id = "redis-" + std::to_string(i);
      container.labels = {{"app", "redis"}};
      world.docker.Add(container.id, container);
    }
    world.Create(policy);
    world.Advance(seconds(25));
  }
  bool AllResolved() {
    const auto all = world.All<v1::Incident>();
    return !all.empty() && std::all_of(all.begin(), all.end(), [](const v1::Incident& i) {
      return healing::IsResolved(i.status);
    });
  }
};

TEST_F(BlockingTest, APauseHoldsUntilItIsTakenAway) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.pauses = {{"upgrade", "we are at it", ""}};
  Begin(policy);
  FallIll();
  ExpectBlocked(healing::kGatePaused);
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  world.Edit<v1::HealingPolicy>({kNs, "redis"},
                                [](v1::HealingPolicy& p) { p.spec.pauses.clear(); });
  ExpectHealedAtLast(1);
}

TEST_F(BlockingTest, APauseWithAnEndEndsByItself) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.pauses = {{"upgrade", "we are at it", "2026-12-01T12:10:00Z"}};
  Begin(policy);
  FallIll();
  ExpectBlocked(healing::kGatePaused);
  ExpectHealedAtLast(1);
  EXPECT_GE(world.Incident().status.attempts.at(0).started_at, "2026-12-01T12:10:00");
  EXPECT_LT(world.Incident().status.attempts.at(0).started_at, "2026-12-01T12:10:02");
}

TEST_F(BlockingTest, AModeThatNeverActsHoldsUntilItIsChanged) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.mode = v1::kModeObserve;
  Begin(policy);
  FallIll();
  ExpectBlocked(healing::kGateMode);
  world.Edit<v1::HealingPolicy>({kNs, "redis"},
                                [](v1::HealingPolicy& p) { p.spec.mode = v1::kModeAuto; });
  ExpectHealedAtLast(1);
}

TEST_F(BlockingTest, TheKillSwitchHolds) {
  world.settings.self_heal_enabled = false;
  Begin();
  FallIll();
  ExpectBlocked(healing::kGateKillSwitch);
  world.settings.self_heal_enabled = true;
  world.Restart();
  ExpectHealedAtLast(1);
}

TEST_F(BlockingTest, ABackendThatDoesNotAnswerHoldsUntilItDoes) {
  Begin();
  world.docker.SetAvailable(UnavailableError("no socket"));
  world.docker.SetFault(backends::fake::Operation::kObserve, backends::fake::Fault::kUnavailable);
  FallIll();
  world.Advance(minutes(5));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  world.docker.SetAvailable(Status::Ok());
  world.docker.SetFault(backends::fake::Operation::kObserve, backends::fake::Fault::kNone);
  ExpectHealedAtLast(1);
}

TEST_F(BlockingTest, ASpentBudgetHoldsUntilItsWindowHasPassed) {
  v1::HealingPolicy policy = Forgetful();
  policy.spec.guardrails.max_actions = {1, 900};
  Begin(policy);
  FallIll();
  ExpectHealedAtLast(1);
  world.Advance(minutes(1));
  FallIll();
  ASSERT_TRUE(world.AdvanceUntil([&] { return world.Incidents().size() == 2; }, minutes(2)));
  ExpectBlocked(healing::kGateBudget);
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
  const v1::HealingPolicy spent = world.Policy();
  ExpectHealedAtLast(2);
  const auto gap = spent.status.budget.next_free_at;
  EXPECT_GE(world.Incident().status.attempts.at(0).started_at, gap.substr(0, 19));
}

TEST_F(BlockingTest, DeletingIncidentsFreesNoBudget) {
  v1::HealingPolicy policy = Forgetful();
  policy.spec.guardrails.max_actions = {1, 3600};
  Begin(policy);
  FallIll();
  ExpectHealedAtLast(1);
  const std::string first = world.Incident().metadata.name;
  ASSERT_TRUE(world.server.Delete(v1::Incident::kInfo, {kNs, first}).ok());
  world.Advance(minutes(1));
  FallIll();
  world.Advance(minutes(20));
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
  EXPECT_EQ(BlockedBy(), healing::kGateBudget);
}

TEST_F(BlockingTest, AClockThatIsSetForwardFreesNoBudgetAndBackLosesNoTimer) {
  v1::HealingPolicy policy = Forgetful();
  policy.spec.guardrails.max_actions = {1, 3600};
  Begin(policy);
  FallIll();
  ExpectHealedAtLast(1);
  world.Advance(minutes(1));
  world.clock.StepWall(std::chrono::hours(2));
  FallIll();
  world.Advance(minutes(10));
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
  world.clock.StepWall(std::chrono::hours(-2));
  world.Advance(minutes(55));
  EXPECT_EQ(world.docker.TotalExecutions(), 2);
}

TEST_F(BlockingTest, ATargetRestsForItsCooldown) {
  v1::HealingPolicy policy = Forgetful();
  policy.spec.guardrails.cooldown_seconds = 600;
  Begin(policy);
  FallIll();
  ExpectHealedAtLast(1);
  FallIll();
  ASSERT_TRUE(world.AdvanceUntil([&] { return world.Incidents().size() == 2; }, minutes(2)));
  ExpectBlocked(healing::kGateCooldown);
  ExpectHealedAtLast(2);
}

TEST_F(BlockingTest, NoMoreThanMaxConcurrentIncidentsOfAPolicyActAtOnce) {
  int most = 0;
  world.before_effect = [&](const std::string&) {
    int acting = 0;
    for (const v1::Incident& i : world.All<v1::Incident>())
      acting += healing::IsActing(i.status) ? 1 : 0;
    most = std::max(most, acting);
  };
  BeginFleet(Forgetful(), 6);
  FallIll("redis-2");
  FallIll("redis-5");
  ASSERT_TRUE(world.AdvanceUntil([&] { return AllResolved(); }, minutes(20)));
  EXPECT_EQ(world.docker.TotalExecutions(), 2);
  EXPECT_EQ(most, 1);
}

TEST_F(BlockingTest, AnIllDependencyIsHealedFirst) {
  world.AddContainer("db-1");
  v1::HealingPolicy db = MakePolicy("db", "db-1");
  db.spec.mode = v1::kModeObserve;
  world.Create(db);
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.depends_on = {{"db"}};
  Begin(policy);
  FallIll("db-1");
  world.Advance(seconds(25));
  FallIll();
  ExpectBlocked(healing::kGateDependency);
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
  world.figure["db-1"] = 100;
  ExpectHealedAtLast(1);
}

TEST_F(BlockingTest, InAStormNothingIsDoneUntilItIsOver) {
  v1::HealingPolicy policy = Forgetful();
  policy.spec.guardrails.max_concurrent = 4;
  BeginFleet(policy, 5);
  for (const char* name : {"redis-1", "redis-2", "redis-3", "redis-4"}) FallIll(name);
  world.Advance(minutes(1));
  // The first may have been acted on before the others were known to be ill; no more than that.
  const int before = world.docker.TotalExecutions();
  EXPECT_LE(before, 2);
  world.Advance(minutes(5));
  EXPECT_EQ(world.docker.TotalExecutions(), before);
  world.figure["redis-3"] = 100;
  world.figure["redis-4"] = 100;
  ASSERT_TRUE(world.AdvanceUntil([&] { return AllResolved(); }, minutes(20)));
}

TEST_F(BlockingTest, DeletingThePolicyMidwayLetsTheRunningAttemptBeVerifiedFirst) {
  Begin(WithoutProbes());
  Die(1);
  ASSERT_TRUE(Until(healing::kPhaseVerifying));
  ASSERT_TRUE(world.server.Delete(v1::HealingPolicy::kInfo, {kNs, "redis"}).ok());
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kAutoHealed);
}

TEST_F(BlockingTest, WithoutItsPolicyNobodyClaimsThatWhatAProbeFoundIsHealed) {
  Begin();
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseVerifying));
  ASSERT_TRUE(world.server.Delete(v1::HealingPolicy::kInfo, {kNs, "redis"}).ok());
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kCancelled);
}

TEST_F(BlockingTest, DeletingThePolicyMidwayBeginsNoFurtherStep) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.ladder.insert(policy.spec.ladder.begin(), MakeStep("memory", testing::MoreMemory()));
  policy.spec.diagnosis.rules[0].step = "memory";
  Begin(policy);
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseVerifying));
  ASSERT_TRUE(world.server.Delete(v1::HealingPolicy::kInfo, {kNs, "redis"}).ok());
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  EXPECT_EQ(Outcome(), healing::kCancelled);
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
}

TEST_F(BlockingTest, APolicyThatNoServerHasCheckedAndMakesNoSenseSaysSoAndDoesNothing) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.probes[0].period_seconds = -1;
  Begin(policy);
  world.SetFigure("redis-1", 0);
  world.Advance(minutes(5));
  const auto conditions = world.Policy().status.conditions;
  const auto* ready = apis::meta::v1::FindCondition(conditions, v1::kPolicyReady);
  ASSERT_NE(ready, nullptr);
  EXPECT_EQ(ready->status, "False");
  EXPECT_EQ(ready->reason, "InvalidSpec");
  EXPECT_THAT(ready->message, ::testing::HasSubstr("spec.probes[0].periodSeconds"));
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

// --- two at once

TEST_F(BlockingTest, TwoPoliciesOnOneTargetNeverActAtTheSameTime) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.ladder.insert(policy.spec.ladder.begin(), MakeStep("memory", testing::MoreMemory()));
  policy.spec.ladder[0].on_verification_failed = "RollbackThenNext";
  policy.spec.diagnosis.rules[0].step = "memory";
  Begin(policy);
  v1::HealingPolicy second = policy;
  second.metadata.name = "redis-too";
  world.Create(second);
  world.Advance(seconds(25));
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseResolved));
  ASSERT_TRUE(Until(healing::kPhaseResolved, "redis-too"));
  // What the watching oracle of the world found is judged at the end of every test.
  EXPECT_EQ(world.figure["redis-1"], 100);
}

TEST_F(BlockingTest, TheLeaseOfADeadHolderCostsNoBudgetAndIsWaitedFor) {
  Begin();
  apis::Json lease = {
      {"apiVersion", "coordination.k8s.io/v1"},
      {"kind", "Lease"},
      {"metadata",
       {{"namespace", "salve-system"},
        {"name", LeaseName("salve-system", {"docker", "Container", "redis-1"}).name}}},
      {"spec",
       {{"holderIdentity", "somebody"},
        {"leaseDurationSeconds", 200},
        // Long over by a clock that is not ours.
        {"renewTime", "2026-11-01T00:00:00.000000Z"}}}};
  ASSERT_TRUE(
      world.server.Create({"coordination.k8s.io", "v1", "leases", "Lease", true}, lease).ok());
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseBlocked));
  EXPECT_EQ(BlockedBy(), healing::kGateConcurrency);
  ExpectHealedAtLast(1);
  EXPECT_EQ(world.Policy().status.actions.size(), 1u);
}

TEST_F(BlockingTest, AReservationThatACrashLeftBehindHoldsNobodyUp) {
  // Dies between the reservation and the intent; then a person turns the policy to Approve.
  v1::HealingPolicy policy = Forgetful();
  BeginFleet(policy, 6);
  world.before_effect = [&](const std::string& what) {
    if (what.find("leases/") == std::string::npos || world.crashes() > 0) return;
    world.before_effect = nullptr;
    world.accidents = {
        {testing::Accident::What::kCrashBefore, testing::Accident::Where::kWrite, world.writes()}};
    world.Edit<v1::HealingPolicy>({kNs, "redis"},
                                  [](v1::HealingPolicy& p) { p.spec.mode = v1::kModeApprove; });
  };
  FallIll("redis-2");
  ASSERT_TRUE(Until(healing::kPhaseAwaitingApproval));
  EXPECT_EQ(world.crashes(), 1);
  const std::string first = world.Incident().metadata.name;
  FallIll("redis-5");
  const auto second = [&] {
    for (const v1::Incident& i : world.Incidents()) {
      if (i.metadata.name != first) return i;
    }
    return v1::Incident{};
  };
  ASSERT_TRUE(world.AdvanceUntil(
      [&] { return second().status.phase == healing::kPhaseAwaitingApproval; }, minutes(5)));
  world.Decide(second(), "Approve");
  ASSERT_TRUE(world.AdvanceUntil([&] { return healing::IsResolved(second().status); }, minutes(5)));
  EXPECT_EQ(second().status.outcome, healing::kHealedAfterApproval);
}

// --- silence

TEST_F(BlockingTest, NothingIsWrittenWhileNothingChanges) {
  Begin();
  world.figure["redis-1"] = 95;
  world.Advance(minutes(1));
  const std::int64_t before = world.server.writes();
  for (int i = 0; i < 60; ++i) {
    world.figure["redis-1"] = 92 + i % 6;  // it wobbles
    world.Advance(seconds(10));
  }
  EXPECT_EQ(world.server.writes(), before);
}

TEST_F(BlockingTest, NothingIsWrittenWhileAnIncidentWaits) {
  v1::HealingPolicy policy = MakePolicy();
  policy.spec.mode = v1::kModeObserve;
  Begin(policy);
  FallIll();
  ASSERT_TRUE(Until(healing::kPhaseBlocked));
  world.Advance(minutes(2));
  const std::int64_t before = world.server.writes();
  world.Advance(minutes(10));
  EXPECT_EQ(world.server.writes(), before);
}

TEST_F(BlockingTest, ARestartOfAnIdleControllerWritesNothing) {
  Begin();
  world.Advance(minutes(1));
  const std::int64_t before = world.server.writes();
  world.Restart();
  world.Advance(minutes(2));
  EXPECT_EQ(world.server.writes(), before);
}

}  // namespace
}  // namespace salve::reconcilers
