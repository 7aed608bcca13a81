// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_RETRY_H_
#define SALVE_PKG_AWS_RETRY_H_

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/random.h"

namespace salve::aws {

// How many repetitions a client may still make: a service that is down is not hit three times by
// every call. Starts full; only successes fill it up again. Thread-safe.
class RetryQuota {
 public:
  static constexpr int kCapacity = 500;
  static constexpr int kRetryCost = 5;
  static constexpr int kTimeoutCost = 10;
  static constexpr int kFirstTrySuccess = 1;

  // False, and nothing taken, where less than `cost` is left.
  bool Take(int cost);
  // A call succeeded: gives back what its last repetition took, or 1 if it needed none (`cost` 0).
  void Succeeded(int cost);
  int left() const;

 private:
  mutable Mutex mu_;
  int left_ SALVE_GUARDED_BY(mu_) = kCapacity;
};

// The wait before repetition number `retry` (1 is the first): anything between nothing and
// 2^(retry-1) seconds, capped at 20, evenly (full jitter).
Duration RetryDelay(int retry, Random& random);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_RETRY_H_
