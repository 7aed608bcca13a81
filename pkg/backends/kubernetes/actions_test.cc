// SPDX-License-Identifier: Apache-2.0
// What each action would do, does, and can be told to have done.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/kubernetes/testing/actions_fixture.h"

namespace salve::backends::kubernetes {
namespace {

using testing::Action;
using testing::ActionPlan;
using testing::ActionsTest;
using testing::Fault;
using ::testing::HasSubstr;
using testing::Outcome;

// --- deletePod, evictPod

TEST_F(ActionsTest, TheIllPodAndNoOtherIsDeleted) {
  OneIllPod();
  const ActionPlan plan = MustPlan(DeletePod());
  EXPECT_EQ(plan.command, "kubectl -n shop delete pod web-1-d");
  const std::string uid = shop.Get(kPods, "web-1-d")["metadata"]["uid"];
  EXPECT_EQ(plan.subject, "pod web-1-d uid " + uid);
  EXPECT_EQ(plan.takes_available, 0);
  EXPECT_EQ(plan.base_risk, "Low");
  EXPECT_FALSE(plan.reversible);
  const ActionRequest request = shop.RequestFor(plan);
  EXPECT_EQ(Ask(request), Outcome::kNotApplied);
  EXPECT_EQ(Execute(request), Outcome::kApplied);
  EXPECT_FALSE(shop.Exists(kPods, "web-1-d"));
  EXPECT_TRUE(shop.Exists(kPods, "web-1-a"));
  EXPECT_EQ(Ask(request), Outcome::kApplied);
}

TEST_F(ActionsTest, AnotherPodOfTheSameNameIsNotDeletedInItsPlace) {
  OneIllPod();
  const ActionRequest request = shop.RequestFor(MustPlan(DeletePod()));
  shop.Drop(kPods, "web-1-d");
  shop.ReadyPod("web-1-d", 1);
  EXPECT_EQ(shop.backend->Execute(request).code(), Code::kConflict);
  EXPECT_TRUE(shop.Exists(kPods, "web-1-d"));
  EXPECT_EQ(Ask(request), Outcome::kApplied) << "the one that was meant is gone";
}

TEST_F(ActionsTest, WithoutAnIllPodNoneIsChosen) {
  shop.Serving();
  Refuses(DeletePod(), "it has 3 pods, and none of them is known to be ill");
}

TEST_F(ActionsTest, ABarePodIsCriticalToDelete) {
  shop.Put(kPods, {{"metadata", {{"name", "job"}}}, {"status", {{"phase", "Running"}}}});
  const auto plan = shop.backend->Plan(DeletePod(), shop.Pod("job"), {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->base_risk, "Critical");
}

TEST_F(ActionsTest, ADisruptionBudgetThatRefusesAnEvictionIsQuoted) {
  OneIllPod();
  const ActionRequest request = shop.RequestFor(MustPlan(EvictPod()));
  Break("create", Fault::Refuse(TooManyRequestsError(
                      "429 Cannot evict pod as it would violate the pod's disruption budget.")));
  const auto result = shop.backend->Execute(request);
  EXPECT_EQ(result.code(), Code::kTooManyRequests);
  EXPECT_THAT(result.status().message(), HasSubstr("disruption budget"));
  EXPECT_TRUE(shop.Exists(kPods, "web-1-d"));
  shop.client.on_call = nullptr;
  EXPECT_EQ(Execute(request), Outcome::kApplied);
  EXPECT_FALSE(shop.Exists(kPods, "web-1-d"));
}

// --- rolloutRestart

TEST_F(ActionsTest, ARestartChangesNothingButTheMarks) {
  shop.Serving();
  const Json before = Web()["spec"]["template"]["spec"];
  const ActionPlan plan = MustPlan(Restart());
  EXPECT_EQ(plan.command, "kubectl -n shop rollout restart deployment/web");
  EXPECT_EQ(plan.takes_available, 0) << "25 % of 3, rounded down";
  const ActionRequest request = shop.RequestFor(plan);
  EXPECT_EQ(Execute(request), Outcome::kApplied);
  EXPECT_EQ(Web()["spec"]["template"]["spec"], before);
  EXPECT_EQ(
      Web()["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"],
      shop.At(0));
  EXPECT_EQ(Ask(request), Outcome::kApplied);
}

// K33
TEST_F(ActionsTest, NothingIsTakenAwayWhereNewPodsAreRefused) {
  shop.Serving();
  shop.PutReplicaSet(1, 3, 2, "violates PodSecurity \"restricted:latest\"");
  Refuses(Restart(), "takes no new pods");
  Refuses(More(50), "violates PodSecurity");
}

// --- scale

TEST_F(ActionsTest, ScalingIsReversibleUntilSomebodyElseScales) {
  shop.Serving();
  const ActionPlan plan = MustPlan(Scale(5));
  EXPECT_EQ(plan.command, "kubectl -n shop scale deployment/web --replicas=5");
  EXPECT_EQ(plan.undo->scale->replicas, 3);
  EXPECT_EQ(Execute(shop.RequestFor(plan)), Outcome::kApplied);
  EXPECT_EQ(Web()["spec"]["replicas"], 5);
  EXPECT_EQ(Execute(UndoRequest(plan)), Outcome::kApplied);
  EXPECT_EQ(Web()["spec"]["replicas"], 3);

  Json web = Web();
  web["spec"]["replicas"] = 9;
  shop.Put(kDeployments, web);
  ActionRequest again = UndoRequest(plan);
  again.attempt_id = "a2-undo";
  EXPECT_EQ(shop.backend->Execute(again).code(), Code::kAborted);
  EXPECT_EQ(Web()["spec"]["replicas"], 9);
}

TEST_F(ActionsTest, ScalingDownSaysHowMuchItTakes) {
  shop.Serving();
  EXPECT_EQ(MustPlan(Scale(1)).takes_available, 2);
  EXPECT_EQ(MustPlan(Scale(1)).base_risk, "High");
  EXPECT_EQ(MustPlan(Scale(0)).base_risk, "Critical");
  Refuses(Scale(3), "it has 3 replicas already");
  Refuses(Scale(-1), "between 0 and");
}

// --- setResources

TEST_F(ActionsTest, MoreMemoryIsPlannedInBytesForTheContainerThatRanOut) {
  OneIllPod("OOMKilled");
  const ActionPlan plan = MustPlan(More(50));
  EXPECT_EQ(plan.action.set_resources->container, "web");
  EXPECT_EQ(plan.action.set_resources->memory_bytes, 96ll << 20);
  EXPECT_FALSE(plan.action.set_resources->memory_percent.has_value());
  EXPECT_EQ(plan.command,
            "kubectl -n shop set resources deployment/web -c web --limits=memory=96Mi");
  EXPECT_THAT(plan.description, HasSubstr("memory limit from 64Mi to 96Mi"));
  EXPECT_EQ(plan.undo->set_resources->memory_bytes, 64ll << 20);

  const ActionRequest request = shop.RequestFor(plan);
  EXPECT_EQ(Execute(request), Outcome::kApplied);
  EXPECT_EQ(Limits(), (Json{{"memory", "96Mi"}, {"cpu", "1"}}));
  EXPECT_EQ(Requests(), (Json{{"memory", "96Mi"}, {"cpu", "100m"}})) << "it was equal to the limit";
  EXPECT_EQ(Ask(request), Outcome::kApplied);

  EXPECT_EQ(Execute(UndoRequest(plan)), Outcome::kApplied);
  EXPECT_EQ(Limits(), (Json{{"memory", "64Mi"}, {"cpu", "1"}}));
  EXPECT_EQ(Requests(), (Json{{"memory", "64Mi"}, {"cpu", "100m"}}));
}

TEST_F(ActionsTest, TheCapIsKeptAndAtTheCapNothingIsDone) {
  OneIllPod("OOMKilled");
  Action capped = More(50);
  capped.set_resources->max_memory_bytes = 80ll << 20;
  EXPECT_EQ(MustPlan(capped).action.set_resources->memory_bytes, 80ll << 20);
  capped.set_resources->max_memory_bytes = 64ll << 20;
  Refuses(capped, "is already at the cap of 64Mi");
}

TEST_F(ActionsTest, ALimitThatWasNotThereIsTakenAwayAgainByTheInverse) {
  shop.Serving();
  Json web = Web();
  web["spec"]["template"]["spec"]["containers"][0].erase("resources");
  web["status"].erase("observedGeneration");
  shop.Put(kDeployments, web);
  Refuses(More(50), "has no memory limit");
  Action cpu;
  cpu.set_resources.emplace().cpu_millis = 1500;
  const ActionPlan plan = MustPlan(cpu);
  EXPECT_EQ(plan.undo->set_resources->cpu_millis, 0);
  EXPECT_EQ(Execute(shop.RequestFor(plan)), Outcome::kApplied);
  EXPECT_EQ(Limits(), (Json{{"cpu", "1500m"}}));
  EXPECT_EQ(Execute(UndoRequest(plan)), Outcome::kApplied);
  EXPECT_EQ(Web()["spec"]["template"]["spec"]["containers"][0]["resources"], Json::object());
}

// --- logs

TEST_F(ActionsTest, LogsAreThoseOfTheRunThatFailed) {
  OneIllPod();
  shop.server.SetPodLogs({"shop", "web-1-d"}, "web", "starting again\n",
                         "one\ntwo\x1b[31m\nthree\n");
  const auto lines = shop.backend->Logs(shop.web(), 2, {});
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_THAT(*lines, ::testing::ElementsAre("two [31m", "three"));
}

TEST_F(ActionsTest, AContainerThatNeverRanHasNoLog) {
  BadRelease();
  shop.server.SetPodLogs({"shop", "web-2-a"}, "web", "", "");
  const auto lines = shop.backend->Logs(shop.web(), 10, {});
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_TRUE(lines->empty());
}

}  // namespace
}  // namespace salve::backends::kubernetes
