// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/testing/fake_client.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/client/reasons.h"
#include "pkg/client/testing/interceptor_client.h"

namespace salve::client::testing {
namespace {

using std::chrono::seconds;

const ResourceInfo kWidgets{"test.dev", "v1", "widgets", "Widget", true};
const NamespacedName kName{"shop", "a"};

class FakeClientTest : public ::testing::Test {
 protected:
  static Json Widget(const std::string& name, int size = 1) {
    return {{"metadata", {{"name", name}, {"namespace", "shop"}}}, {"spec", {{"size", size}}}};
  }
  Json Create(const std::string& name, int size = 1) {
    return server_.Create(kWidgets, Widget(name, size)).value();
  }
  static std::string VersionOf(const Json& object) { return object["metadata"]["resourceVersion"]; }
  std::unique_ptr<WatchStream> Watch(const std::string& version, const std::string& labels = "") {
    WatchOptions options;
    options.resource_version = version;
    options.label_selector = labels;
    auto stream = server_.Watch(kWidgets, options);
    EXPECT_TRUE(stream.ok()) << stream.status();
    return stream.ok() ? std::move(stream).value() : nullptr;
  }
  // "ADDED a", …: what is there to read now.
  std::vector<std::string> Read(WatchStream& stream) {
    static const char* const kNames[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
    std::vector<std::string> events;
    while (true) {
      const auto event = stream.Next(clock_.Monotonic());
      if (!event.ok()) {
        if (event.code() != Code::kDeadlineExceeded) {
          events.push_back(std::string(CodeName(event.code())));
        }
        return events;
      }
      if (!event->has_value()) {
        events.push_back("end");
        return events;
      }
      events.push_back(std::string(kNames[static_cast<int>((*event)->type)]) + " " +
                       (*event)->object["metadata"].value("name", ""));
    }
  }

  SimulatedClock clock_{WallTime(seconds(1'790'000'000))};
  FakeClient server_{clock_};
};

TEST_F(FakeClientTest, CreationGivesIdentityVersionAndGeneration) {
  Json wanted = Widget("a");
  wanted["metadata"]["uid"] = "mine";
  wanted["status"]["phase"] = "Ready";
  const auto stored = server_.Create(kWidgets, wanted);
  ASSERT_TRUE(stored.ok());
  EXPECT_NE((*stored)["metadata"]["uid"], "mine");
  EXPECT_EQ((*stored)["metadata"]["generation"], 1);
  EXPECT_EQ((*stored)["metadata"]["creationTimestamp"], "2026-09-21T14:13:20Z");
  EXPECT_FALSE(stored->contains("status")) << "status is written by its subresource";
  EXPECT_EQ(server_.Create(kWidgets, wanted).code(), Code::kAlreadyExists);
}

TEST_F(FakeClientTest, GeneratedNamesDiffer) {
  Json wanted = {{"metadata", {{"generateName", "w-"}, {"namespace", "shop"}}}};
  const auto one = server_.Create(kWidgets, wanted);
  const auto two = server_.Create(kWidgets, wanted);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE((*one)["metadata"]["name"], (*two)["metadata"]["name"]);
}

TEST_F(FakeClientTest, AnUpdateNeedsTheCurrentVersionAndIdentity) {
  const Json first = Create("a");
  Json changed = first;
  changed["spec"]["size"] = 2;
  const auto second = server_.Update(kWidgets, changed);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)["metadata"]["generation"], 2);
  EXPECT_EQ(server_.Update(kWidgets, changed).code(), Code::kConflict);
  changed["metadata"].erase("resourceVersion");
  EXPECT_EQ(server_.Update(kWidgets, changed).code(), Code::kInvalidArgument);
  Json other = *second;
  other["metadata"]["uid"] = "another";
  EXPECT_EQ(server_.Update(kWidgets, other).code(), Code::kConflict);
  other["metadata"]["name"] = "nobody";
  EXPECT_EQ(server_.Update(kWidgets, other).code(), Code::kNotFound);
}

TEST_F(FakeClientTest, AWriteThatChangesNothingMakesNoNewVersion) {
  const Json first = Create("a");
  EXPECT_EQ(VersionOf(*server_.Update(kWidgets, first)), VersionOf(first));
  EXPECT_EQ(
      VersionOf(*server_.Patch(kWidgets, kName, PatchType::kMerge, {{"spec", {{"size", 1}}}})),
      VersionOf(first));
  EXPECT_EQ(server_.writes(), 1);
}

TEST_F(FakeClientTest, SpecAndStatusAreWrittenApart) {
  Json object = Create("a");
  object["status"]["phase"] = "Ready";
  object["spec"]["size"] = 9;
  WriteOptions status;
  status.subresource = "status";
  Json stored = *server_.Update(kWidgets, object, status);
  EXPECT_EQ(stored["spec"]["size"], 1);
  EXPECT_EQ(stored["status"]["phase"], "Ready");
  EXPECT_EQ(stored["metadata"]["generation"], 1);
  stored["status"]["phase"] = "Lost";
  stored["spec"]["size"] = 9;
  stored = *server_.Update(kWidgets, stored);
  EXPECT_EQ(stored["spec"]["size"], 9);
  EXPECT_EQ(stored["status"]["phase"], "Ready");
  EXPECT_EQ(stored["metadata"]["generation"], 2);
}

TEST_F(FakeClientTest, PatchesMergeAndEditAndRespectAVersion) {
  const Json first = Create("a");
  EXPECT_EQ((*server_.Patch(kWidgets, kName, PatchType::kMerge,
                            {{"spec", {{"size", 5}}}}))["spec"]["size"],
            5);
  EXPECT_EQ(
      (*server_.Patch(kWidgets, kName, PatchType::kJson,
                      {{{"op", "replace"}, {"path", "/spec/size"}, {"value", 6}}}))["spec"]["size"],
      6);
  EXPECT_EQ(
      server_.Patch(kWidgets, kName, PatchType::kJson, {{{"op", "remove"}, {"path", "/no/such"}}})
          .code(),
      Code::kInvalidArgument);
  EXPECT_EQ(server_
                .Patch(kWidgets, kName, PatchType::kMerge,
                       {{"metadata", {{"resourceVersion", VersionOf(first)}}}})
                .code(),
            Code::kConflict);
  EXPECT_EQ(server_.Patch(kWidgets, kName, PatchType::kApply, Json::object()).code(),
            Code::kUnimplemented);
}

TEST_F(FakeClientTest, ADeletionRespectsItsPreconditionsAndFinalizers) {
  Json object = Create("a");
  DeleteOptions wrong;
  wrong.uid = "another";
  EXPECT_EQ(server_.Delete(kWidgets, kName, wrong).code(), Code::kConflict);
  object["metadata"]["finalizers"] = {"test.dev/hold"};
  object = *server_.Update(kWidgets, object);
  ASSERT_TRUE(server_.Delete(kWidgets, kName).ok());
  object = *server_.Get(kWidgets, kName);
  EXPECT_TRUE(object["metadata"].contains("deletionTimestamp"));
  object["metadata"]["finalizers"] = Json::array();
  ASSERT_TRUE(server_.Update(kWidgets, object).ok());
  EXPECT_EQ(server_.Get(kWidgets, kName).code(), Code::kNotFound);
  EXPECT_EQ(server_.Delete(kWidgets, kName).code(), Code::kNotFound);
}

TEST_F(FakeClientTest, PagesShowOneSnapshotAndExpireWhenItIsCompacted) {
  for (const char* name : {"a", "b", "c"}) Create(name);
  ListOptions options;
  options.limit = 2;
  const auto first = server_.List(kWidgets, options);
  ASSERT_EQ(first->items.size(), 2u);
  ASSERT_TRUE(server_.Delete(kWidgets, {"shop", "c"}).ok());
  Create("d");
  options.continue_token = first->continue_token;
  const auto second = server_.List(kWidgets, options);
  ASSERT_EQ(second->items.size(), 1u);
  EXPECT_EQ(second->items[0]["metadata"]["name"], "c");
  EXPECT_EQ(second->resource_version, first->resource_version);
  EXPECT_TRUE(second->continue_token.empty());
  server_.Compact();
  EXPECT_EQ(server_.List(kWidgets, options).code(), Code::kExpired);
}

TEST_F(FakeClientTest, AWatchShowsEveryLaterChangeInOrderWithDeletionsThatHaveTheirOwnVersion) {
  const Json first = Create("a");
  auto stream = Watch(VersionOf(first));
  Create("b");
  ASSERT_TRUE(server_.Patch(kWidgets, kName, PatchType::kMerge, {{"spec", {{"size", 5}}}}).ok());
  ASSERT_TRUE(server_.Delete(kWidgets, kName).ok());
  Create("a");
  EXPECT_THAT(Read(*stream),
              ::testing::ElementsAre("ADDED b", "MODIFIED a", "DELETED a", "ADDED a"));
  EXPECT_THAT(Read(*stream), ::testing::IsEmpty());
}

TEST_F(FakeClientTest, AWatchFromNothingBeginsWithWhatIsThere) {
  Create("a");
  auto stream = Watch("");
  Create("b");
  EXPECT_THAT(Read(*stream), ::testing::ElementsAre("ADDED a", "ADDED b"));
}

TEST_F(FakeClientTest, ObjectsEnterAndLeaveASelectionAsAddedAndDeleted) {
  auto stream = Watch("1", "tier in (web,api),!hidden");
  Create("a");
  const auto label = [&](const char* key, const Json& value) {
    ASSERT_TRUE(
        server_
            .Patch(kWidgets, kName, PatchType::kMerge, {{"metadata", {{"labels", {{key, value}}}}}})
            .ok());
  };
  label("tier", "web");
  label("tier", "api");
  label("hidden", "yes");
  label("hidden", nullptr);
  label("tier", "db");
  EXPECT_THAT(Read(*stream),
              ::testing::ElementsAre("ADDED a", "MODIFIED a", "DELETED a", "ADDED a", "DELETED a"));
}

TEST_F(FakeClientTest, WatchesOfCompactedOrFutureVersionsAreRefused) {
  Create("a");
  Create("b");
  server_.Compact();
  WatchOptions options;
  options.resource_version = "1";
  EXPECT_EQ(server_.Watch(kWidgets, options).code(), Code::kExpired);
  options.resource_version = "999";
  EXPECT_TRUE(IsVersionTooLarge(server_.Watch(kWidgets, options).status()));
}

TEST_F(FakeClientTest, WatchesEndByTimeByFaultAndByClose) {
  WatchOptions options;
  options.resource_version = "1";
  options.timeout_seconds = 60;
  auto timed = server_.Watch(kWidgets, options).value();
  auto broken = Watch("1");
  auto closed = Watch("1");
  EXPECT_EQ(server_.open_watches(), 3);
  clock_.Advance(seconds(60));
  EXPECT_THAT(Read(*timed), ::testing::ElementsAre("end"));
  server_.EndWatches(AbortedError("reset"));
  EXPECT_THAT(Read(*broken), ::testing::ElementsAre("Aborted"));
  closed->Close();
  EXPECT_THAT(Read(*closed), ::testing::ElementsAre("Cancelled"));
}

TEST_F(FakeClientTest, ALaggingReplicaShowsThePastToThoseWhoAllowIt) {
  Create("a");
  const std::int64_t past = server_.version();
  Create("b");
  server_.SetReplicaVersion(past);
  ListOptions any;
  any.resource_version = "0";
  EXPECT_EQ(server_.List(kWidgets, any)->items.size(), 1u);
  EXPECT_EQ(server_.List(kWidgets, {})->items.size(), 2u);
  ListOptions newer;
  newer.resource_version = std::to_string(server_.version());
  EXPECT_TRUE(IsVersionTooLarge(server_.List(kWidgets, newer).status()));
  server_.SetReplicaVersion(past, /*break_promise=*/true);
  EXPECT_EQ(server_.List(kWidgets, newer)->items.size(), 1u);
}

TEST_F(FakeClientTest, SelectorsThatCannotBeReadAreRefused) {
  for (const char* labels : {"a in b", "a notin (b", "a in )b("}) {
    ListOptions options;
    options.label_selector = labels;
    EXPECT_EQ(server_.List(kWidgets, options).code(), Code::kInvalidArgument) << labels;
  }
}

TEST_F(FakeClientTest, AnInterceptorRefusesLosesAnswersAndBreaksEvents) {
  InterceptorClient client(server_);
  client.on_call = [](const Call& call) {
    return call.verb == "create" ? Fault::LoseResponse() : Fault::None();
  };
  EXPECT_EQ(client.Create(kWidgets, Widget("a")).code(), Code::kAborted);
  EXPECT_TRUE(server_.Get(kWidgets, kName).ok()) << "carried out all the same";
  client.on_call = [](const Call&) { return Fault::Refuse(UnavailableError("down")); };
  EXPECT_EQ(client.Delete(kWidgets, kName).code(), Code::kUnavailable);
  EXPECT_TRUE(server_.Get(kWidgets, kName).ok());
  client.on_call = nullptr;
  client.on_event = [](const ResourceInfo&, const WatchEvent& event) {
    EventFault fault;
    if (event.object["metadata"]["name"] == "lost") fault.kind = EventFault::Kind::kDrop;
    if (event.object["metadata"]["name"] == "twice") fault.kind = EventFault::Kind::kDuplicate;
    return fault;
  };
  WatchOptions options;
  options.resource_version = std::to_string(server_.version());
  auto stream = client.Watch(kWidgets, options).value();
  for (const char* name : {"lost", "twice", "c"}) Create(name);
  EXPECT_THAT(Read(*stream), ::testing::ElementsAre("ADDED twice", "ADDED twice", "ADDED c"));
}

}  // namespace
}  // namespace salve::client::testing
