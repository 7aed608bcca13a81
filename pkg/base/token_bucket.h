// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_TOKEN_BUCKET_H_
#define SALVE_PKG_BASE_TOKEN_BUCKET_H_

#include <algorithm>
#include <chrono>

#include "pkg/base/clock.h"

namespace salve {

// Lets through `per_second` on average and `burst` at once. Time is a value; not thread-safe.
class TokenBucket {
 public:
  // Starts full. `per_second` and `burst` must be positive.
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  // Takes a token now and tells how long to wait until it is really there (zero if it is).
  Duration Reserve(MonoTime now) {
    Refill(now);
    tokens_ -= 1;
    if (tokens_ >= 0) return Duration::zero();
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(-tokens_ / per_second_));
  }

  // Takes a token if there is one.
  bool TryTake(MonoTime now) {
    Refill(now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  void Refill(MonoTime now) {
    if (started_ && now > last_) {
      const std::chrono::duration<double> passed = now - last_;
      tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
    }
    if (!started_ || now > last_) last_ = now;
    started_ = true;
  }

  double per_second_;
  double burst_;
  double tokens_;  // negative: reserved ahead
  MonoTime last_{};
  bool started_ = false;
};

}  // namespace salve

#endif  // SALVE_PKG_BASE_TOKEN_BUCKET_H_
