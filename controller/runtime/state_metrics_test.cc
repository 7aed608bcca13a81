// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/state_metrics.h"

#include "controller/runtime/heartbeat.h"
#include "controller/runtime/metrics.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::runtime {
namespace {

namespace v1 = apis::salve::v1alpha1;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

std::shared_ptr<v1::HealingPolicy> Policy(const std::string& ns, const std::string& name) {
  auto policy = std::make_shared<v1::HealingPolicy>();
  policy->metadata.ns = ns;
  policy->metadata.name = name;
  return policy;
}

std::shared_ptr<v1::Incident> Incident(const std::string& policy, const std::string& phase) {
  auto incident = std::make_shared<v1::Incident>();
  incident->metadata.ns = "shop";
  incident->spec.policy_ref.name = policy;
  incident->status.phase = phase;
  return incident;
}

void SetCondition(v1::HealingPolicy& policy, const std::string& type, const std::string& status) {
  apis::meta::v1::Condition condition;
  condition.type = type;
  condition.status = status;
  policy.status.conditions.push_back(condition);
}

TEST(StateMetricsTest, AConditionIsOneOrZeroAndNothingWhileItIsUnknown) {
  const auto policy = Policy("shop", "web");
  SetCondition(*policy, "BreakerOpen", "True");
  SetCondition(*policy, "StormActive", "False");
  SetCondition(*policy, "TargetHealthy", "Unknown");
  const std::string text = StateMetrics({{policy}, {}, {}});
  EXPECT_THAT(text, HasSubstr("salve_policy_condition{namespace=\"shop\",policy=\"web\","
                              "condition=\"BreakerOpen\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("condition=\"StormActive\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("TargetHealthy")));
}

TEST(StateMetricsTest, TargetsAndBudgetAreThePolicysOwn) {
  const auto policy = Policy("shop", "web");
  policy->status.targets_total = 4;
  policy->status.targets_unhealthy = 1;
  policy->status.budget.remaining = 2;
  const std::string text = StateMetrics({{policy}, {}, {}});
  EXPECT_THAT(text, HasSubstr("policy=\"web\",state=\"all\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("policy=\"web\",state=\"unhealthy\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("salve_policy_budget_remaining_actions{namespace=\"shop\","
                              "policy=\"web\"} 2\n"));
}

TEST(StateMetricsTest, OnlyIncidentsThatHaveNotEndedAreCounted) {
  const auto closed = Incident("web", "Escalated");
  closed->status.outcome = "Escalated";
  const std::string text =
      StateMetrics({{},
                    {Incident("web", "Escalated"), Incident("web", "Escalated"), closed,
                     Incident("web", "Resolved"), Incident("db", "")},
                    {}});
  EXPECT_THAT(text, HasSubstr("salve_incidents_open{namespace=\"shop\",policy=\"web\","
                              "phase=\"Escalated\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("policy=\"db\",phase=\"Detected\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("Resolved")));
}

TEST(StateMetricsTest, AHeartbeatIsThereOnlyForAControllerThatHasRun) {
  EXPECT_THAT(StateMetrics({}), Not(HasSubstr("timestamp_seconds{")));
  EXPECT_THAT(StateMetrics({{}, {}, {{"incident", WallTime(seconds(1'700'000'000))}}}),
              HasSubstr("salve_heartbeat_timestamp_seconds{controller=\"incident\"} 1700000000\n"));
}

TEST(StateMetricsTest, ALabelCannotBreakTheFormat) {
  EXPECT_THAT(StateMetrics({{Policy("a\"} 1\nx", "b\\")}, {}, {}}),
              HasSubstr("{namespace=\"a\\\"} 1\\nx\",policy=\"b\\\\\"}"));
}

TEST(StateMetricsTest, ManyPoliciesAreCountedAndOnlySomeAreShown) {
  std::vector<std::shared_ptr<const v1::HealingPolicy>> policies;
  for (std::size_t i = 0; i < kMaxShownPolicies + 1; ++i) {
    policies.push_back(Policy("shop", "p" + std::to_string(i)));
  }
  const std::string text = StateMetrics({policies, {}, {}});
  EXPECT_THAT(text, HasSubstr("salve_policies 501\n"));
  EXPECT_THAT(text, HasSubstr("policy=\"p499\""));
  EXPECT_THAT(text, Not(HasSubstr("policy=\"p500\"")));
}

std::shared_ptr<v1::HealingPolicy> Canary() {
  const auto canary = Policy("shop", "canary");
  canary->metadata.annotations = {{"salve.dev/canary", "true"},
                                  {"salve.dev/canary-period-seconds", "60"}};
  canary->metadata.creation_timestamp = "2023-11-14T22:13:20Z";  // 1700000000
  canary->status.targets_total = 1;
  return canary;
}

TEST(StateMetricsTest, ACanaryIsAmongTheCanariesAndNowhereElse) {
  const auto canary = Canary();
  SetCondition(*canary, "RemediationAllowed", "True");
  const auto healed = Incident("canary", "Resolved");
  healed->status.outcome = "AutoHealed";
  healed->status.resolved_at = "2023-11-14T22:15:00Z";
  const auto orphan = Incident("gone", "Escalated");
  orphan->metadata.annotations = {{"salve.dev/canary", "true"}};
  const std::string text =
      StateMetrics({{canary, Policy("shop", "web")},
                    {healed, Incident("canary", "Escalated"), orphan, Incident("web", "Blocked")},
                    {}});
  const std::string labels = "{namespace=\"shop\",policy=\"canary\"}";
  EXPECT_THAT(text,
              HasSubstr("salve_canary_last_success_timestamp_seconds" + labels + " 1700000100\n"));
  EXPECT_THAT(text,
              HasSubstr("salve_canary_awaited_since_timestamp_seconds" + labels + " 1700000100\n"));
  EXPECT_THAT(text, HasSubstr("salve_canary_period_seconds" + labels + " 60\n"));
  EXPECT_THAT(text, HasSubstr("salve_policies 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("condition{namespace=\"shop\",policy=\"canary\"")));
  EXPECT_THAT(text, Not(HasSubstr("state=\"all\"} 1")));
  EXPECT_THAT(text, Not(HasSubstr("Escalated")));
  EXPECT_THAT(text, HasSubstr("policy=\"web\",phase=\"Blocked\"} 1\n"));
}

TEST(StateMetricsTest, NothingIsAwaitedOfACanaryWhileSalveMayNotAct) {
  const auto canary = Canary();
  EXPECT_THAT(StateMetrics({{canary}, {}, {}}),
              HasSubstr("salve_canary_awaited_since_timestamp_seconds{namespace=\"shop\","
                        "policy=\"canary\"} 1700000000\n"))
      << "its making, until it is healed";
  SetCondition(*canary, "RemediationAllowed", "False");
  const std::string text = StateMetrics({{canary}, {}, {}});
  EXPECT_THAT(text, Not(HasSubstr("awaited_since_timestamp_seconds{")));
  EXPECT_THAT(text, Not(HasSubstr("last_success_timestamp_seconds{")));
}

class CountingReconciler final : public engine::Reconciler {
 public:
  StatusOr<engine::Result> Reconcile(const engine::NamespacedName& key,
                                     engine::ReconcileContext&) override {
    keys.push_back(key.name);
    return engine::Result{};
  }
  std::vector<std::string> keys;
};

class HeartbeatTest : public ::testing::Test {
 protected:
  const WallTime start_{seconds(1'700'000'000)};
  SimulatedClock clock_{start_};
  SeededRandom random_{1};
  CountingReconciler inner_;
  Heartbeat beat_{inner_, clock_};
  engine::Controller controller_{"thing", beat_, {}, {clock_, random_, engine::NoMetrics()}};
};

TEST_F(HeartbeatTest, ComesRoundThroughTheQueueAndStandsStillWhenNobodyWorks) {
  Heartbeat::Begin(controller_);
  EXPECT_EQ(beat_.last(), std::nullopt);
  EXPECT_TRUE(controller_.ProcessOne());
  EXPECT_EQ(beat_.last(), start_);
  EXPECT_FALSE(controller_.ProcessOne()) << "the next beat is not due";
  clock_.Advance(Heartbeat::kPeriod);
  EXPECT_EQ(beat_.last(), start_) << "nobody has taken it from the queue";
  EXPECT_TRUE(controller_.ProcessOne());
  EXPECT_EQ(beat_.last(), start_ + Heartbeat::kPeriod);
}

TEST_F(HeartbeatTest, OtherKeysGoToTheReconcilerBehindIt) {
  controller_.Enqueue({"shop", "web"});
  Heartbeat::Begin(controller_);
  EXPECT_TRUE(controller_.ProcessOne());
  EXPECT_TRUE(controller_.ProcessOne());
  EXPECT_THAT(inner_.keys, ::testing::ElementsAre("web"));
}

TEST(PrometheusHealingMetricsTest, WhatAlertsAskForIsThereFromTheStart) {
  metrics::Registry registry;
  const PrometheusHealingMetrics healing(registry);
  const std::string text = registry.Serialize();
  for (const char* series :
       {"agent_alerts_received_total 0", "agent_remediations_attempted_total{type=\"restart\"} 0",
        "agent_remediations_successful_total{type=\"restart\"} 0",
        "agent_decision_confidence_bucket{le=\"0.5\"} 0",
        "salve_incidents_closed_total{outcome=\"Escalated\"} 0",
        "salve_canary_incidents_total{outcome=\"AutoHealed\"} 0",
        "salve_github_pull_requests_total{state=\"rejected\"} 0",
        "salve_github_pull_request_merge_seconds_count 0"}) {
    EXPECT_THAT(text, HasSubstr(series));
  }
}

TEST(ProcessMetricsTest, TellsStartAndMemory) {
  metrics::Registry registry;
  const SimulatedClock clock(WallTime(seconds(1'700'000'000)));
  ProcessMetrics process(registry, clock);
  process.Observe();
  EXPECT_EQ(registry.Gauges("process_start_time_seconds", "").With({}).Value(), 1'700'000'000);
  EXPECT_GT(registry.Gauges("process_resident_memory_bytes", "").With({}).Value(), 1e5);
}

}  // namespace
}  // namespace salve::runtime
