// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/completion.h"

#include <memory>

#include "controller/cli/command.h"
#include "controller/cli/output.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

namespace salve::commands {

void AddCompletion(CLI::App& app, int& exit_code) {
  auto shell = std::make_shared<std::string>();
  cli::Command command(app, "completion", "Print a script that completes salve's words in a shell",
                       "source <(salve completion bash)\n  salve completion fish | source");
  command.Option("shell", *shell, "bash, zsh or fish").Required().OneOf({"bash", "zsh", "fish"});
  command.Run(exit_code, [shell, &app] {
    return cli::Print(cli::CompletionScript(app, *shell)) ? kExitOk : kExitFailure;
  });
}

}  // namespace salve::commands
