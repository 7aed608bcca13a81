// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_SIGNAL_BOARD_H_
#define SALVE_PKG_EDGE_SIGNAL_BOARD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/healing/alerts.h"

namespace salve::edge {

// An alert that no policy's trigger matched.
struct UnmatchedAlert {
  healing::Alert alert;
  std::string fingerprint;
  WallTime first_at;
  WallTime last_at;
  std::int64_t occurrences = 0;
};

// The latest alerts that nobody wanted, so that a trigger that is missing or misspelt is seen.
// Lives in memory only. Bounded: the one that was not repeated for the longest time goes first.
// Thread-safe.
class SignalBoard {
 public:
  static constexpr std::size_t kMax = 256;

  // True: it is new, or says something else than the last time.
  bool Add(const healing::Alert& alert, WallTime now);
  // The latest first.
  std::vector<UnmatchedAlert> List() const;

 private:
  mutable Mutex mu_;
  std::vector<UnmatchedAlert> alerts_ SALVE_GUARDED_BY(mu_);  // the latest last
};

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_SIGNAL_BOARD_H_
