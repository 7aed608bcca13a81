// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/wire.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "pkg/client/reasons.h"
#include "pkg/http/url.h"

namespace salve::client {
namespace {

constexpr std::size_t kMaxQuotedBytes = 1024;
// A server that asks for more is told apart from one that is broken: nobody waits longer than this.
constexpr std::int64_t kMaxRetryAfterSeconds = 3600;

// The deepest nesting of brackets outside strings.
std::size_t DepthOf(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

// Somebody else's text, fit for a log line: bounded, without control characters.
std::string Quote(std::string_view text) {
  std::string quoted(text.substr(0, kMaxQuotedBytes));
  for (char& c : quoted) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return quoted;
}

std::string Text(const Json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

// A cause of that type in details.causes.
bool HasCause(const Json& status, std::string_view type) {
  const auto details = status.find("details");
  if (details == status.end() || !details->is_object()) return false;
  const auto causes = details->find("causes");
  if (causes == details->end() || !causes->is_array()) return false;
  return std::any_of(causes->begin(), causes->end(),
                     [type](const Json& cause) { return Text(cause, "reason") == type; });
}

std::optional<std::int64_t> DetailsRetryAfter(const Json& status) {
  const auto details = status.find("details");
  if (details == status.end() || !details->is_object()) return std::nullopt;
  const auto it = details->find("retryAfterSeconds");
  if (it == details->end() || !it->is_number_integer()) return std::nullopt;
  return it->get<std::int64_t>();
}

Code CodeOf(int http_status, const std::string& reason) {
  switch (http_status) {
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 405:
    case 406:
    case 415:
    case 501:
      return Code::kUnimplemented;
    case 408:
    case 504:
      return Code::kDeadlineExceeded;
    case 409:
      return reason == "AlreadyExists" ? Code::kAlreadyExists : Code::kConflict;
    case 410:
      return Code::kExpired;
    case 429:
      return Code::kTooManyRequests;
    case 500:
      return reason == "ServerTimeout" ? Code::kUnavailable : Code::kInternal;
    default:
      break;
  }
  if (http_status >= 500) return Code::kUnavailable;
  return http_status >= 400 ? Code::kInvalidArgument : Code::kInternal;
}

// `status` is an object, maybe without any of the fields of metav1.Status.
Status MakeStatus(const std::string& what, int http_status, const Json& status,
                  std::string_view fallback_text, std::optional<std::int64_t> retry_seconds) {
  std::string reason = Quote(Text(status, "reason"));
  std::string message = Text(status, "message");
  Code code = CodeOf(http_status, reason);
  // Old servers say Gone, new ones Expired; some send them inside another code.
  if (reason == "Expired" || reason == "Gone") code = Code::kExpired;
  if (code == Code::kDeadlineExceeded &&
      (HasCause(status, kReasonVersionTooLarge) ||
       message.find("Too large resource version") != std::string::npos)) {
    reason = kReasonVersionTooLarge;
  }
  if (message.empty()) message = std::string(fallback_text);
  Status result(code, what + ": " + std::to_string(http_status) + " " +
                          (message.empty() ? "without a message" : Quote(message)));
  if (!retry_seconds) retry_seconds = DetailsRetryAfter(status);
  if (retry_seconds && *retry_seconds >= 0) {
    result = std::move(result).WithRetryAfter(
        std::chrono::seconds(std::min(*retry_seconds, kMaxRetryAfterSeconds)));
  }
  return std::move(result).WithReason(std::move(reason));
}

}  // namespace

std::string ResourcePath(const ResourceInfo& resource, const std::string& ns,
                         const std::string& name, const std::string& subresource) {
  std::string path =
      resource.group.empty() ? "/api/" : "/apis/" + http::Escape(resource.group) + "/";
  path += http::Escape(resource.version);
  if (resource.namespaced && !ns.empty()) path += "/namespaces/" + http::Escape(ns);
  path += "/" + http::Escape(resource.plural);
  if (!name.empty()) path += "/" + http::Escape(name);
  if (!subresource.empty()) path += "/" + http::Escape(subresource);
  return path;
}

StatusOr<Json> ParseJson(std::string_view text) {
  if (DepthOf(text) > kMaxJsonDepth) {
    return InvalidArgumentError("JSON: nested deeper than " + std::to_string(kMaxJsonDepth));
  }
  Json value = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return InvalidArgumentError("JSON: malformed");
  return value;
}

Status StatusFromHttp(const std::string& what, int http_status, std::string_view body,
                      std::optional<std::string_view> retry_after) {
  std::optional<std::int64_t> seconds;
  if (retry_after) {
    std::int64_t value = 0;
    const char* end = retry_after->data() + retry_after->size();
    const auto [stop, error] = std::from_chars(retry_after->data(), end, value);
    if (error == std::errc() && stop == end) seconds = value;
  }
  StatusOr<Json> parsed = ParseJson(body);
  const bool is_status = parsed.ok() && parsed->is_object();
  return MakeStatus(what, http_status, is_status ? *parsed : Json::object(),
                    is_status ? std::string_view() : body, seconds);
}

Status StatusFromObject(const std::string& what, const Json& status) {
  if (!status.is_object()) {
    return InternalError(what + ": an error that is no Status").WithReason(kReasonMalformedEvent);
  }
  const auto code = status.find("code");
  const int http_status = code != status.end() && code->is_number_integer() &&
                                  code->get<std::int64_t>() >= 400 &&
                                  code->get<std::int64_t>() < 600
                              ? code->get<int>()
                              : 500;
  return MakeStatus(what, http_status, status, "", std::nullopt);
}

void FillTypeMeta(const ResourceInfo& resource, Json& object) {
  if (!object.is_object()) return;
  if (!object.contains("apiVersion")) object["apiVersion"] = resource.ApiVersion();
  if (!object.contains("kind")) object["kind"] = resource.kind;
}

}  // namespace salve::client
