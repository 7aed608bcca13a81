// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "pkg/aws/credential_source.h"
#include "pkg/base/log.h"
#include "pkg/base/mutex.h"
#include "pkg/base/time_format.h"

namespace salve::aws {
namespace {

constexpr Duration kAdvisory = std::chrono::minutes(15);  // before the expiry: try
constexpr Duration kMandatory = std::chrono::minutes(5);  // before the expiry: wait for it
constexpr Duration kBetweenTries = std::chrono::minutes(1);
// A caller that has nothing to go on with tries again sooner.
constexpr Duration kAfterFailure = std::chrono::seconds(5);
// A refusal says nothing about keys that have only just been fetched: they are the best there are.
constexpr Duration kYoung = std::chrono::seconds(30);
// A source answers or gives up by itself; this bounds the sum of its steps.
constexpr Duration kFetchTimeout = std::chrono::seconds(30);
constexpr Duration kRenewTimeout = std::chrono::seconds(10);

class RefreshingProvider final : public CredentialsProvider {
 public:
  RefreshingProvider(std::unique_ptr<CredentialSource> source, Clock& clock)
      : source_(std::move(source)), clock_(clock) {}

  StatusOr<Credentials> Get(const WaitOptions& wait) override {
    const std::stop_callback on_stop(wait.stop, [this] {
      MutexLock lock(mu_);
      changed_.NotifyAll();
    });
    for (;;) {
      StatusOr<Credentials> ready = Credentials();
      bool usable = false;
      if (!MustFetch(wait, ready, usable)) return ready;
      Settle(source_->Fetch(Bounded(wait, usable)), GaveUp(wait));
      if (GaveUp(wait)) return AfterGivingUp(wait);
    }
  }

  void Reject(const Credentials& credentials) override {
    MutexLock lock(mu_);
    if (!current_ || *current_ != credentials) return;
    if (clock_.Monotonic() - fetched_at_ < kYoung) return;
    rejected_ = true;
    next_try_ = MonoTime::min();
  }

 private:
  bool GaveUp(const WaitOptions& wait) const {
    return wait.stop.stop_requested() || clock_.Monotonic() >= wait.deadline;
  }

  // A caller that could go on with the old ones keeps half of its time for what it is about.
  WaitOptions Bounded(const WaitOptions& wait, bool usable) const {
    WaitOptions out = wait;
    const MonoTime now = clock_.Monotonic();
    const Duration most = usable ? kRenewTimeout : kFetchTimeout;
    Duration left = wait.deadline == MonoTime::max() ? most : wait.deadline - now;
    if (usable && wait.deadline != MonoTime::max()) left /= 2;
    out.deadline = now + std::min(left, most);
    return out;
  }

  // True: this caller fetches; `usable`: there are old ones meanwhile. False: `ready` is what it
  // gets. Waits while another one fetches what this one cannot do without.
  bool MustFetch(const WaitOptions& wait, StatusOr<Credentials>& ready, bool& usable) {
    MutexLock lock(mu_);
    for (;;) {
      const Need need = NeedNow();
      const bool resting =
          clock_.Monotonic() < next_try_ && (need != Need::kAll || !last_error_.ok());
      const bool may_try = !fetching_ && !resting;
      if (need != Need::kNothing && may_try) {
        fetching_ = true;
        usable = need != Need::kAll;
        return true;
      }
      const bool can_go_on = need == Need::kNothing || need == Need::kSoon;
      if (can_go_on || !fetching_) {
        // A recent failure stands until it is time to try again.
        ready = need == Need::kAll ? StatusOr<Credentials>(last_error_) : Current();
        return false;
      }
      if (GaveUp(wait)) {
        ready = need == Need::kAll ? StatusOr<Credentials>(TooLate(wait)) : Current();
        return false;
      }
      (void)clock_.WaitUntil(changed_, mu_, wait.deadline);
    }
  }

  StatusOr<Credentials> AfterGivingUp(const WaitOptions& wait) {
    MutexLock lock(mu_);
    if (NeedNow() == Need::kAll) return TooLate(wait);
    return Current();
  }

  Status TooLate(const WaitOptions& wait) const {
    if (wait.stop.stop_requested()) {
      return CancelledError("AWS identity: stopped by the caller");
    }
    return DeadlineExceededError("AWS identity: none in time from " + source_->name());
  }

  void Settle(StatusOr<Credentials> fetched, bool gave_up) {
    MutexLock lock(mu_);
    fetching_ = false;
    changed_.NotifyAll();
    const MonoTime now = clock_.Monotonic();
    if (fetched.ok() && fetched->expires_at && *fetched->expires_at <= clock_.Now()) {
      fetched = UnauthenticatedError(source_->name() + " gave credentials that expired at " +
                                     FormatTime(*fetched->expires_at) +
                                     "; is this machine's clock right?");
    }
    if (fetched.ok()) {
      last_error_ = Status();
      current_ = *std::move(fetched);
      fetched_at_ = now;
      rejected_ = false;
      next_try_ = now + kBetweenTries;
      return;
    }
    // The caller had no more time: that says nothing about the source, the next one may try.
    if (gave_up) return;
    last_error_ = fetched.status();
    const bool usable = NeedNow() != Need::kAll;
    next_try_ = now + (usable ? kBetweenTries : kAfterFailure);
    if (usable) {
      Log(Severity::kWarning, "AWS credentials cannot be renewed, the old ones are still used",
          {{"error", last_error_.message()},
           {"expires", current_->expires_at ? FormatTime(*current_->expires_at) : "never"}});
    }
  }

  // kSoon: one caller should fetch. kNow: wait for a fetch. kAll: there is nothing to go on with.
  enum class Need { kNothing, kSoon, kNow, kAll };
  Need NeedNow() const SALVE_REQUIRES(mu_) {
    if (!current_ || rejected_) return Need::kAll;
    if (!current_->expires_at) {
      return clock_.Monotonic() - fetched_at_ >= kBetweenTries ? Need::kSoon : Need::kNothing;
    }
    const Duration left = *current_->expires_at - clock_.Now();
    if (left <= Duration::zero()) return Need::kAll;
    if (left <= kMandatory) return Need::kNow;
    return left <= kAdvisory ? Need::kSoon : Need::kNothing;
  }

  StatusOr<Credentials> Current() const SALVE_REQUIRES(mu_) { return *current_; }

  const std::unique_ptr<CredentialSource> source_;
  Clock& clock_;
  mutable Mutex mu_;
  CondVar changed_;
  std::optional<Credentials> current_ SALVE_GUARDED_BY(mu_);
  MonoTime fetched_at_ SALVE_GUARDED_BY(mu_){};
  MonoTime next_try_ SALVE_GUARDED_BY(mu_) = MonoTime::min();
  bool rejected_ SALVE_GUARDED_BY(mu_) = false;  // current_ was refused by a service
  bool fetching_ SALVE_GUARDED_BY(mu_) = false;
  Status last_error_ SALVE_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<CredentialsProvider> MakeRefreshingProvider(
    std::unique_ptr<CredentialSource> source, Clock& clock) {
  return std::make_unique<RefreshingProvider>(std::move(source), clock);
}

}  // namespace salve::aws
