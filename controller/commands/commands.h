// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_COMMANDS_COMMANDS_H_
#define SALVE_CONTROLLER_COMMANDS_COMMANDS_H_

namespace CLI {
class App;
}

// The words that `salve` understands. Each Add… function declares one command with its options, its
// help and its callback; the callback leaves the process's exit code in `exit_code`.
namespace salve::commands {

// Parses the command line and runs the command; returns the exit code (docs/cli.md lists them).
int Run(int argc, char** argv);

// Declares every command on `app`; what one returns becomes `exit_code`.
void Declare(CLI::App& app, int& exit_code);

void AddController(CLI::App& app, int& exit_code);
void AddStandalone(CLI::App& app, int& exit_code);
void AddGet(CLI::App& app, int& exit_code);
void AddApply(CLI::App& app, int& exit_code);
void AddWait(CLI::App& app, int& exit_code);
void AddApprove(CLI::App& app, int& exit_code);
void AddReject(CLI::App& app, int& exit_code);
void AddWhy(CLI::App& app, int& exit_code);
void AddReport(CLI::App& app, int& exit_code);
void AddInject(CLI::App& app, int& exit_code);
void AddTimeline(CLI::App& app, int& exit_code);
void AddCancel(CLI::App& app, int& exit_code);
void AddPause(CLI::App& app, int& exit_code);
void AddResume(CLI::App& app, int& exit_code);
void AddDelete(CLI::App& app, int& exit_code);
void AddPatch(CLI::App& app, int& exit_code);
void AddToken(CLI::App& app, int& exit_code);
void AddBackup(CLI::App& app, int& exit_code);
void AddRestore(CLI::App& app, int& exit_code);
void AddExport(CLI::App& app, int& exit_code);
void AddAudit(CLI::App& app, int& exit_code);
void AddDescribe(CLI::App& app, int& exit_code);
void AddRules(CLI::App& app, int& exit_code);
void AddPreflight(CLI::App& app, int& exit_code);
void AddCompletion(CLI::App& app, int& exit_code);
void AddSignals(CLI::App& app, int& exit_code);
void AddRestart(CLI::App& app, int& exit_code);
void AddSimulate(CLI::App& app, int& exit_code);
void AddReplay(CLI::App& app, int& exit_code);
void AddHealthz(CLI::App& app, int& exit_code);
void AddNotify(CLI::App& app, int& exit_code);
void AddVersion(CLI::App& app, int& exit_code);

}  // namespace salve::commands

#endif  // SALVE_CONTROLLER_COMMANDS_COMMANDS_H_
