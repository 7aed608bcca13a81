// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_PAUSE_H_
#define SALVE_PKG_BASE_PAUSE_H_

#include <stop_token>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"

namespace salve {

// Waits on `clock`, at most until `stop` is asked for. False iff it was.
inline bool Pause(Clock& clock, Duration by, const std::stop_token& stop) {
  const MonoTime until = clock.Monotonic() + by;
  Mutex mu;
  CondVar wake;
  const std::stop_callback on_stop(stop, [&mu, &wake] {
    MutexLock lock(mu);
    wake.NotifyAll();
  });
  MutexLock lock(mu);
  while (!stop.stop_requested() && clock.Monotonic() < until) {
    (void)clock.WaitUntil(wake, mu, until);
  }
  return !stop.stop_requested();
}

}  // namespace salve

#endif  // SALVE_PKG_BASE_PAUSE_H_
