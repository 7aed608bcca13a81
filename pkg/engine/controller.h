// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_CONTROLLER_H_
#define SALVE_PKG_ENGINE_CONTROLLER_H_

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/engine/informer.h"
#include "pkg/engine/reconciler.h"
#include "pkg/engine/thread.h"
#include "pkg/engine/work_queue.h"

namespace salve::engine {

struct ControllerOptions {
  int max_concurrent = 32;
  Duration reconcile_timeout = std::chrono::minutes(2);
  // A worker that found nothing to do for that long ends (one stays).
  Duration worker_idle = std::chrono::seconds(30);
  WorkQueueOptions queue;
};

// Runs a Reconciler for the keys that informers and others put into its queue. Thread-safe.
//
// Workers are threads that are started when a key is ready and nobody is free, up to
// max_concurrent; one waits for work at any time. Nothing is reconciled before all watched
// informers have synced.
class Controller {
 public:
  // All references must outlive it; so must the informers that it watches.
  Controller(std::string name, Reconciler& reconciler, ControllerOptions options, Environment env);
  ~Controller();  // Stop(now)
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  const std::string& name() const { return name_; }

  // Before the informer and the controller start. Each change that passes `accept` is mapped to the
  // keys to reconcile. Keys of the first list wait behind fresh changes.
  template <class T>
  void Watch(Informer<T>& informer,
             std::function<std::vector<NamespacedName>(const Change<T>&)> map,
             std::function<bool(const Change<T>&)> accept = nullptr) {
    AddSource(informer);
    informer.AddHandler(
        [this, map = std::move(map), accept = std::move(accept)](const Change<T>& change) {
          if (accept != nullptr && !accept(change)) return;
          const int priority = change.initial ? kInitialListPriority : kNormalPriority;
          try {
            for (const NamespacedName& key : map(change)) queue_.Add(key, priority);
          } catch (const std::exception& e) {  // A poison object must not stop the cache.
            MappingFailed(change.header.name, e.what());
          }
        });
  }
  // The object itself is the key.
  template <class T>
  void WatchOwn(Informer<T>& informer, std::function<bool(const Change<T>&)> accept = nullptr) {
    Watch<T>(
        informer,
        [](const Change<T>& change) { return std::vector<NamespacedName>{change.header.name}; },
        std::move(accept));
  }

  // Triggers from anywhere else: probe results, backends, timers. Never block; dropped after
  // Stop().
  void Enqueue(const NamespacedName& key, int priority = kNormalPriority);
  void EnqueueAfter(const NamespacedName& key, Duration delay);

  // Starts the first worker. kUnavailable if an informer has not synced: the manager waits for
  // that.
  Status Start();
  // Ends: nothing more is accepted or taken from the queue, what runs may finish until
  // `drain_until`, then its stop token is set; waits for all workers. Safe to call twice.
  void Stop(MonoTime drain_until);

  // Handles one ready key on the calling thread; false if there is none or a cache has not synced.
  // For simulation and tests, instead of Start().
  bool ProcessOne();

  // True if started and not stopped.
  bool running() const;
  bool synced() const;
  WorkQueue& queue() { return queue_; }
  int workers() const;  // threads

 private:
  struct Worker {
    Thread thread;
    bool finished = false;
  };

  void AddSource(InformerBase& informer) { sources_.push_back(&informer); }
  Status StartWorker() SALVE_REQUIRES(mu_);
  void MappingFailed(const NamespacedName& object, const char* what);
  void Work(Worker* self);
  // The next key for a worker, or nullopt if the worker is to end: it no longer counts as alive
  // then.
  std::optional<WorkQueue::Item> NextItem();
  void EndWorker(Worker* self);
  void Handle(const WorkQueue::Item& item);
  StatusOr<Result> RunReconciler(const NamespacedName& key, ReconcileContext& context);
  void Requeue(const WorkQueue::Item& item, const StatusOr<Result>& result, const std::string& id);

  const std::string name_;
  Reconciler& reconciler_;
  const ControllerOptions options_;
  Environment env_;
  std::vector<InformerBase*> sources_;  // constant after Start()

  WorkQueue queue_;
  std::stop_source stop_;
  std::atomic<std::uint64_t> runs_{0};

  mutable Mutex mu_;
  std::list<Worker> workers_ SALVE_GUARDED_BY(mu_);
  int alive_ SALVE_GUARDED_BY(mu_) = 0;
  int idle_ SALVE_GUARDED_BY(mu_) = 0;
  bool started_ SALVE_GUARDED_BY(mu_) = false;
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_CONTROLLER_H_
