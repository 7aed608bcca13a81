// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/clock.h"

#include <algorithm>

namespace salve {

class RealClock final : public Clock {
 public:
  WallTime Now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
  MonoTime Monotonic() const override {
    return MonoTime(std::chrono::steady_clock::now().time_since_epoch());
  }
  bool WaitUntil(CondVar& cv, Mutex& mu, MonoTime deadline) override SALVE_REQUIRES(mu) {
    if (deadline == MonoTime::max()) {
      cv.Wait(mu);
      return true;
    }
    return cv.WaitUntilReal(mu,
                            std::chrono::steady_clock::time_point(deadline.time_since_epoch())) ||
           Monotonic() < deadline;
  }
};

Clock& SystemClock() {
  static RealClock* clock = new RealClock;  // Never destroyed: threads may outlive static objects.
  return *clock;
}

SimulatedClock::SimulatedClock(WallTime start)
    : wall_(start), mono_(MonoTime(std::chrono::hours(1))) {}

WallTime SimulatedClock::Now() const {
  MutexLock lock(mu_);
  return wall_;
}

MonoTime SimulatedClock::Monotonic() const {
  MutexLock lock(mu_);
  return mono_;
}

bool SimulatedClock::WaitUntil(CondVar& cv, Mutex& mu, MonoTime deadline) {
  Waiter waiter{deadline, &cv, &mu};
  {
    MutexLock lock(mu_);
    if (mono_ >= deadline) return false;
    waiters_.push_back(&waiter);
  }
  cv.Wait(mu);
  MutexLock lock(mu_);
  waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &waiter));
  return mono_ < deadline;
}

void SimulatedClock::Advance(Duration by) {
  std::vector<Waiter> due;
  {
    MutexLock lock(mu_);
    wall_ += by;
    mono_ += by;
    for (const Waiter* w : waiters_) {
      if (w->deadline <= mono_) due.push_back(*w);
    }
  }
  for (const Waiter& w : due) {
    // A waiter registers while it holds its own mutex and gives it up inside Wait: taking that
    // mutex here means that it really sleeps, so the wake-up cannot be lost.
    {
      MutexLock waiter_lock(*w.mu);
    }
    w.cv->NotifyAll();
  }
}

void SimulatedClock::StepWall(Duration by) {
  MutexLock lock(mu_);
  wall_ += by;
}

MonoTime SimulatedClock::NextDeadline() const {
  MutexLock lock(mu_);
  MonoTime next = MonoTime::max();
  for (const Waiter* w : waiters_) next = std::min(next, w->deadline);
  return next;
}

}  // namespace salve
