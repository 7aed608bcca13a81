// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_LEASE_ELECTOR_H_
#define SALVE_PKG_ENGINE_LEASE_ELECTOR_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/random.h"
#include "pkg/client/client.h"
#include "pkg/engine/leader.h"
#include "pkg/engine/lease.h"
#include "pkg/engine/thread.h"

namespace salve::engine {

struct LeaseElectorOptions {
  NamespacedName lease;
  std::string identity;  // of this process and of no other one, ever: not the same after a restart
  Duration lease_duration = std::chrono::seconds(15);  // then somebody else may lead
  Duration renew_deadline = std::chrono::seconds(10);  // then this process no longer acts
  Duration retry_period = std::chrono::seconds(2);     // between attempts
  double jitter = 0.2;                                 // lengthens each period by up to this part
};

// Leader election on one coordination.k8s.io/v1 Lease, with client-go's timings and on the wire
// compatible with it. Thread-safe.
//
// Only the own monotonic clock counts. A leader that could not prolong the lease for
// `renew_deadline`, counted from before the last request that succeeded, stops being one by itself:
// IsLeader() is false from that moment on, whatever threads are blocked. Others take the lease at
// the earliest when they have seen it unchanged for `lease_duration`. The difference is the margin
// for what was just being sent.
//
// Leadership that was lost does not come back: OnLost is called once, and the process is to end.
class LeaseElector final : public LeaderElector {
 public:
  // kInvalidArgument unless lease and identity are named and
  // lease_duration > renew_deadline > retry_period · (1 + jitter). `client` should be one of its
  // own, with calls no longer than renew_deadline / 2; all references must outlive the elector.
  static StatusOr<std::unique_ptr<LeaseElector>> Create(LeaseElectorOptions options,
                                                        client::Client& client, Clock& clock,
                                                        Random& random);
  ~LeaseElector() override;  // Release()

  // Tries until it leads, through all errors, and then keeps the lease on a thread of its own.
  Status Acquire(std::stop_token stop) override;
  bool IsLeader() const override;
  // The callback must not call Release(): the thread that calls it is waited for there.
  void OnLost(std::function<void()> callback) override;
  // Stops renewing and, if this process still leads, empties the lease so that the next one need
  // not wait. Tried for a few seconds only; without success the lease runs out. Call it when
  // nothing writes any more.
  void Release() override;
  std::string Problem() const override;

  // Who leads as far as is known here: this identity, another one, or "".
  std::string Holder() const;

  // Instead of Acquire's waiting and threads, for simulation and tests: does what is due and
  // returns when to call again; MonoTime::max() when it is over.
  MonoTime Step();

 private:
  enum class State { kCandidate, kLeading, kLost, kReleased };

  LeaseElector(LeaseElectorOptions options, client::Client& client, Clock& clock, Random& random);
  MonoTime Campaign();
  MonoTime Renew();
  StatusOr<LeaseResult> Prolong();
  MonoTime Retry(const Status& error);
  MonoTime NextPeriod();
  Status StartThreads();
  void RenewLoop();
  void GuardLoop();
  void Lose(const std::string& why);
  void Vacate();
  StatusOr<bool> TryVacate();
  bool LeadsAt(MonoTime now) const SALVE_REQUIRES(mu_);
  void Note(const std::string& problem, const std::string& holder);

  const LeaseElectorOptions options_;
  client::Client& client_;
  Clock& clock_;
  Random& random_;
  TargetLeases leases_;

  mutable Mutex mu_;
  CondVar changed_;
  State state_ SALVE_GUARDED_BY(mu_) = State::kCandidate;
  // Until when this process may act; moved forward by each renewal, never once it has passed.
  MonoTime leads_until_ SALVE_GUARDED_BY(mu_){};
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  // An attempt ended without a clear answer: the lease may carry our name.
  bool maybe_held_ SALVE_GUARDED_BY(mu_) = false;
  std::string holder_ SALVE_GUARDED_BY(mu_);
  std::string problem_ SALVE_GUARDED_BY(mu_);
  std::function<void()> on_lost_ SALVE_GUARDED_BY(mu_);
  Thread renewer_;
  Thread guard_;
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_LEASE_ELECTOR_H_
