// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/work_queue.h"

#include <atomic>
#include <list>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/random.h"
#include "pkg/engine/thread.h"

namespace salve::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

NamespacedName Key(const std::string& name) { return {"", name}; }

class WorkQueueTest : public ::testing::Test {
 protected:
  // All that is ready, each given back at once.
  std::vector<std::string> TakeAll() {
    std::vector<std::string> names;
    while (const auto item = queue_.TryGet()) {
      names.push_back(item->key.name);
      queue_.Done(item->key);
    }
    return names;
  }

  SimulatedClock clock_{WallTime(seconds(1'790'000'000))};
  WorkQueue queue_{"test", {}, clock_, NoMetrics()};
};

TEST_F(WorkQueueTest, AKeyAddedManyTimesBeforeItIsTakenIsHandedOutOnce) {
  for (int i = 0; i < 100; ++i) queue_.Add(Key("a"));
  EXPECT_THAT(TakeAll(), ::testing::ElementsAre("a"));
}

TEST_F(WorkQueueTest, AKeyThatIsBeingWorkedOnIsNotHandedOutAgain) {
  queue_.Add(Key("a"));
  queue_.Add(Key("b"));
  const auto first = queue_.TryGet();
  ASSERT_TRUE(first);
  queue_.Add(first->key);
  const auto second = queue_.TryGet();
  ASSERT_TRUE(second);
  EXPECT_NE(first->key, second->key);
  EXPECT_FALSE(queue_.TryGet());
}

TEST_F(WorkQueueTest, AKeyAddedWhileBeingWorkedOnIsHandedOutExactlyOnceMoreAfterDone) {
  queue_.Add(Key("a"));
  const auto item = queue_.TryGet();
  for (int i = 0; i < 10; ++i) queue_.Add(Key("a"));
  EXPECT_FALSE(queue_.TryGet());
  queue_.Done(item->key);
  EXPECT_THAT(TakeAll(), ::testing::ElementsAre("a"));
}

TEST_F(WorkQueueTest, DoneOfAKeyThatIsNotOutDoesNothing) {
  queue_.Done(Key("never"));
  queue_.Add(Key("a"));
  queue_.Done(Key("a"));
  EXPECT_THAT(TakeAll(), ::testing::ElementsAre("a"));
}

TEST_F(WorkQueueTest, BackOffDoublesFromFiveMillisecondsAndStopsAtAThousandSeconds) {
  Duration expected = milliseconds(5);
  for (int failure = 0; failure < 80; ++failure) {
    const MonoTime now = clock_.Monotonic();
    queue_.AddRateLimited(Key("a"));
    EXPECT_EQ(queue_.NextDelayed() - now, expected) << "after failure " << failure;
    clock_.Advance(queue_.NextDelayed() - now);
    EXPECT_THAT(TakeAll(), ::testing::ElementsAre("a"));
    expected = std::min<Duration>(expected * 2, seconds(1000));
  }
}

TEST_F(WorkQueueTest, ForgettingAKeyStartsItsBackOffAnew) {
  for (int i = 0; i < 5; ++i) {
    queue_.AddRateLimited(Key("a"));
    clock_.Advance(seconds(1));
    TakeAll();
  }
  EXPECT_EQ(queue_.Retries(Key("a")), 5);
  queue_.Forget(Key("a"));
  EXPECT_EQ(queue_.Retries(Key("a")), 0);
  queue_.AddRateLimited(Key("a"));
  EXPECT_EQ(queue_.NextDelayed(), clock_.Monotonic() + milliseconds(5));
}

TEST_F(WorkQueueTest, AllRetriesTogetherAreLimitedToABurstOfAHundredAndTenPerSecond) {
  for (int i = 0; i < 150; ++i) queue_.AddRateLimited(Key("k" + std::to_string(i)));
  clock_.Advance(milliseconds(5));
  EXPECT_EQ(TakeAll().size(), 100u);
  clock_.Advance(seconds(1));
  EXPECT_EQ(TakeAll().size(), 10u);
  clock_.Advance(seconds(4));
  EXPECT_EQ(TakeAll().size(), 40u);
}

TEST_F(WorkQueueTest, TheEarliestOfSeveralDelaysWins) {
  queue_.AddAfter(Key("a"), seconds(10));
  queue_.AddAfter(Key("a"), seconds(3));
  queue_.AddAfter(Key("a"), seconds(7));
  clock_.Advance(seconds(3) - Duration(1));
  EXPECT_THAT(TakeAll(), ::testing::IsEmpty());
  clock_.Advance(Duration(1));
  EXPECT_THAT(TakeAll(), ::testing::ElementsAre("a"));
  clock_.Advance(seconds(60));
  EXPECT_THAT(TakeAll(), ::testing::IsEmpty()) << "the later delays were merged";
}

TEST_F(WorkQueueTest, ADelayBeyondTheEndOfTimeIsNoOverflow) {
  queue_.AddAfter(Key("a"), Duration::max());
  clock_.Advance(std::chrono::hours(24 * 365));
  EXPECT_THAT(TakeAll(), ::testing::IsEmpty());
}

TEST_F(WorkQueueTest, HigherPriorityGoesFirstAndEqualOnesInTheOrderOfTheirArrival) {
  for (const char* name : {"x", "y"}) queue_.Add(Key(name), kInitialListPriority);
  for (const char* name : {"b", "a"}) queue_.Add(Key(name));
  queue_.Add(Key("y"));  // A fresh change of something from the first list.
  EXPECT_THAT(TakeAll(), ::testing::ElementsAre("y", "b", "a", "x"));
}

TEST_F(WorkQueueTest, AStreamOfFreshChangesDoesNotStarveTheFirstList) {
  queue_.Add(Key("old"), kInitialListPriority);
  std::set<std::string> taken;
  for (int i = 0; i < 20; ++i) {
    queue_.Add(Key("fresh" + std::to_string(i)));
    queue_.Add(Key("fresh-too" + std::to_string(i)));
    const auto item = queue_.TryGet();
    taken.insert(item->key.name);
    queue_.Done(item->key);
  }
  EXPECT_TRUE(taken.contains("old"));
}

TEST_F(WorkQueueTest, AfterShutDownNothingIsAcceptedAndReadyKeysAreKeptOrDroppedAsAsked) {
  queue_.Add(Key("a"));
  queue_.AddAfter(Key("b"), seconds(1));
  queue_.ShutDown(/*drop_ready=*/false);
  queue_.Add(Key("c"));
  clock_.Advance(seconds(2));
  EXPECT_THAT(TakeAll(), ::testing::ElementsAre("a"));
  EXPECT_FALSE(queue_.Get(MonoTime::max()));

  WorkQueue dropping("test", {}, clock_, NoMetrics());
  dropping.Add(Key("a"));
  dropping.ShutDown(/*drop_ready=*/true);
  EXPECT_FALSE(dropping.TryGet());
}

TEST_F(WorkQueueTest, WaitIdleWaitsForWhatIsOutAndNoLongerThanItsDeadline) {
  queue_.Add(Key("a"));
  const auto item = queue_.TryGet();
  queue_.ShutDown(/*drop_ready=*/true);
  EXPECT_FALSE(queue_.WaitIdle(clock_.Monotonic()));
  std::atomic<bool> idle{false};
  Thread waiter;
  ASSERT_TRUE(waiter.Start("waiter", [&] { idle = queue_.WaitIdle(MonoTime::max()); }).ok());
  queue_.Done(item->key);
  waiter.Join();
  EXPECT_TRUE(idle);
}

TEST_F(WorkQueueTest, AWaiterWakesWhenADelayIsOver) {
  std::atomic<bool> got{false};
  Thread waiter;
  ASSERT_TRUE(waiter
                  .Start("waiter",
                         [&] {
                           const auto item = queue_.Get(MonoTime::max());
                           got = item.has_value();
                           if (item) queue_.Done(item->key);
                         })
                  .ok());
  queue_.AddAfter(Key("a"), seconds(30));
  while (clock_.NextDeadline() == MonoTime::max()) sched_yield();
  EXPECT_FALSE(got);
  clock_.Advance(seconds(30));
  waiter.Join();
  EXPECT_TRUE(got);
}

TEST_F(WorkQueueTest, ShutDownWakesEverybodyWhoWaits) {
  std::list<Thread> waiters;
  std::atomic<int> ended{0};
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back();
    ASSERT_TRUE(waiters.back()
                    .Start("waiter",
                           [&] {
                             if (!queue_.Get(MonoTime::max())) ++ended;
                           })
                    .ok());
  }
  queue_.ShutDown(true);
  waiters.clear();
  EXPECT_EQ(ended, 4);
}

// Random operations against a model: what must be handed out is, nothing else is, and never twice
// at once.
TEST_F(WorkQueueTest, KeepsItsInvariantsUnderRandomOperations) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    WorkQueue queue("test", {}, clock_, NoMetrics());
    std::set<std::string> wanted;             // added since it was last taken
    std::map<std::string, MonoTime> delayed;  // earliest
    std::set<std::string> out;
    const auto promote = [&] {
      for (auto it = delayed.begin(); it != delayed.end();) {
        if (it->second <= clock_.Monotonic()) {
          wanted.insert(it->first);
          it = delayed.erase(it);
        } else {
          ++it;
        }
      }
    };
    for (int step = 0; step < 400; ++step) {
      const std::string name(1, static_cast<char>('a' + random.Next() % 6));
      switch (random.Next() % 5) {
        case 0:
          queue.Add(Key(name), random.Next() % 2 == 0 ? kNormalPriority : kInitialListPriority);
          wanted.insert(name);
          break;
        case 1: {
          const Duration delay = milliseconds(1 + random.Next() % 20);
          const MonoTime at = clock_.Monotonic() + delay;
          queue.AddAfter(Key(name), delay);
          const auto it = delayed.find(name);
          if (it == delayed.end() || at < it->second) delayed[name] = at;
          break;
        }
        case 2:
          clock_.Advance(milliseconds(random.Next() % 8));
          break;
        case 3: {
          promote();
          const auto item = queue.TryGet();
          if (item) {
            ASSERT_TRUE(wanted.contains(item->key.name));
            ASSERT_TRUE(out.insert(item->key.name).second) << "handed out twice";
            wanted.erase(item->key.name);
          } else {
            for (const std::string& waiting : wanted) ASSERT_TRUE(out.contains(waiting));
          }
          break;
        }
        default:
          if (!out.empty()) {
            queue.Done(Key(*out.begin()));
            out.erase(out.begin());
          }
      }
    }
    for (const std::string& name : out) queue.Done(Key(name));
    clock_.Advance(seconds(1));
    promote();
    std::set<std::string> rest;
    while (const auto item = queue.TryGet()) {
      ASSERT_TRUE(rest.insert(item->key.name).second);
      queue.Done(item->key);
    }
    EXPECT_EQ(rest, wanted);
    EXPECT_TRUE(queue.WaitIdle(clock_.Monotonic()));
  }
}

TEST_F(WorkQueueTest, ManyThreadsNeverHoldTheSameKeyAndLoseNone) {
  WorkQueue queue("test", {}, SystemClock(), NoMetrics());
  constexpr int kKeys = 7;
  std::atomic<int> held[kKeys] = {};
  std::atomic<int> last_seen[kKeys] = {};
  std::atomic<int> latest[kKeys] = {};
  std::atomic<int> overlaps{0};
  std::list<Thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back();
    ASSERT_TRUE(workers.back()
                    .Start("worker",
                           [&] {
                             while (const auto item = queue.Get(MonoTime::max())) {
                               const int key = item->key.name[0] - 'a';
                               if (++held[key] != 1) ++overlaps;
                               last_seen[key] = latest[key].load();
                               --held[key];
                               queue.Done(item->key);
                             }
                           })
                    .ok());
  }
  for (int i = 1; i <= 5000; ++i) {
    const int key = i % kKeys;
    latest[key] = i;
    queue.Add(Key(std::string(1, static_cast<char>('a' + key))));
  }
  ASSERT_TRUE(queue.WaitIdle(SystemClock().Monotonic() + seconds(30)));
  queue.ShutDown(true);
  workers.clear();
  EXPECT_EQ(overlaps, 0);
  for (int key = 0; key < kKeys; ++key) EXPECT_EQ(last_seen[key], latest[key]) << "key " << key;
}

}  // namespace
}  // namespace salve::engine
