// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/signal_board.h"

#include <algorithm>

#include "pkg/healing/evidence.h"

namespace salve::edge {
namespace {

constexpr std::size_t kMaxLabels = 64;
constexpr std::size_t kMaxText = 1024;

// A stranger's texts, cut to what a screen can show.
healing::Alert Bounded(const healing::Alert& alert) {
  healing::Alert bounded;
  bounded.receiver = alert.receiver;
  bounded.severity = alert.severity;
  bounded.firing = alert.firing;
  bounded.since = alert.since;
  bounded.told = alert.told;
  bounded.message = healing::SanitizeLine(alert.message, kMaxText);
  for (const auto& [name, value] : alert.labels) {
    if (bounded.labels.size() >= kMaxLabels) break;
    bounded.labels[healing::SanitizeLine(name, kMaxText)] = healing::SanitizeLine(value, kMaxText);
  }
  return bounded;
}

}  // namespace

bool SignalBoard::Add(const healing::Alert& alert, WallTime now) {
  UnmatchedAlert entry{Bounded(alert), healing::AlertFingerprint(alert), now, now, 1};
  bool news = true;
  MutexLock lock(mu_);
  const auto known = std::find_if(alerts_.begin(), alerts_.end(), [&](const UnmatchedAlert& one) {
    return one.fingerprint == entry.fingerprint;
  });
  if (known != alerts_.end()) {
    news = known->alert.firing != alert.firing;
    entry.first_at = known->first_at;
    entry.occurrences += known->occurrences;
    alerts_.erase(known);
  } else if (alerts_.size() >= kMax) {
    alerts_.erase(alerts_.begin());
  }
  alerts_.push_back(std::move(entry));
  return news;
}

std::vector<UnmatchedAlert> SignalBoard::List() const {
  MutexLock lock(mu_);
  return {alerts_.rbegin(), alerts_.rend()};
}

}  // namespace salve::edge
