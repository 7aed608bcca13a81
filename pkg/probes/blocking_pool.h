// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_BLOCKING_POOL_H_
#define SALVE_PKG_PROBES_BLOCKING_POOL_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "pkg/base/mutex.h"

namespace salve::probes {

// A few threads for what cannot be waited for asynchronously: name lookups, reading secrets,
// commands in containers. A thread is started only when there is work and none is free.
// Thread-safe.
class BlockingPool {
 public:
  explicit BlockingPool(std::size_t max_threads) : max_threads_(max_threads) {}
  ~BlockingPool() { Stop(); }

  // False after Stop: the work will not run.
  bool Post(std::function<void()> work);
  // Drops what has not begun, waits for what has.
  void Stop();

 private:
  void Serve();

  const std::size_t max_threads_;
  Mutex mu_;
  CondVar wake_;
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  std::size_t idle_ SALVE_GUARDED_BY(mu_) = 0;
  std::deque<std::function<void()>> queue_ SALVE_GUARDED_BY(mu_);
  std::vector<std::thread> threads_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_BLOCKING_POOL_H_
