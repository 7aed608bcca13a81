// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/engine_client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"

namespace salve::backends::docker {
namespace {

using nlohmann::json;

struct Route {
  Endpoint endpoint;
  const char* method;
  const char* prefix;
  const char* suffix;
  std::size_t max_body;
};

// The allowlist.
constexpr std::array<Route, 16> kRoutes = {{
    {Endpoint::kVersion, "GET", "/version", "", 64u << 10},
    {Endpoint::kInfo, "GET", "/info", "", 1u << 20},
    {Endpoint::kList, "GET", "/containers/json", "", 32u << 20},
    {Endpoint::kInspect, "GET", "/containers/", "/json", 1u << 20},
    {Endpoint::kEvents, "GET", "/events", "", 0},
    {Endpoint::kLogs, "GET", "/containers/", "/logs", 0},
    {Endpoint::kStart, "POST", "/containers/", "/start", 64u << 10},
    {Endpoint::kStop, "POST", "/containers/", "/stop", 64u << 10},
    {Endpoint::kRestart, "POST", "/containers/", "/restart", 64u << 10},
    {Endpoint::kKill, "POST", "/containers/", "/kill", 64u << 10},
    {Endpoint::kPause, "POST", "/containers/", "/pause", 64u << 10},
    {Endpoint::kUnpause, "POST", "/containers/", "/unpause", 64u << 10},
    {Endpoint::kUpdate, "POST", "/containers/", "/update", 64u << 10},
    {Endpoint::kExecCreate, "POST", "/containers/", "/exec", 64u << 10},
    {Endpoint::kExecStart, "POST", "/exec/", "/start", 0},
    {Endpoint::kExecInspect, "GET", "/exec/", "/json", 64u << 10},
}};

constexpr int kOurMinor = 43;     // API 1.43, Engine 24
constexpr int kOldestMinor = 24;  // API 1.24, Engine 1.12: health checks and their events
constexpr std::size_t kMaxErrorText = 512;

const Route& RouteOf(Endpoint endpoint) {
  return *std::find_if(kRoutes.begin(), kRoutes.end(),
                       [&](const Route& r) { return r.endpoint == endpoint; });
}

bool IsContainerWord(std::string_view text) {
  const auto letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (text.empty() || text.size() > 255 || !letter_or_digit(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letter_or_digit(c) || c == '_' || c == '.' || c == '-';
  });
}

// 43 of "1.43"; -1 for anything that is not version 1.
int MinorVersion(std::string_view version) {
  if (version.substr(0, 2) != "1.") return -1;
  version.remove_prefix(2);
  int minor = -1;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), minor);
  return error == std::errc() && end == version.data() + version.size() ? minor : -1;
}

Code CodeOf(int status) {
  switch (status) {
    case 400:
      return Code::kInvalidArgument;
    case 401:
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 409:
      return Code::kConflict;
    case 429:
      return Code::kTooManyRequests;
    case 503:
      return Code::kUnavailable;
    default:
      return Code::kInternal;
  }
}

// The engine answers errors with {"message": "…"}; a proxy before it may answer anything.
Status ErrorOf(int status, const std::string& body, const std::string& what) {
  const json parsed = json::parse(body, nullptr, false);
  std::string text = GetString(parsed, {"message"});
  if (text.empty()) text = body;
  return {CodeOf(status), what + ": the engine answered " + std::to_string(status) + ": " +
                              Printable(Trim(text), kMaxErrorText)};
}

std::string What(const Route& route, const std::string& subject) {
  return std::string(route.method) + " " + route.prefix + subject.substr(0, 80) + route.suffix;
}

}  // namespace

EngineClient::EngineClient(std::unique_ptr<http::Transport> transport, Clock& clock)
    : transport_(std::move(transport)), clock_(clock) {}

http::CallOptions EngineClient::Options(const CallContext& context, std::size_t max_body) const {
  http::CallOptions options;
  options.deadline =
      context.deadline == MonoTime::max() ? clock_.Monotonic() + kDefaultTimeout : context.deadline;
  options.stop = context.stop;
  options.max_body_bytes = max_body;
  return options;
}

void EngineClient::Forget() {
  MutexLock lock(mu_);
  api_version_.clear();
}

std::string EngineClient::api_version() const {
  MutexLock lock(mu_);
  return api_version_;
}

Status EngineClient::Negotiate(const CallContext& context) {
  {
    MutexLock lock(mu_);
    if (!api_version_.empty()) return Status::Ok();
  }
  const Route& route = RouteOf(Endpoint::kVersion);
  http::Request request;
  request.method = route.method;
  request.target = route.prefix;
  request.headers.Set("Host", "docker");
  const auto response = transport_->Send(request, Options(context, route.max_body));
  if (!response.ok()) return response.status();
  if (response->status != 200) return ErrorOf(response->status, response->body, "GET /version");
  const json version = json::parse(response->body, nullptr, false);
  const int newest = MinorVersion(GetString(version, {"ApiVersion"}));
  const int oldest = MinorVersion(GetString(version, {"MinAPIVersion"}));
  if (newest < kOldestMinor) {
    return {Code::kUnimplemented, "GET /version: the engine offers API version \"" +
                                      Printable(GetString(version, {"ApiVersion"}), 32) +
                                      "\", at least 1." + std::to_string(kOldestMinor) +
                                      " is needed (Docker Engine 1.12)"};
  }
  const int agreed = std::max(std::min(kOurMinor, newest), oldest);
  MutexLock lock(mu_);
  api_version_ = "1." + std::to_string(agreed);
  return Status::Ok();
}

StatusOr<http::Request> EngineClient::Build(Endpoint endpoint, const std::string& subject,
                                            const http::Query& query, const json* body) const {
  const Route& route = RouteOf(endpoint);
  const bool wants_subject = route.suffix[0] != '\0';
  if (wants_subject ? !IsContainerWord(subject) : !subject.empty()) {
    return InvalidArgumentError("\"" + Printable(subject, 80) + "\" is no container's name or id");
  }
  http::Request request;
  request.method = route.method;
  request.target = "/v" + api_version() + route.prefix + subject + route.suffix;
  if (!query.empty()) request.target += "?" + query.Encode();
  request.headers.Set("Host", "docker");
  if (body != nullptr) {
    request.headers.Set("Content-Type", "application/json");
    request.body = body->dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return request;
}

StatusOr<json> EngineClient::Call(Endpoint endpoint, const std::string& subject,
                                  const http::Query& query, const json* body,
                                  const CallContext& context) {
  SALVE_RETURN_IF_ERROR(Negotiate(context));
  SALVE_ASSIGN_OR_RETURN(const http::Request request, Build(endpoint, subject, query, body));
  const Route& route = RouteOf(endpoint);
  const auto response = transport_->Send(request, Options(context, route.max_body));
  if (!response.ok()) {
    // The transport says kInvalidArgument for an answer that is too large; ours are never the
    // caller's fault, and a change may have been made.
    if (response.code() == Code::kInvalidArgument) {
      return Status(Code::kInternal, response.status().Annotate(What(route, subject)).message());
    }
    return response.status().Annotate(What(route, subject));
  }
  const bool good = (response->status >= 200 && response->status < 300) || response->status == 304;
  if (!good) return ErrorOf(response->status, response->body, What(route, subject));
  if (Trim(response->body).empty()) return json();
  json value = json::parse(response->body, nullptr, false);
  if (value.is_discarded()) {
    return InternalError(What(route, subject) + ": the engine's answer is no JSON");
  }
  return value;
}

StatusOr<std::unique_ptr<http::ResponseStream>> EngineClient::Open(Endpoint endpoint,
                                                                   const std::string& subject,
                                                                   const http::Query& query,
                                                                   const json* body,
                                                                   const CallContext& context) {
  SALVE_RETURN_IF_ERROR(Negotiate(context));
  SALVE_ASSIGN_OR_RETURN(const http::Request request, Build(endpoint, subject, query, body));
  const Route& route = RouteOf(endpoint);
  const http::CallOptions options = Options(context, 0);
  auto stream = transport_->Open(request, options);
  if (!stream.ok()) return stream.status().Annotate(What(route, subject));
  const int status = stream.value()->status();
  if (status == 200 || status == 101) return std::move(stream).value();
  std::string text;
  while (text.size() < 4096) {
    const auto piece = stream.value()->Read(options.deadline);
    if (!piece.ok() || piece->empty()) break;
    text += *piece;
  }
  return ErrorOf(status, text, What(route, subject));
}

}  // namespace salve::backends::docker
