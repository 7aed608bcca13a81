// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/inspector.h"

#include "pkg/backends/ecs/testing/polled_ecs.h"

namespace salve::backends::ecs::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const Json kHealthCheck = {{"healthCheck", {{"command", {"CMD-SHELL", "true"}}}}};
constexpr char kGroup[] =
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/1";

// Steady services, looked at every ten seconds.
class Inspecting : public PolledEcs {
 protected:
  static ServiceName Web(int number) { return {"shop", "web" + std::to_string(number)}; }

  void Serving(int count, const Json& container = kHealthCheck, std::int64_t tasks = 2) {
    for (int i = 1; i <= count; ++i) {
      ecs.Register(Web(i).service, container);
      ecs.AddService(Web(i).service, tasks);
    }
    clock.Advance(minutes(10));
    for (int i = 1; i <= count; ++i) (void)view.Want(Web(i));
  }
  void Rounds(int count) {
    for (int i = 0; i < count; ++i) {
      (void)poller.Round();
      clock.Advance(seconds(10));
    }
  }
  // A task of the service that is there already.
  Json& FirstTask(const std::string& service) { return ecs.FirstTask(service); }
  Json Target(const std::string& id, const std::string& state) {
    return {{"Target", {{"Id", id}, {"Port", "8080"}}},
            {"TargetHealth",
             {{"State", state},
              {"Reason", "Target.ResponseCodeMismatch"},
              {"Description", "Health checks failed with these codes: [503]"}}}};
  }
  void Balanced() {
    ecs.service("web1")["loadBalancers"] = Json::array({{{"targetGroupArn", kGroup}}});
  }
};

TEST_F(Inspecting, ATaskThatFailsItsHealthCheckIsFoundThoughTheServiceIsSteady) {
  Serving(1);
  Rounds(2);
  FirstTask("web1")["healthStatus"] = "UNHEALTHY";
  Rounds(2);
  EXPECT_THAT(view.Look(Web(1))->verdict.sick, SizeIs(1)) << "within two polls";
  EXPECT_EQ(view.Look(Web(1))->verdict.state, HealthState::kHealthy) << "ECS replaces it by itself";
  Rounds(7);
  EXPECT_EQ(view.Look(Web(1))->verdict.state, HealthState::kUnhealthy);
  EXPECT_THAT(view.Look(Web(1))->verdict.conditions, Contains("Unhealthy"));
  FirstTask("web1")["healthStatus"] = "HEALTHY";
  Rounds(1);
  EXPECT_EQ(view.Look(Web(1))->verdict.state, HealthState::kHealthy);
}

TEST_F(Inspecting, TasksWithoutAnyCheckAreNotLookedAt) {
  Serving(3, Json::object());
  Rounds(6);
  EXPECT_EQ(ecs.Count("ListTasks"), 0u);
  EXPECT_EQ(ecs.Count("DescribeTasks"), 0u);
}

TEST_F(Inspecting, TheTasksOfSteadyServicesAreListedOnceAndDescribedTogether) {
  Serving(20);
  Rounds(6);
  EXPECT_EQ(ecs.Count("ListTasks"), 20u) << "each once";
  ecs.calls.clear();
  Rounds(2);
  EXPECT_EQ(ecs.Count("ListTasks"), 0u);
  EXPECT_EQ(ecs.Count("DescribeTasks"), 1u) << "40 tasks of 20 services, every other round";
  ecs.Event("web1", "has started 1 tasks: (task a).");
  clock.Advance(minutes(4));  // when that is no news any more
  ecs.calls.clear();
  Rounds(2);
  EXPECT_EQ(ecs.Count("ListTasks"), 1u) << "an event says that they may be others";
}

TEST_F(Inspecting, AThousandServicesAreLookedIntoWithinARateOfTheirOwn) {
  Serving(1000);
  const MonoTime begin = clock.Monotonic();
  for (int i = 0; i < 20; ++i) (void)poller.Round();
  const double took = std::chrono::duration<double>(clock.Monotonic() - begin).count();
  const std::size_t polls = ecs.Count("DescribeServices");
  EXPECT_LE(static_cast<double>(ecs.calls.size() - polls),
            CallRate::kInspectBurst + CallRate::kInspectPerSecond * took + 1);
}

TEST_F(Inspecting, ATargetThatTheLoadBalancerCallsUnhealthyIsASickTask) {
  Serving(1, Json::object());
  Balanced();
  FirstTask("web1")["containers"][0]["networkInterfaces"] =
      Json::array({{{"privateIpv4Address", "10.0.0.7"}}});
  ecs.target_health[kGroup] = {Target("10.0.0.7", "healthy"), Target("10.0.0.8", "unhealthy")};
  Rounds(2);
  EXPECT_THAT(view.Look(Web(1))->verdict.sick, IsEmpty()) << "somebody else's is not ours";
  ecs.target_health[kGroup] = {Target("10.0.0.7", "unhealthy")};
  Rounds(10);
  const Verdict verdict = view.Look(Web(1))->verdict;
  EXPECT_EQ(verdict.state, HealthState::kUnhealthy);
  ASSERT_THAT(verdict.sick, SizeIs(1));
  EXPECT_EQ(verdict.sick.front().task.arn, FirstTask("web1")["taskArn"].get<std::string>());
  EXPECT_THAT(verdict.message, HasSubstr("Health checks failed with these codes: [503]"));
}

TEST_F(Inspecting, OfInstancesOnlyTheTargetIsKnown) {
  Serving(1, Json::object());
  Balanced();
  ecs.target_health[kGroup] = {Target("i-0123", "unhealthy")};
  Rounds(10);
  const Verdict verdict = view.Look(Web(1))->verdict;
  EXPECT_EQ(verdict.state, HealthState::kUnhealthy);
  EXPECT_THAT(verdict.sick, IsEmpty());
  EXPECT_THAT(verdict.message, HasSubstr("target i-0123:8080 fails"));
}

TEST_F(Inspecting, WithinTheGracePeriodOnlyATaskThatHasBeenWellFallsIll) {
  Serving(1, Json::object());
  Balanced();
  ecs.service("web1")["healthCheckGracePeriodSeconds"] = 3600;
  FirstTask("web1")["containers"][0]["networkInterfaces"] =
      Json::array({{{"privateIpv4Address", "10.0.0.7"}}});
  ecs.target_health[kGroup] = {Target("10.0.0.7", "unhealthy")};
  Rounds(10);
  EXPECT_EQ(view.Look(Web(1))->verdict.state, HealthState::kHealthy) << "it may still be starting";
  ecs.target_health[kGroup] = {Target("10.0.0.7", "healthy")};
  Rounds(3);
  ecs.target_health[kGroup] = {Target("10.0.0.7", "unhealthy")};
  Rounds(10);
  EXPECT_EQ(view.Look(Web(1))->verdict.state, HealthState::kUnhealthy);
}

TEST_F(Inspecting, LoadBalancersThatMayNotBeAskedAreASentenceAndAskedRarely) {
  Serving(1, Json::object());
  Balanced();
  ecs.Deny("DescribeTargetHealth");
  Rounds(12);
  const Verdict verdict = view.Look(Web(1))->verdict;
  EXPECT_EQ(verdict.state, HealthState::kHealthy);
  EXPECT_THAT(verdict.message, HasSubstr("what its load balancer sees is not known"));
  EXPECT_THAT(verdict.message, HasSubstr("DescribeTargetHealth"));
  EXPECT_EQ(ecs.Count("DescribeTargetHealth"), 1u);
}

TEST_F(Inspecting, AnAutoscaledServiceSaysSoAndIsAskedForRarely) {
  Serving(2, Json::object());
  ecs.scalable_targets = {
      {{"ResourceId", "service/shop/web1"}, {"MinCapacity", 2}, {"MaxCapacity", 6}}};
  Rounds(12);
  EXPECT_THAT(view.Look(Web(1))->verdict.conditions, Contains("Autoscaled"));
  EXPECT_THAT(view.Look(Web(2))->verdict.conditions, Not(Contains("Autoscaled")));
  EXPECT_EQ(ecs.Count("DescribeScalableTargets"), 1u) << "both with one call, in two minutes";
  EXPECT_THAT(ecs.Last("DescribeScalableTargets")["ResourceIds"], SizeIs(2));
}

// The table of docs/guides/ecs.md.
class CallsAMinute : public Inspecting {
 protected:
  std::size_t Measure() {
    Rounds(12);  // what is asked for once is known
    ecs.calls.clear();
    Rounds(6);
    return ecs.calls.size();
  }
};

TEST_F(CallsAMinute, TenSteadyServices) {
  Serving(10, Json::object());
  EXPECT_EQ(Measure(), 6u);
}

TEST_F(CallsAMinute, TenSteadyServicesWithHealthChecks) {
  Serving(10);
  EXPECT_EQ(Measure(), 9u);
}

TEST_F(CallsAMinute, OneSteadyServiceBehindALoadBalancer) {
  Serving(1, Json::object());
  Balanced();
  ecs.target_health[kGroup] = {Target("10.0.0.7", "healthy")};
  EXPECT_EQ(Measure(), 12u);
}

TEST_F(CallsAMinute, OneServiceThatIsNotSteady) {
  Serving(1, Json::object());
  ecs.service("web1")["runningCount"] = 1;
  EXPECT_EQ(Measure(), 24u);
}

TEST_F(EcsTest, AFreshLookWhileHealingCostsFourCalls) {
  Serving();
  (void)Look();
  ecs.calls.clear();
  (void)Look();
  EXPECT_EQ(ecs.calls.size(), 4u);
}

}  // namespace
}  // namespace salve::backends::ecs::testing
