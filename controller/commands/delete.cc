// SPDX-License-Identifier: Apache-2.0
#include <iterator>
#include <memory>

#include "controller/cli/input.h"
#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/cli/wait_for.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"
#include "controller/commands/waiting.h"

namespace salve::commands {
namespace {

using cli::Json;

struct DeleteOptions {
  cli::ClientOptions client;
  std::vector<std::string> arguments;
  std::vector<std::string> files;
  std::string labels;
  std::string timeout = "5m";
  std::string output;
  bool all = false;
  bool ignore_not_found = false;
  bool wait = true;
  bool yes = false;
};

Status AddFromFiles(const DeleteOptions& options, cli::Session& session,
                    std::vector<Selected>& doomed) {
  std::vector<Status> errors;
  for (const std::string& file : options.files) {
    for (const cli::InputObject& input : cli::ReadObjects(file, errors)) {
      SALVE_ASSIGN_OR_RETURN(const auto type, session.KindOf(input.value));
      const std::string ns = cli::TextAt(input.value, {"metadata", "namespace"});
      doomed.push_back(
          {type, ns.empty() ? session.ns() : ns, cli::TextAt(input.value, {"metadata", "name"})});
    }
  }
  return errors.empty() ? Status::Ok() : errors.front();
}

StatusOr<std::vector<Selected>> Plan(const DeleteOptions& options, cli::Session& session) {
  std::vector<Selected> doomed;
  SALVE_RETURN_IF_ERROR(AddFromFiles(options, session, doomed));
  if (!options.files.empty() && options.arguments.empty()) return doomed;
  SALVE_ASSIGN_OR_RETURN(auto named,
                         ObjectsOf(session, options.arguments, options.labels, options.all));
  doomed.insert(doomed.end(), std::make_move_iterator(named.begin()),
                std::make_move_iterator(named.end()));
  return doomed;
}

Status Confirm(const DeleteOptions& options, const std::vector<Selected>& doomed) {
  if (doomed.empty()) return Status::Ok();
  std::string question = "Delete";
  for (const Selected& one : doomed) question += " " + one.type.Prefix() + "/" + one.name;
  return cli::Confirm(question + "?", options.yes);
}

// Some end something first: a policy its incidents, a namespace what is in it.
Status AwaitEnd(cli::Session& session, const Selected& one, MonoTime deadline) {
  const auto gone = cli::WaitFor::Parse("delete");
  if (!gone.ok()) return gone.status();
  return WaitForOne(session, one, *gone, deadline);
}

int Delete(const DeleteOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("delete", results.status());
  const auto timeout = cli::ParseDuration(options.timeout);
  if (!timeout.ok()) return cli::FailUsage("delete", timeout.status());
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("delete", session.status());
  const auto doomed = Plan(options, **session);
  if (!doomed.ok()) return cli::FailUsage("delete", doomed.status());
  if (const Status sure = Confirm(options, *doomed); !sure.ok()) {
    return cli::FailUsage("delete", sure);
  }
  int exit_code = kExitOk;
  std::vector<Selected> awaited;
  for (const Selected& one : *doomed) {
    const Status status = (*session)->client().Delete(one.type.info, {one.ns, one.name}, {});
    if (status.ok()) {
      const std::string label = one.type.Prefix() + "/" + one.name;
      results->Add(one.type.Prefix() + " \"" + one.name + "\" deleted\n", label,
                   {{"apiVersion", one.type.info.ApiVersion()},
                    {"kind", one.type.info.kind},
                    {"metadata", {{"name", one.name}, {"namespace", one.ns}}}});
      awaited.push_back(one);
    } else if (!options.ignore_not_found || status.code() != Code::kNotFound) {
      exit_code = cli::Fail("delete", status);
    }
  }
  const MonoTime deadline = SystemClock().Monotonic() + *timeout;
  for (const Selected& one : awaited) {
    if (!options.wait) break;
    if (const Status status = AwaitEnd(**session, one, deadline); !status.ok()) {
      exit_code = cli::Fail("delete", status);
    }
  }
  return results->Finish(exit_code);
}

}  // namespace

void AddDelete(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DeleteOptions>();
  cli::Command command(app, "delete", "Delete resources and wait until they are gone",
                       "salve delete healingpolicy/redis --yes\n"
                       "  salve delete -f manifests/ --timeout 30s --yes");
  command.Options("what", options->arguments, "TYPE NAME… or TYPE/NAME…");
  command.Options("-f,--filename", options->files,
                  "What stands in this file, directory or - (stdin)");
  command.Option("-l,--selector", options->labels, "Those with these labels");
  command.Flag("--all", options->all, "All of the type in the namespace");
  command.Flag("--ignore-not-found", options->ignore_not_found, "What is not there is no error");
  command.Flag("--wait", options->wait, "Come back when they are gone; --wait=false: at once");
  command
      .Option("--timeout", options->timeout,
              "Longest time to wait for the end; exit code 124 if it is not enough")
      .IsDuration();
  command.Flag("-y,--yes", options->yes, "Do not ask");
  cli::DeclareOutput(command, options->output);
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Delete(*options); });
}

}  // namespace salve::commands
