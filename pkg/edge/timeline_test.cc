// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/log.h"
#include "pkg/edge/edge_test_support.h"
#include "pkg/edge/incident_routes.h"
#include "pkg/http/transports.h"

namespace salve::edge {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A hub, its routes and a transport to them. Alice may read shop and bank, Bob only shop.
struct Edge {
  explicit Edge(const TimelineOptions& options = {}, Clock& clock = SystemClock())
      : hub(options, grants, clock) {
    AddIncidentRoutes(
        router, hub, grants,
        [this](const ApprovalDecision& decision) {
          decisions.push_back(decision);
          return verdict;
        },
        clock);
  }

  StatusOr<std::unique_ptr<http::ResponseStream>> Open(const std::string& target,
                                                       const std::string& who = "alice",
                                                       const std::string& last_id = "") {
    http::Headers headers{{"Authorization", "Bearer " + who}};
    if (!last_id.empty()) headers.Add("Last-Event-ID", last_id);
    return transport->Open({"GET", target, std::move(headers), "", ""}, {});
  }
  SseReader Read(const std::string& target, const std::string& who = "alice",
                 const std::string& last_id = "") {
    auto stream = Open(target, who, last_id);
    EXPECT_TRUE(stream.ok()) << stream.status();
    EXPECT_EQ((*stream)->status(), 200);
    return SseReader(*std::move(stream));
  }
  http::Response Send(const std::string& method, const std::string& target,
                      const std::string& who = "alice", std::string body = "",
                      http::Headers headers = {}) {
    headers.Set("Authorization", "Bearer " + who);
    if (!body.empty()) headers.Set("Content-Type", "application/json");
    return *transport->Send({method, target, std::move(headers), std::move(body), ""}, {});
  }

  std::shared_ptr<Grants> grants = std::make_shared<Grants>(
      std::map<std::string, std::set<std::string>>{{"alice", {"shop", "bank"}}, {"bob", {"shop"}}});
  TimelineHub hub;
  std::vector<ApprovalDecision> decisions;
  Status verdict;
  SeededRandom random{1};
  Router router{std::make_shared<NamedTokens>(), SystemClock(), random};
  std::unique_ptr<http::Transport> transport =
      http::MakeInProcessTransport(router, {}, SystemClock());
};

class TimelineTest : public ::testing::Test {
 protected:
  TimelineTest() {
    SetLogWriterForTest([](std::string_view) {});
  }
  ~TimelineTest() override { SetLogWriterForTest({}); }
};

constexpr char kAll[] = "/api/v1/timeline";
constexpr char kOne[] = "/api/v1/incidents/shop/a/timeline";

TEST_F(TimelineTest, AReaderGetsTheSnapshotThenSyncedThenChanges) {
  Edge edge;
  edge.hub.Update(MakeIncident("shop", "a", 10, 2));
  edge.hub.MarkSynced(10);
  SseReader reader = edge.Read(kAll);
  const SseEvent snapshot = reader.Next();
  EXPECT_EQ(snapshot.event, "snapshot");
  EXPECT_EQ(snapshot.id, "") << "a cut in the snapshot must not look like a place to go on from";
  EXPECT_EQ(snapshot.data["timeline"].size(), 2u);
  const SseEvent synced = reader.Next();
  EXPECT_EQ(synced.event, "synced");
  EXPECT_EQ(synced.id, "10-0");
  EXPECT_EQ(synced.data["incidents"], 1);
  edge.hub.Update(MakeIncident("shop", "a", 12, 4));
  const SseEvent third = reader.Next();
  EXPECT_EQ(third.event, "timeline");
  EXPECT_EQ(third.id, "12-0");
  EXPECT_EQ(third.data["sequence"], 3);
  EXPECT_EQ(third.data["phase"], "thinking");
  EXPECT_EQ(third.data["incidentPhase"], "Executing");
  EXPECT_EQ(reader.Next().id, "12-1");
}

TEST_F(TimelineTest, AnEmptyWorldIsSyncedAtOnceAndABlindOneIsA503) {
  Edge edge;
  auto early = edge.Open(kAll);
  EXPECT_EQ((*early)->status(), 503);
  EXPECT_EQ((*early)->headers().Get("Retry-After"), "1");
  edge.hub.MarkSynced(7);
  SseReader reader = edge.Read(kAll);
  EXPECT_THAT(reader.NamesUntil("synced"), ElementsAre("synced"));
}

TEST_F(TimelineTest, WhoComesBackGetsExactlyTheGap) {
  Edge edge;
  edge.hub.MarkSynced(10);
  edge.hub.Update(MakeIncident("shop", "a", 11, 1));
  edge.hub.Update(MakeIncident("shop", "a", 12, 3));
  SseReader reader = edge.Read(kAll, "alice", "11-0");
  EXPECT_EQ(reader.Next().id, "12-0");
  EXPECT_EQ(reader.Next().id, "12-1");
  const SseEvent synced = reader.Next();
  EXPECT_EQ(synced.event, "synced");
  EXPECT_FALSE(synced.data.contains("incidents")) << "no snapshot was sent";
  SseReader by_query = edge.Read(std::string(kAll) + "?after=12-0");
  EXPECT_EQ(by_query.Next().id, "12-1");
}

TEST_F(TimelineTest, AGapThatIsNotKnownIsOneResyncAndASnapshot) {
  TimelineOptions options;
  options.max_history = 3;
  Edge edge(options);
  edge.hub.MarkSynced(10);
  for (int i = 1; i <= 5; ++i)
    edge.hub.Update(MakeIncident("shop", "a", 10 + static_cast<unsigned>(i), i));
  for (const char* id : {"11-0", "9-0", "99-0", "nonsense", "10"}) {
    SseReader reader = edge.Read(kAll, "alice", id);
    EXPECT_THAT(reader.NamesUntil("synced"), ElementsAre("resync", "snapshot", "synced")) << id;
  }
  SseReader known = edge.Read(kAll, "alice", "12-0");
  EXPECT_THAT(known.NamesUntil("synced"),
              ElementsAre("timeline", "timeline", "timeline", "synced"));
}

TEST_F(TimelineTest, TheStreamOfOneIncidentGoesOnAcrossARestart) {
  Edge before;
  before.hub.Update(MakeIncident("shop", "a", 10, 3));
  before.hub.MarkSynced(10);
  SseReader first = before.Read(kOne);
  EXPECT_EQ(first.Next().event, "snapshot");
  EXPECT_EQ(first.Next().id, "3");

  Edge after;
  after.hub.Update(MakeIncident("shop", "a", 20, 5));
  after.hub.MarkSynced(20);
  SseReader again = after.Read(kOne, "alice", "3");
  EXPECT_EQ(again.Next().id, "4");
  const SseEvent fifth = again.Next();
  EXPECT_EQ(fifth.id, "5");
  EXPECT_EQ(fifth.data["message"], "entry 5");
  EXPECT_EQ(again.Next().event, "synced");
  after.hub.Update(MakeIncident("shop", "b", 21, 1));
  after.hub.Update(MakeIncident("shop", "a", 22, 6));
  EXPECT_EQ(again.Next().id, "6") << "and nothing of other incidents";
  SseReader future = after.Read(kOne, "alice", "60");
  EXPECT_EQ(future.Next().event, "resync");
  // The stream of all has lost its sequence with the restart: one resync.
  SseReader all = after.Read(kAll, "alice", "10-0");
  EXPECT_EQ(all.Next().event, "resync");
}

TEST_F(TimelineTest, NobodySeesWhatTheyMayNot) {
  Edge edge;
  edge.hub.Update(MakeIncident("bank", "secret", 9, 1));
  edge.hub.MarkSynced(10);
  SseReader bob = edge.Read(kAll, "bob");
  EXPECT_THAT(bob.NamesUntil("synced"), ElementsAre("synced"));
  edge.hub.Update(MakeIncident("bank", "secret", 11, 2));
  edge.hub.Update(MakeIncident("vault", "new-namespace", 12, 1));
  edge.hub.Update(MakeIncident("shop", "a", 13, 1));
  const SseEvent event = bob.Next();
  EXPECT_EQ(event.data["namespace"], "shop");
  EXPECT_EQ(edge.Send("GET", "/api/v1/incidents/bank/secret", "bob").status, 403);
  EXPECT_EQ(edge.Send("GET", "/api/v1/incidents/bank/none", "bob").status, 403);
  EXPECT_EQ((*edge.Open("/api/v1/incidents/bank/secret/timeline", "bob"))->status(), 403);
  EXPECT_EQ((*edge.Open(kAll, "mallory"))->status(), 401);
  EXPECT_EQ(json::parse(edge.Send("GET", "/api/v1/incidents", "bob").body)["items"].size(), 1u);
  SseReader replay = edge.Read(kAll, "bob", "10-0");
  EXPECT_THAT(replay.NamesUntil("synced"), ElementsAre("timeline", "synced"));
}

TEST_F(TimelineTest, ASlowReaderIsCutAndHoldsNobodyUp) {
  TimelineOptions options;
  options.reader_buffer_bytes = 8192;
  Edge edge(options);
  edge.hub.MarkSynced(10);
  SseReader slow = edge.Read(kAll);
  SseReader quick = edge.Read(kAll, "bob");
  quick.NamesUntil("synced");
  for (unsigned i = 1; i <= 200; ++i) {
    edge.hub.Update(MakeIncident("shop", "a", 10 + i, static_cast<int>(i)));
    EXPECT_EQ(quick.Next().event, "timeline");
  }
  EXPECT_EQ(edge.hub.readers(), 1u);
  const auto names = slow.NamesUntil("never");
  EXPECT_LT(names.size(), 200u);
  SseReader again = edge.Read(kAll, "alice", "10-0");
  EXPECT_EQ(again.NamesUntil("synced").size(), 201u) << "it comes back and misses nothing";
}

TEST_F(TimelineTest, HeartbeatsCarryTheTimeAndTheLastSequence) {
  SimulatedClock clock(WallTime(std::chrono::seconds(1'700'000'000)));
  Edge edge({}, clock);
  edge.hub.MarkSynced(10);
  SseReader reader = edge.Read(kAll);
  reader.NamesUntil("synced");
  while (clock.NextDeadline() == MonoTime::max()) std::this_thread::yield();
  EXPECT_LE(clock.NextDeadline() - clock.Monotonic(), std::chrono::seconds(15));
  clock.Advance(std::chrono::seconds(10));
  const SseEvent beat = reader.Next();
  EXPECT_EQ(beat.event, "heartbeat");
  EXPECT_EQ(beat.id, "10-0");
  EXPECT_EQ(beat.data, (json{{"serverTime", "2023-11-14T22:13:30Z"}, {"lastSequence", "10-0"}}));
}

TEST_F(TimelineTest, ReadersAreCappedInTotalAndPerPersonAndLeavingMakesRoom) {
  TimelineOptions options;
  options.max_readers = 3;
  options.max_readers_per_user = 2;
  Edge edge(options);
  edge.hub.MarkSynced(10);
  auto first = std::make_unique<SseReader>(edge.Read(kAll));
  SseReader second = edge.Read(kAll);
  auto refused = edge.Open(kAll);
  EXPECT_EQ((*refused)->status(), 429);
  EXPECT_EQ((*refused)->headers().Get("Retry-After"), "5");
  SseReader third = edge.Read(kAll, "bob");
  EXPECT_EQ((*edge.Open(kAll, "bob"))->status(), 429);
  first.reset();
  EXPECT_EQ((*edge.Open(kAll))->status(), 200);
}

TEST_F(TimelineTest, ChangesWithoutAnEntryAndDeletionsAreToldToo) {
  Edge edge;
  edge.hub.Update(MakeIncident("shop", "a", 10, 1));
  edge.hub.MarkSynced(10);
  SseReader reader = edge.Read(kAll);
  reader.NamesUntil("synced");
  IncidentView incident = MakeIncident("shop", "a", 11, 1);
  edge.hub.Update(incident);
  incident.resource_version = 12;
  incident.phase = "Resolved";
  edge.hub.Update(incident);
  const SseEvent change = reader.Next();
  EXPECT_EQ(change.event, "incident");
  EXPECT_EQ(change.id, "12-0") << "version 11 changed nothing that is shown";
  edge.hub.Remove("shop", "a", 5);
  const SseEvent gone = reader.Next();
  EXPECT_EQ(gone.event, "deleted");
  EXPECT_EQ(gone.id, "12-1") << "ids never go back";
}

TEST_F(TimelineTest, AMessageCannotForgeAnEvent) {
  Edge edge;
  edge.hub.MarkSynced(1);
  SseReader reader = edge.Read(kAll);
  reader.NamesUntil("synced");
  IncidentView incident = MakeIncident("shop", "a", 2, 1);
  incident.timeline[0].message = "x\n\nevent: deleted\ndata: {}\n\n\xff";
  edge.hub.Update(incident);
  EXPECT_EQ(reader.Next().event, "timeline");
  edge.hub.Remove("shop", "a", 3);
  EXPECT_EQ(reader.Next().event, "deleted");
}

TEST_F(TimelineTest, WhoCannotStreamCanPoll) {
  Edge edge;
  edge.hub.Update(MakeIncident("shop", "a", 10, 3));
  edge.hub.MarkSynced(10);
  const json list = json::parse(edge.Send("GET", "/api/v1/incidents?namespace=shop").body);
  EXPECT_EQ(list["items"][0]["name"], "a");
  EXPECT_EQ(list["lastSequence"], "10-0");
  const auto response = edge.Send("GET", std::string(kOne) + "?after=2", "alice", "",
                                  {{"Accept", "application/json"}});
  EXPECT_EQ(json::parse(response.body)["timeline"].size(), 1u);
  EXPECT_EQ(edge.Send("GET", "/api/v1/incidents?limit=x").status, 400);
  EXPECT_EQ(edge.Send("GET", "/api/v1/incidents/shop/none").status, 404);
}

class Decisions : public TimelineTest {
 protected:
  Decisions() {
    IncidentView incident = MakeIncident("shop", "a", 10, 1);
    incident.proposal = {"d1", "flush", "redis-cli FLUSHALL", "2026-11-21T00:15:00Z"};
    edge_.hub.Update(incident);
    edge_.hub.MarkSynced(10);
  }
  Edge edge_;
};

constexpr char kApprove[] = "/api/v1/incidents/shop/a/approve";

TEST_F(Decisions, AnApprovalIsMadeAsThePersonWithTheDigestThatTheySaw) {
  const auto response =
      edge_.Send("POST", kApprove, "bob", R"({"digest":"d1","reason":"looks right"})");
  EXPECT_EQ(response.status, 201) << response.body;
  ASSERT_EQ(edge_.decisions.size(), 1u);
  const ApprovalDecision& decision = edge_.decisions[0];
  EXPECT_TRUE(decision.approve);
  EXPECT_EQ(decision.identity.user, "bob");
  EXPECT_EQ(decision.digest, "d1");
  EXPECT_EQ(decision.incident_uid, "uid-a");
  EXPECT_EQ(decision.reason, "looks right");
  EXPECT_EQ(
      edge_.Send("POST", "/api/v1/incidents/shop/a/reject", "bob", R"({"digest":"d1"})").status,
      201);
  EXPECT_FALSE(edge_.decisions.at(1).approve);
}

TEST_F(Decisions, AStaleDigestIsA409ThatSaysWhatChanged) {
  const auto response = edge_.Send("POST", kApprove, "alice", R"({"digest":"d0"})");
  EXPECT_EQ(response.status, 409);
  const json body = json::parse(response.body);
  EXPECT_EQ(body["current"]["digest"], "d1");
  EXPECT_THAT(body["message"].get<std::string>(), HasSubstr("redis-cli FLUSHALL"));
  edge_.hub.Update(MakeIncident("shop", "a", 11, 2));
  EXPECT_EQ(edge_.Send("POST", kApprove, "alice", R"({"digest":"d1"})").status, 409);
  EXPECT_TRUE(edge_.decisions.empty());
}

TEST_F(Decisions, WhatTheApiServerRefusesIsHandedOn) {
  edge_.verdict = PermissionDeniedError("bob may not approve policy redis");
  EXPECT_EQ(edge_.Send("POST", kApprove, "bob", R"({"digest":"d1"})").status, 403);
  edge_.verdict = ConflictError("the target drifted");
  EXPECT_EQ(edge_.Send("POST", kApprove, "bob", R"({"digest":"d1"})").status, 409);
}

TEST_F(Decisions, WhatIsNotADecisionIsA400WithItsPlace) {
  const struct {
    const char* body;
    const char* says;
  } kCases[] = {
      {"{}", ".digest"},
      {R"({"digest":1})", ".digest"},
      {R"({"digest":"d1","digset":"d1"})", ".digset"},
      {R"(["d1"])", "object"},
      {R"({"digest":"d1","digest":"d2"})", "twice"},
  };
  for (const auto& c : kCases) {
    const auto response = edge_.Send("POST", kApprove, "alice", c.body);
    EXPECT_EQ(response.status, 400) << c.body;
    EXPECT_THAT(response.body, HasSubstr(c.says)) << c.body;
  }
  EXPECT_EQ(edge_.Send("GET", kApprove).status, 405);
  EXPECT_TRUE(edge_.decisions.empty());
}

}  // namespace
}  // namespace salve::edge
