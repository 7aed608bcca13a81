// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_LEADER_H_
#define SALVE_PKG_ENGINE_LEADER_H_

#include <functional>
#include <stop_token>
#include <string>

#include "pkg/base/status.h"

namespace salve::engine {

// Decides whether this process may act. Thread-safe. The manager acquires before it starts
// controllers and releases after all of them have stopped.
class LeaderElector {
 public:
  virtual ~LeaderElector() = default;
  // Returns when this process leads; kCancelled when `stop` was requested first.
  virtual Status Acquire(std::stop_token stop) = 0;
  // True while leadership is certain by the local monotonic clock.
  virtual bool IsLeader() const = 0;
  // Called once from any thread when leadership is lost. Set before Acquire.
  virtual void OnLost(std::function<void()> callback) = 0;
  virtual void Release() = 0;
  // For the health check: "" or what is wrong.
  virtual std::string Problem() const { return ""; }
};

// For one process that owns its store: always leads.
class AlwaysLeader final : public LeaderElector {
 public:
  Status Acquire(std::stop_token) override { return Status::Ok(); }
  bool IsLeader() const override { return true; }
  void OnLost(std::function<void()>) override {}
  void Release() override {}
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_LEADER_H_
