// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/controller.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "pkg/base/log.h"

namespace salve::engine {

Controller::Controller(std::string name, Reconciler& reconciler, ControllerOptions options,
                       Environment env)
    : name_(std::move(name)),
      reconciler_(reconciler),
      options_(options),
      env_(env),
      queue_(name_, options.queue, env.clock, env.metrics) {}

Controller::~Controller() { Stop(env_.clock.Monotonic()); }

void Controller::MappingFailed(const NamespacedName& object, const char* what) {
  env_.metrics.ReconcilePanic(name_);
  Log(Severity::kError, "exception while mapping a change to keys; the change is ignored",
      {{"controller", name_}, {"object", object.ToString()}, {"error", what}});
}

void Controller::Enqueue(const NamespacedName& key, int priority) { queue_.Add(key, priority); }

void Controller::EnqueueAfter(const NamespacedName& key, Duration delay) {
  queue_.AddAfter(key, delay);
}

bool Controller::synced() const {
  return std::all_of(sources_.begin(), sources_.end(),
                     [](const InformerBase* source) { return source->HasSynced(); });
}

bool Controller::running() const {
  MutexLock lock(mu_);
  return started_ && !stopping_;
}

int Controller::workers() const {
  MutexLock lock(mu_);
  return alive_;
}

Status Controller::Start() {
  for (const InformerBase* source : sources_) {
    if (!source->HasSynced()) {
      return UnavailableError("starting controller \"" + name_ + "\": the cache of " +
                              source->name() + " has not synced; start it and wait for it first");
    }
  }
  MutexLock lock(mu_);
  if (started_ || stopping_) return Status::Ok();
  started_ = true;
  return StartWorker();
}

Status Controller::StartWorker() {
  workers_.emplace_back();
  Worker* worker = &workers_.back();
  ++alive_;
  ++idle_;
  Status status = worker->thread.Start(name_, [this, worker] { Work(worker); });
  if (!status.ok()) {
    --alive_;
    --idle_;
    workers_.pop_back();
    return status;
  }
  env_.metrics.Workers(name_, alive_);
  return status;
}

void Controller::Work(Worker* self) {
  while (std::optional<WorkQueue::Item> item = NextItem()) {
    Handle(*item);
    MutexLock lock(mu_);
    ++idle_;
  }
  EndWorker(self);
}

std::optional<WorkQueue::Item> Controller::NextItem() {
  while (true) {
    MonoTime until = MonoTime::max();
    {
      MutexLock lock(mu_);
      // The last one that waits stays for good, so that every change and every delay finds
      // somebody.
      if (idle_ > 1) until = env_.clock.Monotonic() + options_.worker_idle;
    }
    std::optional<WorkQueue::Item> item = queue_.Get(until);
    MutexLock lock(mu_);
    if (item) {
      --idle_;
      if (idle_ == 0 && alive_ < options_.max_concurrent && !stopping_) {
        if (Status status = StartWorker(); !status.ok()) {
          Log(Severity::kWarning, "no further worker thread; keys wait for the running ones",
              {{"controller", name_}, {"error", status.ToString()}});
        }
      }
      return item;
    }
    if (idle_ > 1 || queue_.shutting_down()) {
      --idle_;
      --alive_;
      env_.metrics.Workers(name_, alive_);
      return std::nullopt;
    }
  }
}

void Controller::EndWorker(Worker* self) {
  // A thread cannot join itself: each one that ends collects those that ended before it, so that at
  // most one waits to be collected. After Stop() began, Stop() does it.
  std::list<Worker> finished;
  {
    MutexLock lock(mu_);
    for (auto it = workers_.begin(); !stopping_ && it != workers_.end();) {
      const auto next = std::next(it);
      if (it->finished) finished.splice(finished.end(), workers_, it);
      it = next;
    }
    self->finished = true;
  }
  finished.clear();  // Joins, without the lock that the others need for their last step.
}

void Controller::Stop(MonoTime drain_until) {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  queue_.ShutDown(/*drop_ready=*/true);
  if (!queue_.WaitIdle(drain_until)) {
    Log(Severity::kWarning, "reconciles outlast the drain time, asking them to stop",
        {{"controller", name_}, {"running", queue_.processing()}});
  }
  stop_.request_stop();
  std::list<Worker> workers;
  {
    MutexLock lock(mu_);
    workers.swap(workers_);
  }
  workers.clear();  // Joins.
}

bool Controller::ProcessOne() {
  if (!synced()) return false;
  const std::optional<WorkQueue::Item> item = queue_.TryGet();
  if (!item) return false;
  Handle(*item);
  return true;
}

void Controller::Handle(const WorkQueue::Item& item) {
  char number[24];
  const unsigned long long run = runs_.fetch_add(1) + 1;
  std::snprintf(number, sizeof number, "-%08llu", run);
  ReconcileContext context;
  const MonoTime start = env_.clock.Monotonic();
  context.deadline = start + options_.reconcile_timeout;
  context.stop = stop_.get_token();
  context.controller = name_;
  context.id = name_ + number;
  context.retries = queue_.Retries(item.key);

  const StatusOr<Result> result = RunReconciler(item.key, context);

  const MonoTime end = env_.clock.Monotonic();
  env_.metrics.ReconcileTime(name_, end - start);
  if (end > context.deadline) {
    env_.metrics.ReconcileTimeout(name_);
    Log(Severity::kWarning, "reconcile outlasted its deadline",
        {{"controller", name_}, {"key", item.key.ToString()}, {"run", context.id}});
  }
  Requeue(item, result, context.id);
  queue_.Done(item.key);
}

StatusOr<Result> Controller::RunReconciler(const NamespacedName& key, ReconcileContext& context) {
  std::string what;
  try {
    return reconciler_.Reconcile(key, context);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
    what = "an exception that is no std::exception";
  }
  env_.metrics.ReconcilePanic(name_);
  return InternalError("exception: " + what).Annotate("reconciling " + key.ToString());
}

void Controller::Requeue(const WorkQueue::Item& item, const StatusOr<Result>& result,
                         const std::string& id) {
  if (result.ok()) {
    queue_.Forget(item.key);
    if (result->requeue_after) {
      queue_.AddAfter(item.key, *result->requeue_after);
      env_.metrics.ReconcileResult(name_, "requeue_after");
    } else {
      env_.metrics.ReconcileResult(name_, "success");
    }
    return;
  }
  const Status status = result.status();
  env_.metrics.ReconcileResult(name_, status.terminal() ? "terminal" : "error");
  const bool expected = status.code() == Code::kConflict ||
                        (status.code() == Code::kCancelled && stop_.stop_requested());
  if (!expected) {
    Log(status.terminal() ? Severity::kError : Severity::kWarning, "reconcile failed",
        {{"controller", name_},
         {"key", item.key.ToString()},
         {"run", id},
         {"retried", !status.terminal()},
         {"error", status.ToString()}});
  }
  if (status.terminal()) {
    queue_.Forget(item.key);
    return;
  }
  queue_.AddRateLimited(item.key, item.priority,
                        status.retry_after().value_or(std::chrono::milliseconds(0)));
}

}  // namespace salve::engine
