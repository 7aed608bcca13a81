// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/usage_plans.h"

#include <algorithm>
#include <cmath>

namespace salve::edge {

UsagePlans::Answer UsagePlans::Take(const std::string& key, std::int64_t per_hour,
                                    std::int64_t burst, MonoTime now) {
  const double full = static_cast<double>(burst);
  const double per_second = static_cast<double>(per_hour) / 3600;
  MutexLock lock(mu_);
  auto it = buckets_.find(key);
  if (it == buckets_.end()) {
    if (buckets_.size() >= kMaxKeys) {
      buckets_.erase(std::min_element(
          buckets_.begin(), buckets_.end(),
          [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
    }
    it = buckets_.emplace(key, Bucket{full, now}).first;
  }
  Bucket& bucket = it->second;
  if (now > bucket.last) {
    const std::chrono::duration<double> passed = now - bucket.last;
    bucket.tokens += passed.count() * per_second;
    bucket.last = now;
  }
  bucket.tokens = std::min(bucket.tokens, full);  // a new configuration may allow less
  Answer answer;
  answer.limit = burst;
  answer.allowed = bucket.tokens >= 1;
  if (answer.allowed) {
    bucket.tokens -= 1;
  } else {
    answer.retry_seconds =
        std::max<std::int64_t>(1, std::llround(std::ceil((1 - bucket.tokens) / per_second)));
  }
  answer.remaining = static_cast<std::int64_t>(bucket.tokens);
  answer.reset_seconds = std::llround(std::ceil((full - bucket.tokens) / per_second));
  return answer;
}

void AddUsageHeaders(const UsagePlans::Answer& answer, http::Response& response) {
  response.headers.Set("X-RateLimit-Limit", std::to_string(answer.limit));
  response.headers.Set("X-RateLimit-Remaining", std::to_string(answer.remaining));
  response.headers.Set("X-RateLimit-Reset", std::to_string(answer.reset_seconds));
  if (!answer.allowed) response.headers.Set("Retry-After", std::to_string(answer.retry_seconds));
}

}  // namespace salve::edge
