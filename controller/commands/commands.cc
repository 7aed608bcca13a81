// SPDX-License-Identifier: Apache-2.0
#include "controller/commands/commands.h"

#include "controller/commands/exit_codes.h"
#include <CLI/CLI.hpp>
#include <malloc.h>

namespace salve::commands {
namespace {

// Memory that one thread freed must be good for another: the default of eight arenas a core costs
// more than the whole program.
void LimitHeap() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
}

}  // namespace

int Run(int argc, char** argv) {
  LimitHeap();
  CLI::App app(
      "Watches services, finds out why they are ill, and heals them within the limits you set.",
      "salve");
  app.require_subcommand(1);
  int exit_code = kExitOk;
  AddStandalone(app, exit_code);
  AddGet(app, exit_code);
  AddApply(app, exit_code);
  AddWait(app, exit_code);
  AddApprove(app, exit_code);
  AddReject(app, exit_code);
  AddWhy(app, exit_code);
  AddReport(app, exit_code);
  AddInject(app, exit_code);
  AddTimeline(app, exit_code);
  AddCancel(app, exit_code);
  AddPause(app, exit_code);
  AddResume(app, exit_code);
  AddDelete(app, exit_code);
  AddToken(app, exit_code);
  AddBackup(app, exit_code);
  AddRestore(app, exit_code);
  AddExport(app, exit_code);
  AddDescribe(app, exit_code);
  AddRules(app, exit_code);
  AddSimulate(app, exit_code);
  AddPreflight(app, exit_code);
  AddCompletion(app, exit_code);
  AddHealthz(app, exit_code);
  AddVersion(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return exit_code;
}

}  // namespace salve::commands
