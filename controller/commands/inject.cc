// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"
#include "controller/inject/injector.h"

#include "pkg/healing/explain.h"

namespace salve::commands {
namespace {

struct InjectOptions {
  inject::Request request;
  std::string timeout = "60s";
  std::string output;
};

int Run(const InjectOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("inject", results.status());
  const auto timeout = cli::ParseDuration(options.timeout);
  if (!timeout.ok()) return cli::FailUsage("inject", timeout.status());
  const auto engine = inject::MakeEngine(SystemClock());
  if (!engine.ok()) return cli::Fail("inject", engine.status());
  const auto proof = inject::Inject(**engine, options.request, SystemClock(),
                                    SystemClock().Monotonic() + *timeout);
  if (!proof.ok()) return cli::Fail("inject", proof.status());
  results->Add(healing::EscapeTerminal(*proof) + "\n", options.request.container,
               {{"fault", options.request.fault},
                {"container", options.request.container},
                {"undone", options.request.undo},
                {"proof", *proof}});
  return results->Finish(kExitOk);
}

}  // namespace

void AddInject(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<InjectOptions>();
  cli::Command command(app, "inject",
                       "Break a container on purpose; only one labelled salve.dev/inject=allowed",
                       "salve inject redis-memory --container redis-test");
  command.Option("fault", options->request.fault, "What to break")
      .Required()
      .OneOf(inject::Faults());
  command.Option("--container", options->request.container, "Name of the container").Required();
  command.Option("--port", options->request.port, "Port of the service; 0: as its command says");
  command.Option("--user", options->request.user, "PostgreSQL user; default the container's");
  command.Option("--timeout", options->timeout, "Longest time until the service must refuse")
      .IsDuration();
  command.Flag("--undo", options->request.undo, "Take the fault away again");
  cli::DeclareOutput(command, options->output);
  command.Run(exit_code, [options] { return Run(*options); });
}

}  // namespace salve::commands
