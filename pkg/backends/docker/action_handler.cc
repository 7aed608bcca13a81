// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/action_handler.h"

#include <utility>

#include "pkg/backends/text.h"

namespace salve::backends::docker {
namespace {

using healing::ActionResult;

// runc's words when the program itself cannot be started; the engine sends them as its output.
bool DidNotStart(const ExecOutput& output) {
  return (output.exit_code == 126 || output.exit_code == 127) &&
         (output.stdout_text + output.stderr_text).find("OCI runtime exec failed") !=
             std::string::npos;
}

}  // namespace

StatusOr<ActionResult> Doubt(const Status& status) {
  if (MayHaveBeenDone(status.code())) return Unknown(status.message());
  return status;
}

healing::ActionPlan NewPlan(const healing::Action& action, const Subject& subject) {
  healing::ActionPlan plan;
  plan.action = action;
  plan.target = subject.ref;
  plan.affected = {"container " + subject.container.name};
  return plan;
}

std::string ExecCommand(const Subject& subject, const std::vector<std::string>& argv) {
  return "docker exec " + subject.container.name + " " + ShellQuote(argv);
}

StatusOr<ActionResult> RunInside(const ActionTools& tools, const Subject& subject, ExecSpec spec,
                                 const CallContext& context) {
  if (tools.exec_environment) {
    for (const auto& [name, value] : tools.exec_environment(subject.ref)) {
      spec.env.push_back(name + "=" + value);
    }
  }
  const MonoTime begin = tools.clock.Monotonic();
  auto output = tools.client.Exec(subject.container.id, spec, context);
  if (!output.ok()) return Doubt(output.status());
  if (DidNotStart(*output)) {
    return InvalidArgumentError("container " + subject.container.name + " cannot run " +
                                spec.argv.front() + ": " +
                                Printable(Trim(output->stdout_text + output->stderr_text), 300));
  }
  ActionResult result = Applied("exit code " + std::to_string(output->exit_code));
  result.exit_code = output->exit_code;
  result.stdout_text = std::move(output->stdout_text);
  result.stderr_text = std::move(output->stderr_text);
  result.duration = tools.clock.Monotonic() - begin;
  return result;
}

}  // namespace salve::backends::docker
