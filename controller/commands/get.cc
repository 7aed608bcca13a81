// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "controller/cli/output.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/client/wire.h"
#include "pkg/http/url.h"

namespace salve::commands {
namespace {

using cli::Json;
using cli::OutputFormat;

constexpr char kAcceptTable[] = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

struct GetOptions {
  cli::ClientOptions client;
  std::vector<std::string> arguments;
  std::string output;
  std::string labels;
  std::string fields;
  bool all_namespaces = false;
  bool no_headers = false;
  bool watch = false;
};

// One GET: a list of a type, or one object of it.
struct Fetch {
  cli::ResourceType type;
  std::string name;  // "" = list
};

class Getter {
 public:
  Getter(const GetOptions& options, cli::Session& session, OutputFormat format)
      : options_(options), session_(session), format_(std::move(format)) {}

  int Run() {
    const auto fetches = Plan();
    if (!fetches.ok()) return cli::FailUsage("get", fetches.status());
    if (options_.watch) return Watch(*fetches);
    int exit_code = kExitOk;
    std::vector<std::pair<Fetch, Json>> answers;
    for (const Fetch& fetch : *fetches) {
      auto answer =
          session_.Call("GET", Target(fetch, {}), "", nullptr, format_.table() ? kAcceptTable : "");
      if (answer.ok()) {
        answers.emplace_back(fetch, std::move(answer).value());
      } else {
        exit_code = cli::Fail("get", answer.status());
      }
    }
    if (format_.table()) {
      PrintTables(answers);
    } else {
      PrintObjects(answers, fetches->size() == 1 && !(*fetches)[0].name.empty());
    }
    return exit_code;
  }

 private:
  StatusOr<std::vector<Fetch>> Plan() {
    SALVE_ASSIGN_OR_RETURN(const auto wanted, cli::ParseWanted(options_.arguments));
    std::vector<Fetch> fetches;
    for (const cli::Wanted& want : wanted) {
      SALVE_ASSIGN_OR_RETURN(const auto types, session_.Kinds(want.type));
      for (const cli::ResourceType& type : types) {
        if (want.names.empty()) fetches.push_back({type, ""});
        for (const std::string& name : want.names) fetches.push_back({type, name});
      }
    }
    const bool selected = !options_.labels.empty() || !options_.fields.empty();
    if (!fetches[0].name.empty() && (selected || options_.all_namespaces)) {
      return InvalidArgumentError("names and -l, --field-selector or -A exclude each other");
    }
    if (options_.watch && fetches.size() != 1) {
      return InvalidArgumentError("-w follows one type or one object");
    }
    return fetches;
  }

  std::string Target(const Fetch& fetch, http::Query query) const {
    if (!options_.labels.empty()) query.Add("labelSelector", options_.labels);
    if (!options_.fields.empty()) query.Add("fieldSelector", options_.fields);
    const std::string path = client::ResourcePath(
        fetch.type.info, options_.all_namespaces ? "" : session_.ns(), fetch.name, "");
    return query.empty() ? path : path + "?" + query.Encode();
  }

  cli::TableStyle Style(const Fetch& fetch, bool several) const {
    cli::TableStyle style;
    style.wide = format_.kind == OutputFormat::Kind::kWide;
    style.ns = options_.all_namespaces && fetch.type.info.namespaced;
    style.headers = !options_.no_headers;
    if (several) style.name_prefix = fetch.type.Prefix() + "/";
    return style;
  }

  static bool SameType(const Fetch& a, const Fetch& b) { return a.type.info == b.type.info; }

  // Objects of one type that were named one by one make one table.
  void PrintTables(std::vector<std::pair<Fetch, Json>>& answers) const {
    bool several = false;
    for (const auto& [fetch, answer] : answers) several |= !SameType(fetch, answers[0].first);
    bool printed = false;
    for (std::size_t i = 0; i < answers.size();) {
      std::vector<std::vector<std::string>> rows;
      cli::TableStyle style = Style(answers[i].first, several);
      const std::size_t first = i;
      for (; i < answers.size() && SameType(answers[first].first, answers[i].first); ++i) {
        if (answers[i].second.contains("rows")) cli::SortByAge(answers[i].second["rows"], true);
        const auto more = cli::TableRows(answers[i].second, style);
        rows.insert(rows.end(), more.begin(), more.end());
        style.headers = false;
      }
      const std::size_t heads = options_.no_headers ? 0 : 1;
      if (rows.size() <= heads) continue;
      cli::Print((printed ? "\n" : "") + cli::FormatColumns(rows));
      printed = true;
    }
    if (printed || answers.empty()) return;
    const bool cluster = options_.all_namespaces || !answers[0].first.type.info.namespaced;
    std::fprintf(stderr, cluster ? "No resources found\n" : "No resources found in %s namespace.\n",
                 session_.ns().c_str());
  }

  void PrintObjects(std::vector<std::pair<Fetch, Json>>& answers, bool single) const {
    Json items = Json::array();
    std::string names;
    for (auto& [fetch, answer] : answers) {
      Json objects = Json::array();
      if (!fetch.name.empty()) {
        objects.push_back(std::move(answer));
      } else if (const auto list = answer.find("items"); list != answer.end() && list->is_array()) {
        objects = std::move(*list);
        cli::SortByAge(objects, false);
      }
      for (Json& object : objects) {
        client::FillTypeMeta(fetch.type.info, object);
        names += fetch.type.Prefix() + "/" + cli::TextAt(object, {"metadata", "name"}) + "\n";
        items.push_back(std::move(object));
      }
    }
    if (format_.kind == OutputFormat::Kind::kName) {
      cli::Print(names);
    } else if (single) {
      if (!items.empty()) cli::Print(cli::FormatObject(format_, items[0]));
    } else {
      cli::Print(cli::FormatObject(format_, {{"apiVersion", "v1"},
                                             {"kind", "List"},
                                             {"metadata", {{"resourceVersion", ""}}},
                                             {"items", std::move(items)}}));
    }
  }

  // Prints what there is and then every change, until the reader goes away. The stream ends
  // regularly when the server ends it; then it is opened again from where it was.
  int Watch(const std::vector<Fetch>& fetches) {
    const Fetch& list = fetches[0];
    client::ListOptions what;
    what.ns = options_.all_namespaces ? "" : session_.ns();
    what.label_selector = options_.labels;
    what.field_selector = options_.fields;
    if (!list.name.empty()) what.field_selector = "metadata.name=" + list.name;
    const auto now = session_.client().List(list.type.info, what);
    if (!now.ok()) return cli::Fail("get", now.status());
    bool head = !options_.no_headers;
    for (const Json& item : now->items) {
      if (const int code = PrintChange(list, item, head); code != kExitOk) return code;
    }
    client::WatchOptions watch{what.ns, what.label_selector, what.field_selector,
                               now->resource_version};
    for (;;) {
      auto stream = session_.client().Watch(list.type.info, watch);
      if (!stream.ok()) return cli::Fail("get", stream.status());
      for (;;) {
        const auto event = (*stream)->Next(MonoTime::max());
        if (!event.ok() && event.code() != Code::kAborted) return cli::Fail("get", event.status());
        if (!event.ok() || !event->has_value()) break;
        watch.resource_version = cli::TextAt((*event)->object, {"metadata", "resourceVersion"});
        if ((*event)->type == client::WatchEvent::Type::kBookmark) continue;
        if (const int code = PrintChange(list, (*event)->object, head); code != kExitOk)
          return code;
      }
    }
  }

  int PrintChange(const Fetch& list, const Json& object, bool& head) {
    if (format_.kind == OutputFormat::Kind::kName) {
      const std::string name = cli::TextAt(object, {"metadata", "name"});
      return cli::Print(list.type.Prefix() + "/" + name + "\n") ? kExitOk : kExitFailure;
    }
    if (!format_.table()) {
      const std::string end = format_.kind == OutputFormat::Kind::kJsonPath ? "\n" : "";
      return cli::Print(cli::FormatObject(format_, object) + end) ? kExitOk : kExitFailure;
    }
    http::Query by_name{
        {"fieldSelector", "metadata.name=" + cli::TextAt(object, {"metadata", "name"})}};
    const std::string path = client::ResourcePath(
        list.type.info, cli::TextAt(object, {"metadata", "namespace"}), "", "");
    const auto table =
        session_.Call("GET", path + "?" + by_name.Encode(), "", nullptr, kAcceptTable);
    if (!table.ok()) return cli::Fail("get", table.status());
    cli::TableStyle style = Style(list, false);
    style.headers = std::exchange(head, false);
    return cli::Print(cli::FormatColumns(cli::TableRows(*table, style))) ? kExitOk : kExitFailure;
  }

  const GetOptions& options_;
  cli::Session& session_;
  const OutputFormat format_;
};

int Get(const GetOptions& options) {
  auto format = cli::ParseOutput(options.output);
  if (!format.ok()) return cli::FailUsage("get", format.status());
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("get", session.status());
  return Getter(options, **session, std::move(format).value()).Run();
}

}  // namespace

void AddGet(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<GetOptions>();
  cli::Command command(
      app, "get", "Show resources",
      "salve get incidents -A\n  salve get incident/redis-1 -o jsonpath={.status.phase}");
  command.Options("what", options->arguments, "TYPE[,TYPE] [NAME…] or TYPE/NAME…");
  command.Option("-o,--output", options->output, cli::kOutputHelp);
  command.Option("-l,--selector", options->labels, "Only with these labels");
  command.Option("--field-selector", options->fields, "Only with these fields");
  command.Flag("-A,--all-namespaces", options->all_namespaces, "In all namespaces");
  command.Flag("--no-headers", options->no_headers, "No header line");
  command.Flag("-w,--watch", options->watch, "Print every change as it comes");
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Get(*options); });
}

}  // namespace salve::commands
