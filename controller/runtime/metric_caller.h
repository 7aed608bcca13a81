// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_METRIC_CALLER_H_
#define SALVE_CONTROLLER_RUNTIME_METRIC_CALLER_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"
#include "pkg/base/token_bucket.h"
#include "pkg/engine/thread.h"
#include "pkg/probes/metric_reader.h"

namespace salve::runtime {

// Reads metrics of one account in one region for everybody who asks: questions that come within a
// moment share one GetMetricData, as far as they are about the same period. Thread-safe; one thread
// of its own, from the first question on.
class MetricCaller {
 public:
  using Json = nlohmann::json;
  // GetMetricData with that body. Called on the caller's thread.
  using Call =
      std::function<StatusOr<Json>(const Json& body, MonoTime deadline, std::stop_token stop)>;

  // AWS counts the calls of an account (50 a second); others want some of them as well.
  static constexpr double kCallsPerSecond = 5;
  static constexpr double kBurst = 10;
  static constexpr std::size_t kMostQueries = 500;  // of one call, as AWS has it
  static constexpr std::size_t kMostWaiting = 10000;
  static constexpr std::chrono::milliseconds kGather{50};
  static constexpr std::chrono::seconds kCallTimeout{10};

  // `clock` outlives it.
  MetricCaller(Call call, Clock& clock) : call_(std::move(call)), clock_(clock) {}
  ~MetricCaller() { Stop(); }

  // See MetricReader::Read(). kUnavailable: too many wait already, or it was stopped.
  void Ask(const apis::salve::v1alpha1::CloudWatchProbe& probe, MonoTime deadline,
           probes::MetricReader::Done done);
  // Answers all that wait with kUnavailable; idempotent.
  void Stop();

  // The body for those queries (MetricStat each), all of one period, as of `now`; and what the
  // answer says of each: the newest value of a period that is over. Pure functions, for tests.
  static Json Body(const std::vector<Json>& queries, std::int64_t period_seconds, WallTime now);
  static std::vector<StatusOr<probes::MetricValue>> Values(const Json& answer, std::size_t queries,
                                                           std::int64_t period_seconds,
                                                           WallTime now);

 private:
  struct Question {
    Json query;
    std::int64_t period = 60;
    MonoTime deadline;
    probes::MetricReader::Done done;
  };

  void Run();
  std::vector<Question> Gather();
  void Answer(std::vector<Question> batch);
  Status EnsureThread() SALVE_REQUIRES(mu_);

  const Call call_;
  Clock& clock_;
  std::stop_source stop_;

  Mutex mu_;
  CondVar cv_;
  bool stopped_ SALVE_GUARDED_BY(mu_) = false;
  bool started_ SALVE_GUARDED_BY(mu_) = false;
  std::vector<Question> waiting_ SALVE_GUARDED_BY(mu_);
  TokenBucket rate_ SALVE_GUARDED_BY(mu_){kCallsPerSecond, kBurst};
  engine::Thread thread_;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_METRIC_CALLER_H_
