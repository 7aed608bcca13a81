// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/heartbeat.h"

namespace salve::runtime {
namespace {

// No object can have such a name.
const engine::NamespacedName& BeatKey() {
  static const auto* key = new engine::NamespacedName{"", "~heartbeat"};
  return *key;
}

}  // namespace

void Heartbeat::Begin(engine::Controller& controller) { controller.Enqueue(BeatKey()); }

std::optional<WallTime> Heartbeat::last() const {
  MutexLock lock(mu_);
  return last_;
}

StatusOr<engine::Result> Heartbeat::Reconcile(const engine::NamespacedName& key,
                                              engine::ReconcileContext& context) {
  if (!(key == BeatKey())) return inner_.Reconcile(key, context);
  MutexLock lock(mu_);
  last_ = clock_.Now();
  return engine::Result{kPeriod};
}

}  // namespace salve::runtime
