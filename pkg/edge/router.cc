// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/router.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/edge/problem.h"
#include "pkg/edge/request_log.h"

namespace salve::edge {
namespace {

constexpr std::size_t kMaxRequestId = 64;

bool IsParam(std::string_view segment) { return segment.starts_with('{'); }

// The values of the pattern's "{name}" segments, or nullopt if it does not match.
std::optional<std::map<std::string, std::string>> Match(const std::vector<std::string>& pattern,
                                                        const std::vector<std::string>& segments) {
  if (pattern.size() != segments.size()) return std::nullopt;
  std::map<std::string, std::string> params;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!IsParam(pattern[i])) {
      if (pattern[i] != segments[i]) return std::nullopt;
    } else {
      if (segments[i].empty()) return std::nullopt;
      params[pattern[i].substr(1, pattern[i].size() - 2)] = segments[i];
    }
  }
  return params;
}

bool Serves(const std::string& route_method, const std::string& method) {
  return route_method == method || (route_method == "GET" && method == "HEAD");
}

// The token of "Authorization: Bearer …", or nullopt.
std::optional<std::string_view> BearerToken(const http::Request& request) {
  const auto fields = request.headers.All("Authorization");
  if (fields.size() != 1) return std::nullopt;
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view field = fields.front();
  if (field.size() <= kScheme.size()) return std::nullopt;
  const bool bearer = std::equal(kScheme.begin(), kScheme.end(), field.begin(), [](char a, char b) {
    return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
  });
  if (!bearer) return std::nullopt;
  return field.substr(kScheme.size());
}

bool BodyFits(const http::Request& head, std::size_t max) {
  if (head.body.size() > max) return false;
  const auto announced = head.headers.Get("Content-Length");
  if (!announced) return true;
  std::size_t length = 0;
  std::from_chars(announced->data(), announced->data() + announced->size(), length);
  return length <= max;
}

}  // namespace

Router::Router(std::shared_ptr<Authenticator> authenticator, Clock& clock, Random& random)
    : authenticator_(std::move(authenticator)), clock_(clock), random_(random) {}

void Router::Add(Route route) {
  std::vector<std::string> segments;
  if (auto parsed = http::ParseTarget(route.pattern); parsed.ok()) segments = parsed->segments;
  routes_.push_back({std::move(route), std::move(segments)});
}

const Route* Router::Resolve(const http::Request& head, RoutedRequest& out,
                             http::Response& refusal) const {
  StatusOr<http::Target> target = http::ParseTarget(head.target);
  if (!target.ok()) {
    refusal = ProblemResponse(target.status());
    return nullptr;
  }
  out.target = *std::move(target);
  std::set<std::string> allowed;
  for (const Entry& entry : routes_) {
    auto params = Match(entry.segments, out.target.segments);
    if (!params) continue;
    if (!Serves(entry.route.method, head.method)) {
      allowed.insert(entry.route.method);
      if (entry.route.method == "GET") allowed.insert("HEAD");
      continue;
    }
    out.params = *std::move(params);
    if (entry.route.access != Access::kOpen && !Identify(head, out, refusal)) return nullptr;
    if (!BodyFits(head, entry.route.max_body_bytes)) {
      refusal = JsonResponse(
          413, {{"code", 413},
                {"reason", "RequestEntityTooLarge"},
                {"message", "the body is larger than " +
                                std::to_string(entry.route.max_body_bytes) + " bytes"}});
      return nullptr;
    }
    return &entry.route;
  }
  if (allowed.empty()) {
    refusal = ProblemResponse(NotFoundError("no such path"));
    return nullptr;
  }
  std::string list;
  for (const std::string& method : allowed) list += (list.empty() ? "" : ", ") + method;
  refusal = JsonResponse(
      405, {{"code", 405}, {"reason", "MethodNotAllowed"}, {"message", "this path takes " + list}});
  refusal.headers.Add("Allow", list);
  return nullptr;
}

bool Router::Identify(const http::Request& head, RoutedRequest& out,
                      http::Response& refusal) const {
  const auto token = BearerToken(head);
  std::optional<Identity> identity;
  if (token && authenticator_) identity = authenticator_->Authenticate(*token);
  if (identity) {
    out.identity = *std::move(identity);
    return true;
  }
  refusal = ProblemResponse(UnauthenticatedError(
      token ? "the token is not known" : "a token is needed: \"Authorization: Bearer …\""));
  return false;
}

std::string Router::RequestId(const http::Request& head) const {
  const std::string_view given = head.headers.Get("X-Request-Id").value_or("");
  const bool usable = !given.empty() && given.size() <= kMaxRequestId &&
                      std::all_of(given.begin(), given.end(), [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                               (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                      });
  return usable ? std::string(given) : random_.Hex(16);
}

bool Router::AdmitHead(const http::Request& head, http::Response* refusal) {
  RoutedRequest routed;
  const Route* route = Resolve(head, routed, *refusal);
  routed.id = RequestId(head);
  if (route != nullptr) {
    if (!route->admit) return true;
    routed.request = head;
    auto refused = route->admit(routed);
    if (!refused) return true;
    *refusal = *std::move(refused);
  }
  RequestRecord record{routed.id, head.method, routed.target.path, "",
                       "",        head.peer,   clock_.Monotonic(), false};
  if (route != nullptr) record.endpoint = route->pattern;
  refusal->headers.Set("X-Request-Id", record.id);
  LogRequest(record, refusal->status, clock_);
  return false;
}

void Router::Handle(http::Request request, std::unique_ptr<http::ResponseWriter> writer) {
  RequestRecord record{RequestId(request), request.method,     "",   "", "",
                       request.peer,       clock_.Monotonic(), false};
  RoutedRequest routed;
  http::Response refusal;
  const Route* route = Resolve(request, routed, refusal);
  record.path = routed.target.path;
  record.user = routed.identity.user;
  if (route != nullptr) {
    record.endpoint = route->pattern;
    record.quiet = route->quiet;
  }
  routed.id = record.id;
  const LogContext context("request_id", record.id);
  auto logged = WithRequestLog(std::move(writer), std::move(record), clock_);
  if (route == nullptr) return logged->Send(std::move(refusal));
  routed.request = std::move(request);
  route->handle(std::move(routed), std::move(logged));
}

}  // namespace salve::edge
