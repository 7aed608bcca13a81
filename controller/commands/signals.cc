// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "controller/cli/edge.h"
#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/file_source.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"
#include "pkg/client/kubeconfig.h"
#include "pkg/client/wire.h"
#include "pkg/edge/receivers.h"
#include "pkg/healing/alerts.h"
#include "pkg/http/url.h"

namespace salve::commands {
namespace {

namespace v1 = apis::salve::v1alpha1;
using cli::Json;

struct SignalsOptions {
  cli::ClientOptions client;
  bool all_namespaces = false;
  std::string url;
  std::string authority;
  std::string output;
};

using Rows = std::vector<std::vector<std::string>>;

std::string Age(const std::string& since) {
  const auto at = ParseTime(since);
  return at ? HumanDuration(SystemClock().Now() - *at) : "";
}

void AddRow(const Json& one, Rows& rows) {
  const Json* labels = Find(one, {"labels"});
  std::string name = labels != nullptr ? GetString(*labels, {"alertname"}) : "";
  std::string receiver = GetString(one, {"receiver"});
  if (receiver.empty() && labels != nullptr) {
    receiver = GetString(*labels, {healing::kLabelReceiver});
  }
  const std::string policy = GetString(one, {"policy", "name"});
  rows.push_back(
      {policy.empty() ? "<none>" : GetString(one, {"policy", "namespace"}) + "/" + policy,
       policy.empty() ? "<none>" : GetString(one, {"trigger"}), receiver, std::move(name),
       GetString(one, {"state"}), Age(GetString(one, {"since"})),
       std::to_string(GetInt(one, {"occurrences"})), GetString(one, {"message"})});
}

// Where Salve's own HTTP is: what was said, else what `salve standalone` wrote beside its
// kubeconfig. "": not known.
std::string EdgeOf(const SignalsOptions& options, const std::string& kubeconfig) {
  if (!options.url.empty()) return options.url;
  const std::string file =
      (std::filesystem::path(kubeconfig).parent_path() / "http-address").string();
  auto address = SystemFiles().Read(file, 256);
  if (!address.ok()) return "";
  while (!address->empty() && address->back() == '\n') address->pop_back();
  return (address->rfind("https://", 0) == 0 ? "" : "http://") + *address;
}

// The alerts that no policy matched, from a running Salve.
StatusOr<Json> Unmatched(const std::string& base, const SignalsOptions& options,
                         const std::string& kubeconfig) {
  SALVE_ASSIGN_OR_RETURN(const auto connection,
                         client::LoadKubeconfig(kubeconfig, options.client.context, SystemFiles()));
  SALVE_ASSIGN_OR_RETURN(const http::Url url, http::ParseUrl(base));
  SALVE_ASSIGN_OR_RETURN(const auto transport, cli::EdgeTransport(url, options.authority));
  SALVE_ASSIGN_OR_RETURN(const Duration timeout,
                         cli::ParseDuration(options.client.request_timeout));
  http::Request request;
  request.target = "/api/v1/signals";
  request.headers = connection.headers;
  http::CallOptions call;
  call.deadline = SystemClock().Monotonic() +
                  (timeout > Duration(0) ? timeout : Duration(std::chrono::seconds(30)));
  SALVE_ASSIGN_OR_RETURN(const http::Response response, transport->Send(request, call));
  SALVE_ASSIGN_OR_RETURN(const Json body, client::ParseJson(response.body));
  if (response.status != 200) {
    return PermissionDeniedError("answered " + std::to_string(response.status) + ": " +
                                 GetString(body, {"message"}));
  }
  const Json* unmatched = Find(body, {"unmatched"});
  if (unmatched == nullptr) {
    return PermissionDeniedError(
        "alerts without a policy are shown to those who may read "
        "incidents in all namespaces");
  }
  return *unmatched;
}

Status ListOfPolicies(cli::Session& session, const SignalsOptions& options, Json& items) {
  client::ListOptions list;
  list.ns = options.all_namespaces ? "" : session.ns();
  SALVE_ASSIGN_OR_RETURN(const auto policies,
                         session.client().List(v1::HealingPolicy::kInfo, list));
  for (const Json& item : policies.items) {
    SALVE_ASSIGN_OR_RETURN(const v1::HealingPolicy policy, apis::Decode<v1::HealingPolicy>(item));
    for (const v1::SignalStatus& signal : policy.status.signals) {
      items.push_back(edge::ToJson({{policy.metadata.ns, policy.metadata.name}, signal}));
    }
  }
  return Status::Ok();
}

int Signals(const SignalsOptions& options) {
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("signals", results.status());
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("signals", session.status());
  Json items = Json::array();
  if (const Status s = ListOfPolicies(**session, options, items); !s.ok()) {
    return cli::Fail("signals", s);
  }
  const std::string edge = EdgeOf(options, (*session)->kubeconfig());
  std::string note;
  if (edge.empty()) {
    note = "alerts that no policy matched are not shown: say where Salve answers with --url";
  } else if (const auto unmatched = Unmatched(edge, options, (*session)->kubeconfig());
             unmatched.ok()) {
    items.insert(items.end(), unmatched->begin(), unmatched->end());
  } else if (!options.url.empty()) {
    return cli::Fail("signals", unmatched.status().Annotate(edge));
  } else {
    note = "alerts that no policy matched are not shown: " + edge + ": " +
           unmatched.status().message();
  }
  if (!note.empty()) std::fprintf(stderr, "salve signals: %s\n", note.c_str());
  if (!results->text()) {
    for (const Json& item : items) results->Add("", GetString(item, {"fingerprint"}), item);
    return results->Finish(kExitOk, true);
  }
  Rows rows = {{"POLICY", "TRIGGER", "RECEIVER", "ALERT", "STATE", "AGE", "COUNT", "MESSAGE"}};
  for (const Json& item : items) AddRow(item, rows);
  cli::Print(rows.size() == 1 ? "No alert has come in.\n" : cli::FormatColumns(rows));
  return kExitOk;
}

}  // namespace

void AddSignals(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<SignalsOptions>();
  cli::Command command(app, "signals",
                       "Show the alerts that came in, also those that no policy matched",
                       "salve signals -A\n  salve signals -o json");
  command.Flag("-A,--all-namespaces", options->all_namespaces, "Of policies in all namespaces");
  command.Option("--url", options->url,
                 "Where Salve's own HTTP is; default what salve standalone wrote beside its "
                 "kubeconfig");
  command.Option(cli::kAuthorityFlag, options->authority, cli::kAuthorityHelp);
  cli::DeclareOutput(command, options->output);
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Signals(*options); });
}

}  // namespace salve::commands
