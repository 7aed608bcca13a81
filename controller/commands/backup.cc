// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/backup.h"

#include <memory>
#include <set>

#include "controller/cli/export.h"
#include "controller/cli/output.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/apis/yaml/yaml.h"

// Copies of what salve standalone keeps: backup and restore of its database, export of its objects
// as YAML.
namespace salve::commands {
namespace {

struct BackupOptions {
  std::string data_dir = "/var/lib/salve";
  std::string file;
};

int Backup(const BackupOptions& options) {
  const Status status = apiserver::BackupDataDir(options.data_dir, options.file);
  if (!status.ok()) return cli::Fail("backup", status);
  cli::Print("backup of " + options.data_dir + " written to " + options.file + "\n");
  return kExitOk;
}

int Restore(const BackupOptions& options) {
  const Status status = apiserver::RestoreDataDir(options.data_dir, options.file);
  if (!status.ok()) return cli::Fail("restore", status);
  cli::Print("database of " + options.data_dir + " restored from " + options.file + "\n");
  return kExitOk;
}

struct ExportOptions {
  cli::ClientOptions client;
  std::string kinds = "healingguardrails,healingpolicies";
  bool all_namespaces = false;
  bool status = false;
  std::string output = "yaml";
};

// Namespaces that every server has, or that belong to it.
bool IsOrdinary(const std::string& ns) {
  return !ns.empty() && ns != "default" && ns.rfind("kube-", 0) != 0;
}

std::string Format(const std::vector<cli::Json>& objects, const std::string& output) {
  if (output == "json") {
    return cli::FormatObject({cli::OutputFormat::Kind::kJson, {}},
                             {{"apiVersion", "v1"}, {"kind", "List"}, {"items", objects}});
  }
  std::string out;
  for (const cli::Json& object : objects) out += "---\n" + apis::yaml::Emit(object);
  return out;
}

int Export(const ExportOptions& options) {
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("export", session.status());
  const auto types = (*session)->Kinds(options.kinds);
  if (!types.ok()) return cli::FailUsage("export", types.status());
  std::set<std::string> namespaces;
  std::vector<cli::Json> objects;
  for (const cli::ResourceType& type : *types) {
    client::ListOptions list;
    if (!options.all_namespaces) list.ns = (*session)->ns();
    auto found = (*session)->client().List(type.info, list);
    if (!found.ok()) return cli::Fail("export", found.status());
    for (cli::Json& item : found->items) {
      const std::string ns = cli::TextAt(item, {"metadata", "namespace"});
      if (IsOrdinary(ns)) namespaces.insert(ns);
      objects.push_back(cli::WithoutServerFields(std::move(item), options.status));
    }
  }
  // First of all what the others are in, or they could not be applied elsewhere.
  std::vector<cli::Json> all;
  for (const std::string& ns : namespaces) {
    all.push_back({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", ns}}}});
  }
  all.insert(all.end(), objects.begin(), objects.end());
  // All or nothing: half an export looks like a whole one.
  return cli::Print(Format(all, options.output)) ? kExitOk : kExitFailure;
}

}  // namespace

void AddBackup(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<BackupOptions>();
  cli::Command command(app, "backup", "Copy the database of salve standalone, also while it runs",
                       "salve backup --data-dir /var/lib/salve -o salve.backup");
  command.Option("--data-dir", options->data_dir, "The data directory of salve standalone");
  command.Option("-o,--output", options->file, "New file for the copy").Required();
  command.Run(exit_code, [options] { return Backup(*options); });
}

void AddRestore(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<BackupOptions>();
  cli::Command command(app, "restore", "Make the database of an empty data directory from a backup",
                       "salve restore --data-dir /var/lib/salve salve.backup");
  command.Option("--data-dir", options->data_dir, "Data directory without a database");
  command.Option("file", options->file, "What salve backup wrote").Required();
  command.Run(exit_code, [options] { return Restore(*options); });
}

void AddExport(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ExportOptions>();
  cli::Command command(
      app, "export",
      "Print policies and guardrails, with their namespaces, ready to be applied elsewhere",
      "salve export -A > salve.yaml");
  command.Option("--types", options->kinds, "Which types");
  command.Flag("-A,--all-namespaces", options->all_namespaces, "Of all namespaces");
  command.Flag("--status", options->status, "With their status");
  command.Option("-o,--output", options->output, "yaml or json").OneOf({"yaml", "json"});
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Export(*options); });
}

}  // namespace salve::commands
