// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/metrics.h"

#include <fstream>

#include <unistd.h>

#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/healing/machine.h"

namespace salve::runtime {
namespace {

double Seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

// From a tenth of a second to a day: stages wait for people.
const std::vector<double>& StageBuckets() {
  static const std::vector<double>* buckets =
      new std::vector<double>{0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400};
  return *buckets;
}

// From a minute to a month: people take their time.
const std::vector<double>& MergeBuckets() {
  static const std::vector<double>* buckets = new std::vector<double>{
      60, 300, 900, 3600, 14400, 43200, 86400, 172800, 345600, 604800, 1209600, 2592000};
  return *buckets;
}

}  // namespace

PrometheusEngineMetrics::PrometheusEngineMetrics(metrics::Registry& registry)
    : registry_(registry) {
  Dropped();
}

void PrometheusEngineMetrics::QueueDepth(const std::string& queue, std::size_t depth) {
  registry_.Gauges("workqueue_depth", "Current depth of the work queue", {"name"})
      .With({queue})
      .Set(static_cast<double>(depth));
}
void PrometheusEngineMetrics::QueueAdd(const std::string& queue) {
  registry_.Counters("workqueue_adds_total", "Keys added to the work queue", {"name"})
      .With({queue})
      .Increment();
}
void PrometheusEngineMetrics::QueueRetry(const std::string& queue) {
  registry_.Counters("workqueue_retries_total", "Keys added after a failure", {"name"})
      .With({queue})
      .Increment();
}
void PrometheusEngineMetrics::QueueLatency(const std::string& queue, Duration waited) {
  registry_
      .Histograms("workqueue_queue_duration_seconds", "Time a key waits before it is worked on",
                  {"name"}, metrics::DurationBuckets())
      .With({queue})
      .Observe(Seconds(waited));
}
void PrometheusEngineMetrics::WorkDuration(const std::string& queue, Duration worked) {
  registry_
      .Histograms("workqueue_work_duration_seconds", "Time it takes to work on a key", {"name"},
                  metrics::DurationBuckets())
      .With({queue})
      .Observe(Seconds(worked));
}
void PrometheusEngineMetrics::UnfinishedWork(const std::string& queue, Duration sum,
                                             Duration longest) {
  registry_
      .Gauges("workqueue_unfinished_work_seconds", "Age of the work in progress, summed", {"name"})
      .With({queue})
      .Set(Seconds(sum));
  registry_
      .Gauges("workqueue_longest_running_processor_seconds", "Age of the oldest work in progress",
              {"name"})
      .With({queue})
      .Set(Seconds(longest));
}
void PrometheusEngineMetrics::ReconcileResult(const std::string& controller, const char* result) {
  registry_.Counters("controller_runtime_reconcile_total", "Reconciles", {"controller", "result"})
      .With({controller, result})
      .Increment();
  // There from the first run on: what appears with its first value has not increased.
  auto& errors = registry_
                     .Counters("controller_runtime_reconcile_errors_total",
                               "Reconciles that failed", {"controller"})
                     .With({controller});
  const std::string word = result;
  if (word == "error" || word == "terminal") errors.Increment();
}
void PrometheusEngineMetrics::ReconcileTime(const std::string& controller, Duration took) {
  registry_
      .Histograms("controller_runtime_reconcile_time_seconds", "Duration of a reconcile",
                  {"controller"}, metrics::DurationBuckets())
      .With({controller})
      .Observe(Seconds(took));
}
void PrometheusEngineMetrics::ReconcilePanic(const std::string& controller) {
  registry_
      .Counters("controller_runtime_reconcile_panics_total", "Reconciles ended by an exception",
                {"controller"})
      .With({controller})
      .Increment();
}
void PrometheusEngineMetrics::ReconcileTimeout(const std::string& controller) {
  registry_
      .Counters("controller_runtime_reconcile_timeouts_total",
                "Reconciles that outlasted their time", {"controller"})
      .With({controller})
      .Increment();
}
void PrometheusEngineMetrics::Workers(const std::string& controller, int threads) {
  registry_.Gauges("controller_runtime_active_workers", "Worker threads", {"controller"})
      .With({controller})
      .Set(threads);
}
void PrometheusEngineMetrics::ReflectorList(const std::string& kind, std::size_t) {
  registry_.Counters("reflector_lists_total", "Lists made by reflectors", {"name"})
      .With({kind})
      .Increment();
}
void PrometheusEngineMetrics::ReflectorWatch(const std::string& kind) {
  registry_.Counters("reflector_watches_total", "Watches opened by reflectors", {"name"})
      .With({kind})
      .Increment();
}
void PrometheusEngineMetrics::ReflectorError(const std::string& kind, const std::string& code) {
  registry_
      .Counters("reflector_errors_total", "Failed lists and watches of reflectors",
                {"name", "reason"})
      .With({kind, code})
      .Increment();
}
void PrometheusEngineMetrics::ObjectSkipped(const std::string& kind) {
  registry_
      .Counters("reflector_skipped_objects_total", "Objects that could not be understood", {"name"})
      .With({kind})
      .Increment();
}
void PrometheusEngineMetrics::EventDropped() { Dropped().Increment(); }
metrics::Counter& PrometheusEngineMetrics::Dropped() {
  return registry_.Counters("salve_events_dropped_total", "Kubernetes Events that were not written")
      .With({});
}
void PrometheusEngineMetrics::EventWritten() {
  registry_.Counters("salve_events_written_total", "Kubernetes Events written")
      .With({})
      .Increment();
}
void PrometheusEngineMetrics::Leader(bool leading) {
  registry_.Gauges("leader_election_master_status", "1 while this process leads", {"name"})
      .With({"salve"})
      .Set(leading ? 1 : 0);
}

ProcessMetrics::ProcessMetrics(metrics::Registry& registry, const Clock& clock)
    : registry_(registry) {
  const std::chrono::duration<double> now = clock.Now().time_since_epoch();
  registry_.Gauges("process_start_time_seconds", "When the process started, in seconds since 1970")
      .With({})
      .Set(now.count());
}
void ProcessMetrics::Observe() {
  // In pages: all of it, then what is in memory.
  std::ifstream statm("/proc/self/statm");
  double size = 0;
  double resident = 0;
  if (!(statm >> size >> resident)) return;
  registry_.Gauges("process_resident_memory_bytes", "Memory of the process that is in RAM")
      .With({})
      .Set(resident * static_cast<double>(::sysconf(_SC_PAGESIZE)));
}

// Shown as zero from the start: what appears with its first value has not increased, and an alert
// on a series that is not there never fires.
PrometheusHealingMetrics::PrometheusHealingMetrics(metrics::Registry& registry)
    : registry_(registry) {
  registry_.Counters("agent_alerts_received_total", "Signals that opened an incident").With({});
  for (const std::string& action : apis::salve::v1alpha1::ActionNames()) {
    Attempted(action);
    Successful(action);
  }
  Confidence();
  for (const char* outcome :
       {healing::kAutoHealed, healing::kHealedAfterApproval, healing::kSelfResolved,
        healing::kRolledBack, healing::kEscalated, healing::kRejected, healing::kExpired,
        healing::kSuppressed, healing::kDryRun, healing::kInconclusive, healing::kCancelled}) {
    Closed(outcome);
    Canaries(outcome);
  }
  for (const char* state : {"opened", "merged", "rejected"}) PullRequests(state);
  MergeTime();
}
metrics::Counter& PrometheusHealingMetrics::Attempted(const std::string& action) {
  return registry_.Counters("agent_remediations_attempted_total", "Actions begun", {"type"})
      .With({action});
}
metrics::Counter& PrometheusHealingMetrics::Successful(const std::string& action) {
  return registry_
      .Counters("agent_remediations_successful_total", "Actions verified to have helped", {"type"})
      .With({action});
}
metrics::Histogram& PrometheusHealingMetrics::Confidence() {
  return registry_
      .Histograms("agent_decision_confidence", "Confidence of diagnoses", {},
                  {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0})
      .With({});
}
metrics::Counter& PrometheusHealingMetrics::Closed(const std::string& outcome) {
  return registry_.Counters("salve_incidents_closed_total", "Incidents that ended", {"outcome"})
      .With({outcome});
}
metrics::Counter& PrometheusHealingMetrics::Canaries(const std::string& outcome) {
  return registry_
      .Counters("salve_canary_incidents_total",
                "Incidents of canaries that ended; they are counted nowhere else", {"outcome"})
      .With({outcome});
}
metrics::Counter& PrometheusHealingMetrics::PullRequests(const char* state) {
  return registry_
      .Counters("salve_github_pull_requests_total",
                "Pull requests that Salve opened, and what people made of them", {"state"})
      .With({state});
}
metrics::Histogram& PrometheusHealingMetrics::MergeTime() {
  return registry_
      .Histograms("salve_github_pull_request_merge_seconds",
                  "Time from the opening of a pull request to its merge", {}, MergeBuckets())
      .With({});
}
void PrometheusHealingMetrics::CanaryClosed(const std::string& outcome) {
  Canaries(outcome).Increment();
}
void PrometheusHealingMetrics::PullRequest(const char* state, std::optional<Duration> took) {
  PullRequests(state).Increment();
  if (took) MergeTime().Observe(Seconds(*took));
}
void PrometheusHealingMetrics::IncidentOpened(const std::string&) {
  registry_.Counters("agent_alerts_received_total", "Signals that opened an incident")
      .With({})
      .Increment();
}
void PrometheusHealingMetrics::ActionAttempted(const std::string& action) {
  Attempted(action).Increment();
}
void PrometheusHealingMetrics::ActionSucceeded(const std::string& action) {
  Successful(action).Increment();
}
void PrometheusHealingMetrics::DecisionConfidence(double confidence) {
  Confidence().Observe(confidence);
}
void PrometheusHealingMetrics::NotificationDone(const std::string& sink, const char* result) {
  Notified(sink, result).Increment();
}
metrics::Counter& PrometheusHealingMetrics::Notified(const std::string& sink, const char* result) {
  return registry_
      .Counters("salve_notifications_total",
                "Messages to people: sent, told of in a summary, to be retried, given up",
                {"sink", "result"})
      .With({sink, result});
}
void PrometheusHealingMetrics::NotificationsPending(const std::string& sink, std::size_t count) {
  // All results from the first message on, for the same reason as in the constructor.
  for (const char* result : {"sent", "summarized", "retried", "failed"}) Notified(sink, result);
  registry_
      .Gauges("salve_notifications_pending", "Incidents with a message that is still to be sent",
              {"sink"})
      .With({sink})
      .Set(static_cast<double>(count));
}
void PrometheusHealingMetrics::IncidentClosed(const std::string& outcome,
                                              const apis::salve::v1alpha1::Durations& d) {
  Closed(outcome).Increment();
  auto& stages = registry_.Histograms("salve_incident_stage_duration_seconds",
                                      "Time that an incident spent in a stage",
                                      {"stage", "outcome"}, StageBuckets());
  const std::pair<const char*, std::int64_t> all[] = {{"detect", d.detect_millis},
                                                      {"diagnose", d.diagnose_millis},
                                                      {"approval", d.approval_wait_millis},
                                                      {"blocked", d.blocked_millis},
                                                      {"execute", d.execute_millis},
                                                      {"verify", d.verify_millis},
                                                      {"total", d.total_millis}};
  for (const auto& [stage, millis] : all) {
    stages.With({stage, outcome}).Observe(static_cast<double>(millis) / 1000);
  }
}

}  // namespace salve::runtime
