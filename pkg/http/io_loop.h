// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_IO_LOOP_H_
#define SALVE_PKG_HTTP_IO_LOOP_H_

#include <functional>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "pkg/base/mutex.h"

namespace salve::http {

// One thread and the Asio context that it runs. Whoever outlives the loop may still Post(): nothing
// happens then, and nothing is kept.
class IoLoop {
 public:
  IoLoop() : io_(1) {}
  ~IoLoop() { Join(); }
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  boost::asio::io_context& io() { return io_; }
  // Runs until Join(), also while the only work is a handler's that has yet to answer.
  void Start();
  // Runs `task` on the loop's thread, later. False after Join().
  bool Post(std::function<void()> task);
  // Waits until the context has run out of work: close everything before. Not from the loop's
  // thread.
  void Join();

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  std::thread thread_;
  Mutex mu_;
  bool joined_ SALVE_GUARDED_BY(mu_) = false;
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_IO_LOOP_H_
