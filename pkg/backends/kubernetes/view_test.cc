// SPDX-License-Identifier: Apache-2.0
// The local picture: what it resolves, remembers and reports, and what it says when it has none.
#include "pkg/backends/kubernetes/view.h"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/kubernetes/quantity.h"
#include "pkg/backends/kubernetes/selector.h"
#include "pkg/backends/kubernetes/testing/shop.h"

namespace salve::backends::kubernetes {
namespace {

using apis::salve::v1alpha1::KubernetesTarget;
using apis::salve::v1alpha1::LabelSelector;
using client::testing::Call;
using client::testing::Fault;
using healing::HealthState;
using healing::TargetRef;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Shop;
using testing::Terminated;
using testing::Waiting;

class ViewTest : public ::testing::Test {
 protected:
  ViewTest()
      : view("kubernetes", shop.client, {shop.clock, shop.random, shop.metrics},
             [this](const TargetRef& ref) { told.insert(ref); }) {}

  // Until every cache has taken in what there is.
  void Settle() {
    for (int i = 0; i < 40; ++i) view.Step();
  }
  Verdict Look() {
    auto seen = view.Look(shop.web());
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.ok() ? seen->verdict : Verdict{};
  }
  static KubernetesTarget Named(const std::string& kind, const std::string& name) {
    KubernetesTarget target;
    target.kind = kind;
    target.name = name;
    return target;
  }

  Shop shop;
  std::set<TargetRef> told;
  View view;
};

TEST_F(ViewTest, BeforeEverythingWasReadNothingIsSaid) {
  shop.Serving();
  EXPECT_EQ(view.status().code(), Code::kUnavailable);
  EXPECT_EQ(view.Resolve(Named(kKindDeployment, "web"), "shop").code(), Code::kUnavailable);
  EXPECT_EQ(view.Look(shop.web()).code(), Code::kUnavailable);
  Settle();
  EXPECT_TRUE(view.status().ok()) << view.status();
  EXPECT_THAT(told, Contains(TargetRef{"kubernetes", "", "", ""})) << "somebody waits for that";
}

TEST_F(ViewTest, AMissingRightIsNamedAndTheViewGoesOnWhenItIsGranted) {
  shop.Serving();
  shop.client.on_call = [](const Call& call) {
    return call.resource.plural == "replicasets"
               ? Fault::Refuse(PermissionDeniedError("replicasets.apps is forbidden"))
               : Fault::None();
  };
  Settle();
  EXPECT_EQ(view.status().code(), Code::kPermissionDenied);
  EXPECT_THAT(view.status().message(), HasSubstr("needs: list and watch replicasets.apps"));
  shop.client.on_call = nullptr;
  shop.Pass(60);
  Settle();
  EXPECT_TRUE(view.status().ok()) << view.status();
}

TEST_F(ViewTest, TargetsAreResolvedByNameOrLabelsInTheirOwnNamespaceOnly) {
  shop.Serving();
  Settle();
  const std::vector<TargetRef> web = {shop.web()};
  EXPECT_EQ(*view.Resolve(Named(kKindDeployment, "web"), "shop"), web);
  EXPECT_THAT(*view.Resolve(Named(kKindDeployment, "web"), "bank"), IsEmpty());
  EXPECT_THAT(*view.Resolve(Named(kKindStatefulSet, "web"), "shop"), IsEmpty());
  EXPECT_EQ(view.Resolve(Named("Secret", "web"), "shop").code(), Code::kInvalidArgument);

  KubernetesTarget selected;
  selected.kind = kKindDeployment;
  selected.selector.emplace().match_labels = {{"tier", "front"}};
  EXPECT_EQ(*view.Resolve(selected, "shop"), web);
  selected.selector->match_expressions = {{"app", "NotIn", {"web"}}};
  EXPECT_THAT(*view.Resolve(selected, "shop"), IsEmpty());
  EXPECT_THAT(*view.Resolve(Named(kKindPod, "web-1-b"), "shop"), ElementsAre(shop.Pod("web-1-b")));
}

TEST_F(ViewTest, AChangeOfAPodIsAChangeOfItsWorkload) {
  shop.Serving();
  Settle();
  told.clear();
  shop.IllPod("web-1-a", 1, Waiting("CrashLoopBackOff"), 3);
  Settle();
  EXPECT_THAT(told, Contains(shop.web()));
  EXPECT_THAT(told, Contains(shop.Pod("web-1-a")));
  told.clear();
  Settle();
  EXPECT_THAT(told, IsEmpty()) << "nothing changed";
}

TEST_F(ViewTest, WhatTimeAloneChangesIsReportedToo) {
  shop.Serving();
  Json pod = shop.Get(kPods, "web-1-b");
  pod["status"]["conditions"][0]["status"] = "False";
  pod["status"]["conditions"][0]["lastTransitionTime"] = shop.At(0);
  pod["status"]["containerStatuses"][0]["ready"] = false;
  shop.Put(kPods, pod);
  shop.PutDeployment({.available = 2});
  Settle();
  EXPECT_EQ(Look().state, HealthState::kHealthy);
  told.clear();
  shop.Pass(31);
  view.Step();
  EXPECT_THAT(told, ElementsAre(shop.web()));
  EXPECT_EQ(Look().state, HealthState::kUnhealthy);
  EXPECT_EQ(view.Since(shop.web(), HealthState::kUnhealthy), shop.clock.Now());
}

TEST_F(ViewTest, TheSecondTryOfAPullThatFailedIsAsBadAsTheWaitBefore) {
  shop.RollingOut(Waiting("ImagePullBackOff"));
  Settle();
  EXPECT_EQ(Look().state, HealthState::kUnhealthy);
  shop.IllPod("web-2-a", 2, Waiting("ErrImagePull"));
  Settle();
  EXPECT_EQ(Look().state, HealthState::kUnhealthy);
  EXPECT_THAT(Look().conditions, Contains("ImagePullFailing"));
}

// A Recreate rollout, or one that got through: no pod of the old revision is left.
TEST_F(ViewTest, ARevisionThatServedIsRememberedWhenItsPodsAreGone) {
  shop.Serving();
  Settle();
  shop.PutDeployment({.replicas = 3,
                      .available = 0,
                      .revision = 2,
                      .enough = false,
                      .progress = "ReplicaSetUpdated"});
  shop.PutReplicaSet(1, 0, 0);
  shop.PutReplicaSet(2, 3, 0);
  for (const char* name : {"web-1-a", "web-1-b", "web-1-c"}) shop.Drop(kPods, name);
  shop.IllPod("web-2-a", 2, Waiting("CrashLoopBackOff"), 3,
              Terminated("Error", 1, shop.At(-3), shop.At(-2)));
  Settle();
  EXPECT_THAT(Look().conditions, Contains("GoodRevision"));
  ASSERT_EQ(Look().good.size(), 1u);
  EXPECT_EQ(Look().good.front()->number, 1);
}

TEST_F(ViewTest, ARevisionThatServedForAMomentIsNotRemembered) {
  shop.PutDeployment({});
  shop.PutReplicaSet(1, 3, 3);
  for (const char* name : {"a", "b", "c"}) shop.ReadyPod(std::string("web-1-") + name, 1, 5);
  Settle();
  shop.PutDeployment(
      {.available = 0, .revision = 2, .enough = false, .progress = "ReplicaSetUpdated"});
  shop.PutReplicaSet(2, 3, 0);
  for (const char* name : {"a", "b", "c"}) shop.Drop(kPods, std::string("web-1-") + name);
  Settle();
  EXPECT_THAT(Look().conditions, Not(Contains("GoodRevision")));
}

TEST_F(ViewTest, ATargetThatIsGoneIsForgotten) {
  shop.Serving();
  Settle();
  (void)Look();
  shop.Drop(kDeployments, "web");
  Settle();
  EXPECT_EQ(view.Look(shop.web()).code(), Code::kNotFound);
  EXPECT_EQ(view.Since(shop.web(), HealthState::kHealthy), std::nullopt);
}

// A StatefulSet has no condition for it, and an endless rollout is no excuse.
TEST_F(ViewTest, AStatefulSetThatMayNotCreateItsPodSaysSoFromTheEvent) {
  Json db =
      shop.Put(kStatefulSets,
               {{"metadata", {{"name", "db"}}},
                {"spec", {{"replicas", 2}, {"selector", {{"matchLabels", {{"app", "db"}}}}}}},
                {"status", {{"replicas", 1}, {"updatedReplicas", 1}, {"availableReplicas", 1}}}});
  Settle();
  const TargetRef ref{"kubernetes", kKindStatefulSet, "db", "shop"};
  EXPECT_THAT(view.Look(ref)->verdict.conditions, ElementsAre("Starting"));
  told.clear();
  shop.Put(kEvents, {{"metadata", {{"name", "db.1"}}},
                     {"reason", "FailedCreate"},
                     {"type", "Warning"},
                     {"message", "create Pod db-1 in StatefulSet db failed error: exceeded quota"},
                     {"lastTimestamp", shop.At(0)},
                     {"involvedObject",
                      {{"kind", "StatefulSet"}, {"name", "db"}, {"uid", db["metadata"]["uid"]}}}});
  Settle();
  EXPECT_THAT(told, Contains(ref));
  EXPECT_THAT(view.Look(ref)->verdict.conditions, ElementsAre("CreateForbidden"));
  EXPECT_THAT(view.Look(ref)->verdict.message, HasSubstr("exceeded quota"));

  // The quota is raised, the pod comes, and is lost again: the old event says nothing about that.
  shop.Pass(5);
  shop.Put(kPods, {{"metadata",
                    {{"name", "db-1"},
                     {"ownerReferences",
                      {{{"kind", "StatefulSet"},
                        {"name", "db"},
                        {"uid", db["metadata"]["uid"]},
                        {"controller", true}}}}}}});
  Settle();
  shop.Drop(kPods, "db-1");
  Settle();
  EXPECT_THAT(view.Look(ref)->verdict.conditions, ElementsAre("Starting"));
}

TEST(SelectorTest, EveryTermMustHold) {
  LabelSelector selector;
  selector.match_labels = {{"app", "web"}};
  selector.match_expressions = {{"tier", "In", {"front", "edge"}}, {"old", "DoesNotExist", {}}};
  EXPECT_TRUE(Selects(selector, {{"app", "web"}, {"tier", "edge"}}));
  EXPECT_FALSE(Selects(selector, {{"app", "web"}}));
  EXPECT_FALSE(Selects(selector, {{"app", "web"}, {"tier", "edge"}, {"old", ""}}));
  EXPECT_TRUE(Selects({}, {}));
  selector.match_expressions = {{"app", "Resembles", {"w"}}};
  EXPECT_FALSE(Selects(selector, {{"app", "web"}})) << "an operator that nobody knows";
}

TEST(QuantityTest, QuantitiesAreReadAsKubernetesWritesThem) {
  EXPECT_EQ(ParseBytes("64Mi"), 64ll << 20);
  EXPECT_EQ(ParseBytes("1G"), 1000000000);
  EXPECT_EQ(ParseBytes("12e6"), 12000000);
  EXPECT_EQ(ParseBytes("1500m"), 2);
  EXPECT_EQ(ParseBytes("0.5Gi"), 512ll << 20);
  EXPECT_EQ(ParseBytes("9Ei"), std::nullopt);
  EXPECT_EQ(ParseMillis("100m"), 100);
  EXPECT_EQ(ParseMillis("0.1"), 100);
  EXPECT_EQ(ParseMillis("2"), 2000);
  for (const char* bad : {"", "x", "-1", "1Q", "nan", "inf", "1 Mi"}) {
    EXPECT_EQ(ParseBytes(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(BytesQuantity(96ll << 20), "96Mi");
  EXPECT_EQ(BytesQuantity(1000), "1000");
  EXPECT_EQ(BytesQuantity(0), "0");
  EXPECT_EQ(MillisQuantity(1500), "1500m");
  EXPECT_EQ(MillisQuantity(2000), "2");
}

}  // namespace
}  // namespace salve::backends::kubernetes
