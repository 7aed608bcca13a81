// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"
#include <CLI/CLI.hpp>

namespace salve::commands {

void AddVersion(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  command->footer("Example:\n  salve version");
  command->callback([&exit_code] {
    std::puts("salve " SALVE_VERSION);
    exit_code = kExitOk;
  });
}

}  // namespace salve::commands
