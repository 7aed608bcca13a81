// SPDX-License-Identifier: Apache-2.0
// What is said of a workload: states of a cluster in, observation out.
#include "pkg/backends/kubernetes/workload_health.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/kubernetes/testing/shop.h"

namespace salve::backends::kubernetes {
namespace {

using healing::HealthState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Running;
using testing::Shop;
using testing::Terminated;
using ::testing::UnorderedElementsAre;
using testing::Waiting;

class WorkloadHealthTest : public ::testing::Test {
 protected:
  // A crash that comes back: between two tries, or in one.
  Json Crash(std::int64_t code = 1, const std::string& reason = "Error") {
    return Terminated(reason, code, shop.At(-12), shop.At(-10));
  }
  Json BackOff() { return Waiting("CrashLoopBackOff", "back-off 20s restarting failed container"); }

  Shop shop;
};

TEST_F(WorkloadHealthTest, AWorkloadWithAllReplicasIsHealthyAndSaysSo) {
  shop.Serving();
  const auto seen = shop.Observe();
  EXPECT_EQ(seen.state, HealthState::kHealthy);
  EXPECT_THAT(seen.conditions, IsEmpty());
  EXPECT_EQ(seen.message, "3 of 3 replicas available");
  EXPECT_TRUE(seen.running);
  ASSERT_TRUE(seen.replicas.has_value());
  EXPECT_EQ(seen.replicas->desired, 3);
  EXPECT_EQ(seen.replicas->available, 3);
  EXPECT_EQ(seen.labels.at("tier"), "front");
}

TEST_F(WorkloadHealthTest, OneThatDoesNotExistIsMissing) {
  EXPECT_EQ(shop.Observe().state, HealthState::kMissing);
  EXPECT_EQ(shop.Observe(shop.Pod("nobody")).state, HealthState::kMissing);
}

// K01
TEST_F(WorkloadHealthTest, AnImageThatCannotBePulledIsABadReleaseWhileTheOldPodsStillServe) {
  shop.RollingOut(Waiting("ImagePullBackOff", "Back-off pulling image \"shop/web:2\""));
  const auto seen = shop.Observe();
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions,
              UnorderedElementsAre("ImagePullFailing", "SinceRelease", "GoodRevision"));
  EXPECT_EQ(seen.message,
            "3 of 3 replicas available; pod web-2-a ImagePullBackOff: Back-off pulling image "
            "\"shop/web:2\" (revision 2)");
}

TEST_F(WorkloadHealthTest, OneFailedPullIsNoVerdictYet) {
  shop.RollingOut(Waiting("ErrImagePull", "connection reset"));
  const auto seen = shop.Observe();
  EXPECT_EQ(seen.state, HealthState::kHealthy);
  EXPECT_THAT(seen.conditions, ElementsAre("RolloutInProgress"));
}

// K02
TEST_F(WorkloadHealthTest, ACommandThatCrashesSinceTheReleaseIsABadRelease) {
  shop.RollingOut(BackOff(), 2, Crash());
  const auto seen = shop.Observe();
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions,
              UnorderedElementsAre("CrashLooping", "SinceRelease", "GoodRevision"));
  EXPECT_EQ(seen.exit_code, 1);
  EXPECT_THAT(seen.message, HasSubstr("pod web-2-a CrashLoopBackOff: exited with 1 (revision 2)"));
}

TEST_F(WorkloadHealthTest, BetweenTwoCrashesNothingOfTheVerdictChanges) {
  shop.RollingOut(BackOff(), 2, Crash());
  const auto waiting = shop.Observe();
  shop.IllPod("web-2-a", 2, Running(shop.At(-1)), 3, Crash());
  const auto running = shop.Observe();
  shop.IllPod("web-2-a", 2, Crash(), 3, Crash());
  const auto ended = shop.Observe();
  EXPECT_EQ(waiting.conditions, running.conditions);
  EXPECT_EQ(waiting.configuration, running.configuration);
  EXPECT_EQ(waiting.identity, running.identity);
  EXPECT_EQ(waiting.conditions, ended.conditions);
  EXPECT_EQ(waiting.configuration, ended.configuration);
}

TEST_F(WorkloadHealthTest, AContainerThatRunsOnAfterItsCrashesHasRecovered) {
  shop.RollingOut(Running(shop.At(-45)), 3, Crash());
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("RolloutInProgress"));
}

TEST_F(WorkloadHealthTest, OneCrashIsTheKubeletsToMend) {
  shop.RollingOut(Running(shop.At(-2)), 1, Crash());
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("RolloutInProgress"));
}

// K05, the twin of K04: the same symptom, the template is the one that served.
TEST_F(WorkloadHealthTest, ACrashLoopOfATemplateThatServedIsNotSinceTheRelease) {
  shop.Serving();
  shop.Drop(kPods, "web-1-c");
  shop.IllPod("web-1-d", 1, BackOff(), 3, Crash());
  shop.PutDeployment({.available = 2});
  shop.PutReplicaSet(1, 3, 2);
  const auto seen = shop.Observe();
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions, ElementsAre("CrashLooping"));
  EXPECT_THAT(seen.message, HasSubstr("2 of 3 replicas available"));
}

TEST_F(WorkloadHealthTest, AReleaseThatLookedReadyForAMomentBeforeItCrashedIsStillToBlame) {
  shop.PutDeployment({.replicas = 3, .available = 0, .revision = 2, .enough = false});
  shop.PutReplicaSet(2, 3, 0);
  Json web = shop.Get(kDeployments, "web");
  web["status"]["conditions"][1]["lastUpdateTime"] = shop.At(-20);
  shop.Put(kDeployments, web);
  for (const char* name : {"a", "b", "c"}) {
    shop.IllPod(std::string("web-2-") + name, 2, BackOff(), 2, Crash());
  }
  EXPECT_THAT(shop.Observe().conditions,
              UnorderedElementsAre("CrashLooping", "NoneAvailable", "SinceRelease"));
}

// K06
TEST_F(WorkloadHealthTest, AFirstReleaseThatIsBadHasNoGoodRevision) {
  shop.PutDeployment(
      {.replicas = 3, .available = 0, .enough = false, .progress = "ReplicaSetUpdated"});
  shop.PutReplicaSet(1, 3, 0);
  shop.IllPod("web-1-a", 1, Waiting("CreateContainerConfigError", "secret \"x\" not found"));
  EXPECT_THAT(shop.Observe().conditions,
              UnorderedElementsAre("ConfigError", "SinceRelease", "NoneAvailable"));
}

// K08
TEST_F(WorkloadHealthTest, AReleaseThatRunsOutOfMemoryIsBoth) {
  shop.RollingOut(BackOff(), 2, Crash(137, "OOMKilled"));
  const auto seen = shop.Observe();
  EXPECT_THAT(seen.conditions,
              UnorderedElementsAre("CrashLooping", "OOMKilled", "SinceRelease", "GoodRevision"));
  EXPECT_EQ(seen.exit_code, 137);
  EXPECT_THAT(seen.message, HasSubstr("exited with 137 (OOMKilled)"));
}

// K09
TEST_F(WorkloadHealthTest, AnOomKillAnHourIntoTheRunIsRememberedForTenMinutes) {
  shop.Serving();
  Json pod = shop.ReadyPod("web-1-a", 1, 60);
  pod["status"]["containerStatuses"][0]["restartCount"] = 1;
  pod["status"]["containerStatuses"][0]["lastState"] =
      Terminated("OOMKilled", 137, shop.At(-3600), shop.At(-62));
  shop.Put(kPods, pod);
  EXPECT_EQ(shop.Observe().state, HealthState::kUnhealthy);
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("OOMKilled"));
  shop.Pass(600);
  EXPECT_EQ(shop.Observe().state, HealthState::kHealthy);
}

// K15, K18
TEST_F(WorkloadHealthTest, ARolloutThatOverranItsDeadlineBlamesThePodsThatAreNotReady) {
  for (const Json& state : {Running(shop.At(-300)), Waiting("PodInitializing")}) {
    SCOPED_TRACE(state.dump());
    Shop other;
    other.RollingOut(state);
    EXPECT_THAT(other.Observe().conditions, ElementsAre("RolloutInProgress"));
    other.PutDeployment({.replicas = 4,
                         .updated = 1,
                         .revision = 2,
                         .progressing = false,
                         .progress = "ProgressDeadlineExceeded"});
    const auto seen = other.Observe();
    EXPECT_EQ(seen.state, HealthState::kUnhealthy);
    EXPECT_THAT(seen.conditions,
                UnorderedElementsAre("PodNotReady", "SinceRelease", "GoodRevision"));
  }
}

// K17, K20
TEST_F(WorkloadHealthTest, AGoodRolloutThatIsSlowIsLeftToGoOn) {
  shop.RollingOut(Running(shop.At(-80)));
  const auto seen = shop.Observe();
  EXPECT_EQ(seen.state, HealthState::kHealthy);
  EXPECT_THAT(seen.conditions, ElementsAre("RolloutInProgress"));
  EXPECT_EQ(seen.message, "3 of 3 replicas available; a rollout is under way: 1 of 3 updated");
}

TEST_F(WorkloadHealthTest, AFirstRolloutOfWhichNothingServesYetCannotBeJudged) {
  shop.PutDeployment(
      {.updated = 3, .available = 0, .enough = false, .progress = "ReplicaSetUpdated"});
  shop.PutReplicaSet(1, 3, 0);
  shop.IllPod("web-1-a", 1, Running(shop.At(-80)));
  const auto seen = shop.Observe();
  EXPECT_EQ(seen.state, HealthState::kUnknown);
  EXPECT_THAT(seen.conditions, ElementsAre("RolloutInProgress"));
}

TEST_F(WorkloadHealthTest, AFixThatIsJustBeingRolledOutGetsItsChance) {
  shop.RollingOut(BackOff(), 5, Crash());
  shop.PutDeployment({.replicas = 5, .updated = 1, .revision = 3, .progress = "ReplicaSetUpdated"});
  shop.PutReplicaSet(3, 1, 0);
  shop.IllPod("web-3-a", 3, Waiting("ContainerCreating"));
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("RolloutInProgress"));
}

TEST_F(WorkloadHealthTest, ATemplateThatTheControllerHasNotSeenYetIsARollout) {
  shop.RollingOut(BackOff(), 5, Crash());
  Json web = shop.Get(kDeployments, "web");
  web["status"]["observedGeneration"] = web["metadata"]["generation"].get<int>() - 1;
  shop.Put(kDeployments, web);
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("RolloutInProgress"));
}

// K21
TEST_F(WorkloadHealthTest, APausedRolloutSaysThatSomebodyIsAtWork) {
  shop.RollingOut(BackOff(), 5, Crash());
  Json web = shop.Get(kDeployments, "web");
  web["spec"]["paused"] = true;
  web["status"].erase("observedGeneration");
  shop.Put(kDeployments, web);
  EXPECT_THAT(shop.Observe().conditions, Contains("Paused"));
}

// K25
TEST_F(WorkloadHealthTest, AWorkloadThatWasScaledToZeroIsHealthyWithNothingRunning) {
  shop.PutDeployment({.desired = 0, .replicas = 0, .updated = 0, .available = 0});
  const auto seen = shop.Observe();
  EXPECT_EQ(seen.state, HealthState::kHealthy);
  EXPECT_THAT(seen.conditions, ElementsAre("ScaledToZero"));
  EXPECT_FALSE(seen.running);
}

// K32, K33
TEST_F(WorkloadHealthTest, WhatTheApiServerRefusesIsSaidInItsOwnWords) {
  shop.Serving();
  shop.Drop(kPods, "web-1-c");
  shop.PutDeployment({.replicas = 2, .updated = 2, .available = 2});
  shop.PutReplicaSet(1, 3, 2, "pods \"web-1-x\" is forbidden: exceeded quota: pods");
  const auto seen = shop.Observe();
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions, ElementsAre("CreateForbidden"));
  EXPECT_THAT(seen.message, HasSubstr("is forbidden: exceeded quota"));
}

TEST_F(WorkloadHealthTest, AReleaseThatNamesNoAccountNeverGetsAPod) {
  shop.Serving();
  shop.PutDeployment({.updated = 0, .revision = 2, .progress = "ReplicaSetUpdated"});
  shop.PutReplicaSet(2, 1, 0, "pods \"web-2-\" is forbidden: error looking up service account");
  EXPECT_THAT(shop.Observe().conditions,
              UnorderedElementsAre("CreateForbidden", "SinceRelease", "GoodRevision"));
}

TEST_F(WorkloadHealthTest, APodThatIsLostAndComesBackIsNoFault) {
  shop.Serving();
  shop.Drop(kPods, "web-1-c");
  shop.IllPod("web-1-d", 1, Waiting("ContainerCreating"), 0, Json(), 2);
  shop.PutDeployment({.available = 2});
  const auto seen = shop.Observe();
  EXPECT_EQ(seen.state, HealthState::kHealthy);
  EXPECT_THAT(seen.conditions, ElementsAre("Starting"));
}

// K39
TEST_F(WorkloadHealthTest, APodWhoseVolumesDoNotComeSaysWhichFromItsEvents) {
  shop.Serving();
  Json pod = shop.MakePod("web-1-d", 1, 0);
  pod["status"] = {
      {"phase", "Pending"},
      {"conditions",
       {{{"type", "PodReadyToStartContainers"},
         {"status", "False"},
         {"lastTransitionTime", shop.At(0)}}}},
      {"containerStatuses", {{{"name", "web"}, {"state", Waiting("ContainerCreating")}}}}};
  pod = shop.Put(kPods, pod);
  shop.PutDeployment({.available = 2});
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("Starting"));
  shop.Pass(61);
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("ConfigError"));
}

// K40
TEST_F(WorkloadHealthTest, APodThatNoNodeTakesIsUnschedulableAfterAMoment) {
  shop.RollingOut(Waiting("ContainerCreating"));
  Json pod = shop.Get(kPods, "web-2-a");
  pod["spec"].erase("nodeName");
  pod["status"] = {{"phase", "Pending"},
                   {"conditions",
                    {{{"type", "PodScheduled"},
                      {"status", "False"},
                      {"reason", "Unschedulable"},
                      {"message", "0/1 nodes are available: 1 Insufficient cpu."},
                      {"lastTransitionTime", shop.At(0)}}}}};
  shop.Put(kPods, pod);
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("RolloutInProgress"));
  shop.Pass(20);
  EXPECT_THAT(shop.Observe().conditions,
              UnorderedElementsAre("Unschedulable", "SinceRelease", "GoodRevision"));
  EXPECT_THAT(shop.Observe().message, HasSubstr("Insufficient cpu"));
}

TEST_F(WorkloadHealthTest, APodThatStopsBeingReadyIsIllAfterHalfAMinute) {
  shop.Serving();
  Json pod = shop.Get(kPods, "web-1-b");
  pod["status"]["conditions"][0]["status"] = "False";
  pod["status"]["conditions"][0]["lastTransitionTime"] = shop.At(0);
  pod["status"]["containerStatuses"][0]["ready"] = false;
  shop.Put(kPods, pod);
  shop.PutDeployment({.available = 2});
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("Starting"));
  shop.Pass(30);
  EXPECT_EQ(shop.Observe().state, HealthState::kUnhealthy);
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("PodNotReady"));
}

// K49
TEST_F(WorkloadHealthTest, APodThatDoesNotEndIsSaidAfterItsGraceAndAMinute) {
  shop.Serving();
  Json pod = shop.MakePod("web-1-z", 1, 0);
  pod["metadata"]["finalizers"] = {"example.com/stuck"};
  shop.Put(kPods, pod);
  shop.Drop(kPods, "web-1-z");
  EXPECT_THAT(shop.Observe().conditions, IsEmpty());
  shop.Pass(61);
  EXPECT_THAT(shop.Observe().conditions, ElementsAre("TerminatingLong"));
}

// K23, K27
TEST_F(WorkloadHealthTest, WhoElseOwnsItIsRecognisedByTheirMarks) {
  struct Mark {
    const char* sentence;
    Json metadata;
    const char* condition;
  };
  const Mark marks[] = {
      {"Argo CD", {{"annotations", {{"argocd.argoproj.io/tracking-id", "x"}}}}, "GitOps"},
      {"Flux", {{"labels", {{"kustomize.toolkit.fluxcd.io/name", "x"}}}}, "GitOps"},
      {"Helm", {{"labels", {{"app.kubernetes.io/managed-by", "Helm"}}}}, "GitOps"},
      {"an autoscaler",
       {{"managedFields",
         {{{"manager", "kube-controller-manager"},
           {"subresource", "scale"},
           {"fieldsV1", {{"f:spec", {{"f:replicas", Json::object()}}}}}}}}},
       "Autoscaled"}};
  for (const Mark& mark : marks) {
    SCOPED_TRACE(mark.sentence);
    Shop other;
    other.Serving();
    Json web = other.Get(kDeployments, "web");
    web["metadata"].update(mark.metadata, /*merge_objects=*/true);
    other.Put(kDeployments, web);
    EXPECT_THAT(other.Observe().conditions, Contains(mark.condition));
  }
  shop.Serving();
  Json web = shop.Get(kDeployments, "web");
  web["metadata"]["managedFields"] = {{{"manager", "kubectl"},
                                       {"subresource", "scale"},
                                       {"fieldsV1", {{"f:spec", {{"f:replicas", {}}}}}}}};
  shop.Put(kDeployments, web);
  EXPECT_THAT(shop.Observe().conditions, Not(Contains("Autoscaled")));
}

TEST_F(WorkloadHealthTest, AnObjectFullOfNonsenseIsReadAsFarAsItGoes) {
  Json object = {{"metadata", {{"name", "web"}, {"labels", 7}, {"annotations", {"x"}}}},
                 {"spec", {{"replicas", "many"}, {"template", nullptr}, {"selector", 3}}},
                 {"status", {{"conditions", {{"type", 1}}}, {"replicas", -1}}}};
  EXPECT_TRUE(DecodeWorkload(kKindDeployment, object).ok());
  EXPECT_TRUE(DecodeReplicaSet(object).ok());
  EXPECT_TRUE(DecodeControllerRevision(object).ok());
  EXPECT_TRUE(DecodePod(object).ok());
  EXPECT_EQ(DecodePod(Json::object()).code(), Code::kInvalidArgument);
  EXPECT_EQ(DecodePod(Json("text")).code(), Code::kInvalidArgument);
  ASSERT_TRUE(
      shop.server.Create(kDeployments, {{"metadata", {{"name", "web"}, {"namespace", "shop"}}}})
          .ok());
  EXPECT_EQ(shop.Observe().state, HealthState::kUnknown);
}

// --- other kinds

TEST_F(WorkloadHealthTest, ABarePodIsJudgedByItself) {
  Json pod = {{"metadata", {{"name", "job"}}},
              {"spec", {{"containers", {{{"name", "job"}, {"image", "i"}}}}}},
              {"status",
               {{"phase", "Running"}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}};
  shop.Put(kPods, pod);
  EXPECT_EQ(shop.Observe(shop.Pod("job")).state, HealthState::kHealthy);
  pod["status"] = {
      {"phase", "Failed"},
      {"reason", "Evicted"},
      {"message", "The node was low on resource: ephemeral-storage."},
      {"containerStatuses", {{{"name", "job"}, {"state", Terminated("Error", 3, "", "")}}}}};
  shop.Put(kPods, pod);
  const auto seen = shop.Observe(shop.Pod("job"));
  EXPECT_EQ(seen.state, HealthState::kUnhealthy);
  EXPECT_THAT(seen.conditions, ElementsAre("Exited"));
  EXPECT_EQ(seen.exit_code, 3);
  EXPECT_THAT(seen.message, HasSubstr("Evicted: The node was low"));
}

TEST_F(WorkloadHealthTest, MaxUnavailableIsRoundedAsKubernetesDoes) {
  struct Case {
    const char* kind;
    std::int64_t desired;
    const char* value;
    std::int64_t expected;
  };
  const Case cases[] = {{kKindDeployment, 3, "", 0},     {kKindDeployment, 4, "", 1},
                        {kKindDeployment, 10, "50%", 5}, {kKindDeployment, 3, "2", 2},
                        {kKindDaemonSet, 3, "34%", 2},   {kKindStatefulSet, 3, "", 1},
                        {kKindDeployment, 3, "x", 0},    {kKindDeployment, 3, "900%", 3}};
  for (const Case& c : cases) {
    Workload w;
    w.kind = c.kind;
    w.desired = c.desired;
    w.max_unavailable = c.value;
    EXPECT_EQ(MaxUnavailable(w), c.expected) << c.kind << " " << c.desired << " " << c.value;
  }
}

}  // namespace
}  // namespace salve::backends::kubernetes
