// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/probes/http_get_run.h"
#include "pkg/probes/measurement.h"
#include "pkg/probes/prometheus_answers.h"

namespace salve::probes {
namespace {

// Asks a Prometheus server. That it is down says nothing about the target.
class PrometheusRun final : public HttpGetRun {
 public:
  PrometheusRun(LoopTools& tools, ProbeJob job, Done done)
      : HttpGetRun(tools, std::move(job), std::move(done), true) {}

 private:
  void Begin() override { ReadPassword(job().probe.prometheus->token); }

  void Authenticated(const std::string& token) override {
    const auto& probe = *job().probe.prometheus;
    const auto url = http::ParseUrl(probe.url);
    if (!url.ok()) return Finish(NotMeasured(url.status().message()));
    if (url->scheme != "http" && url->scheme != "https") {
      return Finish(NotMeasured("the probe's URL is neither http nor https"));
    }
    if (token.find_first_of("\r\n") != std::string::npos) {
      return Finish(NotMeasured("the probe's token has more than one line"));
    }
    std::string path = url->path;
    while (!path.empty() && path.back() == '/') path.pop_back();
    path += std::string(probe.range ? "/api/v1/query_range" : "/api/v1/query") +
            "?query=" + http::Escape(probe.query) +
            "&timeout=" + std::to_string(job().probe.timeout_seconds) + "s";
    if (probe.range) path += Range(*probe.range, tools().options.clock->Now());
    Get(*url, path, token.empty() ? "" : "Authorization: Bearer " + token + "\r\n");
  }

  // Up to now, by this machine's clock: the server asks for both ends.
  static std::string Range(const apis::salve::v1alpha1::PrometheusRange& range, WallTime now) {
    const auto end =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    return "&start=" + std::to_string(end - range.seconds) + "&end=" + std::to_string(end) +
           "&step=" + std::to_string(range.step_seconds);
  }

  void Answered() override {
    if (response().status() == 401) PasswordRefused();
    const bool cut = response().body().size() >= tools().options.max_body_bytes;
    healing::Measurement m =
        JudgePrometheus(*job().probe.prometheus, response().status(), response().body(), cut);
    if (!m.message.empty()) m.message = where_ + ": " + m.message;
    Finish(std::move(m));
  }

  healing::Measurement Unreachable(const std::string& why) override {
    return NotMeasured("Prometheus: " + why);
  }
};

}  // namespace

std::shared_ptr<Run> MakePrometheusRun(LoopTools& tools, ProbeJob job, Run::Done done) {
  return std::make_shared<PrometheusRun>(tools, std::move(job), std::move(done));
}

}  // namespace salve::probes
