// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/health.h"

#include <utility>

#include "pkg/base/metrics.h"
#include "pkg/base/redact.h"
#include "pkg/edge/problem.h"

namespace salve::edge {
namespace {

using nlohmann::json;

void AddOpenGet(Router& router, const char* pattern,
                std::function<http::Response(const RoutedRequest&)> answer) {
  Route route;
  route.method = "GET";
  route.pattern = pattern;
  route.access = Access::kOpen;
  route.max_body_bytes = 0;
  route.quiet = true;
  route.handle = [answer = std::move(answer)](const RoutedRequest& request,
                                              std::unique_ptr<http::ResponseWriter> writer) {
    writer->Send(answer(request));
  };
  router.Add(std::move(route));
}

}  // namespace

void ReadyChecks::Add(std::string name, std::function<Status()> check) {
  checks_.push_back({std::move(name), std::move(check)});
}

void ReadyChecks::AddDetail(std::string name, std::function<std::string()> detail) {
  details_.push_back({std::move(name), std::move(detail)});
}

json ReadyChecks::Run(bool& ready) const {
  ready = true;
  json results = json::array();
  for (const Check& check : checks_) {
    const Status status = check.run();
    ready = ready && status.ok();
    results.push_back({{"name", check.name},
                       {"status", status.ok() ? "ok" : "failed"},
                       {"message", status.ok() ? "" : Redact(status.message())}});
  }
  json body = {{"status", ready ? "ready" : "not ready"}, {"checks", std::move(results)}};
  for (const Detail& detail : details_) body["details"][detail.name] = Redact(detail.tell());
  return body;
}

void AddHealthRoutes(Router& router, const ReadyChecks& checks,
                     std::function<std::string()> more_metrics) {
  for (const char* pattern : {"/health", "/api/v1/health"}) {
    AddOpenGet(router, pattern,
               [](const RoutedRequest&) { return JsonResponse(200, {{"status", "healthy"}}); });
  }
  for (const char* pattern : {"/ready", "/api/v1/health/ready"}) {
    AddOpenGet(router, pattern, [&checks](const RoutedRequest&) {
      bool ready = false;
      const json body = checks.Run(ready);
      return JsonResponse(ready ? 200 : 503, body);
    });
  }
  AddOpenGet(router, "/metrics", [more = std::move(more_metrics)](const RoutedRequest&) {
    const std::string rest = more != nullptr ? more() : "";
    return http::Response{200,
                          {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                          metrics::Default().Serialize() + rest};
  });
}

}  // namespace salve::edge
