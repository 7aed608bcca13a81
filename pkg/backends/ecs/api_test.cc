// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/api.h"

#include <memory>
#include <set>

#include "pkg/aws/credentials.h"
#include "pkg/backends/ecs/testing/ecs_fixture.h"
#include "pkg/base/random.h"
#include "pkg/http/testing/scripted_transport.h"

namespace salve::backends::ecs::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The Api on scripted HTTP: what AWS answers, byte by byte.
class Wire : public ::testing::Test {
 protected:
  Wire() {
    options.region = kRegion;
    options.credentials = aws::MakeStaticCredentials({"AKIDEXAMPLE", "secret", "", {}});
    options.platform.env = [](const std::string&) { return std::nullopt; };
    options.platform.connect = [this](const std::string& url) {
      urls.insert(url);
      return StatusOr<std::unique_ptr<http::Transport>>(std::make_unique<http::ScriptedTransport>(
          [this](const http::Request& request, const http::CallOptions&) {
            requests.push_back(request);
            return StatusOr<http::Response>(response);
          }));
    };
    options.platform.clock = &clock;
    options.platform.random = &random;
    auto made = MakeAwsApi(options);
    EXPECT_TRUE(made.ok()) << made.status();
    api = std::move(made).value();
  }

  Status Ask(const Permission& call, int status, const std::string& body) {
    response = {};
    response.status = status;
    response.body = body;
    response.headers.Set("x-amzn-RequestId", "6f1c-42");
    return api->Call(call, {{"cluster", "shop"}}, {clock.Monotonic() + seconds(60), {}}).status();
  }

  HastyClock clock{*ParseTime("2026-11-21T12:00:00Z")};
  SeededRandom random{7};
  AwsApiOptions options;
  std::set<std::string> urls;
  std::vector<http::Request> requests;
  http::Response response;
  std::unique_ptr<Api> api;
};

TEST_F(Wire, EachServiceIsAskedAtItsOwnEndpointByItsOwnName) {
  EXPECT_TRUE(Ask(kDescribeServices, 200, "{}").ok());
  EXPECT_EQ(requests.back().headers.Get("X-Amz-Target"),
            "AmazonEC2ContainerServiceV20141113.DescribeServices");
  EXPECT_TRUE(Ask(kFilterLogEvents, 200, "{}").ok());
  EXPECT_EQ(requests.back().headers.Get("X-Amz-Target"), "Logs_20140328.FilterLogEvents");
  EXPECT_TRUE(Ask(kDescribeScalableTargets, 200, "{}").ok());
  EXPECT_EQ(requests.back().headers.Get("X-Amz-Target"),
            "AnyScaleFrontendService.DescribeScalableTargets");
  EXPECT_EQ(urls,
            (std::set<std::string>{"https://ecs.eu-central-1.amazonaws.com",
                                   "https://elasticloadbalancing.eu-central-1.amazonaws.com",
                                   "https://logs.eu-central-1.amazonaws.com",
                                   "https://application-autoscaling.eu-central-1.amazonaws.com"}));
}

TEST_F(Wire, ARefusalNamesTheRightItsResourceAndTheRequest) {
  for (const Permission* call : Permissions()) {
    const bool xml = call->service->protocol == aws::Protocol::kQuery;
    const Status status =
        Ask(*call, xml ? 403 : 400,
            xml ? "<ErrorResponse><Error><Code>AccessDeniedException</Code><Message>User: x is not "
                  "authorized</Message></Error></ErrorResponse>"
                : R"({"__type":"AccessDeniedException","message":"User: x is not authorized"})");
    EXPECT_EQ(status.code(), Code::kPermissionDenied);
    EXPECT_EQ(status.reason(), "AccessDeniedException");
    EXPECT_THAT(status.message(), AllOf(HasSubstr(RightName(*call)), HasSubstr("6f1c-42"),
                                        HasSubstr("on " + std::string(call->resource))));
  }
}

TEST_F(Wire, AMissingClusterIsNotFound) {
  const Status status =
      Ask(kDescribeServices, 400,
          R"({"__type":"ClusterNotFoundException","message":"Cluster not found."})");
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.reason(), "ClusterNotFoundException");
}

class NoCredentials final : public aws::CredentialsProvider {
 public:
  explicit NoCredentials(Status why) : why_(std::move(why)) {}
  StatusOr<aws::Credentials> Get(const aws::WaitOptions&) override { return why_; }
  void Reject(const aws::Credentials&) override {}

 private:
  const Status why_;
};

TEST_F(Wire, CredentialsThatCannotBeHadSayNothingAboutWhatWasAskedFor) {
  for (const Status& why :
       {NotFoundError("none: AWS_ACCESS_KEY_ID is not set"), InvalidArgumentError("a bad profile"),
        PermissionDeniedError("sts:AssumeRole: AccessDenied")}) {
    options.credentials = std::make_shared<NoCredentials>(why);
    api = std::move(MakeAwsApi(options)).value();
    const Status status = Ask(kDescribeServices, 200, "{}");
    EXPECT_EQ(status.code(), Code::kUnavailable);
    EXPECT_THAT(status.message(), HasSubstr(why.message()));
  }
  EXPECT_TRUE(requests.empty());
}

TEST_F(Wire, AServerThatBrokeDownMayHaveMadeTheChange) {
  EXPECT_EQ(Ask(kUpdateService, 500, "{}").code(), Code::kAborted);
  EXPECT_EQ(requests.size(), 1u) << "it is not sent again";
  EXPECT_EQ(Ask(kDescribeServices, 500, "{}").code(), Code::kUnavailable);
  EXPECT_GT(requests.size(), 2u) << "a call that only looks is repeated";
}

TEST_F(Wire, ThrottlingIsTriedAgainAlsoForAChange) {
  const Status status =
      Ask(kUpdateService, 400, R"({"__type":"ThrottlingException","message":"Rate exceeded"})");
  EXPECT_EQ(status.code(), Code::kTooManyRequests);
  EXPECT_EQ(requests.size(), 3u);
}

TEST(Permissions, NameEachCallOnce) {
  std::set<std::string> names;
  for (const Permission* call : Permissions()) {
    EXPECT_TRUE(names.insert(RightName(*call)).second) << RightName(*call);
    EXPECT_FALSE(call->purpose.empty());
  }
  EXPECT_TRUE(names.contains("ecs:UpdateService"));
}

TEST(CallRate, ADeadlineBeforeItsTurnIsAnErrorAtOnce) {
  HastyClock clock{*ParseTime("2026-11-21T12:00:00Z")};
  CallRate rate(clock);
  const CallContext now{clock.Monotonic(), {}};
  int granted = 0;
  while (rate.Wait(now).ok()) ++granted;
  EXPECT_EQ(granted, CallRate::kBurst);
  EXPECT_EQ(rate.Wait(now).code(), Code::kUnavailable);
  EXPECT_TRUE(rate.Wait({clock.Monotonic() + seconds(5), {}}).ok());
}

}  // namespace
}  // namespace salve::backends::ecs::testing
