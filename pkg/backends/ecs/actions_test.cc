// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/testing/ecs_fixture.h"
#include "pkg/backends/ecs/view.h"

namespace salve::backends::ecs::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Acting : public EcsTest {
 protected:
  // Plans on the service as it is and runs the plan.
  StatusOr<healing::ActionResult> Run(const Action& action) {
    auto plan = Plan(action);
    if (!plan.ok()) return plan.status();
    request = RequestFor(*plan);
    return backend->Execute(request);
  }
  Json& Primary() { return ecs.service("web")["deployments"][0]; }

  ActionRequest request;
};

// --- forceNewDeployment

TEST_F(Acting, RedeployingIsPlannedAsTheAwsLineAndMadeOnce) {
  Serving();
  TasksDie();
  const auto plan = Plan(Redeploy());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->command,
            "aws ecs update-service --cluster shop --service web --force-new-deployment");
  EXPECT_EQ(plan->base_risk, "Medium");
  EXPECT_FALSE(plan->reversible);
  EXPECT_EQ(plan->takes_available, 0) << "minimumHealthyPercent is 100";
  EXPECT_EQ(plan->subject, "deployments before: " + Primary()["id"].get<std::string>());
  const auto result = backend->Execute(RequestFor(*plan));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.Count("UpdateService"), 1u);
  EXPECT_EQ(ecs.Last("UpdateService"),
            Json({{"cluster", "shop"}, {"service", "web"}, {"forceNewDeployment", true}}));
  EXPECT_THAT(result->message, HasSubstr(Primary()["id"].get<std::string>()));
}

TEST_F(Acting, WhatServesIsCountedAsTakenWhereTheConfigurationLetsItGo) {
  Serving(4);
  ecs.service("web")["deploymentConfiguration"]["minimumHealthyPercent"] = 50;
  EXPECT_EQ(Plan(Redeploy())->takes_available, 2);
  ecs.service("web")["deploymentConfiguration"]["minimumHealthyPercent"] = 0;
  EXPECT_THAT(Plan(Redeploy())->risk_factors, Contains(HasSubstr("nothing of it serves")));
}

TEST_F(Acting, ADeploymentOfSomebodyElseIsLeftAlone) {
  Serving();
  ecs.Deploy("web", ecs.Register("web"));
  for (const Action& action : {Redeploy(), Rollback(), More(50)}) {
    const auto plan = Plan(action);
    EXPECT_EQ(plan.code(), Code::kInvalidArgument);
    EXPECT_THAT(plan.status().message(), HasSubstr("left alone"));
  }
}

TEST_F(Acting, AnotherControllersDeploymentsAreNotOurs) {
  Serving();
  ecs.service("web")["deploymentController"]["type"] = "CODE_DEPLOY";
  EXPECT_THAT(Plan(Redeploy()).status().message(), HasSubstr("CODE_DEPLOY"));
}

TEST_F(Acting, AServiceThatChangedSinceIsNotActedOn) {
  Serving();
  TasksDie();
  const auto plan = Plan(Redeploy());
  const ActionRequest asked = RequestFor(*plan);
  ecs.Deploy("web", ecs.Register("web"));
  EXPECT_EQ(backend->Execute(asked).code(), Code::kConflict);
  EXPECT_EQ(ecs.Count("UpdateService"), 0u);
}

TEST_F(Acting, AMissingRightIsNamedAndNothingIsInDoubt) {
  Serving();
  TasksDie();
  ecs.Deny("UpdateService");
  const auto result = Run(Redeploy());
  EXPECT_EQ(result.code(), Code::kPermissionDenied);
  EXPECT_THAT(result.status().message(), HasSubstr("ecs:UpdateService"));
}

TEST_F(Acting, ADeploymentWhoseAnswerWasLostIsFound) {
  Serving();
  TasksDie();
  ecs.Fail("UpdateService", AbortedError("connection lost"), /*applied=*/true);
  const auto result = Run(Redeploy());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.Count("UpdateService"), 1u);
}

TEST_F(Acting, ALostAnswerThatEcsShowsLateIsWaitedFor) {
  Serving();
  TasksDie();
  ecs.visible_after = seconds(30);
  ecs.Fail("UpdateService", DeadlineExceededError("no answer"), /*applied=*/true);
  const auto result = Run(Redeploy());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.Count("UpdateService"), 1u);
}

TEST_F(Acting, ARequestThatLeftNoTraceIsNotAppliedAndNeverSentTwice) {
  Serving();
  TasksDie();
  ecs.Fail("UpdateService", AbortedError("connection cut"));
  const MonoTime begin = clock.Monotonic();
  const auto result = Run(Redeploy());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->outcome, Outcome::kNotApplied);
  EXPECT_EQ(ecs.Count("UpdateService"), 1u);
  EXPECT_GE(clock.Monotonic() - begin, View::kConsistency) << "not before ECS would have shown it";
}

TEST_F(Acting, WithoutTheTimeToWaitItStaysUnknown) {
  Serving();
  TasksDie();
  ecs.Fail("UpdateService", AbortedError("connection cut"));
  const auto plan = Plan(Redeploy());
  ActionRequest asked = RequestFor(*plan);
  asked.deadline = clock.Monotonic() + seconds(10);
  const auto result = backend->Execute(asked);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->outcome, Outcome::kUnknown);
}

TEST_F(Acting, UntilEcsShowsItsOwnDeploymentTheOldPictureIsNotBelieved) {
  Serving();
  TasksDie();
  ecs.visible_after = seconds(30);
  ASSERT_TRUE(Run(Redeploy()).ok());
  const TargetObservation seen = Look();
  EXPECT_EQ(seen.state, HealthState::kUnknown) << seen.message;
  EXPECT_THAT(seen.conditions, ElementsAre("RolloutInProgress"));
  clock.Advance(seconds(31));
  ecs.Complete("web");
  EXPECT_EQ(Look().state, HealthState::kHealthy);
}

TEST_F(Acting, AfterACrashTheNewDeploymentTells) {
  Serving();
  TasksDie();
  ASSERT_TRUE(Run(Redeploy()).ok());
  Restart();
  const auto outcome = backend->Outcome(request);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->outcome, Outcome::kApplied);
}

TEST_F(Acting, AfterACrashBeforeTheCallItIsAskedAgainAndThenNotApplied) {
  Serving();
  TasksDie();
  const auto plan = Plan(Redeploy());
  const ActionRequest asked = RequestFor(*plan);
  Restart();
  EXPECT_EQ(backend->Outcome(asked).code(), Code::kUnavailable) << "it may only not be shown yet";
  clock.Advance(seconds(34));
  EXPECT_EQ(backend->Outcome(asked).code(), Code::kUnavailable);
  clock.Advance(seconds(2));
  EXPECT_EQ(backend->Outcome(asked)->outcome, Outcome::kNotApplied);
}

TEST_F(Acting, ADeploymentShownLateIsFoundAfterACrash) {
  Serving();
  TasksDie();
  ecs.visible_after = seconds(30);
  ASSERT_TRUE(Run(Redeploy()).ok());
  Restart();
  EXPECT_EQ(backend->Outcome(request).code(), Code::kUnavailable);
  clock.Advance(seconds(31));
  EXPECT_EQ(backend->Outcome(request)->outcome, Outcome::kApplied);
}

TEST_F(Acting, SomebodyElsesDeploymentIsNotTakenForTheAttempts) {
  Serving();
  TasksDie();
  const auto plan = Plan(Redeploy());
  const ActionRequest asked = RequestFor(*plan);
  ecs.Deploy("web", ecs.Register("web"));
  EXPECT_EQ(backend->Outcome(asked)->outcome, Outcome::kUnknown);
}

TEST_F(Acting, WhileEcsCannotBeAskedNothingIsConcluded) {
  Serving();
  TasksDie();
  ASSERT_TRUE(Run(Redeploy()).ok());
  ecs.Fail("DescribeServices", TooManyRequestsError("ThrottlingException"));
  EXPECT_EQ(backend->Outcome(request).code(), Code::kUnavailable);
}

// --- rollbackTaskDefinition

TEST_F(Acting, ABadReleaseGoesBackToWhatServed) {
  Serving();
  const std::string bad = BadRelease();
  const auto plan = Plan(Rollback());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->command,
            "aws ecs update-service --cluster shop --service web --task-definition web:1");
  EXPECT_EQ(plan->action.rollback_task_definition->task_definition, "web:1");
  EXPECT_TRUE(plan->reversible);
  EXPECT_EQ(plan->undo->rollback_task_definition->task_definition, "web:2");
  EXPECT_THAT(plan->description, HasSubstr("image shop/web:1 instead of shop/web:2"));
  const ActionRequest asked = RequestFor(*plan);
  EXPECT_EQ(backend->Execute(asked)->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.service("web")["taskDefinition"], EcsArn("task-definition/web:1"));
  EXPECT_EQ(backend->Outcome(asked)->outcome, Outcome::kApplied);
  // And forth again, as an undo.
  const ActionRequest undo = UndoOf(*plan, asked);
  EXPECT_EQ(backend->Execute(undo)->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.service("web")["taskDefinition"], bad);
  EXPECT_EQ(backend->Outcome(undo)->outcome, Outcome::kApplied);
}

TEST_F(Acting, AnUndoWhoseAnswerWasLostIsFound) {
  Serving();
  const std::string bad = BadRelease();
  const auto plan = Plan(Rollback());
  const ActionRequest asked = RequestFor(*plan);
  ASSERT_TRUE(backend->Execute(asked).ok());
  ecs.Fail("UpdateService", AbortedError("connection lost"), /*applied=*/true);
  EXPECT_EQ(backend->Execute(UndoOf(*plan, asked))->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.Count("UpdateService"), 2u) << "one there, one back";
  EXPECT_EQ(ecs.service("web")["taskDefinition"], bad);
}

TEST_F(Acting, AnUndoLeavesAloneWhatSomebodyDeployedSince) {
  Serving();
  BadRelease();
  const auto plan = Plan(Rollback());
  const ActionRequest asked = RequestFor(*plan);
  ASSERT_TRUE(backend->Execute(asked).ok());
  ecs.Deploy("web", ecs.Register("web"));
  const auto undone = backend->Execute(UndoOf(*plan, asked));
  EXPECT_EQ(undone.code(), Code::kAborted);
  EXPECT_THAT(undone.status().message(), HasSubstr("web:3"));
}

TEST_F(Acting, GoingBackNeedsSomethingToGoBackTo) {
  ecs.Register("web");
  ecs.AddService("web", 1);
  TasksDie();
  EXPECT_THAT(Plan(Rollback()).status().message(), HasSubstr("no earlier task definition"));
  EXPECT_THAT(Plan(Rollback("web:9")).status().message(), HasSubstr("no task definition web:9"));
  EXPECT_THAT(Plan(Rollback("web:1")).status().message(), HasSubstr("is the present one"));
}

TEST_F(Acting, WhatWasDeregisteredOrIsOfAnotherFamilyIsNotGoneBackTo) {
  Serving();
  BadRelease();
  ecs.Register("other");
  EXPECT_THAT(Plan(Rollback("other:1")).status().message(), HasSubstr("another family"));
  ecs.definition(EcsArn("task-definition/web:1"))["status"] = "INACTIVE";
  const auto plan = Plan(Rollback());
  EXPECT_EQ(plan.code(), Code::kInvalidArgument);
  EXPECT_THAT(plan.status().message(), HasSubstr("web:1 is INACTIVE"));
}

TEST_F(Acting, ANamedRevisionThatWasNotSeenToServeIsARiskFactor) {
  Serving();
  BadRelease();
  ecs.Deploy("web", ecs.Register("web"));
  for (int i = 0; i < 3; ++i) ecs.AddEnded("web", 1);
  const auto plan = Plan(Rollback("web:2"));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->risk_factors, Contains("web:2 was not seen to serve"));
}

// --- setDesiredCount

TEST_F(Acting, TheCountIsSetAndPutBack) {
  Serving();
  const auto plan = Plan(Count(5));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->command, "aws ecs update-service --cluster shop --service web --desired-count 5");
  EXPECT_EQ(plan->base_risk, "Medium");
  EXPECT_EQ(plan->undo->set_desired_count->count, 2);
  const ActionRequest asked = RequestFor(*plan);
  EXPECT_EQ(backend->Execute(asked)->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.service("web")["desiredCount"], 5);
  EXPECT_EQ(backend->Outcome(asked)->outcome, Outcome::kApplied);
  EXPECT_EQ(backend->Execute(UndoOf(*plan, asked))->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.service("web")["desiredCount"], 2);
}

TEST_F(Acting, ScalingToZeroIsCriticalAndSaysWhatItTakes) {
  Serving();
  const auto plan = Plan(Count(0));
  EXPECT_EQ(plan->base_risk, "Critical");
  EXPECT_EQ(plan->takes_available, 2);
  EXPECT_EQ(Plan(Count(1))->base_risk, "High");
  EXPECT_EQ(Plan(Count(2)).code(), Code::kInvalidArgument) << "it has two";
}

TEST_F(Acting, AnAutoscalersBoundsAreKept) {
  Serving();
  ecs.scalable_targets = {
      {{"ResourceId", "service/shop/web"}, {"MinCapacity", 2}, {"MaxCapacity", 6}}};
  EXPECT_EQ(ecs.Last("DescribeScalableTargets"), Json());
  EXPECT_THAT(Plan(Count(0)).status().message(), HasSubstr("outside of its autoscaler's bounds"));
  EXPECT_EQ(ecs.Last("DescribeScalableTargets")["ResourceIds"], Json::array({"service/shop/web"}));
  EXPECT_THAT(Plan(Count(4))->risk_factors, Contains(HasSubstr("an autoscaler owns the count")));
  EXPECT_EQ(ecs.Count("DescribeScalableTargets"), 1u) << "what was just read is believed";
  clock.Advance(minutes(2));
  ecs.Deny("DescribeScalableTargets");
  EXPECT_THAT(Plan(Count(9))->risk_factors, Contains(HasSubstr("is not known")));
}

TEST_F(Acting, ACountThatSomebodyChangedSinceIsNotPutBack) {
  Serving();
  const auto plan = Plan(Count(5));
  const ActionRequest asked = RequestFor(*plan);
  ASSERT_TRUE(backend->Execute(asked).ok());
  ecs.service("web")["desiredCount"] = 7;
  EXPECT_EQ(backend->Execute(UndoOf(*plan, asked)).code(), Code::kAborted);
}

// --- stopTask

TEST_F(Acting, TheTaskThatIsIllIsStoppedByItsArn) {
  Serving();
  Json& ill = ecs.AddTask("web");
  ill["healthStatus"] = "UNHEALTHY";
  const std::string arn = ill["taskArn"].get<std::string>();
  const auto plan = Plan(StopTask());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->subject, arn);
  EXPECT_EQ(plan->takes_available, 1);
  const ActionRequest asked = RequestFor(*plan);
  EXPECT_EQ(backend->Outcome(asked)->outcome, Outcome::kNotApplied);
  EXPECT_EQ(backend->Execute(asked)->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.Last("StopTask")["task"], arn);
  EXPECT_EQ(ecs.Last("StopTask")["reason"], "salve attempt web-1-1");
  EXPECT_EQ(backend->Outcome(asked)->outcome, Outcome::kApplied);
}

TEST_F(Acting, OfSeveralWellTasksNoneIsStopped) {
  Serving();
  EXPECT_THAT(Plan(StopTask()).status().message(), HasSubstr("none of them is known to be ill"));
}

TEST_F(Acting, ATaskThatWasStoppedByOthersIsNotTakenForOurs) {
  Serving(1);
  const auto plan = Plan(StopTask());
  ASSERT_TRUE(plan.ok()) << plan.status();
  const ActionRequest asked = RequestFor(*plan);
  (void)ecs.Call(kStopTask, {{"cluster", "shop"}, {"task", plan->subject}, {"reason", "me"}}, {});
  EXPECT_EQ(backend->Outcome(asked)->outcome, Outcome::kUnknown);
}

// --- updateTaskResources

TEST_F(Acting, MoreMemoryIsANewRevisionThatCarriesTheAttempt) {
  Serving();
  const auto plan = Plan(More(50));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->action.update_task_resources->memory_bytes, 96 << 20) << "absolute from now on";
  EXPECT_THAT(plan->description, HasSubstr("container app from 64 MiB to 96 MiB"));
  const ActionRequest asked = RequestFor(*plan);
  EXPECT_EQ(backend->Execute(asked)->outcome, Outcome::kApplied);
  const Json& made = ecs.Last("RegisterTaskDefinition");
  EXPECT_EQ(made["containerDefinitions"][0]["memory"], 96);
  EXPECT_EQ(made["tags"], Json::array({{{"key", "salve-attempt"}, {"value", "web-1-1"}}}));
  EXPECT_FALSE(made.contains("taskDefinitionArn"));
  EXPECT_FALSE(made.contains("compatibilities"));
  EXPECT_EQ(ecs.service("web")["taskDefinition"], EcsArn("task-definition/web:2"));
  EXPECT_EQ(backend->Outcome(asked)->outcome, Outcome::kApplied);
  EXPECT_EQ(backend->Execute(UndoOf(*plan, asked))->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.service("web")["taskDefinition"], EcsArn("task-definition/web:1"));
}

TEST_F(Acting, ACrashBetweenRegisteringAndDeployingMakesNoSecondRevision) {
  Serving();
  const auto plan = Plan(More(50));
  const ActionRequest asked = RequestFor(*plan);
  ecs.Fail("UpdateService", UnavailableError("no connection"));
  EXPECT_EQ(backend->Execute(asked).code(), Code::kUnavailable);
  Restart();
  EXPECT_EQ(backend->Execute(asked)->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.Count("RegisterTaskDefinition"), 1u);
}

TEST_F(Acting, ARegistrationWhoseAnswerWasLostIsFound) {
  Serving();
  ecs.Fail("RegisterTaskDefinition", AbortedError("lost"), /*applied=*/true);
  EXPECT_EQ(Run(More(50))->outcome, Outcome::kApplied);
  EXPECT_EQ(ecs.Count("RegisterTaskDefinition"), 1u);
  EXPECT_EQ(ecs.service("web")["taskDefinition"], EcsArn("task-definition/web:2"));
}

TEST_F(Acting, MemoryStaysUnderItsCapAndFitsItsTask) {
  ecs.Register("web", {{"memory", 400}},
               {{"cpu", "256"}, {"memory", "512"}, {"requiresCompatibilities", {"FARGATE"}}});
  ecs.AddService("web", 1);
  clock.Advance(minutes(10));
  Action capped = More(100);
  capped.update_task_resources->max_memory_bytes = 600 << 20;
  EXPECT_EQ(Run(capped)->outcome, Outcome::kApplied);
  const Json& made = ecs.Last("RegisterTaskDefinition");
  EXPECT_EQ(made["containerDefinitions"][0]["memory"], 600);
  EXPECT_EQ(made["memory"], "1024") << "the next size that Fargate has";
  ecs.Complete("web");
  clock.Advance(minutes(10));
  EXPECT_THAT(Plan(capped).status().message(), HasSubstr("already at the cap of 600 MiB"));
}

TEST_F(Acting, AnActionOfAnotherBackendIsRefused) {
  Serving();
  Action action;
  action.restart.emplace();
  EXPECT_THAT(Plan(action).status().message(), HasSubstr("knows no action \"restart\""));
}

TEST_F(Acting, AnAttemptIsNotWellBeforeItsDeploymentIsComplete) {
  Serving();
  (void)Look();
  TasksDie();
  const auto plan = Plan(Redeploy());
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_TRUE(backend->Execute(RequestFor(*plan)).ok());
  ecs.service("web")["runningCount"] = 2;  // all tasks run, the deployment goes on
  ecs.ClearTasks();
  const TargetObservation rolling = Look();
  EXPECT_EQ(rolling.state, HealthState::kUnknown);
  EXPECT_THAT(rolling.conditions, ElementsAre("RolloutInProgress"));
  Restart();
  EXPECT_EQ(Look().state, HealthState::kUnknown) << "another process does not believe it either";
  ecs.Complete("web");
  EXPECT_EQ(Look().state, HealthState::kHealthy);
}

TEST_F(Acting, WhatEcsItselfRollsBackOfOursIsJudgedAtItsEnd) {
  Serving();
  (void)Look();
  ecs.service("web")["deploymentConfiguration"]["deploymentCircuitBreaker"] = {{"enable", true},
                                                                               {"rollback", true}};
  const std::string before = ecs.service("web")["taskDefinition"];
  TasksDie();
  const auto plan = Plan(Redeploy());
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_TRUE(backend->Execute(RequestFor(*plan)).ok());
  ecs.service("web")["deployments"][0]["rolloutState"] = "FAILED";
  ecs.Deploy("web", before);
  ecs.service("web")["runningCount"] = 2;
  clock.Advance(seconds(60));
  EXPECT_EQ(Look().state, HealthState::kUnknown) << "it is being rolled back";
  EXPECT_FALSE(Plan(Redeploy()).ok()) << "left to the breaker";
  ecs.Complete("web");
  ecs.ClearTasks();
  EXPECT_EQ(Look().state, HealthState::kHealthy);
}

}  // namespace
}  // namespace salve::backends::ecs::testing
