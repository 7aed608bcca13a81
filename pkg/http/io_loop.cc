// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/io_loop.h"

#include <exception>
#include <utility>

#include <boost/asio/post.hpp>

#include "pkg/base/log.h"

namespace salve::http {

void IoLoop::Start() {
  thread_ = std::thread([this] {
    while (true) {
      // An exception out of a completion handler is a bug, or memory is short: the one connection
      // suffers, the server goes on.
      try {
        io_.run();
        return;
      } catch (const std::exception& e) {
        Log(Severity::kError, "HTTP server loop: exception", {{"error", e.what()}});
      }
    }
  });
}

bool IoLoop::Post(std::function<void()> task) {
  MutexLock lock(mu_);
  if (joined_) return false;
  boost::asio::post(io_, std::move(task));
  return true;
}

void IoLoop::Join() {
  work_.reset();
  if (thread_.joinable()) thread_.join();
  {
    MutexLock lock(mu_);
    if (joined_) return;
    joined_ = true;
  }
  // What was posted between the end of run() and now: run it here, so that the context owns
  // nothing.
  io_.restart();
  io_.poll();
}

}  // namespace salve::http
