// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_THREAD_H_
#define SALVE_PKG_ENGINE_THREAD_H_

#include <functional>
#include <string>

#include <pthread.h>

#include "pkg/base/status.h"

namespace salve::engine {

// A joinable thread with a name (at most 15 characters are kept) and a small stack: the engine has
// many that mostly wait. Not thread-safe itself. An exception that leaves `body` ends the process.
class Thread {
 public:
  Thread() = default;
  ~Thread() { Join(); }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  // kUnavailable with the system's text if no thread can be had. At most once until Join().
  Status Start(const std::string& name, std::function<void()> body);
  // Waits for the end. Does nothing if it is not running.
  void Join();
  bool joinable() const { return running_; }

 private:
  pthread_t handle_{};
  bool running_ = false;
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_THREAD_H_
