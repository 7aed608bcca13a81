// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/log.h"
#include "pkg/base/metrics.h"
#include "pkg/edge/edge_test_support.h"
#include "pkg/edge/health.h"
#include "pkg/edge/json_body.h"
#include "pkg/http/server.h"
#include "pkg/http/transports.h"

namespace salve::edge {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    SetLogWriterForTest([this](std::string_view line) { lines_.emplace_back(line); });
    Route route;
    route.method = "GET";
    route.pattern = "/things/{name}";
    route.handle = [](const RoutedRequest& r, std::unique_ptr<http::ResponseWriter> writer) {
      writer->Send({200, {}, r.identity.user + " gets " + r.params.at("name")});
    };
    router_.Add(route);
    route.method = "POST";
    route.max_body_bytes = 10;
    router_.Add(route);
    AddHealthRoutes(router_, checks_);
  }
  ~RouterTest() override { SetLogWriterForTest({}); }

  http::Response Send(const std::string& method, const std::string& target,
                      http::Headers headers = {}, std::string body = "") {
    auto response = transport_->Send({method, target, std::move(headers), std::move(body), ""}, {});
    EXPECT_TRUE(response.ok()) << response.status();
    return *std::move(response);
  }
  static http::Headers As(const std::string& token) {
    return {{"Authorization", "Bearer " + token}};
  }

  std::vector<std::string> lines_;
  ReadyChecks checks_;
  SeededRandom random_{1};
  Router router_{std::make_shared<NamedTokens>(), SystemClock(), random_};
  std::unique_ptr<http::Transport> transport_ =
      http::MakeInProcessTransport(router_, {}, SystemClock());
};

TEST_F(RouterTest, FindsTheRouteAndSaysWhoAsks) {
  EXPECT_EQ(Send("GET", "/things/a%2Fb", As("alice")).body, "alice gets a/b");
  EXPECT_EQ(Send("HEAD", "/things/a", As("alice")).status, 200);
  EXPECT_EQ(Send("POST", "/things/a", As("bob")).body, "bob gets a");
}

TEST_F(RouterTest, MetricsEndWithWhatIsLookedUpForTheScrape) {
  Router router(std::make_shared<NamedTokens>(), SystemClock(), random_);
  int scrapes = 0;
  AddHealthRoutes(router, checks_,
                  [&scrapes] { return "looked_up " + std::to_string(++scrapes) + "\n"; });
  const auto transport = http::MakeInProcessTransport(router, {}, SystemClock());
  EXPECT_THAT(transport->Send({"GET", "/metrics", {}, "", ""}, {})->body,
              ::testing::EndsWith("looked_up 1\n"));
  EXPECT_THAT(transport->Send({"GET", "/metrics", {}, "", ""}, {})->body,
              ::testing::EndsWith("looked_up 2\n"));
}

TEST_F(RouterTest, UnknownPathsAre404AlsoWithoutAToken) {
  for (const char* path : {"/", "/things", "/things/a/b", "/Things/a", "/things//"}) {
    EXPECT_EQ(Send("GET", path).status, 404) << path;
  }
  EXPECT_EQ(Send("GET", "/%zz").status, 400);
}

TEST_F(RouterTest, AnotherMethodIsA405ThatNamesTheRightOnes) {
  const auto response = Send("DELETE", "/things/a", As("alice"));
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.Get("Allow"), "GET, HEAD, POST");
}

TEST_F(RouterTest, WithoutAKnownTokenItIsA401) {
  EXPECT_EQ(Send("GET", "/things/a").status, 401);
  EXPECT_EQ(Send("GET", "/things/a", As("mallory")).status, 401);
  EXPECT_EQ(Send("GET", "/things/a", {{"Authorization", "Basic alice"}}).status, 401);
  EXPECT_EQ(
      Send("GET", "/things/a", {{"Authorization", "Bearer alice"}, {"Authorization", "x"}}).status,
      401)
      << "two of them: which one counts?";
  EXPECT_EQ(Send("GET", "/things/a").headers.Get("WWW-Authenticate"), "Bearer");
}

TEST_F(RouterTest, ABodyAboveTheRoutesCapIsA413) {
  EXPECT_EQ(Send("POST", "/things/a", As("alice"), "0123456789").status, 200);
  EXPECT_EQ(Send("POST", "/things/a", As("alice"), "0123456789a").status, 413);
}

TEST_F(RouterTest, EveryAnswerHasARequestIdAndAUsableOneIsKept) {
  EXPECT_EQ(Send("GET", "/nowhere", {{"X-Request-Id", "abc-1"}}).headers.Get("X-Request-Id"),
            "abc-1");
  const auto made = Send("GET", "/health", {{"X-Request-Id", "a b\x1b"}});
  EXPECT_EQ(made.headers.Get("X-Request-Id").value_or("").size(), 16u);
}

TEST_F(RouterTest, ARequestIsOneLogLineWithoutItsQueryAndToken) {
  Send("GET", "/things/a?token=hunter2", As("alice"));
  ASSERT_EQ(lines_.size(), 1u);
  const json line = json::parse(lines_[0]);
  EXPECT_EQ(line["endpoint"], "/things/{name}");
  EXPECT_EQ(line["path"], "/things/a");
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["user"], "alice");
  EXPECT_TRUE(line["duration_ms"].is_number());
  EXPECT_THAT(lines_[0], Not(HasSubstr("hunter2")));
  Send("GET", "/things/a");
  EXPECT_EQ(json::parse(lines_.at(1))["status"], 401);
  Send("GET", "/health");
  EXPECT_EQ(lines_.size(), 2u) << "probes are not news";
}

TEST_F(RouterTest, HealthIsOpenAndHealthy) {
  for (const char* path : {"/health", "/api/v1/health"}) {
    const auto response = Send("GET", path);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(json::parse(response.body), json({{"status", "healthy"}})) << path;
  }
}

TEST_F(RouterTest, ReadyNamesEachCheckAndFailsIfOneDoes) {
  bool store_works = true;
  checks_.Add("store", [&] {
    return store_works ? Status() : UnavailableError("database is locked, password=hunter2");
  });
  checks_.Add("leader", [] { return Status(); });
  EXPECT_EQ(Send("GET", "/ready").status, 200);
  store_works = false;
  for (const char* path : {"/ready", "/api/v1/health/ready"}) {
    const auto response = Send("GET", path);
    EXPECT_EQ(response.status, 503);
    const json body = json::parse(response.body);
    EXPECT_EQ(body["checks"][0], json({{"name", "store"},
                                       {"status", "failed"},
                                       {"message", "database is locked, password=[REDACTED]"}}));
    EXPECT_EQ(body["checks"][1]["status"], "ok");
    EXPECT_FALSE(body.contains("details"));
  }
}

TEST_F(RouterTest, ReadyTellsDetailsThatDecideNothing) {
  checks_.AddDetail("leader", [] { return "standing by for other_1"; });
  const auto response = Send("GET", "/ready");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(json::parse(response.body)["details"], json({{"leader", "standing by for other_1"}}));
}

TEST_F(RouterTest, MetricsAreInTheExpositionFormatAndCountRequests) {
  Send("GET", "/things/a", As("alice"));
  const auto response = Send("GET", "/metrics");
  EXPECT_THAT(std::string(response.headers.Get("Content-Type").value_or("")),
              HasSubstr("version=0.0.4"));
  EXPECT_THAT(response.body,
              HasSubstr("salve_http_requests_total{code=\"200\",endpoint=\"/things/{name}\"}"));
}

TEST_F(RouterTest, WorksTheSameOverTheNetwork) {
  auto server = http::Server::Start({}, router_);
  ASSERT_TRUE(server.ok()) << server.status();
  const auto tcp = *http::MakeTcpTransport("http://127.0.0.1:" + std::to_string((*server)->port()),
                                           {}, SystemClock());
  http::Request request{"POST", "/things/a", As("alice"), std::string(1000, 'x'), ""};
  EXPECT_EQ(tcp->Send(request, {})->status, 413);
  request.headers = {};
  EXPECT_EQ(tcp->Send(request, {})->status, 401) << "who you are comes before what you send";
  request.body = "ok";
  request.headers = As("alice");
  EXPECT_EQ(tcp->Send(request, {})->body, "alice gets a");
}

TEST(JsonBody, TakesWhatIsProperAndRefusesWhatIsNotWithItsPlace) {
  EXPECT_EQ(*ParseJsonBody(R"({"a":[1,{"b":null}],"c":"ä"})"),
            json::parse(R"({"a":[1,{"b":null}],"c":"ä"})"));
  const struct {
    std::string text;
    const char* says;
  } kCases[] = {
      {"", "at byte"},
      {"{", "at byte"},
      {"{} {}", "at byte"},
      {R"({"a":1,"a":2})", "key \"a\" appears twice"},
      {R"({"x":[{"a":1,"a":2}]})", "at .x[1]"},
      {"\"\xff\"", "at byte"},
      {std::string(100, '[') + std::string(100, ']'), "nested too deep"},
      {"[" + std::string(50'000, ' ') + "1e999]", "number overflow"},
  };
  for (const auto& c : kCases) {
    const auto parsed = ParseJsonBody(c.text);
    EXPECT_EQ(parsed.code(), Code::kInvalidArgument) << c.text.substr(0, 50);
    EXPECT_THAT(parsed.status().message(), HasSubstr(c.says)) << c.text.substr(0, 50);
  }
  std::string many = "[1";
  for (int i = 0; i < 30'000; ++i) many += ",1";
  EXPECT_EQ(ParseJsonBody(many + "]").code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace salve::edge
