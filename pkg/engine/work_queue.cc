// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/work_queue.h"

#include <algorithm>
#include <utility>

namespace salve::engine {
namespace {

// Every so many keys the one that waits longest goes first, whatever its priority.
constexpr std::uint64_t kOldestEvery = 8;

// base·2^failures, at most max, without ever leaving the range of Duration.
Duration ExponentialDelay(Duration base, Duration max, int failures) {
  Duration delay = base;
  for (int i = 0; i < failures; ++i) {
    if (delay >= max / 2) return max;
    delay *= 2;
  }
  return std::min(delay, max);
}

}  // namespace

WorkQueue::WorkQueue(std::string name, WorkQueueOptions options, Clock& clock,
                     EngineMetrics& metrics)
    : name_(std::move(name)),
      options_(options),
      clock_(clock),
      metrics_(metrics),
      bucket_(options.retries_per_second, options.retry_burst) {}

void WorkQueue::ReportDepth() const { metrics_.QueueDepth(name_, ready_.size()); }

void WorkQueue::AddLocked(const NamespacedName& key, int priority) {
  if (const auto it = processing_.find(key); it != processing_.end()) {
    if (!it->second.again) metrics_.QueueAdd(name_);
    it->second.again = std::max(it->second.again.value_or(priority), priority);
    return;
  }
  if (const auto it = ready_.find(key); it != ready_.end()) {
    Ready& entry = it->second;
    if (priority <= entry.priority) return;
    by_priority_.erase({-entry.priority, entry.sequence, key});
    entry.priority = priority;
    by_priority_.insert({-entry.priority, entry.sequence, key});
    return;
  }
  const Ready entry{priority, next_sequence_++, clock_.Monotonic()};
  ready_.emplace(key, entry);
  by_priority_.insert({-priority, entry.sequence, key});
  by_age_.emplace(entry.sequence, key);
  metrics_.QueueAdd(name_);
  ReportDepth();
}

void WorkQueue::AddAtLocked(const NamespacedName& key, MonoTime at, int priority) {
  if (const auto it = delayed_.find(key); it != delayed_.end()) {
    it->second.priority = std::max(it->second.priority, priority);
    if (it->second.at <= at) return;
    by_time_.erase({it->second.at, key});
    it->second.at = at;
  } else {
    delayed_.emplace(key, Delayed{at, priority});
  }
  by_time_.insert({at, key});
}

void WorkQueue::Add(const NamespacedName& key, int priority) {
  MutexLock lock(mu_);
  if (shut_down_) return;
  AddLocked(key, priority);
  changed_.NotifyOne();
}

void WorkQueue::AddAfter(const NamespacedName& key, Duration delay, int priority) {
  MutexLock lock(mu_);
  if (shut_down_) return;
  if (delay <= Duration::zero()) {
    AddLocked(key, priority);
  } else {
    const MonoTime now = clock_.Monotonic();
    AddAtLocked(key, delay > MonoTime::max() - now ? MonoTime::max() : now + delay, priority);
  }
  changed_.NotifyOne();
}

void WorkQueue::AddRateLimited(const NamespacedName& key, int priority, Duration at_least) {
  MutexLock lock(mu_);
  if (shut_down_) return;
  const MonoTime now = clock_.Monotonic();
  int& failures = failures_[key];
  const Duration own = ExponentialDelay(options_.base_delay, options_.max_delay, failures);
  failures = std::min(failures + 1, 1'000'000);
  AddAtLocked(key, now + std::max({own, bucket_.Reserve(now), at_least}), priority);
  metrics_.QueueRetry(name_);
  changed_.NotifyOne();
}

void WorkQueue::Forget(const NamespacedName& key) {
  MutexLock lock(mu_);
  failures_.erase(key);
}

int WorkQueue::Retries(const NamespacedName& key) const {
  MutexLock lock(mu_);
  const auto it = failures_.find(key);
  return it == failures_.end() ? 0 : it->second;
}

void WorkQueue::PromoteDue(MonoTime now) {
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    const NamespacedName key = by_time_.begin()->second;
    const auto it = delayed_.find(key);
    const int priority = it->second.priority;
    delayed_.erase(it);
    by_time_.erase(by_time_.begin());
    AddLocked(key, priority);
  }
}

std::optional<WorkQueue::Item> WorkQueue::Take(MonoTime now) {
  PromoteDue(now);
  if (ready_.empty()) return std::nullopt;
  const bool oldest = ++taken_ % kOldestEvery == 0;
  const NamespacedName key = oldest ? by_age_.begin()->second : std::get<2>(*by_priority_.begin());
  const Ready entry = ready_.at(key);
  ready_.erase(key);
  by_priority_.erase({-entry.priority, entry.sequence, key});
  by_age_.erase(entry.sequence);
  processing_.emplace(key, Processing{now, std::nullopt});
  ReportDepth();
  metrics_.QueueLatency(name_, now - entry.since);
  // Pass the baton: whoever still waits must look at what is left and at the next delay.
  if (waiters_ > 0 && (!ready_.empty() || !by_time_.empty())) changed_.NotifyOne();
  return Item{key, entry.priority};
}

std::optional<WorkQueue::Item> WorkQueue::TryGet() {
  MutexLock lock(mu_);
  return Take(clock_.Monotonic());
}

std::optional<WorkQueue::Item> WorkQueue::Get(MonoTime until) {
  MutexLock lock(mu_);
  while (true) {
    const MonoTime now = clock_.Monotonic();
    if (std::optional<Item> item = Take(now)) return item;
    if (shut_down_ || now >= until) {
      // This waiter may have eaten the wake-up for a delay that another one has to watch now.
      if (waiters_ > 0) changed_.NotifyOne();
      return std::nullopt;
    }
    const MonoTime due = by_time_.empty() ? MonoTime::max() : by_time_.begin()->first;
    ++waiters_;
    (void)clock_.WaitUntil(changed_, mu_, std::min(until, due));
    --waiters_;
  }
}

void WorkQueue::Done(const NamespacedName& key) {
  MutexLock lock(mu_);
  const auto it = processing_.find(key);
  if (it == processing_.end()) return;
  const Processing entry = it->second;
  processing_.erase(it);
  metrics_.WorkDuration(name_, clock_.Monotonic() - entry.since);
  if (entry.again && !shut_down_) {
    AddLocked(key, *entry.again);
    changed_.NotifyOne();
  }
  if (ready_.empty() && processing_.empty()) idle_.NotifyAll();
}

void WorkQueue::ShutDown(bool drop_ready) {
  MutexLock lock(mu_);
  shut_down_ = true;
  delayed_.clear();
  by_time_.clear();
  if (drop_ready) {
    ready_.clear();
    by_priority_.clear();
    by_age_.clear();
    ReportDepth();
  }
  changed_.NotifyAll();
  if (ready_.empty() && processing_.empty()) idle_.NotifyAll();
}

bool WorkQueue::WaitIdle(MonoTime deadline) {
  MutexLock lock(mu_);
  while (!ready_.empty() || !processing_.empty()) {
    if (clock_.Monotonic() >= deadline) return false;
    (void)clock_.WaitUntil(idle_, mu_, deadline);
  }
  return true;
}

bool WorkQueue::shutting_down() const {
  MutexLock lock(mu_);
  return shut_down_;
}

std::size_t WorkQueue::depth() const {
  MutexLock lock(mu_);
  return ready_.size();
}

std::size_t WorkQueue::processing() const {
  MutexLock lock(mu_);
  return processing_.size();
}

std::size_t WorkQueue::delayed() const {
  MutexLock lock(mu_);
  return delayed_.size();
}

MonoTime WorkQueue::NextDelayed() const {
  MutexLock lock(mu_);
  return by_time_.empty() ? MonoTime::max() : by_time_.begin()->first;
}

void WorkQueue::ReportUnfinished() const {
  MutexLock lock(mu_);
  const MonoTime now = clock_.Monotonic();
  Duration sum{};
  Duration longest{};
  for (const auto& [key, entry] : processing_) {
    sum += now - entry.since;
    longest = std::max(longest, now - entry.since);
  }
  metrics_.UnfinishedWork(name_, sum, longest);
}

}  // namespace salve::engine
