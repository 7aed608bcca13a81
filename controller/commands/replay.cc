// SPDX-License-Identifier: Apache-2.0
#include "controller/replay/replay.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>

#include "controller/cli/input.h"
#include "controller/cli/output.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"
#include "controller/commands/policy_files.h"
#include "controller/replay/report.h"
#include "controller/runtime/alert_intake.h"
#include "controller/runtime/simulate.h"

#include "pkg/base/json_access.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/explain.h"

namespace salve::commands {
namespace {

namespace v1 = apis::salve::v1alpha1;
using cli::Json;

// A table for people ends here; -o wide and the formats for programs have all.
constexpr std::size_t kMaxRows = 200;
constexpr char kAlertmanagerReceiver[] = "alertmanager";

struct ReplayOptions {
  std::string policies;
  std::vector<std::string> histories;
  std::vector<std::string> alertmanager_logs;
  std::vector<std::string> incidents;
  std::string receiver = kAlertmanagerReceiver;
  std::string from;
  std::string to;
  std::string mode;
  std::string config;
  std::string output;
  std::string expect;
  std::string write_expectation;
};

StatusOr<std::optional<WallTime>> TimeOption(const char* name, const std::string& text) {
  if (text.empty()) return std::optional<WallTime>();
  const auto at = ParseTime(text);
  if (!at) {
    return InvalidArgumentError(std::string(name) + ": \"" + text +
                                "\" is no time such as 2026-12-01T12:00:00Z");
  }
  return at;
}

// What is wrong with the command line as a whole.
Status CheckUsage(const ReplayOptions& options, const cli::OutputFormat& format) {
  if (format.kind == cli::OutputFormat::Kind::kName) {
    return InvalidArgumentError("-o: name is for get; here wide, json, yaml or jsonpath=TEMPLATE");
  }
  if (options.histories.empty() && options.alertmanager_logs.empty() && options.incidents.empty()) {
    return InvalidArgumentError(
        "nothing to replay: name a file with --history, --alertmanager-log or --incidents");
  }
  if (!options.expect.empty() && !options.write_expectation.empty()) {
    return InvalidArgumentError("--expect and --write-expectation exclude each other");
  }
  return Status::Ok();
}

StatusOr<replay::Record> ReadRecord(const ReplayOptions& options, std::optional<WallTime> from,
                                    std::optional<WallTime> to) {
  using replay::RecordKind;
  replay::RecordReader reader({options.receiver, from, to});
  const std::pair<RecordKind, const std::vector<std::string>*> sources[] = {
      {RecordKind::kHistory, &options.histories},
      {RecordKind::kAlertmanagerLog, &options.alertmanager_logs},
      {RecordKind::kIncidents, &options.incidents}};
  for (const auto& [kind, files] : sources) {
    for (const std::string& file : *files) SALVE_RETURN_IF_ERROR(reader.Read(kind, file));
  }
  return reader.Finish();
}

// What the administrator's configuration says of commands and receivers.
Status UseConfiguration(const ReplayOptions& options, replay::ReplayInput& input) {
  SALVE_ASSIGN_OR_RETURN(const auto configuration, runtime::ReadConfiguration(options.config));
  input.exec_allow = configuration.exec.allow;
  input.clears = runtime::ClearsAfterOf(configuration.receivers);
  // Where the configuration does not know them: Alertmanager says itself when it is over.
  input.clears.try_emplace(kAlertmanagerReceiver, 0);
  input.clears.try_emplace(options.receiver, 0);
  for (const auto& receiver : configuration.receivers) {
    input.receiver_namespaces[receiver.name] = receiver.allowed_namespaces;
  }
  return Status::Ok();
}

StatusOr<replay::ReplayInput> MakeInput(const ReplayOptions& options, std::optional<WallTime> from,
                                        std::optional<WallTime> to) {
  SALVE_ASSIGN_OR_RETURN(PolicyFiles files, ReadPolicyFiles(options.policies));
  for (const std::string& unused : files.unused) {
    std::fprintf(stderr, "salve replay: not used: %s\n", healing::EscapeTerminal(unused).c_str());
  }
  replay::ReplayInput input;
  input.policies = std::move(files.policies);
  input.guardrails = std::move(files.guardrails);
  input.namespace_labels = std::move(files.namespace_labels);
  for (v1::HealingPolicy& policy : input.policies) {
    if (!options.mode.empty()) policy.spec.mode = options.mode;
  }
  SALVE_RETURN_IF_ERROR(UseConfiguration(options, input));
  SALVE_ASSIGN_OR_RETURN(input.record, ReadRecord(options, from, to));
  input.until = to;
  return input;
}

// --- for people
// -------------------------------------------------------------------------------------------------

// To the second: a report is about hours.
std::string Second(const std::string& time) {
  const auto at = ParseTime(time);
  return at ? FormatTime(*at) : time;
}

std::string Head(const Json& report) {
  const auto read = [&](const char* name) {
    return std::to_string(GetInt(report, {"read", name}));
  };
  std::string out = "Replayed " + read("alerts") + " alerts and " + read("incidents") +
                    " incidents from " + Second(GetString(report, {"from"})) + " to " +
                    Second(GetString(report, {"to"})) + "; time ended at " +
                    Second(GetString(report, {"until"})) + ".\n";
  if (GetInt(report, {"read", "outOfOrder"}) > 0) {
    out += read("outOfOrder") + " were older than what stood before them; they are sorted.\n";
  }
  if (GetInt(report, {"read", "ofSchedules"}) > 0) {
    out += read("ofSchedules") + " incidents of schedules are left out: they are no illness.\n";
  }
  if (GetInt(report, {"read", "outsideFromTo"}) > 0) {
    out += read("outsideFromTo") + " records outside --from and --to are left out.\n";
  }
  for (const Json& note : report["notes"]) {
    out += "Note: " + healing::EscapeTerminal(note.get<std::string>()) + "\n";
  }
  out += "Taken for granted:\n";
  for (const Json& line : report["assumptions"]) out += "- " + line.get<std::string>() + "\n";
  return out;
}

std::string BlockedText(const Json& blocked) {
  std::string out;
  for (const auto& [gate, count] : blocked.items()) {
    out += (out.empty() ? "" : ", ") + gate + " " + std::to_string(count.get<std::int64_t>());
  }
  return out.empty() ? "-" : out;
}

std::string PolicyTable(const Json& report) {
  std::vector<std::vector<std::string>> rows = {{"POLICY", "MODE", "SIGNALS", "INCIDENTS",
                                                 "ACTIONS", "APPROVALS", "ESCALATIONS", "OPEN",
                                                 "BLOCKED"}};
  for (const Json& policy : report["policies"]) {
    const auto count = [&](const char* name) { return std::to_string(GetInt(policy, {name})); };
    rows.push_back({GetString(policy, {"policy"}), GetString(policy, {"mode"}), count("signals"),
                    count("incidents"), count("actions"), count("needApproval"),
                    count("escalations"), std::to_string(GetInt(policy, {"outcomes", "Open"})),
                    BlockedText(policy["blocked"])});
  }
  return cli::FormatColumns(rows);
}

// Who could approve, for people who read the line.
std::string WhoApproves(const Json& decision, const std::string& policy) {
  if (GetString(decision, {"decision"}) != "NeedsApproval") return "";
  return " with the right to approve healingpolicy " + policy;
}

// The sentence that goes with a decision, for -o wide.
std::string Sentence(const Json& decision) {
  const std::string message = GetString(decision, {"message"});
  if (!message.empty()) return message;
  if (decision.contains("gates")) return GetString(decision["gates"].front(), {"message"});
  return GetString(decision, {"command"});
}

std::string CourseTable(const Json& report, bool wide) {
  // By time, whatever incident it is of.
  std::vector<std::pair<std::string, std::vector<std::string>>> all;
  for (const Json& incident : report["incidents"]) {
    const std::string policy = GetString(incident, {"policy"});
    const auto add = [&](const std::string& at, const std::string& what,
                         const std::string& sentence) {
      std::vector<std::string> row = {Second(at), policy, GetString(incident, {"target"}), what};
      if (wide) row.push_back(sentence);
      all.emplace_back(at, std::move(row));
    };
    add(GetString(incident, {"at"}), "Matches: " + GetString(incident, {"trigger"}),
        GetString(incident, {"message"}));
    for (const Json& decision : incident["course"]) {
      add(GetString(decision, {"at"}),
          replay::DecisionLine(decision) + WhoApproves(decision, policy), Sentence(decision));
    }
  }
  if (all.empty()) return "No incident would have come of it.\n";
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::vector<std::string>> rows = {{"TIME", "POLICY", "TARGET", "DECISION"}};
  if (wide) rows.front().emplace_back("MESSAGE");
  const std::size_t shown = wide ? all.size() : std::min(all.size(), kMaxRows);
  for (std::size_t i = 0; i < shown; ++i) rows.push_back(std::move(all[i].second));
  std::string out = cli::FormatColumns(rows);
  if (shown < all.size()) {
    out += "… and " + std::to_string(all.size() - shown) + " more: -o wide shows all of them.\n";
  }
  return out;
}

std::string UnmatchedTable(const Json& report) {
  const Json& unmatched = report["unmatched"];
  if (unmatched.empty()) return "Everything was matched by a policy.\n";
  std::vector<std::vector<std::string>> rows = {
      {"NO POLICY", "NAME", "COUNT", "FIRST", "LAST", "WHY"}};
  for (const Json& one : unmatched) {
    rows.push_back({GetString(one, {"what"}), GetString(one, {"name"}),
                    std::to_string(GetInt(one, {"count"})), Second(GetString(one, {"first"})),
                    Second(GetString(one, {"last"})), GetString(one, {"why"})});
  }
  return cli::FormatColumns(rows);
}

std::string DifferencesText(const std::vector<replay::ReplayDifference>& differences) {
  std::string out;
  for (const replay::ReplayDifference& one : differences) {
    out += healing::EscapeTerminal(one.where) + "\n";
    for (const std::string& line : one.missing) out += "- " + healing::EscapeTerminal(line) + "\n";
    for (const std::string& line : one.unexpected) {
      out += "+ " + healing::EscapeTerminal(line) + "\n";
    }
  }
  return out;
}

Json DifferencesJson(const std::vector<replay::ReplayDifference>& differences) {
  Json out = Json::array();
  for (const replay::ReplayDifference& one : differences) {
    out.push_back({{"where", one.where}, {"missing", one.missing}, {"unexpected", one.unexpected}});
  }
  return out;
}

bool PrintReport(const cli::OutputFormat& format, Json report) {
  if (!format.table()) return cli::Print(cli::FormatObject(format, std::move(report)));
  const bool wide = format.kind == cli::OutputFormat::Kind::kWide;
  std::string text = Head(report) + "\n" + PolicyTable(report) + "\n" + CourseTable(report, wide);
  return cli::Print(text + "\n" + UnmatchedTable(report));
}

// --- expectations
// -----------------------------------------------------------------------------------------------

Status WriteExpectation(const std::string& path, const Json& report) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << replay::ReplayExpectation(report).dump(2, ' ', false, Json::error_handler_t::replace)
       << "\n";
  file.close();
  if (!file) return PermissionDeniedError(path + ": cannot be written");
  return Status::Ok();
}

StatusOr<std::vector<replay::ReplayDifference>> Compare(const std::string& path,
                                                        const Json& report) {
  std::vector<Status> errors;
  const std::vector<cli::InputObject> objects = cli::ReadObjects(path, errors);
  if (!errors.empty()) return errors.front();
  if (objects.size() != 1) {
    return InvalidArgumentError(path + ": expected one object, found " +
                                std::to_string(objects.size()));
  }
  auto differences = replay::CompareReplay(objects.front().value, report);
  if (!differences.ok()) return differences.status().Annotate(objects.front().where);
  return differences;
}

int Judge(const ReplayOptions& options, const cli::OutputFormat& format, Json report) {
  std::vector<replay::ReplayDifference> differences;
  if (!options.expect.empty()) {
    auto compared = Compare(options.expect, report);
    if (!compared.ok()) return cli::Fail("replay", compared.status());
    differences = std::move(compared).value();
    report["differences"] = DifferencesJson(differences);
  }
  if (!options.write_expectation.empty()) {
    const Status written = WriteExpectation(options.write_expectation, report);
    if (!written.ok()) return cli::Fail("replay", written);
  }
  if (!PrintReport(format, std::move(report))) return kExitFailure;
  if (differences.empty()) return kExitOk;
  std::fprintf(stderr, "salve replay: not as %s expects (- expected, + found):\n%s",
               healing::EscapeTerminal(options.expect).c_str(),
               DifferencesText(differences).c_str());
  return kExitDifferent;
}

int Replay(const ReplayOptions& options) {
  const auto format = cli::ParseOutput(options.output);
  if (!format.ok()) return cli::FailUsage("replay", format.status());
  if (const Status usage = CheckUsage(options, *format); !usage.ok()) {
    return cli::FailUsage("replay", usage);
  }
  const auto from = TimeOption("--from", options.from);
  if (!from.ok()) return cli::FailUsage("replay", from.status());
  const auto to = TimeOption("--to", options.to);
  if (!to.ok()) return cli::FailUsage("replay", to.status());
  if (*from && *to && **from > **to) {
    return cli::FailUsage("replay", InvalidArgumentError("--from is after --to"));
  }
  SetLogLevel(Severity::kError);
  const auto input = MakeInput(options, *from, *to);
  if (!input.ok()) return cli::Fail("replay", input.status());
  const auto result = replay::Replay(*input);
  if (!result.ok()) return cli::Fail("replay", result.status());
  return Judge(options, *format, replay::ReplayReport(*result));
}

}  // namespace

void AddReplay(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ReplayOptions>();
  std::string description =
      "Show what policies would have made of recorded alerts and incidents; asks no server, "
      "changes "
      "nothing.\nTaken for granted:";
  for (const std::string& line : replay::ReplayAssumptions()) description += "\n- " + line;
  cli::Command command(app, "replay", description,
                       "salve replay --policies policies/ --incidents incidents.json "
                       "--expect expected.json");
  command
      .Option("--policies", options->policies,
              "Directory or file with HealingPolicies and HealingGuardrails")
      .Required();
  command.Options("--history", options->histories,
                  "Salve's own record: its log, salve signals -o json, incidents; - is standard "
                  "input");
  command.Options("--alertmanager-log", options->alertmanager_logs,
                  "Webhook payloads of Alertmanager, as JSON lines");
  command.Options("--incidents", options->incidents,
                  "What salve get incidents -A -o json (or yaml) printed");
  command.Option("--receiver", options->receiver,
                 "Name of the receiver that --alertmanager-log is taken to have come in by");
  command.Option("--from", options->from, "Leave out what is older (RFC 3339)");
  command.Option("--to", options->to, "Leave out what is newer; time ends there (RFC 3339)");
  command.Option("--mode", options->mode, "Replay all policies as if they had this mode")
      .OneOf({v1::kModeObserve, v1::kModeDryRun, v1::kModeApprove, v1::kModeAuto});
  command.Option("--config", options->config,
                 "ControllerConfiguration file (YAML), for exec.allow and receivers");
  command.Option("-o,--output", options->output, "wide, json, yaml or jsonpath=TEMPLATE");
  command.Option("--expect", options->expect,
                 "Compare with what --write-expectation wrote; exit code 8 if it is not the same");
  command.Option("--write-expectation", options->write_expectation,
                 "Write to this file what is found, for --expect");
  command.Run(exit_code, [options] { return Replay(*options); });
}

}  // namespace salve::commands
