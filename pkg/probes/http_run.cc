// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/base/pattern.h"
#include "pkg/probes/http_get_run.h"
#include "pkg/probes/measurement.h"

namespace salve::probes {
namespace {

class HttpRun final : public HttpGetRun {
 public:
  HttpRun(LoopTools& tools, ProbeJob job, Done done)
      : HttpGetRun(tools, job, std::move(done), !job.probe.http->body_match.empty()) {}

 private:
  void Begin() override {
    const auto& probe = *job().probe.http;
    const auto url = http::ParseUrl(probe.url);
    if (!url.ok()) return Finish(NotMeasured(url.status().message()));
    if (url->scheme != "http" && url->scheme != "https") {
      return Finish(NotMeasured("the probe's URL is neither http nor https"));
    }
    if (!probe.body_match.empty()) {
      auto pattern = Pattern::Compile(probe.body_match);
      if (!pattern.ok()) return Finish(NotMeasured(pattern.status().message()));
      pattern_ = std::move(pattern).value();
    }
    Get(*url, url->path.empty() ? "/" : url->path);
  }

  void Answered() override {
    const auto& probe = *job().probe.http;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
                          tools().options.clock->Monotonic() - begun())
                          .count();
    const std::string said =
        "status " + std::to_string(response().status()) + " in " + std::to_string(took) + " ms";
    healing::Measurement m = Well(said);
    if (response().status() != probe.expected_status) {
      m = Ill(url().scheme + "://" + where_ + ": " + said + ", expected " +
              std::to_string(probe.expected_status));
    } else if (pattern_ && !pattern_->Matches(response().body())) {
      m = Ill(url().scheme + "://" + where_ + ": " + said + ", but the body does not match");
    } else if (probe.max_latency_millis && took > *probe.max_latency_millis) {
      m = Ill(url().scheme + "://" + where_ + ": " + said + ", slower than " +
              std::to_string(*probe.max_latency_millis) + " ms");
    }
    m.metrics = {{"http.status", static_cast<double>(response().status())},
                 {"http.latency_millis", static_cast<double>(took)}};
    Finish(std::move(m));
  }

  std::optional<Pattern> pattern_;
};

}  // namespace

std::shared_ptr<Run> MakeHttpRun(LoopTools& tools, ProbeJob job, Run::Done done) {
  return std::make_shared<HttpRun>(tools, std::move(job), std::move(done));
}

}  // namespace salve::probes
