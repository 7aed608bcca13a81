// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

namespace salve::commands {
namespace {

#if defined(__aarch64__)
constexpr char kPlatform[] = "linux/arm64";
#else
constexpr char kPlatform[] = "linux/amd64";
#endif

int Version(const std::string& output) {
  auto results = cli::Results::Make(output);
  if (!results.ok()) return cli::FailUsage("version", results.status());
  results->Add("salve " SALVE_VERSION "\n", SALVE_VERSION,
               {{"version", SALVE_VERSION},
                {"compiler", __VERSION__},
                {"platform", kPlatform},
                {"apiVersions", {"salve.dev/v1alpha1", "config.salve.dev/v1alpha1"}}});
  return results->Finish(kExitOk);
}

}  // namespace

void AddVersion(CLI::App& app, int& exit_code) {
  auto output = std::make_shared<std::string>();
  cli::Command command(app, "version", "Print the version", "salve version -o json");
  cli::DeclareOutput(command, *output);
  command.Run(exit_code, [output] { return Version(*output); });
}

}  // namespace salve::commands
