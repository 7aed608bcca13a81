// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/cli/command.h"
#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"
#include "controller/runtime/sinks.h"
#include "controller/runtime/start_environment.h"

#include "pkg/base/file_source.h"
#include "pkg/base/log.h"
#include "pkg/healing/explain.h"
#include "pkg/healing/notification_text.h"

namespace salve::commands {
namespace {

constexpr std::size_t kMaxConfigBytes = 1u << 20;

struct NotifyTestOptions {
  std::string sink;
  std::string config;
  std::string output;
};

const apis::config::v1alpha1::SinkConfiguration* FindSink(
    const apis::config::v1alpha1::ControllerConfiguration& configuration, const std::string& name) {
  for (const auto& sink : configuration.sinks) {
    if (sink.name == name) return &sink;
  }
  return nullptr;
}

Status NoSuchSink(const apis::config::v1alpha1::ControllerConfiguration& configuration,
                  const NotifyTestOptions& options) {
  std::string names;
  for (const auto& sink : configuration.sinks) names += (names.empty() ? "" : ", ") + sink.name;
  return NotFoundError(options.config + " has no notification sink named \"" + options.sink +
                       "\"; it has " + (names.empty() ? "none" : names));
}

int Test(const NotifyTestOptions& options) {
  constexpr char kWord[] = "notify test";
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage(kWord, results.status());
  SetLogLevel(Severity::kError);
  if (const Status adopted = runtime::AdoptStartEnvironment(); !adopted.ok()) {
    return cli::Fail(kWord, adopted);
  }
  const auto text = SystemFiles().Read(options.config, kMaxConfigBytes);
  if (!text.ok()) return cli::FailUsage(kWord, text.status().Annotate("--config"));
  const auto configuration = apis::config::v1alpha1::LoadConfiguration(*text, options.config);
  if (!configuration.ok()) return cli::FailUsage(kWord, configuration.status());
  const auto* chosen = FindSink(*configuration, options.sink);
  if (chosen == nullptr) return cli::Fail(kWord, NoSuchSink(*configuration, options));

  Clock& clock = SystemClock();
  const auto environment =
      runtime::MakeWaitingSinkEnvironment(*configuration, clock, SystemRandom());
  if (!environment.ok()) return cli::FailUsage(kWord, environment.status());
  const auto sink = notify::MakeSink(*chosen, *environment);
  const auto answer = sink->Send(healing::BuildTestMessage(options.sink, clock.Now()),
                                 {clock.Monotonic() + notify::kSendTimeout, {}});
  if (!answer.ok()) {
    const Status why = answer.status().Annotate("sink " + options.sink);
    return cli::Fail(kWord, Status(why.code(), healing::EscapeTerminal(why.message())));
  }
  results->Add("sink " + options.sink + " " + healing::EscapeTerminal(*answer) + "\n",
               "sink/" + options.sink, {{"sink", options.sink}, {"answer", *answer}});
  return results->Finish(kExitOk);
}

}  // namespace

void AddNotify(CLI::App& app, int& exit_code) {
  cli::Command command(app, "notify", "Messages to people",
                       "salve notify test oncall --config salve.yaml");
  command.NeedsSub();
  auto options = std::make_shared<NotifyTestOptions>();
  cli::Command test = command.Sub("test", "Send a test message to a sink and say what it answered",
                                  "salve notify test oncall --config salve.yaml");
  test.Option("sink", options->sink, "Name of a sink in the configuration").Required();
  test.Option("--config", options->config, "The controller's configuration file").Required();
  cli::DeclareOutput(test, options->output);
  test.Run(exit_code, [options] { return Test(*options); });
}

}  // namespace salve::commands
