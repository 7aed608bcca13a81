// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_RECONCILER_H_
#define SALVE_PKG_ENGINE_RECONCILER_H_

#include <optional>
#include <stop_token>
#include <string>

#include "pkg/apis/meta/v1/types.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"

namespace salve::engine {

using apis::meta::v1::NamespacedName;

struct Result {
  // Come back after that long (at least zero), even if nothing changes.
  std::optional<Duration> requeue_after;
};

// What a reconcile may know about its own run.
struct ReconcileContext {
  MonoTime deadline = MonoTime::max();  // calls that it makes must be over by then
  std::stop_token stop;                 // the controller is stopping: return soon
  std::string controller;
  std::string id;   // unique per run, for logs: "healingpolicy-00000012"
  int retries = 0;  // failed runs of this key before this one, since the last success
};

// Brings the world one step nearer to what the object named by the key says. Level-triggered: looks
// at what is, not at what happened, and does nothing (no write) if nothing is to be done. Called
// with different keys from several threads at once, never with one key twice at the same time.
// Never sleeps or waits.
//
// The return value decides about the next run of the key. A change of a watched object always leads
// to one.
//   error              → again after a delay that grows from 5 ms to 1000 s with each error in a
//   row error with retry_after() → the same, but no sooner than that terminal error     → no retry:
//   only a change can mend it. Counted and logged as an error Result with requeue_after → again
//   after exactly that long; the count of errors starts anew Result             → done; the count
//   of errors starts anew
// A kConflict is an error like any other, but is not logged: the change that caused it is on its
// way. An exception is a bug: caught, counted, logged and treated as an error. A run that outlasts
// context.deadline is counted as a timeout; its result stands. Of a requeue_after and other delays
// for the same key the earliest wins, so compute it anew in each run.
class Reconciler {
 public:
  virtual ~Reconciler() = default;
  virtual StatusOr<Result> Reconcile(const NamespacedName& key, ReconcileContext& context) = 0;
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_RECONCILER_H_
