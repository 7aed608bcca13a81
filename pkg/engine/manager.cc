// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/manager.h"

#include <utility>

#include "pkg/base/log.h"

namespace salve::engine {

Manager::Manager(ManagerOptions options, LeaderElector& elector, Environment env)
    : options_(options), elector_(elector), env_(env) {}

Manager::~Manager() { Stop(); }

void Manager::Add(Runnable& runnable, Group group) { runnables_.push_back({&runnable, group}); }

void Manager::Add(InformerBase& informer) { informers_.push_back(&informer); }

void Manager::Add(Controller& controller) { controllers_.push_back(&controller); }

void Manager::AddHealthCheck(std::string name, std::function<Status()> check) {
  checks_.push_back({std::move(name), std::move(check)});
}

Status Manager::Start(std::stop_token stop) {
  {
    MutexLock lock(mu_);
    if (state_ != State::kNew) return InvalidArgumentError("manager: started before");
    state_ = State::kStarting;
  }
  Status status = StartAll(std::move(stop));
  if (!status.ok()) StopStarted();
  MutexLock lock(mu_);
  state_ = status.ok() ? State::kRunning : State::kStopped;
  changed_.NotifyAll();
  return status;
}

Status Manager::StartAll(std::stop_token stop) {
  SALVE_RETURN_IF_ERROR(StartGroup(Group::kServers));
  for (InformerBase* informer : informers_) {
    SALVE_RETURN_IF_ERROR(informer->Start());
    undo_.push_back([informer](MonoTime) { informer->Stop(); });
  }
  SALVE_RETURN_IF_ERROR(WaitForCaches(stop));
  SALVE_RETURN_IF_ERROR(StartGroup(Group::kOthers));
  SALVE_RETURN_IF_ERROR(elector_.Acquire(stop));
  env_.metrics.Leader(true);
  undo_.push_back([this](MonoTime) {
    elector_.Release();
    env_.metrics.Leader(false);
  });
  for (Controller* controller : controllers_) {
    SALVE_RETURN_IF_ERROR(controller->Start());
    undo_.push_back([controller](MonoTime drain_until) { controller->Stop(drain_until); });
  }
  return stop.stop_requested() ? CancelledError("manager: asked to stop while starting")
                               : Status::Ok();
}

Status Manager::StartGroup(Group group) {
  for (const Member& member : runnables_) {
    if (member.group != group) continue;
    if (Status status = member.runnable->Start(); !status.ok()) {
      return status.Annotate("starting " + member.runnable->name());
    }
    undo_.push_back([runnable = member.runnable](MonoTime until) { runnable->Stop(until); });
  }
  return Status::Ok();
}

Status Manager::WaitForCaches(std::stop_token stop) {
  const MonoTime deadline = env_.clock.Monotonic() + options_.cache_sync_timeout;
  std::string missing;
  for (InformerBase* informer : informers_) {
    if (informer->WaitForSync(deadline, stop)) continue;
    if (stop.stop_requested()) return CancelledError("manager: asked to stop while starting");
    const std::string error = informer->last_error();
    missing += (missing.empty() ? "" : "; ") + informer->name() + ": " +
               (error.empty() ? "no answer yet" : error);
  }
  if (missing.empty()) return Status::Ok();
  return DeadlineExceededError(
      "caches did not sync within " +
      std::to_string(options_.cache_sync_timeout / std::chrono::seconds(1)) + " s (" + missing +
      ")");
}

void Manager::StopStarted() {
  const MonoTime drain_until = env_.clock.Monotonic() + options_.drain_timeout;
  while (!undo_.empty()) {
    undo_.back()(drain_until);
    undo_.pop_back();
  }
}

void Manager::Stop() {
  {
    MutexLock lock(mu_);
    while (state_ == State::kStarting || state_ == State::kStopping) changed_.Wait(mu_);
    if (state_ != State::kRunning) return;
    state_ = State::kStopping;
  }
  StopStarted();
  MutexLock lock(mu_);
  state_ = State::kStopped;
  changed_.NotifyAll();
}

bool Manager::ready() const {
  {
    MutexLock lock(mu_);
    if (state_ != State::kRunning) return false;
  }
  return elector_.IsLeader();
}

std::vector<HealthCheckResult> Manager::CheckHealth() const {
  std::vector<HealthCheckResult> results;
  const auto add = [&results](std::string name, std::string problem) {
    const bool ok = problem.empty();
    results.push_back({std::move(name), ok, std::move(problem)});
  };
  std::string unsynced;
  for (const InformerBase* informer : informers_) {
    if (!informer->HasSynced())
      unsynced += (unsynced.empty() ? "not synced: " : ", ") + informer->name();
  }
  add("caches", unsynced);
  std::string dead;
  for (const Controller* controller : controllers_) {
    if (!controller->running())
      dead += (dead.empty() ? "not running: " : ", ") + controller->name();
  }
  add("controllers", dead);
  std::string leader = elector_.Problem();
  if (leader.empty() && !elector_.IsLeader()) leader = "not the leader";
  add("leader", leader);
  for (const Check& check : checks_) {
    const Status status = check.check();
    add(check.name, status.ok() ? "" : status.ToString());
  }
  return results;
}

}  // namespace salve::engine
