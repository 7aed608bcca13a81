// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/poller.h"

#include <algorithm>
#include <utility>

#include "pkg/backends/ecs/closer.h"
#include "pkg/base/log.h"

namespace salve::backends::ecs {
namespace {

// Policies come in one after the other; ten of them can share a call.
constexpr std::chrono::milliseconds kGather{50};

bool IsRefusal(const Status& status) {
  return status.code() == Code::kPermissionDenied || status.code() == Code::kInvalidArgument;
}

}  // namespace

Poller::Poller(std::string backend, Tools tools, View& view, Clock& clock,
               std::function<void(const ServiceName*)> on_change)
    : backend_(std::move(backend)),
      tools_(tools),
      view_(view),
      clock_(clock),
      on_change_(std::move(on_change)) {}

Poller::~Poller() { Stop(); }

Status Poller::Start() {
  return thread_.Start("ecs-" + backend_, [this] { Run(); });
}

void Poller::Stop() {
  stop_.request_stop();
  {
    MutexLock lock(mu_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  thread_.Join();
}

void Poller::Wake() {
  MutexLock lock(mu_);
  woken_ = true;
  wake_.NotifyAll();
}

CallContext Poller::Context() const {
  return {clock_.Monotonic() + kCallTimeout, stop_.get_token()};
}

void Poller::Run() {
  for (;;) {
    const MonoTime next = Round();
    MutexLock lock(mu_);
    while (!stopping_ && !woken_ && clock_.Monotonic() < next) {
      (void)clock_.WaitUntil(wake_, mu_, next);
    }
    const MonoTime gathered = clock_.Monotonic() + kGather;
    while (!stopping_ && woken_ && clock_.Monotonic() < gathered) {
      (void)clock_.WaitUntil(wake_, mu_, gathered);
    }
    woken_ = false;
    if (stopping_) return;
  }
}

MonoTime Poller::Round() {
  for (const ServiceName& name : view_.Unasked()) on_change_(&name);
  MonoTime next;
  Tally tally;
  for (const auto& [cluster, names] : view_.Due(&next)) PollCluster(cluster, names, tally);
  if (!stop_.stop_requested()) {
    Conclude(tally);
    InspectSteady();
    AskForAutoscalers();
    tools_.inspector.Tidy();
  }
  return next;
}

void Poller::PollCluster(const std::string& cluster, const std::vector<std::string>& names,
                         Tally& tally) {
  std::vector<std::string> batch;
  for (const std::string& name : names) {
    if (view_.IsAlone({cluster, name})) {
      PollBatch(cluster, {name}, tally);
      continue;
    }
    batch.push_back(name);
    if (batch.size() < kMostServices) continue;
    PollBatch(cluster, std::exchange(batch, {}), tally);
  }
  if (!batch.empty()) PollBatch(cluster, batch, tally);
}

void Poller::PollBatch(const std::string& cluster, const std::vector<std::string>& names,
                       Tally& tally) {
  if (stop_.stop_requested()) return;
  const MonoTime read_at = clock_.Monotonic();
  auto services = tools_.reader.Services(cluster, names, Context());
  if (services.ok()) {
    ++tally.answers;
    TakeAll(cluster, std::move(services).value(), read_at);
    return;
  }
  const Status why = services.status();
  if (why.code() == Code::kNotFound) {  // the cluster is not there
    ++tally.answers;
    Refused(cluster, names, why, read_at);
  } else if (IsRefusal(why) && names.size() > 1) {
    // One of them may be what the others suffer for.
    for (const std::string& name : names) PollBatch(cluster, {name}, tally);
  } else if (IsRefusal(why)) {
    ++tally.refusals;
    tally.refusal = why;
    Refused(cluster, names, why, read_at);
  } else {
    tally.failure = why;
  }
}

void Poller::Refused(const std::string& cluster, const std::vector<std::string>& names,
                     const Status& why, MonoTime read_at) {
  for (const std::string& service : names) {
    const ServiceName name{cluster, service};
    view_.Postpone(name, kRefusedPeriod);
    if (!view_.TakeProblem(name, why, read_at)) continue;
    Log(Severity::kWarning, "ecs service cannot be looked at",
        {{"backend", backend_}, {"service", name.ToString()}, {"error", why.ToString()}});
    on_change_(&name);
  }
}

void Poller::TakeAll(const std::string& cluster, std::map<std::string, StatusOr<Service>> services,
                     MonoTime read_at) {
  for (auto& [service, answer] : services) {
    const ServiceName name{cluster, service};
    if (answer.ok()) {
      TakeService(name, std::move(answer).value(), read_at);
    } else if (view_.TakeProblem(name, answer.status(), read_at)) {
      on_change_(&name);
    }
  }
}

void Poller::TakeService(const ServiceName& name, Service service, MonoTime read_at) {
  Snapshot snapshot;
  snapshot.service = std::move(service);
  const bool active = snapshot.service.status == kActive;
  if (active && NeedsTasks(snapshot.service, clock_.Now())) {
    ReadHistory(tools_.reader, name, snapshot.service, Context(), view_);
    // Half a picture could look like another state; what was known before stays.
    if (!LookCloser(tools_.reader, name, Context(), snapshot).ok()) return;
  } else if (active && tools_.inspector.Wants(name, snapshot.service)) {
    steady_.push_back({name, snapshot, read_at});
  }
  Take(name, std::move(snapshot), read_at);
}

void Poller::Take(const ServiceName& name, Snapshot snapshot, MonoTime read_at) {
  bool news = false;
  (void)view_.Take(name, std::move(snapshot), read_at, &news);
  if (news) on_change_(&name);
}

void Poller::InspectSteady() {
  for (auto& [name, snapshot, read_at] :
       tools_.inspector.Inspect(std::exchange(steady_, {}), Context())) {
    Take(name, std::move(snapshot), read_at);
  }
}

// Whether a count is an autoscaler's changes rarely, and is no reason to wait for anything.
void Poller::AskForAutoscalers() {
  if (!tools_.rate.MayInspect()) return;
  const std::vector<ServiceName> names = view_.BoundsDue(kMostScalable);
  if (names.empty()) return;
  const auto found = tools_.reader.Autoscaled(names, Context());
  if (!found.ok()) return;  // setDesiredCount says so where it matters
  for (const ServiceName& name : names) {
    const auto it = found->find(name);
    view_.TakeBounds(name, it == found->end() ? std::nullopt : std::optional<Bounds>(it->second));
  }
}

void Poller::Conclude(const Tally& tally) {
  if (tally.answers == 0 && tally.refusals == 0 && tally.failure.ok()) return;  // nothing was due
  Status status;
  if (tally.answers > 0) {
    ever_answered_ = true;
    failed_rounds_ = 0;
  } else if (tally.refusals > 0) {
    failed_rounds_ = 0;
    // Each service says so itself; the account as a whole is refused only where nothing is granted.
    if (tally.refusal.code() == Code::kPermissionDenied && !ever_answered_) {
      status = tally.refusal.Annotate("backend " + backend_);
    }
  } else {
    ++failed_rounds_;
    if (ever_answered_ && failed_rounds_ < kFailedRounds) return;
    status = UnavailableError("backend " + backend_ + ": " + tally.failure.message())
                 .WithReason(tally.failure.reason());
  }
  const bool changed = view_.SetStatus(status);
  if (!changed) return;
  if (status.ok()) {
    Log(Severity::kInfo, "ecs answers", {{"backend", backend_}});
  } else {
    Log(Severity::kWarning, "ecs not available, trying again",
        {{"backend", backend_}, {"error", status.ToString()}});
  }
  on_change_(nullptr);
}

}  // namespace salve::backends::ecs
