// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/retry.h"

#include <algorithm>
#include <chrono>

namespace salve::aws {

bool RetryQuota::Take(int cost) {
  MutexLock lock(mu_);
  if (left_ < cost) return false;
  left_ -= cost;
  return true;
}

void RetryQuota::Succeeded(int cost) {
  MutexLock lock(mu_);
  left_ = std::min(kCapacity, left_ + (cost == 0 ? kFirstTrySuccess : cost));
}

int RetryQuota::left() const {
  MutexLock lock(mu_);
  return left_;
}

Duration RetryDelay(int retry, Random& random) {
  constexpr double kCapSeconds = 20;
  // 2^5 is past the cap already; the shift stays small.
  const int exponent = std::clamp(retry - 1, 0, 5);
  const double most = std::min(static_cast<double>(1 << exponent), kCapSeconds);
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(most * random.Fraction()));
}

}  // namespace salve::aws
