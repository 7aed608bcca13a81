// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/cli/incidents.h"
#include "controller/cli/input.h"
#include "controller/cli/next.h"
#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/apis/codec.h"
#include "pkg/healing/explain.h"

// The commands that explain: why (what is going on and what to do) and report (what was).
namespace salve::commands {
namespace {

using cli::Json;
namespace v1 = cli::v1;

struct WhyOptions {
  cli::ClientOptions client;
  std::string subject;
  std::string file;
  std::string output;
};

// What is explained, and the namespace that the reader's commands use by themselves.
struct Loaded {
  cli::Subject subject;
  std::string default_ns = "default";
};

// Of a saved stream: the first incident, and its policy if that is there too.
StatusOr<cli::Subject> ReadSubject(const std::string& file) {
  std::vector<Status> errors;
  cli::Subject subject;
  for (const cli::InputObject& input : cli::ReadObjects(file, errors)) {
    const std::string kind = cli::TextAt(input.value, {"kind"});
    if (kind == "Incident" && !subject.incident) {
      auto incident = apis::Decode<v1::Incident>(input.value);
      if (!incident.ok()) return incident.status().Annotate(input.where);
      subject.incident = std::move(incident).value();
    } else if (kind == "HealingPolicy" && !subject.policy) {
      auto policy = apis::Decode<v1::HealingPolicy>(input.value);
      if (!policy.ok()) return policy.status().Annotate(input.where);
      subject.policy = std::move(policy).value();
    }
  }
  if (!errors.empty()) return errors.front();
  if (!subject.incident && !subject.policy) {
    return InvalidArgumentError(file + ": no Incident and no HealingPolicy in it");
  }
  subject.about_policy = !subject.incident;
  return subject;
}

StatusOr<Loaded> Load(const WhyOptions& options) {
  Loaded loaded;
  if (!options.file.empty()) {
    SALVE_ASSIGN_OR_RETURN(loaded.subject, ReadSubject(options.file));
    return loaded;
  }
  SALVE_ASSIGN_OR_RETURN(const auto session, cli::Session::Open(options.client));
  SALVE_ASSIGN_OR_RETURN(loaded.subject, cli::FindSubject(*session, options.subject));
  loaded.default_ns = session->default_ns();
  return loaded;
}

// What is wrong with the words themselves, before anything is read.
Status CheckWords(const WhyOptions& options) {
  if (!options.file.empty()) return Status::Ok();
  if (!options.subject.empty()) return cli::ParseNamed(options.subject).status();
  return InvalidArgumentError("say which incident, policy or target, or -f FILE");
}

// --- why
// -----------------------------------------------------------------------------------------------

// What came due last for each target, and what comes next.
void AddSchedules(const v1::HealingPolicyStatus& status, std::vector<std::string>& out) {
  if (!status.next_schedule.empty()) out.push_back("  next: schedule " + status.next_schedule);
  for (const v1::ScheduledTarget& s : status.scheduled) {
    out.push_back("  " + s.target + ": schedule " + s.schedule + " (" + s.action + ") of " +
                  s.tick + " is " + s.state + (s.message.empty() ? "" : ": " + s.message));
  }
}

// Where nothing is open: how the policy's targets are and whether it may act.
std::vector<std::string> PolicyLines(const cli::Subject& subject) {
  const v1::HealingPolicy& policy = *subject.policy;
  std::vector<std::string> out = {"Policy " + policy.metadata.ns + "/" + policy.metadata.name +
                                  " has no open incident; mode " + policy.spec.mode};
  for (const v1::TargetStatus& target : policy.status.targets) {
    out.push_back("  " + target.name + ": " + target.state + ", health " +
                  std::to_string(target.health) +
                  (target.message.empty() ? "" : ", " + target.message));
  }
  AddSchedules(policy.status, out);
  for (const auto& condition : policy.status.conditions) {
    out.push_back("  " + condition.type + "=" + condition.status +
                  (condition.message.empty() ? "" : ": " + condition.message));
  }
  if (subject.incident) {
    const v1::IncidentStatus& last = subject.incident->status;
    out.push_back("  last incident: " + subject.incident->metadata.name + ", " + last.outcome +
                  (last.resolved_at.empty() ? "" : " at " + last.resolved_at));
  }
  for (std::string& line : out) line = healing::EscapeTerminal(line);
  return out;
}

Json PolicyJson(const v1::HealingPolicy& policy) {
  Json status = apis::Encode(policy.status);
  Json out = {{"namespace", policy.metadata.ns},
              {"name", policy.metadata.name},
              {"mode", policy.spec.mode}};
  for (const char* key : {"conditions", "targets", "nextSchedule", "scheduled"}) {
    if (status.contains(key)) out[key] = status[key];
  }
  return out;
}

Json IncidentJson(const v1::Incident& incident) {
  Json out = {{"namespace", incident.metadata.ns},
              {"name", incident.metadata.name},
              {"phase", incident.status.phase},
              {"outcome", incident.status.outcome},
              {"summary", incident.status.summary},
              {"affectedSystem", incident.spec.affected_system},
              {"policy", incident.spec.policy_ref.name},
              {"occurrences", incident.status.occurrences},
              {"nextCheckAt", incident.status.next_check_at}};
  const Json status = apis::Encode(incident.status);
  for (const char* key : {"diagnosis", "proposal", "gates", "attempts"}) {
    if (status.contains(key)) out[key] = status[key];
  }
  return out;
}

// What is read first: the gates that block, and what to type.
std::string Coloured(const std::string& line) {
  const bool block = line.rfind("  BLOCK  ", 0) == 0;
  const bool command = line.rfind("      salve ", 0) == 0;
  if (block) return "\033[31m" + line + "\033[0m";
  if (command) return "\033[1m" + line + "\033[0m";
  return line.rfind("  pass   ", 0) == 0 ? "\033[32m" + line + "\033[0m" : line;
}

int Why(const WhyOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("why", results.status());
  if (const Status words = CheckWords(options); !words.ok()) return cli::FailUsage("why", words);
  const auto loaded = Load(options);
  if (!loaded.ok()) return cli::Fail("why", loaded.status());
  const cli::Subject& subject = loaded->subject;
  const v1::HealingPolicy* policy = subject.policy ? &*subject.policy : nullptr;
  const cli::NextContext context{loaded->default_ns, SystemClock().Now()};
  const std::vector<cli::NextStep> next = subject.about_policy
                                              ? cli::NextSteps(*policy, context)
                                              : cli::NextSteps(*subject.incident, policy, context);
  std::vector<std::string> lines = subject.about_policy
                                       ? PolicyLines(subject)
                                       : healing::Why(*subject.incident, policy, context.now);
  for (const std::string& name : subject.also) {
    lines.push_back("Also open: " + healing::EscapeTerminal(name));
  }
  for (std::string& line : cli::NextLines(next, context.now)) lines.push_back(std::move(line));
  std::string text;
  for (const std::string& line : lines) text += (cli::UseColour() ? Coloured(line) : line) + "\n";
  Json value = {{"next", cli::NextJson(next)}, {"alsoOpen", subject.also}};
  if (policy != nullptr) value["policy"] = PolicyJson(*policy);
  if (subject.incident) value["incident"] = IncidentJson(*subject.incident);
  results->Add(text,
               subject.about_policy ? "healingpolicy.salve.dev/" + policy->metadata.name
                                    : "incident.salve.dev/" + subject.incident->metadata.name,
               std::move(value));
  return results->Finish(kExitOk);
}

// --- report
// --------------------------------------------------------------------------------------------

// The same facts as in the Markdown, for programs.
Json ReportJson(const v1::Incident& incident) {
  Json out = IncidentJson(incident);
  const Json spec = apis::Encode(incident.spec);
  const Json status = apis::Encode(incident.status);
  for (const char* key : {"severity", "trigger", "errorLogs", "metricsSnapshot", "target"}) {
    if (spec.contains(key)) out[key] = spec[key];
  }
  for (const char* key : {"detectedAt", "resolvedAt", "durations", "timeline"}) {
    if (status.contains(key)) out[key] = status[key];
  }
  return out;
}

int Report(const WhyOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("report", results.status());
  if (const Status words = CheckWords(options); !words.ok()) return cli::FailUsage("report", words);
  const auto loaded = Load(options);
  if (!loaded.ok()) return cli::Fail("report", loaded.status());
  if (!loaded->subject.incident) {
    return cli::Fail("report", NotFoundError("there is no incident to report on"));
  }
  const v1::Incident& incident = *loaded->subject.incident;
  std::string text = healing::Report(incident);
  if (text.empty() || text.back() != '\n') text += '\n';
  results->Add(text, "incident.salve.dev/" + incident.metadata.name, ReportJson(incident));
  return results->Finish(kExitOk);
}

void DeclareSubject(cli::Command& command, WhyOptions& options) {
  command.Option("-f,--filename", options.file, "Saved resource, - for stdin: no cluster is asked");
  cli::DeclareOutput(command, options.output);
  Declare(command, options.client);
}

}  // namespace

void AddWhy(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<WhyOptions>();
  cli::Command command(
      app, "why", "Explain what was found, what is proposed, what it waits for and what to type",
      "salve why redis-1\n  salve get incident redis-1 -o yaml | salve why -f -");
  command.Option("subject", options->subject, "Name of an incident, a policy or a target");
  DeclareSubject(command, *options);
  command.Run(exit_code, [options] { return Why(*options); });
}

void AddReport(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<WhyOptions>();
  cli::Command command(app, "report", "Write an incident's post-mortem (Markdown)",
                       "salve report redis-1 > redis-1.md");
  command.Option("incident", options->subject,
                 "Name of the incident, or of a policy or target: its newest one");
  DeclareSubject(command, *options);
  command.Run(exit_code, [options] { return Report(*options); });
}

}  // namespace salve::commands
