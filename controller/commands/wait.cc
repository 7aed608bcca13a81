// SPDX-License-Identifier: Apache-2.0
#include <memory>

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

// The first wait after a broken watch; it is doubled up to a second.
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{1000};

struct WaitOptions {
  cli::ClientOptions client;
  std::vector<std::string> arguments;
  std::string condition;
  std::string timeout = "30s";
  std::string labels;
  std::string output;
  bool all = false;
};

}  // namespace

Status WaitForOne(cli::Session& session, const Selected& what, const cli::WaitFor& condition,
                  MonoTime deadline) {
  const std::string label = what.type.info.plural + "/" + what.name;
  const auto timeout = [&](const std::string& last) {
    return DeadlineExceededError("timed out waiting for " + condition.text() + " on " + label +
                                 (last.empty() ? "" : "; the last answer was: " + last));
  };
  client::ListOptions list;
  list.ns = what.type.info.namespaced ? what.ns : "";
  list.field_selector = "metadata.name=" + what.name;
  auto pause = kFirstPause;
  bool seen = false;
  // Looks at least once: --timeout=0 asks whether it holds now.
  for (;;) {
    const auto now = session.client().List(what.type.info, list);
    if (!now.ok() && now.code() != Code::kUnavailable && now.code() != Code::kAborted)
      return now.status();
    if (now.ok()) {
      const Json* object = now->items.empty() ? nullptr : &now->items[0];
      if (condition.Holds(object)) return Status::Ok();
      if (object == nullptr && !condition.waits_for_creation()) {
        return NotFoundError(label + (seen ? " was deleted meanwhile" : " is not there"));
      }
      seen = object != nullptr;
      client::WatchOptions watch{list.ns, "", list.field_selector, now->resource_version};
      auto stream = session.client().Watch(what.type.info, watch);
      while (stream.ok() && SystemClock().Monotonic() < deadline) {
        const auto event = (*stream)->Next(deadline);
        if (!event.ok() && event.code() == Code::kDeadlineExceeded) return timeout("");
        if (!event.ok() || !event->has_value()) break;
        if ((*event)->type == client::WatchEvent::Type::kBookmark) continue;
        const bool deleted = (*event)->type == client::WatchEvent::Type::kDeleted;
        if (condition.Holds(deleted ? nullptr : &(*event)->object)) return Status::Ok();
        if (deleted) break;  // read again: it may have come back
        pause = kFirstPause;
      }
    }
    if (SystemClock().Monotonic() >= deadline) return timeout(now.status().message());
    cli::WaitUntil(SystemClock(), std::min(deadline, SystemClock().Monotonic() + pause));
    pause = std::min(pause * 2, kLongestPause);
  }
}

StatusOr<std::vector<Selected>> ObjectsOf(cli::Session& session,
                                          const std::vector<std::string>& arguments,
                                          const std::string& labels, bool all) {
  SALVE_ASSIGN_OR_RETURN(const auto wanted, cli::ParseWanted(arguments));
  std::vector<Selected> selected;
  for (const cli::Wanted& want : wanted) {
    SALVE_ASSIGN_OR_RETURN(const auto types, session.Kinds(want.type));
    for (const cli::ResourceType& type : types) {
      for (const std::string& name : want.names) selected.push_back({type, session.ns(), name});
      if (!want.names.empty()) continue;
      if (labels.empty() && !all) return InvalidArgumentError("say which: a name, -l or --all");
      client::ListOptions list;
      list.ns = type.info.namespaced ? session.ns() : "";
      list.label_selector = labels;
      SALVE_ASSIGN_OR_RETURN(const auto found, session.client().List(type.info, list));
      for (const Json& item : found.items) {
        selected.push_back({type, list.ns, cli::TextAt(item, {"metadata", "name"})});
      }
    }
  }
  return selected;
}

namespace {

StatusOr<std::vector<Selected>> Plan(const WaitOptions& options, cli::Session& session) {
  SALVE_ASSIGN_OR_RETURN(auto waiting,
                         ObjectsOf(session, options.arguments, options.labels, options.all));
  if (waiting.empty()) return NotFoundError("no matching resources");
  return waiting;
}

int Wait(const WaitOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("wait", results.status());
  const auto condition = cli::WaitFor::Parse(options.condition);
  const auto timeout = cli::ParseDuration(options.timeout);
  if (!condition.ok() || !timeout.ok()) {
    return cli::FailUsage("wait", condition.ok() ? timeout.status() : condition.status());
  }
  const MonoTime deadline = SystemClock().Monotonic() + *timeout;
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("wait", session.status());
  const auto waiting = Plan(options, **session);
  if (!waiting.ok()) return cli::FailUsage("wait", waiting.status());
  int exit_code = kExitOk;
  for (const Selected& what : *waiting) {
    const Status status = WaitForOne(**session, what, *condition, deadline);
    if (!status.ok()) {
      exit_code = cli::Fail("wait", status);
      continue;
    }
    const std::string label = what.type.Prefix() + "/" + what.name;
    results->Add(label + " condition met\n", label,
                 {{"kind", what.type.info.kind},
                  {"name", what.name},
                  {"namespace", what.type.info.namespaced ? what.ns : ""},
                  {"met", condition->text()}});
  }
  return results->Finish(exit_code);
}

}  // namespace

void AddWait(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<WaitOptions>();
  cli::Command command(app, "wait",
                       "Wait until a resource is as you say; exit code 124 if time runs out",
                       "salve wait --for=condition=Resolved incident/redis-1 --timeout=90s");
  command.Options("what", options->arguments, "TYPE NAME… or TYPE/NAME…").Required();
  command
      .Option("--for", options->condition,
              "condition=TYPE[=VALUE], jsonpath=PATH=VALUE, create or delete")
      .Required();
  command.Option("--timeout", options->timeout, "Longest time for all of them").IsDuration();
  command.Option("-l,--selector", options->labels, "Those with these labels");
  command.Flag("--all", options->all, "All of the type in the namespace");
  cli::DeclareOutput(command, options->output);
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Wait(*options); });
}

}  // namespace salve::commands
