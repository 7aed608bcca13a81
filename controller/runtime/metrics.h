// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_METRICS_H_
#define SALVE_CONTROLLER_RUNTIME_METRICS_H_

#include <optional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/metrics.h"
#include "pkg/engine/metrics.h"
#include "pkg/reconcilers/shell.h"

namespace salve::runtime {

// The engine's hooks as Prometheus series with controller-runtime's and client-go's names.
// Thread-safe.
class PrometheusEngineMetrics final : public engine::EngineMetrics {
 public:
  explicit PrometheusEngineMetrics(metrics::Registry& registry);

  void QueueDepth(const std::string& queue, std::size_t depth) override;
  void QueueAdd(const std::string& queue) override;
  void QueueRetry(const std::string& queue) override;
  void QueueLatency(const std::string& queue, Duration waited) override;
  void WorkDuration(const std::string& queue, Duration worked) override;
  void UnfinishedWork(const std::string& queue, Duration sum, Duration longest) override;
  void ReconcileResult(const std::string& controller, const char* result) override;
  void ReconcileTime(const std::string& controller, Duration took) override;
  void ReconcilePanic(const std::string& controller) override;
  void ReconcileTimeout(const std::string& controller) override;
  void Workers(const std::string& controller, int threads) override;
  void ReflectorList(const std::string& kind, std::size_t items) override;
  void ReflectorWatch(const std::string& kind) override;
  void ReflectorError(const std::string& kind, const std::string& code) override;
  void ObjectSkipped(const std::string& kind) override;
  void EventDropped() override;
  void EventWritten() override;
  void Leader(bool leading) override;

 private:
  metrics::Counter& Dropped();

  metrics::Registry& registry_;
};

// The process, with the names that every exporter has. Thread-safe.
class ProcessMetrics {
 public:
  // Notes that the process has started.
  ProcessMetrics(metrics::Registry& registry, const Clock& clock);
  // Looks anew at what changes; for a scrape.
  void Observe();

 private:
  metrics::Registry& registry_;
};

// What Salve did (requirements B10, N9). Thread-safe.
class PrometheusHealingMetrics final : public reconcilers::HealingMetrics {
 public:
  explicit PrometheusHealingMetrics(metrics::Registry& registry);

  void IncidentOpened(const std::string& policy) override;
  void ActionAttempted(const std::string& action) override;
  void ActionSucceeded(const std::string& action) override;
  void DecisionConfidence(double confidence) override;
  void IncidentClosed(const std::string& outcome,
                      const apis::salve::v1alpha1::Durations& durations) override;
  void NotificationDone(const std::string& sink, const char* result) override;
  void NotificationsPending(const std::string& sink, std::size_t count) override;
  void CanaryClosed(const std::string& outcome) override;
  void PullRequest(const char* state, std::optional<Duration> took) override;

 private:
  metrics::Counter& Attempted(const std::string& action);
  metrics::Counter& Successful(const std::string& action);
  metrics::Histogram& Confidence();
  metrics::Counter& Closed(const std::string& outcome);
  metrics::Counter& Canaries(const std::string& outcome);
  metrics::Counter& PullRequests(const char* state);
  metrics::Histogram& MergeTime();
  metrics::Counter& Notified(const std::string& sink, const char* result);

  metrics::Registry& registry_;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_METRICS_H_
