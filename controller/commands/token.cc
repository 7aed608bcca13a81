// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/apiserver/tokens.h"
#include "pkg/base/random.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/explain.h"

// Who may speak to `salve standalone`: works on its data directory, also while it runs.
namespace salve::commands {
namespace {

struct TokenOptions {
  std::string data_dir = "/var/lib/salve";
  std::string id;
  std::string user;
  std::vector<std::string> groups;
  std::vector<std::string> namespaces;
  std::string ttl;
  std::string description;
  std::string output;
};

cli::Json ToJson(const apiserver::TokenRecord& record) {
  return {{"id", record.id},
          {"user", record.identity.user},
          {"groups", record.identity.groups},
          {"namespaces", record.identity.namespaces},
          {"description", record.description},
          {"created", record.created},
          {"expires", record.expires}};
}

StatusOr<std::unique_ptr<apiserver::TokenStore>> OpenStore(const TokenOptions& options) {
  return apiserver::TokenStore::Open(options.data_dir, SystemClock(), SystemRandom());
}

int Create(const TokenOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("token create", results.status());
  apiserver::TokenRecord record;
  record.identity.user = options.user;
  record.identity.groups = options.groups;
  record.identity.namespaces = options.namespaces;
  record.description = options.description;
  if (!options.ttl.empty()) {
    const auto ttl = cli::ParseDuration(options.ttl);
    if (!ttl.ok()) return cli::FailUsage("token create", ttl.status());
    record.expires = FormatTime(SystemClock().Now() + *ttl);
  }
  const auto store = OpenStore(options);
  if (!store.ok()) return cli::Fail("token create", store.status());
  const auto token = (*store)->Add(std::move(record));
  if (!token.ok()) return cli::Fail("token create", token.status());
  // Only the secret, so that a script can keep it; it is not shown again.
  cli::Json value = ToJson(token->record);
  value["token"] = token->secret;
  results->Add(token->secret + "\n", token->record.id, std::move(value));
  return results->Finish(kExitOk);
}

std::string Join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ",") + word;
  return healing::EscapeTerminal(out.empty() ? "<none>" : out);
}

int List(const TokenOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("token list", results.status());
  const auto store = OpenStore(options);
  if (!store.ok()) return cli::Fail("token list", store.status());
  std::vector<std::vector<std::string>> rows = {
      {"ID", "USER", "GROUPS", "NAMESPACES", "CREATED", "EXPIRES"}};
  for (const apiserver::TokenRecord& record : (*store)->List()) {
    if (!results->text()) results->Add("", record.id, ToJson(record));
    rows.push_back({record.id, healing::EscapeTerminal(record.identity.user),
                    Join(record.identity.groups), Join(record.identity.namespaces), record.created,
                    record.expires.empty() ? "never" : record.expires});
  }
  if (results->text()) cli::Print(cli::FormatColumns(rows));
  return results->Finish(kExitOk, true);
}

int Revoke(const TokenOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("token revoke", results.status());
  const auto store = OpenStore(options);
  if (!store.ok()) return cli::Fail("token revoke", store.status());
  const Status status = (*store)->Revoke(options.id);
  if (!status.ok()) return cli::Fail("token revoke", status);
  results->Add("token " + options.id + " revoked\n", options.id,
               {{"id", options.id}, {"revoked", true}});
  return results->Finish(kExitOk);
}

}  // namespace

void AddToken(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<TokenOptions>();
  cli::Command token(app, "token", "Say who may speak to salve standalone",
                     "salve token create --user alice --group salve:approvers");
  token.NeedsSub();
  const auto data_dir = [&options](cli::Command& command) {
    command.Option("--data-dir", options->data_dir, "The data directory of salve standalone");
    cli::DeclareOutput(command, options->output);
  };
  cli::Command create =
      token.Sub("create", "Make a token; prints its secret once",
                "salve token create --user alice --group salve:approvers --ttl 30d");
  create.Option("--user", options->user, "Who it stands for").Required();
  create.Options("--group", options->groups, "Groups of the user; may be repeated");
  create.Options("--namespace", options->namespaces, "Only in these namespaces; may be repeated");
  create.Option("--ttl", options->ttl, "Ends after so long, as 30d; without it never").IsDuration();
  create.Option("--description", options->description, "What it is for");
  data_dir(create);
  create.Run(exit_code, [options] { return Create(*options); });
  cli::Command list =
      token.Sub("list", "Show all tokens, without their secrets", "salve token list");
  data_dir(list);
  list.Run(exit_code, [options] { return List(*options); });
  cli::Command revoke = token.Sub("revoke", "End a token", "salve token revoke 4f1c22aa");
  revoke.Option("id", options->id, "As salve token list shows it").Required();
  data_dir(revoke);
  revoke.Run(exit_code, [options] { return Revoke(*options); });
}

}  // namespace salve::commands
