// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/apis/yaml/yaml.h"
#include "pkg/client/wire.h"

namespace salve::commands {
namespace {

using cli::Json;

struct PatchOptions {
  cli::ClientOptions client;
  std::vector<std::string> arguments;
  std::string patch;
  std::string type = "merge";
  std::string output;
};

// One object: what is asked for by its name. JSON or YAML, as for kubectl.
StatusOr<Json> ParsePatch(const PatchOptions& options) {
  auto document = apis::yaml::ParseOne(options.patch);
  if (!document.ok()) return document.status().Annotate("-p");
  const bool list = options.type == "json";
  if (list ? !document->value.is_array() : !document->value.is_object()) {
    return InvalidArgumentError(list ? "-p: a JSON patch is a list of operations"
                                     : "-p: a merge patch is an object");
  }
  return std::move(document->value);
}

int Patch(const PatchOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("patch", results.status());
  const auto patch = ParsePatch(options);
  if (!patch.ok()) return cli::FailUsage("patch", patch.status());
  const auto wanted = cli::ParseWanted(options.arguments);
  if (!wanted.ok()) return cli::FailUsage("patch", wanted.status());
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("patch", session.status());
  int exit_code = kExitOk;
  for (const cli::Wanted& want : *wanted) {
    const auto types = (*session)->Kinds(want.type);
    if (!types.ok()) return cli::FailUsage("patch", types.status());
    if (types->size() != 1 || want.names.empty()) {
      return cli::FailUsage("patch", InvalidArgumentError("say which: TYPE NAME or TYPE/NAME"));
    }
    const cli::ResourceType& type = types->front();
    for (const std::string& name : want.names) {
      const std::string path =
          client::ResourcePath(type.info, type.info.namespaced ? (*session)->ns() : "", name, "");
      auto done = (*session)->Call("PATCH", path + "?fieldManager=salve&fieldValidation=Strict",
                                   "application/" + options.type + "-patch+json", *patch);
      if (!done.ok()) {
        exit_code = cli::Fail("patch", done.status());
        continue;
      }
      const std::string label = type.Prefix() + "/" + name;
      results->Add(label + " patched\n", label, std::move(done).value());
    }
  }
  return results->Finish(exit_code);
}

}  // namespace

void AddPatch(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<PatchOptions>();
  cli::Command command(app, "patch", "Change some fields of a resource",
                       "salve patch healingpolicy redis -p '{\"spec\":{\"mode\":\"Approve\"}}'");
  command.Options("what", options->arguments, "TYPE NAME… or TYPE/NAME…").Required();
  command.Option("-p,--patch", options->patch, "The change, as JSON or YAML").Required();
  command
      .Option("--type", options->type, "merge: fields are replaced, null removes; json: operations")
      .OneOf({"merge", "json"});
  cli::DeclareOutput(command, options->output);
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Patch(*options); });
}

}  // namespace salve::commands
