// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/request_log.h"

#include <utility>

#include "pkg/base/log.h"
#include "pkg/base/metrics.h"

namespace salve::edge {
namespace {

class LoggedWriter final : public http::ResponseWriter {
 public:
  LoggedWriter(std::unique_ptr<http::ResponseWriter> real, RequestRecord record, Clock& clock)
      : real_(std::move(real)), record_(std::move(record)), clock_(clock) {}
  ~LoggedWriter() override {
    if (!answered_) LogRequest(record_, 500, clock_);
  }

  void Send(http::Response response) override {
    Answered(response);
    real_->Send(std::move(response));
  }
  std::shared_ptr<http::StreamSink> Stream(http::Response head, std::size_t buffer) override {
    Answered(head);
    return real_->Stream(std::move(head), buffer);
  }

 private:
  void Answered(http::Response& response) {
    response.headers.Set("X-Request-Id", record_.id);
    if (!std::exchange(answered_, true)) LogRequest(record_, response.status, clock_);
  }

  const std::unique_ptr<http::ResponseWriter> real_;
  const RequestRecord record_;
  Clock& clock_;
  bool answered_ = false;
};

}  // namespace

void LogRequest(const RequestRecord& record, int status, Clock& clock) {
  const std::chrono::duration<double> took = clock.Monotonic() - record.start;
  auto& registry = metrics::Default();
  static auto& requests = registry.Counters(
      "salve_http_requests_total", "Requests by endpoint and status.", {"endpoint", "code"});
  static auto& durations = registry.Histograms("salve_http_request_duration_seconds",
                                               "Time until the head of the answer, by endpoint.",
                                               {"endpoint"}, metrics::DurationBuckets());
  requests.With({record.endpoint, std::to_string(status)}).Increment();
  durations.With({record.endpoint}).Observe(took.count());
  // Somebody who asks each second whether it is ready is no news, whatever the answer.
  const Severity severity = record.quiet    ? Severity::kDebug
                            : status >= 500 ? Severity::kError
                                            : Severity::kInfo;
  Log(severity, "http request",
      {{"request_id", record.id},
       {"method", record.method},
       {"path", record.path},
       {"endpoint", record.endpoint},
       {"status", status},
       {"duration_ms", took.count() * 1000},
       {"user", record.user},
       {"peer", record.peer}});
}

std::unique_ptr<http::ResponseWriter> WithRequestLog(std::unique_ptr<http::ResponseWriter> writer,
                                                     RequestRecord record, Clock& clock) {
  return std::make_unique<LoggedWriter>(std::move(writer), std::move(record), clock);
}

}  // namespace salve::edge
