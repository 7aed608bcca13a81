// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/poller.h"

#include "pkg/backends/ecs/testing/polled_ecs.h"

namespace salve::backends::ecs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Polling : public PolledEcs {
 protected:
  static ServiceName Web(int number = 0) {
    return {"shop", number == 0 ? "web" : "web" + std::to_string(number)};
  }
  void Serving(int count) {
    for (int i = 1; i <= count; ++i) {
      ecs.Register(Web(i).service);
      ecs.AddService(Web(i).service, 1);
    }
    clock.Advance(minutes(10));
    for (int i = 1; i <= count; ++i) (void)view.Want(Web(i));
  }
  void Round() {
    told.clear();
    (void)poller.Round();
  }
  void Later() {
    clock.Advance(seconds(11));
    Round();
  }
};

TEST_F(Polling, TenSteadyServicesCostOneCallARound) {
  Serving(25);
  Round();
  EXPECT_EQ(ecs.Count("DescribeServices"), 3u);
  EXPECT_EQ(ecs.Count("ListTasks"), 0u) << "nobody asks for tasks of what is steady";
  EXPECT_THAT(told, SizeIs(25));
  Later();  // until now their task definitions and autoscalers were asked for, once
  ecs.calls.clear();
  Later();
  EXPECT_EQ(ecs.calls.size(), 3u);
  EXPECT_THAT(told, IsEmpty()) << "nothing has changed";
}

TEST_F(Polling, OnlyWhatIsNotSteadyIsLookedInto) {
  Serving(3);
  Round();
  ecs.calls.clear();
  ecs.service("web2")["runningCount"] = 0;
  Later();
  EXPECT_THAT(told, ElementsAre("shop/web2"));
  EXPECT_EQ(ecs.Count("ListTasks"), 2u);
  EXPECT_EQ(ecs.Last("ListTasks")["serviceName"], "web2");
  ecs.calls.clear();
  Later();
  EXPECT_EQ(ecs.Count("DescribeTaskDefinition"), 0u) << "a revision never changes";
}

TEST_F(Polling, ThousandServicesStayWithinTheRate) {
  Serving(1000);
  const MonoTime begin = clock.Monotonic();
  Round();
  const double took = std::chrono::duration<double>(clock.Monotonic() - begin).count();
  EXPECT_EQ(ecs.Count("DescribeServices"), 100u);
  EXPECT_LE(static_cast<double>(ecs.Count("DescribeServices")),
            CallRate::kPollBurst + CallRate::kPollPerSecond * took + 1);
  EXPECT_LE(took, 12) << "a round still nearly fits into its period";
}

TEST_F(Polling, AFailedRoundKeepsTheViewAndSeveralSayUnavailable) {
  Serving(1);
  Round();
  ecs.Fail("DescribeServices",
           TooManyRequestsError("ecs:DescribeServices: ThrottlingException: Rate exceeded "
                                "(HTTP 400, request 6f1c)")
               .WithReason("ThrottlingException"),
           false, 3);
  Later();
  Later();
  EXPECT_TRUE(view.status().ok());
  EXPECT_TRUE(view.Look(Web(1)).ok()) << "the last view stays";
  Later();
  EXPECT_EQ(view.status().code(), Code::kUnavailable);
  EXPECT_THAT(view.status().message(),
              ::testing::AllOf(HasSubstr("ecs:DescribeServices"), HasSubstr("ThrottlingException"),
                               HasSubstr("request 6f1c")));
  EXPECT_THAT(told, ElementsAre("*"));
  EXPECT_EQ(view.Look(Web(1)).code(), Code::kUnavailable);
  Later();
  EXPECT_TRUE(view.status().ok());
  EXPECT_TRUE(view.Look(Web(1)).ok());
}

TEST_F(Polling, WithoutCredentialsItIsUnavailableAtOnce) {
  Serving(1);
  ecs.Fail("DescribeServices", UnavailableError("no credentials: AWS_ACCESS_KEY_ID is not set"));
  Round();
  EXPECT_THAT(view.status().message(), HasSubstr("AWS_ACCESS_KEY_ID"));
}

TEST_F(Polling, OneServiceThatIsRefusedCostsTheOthersNothing) {
  Serving(3);
  ecs.Deny("DescribeServices", 2);  // all three together, then the first of them alone
  Round();
  EXPECT_EQ(view.Look(Web(1)).code(), Code::kPermissionDenied);
  EXPECT_THAT(view.Look(Web(1)).status().message(), HasSubstr("ecs:DescribeServices"));
  EXPECT_TRUE(view.Look(Web(2)).ok());
  EXPECT_TRUE(view.Look(Web(3)).ok());
  EXPECT_TRUE(view.status().ok());
  ecs.calls.clear();
  Later();
  EXPECT_EQ(ecs.Count("DescribeServices"), 1u) << "the others go on together";
  EXPECT_THAT(ecs.Last("DescribeServices")["services"], SizeIs(2));
  clock.Advance(seconds(60));
  Round();
  EXPECT_TRUE(view.Look(Web(1)).ok()) << "asked again, rarely: the right may have been granted";
}

TEST_F(Polling, WhereNothingIsGrantedTheBackendSaysSo) {
  Serving(1);
  ecs.Deny("DescribeServices");
  Round();
  EXPECT_EQ(view.status().code(), Code::kPermissionDenied);
  EXPECT_THAT(view.status().message(), HasSubstr("ecs:DescribeServices"));
}

TEST_F(Polling, AMissingClusterIsTheAnswerForItsServices) {
  Serving(1);
  (void)view.Want({"nowhere", "web"});
  Round();
  EXPECT_EQ(view.Look({"nowhere", "web"}).code(), Code::kNotFound);
  EXPECT_THAT(view.Look({"nowhere", "web"}).status().message(), HasSubstr("ClusterNotFound"));
  EXPECT_TRUE(view.Look(Web(1)).ok());
}

TEST_F(Polling, HalfAPictureIsNotTaken) {
  Serving(1);
  Round();
  ecs.service("web1")["runningCount"] = 0;
  ecs.Fail("ListTasks", TooManyRequestsError("ThrottlingException"));
  Later();
  EXPECT_EQ(view.Look(Web(1))->snapshot.service.running, 1);
  Later();
  EXPECT_EQ(view.Look(Web(1))->snapshot.service.running, 0);
}

TEST_F(Polling, AServiceThatNobodyAsksForIsMentionedAndThenForgotten) {
  Serving(2);
  Round();
  clock.Advance(minutes(6));
  Round();
  EXPECT_THAT(told, ElementsAre("shop/web1", "shop/web2"));
  (void)view.Want(Web(2));  // whoever was told asks again
  clock.Advance(minutes(10));
  Round();
  EXPECT_EQ(view.size(), 1u);
  EXPECT_EQ(view.Look(Web(1)).code(), Code::kUnavailable);
}

TEST_F(Polling, ACrashThatEcsHasAlreadyMadeUpForIsStillSeen) {
  Serving(1);
  Round();
  for (int i = 0; i < 2; ++i) {
    clock.Advance(seconds(5));
    ecs.AddEnded("web1", 3);
    ecs.Event("web1", "has started 1 tasks: (task a).");
  }
  Later();
  EXPECT_EQ(view.Look(Web(1))->verdict.state, HealthState::kUnhealthy);
}

TEST_F(Polling, WhatWasReadEarlierDoesNotReplaceWhatWasReadLater) {
  Serving(1);
  Round();
  const MonoTime early = clock.Monotonic();
  clock.Advance(seconds(1));
  Snapshot fresh = view.Look(Web(1))->snapshot;
  fresh.service.desired = 5;
  bool news = false;
  (void)view.Take(Web(1), fresh, clock.Monotonic(), &news);
  EXPECT_TRUE(news);
  Snapshot old = fresh;
  old.service.desired = 1;
  (void)view.Take(Web(1), old, early, &news);
  EXPECT_FALSE(news);
  EXPECT_EQ(view.Look(Web(1))->snapshot.service.desired, 5);
}

class Resolving : public EcsTest {
 protected:
  apis::salve::v1alpha1::Target Of(const std::string& cluster, const std::string& service) {
    apis::salve::v1alpha1::Target target;
    target.ecs.emplace();
    target.ecs->cluster = cluster;
    target.ecs->service = service;
    return target;
  }
};

TEST_F(Resolving, AServiceIsAskedForBeforeItIsKnown) {
  Serving();
  EXPECT_EQ(backend->Resolve(Of("shop", "web"), "default").code(), Code::kUnavailable);
  (void)Look();
  const auto refs = backend->Resolve(Of("shop", "web"), "default");
  ASSERT_TRUE(refs.ok()) << refs.status();
  EXPECT_THAT(*refs, ElementsAre(Web()));
  EXPECT_TRUE(backend->Cached(Web()).ok());
}

TEST_F(Resolving, WhatIsElsewhereIsRefusedByItsName) {
  Serving();
  (void)Look();  // from here on the account is known
  EXPECT_TRUE(backend->Resolve(Of(EcsArn("cluster/shop"), EcsArn("service/shop/web")), "").ok());
  EXPECT_TRUE(backend->Resolve(Of("default", EcsArn("service/shop/web")), "").ok());
  const auto region =
      backend->Resolve(Of("shop", "arn:aws:ecs:us-east-1:123456789012:service/shop/web"), "");
  EXPECT_EQ(region.status().reason(), "InvalidTarget");
  EXPECT_THAT(region.status().message(), HasSubstr("us-east-1"));
  const auto account =
      backend->Resolve(Of("shop", "arn:aws:ecs:eu-central-1:999999999999:service/shop/web"), "");
  EXPECT_THAT(account.status().message(), HasSubstr("of account 999999999999"));
  const auto cluster = backend->Resolve(Of("other", EcsArn("service/shop/web")), "");
  EXPECT_THAT(cluster.status().message(), HasSubstr("is of cluster shop"));
  for (const char* wrong : {"arn:aws:s3:::bucket", "a/b/c", "we b", ""}) {
    EXPECT_EQ(backend->Resolve(Of("shop", wrong), "").status().reason(), "InvalidTarget") << wrong;
  }
}

TEST_F(Resolving, AMissingServiceHasAReasonAndTheCallsName) {
  EXPECT_EQ(Look().state, HealthState::kMissing);
  const auto refs = backend->Resolve(Of("shop", "web"), "");
  EXPECT_EQ(refs.code(), Code::kNotFound);
  EXPECT_EQ(refs.status().reason(), "TargetNotFound");
  EXPECT_THAT(refs.status().message(), HasSubstr("ecs:DescribeServices"));
}

}  // namespace
}  // namespace salve::backends::ecs::testing
