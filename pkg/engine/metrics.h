// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_METRICS_H_
#define SALVE_PKG_ENGINE_METRICS_H_

#include <cstddef>
#include <string>

#include "pkg/base/clock.h"

namespace salve::engine {

// What the engine tells about itself. Every hook does nothing by default, so that tests override
// what they look at. Implementations are thread-safe, quick, and never call back into the engine.
// The comment names the metric that an exporter keeps (the names of controller-runtime and
// client-go).
class EngineMetrics {
 public:
  virtual ~EngineMetrics() = default;

  // workqueue_depth, workqueue_adds_total, workqueue_retries_total {name}
  virtual void QueueDepth(const std::string& /*queue*/, std::size_t /*depth*/) {}
  virtual void QueueAdd(const std::string& /*queue*/) {}
  virtual void QueueRetry(const std::string& /*queue*/) {}
  // workqueue_queue_duration_seconds, workqueue_work_duration_seconds {name}
  virtual void QueueLatency(const std::string& /*queue*/, Duration /*waited*/) {}
  virtual void WorkDuration(const std::string& /*queue*/, Duration /*worked*/) {}
  // workqueue_unfinished_work_seconds, workqueue_longest_running_processor_seconds {name}
  virtual void UnfinishedWork(const std::string& /*queue*/, Duration /*sum*/,
                              Duration /*longest*/) {}

  // controller_runtime_reconcile_total {controller, result}: "success", "requeue_after", "error",
  // "terminal"; controller_runtime_reconcile_errors_total counts the last two.
  virtual void ReconcileResult(const std::string& /*controller*/, const char* /*result*/) {}
  // controller_runtime_reconcile_time_seconds {controller}
  virtual void ReconcileTime(const std::string& /*controller*/, Duration /*took*/) {}
  // controller_runtime_reconcile_panics_total, controller_runtime_reconcile_timeouts_total
  // {controller}
  virtual void ReconcilePanic(const std::string& /*controller*/) {}
  virtual void ReconcileTimeout(const std::string& /*controller*/) {}
  // controller_runtime_active_workers {controller}
  virtual void Workers(const std::string& /*controller*/, int /*threads*/) {}

  // reflector_lists_total, reflector_watches_total, reflector_errors_total{reason},
  // reflector_last_resource_version, reflector_skipped_objects_total {name}
  virtual void ReflectorList(const std::string& /*kind*/, std::size_t /*items*/) {}
  virtual void ReflectorWatch(const std::string& /*kind*/) {}
  virtual void ReflectorError(const std::string& /*kind*/, const std::string& /*code*/) {}
  virtual void ReflectorVersion(const std::string& /*kind*/, const std::string& /*version*/) {}
  virtual void ObjectSkipped(const std::string& /*kind*/) {}

  // salve_events_dropped_total, salve_events_written_total
  virtual void EventDropped() {}
  virtual void EventWritten() {}

  // leader_election_master_status
  virtual void Leader(bool /*leading*/) {}
};

// Does nothing. Shared, never destroyed.
EngineMetrics& NoMetrics();

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_METRICS_H_
