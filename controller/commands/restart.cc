// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <set>

#include "controller/cli/incidents.h"
#include "controller/cli/next.h"
#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"
#include "controller/commands/simulated.h"
#include "controller/runtime/simulate.h"
#include "controller/runtime/start_environment.h"

#include "pkg/apis/codec.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/alerts.h"
#include "pkg/healing/explain.h"
#include "pkg/healing/files.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/signals.h"
#include "pkg/reconcilers/policy_files.h"
#include "pkg/reconcilers/shell.h"

// `salve restart`: whether what a service was started with has changed, and its restart through the
// same gates as everything.
namespace salve::commands {
namespace {

using cli::Json;
namespace v1 = cli::v1;

constexpr char kWord[] = "restart";
constexpr std::chrono::milliseconds kPause{500};
// So long the controller has to open an incident by itself before one is made by hand.
constexpr int kPausesBeforeOwn = 6;
constexpr std::size_t kShortDigest = 12;

struct RestartOptions {
  cli::ClientOptions client;
  std::string service;
  std::string config;
  std::string secret_root;
  std::string timeout = "10m";
  std::string output;
  bool check_only = false;
  bool dry_run = false;
  bool force = false;
  bool verbose = false;
  bool wait = true;
};

// A policy, and those of its targets that are meant.
struct Service {
  v1::HealingPolicy policy;
  std::vector<std::string> targets;

  bool Means(const std::string& target) const {
    return std::find(targets.begin(), targets.end(), target) != targets.end();
  }
  const v1::FileStatus* Changed(const std::string& target) const {
    for (const v1::FileStatus& entry : policy.status.files) {
      if (entry.target == target && entry.state == v1::kFilesChanged) return &entry;
    }
    return nullptr;
  }
  bool Fires(const std::string& target) const {
    return std::any_of(policy.status.signals.begin(), policy.status.signals.end(),
                       [&](const v1::SignalStatus& signal) {
                         const v1::FileStatus* entry = Changed(target);
                         return entry != nullptr && signal.trigger == entry->trigger &&
                                signal.target == target && signal.state == healing::kSignalFiring;
                       });
  }
};

std::vector<std::string> TargetsOf(const v1::HealingPolicy& policy) {
  std::set<std::string> names;
  for (const v1::TargetStatus& target : policy.status.targets) names.insert(target.name);
  for (const v1::FileStatus& entry : policy.status.files) names.insert(entry.target);
  return {names.begin(), names.end()};
}

// By the policy's name, else by a target's: then all policies that watch it.
StatusOr<std::vector<Service>> FindServices(cli::Session& session, const std::string& word) {
  SALVE_ASSIGN_OR_RETURN(const auto named, cli::GetPolicy(session, {session.ns(), word}));
  if (named) return std::vector<Service>{{*named, TargetsOf(*named)}};
  client::ListOptions options;
  options.ns = session.ns();
  SALVE_ASSIGN_OR_RETURN(const auto list, session.client().List(v1::HealingPolicy::kInfo, options));
  std::vector<Service> found;
  for (const Json& item : list.items) {
    SALVE_ASSIGN_OR_RETURN(v1::HealingPolicy policy, apis::Decode<v1::HealingPolicy>(item));
    const auto targets = TargetsOf(policy);
    if (std::find(targets.begin(), targets.end(), word) == targets.end()) continue;
    found.push_back({std::move(policy), {word}});
  }
  if (found.empty()) {
    return NotFoundError("no policy and no target is called \"" + word + "\" in namespace " +
                         session.ns());
  }
  return found;
}

Status Reload(cli::Session& session, Service& service) {
  SALVE_ASSIGN_OR_RETURN(auto policy,
                         cli::GetPolicy(session, {session.ns(), service.policy.metadata.name}));
  if (!policy) return NotFoundError("policy " + service.policy.metadata.name + " was deleted");
  service.policy = std::move(*policy);
  return Status::Ok();
}

// --- what has changed
// -------------------------------------------------------------------------------------------------

std::string Short(const std::string& digest) {
  return digest.empty() ? "none" : digest.substr(0, kShortDigest);
}

std::string Line(const std::string& text) { return healing::EscapeTerminal(text) + "\n"; }

std::string Details(const v1::FileStatus& entry) {
  std::string out = Line("    since " + entry.since + ", started with " + Short(entry.content) +
                         (entry.found.empty() ? "" : ", found " + Short(entry.found)));
  for (const auto& [path, digest] : entry.paths) {
    const auto found = entry.found_paths.find(path);
    out += Line("    " + path + " " + Short(digest) +
                (found == entry.found_paths.end() ? "" : " -> " + Short(found->second)));
  }
  return out;
}

// What is known of one trigger and target, for a terminal (escaped).
std::string TextOf(const v1::FileStatus& entry, bool verbose) {
  const std::string who = entry.target + ", trigger " + entry.trigger + ": ";
  std::string text = Line(who + (entry.state == v1::kFilesChanged   ? healing::DescribeChange(entry)
                                 : entry.state == v1::kFilesCurrent ? "nothing has changed"
                                                                    : "not looked at so far"));
  if (!entry.message.empty()) text += Line("    cannot be read now: " + entry.message);
  return text + (verbose ? Details(entry) : "");
}

// Why the answer is not to be believed; "" = it is.
std::string Unknown(const v1::HealingPolicy& policy) {
  const bool watches =
      std::any_of(policy.spec.triggers.begin(), policy.spec.triggers.end(),
                  [](const v1::PolicyTrigger& trigger) { return trigger.file_change.has_value(); });
  if (!watches) {
    return "policy " + policy.metadata.name +
           " watches no files: it has no trigger with fileChange";
  }
  const auto* watched =
      apis::meta::v1::FindCondition(policy.status.conditions, reconcilers::kPolicyFilesWatched);
  if (watched == nullptr)
    return "policy " + policy.metadata.name + " has not been looked at so far";
  return watched->status == "True" ? "" : watched->message;
}

int Check(const std::vector<Service>& services, const RestartOptions& options,
          cli::Results& results) {
  int exit_code = kExitOk;
  for (const Service& service : services) {
    if (const std::string why = Unknown(service.policy); !why.empty()) {
      exit_code = cli::Fail(kWord, InvalidArgumentError(why));
    }
  }
  for (const Service& service : services) {
    for (const v1::FileStatus& entry : service.policy.status.files) {
      if (!service.Means(entry.target)) continue;
      if (entry.state == v1::kFilesChanged && exit_code == kExitOk) exit_code = kExitChanged;
      results.Add(TextOf(entry, options.verbose),
                  service.policy.metadata.name + "/" + entry.target + "/" + entry.trigger,
                  apis::Encode(entry));
    }
  }
  return results.Finish(exit_code, true);
}

std::string RequestedBy(const std::string& user) {
  return "restart_requested: by " + user + " with salve restart --force";
}

// --- what would be done
// -------------------------------------------------------------------------------------------------

int DryRun(const std::vector<Service>& services, const RestartOptions& options,
           cli::Results& results) {
  SetLogLevel(Severity::kError);
  if (const Status adopted = runtime::AdoptStartEnvironment(); !adopted.ok()) {
    return cli::Fail(kWord, adopted);
  }
  const auto configuration = runtime::ReadConfiguration(options.config);
  if (!configuration.ok()) return cli::Fail(kWord, configuration.status());
  for (const Service& service : services) {
    const auto simulated =
        runtime::Simulate(service.policy, *configuration, options.secret_root, SystemClock(),
                          SystemRandom(), options.force ? RequestedBy("you") : "");
    if (!simulated.ok()) return cli::Fail(kWord, simulated.status());
    for (const runtime::SimulatedTarget& target : *simulated) {
      if (!service.Means(target.name)) continue;
      results.Add(SimulatedText(service.policy, target),
                  service.policy.metadata.name + "/" + target.name,
                  {{"policy", service.policy.metadata.name},
                   {"target", target.name},
                   {"healthy", target.healthy},
                   {"message", target.message},
                   {"status", apis::Encode(target.incident.status)}});
    }
  }
  return results.Finish(kExitOk, true);
}

// --- doing it
// -------------------------------------------------------------------------------------------------

v1::TargetRef RefOf(const v1::HealingPolicy& policy, const std::string& name) {
  const v1::Target& target = policy.spec.target;
  const std::string backend = reconcilers::BackendName(target);
  if (target.kubernetes) return {backend, target.kubernetes->kind, name, policy.metadata.ns};
  return {backend, target.ecs ? "Service" : "Container", name};
}

StatusOr<std::optional<v1::Incident>> OpenIncident(cli::Session& session, const Service& service,
                                                   const std::string& target) {
  SALVE_ASSIGN_OR_RETURN(auto incidents,
                         cli::ListIncidents(session, session.ns(),
                                            "spec.policyRef.name=" + service.policy.metadata.name));
  std::erase_if(incidents, [&](const v1::Incident& one) { return one.spec.target.name != target; });
  const v1::Incident* open = cli::NewestOpen(incidents);
  return open == nullptr ? std::nullopt : std::optional(*open);
}

// As a person makes one; what its trigger says decides nothing but the diagnosis.
StatusOr<v1::Incident> MakeIncident(cli::Session& session, const Service& service,
                                    const std::string& target) {
  const v1::HealingPolicy& policy = service.policy;
  const v1::FileStatus* changed = service.Changed(target);
  v1::Incident incident;
  incident.metadata.ns = policy.metadata.ns;
  incident.metadata.generate_name = policy.metadata.name.substr(0, 200) + "-restart-";
  incident.spec.policy_ref.name = policy.metadata.name;
  incident.spec.target = RefOf(policy, target);
  incident.spec.fingerprint = healing::Fingerprint(
      policy.metadata.uid, {policy.metadata.ns, policy.metadata.name}, incident.spec.target);
  v1::Trigger& trigger = incident.spec.trigger;
  trigger.source = healing::kSourceFile;
  trigger.at = FormatMicroTime(SystemClock().Now());
  if (changed != nullptr) {
    trigger.name = changed->trigger;
    trigger.message = healing::DescribeChange(*changed);
  } else {
    SALVE_ASSIGN_OR_RETURN(const std::string user, session.WhoAmI());
    trigger.name = healing::kTriggerRequested;
    trigger.message = RequestedBy(user);
  }
  SALVE_ASSIGN_OR_RETURN(const Json created,
                         session.client().Create(v1::Incident::kInfo, apis::Encode(incident), {}));
  return apis::Decode<v1::Incident>(created);
}

// The incident that is about the target's restart: the one that the controller has opened, else one
// by hand. nullopt: there is no reason left.
StatusOr<std::optional<v1::Incident>> Begin(cli::Session& session, Service& service,
                                            const std::string& target, bool changed,
                                            MonoTime deadline) {
  for (int waited = 0;;) {
    SALVE_ASSIGN_OR_RETURN(auto open, OpenIncident(session, service, target));
    if (open) return open;
    SALVE_RETURN_IF_ERROR(Reload(session, service));
    if (changed && service.Changed(target) == nullptr) return std::optional<v1::Incident>();
    // Of several targets one after another has its turn.
    if (!changed || (service.Fires(target) && ++waited >= kPausesBeforeOwn)) {
      SALVE_ASSIGN_OR_RETURN(auto made, MakeIncident(session, service, target));
      return std::optional(std::move(made));
    }
    const MonoTime now = SystemClock().Monotonic();
    if (now >= deadline) return DeadlineExceededError(target + " had no turn in the time given");
    cli::WaitUntil(SystemClock(), std::min(deadline, now + kPause));
  }
}

bool WaitsForSomebody(const v1::Incident& incident) {
  const std::string& phase = incident.status.phase;
  return phase == healing::kPhaseAwaitingApproval || phase == healing::kPhaseBlocked ||
         phase == healing::kPhaseEscalated;
}

// Until it is over, or waits for somebody.
StatusOr<v1::Incident> Follow(cli::Session& session, const std::string& name, MonoTime deadline) {
  for (;;) {
    SALVE_ASSIGN_OR_RETURN(v1::Incident incident, cli::GetIncident(session, name));
    if (!cli::IsOpen(incident) || WaitsForSomebody(incident)) return incident;
    const MonoTime now = SystemClock().Monotonic();
    if (now >= deadline) {
      return DeadlineExceededError("incident " + name + " is not over in the time given (" +
                                   incident.status.phase + "); it goes on by itself");
    }
    cli::WaitUntil(SystemClock(), std::min(deadline, now + kPause));
  }
}

int Ended(const v1::Incident& incident) {
  if (cli::IsOpen(incident)) return kExitWaiting;
  const std::string& outcome = incident.status.outcome;
  const bool well = outcome == healing::kAutoHealed || outcome == healing::kHealedAfterApproval ||
                    outcome == healing::kSelfResolved;
  return well ? kExitOk : kExitFailure;
}

std::string Story(const v1::Incident& incident, const Service& service,
                  const cli::Session& session) {
  std::string out = incident.spec.target.name + ": incident " + incident.metadata.name + " ";
  if (!cli::IsOpen(incident)) {
    return Line(out + "ended as " + incident.status.outcome + " (" + incident.spec.trigger.message +
                ")");
  }
  out = Line(out + "is " + incident.status.phase);
  const WallTime now = SystemClock().Now();
  for (const std::string& line : cli::NextLines(
           cli::NextSteps(incident, &service.policy, {session.default_ns(), now}), now)) {
    out += "  " + line + "\n";
  }
  return out;
}

// One target; the exit code it means.
StatusOr<int> RestartTarget(cli::Session& session, Service& service, const std::string& target,
                            const RestartOptions& options, MonoTime deadline,
                            cli::Results& results) {
  const bool changed = service.Changed(target) != nullptr;
  SALVE_ASSIGN_OR_RETURN(auto incident, Begin(session, service, target, changed, deadline));
  if (!incident) {
    results.Add(Line(target + ": it runs with what the files hold now"), target,
                {{"target", target}, {"changed", false}});
    return kExitOk;
  }
  if (options.wait) {
    SALVE_ASSIGN_OR_RETURN(incident, Follow(session, incident->metadata.name, deadline));
  }
  const std::string line = options.wait ? Story(*incident, service, session)
                                        : Line(target + ": incident " + incident->metadata.name);
  results.Add(line, "incident.salve.dev/" + incident->metadata.name, apis::Encode(*incident));
  return options.wait ? Ended(*incident) : kExitOk;
}

int Do(cli::Session& session, std::vector<Service>& services, const RestartOptions& options,
       Duration timeout, cli::Results& results) {
  const MonoTime deadline = SystemClock().Monotonic() + timeout;
  bool any = false;
  for (Service& service : services) {
    const std::string unknown = options.force ? "" : Unknown(service.policy);
    if (!unknown.empty()) return cli::Fail(kWord, InvalidArgumentError(unknown));
    for (const std::string& target : service.targets) {
      if (!options.force && service.Changed(target) == nullptr) continue;
      any = true;
      const auto exit_code = RestartTarget(session, service, target, options, deadline, results);
      if (!exit_code.ok()) return cli::Fail(kWord, exit_code.status());
      // What did not do one target good is not tried on the next.
      if (*exit_code != kExitOk) return results.Finish(*exit_code);
    }
  }
  if (!any && results.text()) {
    cli::Print("Nothing has changed since " + healing::EscapeTerminal(options.service) +
               " was started; --force restarts it all the same.\n");
  }
  return results.Finish(kExitOk, !any);
}

int Restart(const RestartOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage(kWord, results.status());
  const auto timeout = cli::ParseDuration(options.timeout);
  if (!timeout.ok()) return cli::FailUsage(kWord, timeout.status());
  if (options.check_only && (options.dry_run || options.force)) {
    return cli::FailUsage(
        kWord, InvalidArgumentError("--check-only goes with neither --dry-run nor --force"));
  }
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail(kWord, session.status());
  auto services = FindServices(**session, options.service);
  if (!services.ok()) return cli::Fail(kWord, services.status());
  if (options.check_only) return Check(*services, options, *results);
  if (options.verbose && results->text()) {
    for (const Service& service : *services) {
      for (const v1::FileStatus& entry : service.policy.status.files) {
        if (service.Means(entry.target)) cli::Print(TextOf(entry, true));
      }
    }
  }
  if (options.dry_run) return DryRun(*services, options, *results);
  return Do(**session, *services, options, *timeout, *results);
}

}  // namespace

void AddRestart(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RestartOptions>();
  cli::Command command(app, kWord,
                       "Restart what runs with files that have changed, through the same gates",
                       "salve restart --service shop --check-only");
  command.Option("--service", options->service, "Name of a policy, or of a target").Required();
  command.Flag("--check-only", options->check_only,
               "Only say whether and why; exit code 9 if something has changed");
  command.Flag("--dry-run", options->dry_run, "Show what would be done now, gates included");
  command.Flag("--force", options->force, "Ask for a restart though nothing has changed");
  command.Flag("--verbose", options->verbose, "Names, times and shortened digests");
  command.Flag("--wait", options->wait, "Follow the incident; --wait=false: do not");
  command.Option("--timeout", options->timeout, "Longest time to follow it").IsDuration();
  command.Option("--config", options->config, "For --dry-run: ControllerConfiguration file (YAML)");
  command.Option("--secrets", options->secret_root,
                 "For --dry-run: directory of the secret files that policies name");
  cli::DeclareOutput(command, options->output);
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Restart(*options); });
}

}  // namespace salve::commands
