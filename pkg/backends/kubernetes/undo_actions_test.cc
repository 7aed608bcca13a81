// SPDX-License-Identifier: Apache-2.0
// rolloutUndo, and what all changes of a workload have in common.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/kubernetes/testing/actions_fixture.h"

namespace salve::backends::kubernetes {
namespace {

using testing::Action;
using testing::ActionPlan;
using testing::ActionsTest;
using testing::Call;
using testing::Fault;
using ::testing::HasSubstr;
using testing::Outcome;
using testing::Running;
using testing::Shop;
using testing::Waiting;

// --- rolloutUndo

TEST_F(ActionsTest, AnUndoIsPlannedToTheRevisionThatServesWithoutWritingAnything) {
  BadRelease();
  const std::int64_t writes = shop.server.writes();
  const ActionPlan plan = MustPlan(Undo());
  EXPECT_EQ(shop.server.writes(), writes);
  EXPECT_EQ(plan.command, "kubectl -n shop rollout undo deployment/web --to-revision=1");
  EXPECT_EQ(plan.action.rollout_undo->to_revision, 1);
  EXPECT_THAT(plan.description, HasSubstr("from revision 2 to revision 1"));
  EXPECT_THAT(plan.description, HasSubstr("image shop/web:1 instead of shop/web:2"));
  EXPECT_EQ(plan.base_risk, "Medium");
  EXPECT_EQ(plan.takes_available, 0) << "only pods that never served are replaced";
  EXPECT_EQ(plan.idempotency, healing::IdempotencyClass::kRecognisable);
  EXPECT_TRUE(plan.reversible);
  EXPECT_EQ(plan.undo->rollout_undo->to_revision, 2);
  EXPECT_EQ(plan.undo_command, "kubectl -n shop rollout undo deployment/web --to-revision=2");
}

TEST_F(ActionsTest, AnUndoPutsTheOldTemplateBackAndIsRecognisedAfterwards) {
  BadRelease();
  const ActionRequest request = shop.RequestFor(MustPlan(Undo()));
  EXPECT_EQ(Ask(request), Outcome::kNotApplied);
  EXPECT_EQ(Execute(request), Outcome::kApplied);
  EXPECT_EQ(Image(), "shop/web:1");
  EXPECT_FALSE(Web()["spec"]["template"]["metadata"]["labels"].contains("pod-template-hash"));
  EXPECT_EQ(Web()["metadata"]["annotations"]["salve.dev/last-attempt"], "a1");
  EXPECT_EQ(Web()["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
  EXPECT_EQ(Ask(request), Outcome::kApplied);
}

TEST_F(ActionsTest, TheSameAttemptExecutedAgainWritesNothing) {
  BadRelease();
  const ActionRequest request = shop.RequestFor(MustPlan(Undo()));
  EXPECT_EQ(Execute(request), Outcome::kApplied);
  const std::int64_t writes = shop.server.writes();
  EXPECT_EQ(Execute(request), Outcome::kApplied);
  EXPECT_EQ(shop.server.writes(), writes);
}

TEST_F(ActionsTest, AnUndoCanItselfBeUndoneAfterTheNumbersHaveMoved) {
  BadRelease();
  const ActionPlan plan = MustPlan(Undo());
  EXPECT_EQ(Execute(shop.RequestFor(plan)), Outcome::kApplied);
  // The controller gives the old ReplicaSet a new number.
  Json set = shop.Get(kReplicaSets, "web-1");
  set["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "3";
  shop.Put(kReplicaSets, set);
  const ActionRequest back = UndoRequest(plan);
  EXPECT_EQ(Execute(back), Outcome::kApplied);
  EXPECT_EQ(Image(), "shop/web:2");
  EXPECT_EQ(Ask(back), Outcome::kApplied);
}

TEST_F(ActionsTest, AnUndoOfAnUndoLeavesAloneWhatSomebodyRolledOutSince) {
  BadRelease();
  const ActionPlan plan = MustPlan(Undo());
  EXPECT_EQ(Execute(shop.RequestFor(plan)), Outcome::kApplied);
  Json web = Web();
  web["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/web:hotfix";
  shop.Put(kDeployments, web);
  const auto result = shop.backend->Execute(UndoRequest(plan));
  EXPECT_EQ(result.code(), Code::kAborted);
  EXPECT_EQ(Image(), "shop/web:hotfix");
}

TEST_F(ActionsTest, AnUndoIsRefusedWhereItWouldBeWrong) {
  struct Case {
    const char* sentence;
    std::function<void(Shop&)> arrange;
    const char* because;
  };
  const Case cases[] = {
      {"paused by a human",
       [](Shop& s) {
         Json web = s.Get(kDeployments, "web");
         web["spec"]["paused"] = true;
         web["status"].erase("observedGeneration");
         s.Put(kDeployments, web);
       },
       "paused"},
      {"a good rollout under way", [](Shop& s) { s.IllPod("web-2-a", 2, Running(s.At(-5))); },
       "a rollout is in progress"},
      {"no revision that served",
       [](Shop& s) {
         for (const char* pod : {"web-1-a", "web-1-b", "web-1-c"}) s.Drop(kPods, pod);
       },
       "no earlier revision serves, or was seen to (there are: 1, 2)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.sentence);
    Shop other;
    other.RollingOut(Waiting("ImagePullBackOff"));
    c.arrange(other);
    const auto plan = other.backend->Plan(Undo(), other.web(), {});
    EXPECT_EQ(plan.code(), Code::kInvalidArgument) << plan.status();
    EXPECT_THAT(plan.status().message(), HasSubstr(c.because));
  }
  BadRelease();
  Action explicit_one = Undo();
  explicit_one.rollout_undo->to_revision = 7;
  Refuses(explicit_one, "it has no revision 7");
  explicit_one.rollout_undo->to_revision = 2;
  Refuses(explicit_one, "is the present one");
  const auto on_pod = shop.backend->Plan(Undo(), shop.Pod("web-2-a"), {});
  EXPECT_EQ(on_pod.code(), Code::kInvalidArgument);
}

TEST_F(ActionsTest, ATargetThatChangedSinceTheDecisionIsNotTouched) {
  BadRelease();
  const ActionRequest request = shop.RequestFor(MustPlan(Undo()));
  Json web = Web();
  web["spec"]["replicas"] = 5;
  shop.Put(kDeployments, web);
  EXPECT_EQ(shop.backend->Execute(request).code(), Code::kConflict);
  EXPECT_EQ(Image(), "shop/web:2");
}

TEST_F(ActionsTest, AChangeBetweenReadingAndWritingAbortsTheWrite) {
  BadRelease();
  const ActionRequest request = shop.RequestFor(MustPlan(Undo()));
  shop.client.on_call = [this, once = true](const Call& call) mutable {
    if (call.verb == "patch" && std::exchange(once, false)) {
      Json web = Web();
      web["spec"]["replicas"] = 5;
      shop.Put(kDeployments, web);
    }
    return Fault::None();
  };
  const auto result = shop.backend->Execute(request);
  EXPECT_EQ(result.code(), Code::kConflict);
  EXPECT_EQ(result.status().reason(), kReasonTargetDrifted);
  EXPECT_EQ(Image(), "shop/web:2");
}

TEST_F(ActionsTest, AStatusWrittenBetweenReadingAndWritingHoldsNothingUp) {
  BadRelease();
  const ActionRequest request = shop.RequestFor(MustPlan(Undo()));
  int patches = 0;
  shop.client.on_call = [&](const Call& call) {
    if (call.verb == "patch" && ++patches <= 2) {
      Json web = Web();
      web["metadata"]["annotations"]["touched"] = std::to_string(patches);
      shop.Put(kDeployments, web);
    }
    return Fault::None();
  };
  EXPECT_EQ(Execute(request), Outcome::kApplied);
  EXPECT_EQ(patches, 3);
  EXPECT_EQ(Image(), "shop/web:1");
}

TEST_F(ActionsTest, AStatusWrittenAtEveryTryEndsTheTries) {
  BadRelease();
  const ActionRequest request = shop.RequestFor(MustPlan(Undo()));
  int patches = 0;
  shop.client.on_call = [&](const Call& call) {
    if (call.verb == "patch") {
      Json web = Web();
      web["metadata"]["annotations"]["touched"] = std::to_string(++patches);
      shop.Put(kDeployments, web);
    }
    return Fault::None();
  };
  EXPECT_EQ(shop.backend->Execute(request).code(), Code::kConflict);
  EXPECT_EQ(patches, 5);
  EXPECT_EQ(Image(), "shop/web:2");
}

TEST_F(ActionsTest, ALostAnswerIsMadeUpForByTheMarkOnTheObject) {
  BadRelease();
  const ActionRequest request = shop.RequestFor(MustPlan(Undo()));
  Break("patch", Fault::LoseResponse());
  EXPECT_EQ(Execute(request), Outcome::kApplied);
  EXPECT_EQ(Image(), "shop/web:1");
}

TEST_F(ActionsTest, ALostRequestIsUnknownUntilTheOutcomeIsAskedFor) {
  BadRelease();
  const ActionRequest request = shop.RequestFor(MustPlan(Undo()));
  Break("patch", Fault::Refuse(DeadlineExceededError("no answer in time")));
  EXPECT_EQ(Execute(request), Outcome::kUnknown);
  EXPECT_EQ(Ask(request), Outcome::kNotApplied);
}

TEST_F(ActionsTest, AMissingRightSaysWhichOneIsNeeded) {
  BadRelease();
  const ActionRequest request = shop.RequestFor(MustPlan(Undo()));
  Break("patch", Fault::Refuse(PermissionDeniedError("403 forbidden")));
  const auto result = shop.backend->Execute(request);
  EXPECT_EQ(result.code(), Code::kPermissionDenied);
  EXPECT_THAT(result.status().message(), HasSubstr("needs: patch deployments in shop"));
}

TEST_F(ActionsTest, ACallWithoutTimeLeftIsNotMade) {
  BadRelease();
  shop.server.ClearCalls();
  const auto plan = shop.backend->Plan(Undo(), shop.web(), {shop.clock.Monotonic(), {}});
  EXPECT_EQ(plan.code(), Code::kUnavailable);
  EXPECT_TRUE(shop.server.Calls().empty());
}

// A StatefulSet replaces no pod before the one that it waits for is ready.
TEST_F(ActionsTest, TheUndoOfAStatefulSetFreesThePodThatWouldHoldItUp) {
  const auto spec = [](const std::string& image) {
    return Json{{"template",
                 {{"metadata", {{"labels", {{"app", "db"}}}}},
                  {"spec", {{"containers", {{{"name", "db"}, {"image", image}}}}}}}}};
  };
  Json wanted = spec("db:2");
  wanted["replicas"] = 2;
  wanted["selector"] = {{"matchLabels", {{"app", "db"}}}};
  const Json db =
      shop.Put(kStatefulSets,
               {{"metadata", {{"name", "db"}}},
                {"spec", wanted},
                {"status", {{"replicas", 2}, {"updatedReplicas", 1}, {"availableReplicas", 1}}}});
  const Json owner = {{{"kind", "StatefulSet"},
                       {"name", "db"},
                       {"uid", db["metadata"]["uid"]},
                       {"controller", true}}};
  for (const int number : {1, 2}) {
    const std::string text = std::to_string(number);
    shop.Put(kControllerRevisions,
             {{"metadata",
               {{"name", "db-r" + text}, {"labels", {{"app", "db"}}}, {"ownerReferences", owner}}},
              {"revision", number},
              {"data", {{"spec", spec("db:" + text)}}}});
  }
  const auto pod = [&](const std::string& name, const std::string& hash, bool ready) {
    shop.Put(kPods,
             {{"metadata",
               {{"name", name},
                {"labels", {{"app", "db"}, {"controller-revision-hash", hash}}},
                {"ownerReferences", owner}}},
              {"status",
               {{"phase", "Running"},
                {"conditions",
                 {{{"type", "Ready"},
                   {"status", ready ? "True" : "False"},
                   {"lastTransitionTime", shop.At(-60)}}}},
                {"containerStatuses",
                 {{{"name", "db"},
                   {"ready", ready},
                   {"restartCount", ready ? 0 : 3},
                   {"state", ready ? Running(shop.At(-60)) : Waiting("CrashLoopBackOff")}}}}}}});
  };
  pod("db-0", "db-r1", true);
  pod("db-1", "db-r2", false);
  const healing::TargetRef ref{"kubernetes", kKindStatefulSet, "db", "shop"};
  EXPECT_THAT(shop.Observe(ref).conditions,
              ::testing::UnorderedElementsAre("CrashLooping", "SinceRelease", "GoodRevision"));
  const auto plan = shop.backend->Plan(Undo(), ref, {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->command,
            "kubectl -n shop rollout undo statefulset/db --to-revision=1 && kubectl -n shop delete "
            "pod db-1");
  EXPECT_THAT(plan->affected, ::testing::Contains("pod db-1 in shop"));
  EXPECT_EQ(Execute(shop.RequestFor(*plan)), Outcome::kApplied);
  EXPECT_EQ(shop.Get(kStatefulSets, "db")["spec"]["template"]["spec"]["containers"][0]["image"],
            "db:1");
  EXPECT_FALSE(shop.Exists(kPods, "db-1"));
  EXPECT_TRUE(shop.Exists(kPods, "db-0"));
}

}  // namespace
}  // namespace salve::backends::kubernetes
