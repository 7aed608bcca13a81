// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/cli/export.h"
#include "controller/cli/output.h"
#include "controller/cli/results.h"
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
  std::string labels;
  std::string output;
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
std::vector<Json> Events(cli::Session& session, const Json& object) {
  client::ListOptions list;
  list.ns = cli::TextAt(object, {"metadata", "namespace"});
  if (list.ns.empty()) list.ns = "default";
  list.field_selector = "involvedObject.uid=" + cli::TextAt(object, {"metadata", "uid"});
  auto events = session.client().List({"", "v1", "events", "Event", true}, list);
  if (!events.ok()) return {};
  return std::move(events->items);
}

std::string EventTable(const std::vector<Json>& events) {
  std::vector<std::vector<std::string>> rows = {{"TYPE", "REASON", "AT", "MESSAGE"}};
  for (const Json& event : events) {
    std::string at;
    for (const char* field : {"lastTimestamp", "eventTime", "firstTimestamp"}) {
      if (at.empty()) at = cli::TextAt(event, {field});
    }
    if (at.empty()) at = cli::TextAt(event, {"metadata", "creationTimestamp"});
    std::vector<std::string> row = {cli::TextAt(event, {"type"}), cli::TextAt(event, {"reason"}),
                                    std::move(at), cli::TextAt(event, {"message"})};
    for (std::string& cell : row) cell = healing::EscapeTerminal(cell);
    rows.push_back(std::move(row));
  }
  return rows.size() == 1 ? "events: none\n" : "events:\n" + cli::FormatColumns(rows);
}

std::string Text(const cli::ResourceType& type, const Json& object,
                 const std::vector<Json>& events) {
  return type.Prefix() + "/" + cli::TextAt(object, {"metadata", "name"}) + ", created " +
         cli::TextAt(object, {"metadata", "creationTimestamp"}) + "\n" +
         Clean(apis::yaml::Emit(cli::WithoutServerFields(object, true))) + EventTable(events);
}

// The objects that are asked for: by name, or all of the type in the namespace.
StatusOr<std::vector<Json>> Fetch(cli::Session& session, const cli::ResourceType& type,
                                  const std::string& name, const std::string& labels) {
  const std::string ns = type.info.namespaced ? session.ns() : "";
  if (!name.empty()) {
    SALVE_ASSIGN_OR_RETURN(Json object, session.client().Get(type.info, {ns, name}));
    return std::vector<Json>{std::move(object)};
  }
  client::ListOptions list;
  list.ns = ns;
  list.label_selector = labels;
  SALVE_ASSIGN_OR_RETURN(auto found, session.client().List(type.info, list));
  return std::move(found.items);
}

int Describe(const DescribeOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("describe", results.status());
  const auto wanted = cli::ParseWanted(options.arguments);
  if (!wanted.ok()) return cli::FailUsage("describe", wanted.status());
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("describe", session.status());
  int exit_code = kExitOk;
  const char* gap = "";
  for (const cli::Wanted& want : *wanted) {
    const auto types = (*session)->Kinds(want.type);
    if (!types.ok()) return cli::FailUsage("describe", types.status());
    std::vector<std::string> names = want.names;
    if (names.empty()) names.push_back("");
    for (const cli::ResourceType& type : *types) {
      for (const std::string& name : names) {
        const auto objects = Fetch(**session, type, name, options.labels);
        if (!objects.ok()) exit_code = cli::Fail("describe", objects.status());
        if (!objects.ok()) continue;
        for (const Json& object : *objects) {
          const std::vector<Json> events = Events(**session, object);
          results->Add(std::exchange(gap, "\n") + Text(type, object, events),
                       type.Prefix() + "/" + cli::TextAt(object, {"metadata", "name"}),
                       {{"object", object}, {"events", events}});
        }
      }
    }
  }
  return results->Finish(exit_code);
}

}  // namespace

void AddDescribe(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DescribeOptions>();
  cli::Command command(app, "describe", "Show everything about a resource, with its events",
                       "salve describe incident redis-1\n  salve describe healingguardrails");
  command.Options("what", options->arguments, "TYPE [NAME…] or TYPE/NAME…").Required();
  command.Option("-l,--selector", options->labels, "Without a name: those with these labels");
  cli::DeclareOutput(command, options->output);
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Describe(*options); });
}

}  // namespace salve::commands
