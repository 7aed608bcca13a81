// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <memory>

#include "controller/cli/edge.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/base/clock.h"
#include "pkg/http/url.h"

namespace salve::commands {
namespace {

struct HealthzOptions {
  std::string url = "http://127.0.0.1:8080/health";
  std::string timeout = "5s";
  std::string authority;
  std::string output;
};

StatusOr<http::Response> Fetch(const http::Url& url, const std::string& authority,
                               Duration timeout) {
  SALVE_ASSIGN_OR_RETURN(const auto transport, cli::EdgeTransport(url, authority));
  http::Request request;
  request.target = url.path.empty() ? "/health" : url.path;
  http::CallOptions options;
  options.deadline = SystemClock().Monotonic() + timeout;
  return transport->Send(request, options);
}

int Healthz(const HealthzOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("healthz", results.status());
  const auto timeout = cli::ParseDuration(options.timeout);
  if (!timeout.ok()) return cli::FailUsage("healthz", timeout.status());
  const auto url = http::ParseUrl(options.url);
  if (!url.ok()) return cli::FailUsage("healthz", url.status().Annotate("--url"));
  const auto answer = Fetch(*url, options.authority, *timeout);
  if (!answer.ok()) return cli::Fail("healthz", answer.status().Annotate(options.url));
  const bool well = answer->status == 200;
  // Silent when all is well: it is the exit code that is asked for.
  results->Add(
      "", options.url,
      {{"url", options.url}, {"ok", well}, {"status", answer->status}, {"body", answer->body}});
  if (well || !results->text()) return results->Finish(well ? kExitOk : kExitFailure);
  return cli::Fail("healthz", InternalError(options.url + " answered " +
                                            std::to_string(answer->status) + ": " + answer->body));
}

}  // namespace

void AddHealthz(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<HealthzOptions>();
  cli::Command command(app, "healthz", "Ask a running Salve whether it is well (exit code)",
                       "salve healthz --url http://127.0.0.1:8080/ready");
  command.Option("--url", options->url, "Where to ask");
  command.Option(cli::kAuthorityFlag, options->authority, cli::kAuthorityHelp);
  command.Option("--timeout", options->timeout, "Longest time for the answer").IsDuration();
  cli::DeclareOutput(command, options->output);
  command.Run(exit_code, [options] { return Healthz(*options); });
}

}  // namespace salve::commands
