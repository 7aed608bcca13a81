// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <memory>

#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"
#include <CLI/CLI.hpp>

#include "pkg/base/clock.h"
#include "pkg/http/transports.h"
#include "pkg/http/url.h"

namespace salve::commands {
namespace {

int Ask(const std::string& url) {
  const auto parsed = http::ParseUrl(url);
  if (!parsed.ok()) {
    std::fprintf(stderr, "salve healthz: --url: %s\n", parsed.status().message().c_str());
    return kExitUsage;
  }
  const std::string base =
      parsed->scheme + "://" + parsed->host + ":" + std::to_string(parsed->port);
  auto transport = http::MakeTcpTransport(base, {}, SystemClock());
  if (!transport.ok()) {
    std::fprintf(stderr, "salve healthz: %s\n", transport.status().message().c_str());
    return kExitUsage;
  }
  http::Request request;
  request.target = parsed->path.empty() ? "/health" : parsed->path;
  http::CallOptions options;
  options.deadline = SystemClock().Monotonic() + std::chrono::seconds(5);
  const auto answer = (*transport)->Send(request, options);
  if (!answer.ok()) {
    std::fprintf(stderr, "salve healthz: %s: %s\n", url.c_str(), answer.status().message().c_str());
    return answer.code() == Code::kDeadlineExceeded ? kExitTimeout : kExitUnreachable;
  }
  if (answer->status == 200) return kExitOk;
  std::fprintf(stderr, "salve healthz: %s answered %d: %s\n", url.c_str(), answer->status,
               answer->body.c_str());
  return kExitFailure;
}

}  // namespace

void AddHealthz(CLI::App& app, int& exit_code) {
  auto url = std::make_shared<std::string>("http://127.0.0.1:8080/health");
  CLI::App* command =
      app.add_subcommand("healthz", "Ask a running Salve whether it is well (exit code)");
  command->add_option("--url", *url, "Where to ask")->capture_default_str();
  command->footer("Example:\n  salve healthz --url http://127.0.0.1:8080/ready");
  command->callback([url, &exit_code] { exit_code = Ask(*url); });
}

}  // namespace salve::commands
