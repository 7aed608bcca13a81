// SPDX-License-Identifier: Apache-2.0
// Random histories with random faults: whatever happens, once the faults stop the cache equals the
// server, and every object that was added to it and is gone was deleted exactly once.
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "pkg/client/reasons.h"
#include "pkg/engine/informer.h"
#include "pkg/engine/testing/widget.h"

namespace salve::engine {
namespace {

using client::WatchEvent;
using client::testing::Call;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::EventFault;
using testing::Fault;
using testing::Name;
using testing::SettleUntil;
using testing::Widget;
using testing::Widgets;
using testing::World;

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {
    ReflectorOptions options = World::Options();
    options.page_size = static_cast<std::int64_t>(1 + random_.Next() % 4);
    informer_ = std::make_unique<Informer<Widget>>(options, world_.client, testing::DecodeWidget,
                                                   world_.env());
    informer_->AddIndex("size", [](const Widget& widget) {
      return std::vector<std::string>{std::to_string(widget.size)};
    });
    informer_->AddHandler([this](const Change<Widget>& change) { Check(change); });
    world_.client.on_call = [this](const Call& call) { return BreakCall(call); };
    world_.client.on_event = [this](const ResourceInfo&, const WatchEvent& event) {
      return BreakEvent(event);
    };
  }

  void Play() {
    for (int step = 0; step < 300; ++step) {
      Act();
      if (Chance(3)) world_.clock.Advance(milliseconds(random_.Next() % 3000));
      for (std::uint64_t i = random_.Next() % 4; i > 0; --i) (void)informer_->Step();
    }
    faults_ = false;
    world_.server.SetReplicaVersion(std::nullopt);
    EXPECT_TRUE(SettleUntil(
        *informer_, world_, [this] { return CacheEqualsServer(); }, minutes(20)))
        << "the cache does not reach the server's state";
    // And stays there.
    SettleUntil(*informer_, world_, [] { return false; }, minutes(1));
    EXPECT_TRUE(CacheEqualsServer());
    std::set<std::string> alive;
    for (const auto& widget : informer_->List()) alive.insert(widget->uid);
    for (const auto& [uid, count] : balance_) {
      EXPECT_EQ(count, alive.contains(uid) ? 1 : 0) << uid;
    }
    EXPECT_TRUE(problem_.empty()) << problem_;
  }

 private:
  bool Chance(std::uint64_t one_in) { return random_.Next() % one_in == 0; }
  std::string AnyName() { return std::string(1, static_cast<char>('a' + random_.Next() % 6)); }

  void Act() {
    switch (random_.Next() % 12) {
      case 0:
      case 1:
      case 2:
        world_.Create(AnyName(), static_cast<std::int64_t>(random_.Next() % 5));
        break;
      case 3:
      case 4:
      case 5:
        world_.Resize(AnyName(), static_cast<std::int64_t>(random_.Next() % 100));
        break;
      case 6:
      case 7:
        world_.Remove(AnyName());
        break;
      case 8:
        world_.server.SendBookmarks();
        break;
      case 9:
        if (Chance(3)) world_.server.Compact();
        break;
      case 10:
        if (Chance(2)) world_.server.EndWatches(SomeError());
        break;
      default:
        OfferSomething();
        if (Chance(6)) {
          const std::int64_t now = world_.server.version();
          const std::int64_t lag = static_cast<std::int64_t>(random_.Next() % 6);
          world_.server.SetReplicaVersion(std::max<std::int64_t>(1, now - lag), Chance(2));
        } else if (Chance(2)) {
          world_.server.SetReplicaVersion(std::nullopt);
        }
    }
  }

  // The answer of a read or write, handed to the cache at once or late.
  void OfferSomething() {
    if (Chance(2)) {
      const StatusOr<Json> object = world_.server.Get(Widgets(), Name(AnyName()));
      if (object.ok()) late_ = *object;
    }
    if (!late_.is_null() && Chance(2)) informer_->Offer(late_);
  }

  Status SomeError() {
    switch (random_.Next() % 7) {
      case 0:
        return Status::Ok();
      case 1:
        return AbortedError("reset");
      case 2:
        return ExpiredError("410");
      case 3:
        return InternalError("500");
      case 4:
        return InternalError("garbage").WithReason(client::kReasonMalformedEvent);
      case 5:
        return TooManyRequestsError("429").WithRetryAfter(seconds(1));
      default:
        return UnavailableError("503");
    }
  }

  Fault BreakCall(const Call& call) {
    if (!faults_ || !Chance(4)) return Fault::None();
    const Status error = SomeError();
    if (error.ok()) return Fault::None();
    return call.verb == "watch" || Chance(2) ? Fault::Refuse(error) : Fault::LoseResponse();
  }

  EventFault BreakEvent(const WatchEvent&) {
    if (!faults_ || !Chance(6)) return {};
    if (Chance(2)) return {EventFault::Kind::kDuplicate, {}};
    const Status error = SomeError();
    // An event may be lost only together with its connection.
    return error.ok() ? EventFault{} : EventFault{EventFault::Kind::kFail, error};
  }

  void Check(const Change<Widget>& change) {
    const std::string uid = change.header.uid;
    if (change.type == Delta::Type::kAdded && ++balance_[uid] != 1) Problem("added twice: " + uid);
    if (change.type == Delta::Type::kDeleted && --balance_[uid] != 0) {
      Problem("deleted without having been added: " + uid);
    }
    if (change.type != Delta::Type::kUpdated) return;
    if (change.before->uid != change.after->uid) Problem("an update changed the identity");
    if (!Older(change.version_before, change.header.resource_version)) {
      Problem("went back from " + change.version_before + " to " + change.header.resource_version);
    }
  }
  void Problem(const std::string& text) {
    if (problem_.empty()) problem_ = text;
  }

  bool CacheEqualsServer() {
    std::map<std::string, std::string> cache;
    for (const auto& widget : informer_->List()) {
      cache[widget->name] = widget->uid + "@" + widget->version;
      bool indexed = false;
      for (const auto& same : informer_->ByIndex("size", std::to_string(widget->size))) {
        indexed = indexed || same->uid == widget->uid;
      }
      if (!indexed) Problem("missing from the index: " + widget->name);
    }
    std::map<std::string, std::string> truth;
    for (const auto& [name, object] : world_.server.Objects(Widgets())) {
      truth[name.name] = object["metadata"]["uid"].get<std::string>() + "@" +
                         object["metadata"]["resourceVersion"].get<std::string>();
    }
    return cache == truth;
  }

  World world_;
  SeededRandom random_;
  std::unique_ptr<Informer<Widget>> informer_;
  std::map<std::string, int> balance_;
  std::string problem_;
  Json late_;
  bool faults_ = true;
};

TEST(CachePropertyTest, TheCacheReachesTheServersStateWhateverWentWrongOnTheWay) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History history(seed);
    history.Play();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace salve::engine
