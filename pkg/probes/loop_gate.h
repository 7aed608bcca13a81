// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_LOOP_GATE_H_
#define SALVE_PKG_PROBES_LOOP_GATE_H_

#include <functional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "pkg/base/mutex.h"

namespace salve::probes {

// The way onto the loop for whoever may come after its end. Thread-safe.
class LoopGate {
 public:
  explicit LoopGate(boost::asio::io_context& io) : io_(&io) {}

  // Runs `work` on the loop, unless that has ended.
  void Post(std::function<void()> work) {
    MutexLock lock(mu_);
    if (io_ != nullptr) boost::asio::post(*io_, std::move(work));
  }
  // From now on nothing passes: the loop may go.
  void Close() {
    MutexLock lock(mu_);
    io_ = nullptr;
  }

 private:
  Mutex mu_;
  boost::asio::io_context* io_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_LOOP_GATE_H_
