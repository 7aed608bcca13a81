// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>
#include <optional>

#include "controller/cli/command.h"
#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/audit/query.h"
#include "pkg/audit/verify.h"
#include "pkg/healing/explain.h"

// What the audit journal says. Its files are read as they are: no server is asked, and Salve may
// write meanwhile.
namespace salve::commands {
namespace {

struct AuditOptions {
  std::string data_dir = "/var/lib/salve";
  std::string directory;
  std::string from;
  std::string to;
  std::string output;
  std::string expected_head;
  audit::Filter filter;
};

std::string Directory(const AuditOptions& options) {
  return options.directory.empty() ? options.data_dir + "/audit" : options.directory;
}

// What a person wants to see of it at a glance.
std::vector<std::string> Row(const audit::Entry& entry) {
  const audit::Record& r = entry.record;
  std::string text = r.message;
  if (!r.gates.empty()) text = r.gates + (text.empty() ? "" : ": " + text);
  return {std::to_string(entry.sequence),
          r.at,
          r.event,
          r.incident.empty() ? r.policy : r.incident,
          r.action.empty() ? r.cause : r.action,
          r.result,
          r.approver,
          std::move(text)};
}

// Prints what matches, while somebody reads.
StatusOr<std::int64_t> PrintMatches(const AuditOptions& options, const std::string& format) {
  const std::string directory = Directory(options);
  if (format == "csv") {
    if (!cli::Print(audit::CsvLine(audit::CsvHeader()))) return 0;
    return audit::ReadJournal(directory, options.filter,
                              [](const audit::Entry& entry, const std::string&) {
                                std::vector<std::string> cells = audit::CsvCells(entry);
                                for (std::string& cell : cells)
                                  cell = healing::EscapeTerminal(cell);
                                return cli::Print(audit::CsvLine(cells));
                              });
  }
  if (format == "json" || format == "jsonl") {
    // The line itself, so that its hash can be computed by anybody.
    return audit::ReadJournal(directory, options.filter,
                              [](const audit::Entry&, const std::string& line) {
                                return cli::Print(healing::EscapeTerminal(line) + "\n");
                              });
  }
  std::vector<std::vector<std::string>> rows = {
      {"SEQ", "AT", "EVENT", "ABOUT", "ACTION", "RESULT", "APPROVER", "MESSAGE"}};
  const auto unreadable = audit::ReadJournal(
      directory, options.filter, [&rows](const audit::Entry& entry, const std::string&) {
        rows.push_back(Row(entry));
        return true;
      });
  if (!unreadable.ok()) return unreadable;
  cli::Print(rows.size() == 1 ? "No record matches.\n" : cli::FormatColumns(rows));
  return unreadable;
}

int Show(AuditOptions options, const std::string& word, const std::string& format) {
  for (const auto& [text, moment] : {std::pair(&options.from, &options.filter.from),
                                     std::pair(&options.to, &options.filter.to)}) {
    if (text->empty()) continue;
    auto parsed = audit::ParseMoment(*text);
    if (!parsed.ok()) return cli::FailUsage(word, parsed.status());
    *moment = *parsed;
  }
  const auto unreadable = PrintMatches(options, format);
  if (!unreadable.ok()) return cli::Fail(word, unreadable.status());
  if (*unreadable > 0) {
    std::fprintf(stderr, "salve %s: %lld lines could not be read; salve audit verify names them\n",
                 word.c_str(), static_cast<long long>(*unreadable));
  }
  return kExitOk;
}

std::string DescribeVerdict(const audit::Verdict& verdict) {
  std::string out;
  for (const audit::Flaw& flaw : verdict.flaws) {
    out += flaw.file + (flaw.line > 0 ? ":" + std::to_string(flaw.line) : "") + ": " +
           healing::EscapeTerminal(flaw.what) + "\n";
  }
  if (verdict.flaw_count > static_cast<std::int64_t>(verdict.flaws.size())) {
    out += "… " + std::to_string(verdict.flaw_count) + " flaws in all\n";
  }
  for (const std::string& remark : verdict.remarks) {
    out += "note: " + healing::EscapeTerminal(remark) + "\n";
  }
  if (verdict.incomplete_end) {
    out +=
        "note: the last line is incomplete: it is being written, or its writer was killed; the "
        "next start sets it aside\n";
  }
  out += std::to_string(verdict.records) + " records in " + std::to_string(verdict.files) +
         (verdict.files == 1 ? " file" : " files") + ", from number " +
         std::to_string(verdict.first) + "\nhead " + audit::FormatHead(verdict.head) + "\n";
  return out;
}

cli::Json VerdictJson(const audit::Verdict& verdict) {
  cli::Json flaws = cli::Json::array();
  for (const audit::Flaw& flaw : verdict.flaws) {
    flaws.push_back({{"file", flaw.file}, {"line", flaw.line}, {"what", flaw.what}});
  }
  return {{"sound", verdict.flaw_count == 0},
          {"head", audit::FormatHead(verdict.head)},
          {"first", verdict.first},
          {"records", verdict.records},
          {"files", verdict.files},
          {"flawCount", verdict.flaw_count},
          {"flaws", std::move(flaws)},
          {"remarks", verdict.remarks},
          {"incompleteEnd", verdict.incomplete_end}};
}

int VerifyJournal(const AuditOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("audit verify", results.status());
  std::optional<audit::Head> expected;
  if (!options.expected_head.empty()) {
    auto parsed = audit::ParseHead(options.expected_head);
    if (!parsed.ok()) return cli::FailUsage("audit verify", parsed.status());
    expected = *parsed;
  }
  const auto verdict = audit::Verify(Directory(options), expected);
  if (!verdict.ok()) return cli::Fail("audit verify", verdict.status());
  results->Add(DescribeVerdict(*verdict), audit::FormatHead(verdict->head), VerdictJson(*verdict));
  return results->Finish(verdict->flaw_count == 0 ? kExitOk : kExitFailure);
}

void DeclarePlace(cli::Command& command, AuditOptions& options) {
  command.Option("--data-dir", options.data_dir, "The data directory of salve standalone");
  command.Option("--directory", options.directory,
                 "The journal itself, as given to salve controller --audit-directory");
}

void DeclareFilter(cli::Command& command, AuditOptions& options) {
  audit::Filter& filter = options.filter;
  command.Option("--incident", filter.incident,
                 "Only of this incident: name, namespace/name or uid");
  command.Option("--policy", filter.policy, "Only of this policy: name or namespace/name");
  command.Option("--target", filter.target, "Only about this target");
  command.Option("--action", filter.action, "Only with this action");
  command.Option("--approver", filter.approver, "Only decided or approved by this person");
  command.Option("--event", filter.event, "Only of this sort: Executing, Decided, Resolved, …");
  command.Option("--from", options.from, "Not before: 2026-11-21 or 2026-11-21T18:00:00Z");
  command.Option("--to", options.to, "Before");
}

}  // namespace

void AddAudit(CLI::App& app, int& exit_code) {
  cli::Command audit(app, "audit", "Read and check the record of every decision",
                     "salve audit query --incident redis-1");
  audit.NeedsSub();

  auto query = std::make_shared<AuditOptions>();
  query->output = "table";
  cli::Command query_command =
      audit.Sub("query", "Print what the audit journal tells, oldest first",
                "salve audit query --policy redis --from 2026-11-01 -o json");
  DeclarePlace(query_command, *query);
  DeclareFilter(query_command, *query);
  query_command.Option("-o,--output", query->output, "table, json (one object a line) or csv")
      .OneOf({"table", "json", "csv"});
  query_command.Run(exit_code, [query] { return Show(*query, "audit query", query->output); });

  auto exported = std::make_shared<AuditOptions>();
  exported->output = "jsonl";
  cli::Command export_command =
      audit.Sub("export", "Print the audit journal for other programs",
                "salve audit export --format csv --from 2026-11-01 --to 2026-12-01 > november.csv");
  DeclarePlace(export_command, *exported);
  DeclareFilter(export_command, *exported);
  export_command.Option("--format,-o,--output", exported->output, "jsonl or csv")
      .OneOf({"jsonl", "csv"});
  export_command.Run(exit_code,
                     [exported] { return Show(*exported, "audit export", exported->output); });

  auto verified = std::make_shared<AuditOptions>();
  cli::Command verify_command =
      audit.Sub("verify", "Check that nothing in the audit journal was changed or is missing",
                "salve audit verify --expect-head 17:9f86d08…");
  DeclarePlace(verify_command, *verified);
  verify_command.Option("--expect-head", verified->expected_head,
                        "A head that an earlier verify printed and that was kept elsewhere");
  cli::DeclareOutput(verify_command, verified->output);
  verify_command.Run(exit_code, [verified] { return VerifyJournal(*verified); });
}

}  // namespace salve::commands
