// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/clock.h"

#include <thread>

#include <gtest/gtest.h>

namespace salve {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SystemClock, ReturnsFalseOnceTheDeadlineHasPassed) {
  Mutex mu;
  CondVar cv;
  MutexLock lock(mu);
  Clock& clock = SystemClock();
  const MonoTime deadline = clock.Monotonic() + milliseconds(5);
  while (clock.WaitUntil(cv, mu, deadline)) {
  }
  EXPECT_GE(clock.Monotonic(), deadline);
}

TEST(SimulatedClock, DoesNotMoveByItself) {
  SimulatedClock clock{WallTime(hours(5))};
  const MonoTime before = clock.Monotonic();
  EXPECT_EQ(clock.Now(), WallTime(hours(5)));
  EXPECT_EQ(clock.Monotonic(), before);
}

TEST(SimulatedClock, WakesAWaiterWhoseDeadlineItPassed) {
  SimulatedClock clock{WallTime(hours(5))};
  Mutex mu;
  CondVar cv;
  bool timed_out = false;
  std::thread waiter([&] {
    MutexLock lock(mu);
    while (clock.WaitUntil(cv, mu, MonoTime(hours(1)) + seconds(10))) {
    }
    timed_out = true;
  });
  while (clock.NextDeadline() == MonoTime::max()) std::this_thread::yield();
  clock.Advance(seconds(10));
  waiter.join();
  EXPECT_TRUE(timed_out);
  EXPECT_EQ(clock.NextDeadline(), MonoTime::max());
}

TEST(SimulatedClock, StepsTheCalendarWithoutTouchingTheMonotonicTime) {
  SimulatedClock clock{WallTime(hours(5))};
  const MonoTime before = clock.Monotonic();
  clock.StepWall(-hours(1));
  EXPECT_EQ(clock.Now(), WallTime(hours(4)));
  EXPECT_EQ(clock.Monotonic(), before);
}

TEST(SimulatedClock, ReturnsAtOnceForAPastDeadline) {
  SimulatedClock clock{WallTime(hours(5))};
  Mutex mu;
  CondVar cv;
  MutexLock lock(mu);
  EXPECT_FALSE(clock.WaitUntil(cv, mu, clock.Monotonic()));
}

}  // namespace
}  // namespace salve
