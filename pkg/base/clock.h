// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_CLOCK_H_
#define SALVE_PKG_BASE_CLOCK_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "pkg/base/mutex.h"

namespace salve {

using Duration = std::chrono::nanoseconds;

// A point on the calendar: for people, for stored timestamps, for windows. May jump.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// A point on a line that only goes forward: for deadlines, periods and measured durations. Means
// nothing outside this process.
struct MonoTag {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonoTag, Duration>;
  static constexpr bool is_steady = true;
};
using MonoTime = MonoTag::time_point;

// Where time comes from and how anybody waits for it. Thread-safe. All product code that needs the
// time or has to wait gets a Clock&; only clock.cc reads the real ones.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual WallTime Now() const = 0;
  virtual MonoTime Monotonic() const = 0;

  // Releases `mu`, waits until `cv` is notified or Monotonic() >= deadline, takes `mu` again.
  // Returns false iff the deadline has passed. May wake early (and return true): loop over the
  // condition. MonoTime::max() waits without a deadline.
  virtual bool WaitUntil(CondVar& cv, Mutex& mu, MonoTime deadline) SALVE_REQUIRES(mu) = 0;
};

// The machine's clocks. Shared, never destroyed.
Clock& SystemClock();

// A clock that stands still until a test moves it. Thread-safe. Advance() wakes whoever waits for a
// time that it passed.
class SimulatedClock : public Clock {
 public:
  explicit SimulatedClock(WallTime start);

  WallTime Now() const override;
  MonoTime Monotonic() const override;
  bool WaitUntil(CondVar& cv, Mutex& mu, MonoTime deadline) override SALVE_REQUIRES(mu);

  // Moves both times forward and wakes every waiter whose deadline has come.
  void Advance(Duration by);
  // Moves only the calendar, by any sign: what an NTP step or a careless administrator does.
  void StepWall(Duration by);
  // The earliest deadline that somebody waits for; MonoTime::max() if none. For tests and
  // simulation that jump from event to event.
  MonoTime NextDeadline() const;

 private:
  struct Waiter {
    MonoTime deadline;
    CondVar* cv;
    Mutex* mu;
  };

  mutable Mutex mu_;
  WallTime wall_ SALVE_GUARDED_BY(mu_);
  MonoTime mono_ SALVE_GUARDED_BY(mu_);
  std::vector<Waiter*> waiters_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve

#endif  // SALVE_PKG_BASE_CLOCK_H_
