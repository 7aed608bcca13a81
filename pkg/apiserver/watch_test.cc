// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/watch.h"

#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apiserver/server_testing.h"

namespace salve::apiserver::testing {
namespace {

using ::testing::HasSubstr;

std::string Show(const Json& event) {
  if (event.is_null()) return "end";
  const Json& object = event["object"];
  return event["type"].get<std::string>() + " " + object["metadata"].value("name", "-");
}

std::string At(const std::string& collection, const std::string& name) {
  return collection + "/" + name;
}

TEST(WatchTest, BeginsWithWhatIsThereAndGoesOnLive) {
  TestServer server;
  server.Do("POST", kConfigMaps, ConfigMap("a"));
  const auto watch = server.Watch(kConfigMaps);
  EXPECT_EQ(Show(watch->Next()), "ADDED a");
  server.Do("POST", kConfigMaps, ConfigMap("b"));
  EXPECT_EQ(Show(watch->Next()), "ADDED b");
  server.Do("PATCH", At(kConfigMaps, "b"), {{"data", {{"k", "v"}}}});
  const Json modified = watch->Next();
  EXPECT_EQ(Show(modified), "MODIFIED b");
  EXPECT_EQ(modified["object"]["data"]["k"], "v");
  server.Do("DELETE", At(kConfigMaps, "b"));
  const Json deleted = watch->Next();
  EXPECT_EQ(Show(deleted), "DELETED b");
  EXPECT_EQ(deleted["object"]["metadata"]["resourceVersion"],
            std::to_string(server.api->store().revision()));
}

TEST(WatchTest, ResumesAfterARevisionWithoutLossOrRepetition) {
  TestServer server;
  const Json a = server.Do("POST", kConfigMaps, ConfigMap("a")).body;
  server.Do("POST", kPolicies, Policy("p1"));
  server.Do("POST", kConfigMaps, ConfigMap("b"));
  server.Do("DELETE", At(kConfigMaps, "a"));
  const auto watch = server.Watch(std::string(kConfigMaps) + "?resourceVersion=" +
                                  a["metadata"]["resourceVersion"].get<std::string>());
  EXPECT_EQ(Show(watch->Next()), "ADDED b");
  EXPECT_EQ(Show(watch->Next()), "DELETED a");
  EXPECT_TRUE(watch->Drain().empty());
}

TEST(WatchTest, ATooOldRevisionIsAnErrorEventInAStreamThatEnds) {
  ApiServerOptions options;
  options.store.history_events = 5;
  TestServer server(std::move(options));
  server.Do("POST", kConfigMaps, ConfigMap("a"));
  for (int i = 0; i < 20; ++i) {
    server.Do("PATCH", At(kConfigMaps, "a"), {{"data", {{"i", std::to_string(i)}}}});
  }
  const auto watch = server.Watch(std::string(kConfigMaps) + "?resourceVersion=1");
  const Json error = watch->Next();
  EXPECT_EQ(error["type"], "ERROR");
  EXPECT_EQ(error["object"]["code"], 410);
  EXPECT_EQ(error["object"]["reason"], "Expired");
  EXPECT_THAT(error["object"]["message"].get<std::string>(),
              HasSubstr("too old resource version: 1 ("));
  EXPECT_TRUE(watch->Ended());
}

TEST(WatchTest, AWatchListEndsItsInitialEventsWithABookmark) {
  TestServer server;
  server.Do("POST", kPolicies, Policy("p1"));
  server.Do("POST", kPolicies, Policy("p2"));
  const auto watch = server.Watch(
      std::string(kPolicies) +
      "?allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
      "&fieldSelector=metadata.name%3Dp2");
  EXPECT_EQ(Show(watch->Next()), "ADDED p2");
  const Json end = watch->Next();
  EXPECT_EQ(end["type"], "BOOKMARK");
  EXPECT_EQ(end["object"]["kind"], "HealingPolicy");
  EXPECT_EQ(end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
  EXPECT_EQ(end["object"]["metadata"]["resourceVersion"],
            std::to_string(server.api->store().revision()));
  server.Do("DELETE", At(kPolicies, "p1"));
  server.Do("DELETE", At(kPolicies, "p2"));
  EXPECT_EQ(Show(watch->Next()), "DELETED p2");
}

TEST(WatchTest, SelectorsTurnChangesIntoComingAndGoing) {
  TestServer server;
  const auto labeled = server.Watch(std::string(kConfigMaps) + "?labelSelector=keep%3Dyes");
  const std::string start = std::to_string(server.api->store().revision());
  const auto label = [&server](const Json& value) {
    server.Do("PATCH", At(kConfigMaps, "a"), {{"metadata", {{"labels", {{"keep", value}}}}}});
  };
  server.Do("POST", kConfigMaps, ConfigMap("a"));
  label("yes");
  server.Do("PATCH", At(kConfigMaps, "a"), {{"data", {{"k", "v"}}}});
  label(nullptr);
  server.Do("DELETE", At(kConfigMaps, "a"));
  server.Do("POST", kConfigMaps, ConfigMap("z"));
  const auto expect = [](WatchReader& watch) {
    EXPECT_EQ(Show(watch.Next()), "ADDED a");
    EXPECT_EQ(Show(watch.Next()), "MODIFIED a");
    const Json left = watch.Next();
    EXPECT_EQ(Show(left), "DELETED a");
    EXPECT_EQ(left["object"]["metadata"]["labels"]["keep"], "yes") << "the last state it knew";
  };
  expect(*labeled);
  // The same out of history.
  const auto resumed =
      server.Watch(std::string(kConfigMaps) + "?labelSelector=keep%3Dyes&resourceVersion=" + start);
  expect(*resumed);
}

TEST(WatchTest, TablesCarryTheirColumnsOnce) {
  TestServer server;
  server.Do("POST", kPolicies, Policy("p1"));
  const auto watch =
      server.Watch(kPolicies, {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"}});
  server.Do("POST", kPolicies, Policy("p2"));
  const Json first = watch->Next();
  EXPECT_EQ(first["object"]["kind"], "Table");
  EXPECT_TRUE(first["object"]["columnDefinitions"].is_array());
  const Json second = watch->Next();
  EXPECT_TRUE(second["object"]["columnDefinitions"].is_null());
  EXPECT_EQ(second["object"]["rows"][0]["cells"][0], "p2");
}

TEST(WatchTest, BookmarksComeOnlyToThoseWhoAskAndWhenThereIsNews) {
  TestServer server;
  const std::string now = std::to_string(server.api->store().revision());
  const auto with =
      server.Watch(std::string(kConfigMaps) + "?allowWatchBookmarks=true&resourceVersion=" + now);
  const auto without = server.Watch(std::string(kConfigMaps) + "?resourceVersion=" + now);
  server.Do("POST", kPolicies, Policy("p1"));
  server.clock.Advance(std::chrono::seconds(61));
  const Json bookmark = with->Next();
  EXPECT_EQ(bookmark["type"], "BOOKMARK");
  // It may trail behind what was written a moment ago, and never runs ahead.
  const std::int64_t at =
      std::stoll(bookmark["object"]["metadata"]["resourceVersion"].get<std::string>());
  EXPECT_GT(at, std::stoll(now));
  EXPECT_LE(at, server.api->store().revision());
  EXPECT_TRUE(without->Drain().empty());
}

TEST(WatchTest, EndsAfterTheTimeThatTheClientSet) {
  TestServer server;
  const auto watch = server.Watch(std::string(kConfigMaps) + "?timeoutSeconds=5");
  server.clock.Advance(std::chrono::seconds(4));
  EXPECT_FALSE(watch->closed());
  server.clock.Advance(std::chrono::seconds(2));
  EXPECT_TRUE(watch->Ended());
  EXPECT_TRUE(Eventually([&] { return server.api->watches() == 0; }));
}

TEST(WatchTest, ASlowReaderIsClosedAndHoldsNobodyUp) {
  ApiServerOptions options;
  options.watch.buffer_bytes = 20'000;
  TestServer server(std::move(options));
  const auto slow = server.Watch(kConfigMaps);
  for (int i = 0; i < 10; ++i) {
    server.Do("POST", kConfigMaps,
              ConfigMap("c" + std::to_string(i), {{"k", std::string(5'000, 'x')}}));
  }
  EXPECT_TRUE(Eventually([&] { return slow->closed(); }));
  EXPECT_EQ(server.Do("POST", kConfigMaps, ConfigMap("last")).status, 201);
  EXPECT_TRUE(Eventually([&] {
    server.Do("PATCH", At(kConfigMaps, "last"),
              {{"data", {{"n", std::to_string(server.api->store().revision())}}}});
    return server.api->watches() == 0;
  })) << "it is forgotten with the next event";
}

TEST(WatchTest, ThereAreOnlySoMany) {
  ApiServerOptions options;
  options.watch.max_watches = 2;
  TestServer server(std::move(options));
  const auto one = server.Watch(kConfigMaps);
  const auto two = server.Watch(kConfigMaps);
  const Answer third = server.Do("GET", std::string(kConfigMaps) + "?watch=1");
  EXPECT_EQ(third.status, 429);
  EXPECT_TRUE(third.headers.Get("Retry-After"));
  one->Leave();
  const auto four = server.Watch(kConfigMaps);
  EXPECT_FALSE(four->closed());
}

// Watches that begin in the middle of many writes see each object's every state from their
// beginning on, once and in order.
TEST(WatchTest, NothingIsLostOrDoubledWhereHistoryMeetsTheLiveStream) {
  TestServer server;
  constexpr int kWriters = 3;
  constexpr int kEach = 60;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&server, w] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = "c" + std::to_string(w) + "-" + std::to_string(i);
        EXPECT_EQ(server.Do("POST", kConfigMaps, ConfigMap(name)).status, 201);
      }
    });
  }
  std::vector<std::shared_ptr<WatchReader>> watches;
  for (int i = 0; i < 10; ++i) {
    watches.push_back(server.Watch(std::string(kConfigMaps) + "?resourceVersion=1"));
    watches.push_back(server.Watch(kConfigMaps));
  }
  for (std::thread& writer : writers) writer.join();
  for (const auto& watch : watches) {
    std::set<std::string> names;
    for (int i = 0; i < kWriters * kEach; ++i) {
      const Json event = watch->Next();
      ASSERT_EQ(event["type"], "ADDED");
      EXPECT_TRUE(names.insert(event["object"]["metadata"]["name"]).second) << "twice";
    }
    EXPECT_TRUE(watch->Drain().empty());
  }
}

}  // namespace
}  // namespace salve::apiserver::testing
