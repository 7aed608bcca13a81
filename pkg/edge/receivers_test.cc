// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/receivers.h"

#include <chrono>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/base64.h"
#include "pkg/base/hash.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/edge/edge_test_support.h"
#include "pkg/http/transports.h"

namespace salve::edge {
namespace {

using apis::config::v1alpha1::ReceiverConfiguration;
using apis::config::v1alpha1::SecretReference;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// Keeps what it is given; alerts labelled "wanted" are matched.
class RecordingIntake final : public AlertIntake {
 public:
  StatusOr<IntakeResult> Take(const ReceiverConfiguration&,
                              const std::vector<healing::Alert>& alerts) override {
    if (!problem.ok()) return problem;
    IntakeResult result;
    for (const healing::Alert& alert : alerts) {
      taken.push_back(alert);
      if (alert.labels.contains("wanted")) {
        ++result.matched;
      } else {
        result.unmatched.push_back(alert);
      }
    }
    return result;
  }
  std::vector<PolicySignal> List() const override {
    PolicySignal signal;
    signal.policy = {"shop", "redis"};
    signal.signal.trigger = "down";
    return {signal};
  }

  Status problem;
  std::vector<healing::Alert> taken;
};

SecretReference Env(const std::string& name) { return {name, ""}; }

class ReceiversTest : public ::testing::Test {
 protected:
  ReceiversTest() {
    SetLogWriterForTest([this](std::string_view line) { lines.emplace_back(line); });
    secrets = {{"TOKEN", "correct-horse"},
               {"OLD", "battery-staple"},
               {"PAIR", "am:pass word"},
               {"GITHUB", "It's a Secret to Everybody"},
               {"EMPTY", ""},
               {"WEBHOOK", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}};
    Add("am", "alertmanager").authentication.bearer = {Env("TOKEN"), Env("OLD")};
    Add("basic", "alertmanager").authentication.basic = {Env("PAIR")};
    Add("hub", "github").authentication.hmac = {Env("GITHUB")};
    Add("hooks", "self-heal").authentication.hmac = {Env("WEBHOOK")};
    Add("void", "logfire").authentication.bearer = {Env("EMPTY"), Env("UNSET")};
    Add("trace", "sentry").authentication.hmac = {Env("TOKEN")};
    AddReceiverRoutes(router, receivers,
                      std::make_shared<Grants>(std::map<std::string, std::set<std::string>>{
                          {"alice", {"shop", ""}}, {"bob", {"other"}}}),
                      clock);
    receivers.Open(configuration, intake);
  }
  ~ReceiversTest() override { SetLogWriterForTest({}); }

  ReceiverConfiguration& Add(const std::string& name, const std::string& kind) {
    ReceiverConfiguration& one = configuration.emplace_back();
    one.name = name;
    one.kind = kind;
    one.allowed_namespaces = {"*"};
    return one;
  }
  http::Response Post(const std::string& name, http::Headers headers, std::string body,
                      const std::string& type = "application/json") {
    if (!type.empty()) headers.Add("Content-Type", type);
    auto response = transport->Send(
        {"POST", "/api/v1/webhooks/" + name, std::move(headers), std::move(body), ""}, {});
    EXPECT_TRUE(response.ok()) << response.status();
    return *std::move(response);
  }
  http::Response Get(const std::string& token) {
    return *transport->Send(
        {"GET", "/api/v1/signals", {{"Authorization", "Bearer " + token}}, "", ""}, {});
  }
  static http::Headers Bearer(const std::string& token) {
    return {{"Authorization", "Bearer " + token}};
  }
  static std::string Alert(const std::string& labels = R"({"wanted": "yes"})") {
    return R"({"version": "4", "alerts": [{"status": "firing", "labels": )" + labels +
           R"(, "annotations": {}, "startsAt": "2026-12-01T11:00:00Z"}]})";
  }
  // As a sender of Standard Webhooks does it.
  http::Headers Signed(const std::string& id, std::int64_t offset, const std::string& body) {
    const auto at =
        std::chrono::duration_cast<std::chrono::seconds>(clock.Now().time_since_epoch()).count() +
        offset;
    const std::string text = id + "." + std::to_string(at) + "." + body;
    const std::string key = *Base64Decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    return {{"webhook-id", id},
            {"webhook-timestamp", std::to_string(at)},
            {"webhook-signature", "v1,AAAA v1," + Base64Encode(HmacSha256(key, text))}};
  }

  std::vector<std::string> lines;
  std::map<std::string, std::string> secrets;
  std::vector<ReceiverConfiguration> configuration;
  std::shared_ptr<RecordingIntake> intake = std::make_shared<RecordingIntake>();
  SimulatedClock clock{*ParseTime("2026-12-01T12:00:00Z")};
  SeededRandom random{1};
  Router router{std::make_shared<NamedTokens>(), clock, random};
  Receivers receivers{[this](const SecretReference& reference) -> StatusOr<std::string> {
                        const auto it = secrets.find(reference.env);
                        if (it == secrets.end()) return NotFoundError("not set");
                        return it->second;
                      },
                      nullptr, clock};
  std::unique_ptr<http::Transport> transport =
      http::MakeInProcessTransport(router, http::Headers{}, clock);
};

TEST_F(ReceiversTest, ADeliveryIsAcceptedOnceItIsStored) {
  const auto response = Post("am", Bearer("correct-horse"), Alert());
  EXPECT_EQ(response.status, 202) << response.body;
  EXPECT_EQ(json::parse(response.body), json({{"accepted", 1}, {"matched", 1}, {"unmatched", 0}}));
  ASSERT_THAT(intake->taken, SizeIs(1));
  EXPECT_EQ(intake->taken[0].receiver, "am");
}

TEST_F(ReceiversTest, WhatCannotBeStoredIsSentAgain) {
  intake->problem = UnavailableError("the store is full");
  const auto response = Post("am", Bearer("correct-horse"), Alert());
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.Get("Retry-After"), "5");
  EXPECT_THAT(response.body, HasSubstr("the store is full"));
}

TEST_F(ReceiversTest, NobodyIsBelievedWithoutTheSecret) {
  EXPECT_EQ(Post("am", {}, Alert()).status, 401);
  EXPECT_EQ(Post("am", Bearer("wrong"), Alert()).status, 403);
  EXPECT_EQ(Post("am", Bearer("correct-horse2"), Alert()).status, 403);
  EXPECT_EQ(Post("am", {{"Authorization", "Basic eDp5"}}, Alert()).status, 401);
  EXPECT_EQ(Post("basic", {}, Alert()).status, 401);
  EXPECT_EQ(Post("basic", {{"Authorization", "Basic " + Base64Encode("am:other")}}, Alert()).status,
            403);
  EXPECT_EQ(Post("basic", {{"Authorization", "Basic ?"}}, Alert()).status, 403);
  EXPECT_EQ(Post("hub", {}, "{}").status, 401);
  EXPECT_EQ(Post("hooks", {}, "{}").status, 401);
  EXPECT_EQ(Post("trace", {{"Sentry-Hook-Signature", "00"}}, "{}").status, 403);
  EXPECT_THAT(intake->taken, IsEmpty());
}

TEST_F(ReceiversTest, AnEmptyOrMissingSecretOpensNothing) {
  EXPECT_EQ(Post("void", Bearer(""), "{}").status, 401);
  EXPECT_EQ(Post("void", {{"X-API-Key", "x"}}, "{}").status, 503);
}

TEST_F(ReceiversTest, SeveralSecretsCountWhileTheyAreRotatedAndAreReadAnew) {
  EXPECT_EQ(Post("am", Bearer("battery-staple"), Alert()).status, 202);
  EXPECT_EQ(Post("am", {{"X-API-Key", "correct-horse"}}, Alert()).status, 202);
  secrets["OLD"] = "new-one";
  EXPECT_EQ(Post("am", Bearer("battery-staple"), Alert()).status, 403);
  EXPECT_EQ(Post("am", Bearer("new-one"), Alert()).status, 202);
}

TEST_F(ReceiversTest, BasicAuthenticationIsWhatAlertmanagerCanDo) {
  EXPECT_EQ(
      Post("basic", {{"Authorization", "Basic " + Base64Encode("am:pass word")}}, Alert()).status,
      202);
}

// The example of GitHub's own documentation.
TEST_F(ReceiversTest, GithubsSignatureIsCheckedOverTheBody) {
  const std::string good =
      "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  const auto response =
      Post("hub", {{"X-Hub-Signature-256", good}, {"X-GitHub-Event", "ping"}}, "Hello, World!");
  EXPECT_EQ(response.status, 400) << "believed, but not JSON";
  EXPECT_EQ(Post("hub", {{"X-Hub-Signature-256", good}}, "Hello, World?").status, 403);
  EXPECT_EQ(Post("hub", {{"X-Hub-Signature-256", good.substr(7)}}, "Hello, World!").status, 403);
}

// The example of the Standard Webhooks libraries.
TEST_F(ReceiversTest, StandardWebhooksSignatureIsTheirs) {
  clock.StepWall(*ParseTime("2021-02-25T15:02:10Z") - clock.Now());
  const http::Headers headers = {
      {"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
      {"webhook-timestamp", "1614265330"},
      {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}};
  const auto response = Post("hooks", headers, R"({"test": 2432232314})");
  EXPECT_EQ(response.status, 400) << response.body;
  EXPECT_THAT(response.body, HasSubstr(".labels"));
}

TEST_F(ReceiversTest, ASignedDeliveryIsTakenInOnceAndOnlyInItsTime) {
  const std::string body = R"({"labels": {"wanted": "yes"}})";
  const http::Headers headers = Signed("msg-1", 0, body);
  EXPECT_EQ(Post("hooks", headers, body).status, 202);
  const auto again = Post("hooks", headers, body);
  EXPECT_EQ(again.status, 202);
  EXPECT_THAT(again.body, HasSubstr("\"repeated\":true"));
  EXPECT_THAT(intake->taken, SizeIs(1));
  EXPECT_EQ(Post("hooks", Signed("msg-2", -301, body), body).status, 403);
  EXPECT_EQ(Post("hooks", Signed("msg-3", 301, body), body).status, 403);
  EXPECT_EQ(Post("hooks", Signed("msg-4", -299, body), body).status, 202);
  EXPECT_EQ(Post("hooks", Signed("msg-5", 0, body), body + " ").status, 403);
  http::Headers twice = Signed("msg-6", 0, body);
  twice.Add("webhook-id", "msg-7");
  EXPECT_EQ(Post("hooks", twice, body).status, 401);
}

TEST_F(ReceiversTest, ADeliveryThatWasNotStoredMayComeAgainUnderItsId) {
  const std::string body = R"({"labels": {"wanted": "yes"}})";
  intake->problem = UnavailableError("down");
  EXPECT_EQ(Post("hooks", Signed("msg-1", 0, body), body).status, 503);
  intake->problem = Status::Ok();
  EXPECT_EQ(Post("hooks", Signed("msg-1", 0, body), body).status, 202);
  EXPECT_THAT(intake->taken, SizeIs(1));
}

TEST_F(ReceiversTest, OnlyPlainJsonIsTaken) {
  const auto with = [](const char* name, const char* value) {
    http::Headers headers = Bearer("correct-horse");
    headers.Add(name, value);
    return headers;
  };
  EXPECT_EQ(Post("am", Bearer("correct-horse"), Alert(), "text/html").status, 415);
  EXPECT_EQ(Post("am", Bearer("correct-horse"), Alert(), "").status, 415);
  EXPECT_EQ(Post("am", with("Content-Encoding", "gzip"), Alert()).status, 415);
  EXPECT_EQ(Post("am", with("Content-Type", "text/html"), Alert()).status, 415) << "two of them";
  EXPECT_EQ(Post("am", Bearer("correct-horse"), Alert(), "Application/JSON; charset=utf-8").status,
            202);
}

TEST_F(ReceiversTest, WhatIsNoDeliveryIsRefusedWithItsPlace) {
  const auto told = [&](const std::string& body) {
    const auto response = Post("am", Bearer("correct-horse"), body);
    EXPECT_EQ(response.status, 400) << response.body;
    return response.body;
  };
  EXPECT_THAT(told(Alert().substr(0, 40)), HasSubstr("JSON body"));
  EXPECT_THAT(told(std::string(100'000, '[')), HasSubstr("nested too deep"));
  EXPECT_THAT(told(R"({"alerts": [], "alerts": []})"), HasSubstr("appears twice"));
  EXPECT_THAT(told("{\"a\": \"\xff\"}"), HasSubstr("UTF-8"));
  EXPECT_THAT(told("[]"), HasSubstr("an object is needed"));
  EXPECT_THAT(told(Alert(R"({"a": 1})")), HasSubstr(".alerts[0].labels.a"));
  EXPECT_EQ(Post("am", Bearer("correct-horse"), std::string((1u << 20) + 1, ' ')).status, 413);
}

TEST_F(ReceiversTest, AKeyHasItsUsagePlan) {
  configuration[0].burst = 2;
  configuration[0].requests_per_hour = 3600;
  receivers.Open(configuration, intake);
  auto response = Post("am", Bearer("correct-horse"), Alert());
  EXPECT_EQ(response.headers.Get("X-RateLimit-Limit"), "2");
  EXPECT_EQ(response.headers.Get("X-RateLimit-Remaining"), "1");
  EXPECT_EQ(response.headers.Get("X-RateLimit-Reset"), "1");
  EXPECT_EQ(Post("am", Bearer("correct-horse"), Alert()).status, 202);
  response = Post("am", Bearer("correct-horse"), Alert());
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers.Get("Retry-After"), "1");
  EXPECT_EQ(response.headers.Get("X-RateLimit-Remaining"), "0");
  EXPECT_EQ(Post("am", Bearer("battery-staple"), Alert()).status, 202) << "another key";
  EXPECT_EQ(Post("am", Bearer("wrong"), Alert()).status, 403) << "costs nobody anything";
  clock.Advance(std::chrono::seconds(1));
  EXPECT_EQ(Post("am", Bearer("correct-horse"), Alert()).status, 202);
}

TEST_F(ReceiversTest, AMessageOfSnsIsBelievedByWhatIsInItAndStrangersSpendNoPlan) {
  Add("aws", "sns").topic_arns = {"arn:aws:sns:eu-central-1:123456789012:alarms"};
  configuration.back().burst = 1;
  receivers.Open(configuration, intake);
  json message = {{"Type", "Notification"},
                  {"MessageId", "1"},
                  {"TopicArn", "arn:aws:sns:eu-central-1:123456789012:alarms"},
                  {"Message", "m"},
                  {"Timestamp", "2026-12-01T12:00:00Z"}};
  const std::string text = "text/plain; charset=UTF-8";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Post("aws", {}, message.dump(), text).status, 401);
  message["TopicArn"] = "arn:aws:sns:eu-central-1:123456789012:others";
  EXPECT_EQ(Post("aws", {}, message.dump(), text).status, 403);
  EXPECT_EQ(Post("aws", {}, "{", text).status, 400);
  EXPECT_THAT(intake->taken, IsEmpty());
}

TEST_F(ReceiversTest, TheKindIsANameWhereOnlyOneIsOfIt) {
  EXPECT_EQ(Post("github", {}, "{}").status, 401);
  EXPECT_EQ(Post("alertmanager", Bearer("correct-horse"), Alert()).status, 404) << "there are two";
  EXPECT_EQ(Post("nobody", Bearer("correct-horse"), Alert()).status, 404);
}

TEST_F(ReceiversTest, WhileClosedEverybodyIsAskedToComeAgain) {
  receivers.Close();
  const auto response = Post("am", Bearer("correct-horse"), Alert());
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.headers.Get("Retry-After"));
}

TEST_F(ReceiversTest, EveryAttemptIsLoggedWithoutWhatItShowed) {
  Post("am", Bearer("guessed-token-1"), Alert());
  Post("am", Bearer("correct-horse"), Alert());
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  EXPECT_THAT(all, HasSubstr("\"result\":\"forbidden\""));
  EXPECT_THAT(all, HasSubstr("\"result\":\"accepted\""));
  EXPECT_THAT(all, Not(HasSubstr("guessed-token-1")));
  EXPECT_THAT(all, Not(HasSubstr("correct-horse")));
}

TEST_F(ReceiversTest, WhatNoPolicyWantsIsKeptVisibleAndBounded) {
  for (int i = 0; i < 300; ++i) {
    Post("am", Bearer("correct-horse"), Alert(R"({"n": ")" + std::to_string(i) + R"("})"));
  }
  Post("am", Bearer("correct-horse"), Alert(R"({"n": "299"})"));
  const json mine = json::parse(Get("alice").body);
  EXPECT_EQ(mine["items"][0]["policy"]["name"], "redis");
  ASSERT_THAT(mine["unmatched"], SizeIs(256));
  EXPECT_EQ(mine["unmatched"][0]["labels"]["n"], "299");
  EXPECT_EQ(mine["unmatched"][0]["occurrences"], 2);
  const json others = json::parse(Get("bob").body);
  EXPECT_THAT(others["items"], IsEmpty());
  EXPECT_FALSE(others.contains("unmatched"));
  EXPECT_EQ(Get("eve").status, 401);
}

TEST(UsagePlans, ForgetTheIdlestKeyAndNothingElse) {
  UsagePlans plans;
  MonoTime now{};
  for (std::size_t i = 0; i < UsagePlans::kMaxKeys + 10; ++i) {
    now += std::chrono::milliseconds(1);
    plans.Take(std::to_string(i), 1, 1, now);
  }
  EXPECT_TRUE(plans.Take("0", 1, 1, now).allowed) << "forgotten";
  EXPECT_FALSE(plans.Take(std::to_string(UsagePlans::kMaxKeys + 9), 1, 1, now).allowed);
}

TEST(SeenDeliveries, AreForgottenWhenACopyWouldNotBeBelieved) {
  SeenDeliveries seen;
  MonoTime now{};
  seen.Remember("a", "1", now);
  EXPECT_TRUE(seen.Contains("a", "1"));
  EXPECT_FALSE(seen.Contains("b", "1"));
  seen.Remember("a", "2", now + std::chrono::seconds(601));
  EXPECT_FALSE(seen.Contains("a", "1"));
}

}  // namespace
}  // namespace salve::edge
