// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_WORK_QUEUE_H_
#define SALVE_PKG_ENGINE_WORK_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "pkg/apis/meta/v1/types.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/token_bucket.h"
#include "pkg/engine/metrics.h"

namespace salve::engine {

using apis::meta::v1::NamespacedName;

// Fresh changes go before what merely is there at start-up.
inline constexpr int kNormalPriority = 0;
inline constexpr int kInitialListPriority = -100;

struct WorkQueueOptions {
  // AddRateLimited waits base·2^failures, at most max …
  Duration base_delay = std::chrono::milliseconds(5);
  Duration max_delay = std::chrono::seconds(1000);
  // … and at least as long as this bucket over all keys says.
  double retries_per_second = 10;
  double retry_burst = 100;
};

// The set of keys to be worked on. Thread-safe. The invariants, whatever the callers do:
//   - a key that is added any number of times before it is taken is handed out once;
//   - a key is never handed out to two workers at the same time;
//   - a key that is added while it is being worked on is handed out exactly once more after Done();
//   - of several delays of one key the earliest counts;
//   - higher priority first, first come first served within one, and every eighth key handed out is
//   the
//     one that waits longest, so that nothing starves.
// Delays and back-off are measured on the monotonic clock.
class WorkQueue {
 public:
  // `clock` and `metrics` must outlive the queue. `name` labels its metrics.
  WorkQueue(std::string name, WorkQueueOptions options, Clock& clock, EngineMetrics& metrics);

  // After ShutDown() adds are dropped.
  void Add(const NamespacedName& key, int priority = kNormalPriority);
  void AddAfter(const NamespacedName& key, Duration delay, int priority = kNormalPriority);
  // Add after a delay that grows with each call until Forget(), but not before `at_least` has
  // passed.
  void AddRateLimited(const NamespacedName& key, int priority = kNormalPriority,
                      Duration at_least = Duration::zero());
  void Forget(const NamespacedName& key);
  // How often AddRateLimited was called for it since the last Forget().
  int Retries(const NamespacedName& key) const;

  struct Item {
    NamespacedName key;
    int priority = kNormalPriority;
  };
  // The next key, waiting for one until `until`; nullopt then, or when the queue was shut down and
  // is empty. Each key handed out must be given back by Done().
  std::optional<Item> Get(MonoTime until);
  // The same without waiting.
  std::optional<Item> TryGet();
  void Done(const NamespacedName& key);

  // No more adds; what is ready is still handed out (`drop_ready` false) or forgotten; delayed keys
  // are forgotten: whoever starts next lists everything anew. Wakes all waiters.
  void ShutDown(bool drop_ready);
  // Waits until nothing is ready or being worked on, at most until `deadline`. True if so.
  bool WaitIdle(MonoTime deadline);

  bool shutting_down() const;
  std::size_t depth() const;       // ready
  std::size_t processing() const;  // handed out
  std::size_t delayed() const;
  // When the earliest delayed key becomes ready; MonoTime::max() if there is none. For simulation.
  MonoTime NextDelayed() const;
  // Reports workqueue_unfinished_work_seconds and its companion; called at scrape time.
  void ReportUnfinished() const;

 private:
  struct Ready {
    int priority = kNormalPriority;
    std::uint64_t sequence = 0;
    MonoTime since;
  };
  struct Delayed {
    MonoTime at;
    int priority = kNormalPriority;
  };
  struct Processing {
    MonoTime since;
    std::optional<int> again;  // priority, if it was added meanwhile
  };

  void AddLocked(const NamespacedName& key, int priority) SALVE_REQUIRES(mu_);
  void AddAtLocked(const NamespacedName& key, MonoTime at, int priority) SALVE_REQUIRES(mu_);
  void PromoteDue(MonoTime now) SALVE_REQUIRES(mu_);
  std::optional<Item> Take(MonoTime now) SALVE_REQUIRES(mu_);
  void ReportDepth() const SALVE_REQUIRES(mu_);

  const std::string name_;
  const WorkQueueOptions options_;
  Clock& clock_;
  EngineMetrics& metrics_;

  mutable Mutex mu_;
  CondVar changed_;  // something to take, an earlier delay, or the end
  CondVar idle_;     // nothing ready and nothing handed out
  std::map<NamespacedName, Ready> ready_ SALVE_GUARDED_BY(mu_);
  std::set<std::tuple<int, std::uint64_t, NamespacedName>> by_priority_ SALVE_GUARDED_BY(mu_);
  std::map<std::uint64_t, NamespacedName> by_age_ SALVE_GUARDED_BY(mu_);
  std::map<NamespacedName, Delayed> delayed_ SALVE_GUARDED_BY(mu_);
  std::set<std::pair<MonoTime, NamespacedName>> by_time_ SALVE_GUARDED_BY(mu_);
  std::map<NamespacedName, Processing> processing_ SALVE_GUARDED_BY(mu_);
  std::map<NamespacedName, int> failures_ SALVE_GUARDED_BY(mu_);
  TokenBucket bucket_ SALVE_GUARDED_BY(mu_);
  std::uint64_t next_sequence_ SALVE_GUARDED_BY(mu_) = 0;
  std::uint64_t taken_ SALVE_GUARDED_BY(mu_) = 0;
  int waiters_ SALVE_GUARDED_BY(mu_) = 0;
  bool shut_down_ SALVE_GUARDED_BY(mu_) = false;
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_WORK_QUEUE_H_
