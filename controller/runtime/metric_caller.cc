// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/metric_caller.h"

#include <algorithm>
#include <map>
#include <utility>

#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"

namespace salve::runtime {
namespace {

using Json = nlohmann::json;
using probes::MetricValue;
using std::chrono::seconds;

constexpr std::int64_t kLeastWindowSeconds = 300;
constexpr std::int64_t kPeriodsInWindow = 3;
constexpr std::int64_t kMostDatapoints = 100000;  // AWS answers no more than 100,800 at once

std::int64_t EpochSeconds(WallTime at) {
  return std::chrono::duration_cast<seconds>(at.time_since_epoch()).count();
}

// How old the beginning of a period may be that still says something of now.
std::int64_t WindowSeconds(std::int64_t period) {
  return std::max(kLeastWindowSeconds, kPeriodsInWindow * period) + period;
}

std::size_t MostQueries(std::int64_t period) {
  const auto fit = static_cast<std::size_t>(kMostDatapoints / (WindowSeconds(period) / period + 1));
  return std::min(MetricCaller::kMostQueries, fit);
}

Json QueryOf(const apis::salve::v1alpha1::CloudWatchProbe& probe) {
  Json dimensions = Json::array();
  for (const auto& [name, value] : probe.dimensions) {
    dimensions.push_back({{"Name", name}, {"Value", value}});
  }
  return {{"Metric",
           {{"Namespace", probe.metric_namespace},
            {"MetricName", probe.metric_name},
            {"Dimensions", std::move(dimensions)}}},
          {"Period", probe.metric_period_seconds},
          {"Stat", probe.statistic}};
}

// Seconds since 1970; a text where a server writes it so. -1: neither.
std::int64_t TimeOf(const Json& at) {
  if (at.is_number()) return static_cast<std::int64_t>(at.get<double>());
  if (!at.is_string()) return -1;
  const auto parsed = ParseTime(at.get<std::string>());
  return parsed ? EpochSeconds(*parsed) : -1;
}

StatusOr<MetricValue> Newest(const Json& result, std::int64_t period, std::int64_t now) {
  const std::string code = GetString(result, {"StatusCode"});
  if (code == "Forbidden") {
    return PermissionDeniedError(
        "cloudwatch:GetMetricData: the metric may not be read (Forbidden)");
  }
  if (code == "InternalError") {
    return UnavailableError("cloudwatch:GetMetricData: CloudWatch failed to read the metric");
  }
  const Json* times = salve::Find(result, {"Timestamps"});
  const Json* values = salve::Find(result, {"Values"});
  if (times == nullptr || values == nullptr || !times->is_array() || !values->is_array()) {
    return MetricValue();
  }
  MetricValue newest;
  std::int64_t newest_at = now - WindowSeconds(period) - 1;
  for (std::size_t i = 0; i < std::min(times->size(), values->size()); ++i) {
    const std::int64_t at = TimeOf((*times)[i]);
    // A period that still goes on has not all of its data.
    if (at <= newest_at || at + period > now || !(*values)[i].is_number()) continue;
    newest_at = at;
    newest = (*values)[i].get<double>();
  }
  return newest;
}

}  // namespace

Json MetricCaller::Body(const std::vector<Json>& queries, std::int64_t period_seconds,
                        WallTime now) {
  const std::int64_t end = EpochSeconds(now) / period_seconds * period_seconds;
  Json list = Json::array();
  for (std::size_t i = 0; i < queries.size(); ++i) {
    list.push_back({{"Id", "m" + std::to_string(i)}, {"MetricStat", queries[i]}});
  }
  return {{"StartTime", end - WindowSeconds(period_seconds)},
          {"EndTime", end},
          {"ScanBy", "TimestampDescending"},
          {"MetricDataQueries", std::move(list)}};
}

std::vector<StatusOr<MetricValue>> MetricCaller::Values(const Json& answer, std::size_t queries,
                                                        std::int64_t period_seconds, WallTime now) {
  std::vector<StatusOr<MetricValue>> out(queries, StatusOr<MetricValue>(MetricValue()));
  const Json* results = salve::Find(answer, {"MetricDataResults"});
  if (results == nullptr || !results->is_array()) return out;
  std::map<std::string, std::size_t> by_id;
  for (std::size_t i = 0; i < queries; ++i) by_id["m" + std::to_string(i)] = i;
  for (const Json& result : *results) {
    const auto it = by_id.find(GetString(result, {"Id"}));
    if (it != by_id.end()) out[it->second] = Newest(result, period_seconds, EpochSeconds(now));
  }
  return out;
}

Status MetricCaller::EnsureThread() {
  if (started_) return Status::Ok();
  SALVE_RETURN_IF_ERROR(thread_.Start("metrics", [this] { Run(); }));
  started_ = true;
  return Status::Ok();
}

void MetricCaller::Ask(const apis::salve::v1alpha1::CloudWatchProbe& probe, MonoTime deadline,
                       probes::MetricReader::Done done) {
  Status refused;
  {
    MutexLock lock(mu_);
    if (stopped_) {
      refused = UnavailableError("cloudwatch:GetMetricData: Salve is stopping");
    } else if (waiting_.size() >= kMostWaiting) {
      refused = UnavailableError("cloudwatch:GetMetricData: too many metrics wait to be read");
    } else {
      refused = EnsureThread();
    }
    if (refused.ok()) {
      waiting_.push_back({QueryOf(probe), probe.metric_period_seconds, deadline, std::move(done)});
      cv_.NotifyAll();
      return;
    }
  }
  done(refused);
}

void MetricCaller::Stop() {
  stop_.request_stop();
  {
    MutexLock lock(mu_);
    stopped_ = true;
    cv_.NotifyAll();
  }
  thread_.Join();
}

// What waits for the same period, once it is this account's turn; empty when it is over.
std::vector<MetricCaller::Question> MetricCaller::Gather() {
  MutexLock lock(mu_);
  while (!stopped_ && waiting_.empty()) cv_.Wait(mu_);
  const MonoTime now = clock_.Monotonic();
  const MonoTime turn =
      now + std::max<Duration>(kGather, stopped_ ? Duration{} : rate_.Reserve(now));
  while (!stopped_ && clock_.Monotonic() < turn) (void)clock_.WaitUntil(cv_, mu_, turn);
  if (stopped_) return {};
  const std::int64_t period = waiting_.front().period;
  std::vector<Question> batch;
  std::vector<Question> rest;
  for (Question& one : waiting_) {
    const bool taken = one.period == period && batch.size() < MostQueries(period);
    if (one.deadline <= clock_.Monotonic()) continue;  // nobody waits for it any more
    (taken ? batch : rest).push_back(std::move(one));
  }
  waiting_ = std::move(rest);
  return batch;
}

void MetricCaller::Run() {
  while (!stop_.stop_requested()) Answer(Gather());
  std::vector<Question> left;
  {
    MutexLock lock(mu_);
    left = std::exchange(waiting_, {});
  }
  for (const Question& one : left) {
    one.done(UnavailableError("cloudwatch:GetMetricData: Salve is stopping"));
  }
}

void MetricCaller::Answer(std::vector<Question> batch) {
  if (batch.empty()) return;
  std::vector<Json> queries;
  std::vector<std::size_t> place;  // of each question among the queries; equal ones share one
  std::map<std::string, std::size_t> known;
  for (const Question& one : batch) {
    const auto [it, fresh] = known.try_emplace(one.query.dump(), queries.size());
    if (fresh) queries.push_back(one.query);
    place.push_back(it->second);
  }
  const std::int64_t period = batch.front().period;
  const WallTime now = clock_.Now();
  const auto answer =
      call_(Body(queries, period, now), clock_.Monotonic() + kCallTimeout, stop_.get_token());
  if (!answer.ok()) {
    for (const Question& one : batch) one.done(answer.status());
    return;
  }
  const auto values = Values(*answer, queries.size(), period, now);
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i].done(values[place[i]]);
}

}  // namespace salve::runtime
