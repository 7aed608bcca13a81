// SPDX-License-Identifier: Apache-2.0
// The cache against a server that misbehaves: every test ends with "the cache equals the server".
#include "pkg/engine/reflector.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/client/reasons.h"
#include "pkg/engine/informer.h"
#include "pkg/engine/testing/widget.h"

namespace salve::engine {
namespace {

using client::WatchEvent;
using client::testing::Call;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::EventFault;
using testing::FakeClient;
using testing::Fault;
using testing::MakeWidget;
using testing::Name;
using testing::Settle;
using testing::SettleUntil;
using testing::Widget;
using testing::Widgets;
using testing::World;

class SkipMetrics : public EngineMetrics {
 public:
  void ObjectSkipped(const std::string&) override { ++skipped; }
  int skipped = 0;
};

class ReflectorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    informer_ =
        std::make_unique<Informer<Widget>>(options_, world_.client, testing::DecodeWidget,
                                           Environment{world_.clock, world_.random, metrics_});
    informer_->AddHandler([this](const Change<Widget>& change) {
      const char* sign = change.type == Delta::Type::kAdded     ? "+"
                         : change.type == Delta::Type::kUpdated ? "~"
                                                                : "-";
      changes_.push_back(sign + change.header.name.name);
      if (change.type == Delta::Type::kAdded) ++balance_[change.header.uid];
      if (change.type == Delta::Type::kDeleted) --balance_[change.header.uid];
    });
  }

  std::map<std::string, std::int64_t> Cache() const {
    std::map<std::string, std::int64_t> sizes;
    for (const auto& widget : informer_->List()) sizes[widget->name] = widget->size;
    return sizes;
  }
  std::map<std::string, std::int64_t> Truth() const {
    std::map<std::string, std::int64_t> sizes;
    for (const auto& [name, object] : world_.server.Objects(Widgets())) {
      sizes[name.name] = object["spec"]["size"];
    }
    return sizes;
  }
  bool CacheEqualsServer(Duration limit = minutes(10)) {
    return SettleUntil(*informer_, world_, [this] { return Cache() == Truth(); }, limit);
  }
  int Count(const std::string& verb) const {
    int count = 0;
    for (const auto& call : world_.server.Calls()) count += call.verb == verb ? 1 : 0;
    return count;
  }
  std::vector<std::string> VersionsOf(const std::string& verb) const {
    std::vector<std::string> versions;
    for (const auto& call : world_.server.Calls()) {
      if (call.verb == verb) versions.push_back(call.resource_version);
    }
    return versions;
  }
  // Lets time pass, stepping the reflector as its thread would.
  void Pass(Duration time) {
    SettleUntil(*informer_, world_, [] { return false; }, time);
  }

  World world_;
  SkipMetrics metrics_;
  ReflectorOptions options_ = World::Options();
  std::unique_ptr<Informer<Widget>> informer_;
  std::vector<std::string> changes_;
  std::map<std::string, int> balance_;
};

// ---- What each list asks for ----

TEST_F(ReflectorTest, TheFirstListTakesAnyVersionAndALaterOneNoneOlderThanWhatWasSeen) {
  world_.Create("a");
  Settle(*informer_, world_);
  EXPECT_THAT(VersionsOf("list"), ::testing::ElementsAre("0"));

  world_.Create("b");
  Settle(*informer_, world_);
  const std::string seen = std::to_string(world_.server.version());
  world_.server.EndWatches(InternalError("garbage").WithReason(client::kReasonMalformedEvent));
  Pass(seconds(5));
  EXPECT_THAT(VersionsOf("list"), ::testing::ElementsAre("0", seen));
}

TEST_F(ReflectorTest, AfterAnExpiredVersionTheNextListAsksForTheNewestState) {
  world_.Create("a");
  Settle(*informer_, world_);
  world_.Resize("a", 2);
  world_.server.Compact();
  Settle(*informer_, world_);
  EXPECT_THAT(VersionsOf("list"), ::testing::ElementsAre("0", "-"));
  EXPECT_EQ(Cache(), Truth());
}

// ---- 410 in every shape ----

TEST_F(ReflectorTest, An410InsideTheStreamLeadsToOneList) {
  world_.Create("a");
  Settle(*informer_, world_);
  world_.Resize("a", 2);
  world_.Create("b");
  world_.server.EndWatches(ExpiredError("too old resource version").WithReason("Expired"));
  EXPECT_TRUE(CacheEqualsServer(seconds(0)));
  EXPECT_EQ(Count("list"), 2);
}

TEST_F(ReflectorTest, An410AtTheStartOfAWatchLeadsToOneList) {
  world_.Create("a");
  Settle(*informer_, world_);
  Pass(seconds(10));
  world_.server.EndWatches(Status::Ok());
  world_.Resize("a", 2);
  world_.Create("b");
  world_.server.Compact();
  EXPECT_TRUE(CacheEqualsServer(seconds(0)));
  EXPECT_EQ(Count("list"), 2);
}

TEST_F(ReflectorTest, An410OnALaterPageLeadsToAListInOnePiece) {
  options_.page_size = 2;
  SetUp();
  for (const char* name : {"a", "b", "c", "d", "e"}) world_.Create(name);
  int lists = 0;
  world_.client.on_call = [&](const Call& call) {
    if (call.verb == "list" && ++lists == 3) {
      world_.Create("f");
      world_.server.Compact();
    }
    return Fault::None();
  };
  EXPECT_TRUE(CacheEqualsServer(seconds(0)));
  EXPECT_EQ(lists, 4) << "three pages, of which the last failed, and one whole list";
  EXPECT_EQ(Cache().size(), 6u);
}

TEST_F(ReflectorTest, AServerThatRefusesEveryWatchWith410IsNotAskedInAHotLoop) {
  world_.Create("a");
  world_.client.on_call = [](const Call& call) {
    return call.verb == "watch" ? Fault::Refuse(ExpiredError("410")) : Fault::None();
  };
  Pass(minutes(10));
  EXPECT_LT(Count("list"), 60);
  EXPECT_EQ(Cache(), Truth());
  world_.client.on_call = nullptr;
  world_.Create("b");
  EXPECT_TRUE(CacheEqualsServer(minutes(1)));
}

TEST_F(ReflectorTest, AServerThatRefusesEveryListWith410IsNotAskedInAHotLoop) {
  int lists = 0;
  world_.client.on_call = [&](const Call& call) {
    if (call.verb != "list") return Fault::None();
    ++lists;
    return Fault::Refuse(ExpiredError("410"));
  };
  Pass(minutes(10));
  EXPECT_LT(lists, 60);
}

// ---- Versions from the future, replicas from the past ----

TEST_F(ReflectorTest, AVersionThatTheServerHasNotReachedLeadsToTheNewestListAtOnce) {
  world_.Create("a");
  const std::int64_t past = world_.server.version();
  world_.Create("b");
  Settle(*informer_, world_);
  world_.server.SetReplicaVersion(past);
  world_.server.EndWatches(PermissionDeniedError("403"));
  Pass(seconds(5));
  EXPECT_THAT(VersionsOf("list"),
              ::testing::ElementsAre("0", std::to_string(world_.server.version()), "-"));
  world_.server.SetReplicaVersion(std::nullopt);
  world_.Create("c");
  EXPECT_TRUE(CacheEqualsServer());
}

TEST_F(ReflectorTest, AReplicaThatLagsInSpiteOfItsPromiseDoesNotTurnTheCacheBack) {
  world_.Create("a", 1);
  const std::int64_t past = world_.server.version();
  world_.Resize("a", 2);
  world_.Create("b");
  Settle(*informer_, world_);
  changes_.clear();
  world_.server.SetReplicaVersion(past, /*break_promise=*/true);
  world_.server.EndWatches(PermissionDeniedError("403"));
  Pass(seconds(30));
  EXPECT_EQ(Cache(), (std::map<std::string, std::int64_t>{{"a", 2}, {"b", 1}}));
  EXPECT_THAT(changes_, ::testing::IsEmpty()) << "no deletion, no old state, not even for a moment";
}

TEST_F(ReflectorTest, OldAndRepeatedEventsChangeNothing) {
  world_.client.on_event = [](const ResourceInfo&, const WatchEvent&) {
    return EventFault{EventFault::Kind::kDuplicate, {}};
  };
  Settle(*informer_, world_);
  world_.Create("a");
  world_.Resize("a", 2);
  world_.Remove("a");
  world_.Create("b");
  Settle(*informer_, world_);
  EXPECT_THAT(changes_, ::testing::ElementsAre("+a", "~a", "-a", "+b"));
}

TEST_F(ReflectorTest, DeletionsDuringADisconnectionAreToldExactlyOnce) {
  for (const char* name : {"a", "b", "c"}) world_.Create(name);
  Settle(*informer_, world_);
  changes_.clear();
  world_.Remove("b");
  world_.server.Compact();
  EXPECT_TRUE(CacheEqualsServer(seconds(0)));
  EXPECT_THAT(changes_, ::testing::ElementsAre("-b"));
}

TEST_F(ReflectorTest, ARecreationDuringADisconnectionIsADeletionAndAnAddition) {
  world_.Create("a", 1);
  Settle(*informer_, world_);
  const std::string old_uid = informer_->Get(Name("a"))->uid;
  changes_.clear();
  world_.Remove("a");
  world_.Create("a", 1);
  world_.server.Compact();
  Settle(*informer_, world_);
  EXPECT_THAT(changes_, ::testing::ElementsAre("-a", "+a"));
  EXPECT_EQ(balance_[old_uid], 0);
  EXPECT_NE(informer_->Get(Name("a"))->uid, old_uid);
}

// ---- The watch ----

TEST_F(ReflectorTest, BookmarksLetAWatchGoOnWithoutAListAfterACompaction) {
  world_.Create("a");
  Settle(*informer_, world_);
  for (int i = 0; i < 5; ++i) {
    (void)world_.server.Create(
        {"", "v1", "configmaps", "ConfigMap", true},
        {{"metadata", {{"name", "x" + std::to_string(i)}, {"namespace", "shop"}}}});
  }
  world_.server.SendBookmarks();
  Settle(*informer_, world_);
  EXPECT_EQ(informer_->store().version(), std::to_string(world_.server.version()));
  world_.server.Compact();
  Pass(seconds(10));
  world_.server.EndWatches(Status::Ok());
  world_.Create("b");
  EXPECT_TRUE(CacheEqualsServer());
  EXPECT_EQ(Count("list"), 1);
}

TEST_F(ReflectorTest, ABrokenConnectionIsFollowedByAWatchFromTheLastVersionNotByAList) {
  world_.Create("a");
  Settle(*informer_, world_);
  Pass(seconds(10));
  const std::string seen = std::to_string(world_.server.version());
  world_.server.EndWatches(AbortedError("connection reset"));
  world_.Create("b");
  EXPECT_TRUE(CacheEqualsServer());
  EXPECT_EQ(Count("list"), 1);
  EXPECT_EQ(VersionsOf("watch").back(), seen);
}

TEST_F(ReflectorTest, AStormOf429AtTheWatchNeverLeadsToAList) {
  world_.Create("a");
  int refused = 0;
  world_.client.on_call = [&](const Call& call) {
    if (call.verb != "watch") return Fault::None();
    ++refused;
    return Fault::Refuse(TooManyRequestsError("busy").WithRetryAfter(seconds(40)));
  };
  Pass(minutes(10));
  EXPECT_EQ(Count("list"), 1);
  EXPECT_GE(refused, 10);
  EXPECT_LE(refused, 16) << "Retry-After is the least wait";
  world_.client.on_call = nullptr;
  world_.Create("b");
  EXPECT_TRUE(CacheEqualsServer(minutes(2)));
  EXPECT_EQ(Count("list"), 1);
}

TEST_F(ReflectorTest, ARefusedConnectionAtTheWatchNeverLeadsToAList) {
  world_.Create("a");
  world_.client.on_call = [](const Call& call) {
    return call.verb == "watch" ? Fault::Refuse(UnavailableError("connection refused"))
                                : Fault::None();
  };
  Pass(minutes(5));
  world_.client.on_call = nullptr;
  world_.Create("b");
  EXPECT_TRUE(CacheEqualsServer(minutes(2)));
  EXPECT_EQ(Count("list"), 1);
}

TEST_F(ReflectorTest, InternalErrorsOfAWatchAreRetriedForAMinuteAndThenAnsweredWithAList) {
  world_.Create("a");
  world_.client.on_call = [](const Call& call) {
    return call.verb == "watch" ? Fault::Refuse(InternalError("500 etcd")) : Fault::None();
  };
  Pass(seconds(50));
  EXPECT_EQ(Count("list"), 1);
  Pass(minutes(3));
  EXPECT_GE(Count("list"), 2);
  EXPECT_LE(Count("list"), 5);
}

TEST_F(ReflectorTest, ADeadServerIsAskedAboutOnceIn30To60Seconds) {
  int lists = 0;
  world_.client.on_call = [&](const Call& call) {
    lists += call.verb == "list" ? 1 : 0;
    return Fault::Refuse(UnavailableError("connection refused"));
  };
  Pass(minutes(5));
  lists = 0;
  Pass(std::chrono::hours(1));
  EXPECT_GE(lists, 55);
  EXPECT_LE(lists, 125);
  EXPECT_THAT(informer_->last_error(), ::testing::HasSubstr("connection refused"));
  EXPECT_FALSE(informer_->HasSynced());
}

TEST_F(ReflectorTest, AfterTwoHealthyMinutesTheBackOffStartsSmallAgain) {
  world_.client.on_call = [](const Call&) { return Fault::Refuse(UnavailableError("down")); };
  Pass(minutes(10));
  world_.client.on_call = nullptr;
  world_.Create("a");
  EXPECT_TRUE(CacheEqualsServer(minutes(2)));
  Pass(minutes(3));
  bool refused = false;
  world_.client.on_call = [&](const Call&) {
    return std::exchange(refused, true) ? Fault::None() : Fault::Refuse(UnavailableError("down"));
  };
  world_.server.EndWatches(Status::Ok());
  Settle(*informer_, world_);
  world_.Create("b");
  EXPECT_TRUE(CacheEqualsServer(seconds(2)));
}

TEST_F(ReflectorTest, WatchesThatEndAtOnceBackOff) {
  world_.Create("a");
  Settle(*informer_, world_);
  world_.client.after_call = nullptr;
  const int before = Count("watch");
  const MonoTime end = world_.clock.Monotonic() + minutes(5);
  while (world_.clock.Monotonic() < end) {
    world_.server.EndWatches(Status::Ok());
    const MonoTime next = informer_->Step();
    if (next > world_.clock.Monotonic()) world_.clock.Advance(std::chrono::milliseconds(100));
  }
  EXPECT_LT(Count("watch") - before, 40);
}

// A server that accepts a watch and is never heard of again.
class SilentStream final : public client::WatchStream {
 public:
  explicit SilentStream(SimulatedClock& clock) : clock_(clock) {}
  StatusOr<std::optional<WatchEvent>> Next(MonoTime deadline) override {
    if (clock_.Monotonic() < deadline) return DeadlineExceededError("nothing yet");
    return DeadlineExceededError("nothing");
  }
  void Close() override {}

 private:
  SimulatedClock& clock_;
};

class SilentWatcher final : public client::Watcher {
 public:
  explicit SilentWatcher(SimulatedClock& clock) : clock_(clock) {}
  StatusOr<std::unique_ptr<client::WatchStream>> Watch(
      const ResourceInfo&, const client::WatchOptions& options) override {
    opened.push_back({clock_.Monotonic(), options.timeout_seconds});
    EXPECT_TRUE(options.allow_bookmarks);
    return std::unique_ptr<client::WatchStream>(std::make_unique<SilentStream>(clock_));
  }
  std::vector<std::pair<MonoTime, int>> opened;

 private:
  SimulatedClock& clock_;
};

TEST_F(ReflectorTest, AWatchThatIsSilentBeyondItsTimeOutIsTakenForDead) {
  SilentWatcher watcher(world_.clock);
  Store store;
  Reflector reflector(options_, world_.client, watcher, store,
                      MakeDecoder<Widget>(testing::DecodeWidget), world_.clock, world_.random,
                      metrics_);
  const MonoTime end = world_.clock.Monotonic() + std::chrono::hours(2);
  while (world_.clock.Monotonic() < end) {
    (void)reflector.Step(world_.clock.Monotonic());
    world_.clock.Advance(seconds(1));
  }
  ASSERT_GE(watcher.opened.size(), 10u);
  std::set<int> timeouts;
  for (std::size_t i = 0; i + 1 < watcher.opened.size(); ++i) {
    const auto& [at, timeout] = watcher.opened[i];
    EXPECT_GE(timeout, 300);
    EXPECT_LE(timeout, 600);
    timeouts.insert(timeout);
    const Duration lasted = watcher.opened[i + 1].first - at;
    EXPECT_GE(lasted, seconds(timeout + 5));
    EXPECT_LE(lasted, seconds(timeout + 5 + 5));
  }
  EXPECT_GT(timeouts.size(), 5u) << "random, so that many watchers do not come back at once";
}

// ---- Objects that cannot be understood ----

TEST_F(ReflectorTest, AnObjectThatCannotBeDecodedIsLeftOutAndTheOthersGoOn) {
  Json poison = MakeWidget("poison");
  poison["spec"] = "not an object";
  (void)world_.server.Create(Widgets(), poison);
  world_.Create("a");
  Settle(*informer_, world_);
  EXPECT_TRUE(informer_->HasSynced());
  EXPECT_EQ(metrics_.skipped, 1);
  EXPECT_EQ(Cache(), (std::map<std::string, std::int64_t>{{"a", 1}}));
  (void)world_.server.Patch(Widgets(), Name("a"), client::PatchType::kMerge, {{"spec", nullptr}});
  world_.Create("b");
  Settle(*informer_, world_);
  EXPECT_EQ(Cache(), (std::map<std::string, std::int64_t>{{"a", 1}, {"b", 1}}))
      << "the last state of a that could be understood stays";
}

TEST_F(ReflectorTest, ADecoderThatThrowsDoesNotStopTheCache) {
  Informer<Widget> informer(
      options_, world_.client,
      [](const Json& object) -> StatusOr<Widget> {
        if (object["metadata"]["name"] == "poison") throw std::runtime_error("boom");
        return testing::DecodeWidget(object);
      },
      Environment{world_.clock, world_.random, metrics_});
  world_.Create("poison");
  world_.Create("a");
  Settle(informer, world_);
  EXPECT_EQ(informer.List().size(), 1u);
}

TEST_F(ReflectorTest, TheTransformSeesEachObjectBeforeItIsDecoded) {
  options_.transform = [](Json& object) { object["spec"]["size"] = 77; };
  SetUp();
  world_.Create("a", 1);
  Settle(*informer_, world_);
  world_.Create("b", 2);
  Settle(*informer_, world_);
  EXPECT_EQ(Cache(), (std::map<std::string, std::int64_t>{{"a", 77}, {"b", 77}}));
}

TEST_F(ReflectorTest, OnlyWhatIsSelectedIsInTheCacheAndWhatLeavesTheSelectionIsDeleted) {
  options_.field_selector = "spec.owner=ann";
  SetUp();
  world_.Create("a", 1, "ann");
  world_.Create("b", 1, "bob");
  Settle(*informer_, world_);
  EXPECT_EQ(Cache().size(), 1u);
  (void)world_.server.Patch(Widgets(), Name("a"), client::PatchType::kMerge,
                            {{"spec", {{"owner", "bob"}}}});
  (void)world_.server.Patch(Widgets(), Name("b"), client::PatchType::kMerge,
                            {{"spec", {{"owner", "ann"}}}});
  Settle(*informer_, world_);
  EXPECT_THAT(changes_, ::testing::ElementsAre("+a", "-a", "+b"));
}

TEST_F(ReflectorTest, AfterStopNothingMoreIsAsked) {
  world_.Create("a");
  Settle(*informer_, world_);
  informer_->Stop();
  const std::size_t calls = world_.server.Calls().size();
  Pass(minutes(20));
  EXPECT_EQ(world_.server.Calls().size(), calls);
  EXPECT_EQ(world_.server.open_watches(), 0);
}

// A server that was replaced by an older backup of itself.
class SwitchClient final : public client::Client {
 public:
  explicit SwitchClient(client::Client& first) : inner(&first) {}
  client::Client* inner;

  StatusOr<Json> Get(const ResourceInfo& r, const NamespacedName& n) override {
    return inner->Get(r, n);
  }
  StatusOr<client::ObjectList> List(const ResourceInfo& r, const client::ListOptions& o) override {
    return inner->List(r, o);
  }
  StatusOr<std::unique_ptr<client::WatchStream>> Watch(const ResourceInfo& r,
                                                       const client::WatchOptions& o) override {
    return inner->Watch(r, o);
  }
  StatusOr<Json> Create(const ResourceInfo& r, const Json& j,
                        const client::WriteOptions& o) override {
    return inner->Create(r, j, o);
  }
  StatusOr<Json> Update(const ResourceInfo& r, const Json& j,
                        const client::WriteOptions& o) override {
    return inner->Update(r, j, o);
  }
  StatusOr<Json> Patch(const ResourceInfo& r, const NamespacedName& n, client::PatchType t,
                       const Json& j, const client::WriteOptions& o) override {
    return inner->Patch(r, n, t, j, o);
  }
  Status Delete(const ResourceInfo& r, const NamespacedName& n,
                const client::DeleteOptions& o) override {
    return inner->Delete(r, n, o);
  }
};

TEST_F(ReflectorTest, AServerRestoredFromAnOldBackupIsFollowedAgain) {
  FakeClient restored(world_.clock);
  SwitchClient client(world_.server);
  Informer<Widget> informer(options_, client, testing::DecodeWidget, world_.env());
  for (int i = 0; i < 10; ++i) world_.Create("w" + std::to_string(i));
  Settle(informer, world_);
  ASSERT_EQ(informer.List().size(), 10u);

  ASSERT_TRUE(restored.Create(Widgets(), MakeWidget("only", 3)).ok());
  client.inner = &restored;
  world_.server.EndWatches(AbortedError("connection reset"));
  EXPECT_TRUE(SettleUntil(informer, world_, [&] {
    return informer.List().size() == 1 && informer.Get(Name("only")) != nullptr;
  }));
  ASSERT_TRUE(restored.Create(Widgets(), MakeWidget("two")).ok());
  EXPECT_TRUE(SettleUntil(informer, world_, [&] { return informer.List().size() == 2; }));
}

}  // namespace
}  // namespace salve::engine
