// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/rest_client.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/client/reasons.h"
#include "pkg/client/wire.h"
#include "pkg/http/testing/scripted_transport.h"

namespace salve::client {
namespace {

using http::CallOptions;
using http::Request;
using http::Response;
using std::chrono::milliseconds;
using std::chrono::seconds;

const ResourceInfo kWidgets{"test.dev", "v1", "widgets", "Widget", true};
const ResourceInfo kNodes{"", "v1", "nodes", "Node", false};
const NamespacedName kName{"shop", "w 1"};

Json Widget(const std::string& version = "7") {
  return {{"apiVersion", "test.dev/v1"},
          {"kind", "Widget"},
          {"metadata", {{"name", "w"}, {"namespace", "shop"}, {"resourceVersion", version}}}};
}

// A clock that is never waited on: the wait itself moves it.
class JumpingClock final : public Clock {
 public:
  WallTime Now() const override { return WallTime(Duration(now_.load())); }
  MonoTime Monotonic() const override { return MonoTime(Duration(now_.load())); }
  bool WaitUntil(CondVar&, Mutex&, MonoTime deadline) override {
    const Duration to = deadline.time_since_epoch();
    waits.push_back(to - Duration(now_.load()));
    now_ = to.count();
    return false;
  }
  void Advance(Duration by) { now_ += by.count(); }
  std::vector<Duration> waits;

 private:
  std::atomic<Duration::rep> now_{seconds(1000).count() * 1'000'000'000};
};

class RestClientTest : public ::testing::Test {
 protected:
  // The answers in order; the last one is repeated.
  void Answer(std::vector<StatusOr<Response>> answers) { answers_ = std::move(answers); }
  std::unique_ptr<RestClient> Make(RestClientOptions options = {}) {
    return std::make_unique<RestClient>(transport_, std::move(options), clock_, random_);
  }
  const Request Last() const { return transport_.requests().back(); }

  JumpingClock clock_;
  SeededRandom random_{3};
  std::vector<StatusOr<Response>> answers_{Response{200, {}, Widget().dump()}};
  std::size_t calls_ = 0;
  MonoTime deadline_;
  http::ScriptedTransport transport_{
      [this](const Request&, const CallOptions& options) -> StatusOr<Response> {
        deadline_ = options.deadline;
        return answers_[std::min(calls_++, answers_.size() - 1)];
      }};
};

TEST_F(RestClientTest, PathsNameGroupVersionNamespaceAndNameEscaped) {
  auto client = Make();
  (void)client->Get(kWidgets, kName);
  EXPECT_EQ(Last().target, "/apis/test.dev/v1/namespaces/shop/widgets/w%201");
  (void)client->Get(kNodes, {"", "n/../1"});
  EXPECT_EQ(Last().target, "/api/v1/nodes/n%2F..%2F1");
  Answer({Response{200, {}, R"({"items":[]})"}});
  (void)client->List(kWidgets, {});
  EXPECT_EQ(Last().target, "/apis/test.dev/v1/widgets");
  EXPECT_EQ(Last().headers.Get("Accept"), "application/json");
}

TEST_F(RestClientTest, AListAsksForWhatItsOptionsSayAndCompletesItsItems) {
  Answer({Response{200, {}, R"({"metadata":{"resourceVersion":"9","continue":"c2"},
                               "items":[{"metadata":{"name":"a"}}]})"}});
  ListOptions options;
  options.ns = "shop";
  options.label_selector = "a=b,c";
  options.field_selector = "status.phase=Open";
  options.resource_version = "5";
  options.limit = 2;
  options.continue_token = "c1";
  const auto list = Make()->List(kWidgets, options);
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(Last().target,
            "/apis/test.dev/v1/namespaces/shop/widgets?labelSelector=a%3Db%2Cc&"
            "fieldSelector=status.phase%3DOpen&resourceVersion=5&limit=2&continue=c1");
  EXPECT_EQ(list->resource_version, "9");
  EXPECT_EQ(list->continue_token, "c2");
  ASSERT_EQ(list->items.size(), 1u);
  EXPECT_EQ(list->items[0]["kind"], "Widget");
}

TEST_F(RestClientTest, WritesGoToTheirPathsWithTheRightBodies) {
  auto client = Make();
  ASSERT_TRUE(client->Create(kWidgets, Widget(), {}).ok());
  EXPECT_EQ(Last().method, "POST");
  EXPECT_EQ(Last().target, "/apis/test.dev/v1/namespaces/shop/widgets?fieldManager=salve");
  WriteOptions status;
  status.subresource = "status";
  status.dry_run = true;
  ASSERT_TRUE(client->Update(kWidgets, Widget(), status).ok());
  EXPECT_EQ(Last().method, "PUT");
  EXPECT_EQ(Last().target,
            "/apis/test.dev/v1/namespaces/shop/widgets/w/status?fieldManager=salve&dryRun=All");
  ASSERT_TRUE(client->Patch(kWidgets, {"shop", "w"}, PatchType::kMerge, {{"a", 1}}, {}).ok());
  EXPECT_EQ(Last().method, "PATCH");
  EXPECT_EQ(Last().headers.Get("Content-Type"), "application/merge-patch+json");
  EXPECT_EQ(Last().body, R"({"a":1})");
  DeleteOptions options;
  options.uid = "u1";
  ASSERT_TRUE(client->Delete(kWidgets, {"shop", "w"}, options).ok());
  EXPECT_EQ(Last().method, "DELETE");
  EXPECT_EQ(Json::parse(Last().body)["preconditions"]["uid"], "u1");
}

TEST_F(RestClientTest, AnUpdateWithoutAVersionIsRefusedBeforeItIsSent) {
  Json widget = Widget();
  widget["metadata"].erase("resourceVersion");
  EXPECT_EQ(Make()->Update(kWidgets, widget, {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(calls_, 0u);
}

TEST_F(RestClientTest, EveryRequestCarriesTheConfiguredHeadersAndPrefix) {
  RestClientOptions options;
  options.headers.Set("Authorization", "Bearer t");
  options.path_prefix = "/k8s/c1";
  options.user_agent = "salve/test";
  (void)Make(options)->Get(kNodes, {"", "n"});
  EXPECT_EQ(Last().headers.Get("Authorization"), "Bearer t");
  EXPECT_EQ(Last().headers.Get("User-Agent"), "salve/test");
  EXPECT_EQ(Last().target, "/k8s/c1/api/v1/nodes/n");
}

TEST_F(RestClientTest, AnAnswerThatIsNoObjectIsAnInternalError) {
  for (const char* body : {"", "[]", "<html>", "{\"a\":", "7"}) {
    Answer({Response{200, {}, body}});
    EXPECT_EQ(Make()->Get(kWidgets, kName).code(), Code::kInternal) << body;
  }
  Answer({Response{200, {}, std::string(500, '[') + std::string(500, ']')}});
  EXPECT_EQ(Make()->Get(kWidgets, kName).code(), Code::kInternal);
  Answer({Response{200, {}, R"({"items":5})"}});
  EXPECT_EQ(Make()->List(kWidgets, {}).code(), Code::kInternal);
}

// ---- Repetitions ----

TEST_F(RestClientTest, A429WithRetryAfterIsRepeatedAfterThatLongWhateverTheMethod) {
  Answer({Response{429, {{"Retry-After", "2"}}, "{}"}, Response{503, {{"Retry-After", "1"}}, ""},
          Response{200, {}, Widget().dump()}});
  EXPECT_TRUE(Make()->Create(kWidgets, Widget(), {}).ok());
  EXPECT_EQ(calls_, 3u);
  ASSERT_EQ(clock_.waits.size(), 2u);
  EXPECT_GE(clock_.waits[0], seconds(2));
  EXPECT_GE(clock_.waits[1], seconds(1));
}

TEST_F(RestClientTest, A5xxWithoutRetryAfterIsNotRepeated) {
  Answer({Response{503, {}, "down"}, Response{200, {}, Widget().dump()}});
  EXPECT_EQ(Make()->Get(kWidgets, kName).code(), Code::kUnavailable);
  EXPECT_EQ(calls_, 1u);
}

TEST_F(RestClientTest, A4xxIsNotRepeatedEvenWithRetryAfter) {
  Answer({Response{409, {{"Retry-After", "1"}}, "{}"}});
  EXPECT_EQ(Make()->Create(kWidgets, Widget(), {}).code(), Code::kConflict);
  EXPECT_EQ(calls_, 1u);
}

TEST_F(RestClientTest, ALostConnectionIsRepeatedForReadsOnly) {
  Answer({AbortedError("reset"), AbortedError("reset"), Response{200, {}, Widget().dump()}});
  EXPECT_TRUE(Make()->Get(kWidgets, kName).ok());
  EXPECT_EQ(calls_, 3u);

  calls_ = 0;
  EXPECT_EQ(Make()->Create(kWidgets, Widget(), {}).code(), Code::kAborted);
  EXPECT_EQ(calls_, 1u) << "the first one may have been carried out";
}

TEST_F(RestClientTest, ACallIsRepeatedAtMostTenTimes) {
  Answer({Response{429, {{"Retry-After", "0"}}, ""}});
  RestClientOptions options;
  options.call_timeout = std::chrono::hours(1);
  const auto got = Make(options)->Get(kWidgets, kName);
  EXPECT_EQ(got.code(), Code::kTooManyRequests);
  EXPECT_EQ(calls_, 11u);
}

TEST_F(RestClientTest, ARepetitionThatWouldMissTheDeadlineIsNotWaitedFor) {
  Answer({Response{429, {{"Retry-After", "60"}}, ""}});
  const MonoTime start = clock_.Monotonic();
  const auto got = Make()->Get(kWidgets, kName);
  EXPECT_EQ(got.code(), Code::kTooManyRequests);
  EXPECT_EQ(got.status().retry_after(), seconds(60)) << "for the caller to wait";
  EXPECT_EQ(clock_.Monotonic(), start);
  EXPECT_EQ(deadline_, start + seconds(30));
}

TEST_F(RestClientTest, AStoppedClientRefusesCallsAndEndsWaits) {
  std::stop_source stop;
  SimulatedClock clock(WallTime(seconds(1'790'000'000)));
  RestClientOptions options;
  options.stop = stop.get_token();
  RestClient client(transport_, options, clock, random_);
  Answer({Response{429, {{"Retry-After", "20"}}, ""}});
  std::atomic<bool> over{false};
  std::jthread caller([&] {
    EXPECT_FALSE(client.Get(kWidgets, kName).ok());
    over = true;
  });
  while (clock.NextDeadline() == MonoTime::max()) std::this_thread::yield();
  EXPECT_FALSE(over);
  stop.request_stop();
  caller.join();
  EXPECT_EQ(client.Get(kWidgets, kName).code(), Code::kCancelled);
}

// ---- Watches ----

TEST_F(RestClientTest, AWatchAsksForBookmarksAndDeliversEventsUntilTheRegularEnd) {
  Answer({Response{200, {}, R"({"type":"ADDED","object":)" + Widget("8").dump() + "}\n"}});
  WatchOptions options;
  options.ns = "shop";
  options.resource_version = "7";
  options.timeout_seconds = 300;
  auto stream = Make()->Watch(kWidgets, options);
  ASSERT_TRUE(stream.ok());
  EXPECT_EQ(Last().target,
            "/apis/test.dev/v1/namespaces/shop/widgets?watch=true&resourceVersion=7&"
            "allowWatchBookmarks=true&timeoutSeconds=300");
  const auto event = (*stream)->Next(MonoTime::max());
  ASSERT_TRUE(event.ok() && event->has_value());
  EXPECT_EQ((*event)->object["metadata"]["resourceVersion"], "8");
  const auto end = (*stream)->Next(MonoTime::max());
  ASSERT_TRUE(end.ok());
  EXPECT_FALSE(end->has_value());
}

TEST_F(RestClientTest, AWatchRefusedWithAnHttpStatusIsThatError) {
  Answer({Response{410, {}, R"({"kind":"Status","reason":"Expired","message":"too old"})"}});
  EXPECT_EQ(Make()->Watch(kWidgets, {}).code(), Code::kExpired);
  Answer({Response{429, {{"Retry-After", "3"}}, "busy"}});
  const auto busy = Make()->Watch(kWidgets, {});
  EXPECT_EQ(busy.code(), Code::kTooManyRequests);
  EXPECT_EQ(busy.status().retry_after(), seconds(3));
  EXPECT_EQ(calls_, 2u) << "watches are repeated by the reflector, not here";
}

TEST_F(RestClientTest, AWatchCutInsideAnEventIsAborted) {
  Answer({Response{200, {}, R"({"type":"ADDED","object":{"kind":"Wid)"}});
  auto stream = Make()->Watch(kWidgets, {});
  ASSERT_TRUE(stream.ok());
  EXPECT_EQ((*stream)->Next(MonoTime::max()).code(), Code::kAborted);
}

// ---- What errors mean ----

TEST(StatusFromHttpTest, EachStatusAndReasonHasItsCode) {
  struct Case {
    int status;
    const char* body;
    Code code;
  };
  for (const Case& c : {
           Case{400, R"({"reason":"BadRequest"})", Code::kInvalidArgument},
           Case{401, "", Code::kUnauthenticated},
           Case{403, R"({"reason":"Forbidden"})", Code::kPermissionDenied},
           Case{404, "404 page not found", Code::kNotFound},
           Case{405, "", Code::kUnimplemented},
           Case{409, R"({"reason":"AlreadyExists"})", Code::kAlreadyExists},
           Case{409, R"({"reason":"Conflict"})", Code::kConflict},
           Case{410, R"({"reason":"Expired"})", Code::kExpired},
           Case{410, R"({"reason":"Gone"})", Code::kExpired},
           Case{413, "", Code::kInvalidArgument},
           Case{415, "", Code::kUnimplemented},
           Case{422, R"({"reason":"Invalid"})", Code::kInvalidArgument},
           Case{429, "", Code::kTooManyRequests},
           Case{500, R"({"reason":"InternalError"})", Code::kInternal},
           Case{500, R"({"reason":"ServerTimeout"})", Code::kUnavailable},
           Case{500, R"({"reason":"Expired"})", Code::kExpired},
           Case{502, "<html>bad gateway</html>", Code::kUnavailable},
           Case{503, "", Code::kUnavailable},
           Case{504, R"({"reason":"Timeout"})", Code::kDeadlineExceeded},
           Case{302, "", Code::kInternal},
       }) {
    EXPECT_EQ(StatusFromHttp("GET /x", c.status, c.body, std::nullopt).code(), c.code)
        << c.status << " " << c.body;
  }
}

TEST(StatusFromHttpTest, ATooLargeVersionIsToldApartFromOtherTimeOuts) {
  const Status by_cause = StatusFromHttp(
      "GET /x", 504,
      R"({"reason":"Timeout","details":{"retryAfterSeconds":1,"causes":[{"reason":"ResourceVersionTooLarge"}]}})",
      std::nullopt);
  EXPECT_TRUE(IsVersionTooLarge(by_cause));
  EXPECT_EQ(by_cause.retry_after(), seconds(1));
  EXPECT_TRUE(IsVersionTooLarge(StatusFromHttp(
      "GET /x", 504, R"({"reason":"Timeout","message":"Too large resource version: 9"})",
      std::nullopt)));
  EXPECT_FALSE(
      IsVersionTooLarge(StatusFromHttp("GET /x", 504, R"({"reason":"Timeout"})", std::nullopt)));
}

TEST(StatusFromHttpTest, WhatIsQuotedOfTheServerIsBoundedAndFreeOfControlCharacters) {
  const Status status =
      StatusFromHttp("GET /x", 500, "\x1b[31mred\n" + std::string(100'000, 'x'), std::nullopt);
  EXPECT_LT(status.message().size(), 1200u);
  EXPECT_EQ(status.message().find('\x1b'), std::string::npos);
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
  EXPECT_THAT(status.message(), ::testing::StartsWith("GET /x: 500 "));
}

TEST(StatusFromHttpTest, ARetryAfterThatIsNoSaneNumberIsIgnoredOrCapped) {
  EXPECT_FALSE(StatusFromHttp("x", 429, "", "soon").retry_after());
  EXPECT_FALSE(StatusFromHttp("x", 429, "", "-1").retry_after());
  EXPECT_FALSE(StatusFromHttp("x", 429, "", "99999999999999999999").retry_after());
  EXPECT_EQ(StatusFromHttp("x", 429, "", "999999999").retry_after(), std::chrono::hours(1));
}

}  // namespace
}  // namespace salve::client
