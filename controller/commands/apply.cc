// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "controller/cli/input.h"
#include "controller/cli/merge.h"
#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/client/wire.h"
#include "pkg/http/url.h"

namespace salve::commands {
namespace {

using cli::Json;

struct ApplyOptions {
  cli::ClientOptions client;
  std::vector<std::string> files;
  std::string dry_run = "none";
  std::string output;
};

// What was done to one object, and the object as the server has it then.
struct Applied {
  std::string word;  // created, configured or unchanged
  Json object;
};

// An unknown field is an error, not something that the server drops silently.
std::string WithQuery(const std::string& path, const ApplyOptions& options) {
  http::Query query{{"fieldManager", "kubectl-client-side-apply"}, {"fieldValidation", "Strict"}};
  if (options.dry_run == "server") query.Add("dryRun", "All");
  return path + "?" + query.Encode();
}

// Creates the object, or changes the one that is there.
StatusOr<Applied> ApplyOne(const ApplyOptions& options, cli::Session& session,
                           const cli::ResourceType& type, const Json& object) {
  const std::string ns = cli::TextAt(object, {"metadata", "namespace"});
  const std::string name = cli::TextAt(object, {"metadata", "name"});
  const Json wanted = cli::WithLastApplied(object);
  const std::string path = client::ResourcePath(type.info, ns, name, "");
  auto live = session.Call("GET", path);
  if (!live.ok()) {
    if (live.code() != Code::kNotFound) return live.status();
    auto created =
        session.Call("POST", WithQuery(client::ResourcePath(type.info, ns, "", ""), options),
                     "application/json", wanted);
    if (!created.ok()) return created.status();
    return Applied{"created", std::move(created).value()};
  }
  Json patch = cli::ThreeWayPatch(cli::LastApplied(*live), wanted, *live);
  // Whoever changed only its spelling has changed nothing.
  Json rest = patch;
  if (rest.contains("metadata") && rest["metadata"].contains("annotations")) {
    rest["metadata"]["annotations"].erase(cli::kLastApplied);
    if (rest["metadata"]["annotations"].empty()) rest["metadata"].erase("annotations");
    if (rest["metadata"].empty()) rest.erase("metadata");
  }
  if (patch.empty() || (rest.empty() && !cli::LastApplied(*live).is_null())) {
    return Applied{"unchanged", std::move(live).value()};
  }
  auto patched =
      session.Call("PATCH", WithQuery(path, options), "application/merge-patch+json", patch);
  if (!patched.ok()) return patched.status();
  return Applied{"configured", std::move(patched).value()};
}

Status ApplyInput(const ApplyOptions& options, cli::Session& session, cli::InputObject input,
                  cli::Results& results) {
  auto type = session.KindOf(input.value);
  if (!type.ok()) return type.status();
  if (cli::TextAt(input.value, {"metadata", "name"}).empty()) {
    return InvalidArgumentError("metadata.name must be set");
  }
  if (type->info.namespaced && cli::TextAt(input.value, {"metadata", "namespace"}).empty()) {
    input.value["metadata"]["namespace"] = session.ns();
  }
  const std::string ns = cli::TextAt(input.value, {"metadata", "namespace"});
  if (type->info.namespaced && !options.client.ns.empty() && ns != options.client.ns) {
    return InvalidArgumentError("metadata.namespace is " + ns + ", -n says " + options.client.ns);
  }
  auto done = ApplyOne(options, session, *type, input.value);
  if (!done.ok()) return done.status();
  const char* suffix = options.dry_run == "server" ? " (server dry run)" : "";
  const std::string label = type->Prefix() + "/" + cli::TextAt(input.value, {"metadata", "name"});
  results.Add(label + " " + done->word + suffix + "\n", label, std::move(done->object));
  return Status::Ok();
}

int Apply(const ApplyOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("apply", results.status());
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("apply", session.status());
  std::vector<Status> errors;
  std::vector<cli::InputObject> inputs;
  for (const std::string& file : options.files) {
    for (cli::InputObject& input : cli::ReadObjects(file, errors))
      inputs.push_back(std::move(input));
  }
  for (cli::InputObject& input : inputs) {
    const std::string where = input.where;
    const Status status = ApplyInput(options, **session, std::move(input), *results);
    if (status.ok()) continue;
    errors.push_back(status.Annotate(where));
    // Every further document would wait for the same time-out.
    if (status.code() == Code::kUnavailable) break;
  }
  int exit_code = kExitOk;
  for (const Status& error : errors) {
    const int code = cli::Fail("apply", error);
    exit_code = exit_code == kExitOk || exit_code == code ? code : kExitFailure;
  }
  if (exit_code == kExitOk && inputs.empty()) {
    return cli::Fail("apply", InvalidArgumentError("nothing to apply: the input is empty"));
  }
  return results->Finish(exit_code);
}

}  // namespace

void AddApply(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ApplyOptions>();
  cli::Command command(app, "apply", "Create or change resources as files say",
                       "salve apply -f policy.yaml\n  salve apply -f manifests/ -n shop");
  command.Options("-f,--filename", options->files, "File, directory or - (stdin); may be repeated")
      .Required();
  command.Option("--dry-run", options->dry_run, "server: check everything, store nothing")
      .OneOf({"none", "server"});
  cli::DeclareOutput(command, options->output);
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Apply(*options); });
}

}  // namespace salve::commands
