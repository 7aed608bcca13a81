// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/lease_elector.h"

#include <algorithm>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/base/time_format.h"

namespace salve::engine {
namespace {

using std::chrono::seconds;

const client::ResourceInfo& Leases() {
  static const client::ResourceInfo* info =
      new client::ResourceInfo{"coordination.k8s.io", "v1", "leases", "Lease", true};
  return *info;
}

constexpr int kVacateAttempts = 5;
constexpr seconds kVacateTime{3};

Duration Scale(Duration duration, double by) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * by));
}

std::string InSeconds(Duration duration) {
  return std::to_string(duration / std::chrono::milliseconds(1)) + " ms";
}

// A 404 for a lease that is being made means its namespace.
Status Explain(const Status& error, const NamespacedName& lease) {
  if (error.code() != Code::kNotFound) return error;
  return NotFoundError(error.message() + "; is the namespace there? kubectl create namespace " +
                       lease.ns);
}

}  // namespace

StatusOr<std::unique_ptr<LeaseElector>> LeaseElector::Create(LeaseElectorOptions options,
                                                             client::Client& client, Clock& clock,
                                                             Random& random) {
  if (options.lease.ns.empty() || options.lease.name.empty() || options.identity.empty()) {
    return InvalidArgumentError("leader election: lease and identity must be named");
  }
  if (options.jitter < 0 || options.retry_period <= Duration::zero() ||
      options.renew_deadline <= Scale(options.retry_period, 1 + options.jitter) ||
      options.lease_duration <= options.renew_deadline) {
    return InvalidArgumentError(
        "leader election: the lease's duration (" + InSeconds(options.lease_duration) +
        ") must be longer than the renewal's deadline (" + InSeconds(options.renew_deadline) +
        "), and that longer than a period between attempts with its jitter (" +
        InSeconds(Scale(options.retry_period, 1 + options.jitter)) + ")");
  }
  return std::unique_ptr<LeaseElector>(new LeaseElector(std::move(options), client, clock, random));
}

LeaseElector::LeaseElector(LeaseElectorOptions options, client::Client& client, Clock& clock,
                           Random& random)
    : options_(std::move(options)),
      client_(client),
      clock_(clock),
      random_(random),
      leases_(client, clock) {}

LeaseElector::~LeaseElector() { Release(); }

bool LeaseElector::LeadsAt(MonoTime now) const {
  return state_ == State::kLeading && now < leads_until_;
}

bool LeaseElector::IsLeader() const {
  MutexLock lock(mu_);
  return LeadsAt(clock_.Monotonic());
}

void LeaseElector::OnLost(std::function<void()> callback) {
  MutexLock lock(mu_);
  on_lost_ = std::move(callback);
}

std::string LeaseElector::Problem() const {
  MutexLock lock(mu_);
  if (state_ == State::kLost) return "leadership was lost";
  return problem_;
}

std::string LeaseElector::Holder() const {
  MutexLock lock(mu_);
  return holder_;
}

void LeaseElector::Note(const std::string& problem, const std::string& holder) {
  MutexLock lock(mu_);
  problem_ = problem;
  holder_ = holder;
}

MonoTime LeaseElector::NextPeriod() {
  return clock_.Monotonic() +
         Scale(options_.retry_period, 1 + options_.jitter * random_.Fraction());
}

MonoTime LeaseElector::Step() {
  State state;
  {
    MutexLock lock(mu_);
    state = state_;
  }
  if (state == State::kCandidate) return Campaign();
  if (state == State::kLeading) return Renew();
  return MonoTime::max();
}

MonoTime LeaseElector::Campaign() {
  const auto result = leases_.Acquire(options_.lease, options_.identity, options_.lease_duration);
  if (!result.ok()) return Retry(Explain(result.status(), options_.lease));
  const MonoTime now = clock_.Monotonic();
  if (!result->held) {
    if (!result->holder.empty() && result->holder != Holder()) {
      Log(Severity::kInfo, "standing by: somebody else leads",
          {{"lease", options_.lease.ToString()}, {"leader", result->holder}});
    }
    Note("", result->holder);
    // The moment it runs out is worth an attempt of its own; who else waits for it is jittered too.
    const MonoTime next = NextPeriod();
    return result->until > now ? std::min(next, result->until) : next;
  }
  const MonoTime until = result->until - options_.lease_duration + options_.renew_deadline;
  if (now >= until) {
    return Retry(DeadlineExceededError("the answer took so long that it says nothing any more"));
  }
  {
    MutexLock lock(mu_);
    state_ = State::kLeading;
    leads_until_ = until;
    problem_.clear();
    holder_ = options_.identity;
  }
  Log(Severity::kInfo, "leading",
      {{"lease", options_.lease.ToString()}, {"identity", options_.identity}});
  return NextPeriod();
}

// Prolongs the lease. One that somebody removed is made again, unless somebody else was faster.
StatusOr<LeaseResult> LeaseElector::Prolong() {
  auto result = leases_.Renew(options_.lease, options_.identity, options_.lease_duration);
  if (!result.ok() || result->held || !result->holder.empty()) return result;
  return leases_.Acquire(options_.lease, options_.identity, options_.lease_duration);
}

MonoTime LeaseElector::Renew() {
  if (!IsLeader()) {
    Lose("it was not renewed for " + InSeconds(options_.renew_deadline));
    return MonoTime::max();
  }
  const auto result = Prolong();
  if (result.ok() && !result->held && !result->holder.empty() &&
      result->holder != options_.identity) {
    Note("", result->holder);
    Lose("it is held by " + result->holder);
    return MonoTime::max();
  }
  if (!result.ok()) return Retry(Explain(result.status(), options_.lease));
  if (!result->held) return Retry(ConflictError("the lease changed while it was being renewed"));
  {
    MutexLock lock(mu_);
    // An answer that comes after the deadline changes nothing: others may have been told that this
    // process does not lead.
    if (LeadsAt(clock_.Monotonic())) {
      leads_until_ = result->until - options_.lease_duration + options_.renew_deadline;
      problem_.clear();
      maybe_held_ = false;
      return NextPeriod();
    }
  }
  Lose("the answer to its renewal came too late");
  return MonoTime::max();
}

MonoTime LeaseElector::Retry(const Status& error) {
  const std::string problem = "lease " + options_.lease.ToString() + ": " + error.message();
  bool news = false;
  MonoTime limit = MonoTime::max();
  {
    MutexLock lock(mu_);
    news = problem_ != problem;
    problem_ = problem;
    maybe_held_ = true;
    if (state_ == State::kLeading) limit = leads_until_;
  }
  if (news) {
    Log(Severity::kWarning, "leader election: no answer from the lease, trying again",
        {{"lease", options_.lease.ToString()}, {"error", error.ToString()}});
  }
  return std::min(NextPeriod(), limit);
}

void LeaseElector::Lose(const std::string& why) {
  std::function<void()> callback;
  {
    MutexLock lock(mu_);
    if (state_ != State::kLeading) return;
    state_ = State::kLost;
    callback = std::move(on_lost_);
    on_lost_ = nullptr;
    changed_.NotifyAll();
  }
  Log(Severity::kError, "leadership lost",
      {{"lease", options_.lease.ToString()}, {"identity", options_.identity}, {"why", why}});
  if (callback) callback();
}

Status LeaseElector::Acquire(std::stop_token stop) {
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(mu_);
    changed_.NotifyAll();
  });
  while (!stop.stop_requested()) {
    const MonoTime next = Step();
    if (IsLeader()) return StartThreads();
    MutexLock lock(mu_);
    if (state_ == State::kLost || state_ == State::kReleased || stopping_) break;
    while (!stop.stop_requested() && !stopping_ && clock_.Monotonic() < next) {
      (void)clock_.WaitUntil(changed_, mu_, next);
    }
  }
  return CancelledError("leader election: asked to stop before this process led");
}

Status LeaseElector::StartThreads() {
  SALVE_RETURN_IF_ERROR(guard_.Start("leader-guard", [this] { GuardLoop(); }));
  return renewer_.Start("leader-renew", [this] { RenewLoop(); });
}

void LeaseElector::RenewLoop() {
  MonoTime next = NextPeriod();
  for (;;) {
    {
      MutexLock lock(mu_);
      while (!stopping_ && state_ == State::kLeading && clock_.Monotonic() < next) {
        (void)clock_.WaitUntil(changed_, mu_, next);
      }
      if (stopping_ || state_ != State::kLeading) return;
    }
    next = Step();
  }
}

// A renewal may hang in the network beyond the deadline; this thread does not.
void LeaseElector::GuardLoop() {
  {
    MutexLock lock(mu_);
    while (!stopping_ && LeadsAt(clock_.Monotonic())) {
      (void)clock_.WaitUntil(changed_, mu_, leads_until_);
    }
    if (stopping_) return;
  }
  Lose("it was not renewed for " + InSeconds(options_.renew_deadline));
}

void LeaseElector::Release() {
  bool vacate = false;
  {
    MutexLock lock(mu_);
    if (state_ == State::kReleased) return;
    stopping_ = true;
    changed_.NotifyAll();
  }
  renewer_.Join();
  guard_.Join();
  {
    MutexLock lock(mu_);
    vacate = LeadsAt(clock_.Monotonic()) || (state_ == State::kCandidate && maybe_held_);
    state_ = State::kReleased;
  }
  if (vacate) Vacate();
}

void LeaseElector::Vacate() {
  const MonoTime end = clock_.Monotonic() + kVacateTime;
  StatusOr<bool> done = false;
  for (int i = 0; i < kVacateAttempts && clock_.Monotonic() < end; ++i) {
    done = TryVacate();
    if (done.ok() && *done) return;
    // Changed since it was read, or no answer: read again. Anything else will not get better.
    if (!done.ok() && done.code() != Code::kConflict && done.code() != Code::kAborted) break;
  }
  Log(Severity::kWarning, "the leader's lease could not be released; it runs out by itself",
      {{"lease", options_.lease.ToString()}, {"error", done.status().ToString()}});
}

StatusOr<bool> LeaseElector::TryVacate() {
  StatusOr<client::Json> lease = client_.Get(Leases(), options_.lease);
  if (lease.code() == Code::kNotFound) return true;
  if (!lease.ok()) return lease.status();
  const auto spec = lease->find("spec");
  if (spec == lease->end() || !spec->is_object()) return true;
  const auto holder = spec->find("holderIdentity");
  if (holder == spec->end() || *holder != options_.identity) return true;
  (*spec)["holderIdentity"] = "";
  (*spec)["leaseDurationSeconds"] = 1;
  (*spec)["renewTime"] = FormatMicroTime(clock_.Now());
  SALVE_RETURN_IF_ERROR(client_.Update(Leases(), *lease, {}).status());
  return true;
}

}  // namespace salve::engine
