// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_LEASE_H_
#define SALVE_PKG_ENGINE_LEASE_H_

#include <map>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/client/client.h"

namespace salve::engine {

using apis::meta::v1::NamespacedName;

// What an attempt to take a lease came to.
struct LeaseResult {
  bool held = false;   // by the holder that asked
  std::string holder;  // who holds it
  // held: until when the holder may act on it. Otherwise: when it is worth asking again.
  MonoTime until{};
};

// Mutual exclusion on a target by coordination.k8s.io/v1 Leases: whoever holds the lease may act on
// it. Thread-safe. Whether somebody else's lease has run out is judged by this process's own
// monotonic clock, counted from when it first saw that state of the lease: no timestamp of another
// machine is believed (checklist 41). So a lease of a dead holder is free one whole duration after
// the first look.
//
// A holder is the same after a restart of its process if it uses the same identity, and then simply
// goes on.
class TargetLeases {
 public:
  // Both must outlive it.
  TargetLeases(client::Client& client, Clock& clock);

  // Takes the lease, or prolongs it if `holder` has it. Not getting it is not an error.
  // kInvalidArgument for an empty holder or a duration below one second.
  StatusOr<LeaseResult> Acquire(const NamespacedName& name, const std::string& holder,
                                Duration duration);
  // Prolongs a lease that `holder` has; held == false if it does not (any more).
  StatusOr<LeaseResult> Renew(const NamespacedName& name, const std::string& holder,
                              Duration duration);
  // Gives it back. Does nothing if somebody else holds it or it is gone.
  Status Release(const NamespacedName& name, const std::string& holder);

 private:
  // A state of somebody's lease and when it was first seen here.
  struct Sighting {
    std::string state;  // holder, renewTime, transitions: changes with each renewal
    MonoTime first_seen{};
  };
  MonoTime Observe(const NamespacedName& name, const std::string& state);
  void Forget(const NamespacedName& name);
  StatusOr<LeaseResult> Create(const NamespacedName& name, const std::string& holder,
                               Duration duration);
  StatusOr<LeaseResult> Take(client::Json lease, const NamespacedName& name,
                             const std::string& holder, Duration duration, bool new_holder);
  StatusOr<LeaseResult> Attempt(const NamespacedName& name, const std::string& holder,
                                Duration duration, bool only_renew);

  client::Client& client_;
  Clock& clock_;

  Mutex mu_;
  std::map<NamespacedName, Sighting> sightings_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_LEASE_H_
