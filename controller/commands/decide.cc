// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <set>

#include "controller/cli/incidents.h"
#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/approval.h"
#include "pkg/healing/explain.h"

namespace salve::commands {
namespace {

namespace v1 = cli::v1;

struct DecideOptions {
  cli::ClientOptions client;
  std::string incident;
  std::string reason;
  std::string digest;
  std::string output;
  bool yes = false;
};

// What is decided on, as the person sees it.
std::string Describe(const v1::Incident& incident) {
  const v1::Proposal& proposal = *incident.status.proposal;
  const auto line = [](const char* name, const std::string& text) {
    return text.empty() ? std::string() : std::string(name) + healing::EscapeTerminal(text) + "\n";
  };
  std::string out =
      line("incident   ", incident.metadata.name + " (" + incident.spec.target.name + ")");
  if (incident.status.diagnosis) out += line("diagnosis  ", incident.status.diagnosis->message);
  out += line("step       ", proposal.step + " (" + proposal.action + ")");
  out += line("command    ", proposal.preview.command);
  for (const std::string& affected : proposal.preview.affected)
    out += line("affects    ", affected);
  out += line("risk       ", proposal.risk.level);
  for (const std::string& factor : proposal.risk.factors) out += line("           ", factor);
  out += line("undo       ", proposal.reversible ? proposal.undo : "none");
  out += line("expected   ", proposal.expected);
  out += line("digest     ", proposal.digest.substr(0, 12));
  return out;
}

// kConflict where the incident no longer waits for this decision.
Status CheckOpen(const v1::Incident& incident, const std::string& digest) {
  const std::string& name = incident.metadata.name;
  if (!cli::IsOpen(incident)) {
    return ConflictError(name + " is over (" + incident.status.outcome +
                         "); nothing is left to decide");
  }
  if (!incident.status.proposal || incident.status.proposal->digest.empty()) {
    return ConflictError(name + " proposes nothing (phase " + incident.status.phase +
                         "); see salve why " + name);
  }
  const std::string& now = incident.status.proposal->digest;
  if (digest.empty()) return Status::Ok();
  if (digest.size() < 8) return InvalidArgumentError("--digest needs at least 8 digits");
  if (now.compare(0, digest.size(), digest) == 0) return Status::Ok();
  return ConflictError("the proposal of " + name + " has changed: its digest is now " +
                       now.substr(0, 12) + ", not " + digest + "; read salve why " + name +
                       " again");
}

// How many people are still needed when `me` has approved, too.
std::string Missing(const v1::Proposal& proposal, const std::string& me) {
  std::set<std::string> people(proposal.approvers.begin(), proposal.approvers.end());
  people.insert(me);
  const auto missing = proposal.required_approvals - static_cast<std::int64_t>(people.size());
  if (missing <= 0) return "";
  return "; " + std::to_string(missing) + " more must approve it";
}

int Decide(const std::string& word, const std::string& decision, const DecideOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage(word, results.status());
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail(word, session.status());
  const auto incident = cli::GetIncident(**session, options.incident);
  if (!incident.ok()) return cli::FailUsage(word, incident.status());
  if (const Status open = CheckOpen(*incident, options.digest); !open.ok()) {
    return cli::FailUsage(word, open);
  }
  if (results->text()) cli::Print(Describe(*incident));
  if (const Status sure = cli::Confirm(decision + " this?", options.yes); !sure.ok()) {
    return cli::FailUsage(word, sure);
  }
  const auto me = (*session)->WhoAmI();
  if (!me.ok()) return cli::Fail(word, me.status());
  v1::IncidentApproval approval;
  approval.metadata.generate_name = incident->metadata.name.substr(0, 200) + "-";
  approval.metadata.ns = incident->metadata.ns;
  approval.spec = {incident->metadata.name,
                   incident->metadata.uid,
                   incident->spec.policy_ref.name,
                   incident->status.proposal->digest,
                   decision,
                   *me,
                   options.reason};
  auto created =
      (*session)->client().Create(v1::IncidentApproval::kInfo, apis::Encode(approval), {});
  if (!created.ok()) return cli::Fail(word, created.status());
  const bool approve = decision == "Approve";
  const std::string line =
      "incident.salve.dev/" + incident->metadata.name +
      (approve ? " approved by " : " rejected by ") + healing::EscapeTerminal(*me) +
      (approve ? Missing(*incident->status.proposal, *me) : std::string()) + "\n";
  const std::string label =
      "incidentapproval.salve.dev/" + cli::TextAt(*created, {"metadata", "name"});
  results->Add(line, label, std::move(created).value());
  return results->Finish(kExitOk);
}

void Add(CLI::App& app, int& exit_code, const std::string& word, const std::string& decision,
         const std::string& description) {
  auto options = std::make_shared<DecideOptions>();
  cli::Command command(app, word, description,
                       "salve " + word + " redis-1 --reason \"read the preview\"");
  command.Option("incident", options->incident, "Name of the incident").Required();
  command.Option("--reason", options->reason, "Why; kept with the decision");
  command.Option("--digest", options->digest,
                 "Only if the proposal has this digest (at least 8 digits of it)");
  command.Flag("-y,--yes", options->yes, "Do not ask");
  cli::DeclareOutput(command, options->output);
  Declare(command, options->client);
  command.Run(exit_code, [word, decision, options] { return Decide(word, decision, *options); });
}

}  // namespace

void AddApprove(CLI::App& app, int& exit_code) {
  Add(app, exit_code, "approve", "Approve", "Say yes to exactly what an incident proposes");
}

void AddReject(CLI::App& app, int& exit_code) {
  Add(app, exit_code, "reject", "Reject", "Say no to what an incident proposes");
}

}  // namespace salve::commands
