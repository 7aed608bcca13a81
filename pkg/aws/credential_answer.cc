// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/credential_answer.h"

#include <algorithm>
#include <utility>

#include "pkg/aws/text.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"
#include "pkg/http/url.h"

namespace salve::aws {
namespace {

constexpr std::size_t kMaxAnswer = 64u << 10;
constexpr std::size_t kMaxToken = 64u << 10;

std::optional<WallTime> ReadExpiration(const nlohmann::json& answer, const char* name) {
  const nlohmann::json* value = Find(answer, {name});
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return ParseTime(value->get<std::string>());
  // Milliseconds up to the year 2261, which is what a WallTime can hold.
  constexpr std::int64_t kMost = 9'000'000'000'000;
  if (!value->is_number_integer()) return std::nullopt;
  const auto milliseconds = value->get<std::int64_t>();
  if (milliseconds < 0 || milliseconds > kMost) return std::nullopt;
  return WallTime(std::chrono::milliseconds(milliseconds));
}

}  // namespace

StatusOr<Credentials> ReadCredentials(const std::string& what, const nlohmann::json& answer,
                                      const AnswerNames& names) {
  Credentials out;
  const auto missing = [&](const char* name) {
    return UnauthenticatedError(what + ": the answer has no usable \"" + name + "\"");
  };
  out.access_key_id = GetString(answer, {names.access_key_id});
  if (out.access_key_id.empty()) return missing(names.access_key_id);
  out.secret_access_key = GetString(answer, {names.secret_access_key});
  if (out.secret_access_key.empty()) return missing(names.secret_access_key);
  out.session_token = GetString(answer, {names.session_token});
  if (out.session_token.empty()) return missing(names.session_token);
  out.expires_at = ReadExpiration(answer, names.expiration);
  if (!out.expires_at) return missing(names.expiration);
  return out;
}

StatusOr<http::Response> Ask(const std::string& what, const std::string& base_url,
                             http::Request request, Duration timeout, const WaitOptions& wait,
                             const Platform& platform) {
  StatusOr<std::unique_ptr<http::Transport>> transport = platform.connect(base_url);
  if (!transport.ok()) return transport.status().Annotate(what);
  request.headers.Set("User-Agent", "salve");
  http::CallOptions call;
  call.deadline = std::min(wait.deadline, platform.clock->Monotonic() + timeout);
  call.stop = wait.stop;
  call.max_body_bytes = kMaxAnswer;
  StatusOr<http::Response> response = (*transport)->Send(request, call);
  return response.ok() ? std::move(response) : response.status().Annotate(what);
}

Status AnswerError(const std::string& what, const http::Response& response) {
  const std::string text = what + ": HTTP " + std::to_string(response.status) +
                           (response.body.empty() ? "" : ": " + Quotable(response.body, 200));
  if (response.status == 401) return UnauthenticatedError(text);
  if (response.status == 403) return PermissionDeniedError(text);
  if (response.status == 429) return TooManyRequestsError(text);
  if (response.status >= 500) return UnavailableError(text);
  return UnauthenticatedError(text);
}

StatusOr<std::string> ReadToken(const std::string& path, const Platform& platform) {
  SALVE_ASSIGN_OR_RETURN(const std::string text, platform.files->Read(path, kMaxToken));
  const std::string token(Trim(text));
  const bool unfit = std::any_of(token.begin(), token.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
  });
  if (token.empty()) return InvalidArgumentError(path + " is empty; a token is expected");
  if (unfit) return InvalidArgumentError(path + " is not one token on one line");
  return token;
}

}  // namespace salve::aws
