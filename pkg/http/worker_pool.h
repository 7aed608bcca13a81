// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_WORKER_POOL_H_
#define SALVE_PKG_HTTP_WORKER_POOL_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "pkg/base/mutex.h"

namespace salve::http {

// A few threads that run jobs in the order of their arrival. Thread-safe. The queue is bounded by
// its users: a connection has at most one job.
class WorkerPool {
 public:
  explicit WorkerPool(int threads);
  ~WorkerPool();  // Stop()

  // After Stop() the job is dropped (destroyed, not run).
  void Submit(std::function<void()> job);
  // Waits for running jobs, drops queued ones. Not from a job.
  void Stop();

 private:
  void Run();

  Mutex mu_;
  CondVar changed_;
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  std::deque<std::function<void()>> jobs_ SALVE_GUARDED_BY(mu_);
  std::vector<std::thread> threads_;
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_WORKER_POOL_H_
