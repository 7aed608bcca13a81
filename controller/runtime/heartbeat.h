// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_HEARTBEAT_H_
#define SALVE_CONTROLLER_RUNTIME_HEARTBEAT_H_

#include <optional>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/engine/controller.h"
#include "pkg/engine/reconciler.h"

namespace salve::runtime {

// Every 15 s a key of its own goes the way of all keys of a controller, through its queue and one
// of its workers, and leaves the time. So the time stands still when the loop does: all workers
// hang, or the queue is stuck. Other keys go to the reconciler behind it. Thread-safe.
class Heartbeat final : public engine::Reconciler {
 public:
  static constexpr Duration kPeriod = std::chrono::seconds(15);

  // Both must outlive it.
  Heartbeat(engine::Reconciler& inner, Clock& clock) : inner_(inner), clock_(clock) {}

  // Before `controller`, which runs this, starts.
  static void Begin(engine::Controller& controller);
  // When the loop last came round; nullopt: never yet.
  std::optional<WallTime> last() const;

  StatusOr<engine::Result> Reconcile(const engine::NamespacedName& key,
                                     engine::ReconcileContext& context) override;

 private:
  engine::Reconciler& inner_;
  Clock& clock_;
  mutable Mutex mu_;
  std::optional<WallTime> last_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_HEARTBEAT_H_
