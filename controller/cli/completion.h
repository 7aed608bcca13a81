// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_COMPLETION_H_
#define SALVE_CONTROLLER_CLI_COMPLETION_H_

#include <string>

namespace CLI {
class App;
}

namespace salve::cli {

// A script that completes the words and options of `root` in "bash", "zsh" or "fish"; made from the
// declared command line, so it never lags behind. "" for another shell.
std::string CompletionScript(const CLI::App& root, const std::string& shell);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_COMPLETION_H_
