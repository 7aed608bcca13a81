// SPDX-License-Identifier: Apache-2.0
#include "controller/commands/commands.h"

#include <string_view>
#include <vector>

#include "controller/cli/usage.h"
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

// As `kubectl-salve` on the PATH it is `kubectl salve`, and calls itself so.
const char* NameOf(int argc, char** argv) {
  const std::string_view path = argc > 0 ? argv[0] : "";
  const std::size_t slash = path.rfind('/');
  const std::string_view file = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return file == "kubectl-salve" ? "kubectl salve" : "salve";
}

// Commands as `salve --help` lists them.
struct Group {
  const char* title;
  std::vector<void (*)(CLI::App&, int&)> commands;
};

}  // namespace

void Declare(CLI::App& app, int& exit_code) {
  app.require_subcommand(1);
  app.set_version_flag("--version", "salve " SALVE_VERSION);
  app.failure_message([](const CLI::App* root, const CLI::Error& error) {
    return cli::UsageMessage(*root, error);
  });
  const Group groups[] = {
      {"Run Salve", {AddStandalone, AddController, AddPreflight, AddHealthz, AddNotify}},
      {"See what goes on",
       {AddWhy, AddTimeline, AddReport, AddGet, AddDescribe, AddSignals, AddAudit, AddSimulate,
        AddReplay, AddRules}},
      {"Decide", {AddApprove, AddReject, AddCancel, AddRestart, AddPause, AddResume}},
      {"Change resources", {AddApply, AddPatch, AddDelete, AddWait, AddExport}},
      {"Administer salve standalone", {AddToken, AddBackup, AddRestore}},
      {"Break things on purpose", {AddInject}},
      {"This program", {AddCompletion, AddVersion}},
  };
  for (const Group& group : groups) {
    for (const auto add : group.commands) {
      add(app, exit_code);
      app.get_subcommands([](const CLI::App*) { return true; }).back()->group(group.title);
    }
  }
}

int Run(int argc, char** argv) {
  LimitHeap();
  CLI::App app(
      "Watches services, finds out why they are ill, and heals them within the limits you set.",
      NameOf(argc, argv));
  int exit_code = kExitOk;
  Declare(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return exit_code;
}

}  // namespace salve::commands
