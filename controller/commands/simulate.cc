// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/simulate.h"

#include <memory>

#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"
#include "controller/commands/policy_files.h"
#include "controller/commands/simulated.h"
#include "controller/runtime/start_environment.h"

#include "pkg/apis/codec.h"
#include "pkg/base/log.h"
#include "pkg/healing/explain.h"

namespace salve::commands {
namespace {

namespace v1 = apis::salve::v1alpha1;

struct SimulateOptions {
  std::string file;
  std::string config;
  std::string secret_root;
  std::string output;
};

StatusOr<std::vector<v1::HealingPolicy>> ReadPolicies(const std::string& file) {
  SALVE_ASSIGN_OR_RETURN(PolicyFiles files, ReadPolicyFiles(file));
  if (!files.guardrails.empty()) {
    return InvalidArgumentError(file + ": guardrail " + files.guardrails.front().metadata.name +
                                ": simulate knows no guardrails; leave it out");
  }
  return std::move(files.policies);
}

}  // namespace

std::string SimulatedText(const v1::HealingPolicy& policy, const runtime::SimulatedTarget& target) {
  std::string text = "policy " + policy.metadata.name + ", target " + target.name + ": " +
                     (target.healthy ? "healthy, nothing would be done" : "ill") + " (" +
                     target.message + ")";
  text = healing::EscapeTerminal(text) + "\n";
  if (target.healthy) return text;
  for (const std::string& line : healing::Why(target.incident, &policy, SystemClock().Now())) {
    text += "  " + line + "\n";
  }
  return text;
}

namespace {

int Simulate(const SimulateOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("simulate", results.status());
  SetLogLevel(Severity::kError);
  const auto policies = ReadPolicies(options.file);
  if (!policies.ok()) return cli::Fail("simulate", policies.status());
  if (const Status adopted = runtime::AdoptStartEnvironment(); !adopted.ok()) {
    return cli::Fail("simulate", adopted);
  }
  const auto configuration = runtime::ReadConfiguration(options.config);
  if (!configuration.ok()) return cli::Fail("simulate", configuration.status());
  for (const v1::HealingPolicy& policy : *policies) {
    const auto targets = runtime::Simulate(policy, *configuration, options.secret_root,
                                           SystemClock(), SystemRandom());
    if (!targets.ok()) return cli::Fail("simulate", targets.status());
    for (const runtime::SimulatedTarget& target : *targets) {
      results->Add(SimulatedText(policy, target), policy.metadata.name + "/" + target.name,
                   {{"policy", policy.metadata.name},
                    {"target", target.name},
                    {"healthy", target.healthy},
                    {"message", target.message},
                    {"status", apis::Encode(target.incident.status)}});
    }
  }
  return results->Finish(kExitOk, true);
}

}  // namespace

void AddSimulate(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<SimulateOptions>();
  cli::Command command(app, "simulate",
                       "Show what would happen now under a policy, gates included; nothing is done",
                       "salve simulate -f policy.yaml");
  command.Option("-f,--filename", options->file, "File with the policies; - is standard input")
      .Required();
  command.Option("--config", options->config, "ControllerConfiguration file (YAML)");
  command.Option("--secrets", options->secret_root,
                 "Directory of the secret files that policies name");
  cli::DeclareOutput(command, options->output);
  command.Run(exit_code, [options] { return Simulate(*options); });
}

}  // namespace salve::commands
