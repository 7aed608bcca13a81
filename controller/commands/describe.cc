// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/cli/export.h"
#include "controller/cli/output.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/apis/yaml/yaml.h"
#include "pkg/client/wire.h"
#include "pkg/healing/explain.h"

namespace salve::commands {
namespace {

using cli::Json;

struct DescribeOptions {
  cli::ClientOptions client;
  std::vector<std::string> arguments;
};

// YAML is made of escaped strings, but for printable text outside ASCII that could turn a line
// around.
std::string Clean(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += healing::EscapeTerminal(std::string_view(text).substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return out;
}

// The events about an object; none where they cannot be read: they are an extra.
std::string Events(cli::Session& session, const Json& object) {
  client::ListOptions list;
  list.ns = cli::TextAt(object, {"metadata", "namespace"});
  if (list.ns.empty()) list.ns = "default";
  const auto events = session.client().List({"events.k8s.io", "v1", "events", "Event", true}, list);
  if (!events.ok()) return "";
  std::vector<std::vector<std::string>> rows = {{"TYPE", "REASON", "AT", "MESSAGE"}};
  for (const Json& event : events->items) {
    if (cli::TextAt(event, {"regarding", "uid"}) != cli::TextAt(object, {"metadata", "uid"}))
      continue;
    std::string at = cli::TextAt(event, {"eventTime"});
    if (at.empty()) at = cli::TextAt(event, {"metadata", "creationTimestamp"});
    rows.push_back({healing::EscapeTerminal(cli::TextAt(event, {"type"})),
                    healing::EscapeTerminal(cli::TextAt(event, {"reason"})),
                    healing::EscapeTerminal(at),
                    healing::EscapeTerminal(cli::TextAt(event, {"note"}))});
  }
  return rows.size() == 1 ? "events: none\n" : "events:\n" + cli::FormatColumns(rows);
}

int Describe(const DescribeOptions& options) {
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("describe", session.status());
  const auto wanted = cli::ParseWanted(options.arguments);
  if (!wanted.ok()) {
    cli::Fail("describe", wanted.status());
    return kExitUsage;
  }
  int exit_code = kExitOk;
  bool first = true;
  for (const cli::Wanted& want : *wanted) {
    const auto types = (*session)->Kinds(want.type);
    if (!types.ok()) return cli::Fail("describe", types.status());
    for (const std::string& name : want.names) {
      auto object = (*session)->client().Get(types->front().info, {(*session)->ns(), name});
      if (!object.ok()) {
        exit_code = cli::Fail("describe", object.status());
        continue;
      }
      const std::string events = Events(**session, *object);
      const std::string created = cli::TextAt(*object, {"metadata", "creationTimestamp"});
      if (!std::exchange(first, false)) cli::Print("\n");
      cli::Print(
          types->front().Prefix() + "/" + name + ", created " + created + "\n" +
          Clean(apis::yaml::Emit(cli::WithoutServerFields(std::move(object).value(), true))) +
          events);
    }
    if (want.names.empty()) {
      cli::Fail("describe", InvalidArgumentError("say which " + want.type + ": a name is missing"));
      return kExitUsage;
    }
  }
  return exit_code;
}

}  // namespace

void AddDescribe(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DescribeOptions>();
  cli::Command command(app, "describe", "Show everything about a resource, with its events",
                       "salve describe incident redis-1");
  command.Options("what", options->arguments, "TYPE NAME… or TYPE/NAME…").Required();
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Describe(*options); });
}

}  // namespace salve::commands
