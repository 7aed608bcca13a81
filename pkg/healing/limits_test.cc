// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/limits.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/approval.h"
#include "pkg/healing/risk.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using testing::After;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::kNow;

v1::LabelSelector Expression(const std::string& op, std::vector<std::string> values) {
  v1::LabelSelector selector;
  selector.match_expressions = {{"env", op, std::move(values)}};
  return selector;
}

TEST(Selector, MatchesAsKubernetesDoes) {
  const std::map<std::string, std::string> prod = {{"env", "prod"}};
  const std::map<std::string, std::string> none;
  EXPECT_TRUE(SelectorMatches({}, none)) << "an empty one selects everything";
  v1::LabelSelector labels;
  labels.match_labels = {{"env", "prod"}};
  EXPECT_TRUE(SelectorMatches(labels, prod));
  EXPECT_FALSE(SelectorMatches(labels, none));
  EXPECT_TRUE(SelectorMatches(Expression("In", {"test", "prod"}), prod));
  EXPECT_FALSE(SelectorMatches(Expression("In", {"test"}), prod));
  EXPECT_TRUE(SelectorMatches(Expression("NotIn", {"prod"}), none)) << "absent is not in";
  EXPECT_FALSE(SelectorMatches(Expression("NotIn", {"prod"}), prod));
  EXPECT_TRUE(SelectorMatches(Expression("Exists", {}), prod));
  EXPECT_TRUE(SelectorMatches(Expression("DoesNotExist", {}), none));
  EXPECT_TRUE(SelectorMatches(Expression("Nonsense", {}), none))
      << "a guardrail that is not understood binds";
}

TEST(Limits, TheTightestOfAllWins) {
  v1::HealingPolicy policy = testing::MakePolicy();
  v1::HealingGuardrail a;
  a.metadata.name = "a";
  a.spec.max_mode = v1::kModeApprove;
  a.spec.max_risk = v1::kRiskHigh;
  a.spec.min_confidence = 0.7;
  a.spec.min_approvals.high = 2;
  a.spec.allowed_actions = {"start", "restart"};
  a.spec.breaker = v1::Breaker{2, 5, 60};
  v1::HealingGuardrail b = a;
  b.metadata.name = "b";
  b.spec.max_mode = v1::kModeAuto;
  b.spec.max_risk = v1::kRiskMedium;
  b.spec.max_auto_risk = v1::kRiskLow;
  b.spec.min_confidence = 0.5;
  b.spec.min_approvals.high = 1;
  b.spec.allowed_actions = {"restart", "stop"};
  b.spec.breaker = v1::Breaker{9, 1, 7200};
  for (const auto& order : {std::vector<const v1::HealingGuardrail*>{&a, &b},
                            std::vector<const v1::HealingGuardrail*>{&b, &a}}) {
    const EffectiveLimits limits = MergeLimits(policy, order, {});
    EXPECT_EQ(limits.mode, v1::kModeApprove);
    EXPECT_EQ(limits.max_risk, v1::kRiskMedium);
    EXPECT_EQ(limits.max_auto_risk, v1::kRiskLow);
    EXPECT_EQ(limits.min_confidence, 0.7);
    EXPECT_EQ(limits.min_approvals.at(v1::kRiskHigh), 2);
    EXPECT_THAT(*limits.allowed_actions, ::testing::ElementsAre("restart"));
    EXPECT_EQ(limits.breaker.consecutive_failures, 2);
    EXPECT_EQ(limits.breaker.ineffective_fixes, 1);
    EXPECT_EQ(limits.breaker.open_seconds, 7200);
  }
}

TEST(Limits, ListsWithNothingInCommonAllowNothing) {
  v1::HealingGuardrail a;
  a.spec.allowed_actions = {"start"};
  v1::HealingGuardrail b;
  b.spec.allowed_actions = {"stop"};
  const EffectiveLimits limits = MergeLimits(testing::MakePolicy(), {&a, &b}, {});
  ASSERT_TRUE(limits.allowed_actions);
  EXPECT_TRUE(limits.allowed_actions->empty());
}

TEST(TargetPattern, StarsMatchAnyRun) {
  const TargetRef target{"docker", "Container", "redis-1"};
  for (const char* pattern : {"docker/redis-1", "docker/redis-*", "*/redis-1", "redis-1", "*-1",
                              "docker/*", "*", "d*r/r*s-*1"}) {
    EXPECT_TRUE(TargetPatternMatches(pattern, target)) << pattern;
  }
  for (const char* pattern : {"docker/redis", "ecs/redis-1", "docker/redis-12", "", "docker/"}) {
    EXPECT_FALSE(TargetPatternMatches(pattern, target)) << pattern;
  }
}

TEST(Argv, IsComparedElementByElement) {
  const std::vector<std::vector<std::string>> allow = {{"nginx", "-s", "/reload|reopen/"},
                                                       {"/bin/true"}};
  EXPECT_TRUE(ArgvAllowed(allow, {"nginx", "-s", "reopen"}));
  EXPECT_TRUE(ArgvAllowed(allow, {"/bin/true"})) << "a path is no pattern";
  EXPECT_FALSE(ArgvAllowed(allow, {"nginx", "-s", "reload; rm -rf /"})) << "the whole element";
  EXPECT_FALSE(ArgvAllowed(allow, {"nginx", "-s"}));
  EXPECT_FALSE(ArgvAllowed(allow, {"nginx", "-s", "reload", "x"}));
  EXPECT_FALSE(ArgvAllowed(allow, {}));
  EXPECT_FALSE(ArgvAllowed({{"/(/"}}, {"("})) << "a pattern that does not compile allows nothing";
}

v1::Step Plain() { return testing::MakeStep("s", testing::Restart()); }

TEST(Risk, IsRaisedByEveryoneAndLoweredByNobody) {
  ActionPlan plan = testing::PlanOf(testing::Flush());
  plan.base_risk = v1::kRiskLow;
  EXPECT_EQ(AssessRisk(plan, {}, Plain()).level, v1::kRiskHigh) << "data loss, says the action";
  plan = testing::PlanOf(testing::Restart());
  EXPECT_EQ(AssessRisk(plan, {}, Plain()).level, v1::kRiskMedium);
  plan.base_risk = v1::kRiskHigh;
  EXPECT_EQ(AssessRisk(plan, {}, Plain()).level, v1::kRiskHigh) << "the backend knows more";
  v1::Step step = Plain();
  step.risk = v1::kRiskLow;
  EXPECT_EQ(AssessRisk(plan, {}, step).level, v1::kRiskHigh) << "the policy cannot lower it";
  step.risk = v1::kRiskCritical;
  EXPECT_EQ(AssessRisk(plan, {}, step).level, v1::kRiskCritical);
}

TEST(Risk, EndingTheLastServingTargetIsCriticalAndRestartingItIsNot) {
  Action stop;
  stop.stop.emplace();
  EXPECT_EQ(AssessRisk(testing::PlanOf(stop), {1, 0, true}, Plain()).level, v1::kRiskCritical);
  EXPECT_EQ(AssessRisk(testing::PlanOf(stop), {3, 2, true}, Plain()).level, v1::kRiskHigh);
  const v1::Risk restart = AssessRisk(testing::PlanOf(testing::Restart()), {1, 0, true}, Plain());
  EXPECT_EQ(restart.level, v1::kRiskMedium);
  EXPECT_THAT(restart.factors, Contains("it is the only target"));
}

TEST(Risk, MemoryThatGrowsWithoutACapIsHigh) {
  Action grow;
  grow.update_resources.emplace().memory_percent = 50;
  EXPECT_EQ(AssessRisk(testing::PlanOf(grow), {}, Plain()).level, v1::kRiskHigh);
  grow.update_resources->max_memory_bytes = 1 << 30;
  EXPECT_EQ(AssessRisk(testing::PlanOf(grow), {}, Plain()).level, v1::kRiskMedium);
}

TEST(Risk, EveryActionHasAFloor) {
  EXPECT_EQ(BaseRisk(Action{}), v1::kRiskCritical) << "what is not known is the worst";
}

TEST(ApprovalNeed, FollowsModeRiskConfidenceAndGuardrails) {
  const v1::HealingPolicy policy = testing::MakePolicy();
  EffectiveLimits limits = MergeLimits(policy, {}, {});
  const auto need = [&](const std::string& risk, double confidence) {
    return RequiredApprovals(policy.spec, limits, risk, confidence).required;
  };
  EXPECT_EQ(need(v1::kRiskMedium, 0.9), 0);
  EXPECT_EQ(need(v1::kRiskHigh, 0.9), 1) << "above maxAutoRisk";
  EXPECT_EQ(need(v1::kRiskMedium, 0.5), 1) << "below minConfidence";
  limits.max_auto_risk = v1::kRiskCritical;
  EXPECT_EQ(need(v1::kRiskHigh, 0.9), 0);
  EXPECT_EQ(need(v1::kRiskCritical, 0.9), 1) << "always by a person";
  limits.min_approvals[v1::kRiskHigh] = 2;
  EXPECT_EQ(need(v1::kRiskHigh, 0.9), 2);
  limits.mode = v1::kModeApprove;
  EXPECT_EQ(need(v1::kRiskLow, 1.0), 1);
  limits.mode = v1::kModeObserve;
  EXPECT_EQ(need(v1::kRiskLow, 1.0), 0) << "nothing runs, nobody is asked";
}

class Approvals : public ::testing::Test {
 protected:
  Approvals() {
    query_ = {"inc", "uid", "redis", "digest", FormatTime(After(900)), 2, "system:salve", ""};
  }
  void Add(const std::string& who, const std::string& decision = "Approve") {
    v1::IncidentApproval approval;
    approval.metadata.creation_timestamp = FormatTime(kNow);
    approval.spec = {"inc", "uid", "redis", "digest", decision, who, ""};
    all_.push_back(approval);
  }
  ApprovalResult Count(WallTime now = kNow) { return CountApprovals(query_, all_, now); }

  ApprovalQuery query_;
  std::vector<v1::IncidentApproval> all_;
};

TEST_F(Approvals, AQuorumCountsDistinctPeople) {
  Add("alice");
  Add("alice");
  EXPECT_FALSE(Count().approved);
  EXPECT_EQ(Count().missing, 1);
  Add("bob");
  EXPECT_TRUE(Count().approved);
  EXPECT_THAT(Count().approvers, ::testing::ElementsAre("alice", "bob"));
}

TEST_F(Approvals, OneRejectWinsOverAnyNumber) {
  Add("alice");
  Add("bob");
  Add("carol", "Reject");
  EXPECT_FALSE(Count().approved);
  EXPECT_EQ(Count().rejected_by, "carol");
}

TEST_F(Approvals, OnlyTheCurrentProposalOfThisIncidentAndPolicyCounts) {
  query_.required = 1;
  for (const auto& change : std::vector<std::function<void(v1::IncidentApproval&)>>{
           [](auto& a) { a.spec.proposal_digest = "old"; },
           [](auto& a) { a.spec.incident_uid = "another of that name"; },
           [](auto& a) { a.spec.policy_name = "mine"; },
           [](auto& a) { a.spec.approver = "system:salve"; }, [](auto& a) { a.spec.approver = ""; },
           [](auto& a) { a.spec.decision = "approve"; },
           [](auto& a) { a.metadata.creation_timestamp = FormatTime(After(901)); }}) {
    all_.clear();
    Add("alice");
    change(all_[0]);
    EXPECT_FALSE(Count().approved);
    ASSERT_EQ(Count().ignored.size(), 1u) << "and it is said why";
  }
}

TEST_F(Approvals, ARejectOfAnEarlierProposalRejectsNothing) {
  query_.required = 0;
  Add("carol", "Reject");
  all_[0].spec.proposal_digest = "old";
  EXPECT_TRUE(Count().approved);
}

TEST_F(Approvals, NothingCountsAfterExpiry) {
  Add("alice");
  Add("bob");
  EXPECT_TRUE(Count(After(899)).approved);
  EXPECT_FALSE(Count(After(900)).approved);
  EXPECT_TRUE(Count(After(900)).expired);
}

TEST_F(Approvals, NothingCountsWithoutTheAdmissionPolicy) {
  Add("alice");
  Add("bob");
  query_.admission_problem = "the admission policy is missing";
  EXPECT_FALSE(Count().approved);
  EXPECT_THAT(Count().ignored.front(), HasSubstr("admission policy"));
}

TEST_F(Approvals, WithoutADigestNothingIsApproved) {
  query_.digest.clear();
  query_.required = 1;
  Add("alice");
  all_[0].spec.proposal_digest.clear();
  EXPECT_FALSE(Count().approved);
}

}  // namespace
}  // namespace salve::healing
