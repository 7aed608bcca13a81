// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/json_client.h"

#include <deque>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/aws/testing/fake_platform.h"
#include "pkg/base/time_format.h"

namespace salve::aws {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Operation kRead{"DescribeServices", Repeat::kSafe, true};
constexpr Operation kWrite{"UpdateService", Repeat::kAtMostOnce, true};
const Credentials kKeys{"AKIDEXAMPLE", "the-secret-key", "the-session-token", std::nullopt};

// What the service does with one request.
using Step = std::function<StatusOr<http::Response>(const http::CallOptions&)>;

Step Says(int status, const std::string& body, const http::Headers& more = {}) {
  return [=](const http::CallOptions&) -> StatusOr<http::Response> {
    http::Response response = JsonAnswer(status, body);
    for (const auto& [name, value] : more) response.headers.Add(name, value);
    return response;
  };
}
Step Works() { return Says(200, R"({"services":[]})"); }
Step Throttles() {
  return Says(400, R"({"__type":"ThrottlingException","message":"Rate exceeded"})");
}
Step Breaks() {
  return [](const http::CallOptions&) -> StatusOr<http::Response> {
    return AbortedError("POST https://ecs: the connection was closed");
  };
}

// Remembers what was refused; gives another key afterwards.
class CountingProvider final : public CredentialsProvider {
 public:
  StatusOr<Credentials> Get(const WaitOptions& /*options*/) override {
    if (!error.ok()) return error;
    Credentials out = kKeys;
    if (rejections > 0) out.access_key_id = "AKIDRENEWED";
    return out;
  }
  void Reject(const Credentials& credentials) override {
    ++rejections;
    EXPECT_EQ(credentials, kKeys);
  }
  int rejections = 0;
  Status error;
};

class JsonClientTest : public ::testing::Test {
 protected:
  // Each request takes the next step; the last one stays.
  std::unique_ptr<JsonClient> Client(std::deque<Step> steps, const Service& service = kEcs) {
    steps_ = std::move(steps);
    world_.Serve(
        [this](const std::string&, const http::Request&, const http::CallOptions& options) {
          const Step step = steps_.front();
          if (steps_.size() > 1) steps_.pop_front();
          return step(options);
        });
    EndpointOptions endpoint;
    endpoint.region = "eu-west-1";
    auto client = MakeJsonClient(service, endpoint, provider_, options_, world_.platform());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }
  http::Request Last() const { return world_.sent().back().request; }

  FakePlatform world_;
  CountingProvider provider_;
  ClientOptions options_;
  std::deque<Step> steps_;
};

TEST_F(JsonClientTest, SendsASignedJsonRequestAndReadsTheAnswer) {
  auto client = Client({Says(200, R"({"services":[{"serviceName":"web"}]})")});
  const auto answer = client->Call(kRead, Json{{"cluster", "c"}}, {});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)["services"][0]["serviceName"], "web");
  EXPECT_EQ(world_.sent().back().to, "https://ecs.eu-west-1.amazonaws.com");
  const http::Request request = Last();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/");
  EXPECT_EQ(request.body, R"({"cluster":"c"})");
  EXPECT_EQ(request.headers.Get("Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(request.headers.Get("X-Amz-Target"),
            "AmazonEC2ContainerServiceV20141113.DescribeServices");
  EXPECT_EQ(request.headers.Get("X-Amz-Date"), "20260102T030405Z");
  EXPECT_EQ(request.headers.Get("X-Amz-Security-Token"), "the-session-token");
  EXPECT_THAT(std::string(*request.headers.Get("Authorization")),
              HasSubstr("Credential=AKIDEXAMPLE/20260102/eu-west-1/ecs/aws4_request, "
                        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;"
                        "x-amz-target, Signature="));
}

TEST_F(JsonClientTest, AnErrorKeepsTheCodeTheStatusAndTheRequestId) {
  auto client = Client({Says(
      400, R"({"__type":"com.amazonaws.ecs#ClusterNotFoundException","message":"No cluster."})")});
  Failure failure;
  CallOptions call;
  call.failure = &failure;
  const Status status = client->Call(kRead, Json::object(), call).status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.reason(), "ClusterNotFoundException");
  EXPECT_EQ(status.message(),
            "ecs:DescribeServices in eu-west-1: ClusterNotFoundException: No cluster. (HTTP 400, "
            "request req-1)");
  EXPECT_EQ(failure.code, "ClusterNotFoundException");
  EXPECT_EQ(failure.http_status, 400);
  EXPECT_EQ(failure.request_id, "req-1");
  EXPECT_EQ(world_.sent().size(), 1U);
}

TEST_F(JsonClientTest, RepeatsThrottledCallsUpToThreeTimesEvenWrites) {
  auto client = Client({Throttles(), Throttles(), Works()});
  EXPECT_TRUE(client->Call(kWrite, Json::object(), {}).ok());
  EXPECT_EQ(world_.sent().size(), 3U);
  auto other = Client({Throttles()});
  const Status status = other->Call(kRead, Json::object(), {}).status();
  EXPECT_EQ(status.code(), Code::kTooManyRequests);
  EXPECT_EQ(world_.sent().size(), 6U);
}

TEST_F(JsonClientTest, NeverRepeatsAWriteWhoseOutcomeIsNotKnown) {
  for (const Step& step : {Breaks(), Says(500, "{}"), Says(503, "")}) {
    const std::size_t before = world_.sent().size();
    auto client = Client({step, Works()});
    EXPECT_FALSE(client->Call(kWrite, Json::object(), {}).ok());
    EXPECT_EQ(world_.sent().size() - before, 1U);
    auto reader = Client({step, Works()});
    EXPECT_TRUE(reader->Call(kRead, Json::object(), {}).ok());
  }
}

TEST_F(JsonClientTest, RepeatsAWriteThatWasCertainlyNotSent) {
  auto client = Client({[](const http::CallOptions&) -> StatusOr<http::Response> {
                          return UnavailableError("connection refused");
                        },
                        Works()});
  EXPECT_TRUE(client->Call(kWrite, Json::object(), {}).ok());
}

TEST_F(JsonClientTest, WaitsAsLongAsTheServiceAsks) {
  auto client =
      Client({Says(400, R"({"__type":"ThrottlingException"})", {{"x-amz-retry-after", "7500"}}),
              Says(429, "", {{"Retry-After", "9"}}), Works()});
  const MonoTime start = world_.clock().Monotonic();
  EXPECT_TRUE(client->Call(kRead, Json::object(), {}).ok());
  EXPECT_EQ(world_.clock().Monotonic() - start, std::chrono::milliseconds(16'500));
}

TEST_F(JsonClientTest, BacksOffWithFullJitterBelowTheCap) {
  options_.max_attempts = 8;
  auto client = Client({Throttles()});
  CallOptions call;
  call.deadline = world_.clock().Monotonic() + std::chrono::hours(1);
  const MonoTime start = world_.clock().Monotonic();
  EXPECT_FALSE(client->Call(kRead, Json::object(), call).ok());
  EXPECT_EQ(world_.sent().size(), 8U);
  // At most 1 + 2 + 4 + 8 + 16 + 20 + 20.
  EXPECT_LT(world_.clock().Monotonic() - start, std::chrono::seconds(71));
  EXPECT_GT(world_.clock().Monotonic() - start, std::chrono::seconds(1));
}

TEST_F(JsonClientTest, DoesNotWaitPastTheCallersDeadline) {
  auto client = Client({Says(429, "", {{"Retry-After", "60"}}), Works()});
  CallOptions call;
  call.deadline = world_.clock().Monotonic() + std::chrono::seconds(10);
  const MonoTime start = world_.clock().Monotonic();
  const Status status = client->Call(kRead, Json::object(), call).status();
  EXPECT_EQ(status.code(), Code::kTooManyRequests);
  EXPECT_EQ(status.retry_after(), std::chrono::milliseconds(60'000));
  EXPECT_EQ(world_.clock().Monotonic(), start);
}

TEST_F(JsonClientTest, EachTryEndsAfterItsOwnTimeAndTheCallAtItsDeadline) {
  std::vector<Duration> given;
  auto client = Client({[&](const http::CallOptions& options) -> StatusOr<http::Response> {
    given.push_back(options.deadline - world_.clock().Monotonic());
    world_.clock().Advance(given.back());
    return DeadlineExceededError("no answer in time");
  }});
  const MonoTime start = world_.clock().Monotonic();
  CallOptions call;
  call.deadline = start + std::chrono::seconds(15);
  EXPECT_EQ(client->Call(kRead, Json::object(), call).code(), Code::kDeadlineExceeded);
  ASSERT_EQ(given.size(), 2U);
  EXPECT_EQ(given[0], std::chrono::seconds(10));
  EXPECT_LE(given[1], std::chrono::seconds(5));
  EXPECT_EQ(world_.clock().Monotonic() - start, std::chrono::seconds(15));
}

TEST_F(JsonClientTest, RepetitionsStopWhenTheQuotaIsSpentAndComeBackWithSuccess) {
  auto client = Client({Throttles()});
  for (int i = 0; i < 50; ++i) (void)client->Call(kRead, Json::object(), {});
  EXPECT_EQ(client->retry_quota(), 0);
  const std::size_t before = world_.sent().size();
  EXPECT_EQ(before, 150U);
  (void)client->Call(kRead, Json::object(), {});
  EXPECT_EQ(world_.sent().size() - before, 1U) << "no repetition is paid for any more";
  steps_ = {Works()};
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(client->Call(kRead, Json::object(), {}).ok());
  EXPECT_EQ(client->retry_quota(), 5);
  steps_ = {Throttles(), Works()};
  EXPECT_TRUE(client->Call(kRead, Json::object(), {}).ok());
  EXPECT_EQ(client->retry_quota(), 5) << "what a successful repetition took comes back";
}

TEST_F(JsonClientTest, ATimeOutCostsTwiceAsMuchAsAnotherFault) {
  options_.max_attempts = 2;
  auto client = Client({[](const http::CallOptions&) -> StatusOr<http::Response> {
    return DeadlineExceededError("no answer in time");
  }});
  (void)client->Call(kRead, Json::object(), {});
  EXPECT_EQ(client->retry_quota(), 490);
}

TEST_F(JsonClientTest, CorrectsTheClockFromTheDateOfARefusalOnce) {
  const std::string skewed =
      R"({"__type":"InvalidSignatureException","message":"Signature expired: 1 is now earlier"})";
  auto client = Client({Says(403, skewed, {{"Date", "Fri, 02 Jan 2026 03:24:05 GMT"}}), Works()});
  EXPECT_TRUE(client->Call(kWrite, Json::object(), {}).ok());
  EXPECT_EQ(client->clock_correction(), std::chrono::minutes(20));
  EXPECT_EQ(Last().headers.Get("X-Amz-Date"), "20260102T032405Z");
  steps_ = {Works()};
  EXPECT_TRUE(client->Call(kRead, Json::object(), {}).ok());
  EXPECT_EQ(Last().headers.Get("X-Amz-Date"), "20260102T032405Z") << "the correction stays";
}

TEST_F(JsonClientTest, ARefusedSignatureThatIsNotAboutTimeIsNotSentAgain) {
  const std::string refusal =
      R"({"__type":"InvalidSignatureException","message":"The request signature we calculated does)"
      R"( not match.\n\nThe Canonical String was:\n'POST\n/\n\nx-amz-security-token:)"
      R"(the-session-token\n'"})";
  auto client = Client({Says(403, refusal, {{"Date", "Fri, 02 Jan 2026 03:06:05 GMT"}})});
  const Status status = client->Call(kRead, Json::object(), {}).status();
  EXPECT_EQ(status.code(), Code::kUnauthenticated);
  EXPECT_EQ(world_.sent().size(), 1U);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("does not match"), Not(HasSubstr("Canonical")),
                                      Not(HasSubstr("the-session-token"))));
}

TEST_F(JsonClientTest, AClockThatCannotBeCorrectedIsTriedTwiceAtMost) {
  auto client = Client(
      {Says(403, R"({"__type":"RequestExpired"})", {{"Date", "Fri, 02 Jan 2026 03:24:05 GMT"}}),
       Says(403, R"({"__type":"RequestExpired"})", {{"Date", "Fri, 02 Jan 2026 04:24:05 GMT"}})});
  EXPECT_EQ(client->Call(kRead, Json::object(), {}).code(), Code::kUnauthenticated);
  EXPECT_EQ(world_.sent().size(), 2U);
}

TEST_F(JsonClientTest, RefusedCredentialsAreFetchedAnewOnce) {
  auto client =
      Client({Says(400, R"({"__type":"ExpiredTokenException","message":"expired"})"), Works()});
  EXPECT_TRUE(client->Call(kWrite, Json::object(), {}).ok());
  EXPECT_EQ(provider_.rejections, 1);
  EXPECT_THAT(std::string(*Last().headers.Get("Authorization")), HasSubstr("AKIDRENEWED"));
}

TEST_F(JsonClientTest, ARightThatIsMissingIsNamed) {
  auto client =
      Client({Says(400, R"({"__type":"AccessDeniedException","Message":"not allowed"})")});
  const Status status = client->Call(kWrite, Json::object(), {}).status();
  EXPECT_EQ(status.code(), Code::kPermissionDenied);
  EXPECT_THAT(status.message(), HasSubstr("ecs:UpdateService"));
}

TEST_F(JsonClientTest, NoErrorShowsACredential) {
  auto client = Client(
      {Says(400, R"({"__type":"InvalidParameterException","message":"got the-secret-key and )"
                 R"(the-session-token and password=hunter22"})")});
  const Status status = client->Call(kRead, Json::object(), {}).status();
  EXPECT_THAT(status.message(),
              AllOf(Not(HasSubstr("the-secret-key")), Not(HasSubstr("the-session-token")),
                    Not(HasSubstr("hunter22")), HasSubstr("[REDACTED]")));
}

TEST_F(JsonClientTest, WithoutCredentialsNothingIsSent) {
  provider_.error = NotFoundError("no AWS credentials are configured; tried environment");
  auto client = Client({Works()});
  const Status status = client->Call(kRead, Json::object(), {}).status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("ecs:DescribeServices in eu-west-1: no AWS credentials"));
  EXPECT_TRUE(world_.sent().empty());
}

TEST_F(JsonClientTest, AStoppedCallerGetsCancelledWithoutASend) {
  auto client = Client({Works()});
  std::stop_source stop;
  stop.request_stop();
  CallOptions call;
  call.stop = stop.get_token();
  EXPECT_EQ(client->Call(kRead, Json::object(), call).code(), Code::kCancelled);
  EXPECT_TRUE(world_.sent().empty());
}

TEST_F(JsonClientTest, AnAnswerThatIsTooLargeOrNoJsonIsAnInternalError) {
  auto large = Client({[](const http::CallOptions& options) -> StatusOr<http::Response> {
    EXPECT_EQ(options.max_body_bytes, 8U << 20);
    return InvalidArgumentError("the response body is larger than 8388608 bytes");
  }});
  EXPECT_EQ(large->Call(kRead, Json::object(), {}).code(), Code::kInternal);
  for (const std::string body : {"<html>", "[]", "{\"a\":"}) {
    auto client = Client({Says(200, body)});
    EXPECT_EQ(client->Call(kRead, Json::object(), {}).code(), Code::kInternal) << body;
  }
  auto empty = Client({Says(200, "")});
  const auto answer = empty->Call(kRead, Json::object(), {});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(*answer, Json::object());
}

TEST_F(JsonClientTest, SpeaksTheQueryProtocol) {
  constexpr Operation kHealth{"DescribeTargetHealth", Repeat::kSafe, true};
  auto client =
      Client({Says(200,
                   "<DescribeTargetHealthResponse xmlns=\"http://elb\"><DescribeTargetHealthResult>"
                   "<TargetHealthDescriptions><member><Target><Id>i-1</Id></Target></member>"
                   "</TargetHealthDescriptions></DescribeTargetHealthResult>"
                   "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
                   "</DescribeTargetHealthResponse>")},
             kElb);
  const auto answer = client->Call(
      kHealth, Json{{"TargetGroupArn", "arn:a&b"}, {"Targets", {{{"Id", "i-1"}, {"Port", 80}}}}},
      {});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)["TargetHealthDescriptions"][0]["Target"]["Id"], "i-1");
  EXPECT_EQ(Last().body,
            "Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn=arn%3Aa%26b&"
            "Targets.member.1.Id=i-1&Targets.member.1.Port=80");
  auto failing = Client({Says(403,
                              "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied"
                              "</Code><Message>no</Message></Error><RequestId>xml-id"
                              "</RequestId></ErrorResponse>")},
                        kElb);
  const Status status = failing->Call(kHealth, Json::object(), {}).status();
  EXPECT_EQ(status.code(), Code::kPermissionDenied);
  EXPECT_THAT(status.message(), HasSubstr("request xml-id"));
}

TEST_F(JsonClientTest, TellsAboutEveryExchange) {
  std::vector<std::string> seen;
  options_.on_request = [&](std::string_view service, std::string_view operation, int status) {
    seen.push_back(std::string(service) + ":" + std::string(operation) + " " +
                   std::to_string(status));
  };
  auto client = Client({Breaks(), Works()});
  EXPECT_TRUE(client->Call(kRead, Json::object(), {}).ok());
  EXPECT_THAT(seen, ElementsAre("ecs:DescribeServices 0", "ecs:DescribeServices 200"));
}

// The wait between two tries, on a clock that stands still.
TEST(JsonClientWaitTest, AStopEndsTheWaitForTheNextTry) {
  FakePlatform world("2026-01-02T03:04:05Z", /*jumping=*/false);
  world.Serve([](const std::string&, const http::Request&, const http::CallOptions&) {
    http::Response response{429, {{"Retry-After", "5"}}, ""};
    return StatusOr<http::Response>(response);
  });
  const auto provider = MakeStaticCredentials(kKeys);
  EndpointOptions endpoint;
  endpoint.region = "eu-west-1";
  const auto client = MakeJsonClient(kEcs, endpoint, *provider, {}, world.platform());
  ASSERT_TRUE(client.ok());
  std::stop_source stop;
  Status status;
  std::thread caller([&] {
    CallOptions call;
    call.stop = stop.get_token();
    status = (*client)->Call(kRead, Json::object(), call).status();
  });
  while (world.clock().NextDeadline() == MonoTime::max()) std::this_thread::yield();
  stop.request_stop();
  caller.join();
  EXPECT_EQ(status.code(), Code::kCancelled);
  EXPECT_EQ(world.sent().size(), 1U);
}

}  // namespace
}  // namespace salve::aws
