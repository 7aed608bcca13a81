// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_USAGE_PLANS_H_
#define SALVE_PKG_EDGE_USAGE_PLANS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/http/message.h"

namespace salve::edge {

// How much each key may ask: `burst` at once, and `per_hour` on the long run. Only for keys that
// have shown who they are, so that their number is bounded by the configuration; beyond kMaxKeys
// the one that was idle longest starts anew. Thread-safe.
class UsagePlans {
 public:
  static constexpr std::size_t kMaxKeys = 4096;

  struct Answer {
    bool allowed = false;
    std::int64_t limit = 0;
    std::int64_t remaining = 0;
    std::int64_t reset_seconds = 0;  // until everything is there again
    std::int64_t retry_seconds = 0;  // until one is; 0 if allowed
  };
  Answer Take(const std::string& key, std::int64_t per_hour, std::int64_t burst, MonoTime now);

 private:
  struct Bucket {
    double tokens = 0;
    MonoTime last;
  };
  Mutex mu_;
  std::map<std::string, Bucket> buckets_ SALVE_GUARDED_BY(mu_);
};

// X-RateLimit-Limit, -Remaining and -Reset (seconds from now), and Retry-After where it refused.
void AddUsageHeaders(const UsagePlans::Answer& answer, http::Response& response);

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_USAGE_PLANS_H_
