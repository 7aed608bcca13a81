// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_COMMANDS_COMMANDS_H_
#define SALVE_CONTROLLER_COMMANDS_COMMANDS_H_

namespace CLI {
class App;
}

// The words that `salve` understands. Each Add… function declares one command with its options, its help and
// its callback; the callback leaves the process's exit code in `exit_code`.
namespace salve::commands {

// Parses the command line and runs the command; returns the exit code (docs/cli.md lists them).
int Run(int argc, char** argv);

void AddStandalone(CLI::App& app, int& exit_code);
void AddGet(CLI::App& app, int& exit_code);
void AddApply(CLI::App& app, int& exit_code);
void AddWait(CLI::App& app, int& exit_code);
void AddApprove(CLI::App& app, int& exit_code);
void AddReject(CLI::App& app, int& exit_code);
void AddWhy(CLI::App& app, int& exit_code);
void AddReport(CLI::App& app, int& exit_code);
void AddHealthz(CLI::App& app, int& exit_code);
void AddVersion(CLI::App& app, int& exit_code);

}  // namespace salve::commands

#endif  // SALVE_CONTROLLER_COMMANDS_COMMANDS_H_
