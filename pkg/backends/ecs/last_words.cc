// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/last_words.h"

#include "pkg/backends/ecs/logs.h"

namespace salve::backends::ecs {
namespace {

constexpr std::size_t kMostTasks = 1000;

std::string NewestFailed(const Seen& seen) {
  if (seen.verdict.state != healing::HealthState::kUnhealthy) return "";
  return seen.verdict.failed.empty() ? "" : seen.verdict.failed.front().task.arn;
}

}  // namespace

std::string LastWords::Known(const Seen& seen) const {
  const std::string task = NewestFailed(seen);
  MutexLock lock(mu_);
  const auto it = by_task_.find(task);
  return it == by_task_.end() ? "" : it->second;
}

std::string LastWords::Ask(const Seen& seen, const CallContext& context) {
  const std::string task = NewestFailed(seen);
  std::string known = Known(seen);
  if (task.empty() || !known.empty()) return known;
  // CloudWatch may have a line seconds after it was written: nothing today may be something later.
  const auto said = ReadLastWords(api_, seen, clock_.Now(), context);
  if (!said.ok() || said->empty()) return "";
  MutexLock lock(mu_);
  if (by_task_.size() >= kMostTasks) by_task_.clear();
  by_task_[task] = *said;
  return *said;
}

}  // namespace salve::backends::ecs
