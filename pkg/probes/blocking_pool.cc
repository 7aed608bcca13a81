// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/blocking_pool.h"

#include <utility>

namespace salve::probes {

bool BlockingPool::Post(std::function<void()> work) {
  MutexLock lock(mu_);
  if (stopping_) return false;
  queue_.push_back(std::move(work));
  if (queue_.size() > idle_ && threads_.size() < max_threads_) {
    threads_.emplace_back([this] { Serve(); });
  } else {
    wake_.NotifyOne();
  }
  return true;
}

void BlockingPool::Stop() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mu_);
    stopping_ = true;
    queue_.clear();
    threads.swap(threads_);
    wake_.NotifyAll();
  }
  for (std::thread& thread : threads) thread.join();
}

void BlockingPool::Serve() {
  for (;;) {
    std::function<void()> work;
    {
      MutexLock lock(mu_);
      ++idle_;
      while (queue_.empty() && !stopping_) wake_.Wait(mu_);
      --idle_;
      if (stopping_) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace salve::probes
