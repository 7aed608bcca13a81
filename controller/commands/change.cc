// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "controller/cli/incidents.h"
#include "controller/cli/next.h"
#include "controller/cli/output.h"
#include "controller/cli/pauses.h"
#include "controller/cli/results.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/base/time_format.h"
#include "pkg/client/wire.h"

// The commands that change one field: cancel, pause, resume.
namespace salve::commands {
namespace {

using cli::Json;
namespace v1 = cli::v1;

// A person's edit may meet the controller's; it is made again on what is there then.
constexpr int kMaxTries = 5;

// --- cancel
// -----------------------------------------------------------------------------------------------

struct CancelOptions {
  cli::ClientOptions client;
  std::string incident;
  std::string output;
  bool yes = false;
};

int Cancel(const CancelOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("cancel", results.status());
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("cancel", session.status());
  const auto incident = cli::GetIncident(**session, options.incident);
  if (!incident.ok()) return cli::FailUsage("cancel", incident.status());
  const std::string& name = incident->metadata.name;
  if (!cli::IsOpen(*incident)) {
    return cli::Fail("cancel", ConflictError("incident " + name + " is over already (" +
                                             incident->status.outcome + ")"));
  }
  const std::string question = "Cancel incident " + name + " (" + incident->status.phase + ")?";
  if (const Status sure = cli::Confirm(question, options.yes); !sure.ok()) {
    return cli::FailUsage("cancel", sure);
  }
  auto done =
      (*session)->client().Patch(v1::Incident::kInfo, {incident->metadata.ns, name},
                                 client::PatchType::kMerge, {{"spec", {{"cancel", true}}}}, {});
  if (!done.ok()) return cli::Fail("cancel", done.status());
  const std::string label = "incident.salve.dev/" + name;
  results->Add(label + " will end after what is running\n", label, std::move(done).value());
  return results->Finish(kExitOk);
}

// --- pause and resume
// ---------------------------------------------------------------------------------------

struct PauseOptions {
  cli::ClientOptions client;
  std::string policy;
  std::string duration;
  std::string reason;
  std::string name;  // resume: only this pause
  std::string output;
  bool all = false;
  bool all_namespaces = false;
};

StatusOr<std::vector<client::NamespacedName>> Policies(const PauseOptions& options,
                                                       cli::Session& session) {
  const int said =
      (options.policy.empty() ? 0 : 1) + (options.all ? 1 : 0) + (options.all_namespaces ? 1 : 0);
  if (said != 1) {
    return InvalidArgumentError(
        "say which: the name of one policy, --all (of the namespace) or -A (of all namespaces)");
  }
  std::vector<client::NamespacedName> names;
  if (!options.policy.empty()) {
    SALVE_ASSIGN_OR_RETURN(auto name, session.Locate(options.policy, "HealingPolicy"));
    names.push_back(std::move(name));
    return names;
  }
  client::ListOptions list;
  list.ns = options.all_namespaces ? "" : session.ns();
  SALVE_ASSIGN_OR_RETURN(const auto found, session.client().List(v1::HealingPolicy::kInfo, list));
  for (const Json& item : found.items) {
    names.push_back(
        {cli::TextAt(item, {"metadata", "namespace"}), cli::TextAt(item, {"metadata", "name"})});
  }
  if (names.empty()) {
    return NotFoundError(options.all_namespaces ? "there is no policy"
                                                : "no policy in namespace " + session.ns());
  }
  return names;
}

// Changes spec.pauses of one policy by `edit`; the version that was read must still be the stored
// one. Returns the policy as it is then.
template <class Edit>
StatusOr<Json> EditPauses(cli::Session& session, const client::NamespacedName& name,
                          const Edit& edit) {
  Status last;
  for (int i = 0; i < kMaxTries; ++i) {
    SALVE_ASSIGN_OR_RETURN(Json policy, session.client().Get(v1::HealingPolicy::kInfo, name));
    const Json before = cli::PausesOf(policy);
    const Json after = edit(before);
    if (after == before) return policy;
    const Json patch = {
        {"metadata", {{"resourceVersion", cli::TextAt(policy, {"metadata", "resourceVersion"})}}},
        {"spec", {{"pauses", after}}}};
    auto patched = session.client().Patch(v1::HealingPolicy::kInfo, name, client::PatchType::kMerge,
                                          patch, {});
    if (patched.ok()) return patched;
    last = patched.status();
    if (last.code() != Code::kConflict) return last;
  }
  return last;
}

// What holds the policy still, with the way to end it: nobody may read "resumed" and believe it.
Status StillPaused(const std::string& label, const Json& policy) {
  std::string all;
  for (const std::string& one : cli::PausesInForce(cli::PausesOf(policy), SystemClock().Now())) {
    all += (all.empty() ? "" : ", ") + one;
  }
  if (all.empty()) return Status::Ok();
  return InternalError(label + " is still paused by " + all +
                       ", which salve pause did not make; say salve resume … --name NAME to end "
                       "one, and take it out of the file that the policy is kept applied from");
}

int PauseOrResume(const char* word, const PauseOptions& options) {
  const bool pause = std::string(word) == "pause";
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage(word, results.status());
  std::string until;
  if (!options.duration.empty()) {
    const auto duration = cli::ParseDuration(options.duration);
    if (!duration.ok()) return cli::FailUsage(word, duration.status());
    until = FormatTime(SystemClock().Now() + *duration);
  }
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail(word, session.status());
  const auto names = Policies(options, **session);
  if (!names.ok()) return cli::FailUsage(word, names.status());
  const auto me = (*session)->WhoAmI();
  if (!me.ok()) return cli::Fail(word, me.status());
  int exit_code = kExitOk;
  for (const client::NamespacedName& name : *names) {
    auto policy = EditPauses(**session, name, [&](const Json& pauses) {
      return pause ? cli::AddPause(pauses, cli::PauseName(*me), options.reason, until)
                   : cli::RemovePauses(pauses, options.name);
    });
    if (!policy.ok()) {
      exit_code = cli::Fail(word, policy.status());
      continue;
    }
    const std::string label =
        "healingpolicy.salve.dev/" + name.name + (options.all_namespaces ? " -n " + name.ns : "");
    if (const Status still = pause ? Status::Ok() : StillPaused(label, *policy); !still.ok()) {
      exit_code = cli::Fail(word, still);
      continue;
    }
    const std::string how = !pause          ? " resumed"
                            : until.empty() ? " paused until salve resume"
                                            : " paused until " + until;
    results->Add(label + how + "\n", "healingpolicy.salve.dev/" + name.name,
                 std::move(policy).value());
  }
  return results->Finish(exit_code);
}

void AddPauseOrResume(CLI::App& app, int& exit_code, const char* word, const char* description,
                      const char* example) {
  auto options = std::make_shared<PauseOptions>();
  cli::Command command(app, word, description, example);
  command.Option("policy", options->policy, "Name of the policy");
  command.Flag("--all", options->all, "All policies of the namespace");
  command.Flag("-A,--all-namespaces", options->all_namespaces, "All policies there are");
  if (std::string(word) == "pause") {
    command
        .Option("--for", options->duration, "For so long, as 1h30m; without it until salve resume")
        .IsDuration();
    command.Option("--reason", options->reason, "Why; shown by get and why");
  } else {
    command.Option("--name", options->name,
                   "The pause of this name, whoever made it; without it those of salve pause");
  }
  cli::DeclareOutput(command, options->output);
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
  cli::DeclareOutput(command, options->output);
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Cancel(*options); });
}

void AddPause(CLI::App& app, int& exit_code) {
  AddPauseOrResume(app, exit_code, "pause", "Keep policies from acting for a while",
                   "salve pause redis --for 1h --reason \"moving the data\"\n"
                   "  salve pause -A --reason \"what is going on here\"");
}

void AddResume(CLI::App& app, int& exit_code) {
  AddPauseOrResume(app, exit_code, "resume", "Take back what salve pause did",
                   "salve resume redis\n  salve resume redis --name upgrade");
}

}  // namespace salve::commands
