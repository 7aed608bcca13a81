// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_MANAGER_H_
#define SALVE_PKG_ENGINE_MANAGER_H_

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/engine/controller.h"
#include "pkg/engine/informer.h"
#include "pkg/engine/leader.h"

namespace salve::engine {

// Something with a start and an end that the manager runs: a server, a backend, a probe loop.
class Runnable {
 public:
  virtual ~Runnable() = default;
  virtual const std::string& name() const = 0;
  // Returns when it runs; must not wait for others of its group.
  virtual Status Start() = 0;
  // Returns when it has ended; work under way may go on until `drain_until`.
  virtual void Stop(MonoTime drain_until) = 0;
};

// A Runnable made of two functions.
class FunctionRunnable final : public Runnable {
 public:
  FunctionRunnable(std::string name, std::function<Status()> start,
                   std::function<void(MonoTime)> stop)
      : name_(std::move(name)), start_(std::move(start)), stop_(std::move(stop)) {}
  const std::string& name() const override { return name_; }
  Status Start() override { return start_ != nullptr ? start_() : Status::Ok(); }
  void Stop(MonoTime drain_until) override {
    if (stop_ != nullptr) stop_(drain_until);
  }

 private:
  std::string name_;
  std::function<Status()> start_;
  std::function<void(MonoTime)> stop_;
};

struct ManagerOptions {
  Duration cache_sync_timeout = std::chrono::minutes(2);
  Duration drain_timeout = std::chrono::seconds(20);
};

struct HealthCheckResult {
  std::string name;
  bool ok = true;
  std::string message;  // "" if ok
};

// Starts and stops the parts of a process in order, waiting where order matters:
//   servers → caches → (all caches synced) → backends and other runnables → (leadership) →
//   controllers
// and the reverse at the end: controllers first, drained; servers last, so that health can be asked
// to the end. Thread-safe; what is added must outlive the manager.
class Manager {
 public:
  enum class Group { kServers, kOthers };

  Manager(ManagerOptions options, LeaderElector& elector, Environment env);
  ~Manager();  // Stop()
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // Before Start().
  void Add(Runnable& runnable, Group group = Group::kOthers);
  void Add(InformerBase& informer);
  void Add(Controller& controller);
  // Asked by CheckHealth(): OK, or what is wrong.
  void AddHealthCheck(std::string name, std::function<Status()> check);

  // Returns when everything runs. On failure (a part that does not start, caches that have not
  // synced in time: kDeadlineExceeded naming them and their last errors; `stop`: kCancelled)
  // everything that was started has been stopped again.
  Status Start(std::stop_token stop);
  // Stops all in reverse order; returns when all is over. Safe to call twice.
  void Stop();

  // "caches", "controllers", "leader" and the added checks, in that order.
  std::vector<HealthCheckResult> CheckHealth() const;
  // True while every part runs and leadership is held.
  bool ready() const;

 private:
  enum class State { kNew, kStarting, kRunning, kStopping, kStopped };

  Status StartAll(std::stop_token stop);
  Status StartGroup(Group group);
  Status WaitForCaches(std::stop_token stop);
  void StopStarted();

  const ManagerOptions options_;
  LeaderElector& elector_;
  Environment env_;
  struct Member {
    Runnable* runnable;
    Group group;
  };
  struct Check {
    std::string name;
    std::function<Status()> check;
  };
  // Constant after Start().
  std::vector<Member> runnables_;
  std::vector<InformerBase*> informers_;
  std::vector<Controller*> controllers_;
  std::vector<Check> checks_;

  // What to undo, in the order of its start. Touched only by whoever is starting or stopping.
  std::vector<std::function<void(MonoTime)>> undo_;

  mutable Mutex mu_;
  CondVar changed_;
  State state_ SALVE_GUARDED_BY(mu_) = State::kNew;
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_MANAGER_H_
