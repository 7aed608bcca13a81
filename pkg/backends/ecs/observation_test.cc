// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/testing/ecs_fixture.h"

namespace salve::backends::ecs::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class Observing : public EcsTest {};

TEST_F(Observing, ASteadyServiceIsHealthyAndSaysWhatItIs) {
  Serving();
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kHealthy);
  EXPECT_THAT(seen.conditions, IsEmpty());
  EXPECT_TRUE(seen.running);
  EXPECT_EQ(seen.replicas->desired, 2);
  EXPECT_EQ(seen.replicas->available, 2);
  EXPECT_EQ(seen.message, "2 of 2 tasks running");
  EXPECT_THAT(seen.configuration, HasSubstr(R"("image":"shop/web:1")"));
  EXPECT_THAT(seen.configuration, HasSubstr(R"("taskDefinition":"web:1")"));
}

TEST_F(Observing, OneTaskThatIsLostIsForEcsToReplace) {
  Serving();
  ecs.AddEnded("web", 137);
  ecs.service("web")["runningCount"] = 1;
  const TargetObservation seen = Look();
  EXPECT_NE(seen.state, HealthState::kUnhealthy) << seen.message;
  EXPECT_THAT(seen.conditions, ElementsAre("Starting"));
}

TEST_F(Observing, TasksThatEndAgainAndAgainAreAnIllnessOfTheServiceWithoutARelease) {
  Serving();
  TasksDie(4);
  ecs.log_events["/demo"] = {};
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions, UnorderedElementsAre("CrashLooping", "NoneAvailable"));
  EXPECT_EQ(seen.exit_code, 4);
  EXPECT_FALSE(seen.running);
  EXPECT_THAT(seen.message, HasSubstr("ended with exit code 4 after 5s (3 have failed)"));
}

TEST_F(Observing, WhatAFailedTaskSaidLastIsPartOfWhatIsSeen) {
  Serving(1);
  ecs.ClearTasks();
  ecs.AddEnded("web", 4);
  clock.Advance(seconds(10));
  const Json& task = ecs.AddEnded("web", 4);
  const std::string id =
      task["taskArn"].get<std::string>().substr(task["taskArn"].get<std::string>().rfind('/') + 1);
  ecs.service("web")["runningCount"] = 0;
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.Now().time_since_epoch());
  ecs.log_events["/demo"] = {{{"logStreamName", "web/app/" + id},
                              {"timestamp", now.count()},
                              {"message", "FATAL certificate has expired\n"}}};
  EXPECT_THAT(Look().message, HasSubstr("; it said: FATAL certificate has expired"));
  const std::size_t asked = ecs.Count("FilterLogEvents");
  EXPECT_THAT(Look().message, HasSubstr("certificate has expired"));
  EXPECT_EQ(ecs.Count("FilterLogEvents"), asked) << "what is known is not asked for again";
}

TEST_F(Observing, LogsThatAreRefusedAreASentenceAndNoError) {
  Serving(1);
  TasksDie();
  ecs.Deny("FilterLogEvents");
  EXPECT_THAT(Look().message, HasSubstr("the right logs:FilterLogEvents on log group /demo"));
  const auto lines = backend->Logs(Web(), 100, Soon());
  ASSERT_TRUE(lines.ok());
  EXPECT_THAT(*lines, ElementsAre(HasSubstr("logs:FilterLogEvents")));
}

TEST_F(Observing, TasksThatGotWellAgainAreForgiven) {
  Serving();
  ecs.AddEnded("web", 1);
  ecs.AddEnded("web", 1);
  EXPECT_EQ(Look().state, HealthState::kUnhealthy) << "they have just failed";
  clock.Advance(seconds(61));
  EXPECT_EQ(Look().state, HealthState::kHealthy) << "all have run for a minute since";
}

TEST_F(Observing, AReleaseThatCannotStartIsToldFromWhatServes) {
  Serving();
  BadRelease();
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions,
              UnorderedElementsAre("ImagePullFailing", "SinceRelease", "GoodRevision"));
  EXPECT_THAT(seen.message, HasSubstr("CannotPullContainerError"));
  EXPECT_THAT(seen.message, HasSubstr("(web:2)"));
}

TEST_F(Observing, AFirstReleaseThatFailsHasNothingToGoBackTo) {
  ecs.Register("web");
  ecs.AddService("web", 1);
  ecs.service("web")["deployments"][0]["rolloutState"] = "IN_PROGRESS";
  TasksDie();
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions, Contains("SinceRelease"));
  EXPECT_THAT(seen.conditions, Not(Contains("GoodRevision")));
}

TEST_F(Observing, ARevisionThatServedIsRememberedWhenEcsShowsItNoMore) {
  Serving();
  (void)Look();
  BadRelease();
  Json& deployments = ecs.service("web")["deployments"];
  deployments = Json::array({deployments[0]});
  EXPECT_THAT(Look().conditions, Contains("GoodRevision"));
  Restart();
  EXPECT_THAT(Look().conditions, Not(Contains("GoodRevision"))) << "a new process knows nothing";
}

TEST_F(Observing, WhatSucceededBeforeThisProcessBeganIsAskedFor) {
  Serving();
  const std::string served = ecs.service("web")["taskDefinition"];
  BadRelease();
  Json& deployments = ecs.service("web")["deployments"];
  deployments = Json::array({deployments[0]});
  ecs.succeeded = {EcsArn("task-definition/web:0"), served};
  EXPECT_THAT(Look().conditions, Contains("GoodRevision"));
  const auto plan = Plan(Rollback());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->action.rollback_task_definition->task_definition, "web:1")
      << "the newest of them";
  EXPECT_EQ(ecs.Count("ListServiceDeployments"), 1u) << "once for a deployment";
  Restart();
  ecs.Deny("ListServiceDeployments");
  EXPECT_THAT(Look().conditions, Not(Contains("GoodRevision"))) << "without the right it is as is";
}

TEST_F(Observing, ADeploymentThatWasUnderWayAtTheFirstLookMayBeOurs) {
  Serving();
  ecs.Deploy("web", ecs.Register("web"));
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kUnknown) << "an attempt of before a restart may wait for it";
  EXPECT_THAT(seen.conditions, ElementsAre("RolloutInProgress"));
  ecs.Complete("web");
  EXPECT_EQ(Look().state, HealthState::kHealthy);
}

TEST_F(Observing, ADeploymentUnderWayIsNoIllness) {
  Serving();
  (void)Look();
  ecs.Deploy("web", ecs.Register("web"));
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kHealthy) << "the old tasks serve";
  EXPECT_THAT(seen.conditions, ElementsAre("RolloutInProgress"));
  ecs.service("web")["runningCount"] = 1;
  EXPECT_EQ(Look().state, HealthState::kUnknown) << "fewer than minimumHealthyPercent";
}

TEST_F(Observing, AServiceWithACircuitBreakerThatRollsBackIsLeftToIt) {
  Serving();
  ecs.service("web")["deploymentConfiguration"]["deploymentCircuitBreaker"] = {{"enable", true},
                                                                               {"rollback", true}};
  BadRelease();
  const TargetObservation seen = Look();
  EXPECT_NE(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions, ElementsAre("RolloutInProgress"));
  EXPECT_THAT(seen.message, HasSubstr("circuit breaker"));
}

TEST_F(Observing, ABreakerThatOnlyStopsLeavesTheWayBackToUs) {
  Serving();
  ecs.service("web")["deploymentConfiguration"]["deploymentCircuitBreaker"] = {{"enable", true},
                                                                               {"rollback", false}};
  BadRelease();
  ecs.service("web")["deployments"][0]["rolloutState"] = "FAILED";
  ecs.ClearTasks();
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions, UnorderedElementsAre("StartFailed", "SinceRelease", "GoodRevision"));
}

TEST_F(Observing, KilledForMemoryIsToldFromOtherCrashes) {
  Serving(1);
  ecs.ClearTasks();
  for (int i = 0; i < 2; ++i) {
    ecs.AddEnded("web", 137)["containers"][0]["reason"] =
        "OutOfMemoryError: Container killed due to memory usage";
  }
  ecs.service("web")["runningCount"] = 0;
  EXPECT_THAT(Look().conditions, UnorderedElementsAre("CrashLooping", "OOMKilled"));
}

TEST_F(Observing, NoRoomForTasksIsToldByTheEvents) {
  Serving();
  ecs.service("web")["desiredCount"] = 4;
  ecs.Event("web",
            "was unable to place a task because no container instance met all of its "
            "requirements.");
  EXPECT_NE(Look().state, HealthState::kUnhealthy) << "capacity may be on its way";
  clock.Advance(seconds(31));
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions, Contains("Unschedulable"));
  EXPECT_THAT(seen.message, HasSubstr("no container instance met all"));
  ecs.Event("web", "has started 2 tasks: (task a) (task b).");
  EXPECT_NE(Look().state, HealthState::kUnhealthy) << "that is history now";
}

TEST_F(Observing, ATaskThatStaysUnhealthyIsSeenAfterAMinute) {
  Serving();
  ecs.AddTask("web")["healthStatus"] = "UNHEALTHY";
  EXPECT_EQ(Look().state, HealthState::kHealthy) << "ECS replaces it by itself";
  clock.Advance(seconds(61));
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions, ElementsAre("Unhealthy"));
}

TEST_F(Observing, ScaledToZeroIsNotIll) {
  Serving();
  ecs.service("web")["desiredCount"] = 0;
  ecs.service("web")["runningCount"] = 0;
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kHealthy);
  EXPECT_THAT(seen.conditions, ElementsAre("ScaledToZero"));
}

TEST_F(Observing, WhatIsMissingOrInactiveIsMissing) {
  ecs.Register("web");
  EXPECT_EQ(Look().state, HealthState::kMissing);
  ecs.AddService("web", 1);
  EXPECT_EQ(Look().state, HealthState::kHealthy);
  ecs.service("web")["status"] = "INACTIVE";
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kMissing);
  EXPECT_THAT(seen.message, HasSubstr("\"web\" in cluster \"shop\" (INACTIVE)"));
}

TEST_F(Observing, TasksThatMayNotBeSeenAreSaidToBeThat) {
  Serving();
  ecs.Deny("ListTasks");
  ecs.service("web")["runningCount"] = 0;
  const TargetObservation seen = Look();
  EXPECT_THAT(seen.message, HasSubstr("its tasks cannot be seen: ecs:ListTasks"));
}

TEST_F(Observing, AFailedCallIsAnErrorAndNotAnotherState) {
  Serving();
  ecs.Fail("DescribeTasks", TooManyRequestsError("ecs:DescribeTasks: ThrottlingException"));
  const auto seen = backend->Observe(Web(), Soon());
  EXPECT_EQ(seen.code(), Code::kTooManyRequests);
}

TEST_F(Observing, TheIdentityChangesWithADeploymentAndNotWithItsTasks) {
  Serving();
  const std::string before = Look().identity;
  TasksDie();
  EXPECT_EQ(Look().identity, before);
  ecs.Deploy("web", ecs.service("web")["taskDefinition"]);
  EXPECT_NE(Look().identity, before);
}

TEST_F(Observing, TasksAreListedPageByPage) {
  Serving(5);
  ecs.page = 2;
  (void)Look();
  EXPECT_EQ(ecs.Last("DescribeTasks")["tasks"].size(), 5u);
}

}  // namespace
}  // namespace salve::backends::ecs::testing
