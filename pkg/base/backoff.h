// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_BACKOFF_H_
#define SALVE_PKG_BASE_BACKOFF_H_

#include <algorithm>
#include <chrono>

#include "pkg/base/clock.h"
#include "pkg/base/random.h"

namespace salve {

// Delays that grow: initial, initial·factor, … at most cap, each lengthened by up to `jitter` times
// itself. Not thread-safe.
class Backoff {
 public:
  struct Options {
    Duration initial = std::chrono::milliseconds(800);
    Duration cap = std::chrono::seconds(30);
    double factor = 2.0;
    double jitter = 1.0;
  };

  explicit Backoff(Options options) : options_(options), next_(options.initial) {}

  // The delay to wait now; the following one will be longer.
  Duration Next(Random& random) {
    const Duration base = std::min(next_, options_.cap);
    // Compared before multiplying: the product never leaves the range of Duration.
    next_ = static_cast<double>(base.count()) * options_.factor >=
                    static_cast<double>(options_.cap.count())
                ? options_.cap
                : Scale(base, options_.factor);
    return base + Scale(base, options_.jitter * random.Fraction());
  }
  void Reset() { next_ = options_.initial; }

 private:
  static Duration Scale(Duration d, double by) {
    return Duration(static_cast<Duration::rep>(static_cast<double>(d.count()) * by));
  }

  Options options_;
  Duration next_;
};

}  // namespace salve

#endif  // SALVE_PKG_BASE_BACKOFF_H_
