// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "controller/cli/incidents.h"
#include "controller/cli/input.h"
#include "controller/cli/output.h"
#include "controller/cli/pauses.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/base/time_format.h"
#include "pkg/client/wire.h"

// The commands that change one field or take an object away: cancel, pause, resume, delete.
namespace salve::commands {
namespace {

using cli::Json;
namespace v1 = cli::v1;

// A person's edit may meet the controller's; it is made again on what is there then.
constexpr int kMaxTries = 5;

int UsageOr(const char* word, const Status& status) {
  const int code = cli::Fail(word, status);
  return status.code() == Code::kInvalidArgument ? kExitUsage : code;
}

// --- cancel
// -----------------------------------------------------------------------------------------------

struct CancelOptions {
  cli::ClientOptions client;
  std::string incident;
  bool yes = false;
};

int Cancel(const CancelOptions& options) {
  const std::string name = cli::BareName(options.incident);
  if (const Status sure = cli::Confirm("Cancel incident " + name + "?", options.yes); !sure.ok()) {
    return UsageOr("cancel", sure);
  }
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("cancel", session.status());
  const auto done =
      (*session)->client().Patch(v1::Incident::kInfo, {(*session)->ns(), name},
                                 client::PatchType::kMerge, {{"spec", {{"cancel", true}}}}, {});
  if (!done.ok()) return cli::Fail("cancel", done.status());
  cli::Print("incident.salve.dev/" + name + " will end after what is running\n");
  return kExitOk;
}

// --- pause and resume
// ---------------------------------------------------------------------------------------

struct PauseOptions {
  cli::ClientOptions client;
  std::string policy;
  std::string duration;
  std::string reason;
  bool all = false;
};

StatusOr<std::vector<std::string>> Policies(const PauseOptions& options, cli::Session& session) {
  if (options.policy.empty() != options.all) {
    return InvalidArgumentError("say which: the name of one policy, or --all");
  }
  if (!options.all) return std::vector<std::string>{cli::BareName(options.policy)};
  client::ListOptions list;
  list.ns = session.ns();
  SALVE_ASSIGN_OR_RETURN(const auto found, session.client().List(v1::HealingPolicy::kInfo, list));
  std::vector<std::string> names;
  for (const Json& item : found.items) names.push_back(cli::TextAt(item, {"metadata", "name"}));
  return names;
}

// Changes spec.pauses of one policy by `edit`; the version that was read must still be the stored
// one.
template <class Edit>
Status EditPauses(cli::Session& session, const std::string& name, const Edit& edit) {
  Status last;
  for (int i = 0; i < kMaxTries; ++i) {
    SALVE_ASSIGN_OR_RETURN(const Json policy,
                           session.client().Get(v1::HealingPolicy::kInfo, {session.ns(), name}));
    const Json before = cli::PausesOf(policy);
    const Json after = edit(before);
    if (after == before) return Status::Ok();
    const Json patch = {
        {"metadata", {{"resourceVersion", cli::TextAt(policy, {"metadata", "resourceVersion"})}}},
        {"spec", {{"pauses", after}}}};
    last = session.client()
               .Patch(v1::HealingPolicy::kInfo, {session.ns(), name}, client::PatchType::kMerge,
                      patch, {})
               .status();
    if (last.code() != Code::kConflict) return last;
  }
  return last;
}

int PauseOrResume(const char* word, const PauseOptions& options) {
  const bool pause = std::string(word) == "pause";
  std::string until;
  if (!options.duration.empty()) {
    const auto duration = cli::ParseDuration(options.duration);
    if (!duration.ok()) return UsageOr(word, duration.status());
    until = FormatTime(SystemClock().Now() + *duration);
  }
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail(word, session.status());
  const auto names = Policies(options, **session);
  if (!names.ok()) return UsageOr(word, names.status());
  const auto me = (*session)->WhoAmI();
  if (!me.ok()) return cli::Fail(word, me.status());
  int exit_code = kExitOk;
  for (const std::string& name : *names) {
    const Status status = EditPauses(**session, name, [&](const Json& pauses) {
      return pause ? cli::AddPause(pauses, cli::PauseName(*me), options.reason, until)
                   : cli::RemovePauses(pauses);
    });
    if (!status.ok()) {
      exit_code = cli::Fail(word, status);
      continue;
    }
    cli::Print("healingpolicy.salve.dev/" + name +
               (!pause          ? " resumed"
                : until.empty() ? " paused until salve resume"
                                : " paused until " + until) +
               "\n");
  }
  return exit_code;
}

// --- delete
// -------------------------------------------------------------------------------------------------

struct DeleteOptions {
  cli::ClientOptions client;
  std::vector<std::string> arguments;
  std::vector<std::string> files;
  std::string labels;
  bool all = false;
  bool ignore_not_found = false;
  bool yes = false;
};

struct Doomed {
  cli::ResourceType type;
  std::string ns;
  std::string name;
};

Status AddFromFiles(const DeleteOptions& options, cli::Session& session,
                    std::vector<Doomed>& doomed) {
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

StatusOr<std::vector<Doomed>> PlanDelete(const DeleteOptions& options, cli::Session& session) {
  std::vector<Doomed> doomed;
  SALVE_RETURN_IF_ERROR(AddFromFiles(options, session, doomed));
  if (!options.files.empty() && options.arguments.empty()) return doomed;
  SALVE_ASSIGN_OR_RETURN(const auto wanted, cli::ParseWanted(options.arguments));
  for (const cli::Wanted& want : wanted) {
    SALVE_ASSIGN_OR_RETURN(const auto types, session.Kinds(want.type));
    for (const cli::ResourceType& type : types) {
      for (const std::string& name : want.names) doomed.push_back({type, session.ns(), name});
      if (!want.names.empty()) continue;
      if (options.labels.empty() && !options.all) {
        return InvalidArgumentError("say which: a name, -l or --all");
      }
      client::ListOptions list;
      list.ns = session.ns();
      list.label_selector = options.labels;
      SALVE_ASSIGN_OR_RETURN(const auto found, session.client().List(type.info, list));
      for (const Json& item : found.items) {
        doomed.push_back({type, session.ns(), cli::TextAt(item, {"metadata", "name"})});
      }
    }
  }
  return doomed;
}

int Delete(const DeleteOptions& options) {
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("delete", session.status());
  const auto doomed = PlanDelete(options, **session);
  if (!doomed.ok()) return UsageOr("delete", doomed.status());
  std::string question = "Delete";
  for (const Doomed& one : *doomed) question += " " + one.type.Prefix() + "/" + one.name;
  if (!doomed->empty()) {
    if (const Status sure = cli::Confirm(question + "?", options.yes); !sure.ok()) {
      return UsageOr("delete", sure);
    }
  }
  int exit_code = kExitOk;
  for (const Doomed& one : *doomed) {
    const Status status = (*session)->client().Delete(one.type.info, {one.ns, one.name}, {});
    if (status.ok()) {
      cli::Print(one.type.Prefix() + " \"" + one.name + "\" deleted\n");
    } else if (!options.ignore_not_found || status.code() != Code::kNotFound) {
      exit_code = cli::Fail("delete", status);
    }
  }
  return exit_code;
}

void AddPauseOrResume(CLI::App& app, int& exit_code, const char* word, const char* description,
                      const char* example) {
  auto options = std::make_shared<PauseOptions>();
  cli::Command command(app, word, description, example);
  command.Option("policy", options->policy, "Name of the policy");
  command.Flag("--all", options->all, "All policies of the namespace");
  if (std::string(word) == "pause") {
    command.Option("--for", options->duration,
                   "For so long, as 1h30m; without it until salve resume");
    command.Option("--reason", options->reason, "Why; shown by get and why");
  }
  Declare(command, options->client);
  command.Run(exit_code, [word, options] { return PauseOrResume(word, *options); });
}

}  // namespace

void AddCancel(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CancelOptions>();
  cli::Command command(app, "cancel", "End an incident after what is running",
                       "salve cancel redis-1 --yes");
  command.Option("incident", options->incident, "Name of the incident").Required();
  command.Flag("-y,--yes", options->yes, "Do not ask");
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Cancel(*options); });
}

void AddPause(CLI::App& app, int& exit_code) {
  AddPauseOrResume(app, exit_code, "pause", "Keep policies from acting for a while",
                   "salve pause redis --for 1h --reason \"moving the data\"");
}

void AddResume(CLI::App& app, int& exit_code) {
  AddPauseOrResume(app, exit_code, "resume", "Take back what salve pause did",
                   "salve resume redis");
}

void AddDelete(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DeleteOptions>();
  cli::Command command(app, "delete", "Delete resources", "salve delete healingpolicy/redis --yes");
  command.Options("what", options->arguments, "TYPE NAME… or TYPE/NAME…");
  command.Options("-f,--filename", options->files,
                  "What stands in this file, directory or - (stdin)");
  command.Option("-l,--selector", options->labels, "Those with these labels");
  command.Flag("--all", options->all, "All of the type in the namespace");
  command.Flag("--ignore-not-found", options->ignore_not_found, "What is not there is no error");
  command.Flag("-y,--yes", options->yes, "Do not ask");
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Delete(*options); });
}

}  // namespace salve::commands
