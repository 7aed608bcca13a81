// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/cli/incidents.h"
#include "controller/cli/input.h"
#include "controller/cli/output.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/apis/codec.h"
#include "pkg/healing/explain.h"

namespace salve::commands {
namespace {

namespace v1 = cli::v1;

struct WhyOptions {
  cli::ClientOptions client;
  std::string subject;
  std::string file;
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
  return subject;
}

StatusOr<cli::Subject> Load(const std::string& file, const std::string& word,
                            const cli::ClientOptions& client) {
  if (!file.empty()) return ReadSubject(file);
  if (word.empty()) return InvalidArgumentError("say which incident, policy or target, or -f FILE");
  SALVE_ASSIGN_OR_RETURN(const auto session, cli::Session::Open(client));
  return cli::FindSubject(*session, word);
}

// Where nothing is open: how the policy's targets are and whether it may act.
std::string ExplainPolicy(const v1::HealingPolicy& policy) {
  std::string out = "Policy " + policy.metadata.name + " has no open incident.\n";
  for (const v1::TargetStatus& target : policy.status.targets) {
    out += "  " + target.name + ": " + target.state + ", health " + std::to_string(target.health) +
           (target.message.empty() ? "" : ", " + target.message) + "\n";
  }
  for (const auto& condition : policy.status.conditions) {
    out += "  " + condition.type + "=" + condition.status +
           (condition.message.empty() ? "" : ": " + condition.message) + "\n";
  }
  return out;
}

std::string EscapeLines(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += healing::EscapeTerminal(std::string_view(text).substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return out;
}

int Why(const WhyOptions& options) {
  const auto subject = Load(options.file, options.subject, options.client);
  if (!subject.ok()) return cli::Fail("why", subject.status());
  if (!subject->incident) {
    cli::Print(EscapeLines(ExplainPolicy(*subject->policy)));
    return kExitOk;
  }
  const v1::HealingPolicy* policy = subject->policy ? &*subject->policy : nullptr;
  std::string out;
  for (const std::string& line : healing::Why(*subject->incident, policy, SystemClock().Now())) {
    out += line + "\n";
  }
  cli::Print(out);
  return kExitOk;
}

int Report(const WhyOptions& options) {
  const auto subject = Load(options.file, options.subject, options.client);
  if (!subject.ok()) return cli::Fail("report", subject.status());
  if (!subject->incident) {
    return cli::Fail("report", NotFoundError("there is no incident to report on"));
  }
  std::string text = healing::Report(*subject->incident);
  if (text.empty() || text.back() != '\n') text += '\n';
  cli::Print(text);
  return kExitOk;
}

}  // namespace

void AddWhy(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<WhyOptions>();
  cli::Command command(app, "why", "Explain what was found, what is proposed and what it waits for",
                       "salve why redis-1\n  salve get incident redis-1 -o yaml | salve why -f -");
  command.Option("subject", options->subject, "Name of an incident, a policy or a target");
  command.Option("-f,--filename", options->file,
                 "Saved resource, - for stdin: no cluster is asked");
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Why(*options); });
}

void AddReport(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<WhyOptions>();
  cli::Command command(app, "report", "Write an incident's post-mortem (Markdown)",
                       "salve report redis-1 > redis-1.md");
  command.Option("incident", options->subject, "Name of the incident");
  command.Option("-f,--filename", options->file,
                 "Saved resource, - for stdin: no cluster is asked");
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Report(*options); });
}

}  // namespace salve::commands
