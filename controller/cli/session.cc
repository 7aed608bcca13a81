// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/session.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "controller/cli/kubeconfig.h"
#include "controller/commands/exit_codes.h"

#include "pkg/base/file_source.h"
#include "pkg/base/mutex.h"
#include "pkg/base/random.h"
#include "pkg/client/wire.h"
#include "pkg/healing/explain.h"
#include "pkg/http/transports.h"

namespace salve::cli {
namespace {

// kubectl's "0" means without end; a command line that hangs for ever helps nobody.
constexpr Duration kLongestCall = std::chrono::hours(24);

}  // namespace

void Declare(Command& command, ClientOptions& options) {
  command.Option("--kubeconfig", options.kubeconfig,
                 "Kubeconfig file; default $KUBECONFIG, ~/.kube/config, /var/lib/salve/kubeconfig");
  command.Option("--context", options.context, "Context in it; default its current one");
  command.Option("-n,--namespace", options.ns, "Namespace; default the context's");
  command.Option("--request-timeout", options.request_timeout, "Longest time for one call; 0: none")
      .IsDuration();
}

StatusOr<std::unique_ptr<Session>> Session::Open(const ClientOptions& options) {
  client::RestClientOptions rest;
  SALVE_ASSIGN_OR_RETURN(rest.call_timeout, ParseDuration(options.request_timeout));
  if (rest.call_timeout == Duration{0}) rest.call_timeout = kLongestCall;
  SALVE_ASSIGN_OR_RETURN(const FoundKubeconfig found,
                         FindKubeconfig(options.kubeconfig, RealKubeconfigWorld()));
  const auto connection = client::LoadKubeconfig(found.path, options.context, SystemFiles());
  // A file that vanished meanwhile is not "no such object".
  if (connection.code() == Code::kNotFound)
    return InvalidArgumentError(connection.status().message());
  if (!connection.ok()) return connection.status();
  rest.headers = connection->headers;
  rest.path_prefix = connection->path_prefix;
  rest.user_agent = "salve-cli";
  rest.max_retries = 3;
  std::unique_ptr<Session> session(new Session());
  session->server_ = connection->base_url;
  session->kubeconfig_ = found.path;
  session->default_ns_ = connection->ns;
  session->ns_given_ = !options.ns.empty();
  SALVE_ASSIGN_OR_RETURN(
      session->transport_,
      http::MakeTcpTransport(connection->base_url, connection->tls, SystemClock()));
  session->client_ = std::make_unique<client::RestClient>(*session->transport_, std::move(rest),
                                                          SystemClock(), SystemRandom());
  session->ns_ = options.ns.empty() ? connection->ns : options.ns;
  return session;
}

StatusOr<Json> Session::Call(const std::string& method, const std::string& target,
                             const std::string& content_type, const Json& body,
                             const std::string& accept) {
  http::Request request;
  request.method = method;
  request.target = target;
  if (!accept.empty()) request.headers.Set("Accept", accept);
  if (!content_type.empty()) {
    request.headers.Set("Content-Type", content_type);
    request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  SALVE_ASSIGN_OR_RETURN(const http::Response response, client_->Send(std::move(request)));
  StatusOr<Json> answer = client::ParseJson(response.body);
  if (!answer.ok()) return InternalError(method + " " + target + ": the answer is no JSON");
  return answer;
}

StatusOr<std::vector<ResourceType>> Session::Discover() {
  std::vector<std::string> versions = {"v1"};
  SALVE_ASSIGN_OR_RETURN(const Json groups, Call("GET", "/apis"));
  if (const auto list = groups.find("groups"); list != groups.end() && list->is_array()) {
    for (const Json& group : *list) {
      const std::string version = TextAt(group, {"preferredVersion", "groupVersion"});
      if (!version.empty()) versions.push_back(version);
    }
  }
  std::vector<ResourceType> types;
  for (const std::string& version : versions) {
    const std::string root = version.find('/') == std::string::npos ? "/api/" : "/apis/";
    const StatusOr<Json> list = Call("GET", root + version);
    // One aggregated API that is down must not hide the others.
    if (!list.ok()) continue;
    const auto more = TypesOf(version, *list);
    types.insert(types.end(), more.begin(), more.end());
  }
  return types;
}

StatusOr<std::vector<ResourceType>> Session::Kinds(const std::string& words) {
  std::vector<ResourceType> found;
  std::size_t at = 0;
  while (at <= words.size()) {
    const std::size_t comma = std::min(words.find(',', at), words.size());
    const std::string word = words.substr(at, comma - at);
    at = comma + 1;
    if (word.empty()) return InvalidArgumentError("\"" + words + "\": a type is missing");
    std::vector<ResourceType> one = Find(KnownTypes(), word);
    if (one.empty()) {
      SALVE_ASSIGN_OR_RETURN(const std::vector<ResourceType> all, Discover());
      one = Find(all, word);
      // Of several groups with that word the first one is meant, unless it is a category.
      if (one.size() > 1 && one[0].info.plural == one[1].info.plural) one.resize(1);
    }
    if (one.empty())
      return InvalidArgumentError("the server has no resource type \"" + word + "\"");
    found.insert(found.end(), one.begin(), one.end());
  }
  return found;
}

StatusOr<ResourceType> Session::KindOf(const Json& object) {
  const std::string version = TextAt(object, {"apiVersion"});
  const std::string kind = TextAt(object, {"kind"});
  if (version.empty() || kind.empty())
    return InvalidArgumentError("apiVersion and kind must be set");
  for (const ResourceType& type : KnownTypes()) {
    if (type.info.ApiVersion() == version && type.info.kind == kind) return type;
  }
  const std::string root = version.find('/') == std::string::npos ? "/api/" : "/apis/";
  const StatusOr<Json> list = Call("GET", root + version);
  if (!list.ok() && list.code() != Code::kNotFound) return list.status();
  if (list.ok()) {
    for (const ResourceType& type : TypesOf(version, *list)) {
      if (type.info.kind == kind) return type;
    }
  }
  return InvalidArgumentError("the server has no kind " + kind + " in " + version);
}

StatusOr<client::NamespacedName> Session::Locate(const std::string& argument,
                                                 const std::string& kind) {
  SALVE_ASSIGN_OR_RETURN(const Named named, ParseNamed(argument));
  if (!named.type.empty()) {
    const auto types = Find(KnownTypes(), named.type);
    const bool fits = std::any_of(types.begin(), types.end(),
                                  [&](const ResourceType& type) { return type.info.kind == kind; });
    if (!fits) return InvalidArgumentError("\"" + argument + "\" names no " + kind);
  }
  if (ns_given_ && !named.ns.empty() && named.ns != ns_) {
    return InvalidArgumentError("\"" + argument + "\" is in namespace " + named.ns + ", -n says " +
                                ns_);
  }
  return client::NamespacedName{named.ns.empty() ? ns_ : named.ns, named.name};
}

StatusOr<std::string> Session::WhoAmI() {
  SALVE_ASSIGN_OR_RETURN(
      const Json review,
      Call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "application/json",
           {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}}));
  const std::string user = TextAt(review, {"status", "userInfo", "username"});
  if (user.empty()) return InternalError("the server does not say who we are");
  return user;
}

int ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return commands::kExitOk;
    case Code::kNotFound:
      return commands::kExitNotFound;
    case Code::kPermissionDenied:
    case Code::kUnauthenticated:
      return commands::kExitDenied;
    case Code::kConflict:
    case Code::kAlreadyExists:
    case Code::kExpired:
      return commands::kExitConflict;
    case Code::kUnavailable:
    case Code::kAborted:
      return commands::kExitUnreachable;
    case Code::kDeadlineExceeded:
      return commands::kExitTimeout;
    default:
      return commands::kExitFailure;
  }
}

int Fail(const std::string& command, const Status& status) {
  std::fprintf(stderr, "salve %s: %s\n", command.c_str(),
               healing::EscapeTerminal(status.message()).c_str());
  return ExitCodeOf(status);
}

int FailUsage(const std::string& command, const Status& status) {
  const int code = Fail(command, status);
  return status.code() == Code::kInvalidArgument ? commands::kExitUsage : code;
}

StatusOr<Duration> ParseDuration(const std::string& text) {
  const Status bad =
      InvalidArgumentError("\"" + text + "\" is not a duration such as 30s, 5m or 1h30m");
  Duration total{0};
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at == end) return bad;
  while (at < end) {
    long long number = 0;
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc() || number < 0 || number > 1000000000) return bad;
    at = stop;
    std::string unit;
    while (at < end && *at >= 'a' && *at <= 'z') unit += *at++;
    if (unit == "ms")
      total += std::chrono::milliseconds(number);
    else if (unit == "s" || (unit.empty() && stop == end && total == Duration{0}))
      total += std::chrono::seconds(number);
    else if (unit == "m" && number < 1000000)
      total += std::chrono::minutes(number);
    else if (unit == "h" && number < 100000)
      total += std::chrono::hours(number);
    else if (unit == "d" && number < 10000)
      total += std::chrono::hours(24 * number);
    else
      return bad;
  }
  return total;
}

void WaitUntil(Clock& clock, MonoTime until) {
  Mutex mu;
  CondVar never;
  MutexLock lock(mu);
  while (clock.Monotonic() < until) (void)clock.WaitUntil(never, mu, until);
}

}  // namespace salve::cli
