// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_api.h"

#include <algorithm>
#include <charconv>

#include "pkg/base/json_access.h"
#include "pkg/base/redact.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/explain.h"
#include "pkg/http/transports.h"
#include "pkg/http/wire.h"
#include "pkg/notify/http_post.h"

namespace salve::notify {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMaxQuoted = 200;
constexpr std::size_t kMaxTag = 200;
constexpr int kNotModified = 304;
constexpr std::size_t kMaxErrors = 3;   // of those that an answer lists
constexpr seconds kSecondaryLimit{60};  // GitHub's word for when it names no time
constexpr std::chrono::hours kLongestWait{24};
constexpr char kVersion[] = "2022-11-28";

std::optional<std::int64_t> Number(const http::Headers& headers, const char* name) {
  const auto text = headers.Get(name);
  std::int64_t value = 0;
  if (!text || text->empty()) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  const bool whole = error == std::errc() && end == text->data() + text->size() && value >= 0;
  return whole ? std::optional<std::int64_t>(value) : std::nullopt;
}

// How long until the limit's hour is over, by GitHub's own clock where it shows it; nullopt while
// something is left of it.
std::optional<milliseconds> UntilReset(const http::Headers& headers, WallTime now) {
  if (Number(headers, "X-RateLimit-Remaining") != 0) return std::nullopt;
  const auto reset = Number(headers, "X-RateLimit-Reset");
  if (!reset) return std::nullopt;
  if (const auto date = headers.Get("Date")) {
    now = http::ParseHttpDate(*date).value_or(now);
  }
  const auto at = std::chrono::duration_cast<seconds>(now.time_since_epoch()).count();
  // A second more: both clocks show whole ones.
  const std::int64_t wait = std::max<std::int64_t>(0, *reset - at) + 1;
  return std::min<milliseconds>(
      seconds(std::min<std::int64_t>(wait, seconds(kLongestWait).count())), kLongestWait);
}

std::string Said(const json& body) {
  std::string text = GetString(body, {"message"});
  const json* errors = Find(body, {"errors"});
  if (errors != nullptr && errors->is_array()) {
    for (std::size_t i = 0; i < std::min(errors->size(), kMaxErrors); ++i) {
      const json& one = (*errors)[i];
      std::string detail = one.is_string() ? one.get<std::string>() : GetString(one, {"message"});
      if (detail.empty()) {
        detail = GetString(one, {"field"}) + " " + GetString(one, {"code"});
      }
      text += (text.empty() ? "" : "; ") + detail;
    }
  }
  return Redact(healing::EscapeTerminal(healing::SanitizeLine(text, kMaxQuoted)));
}

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// How long to stay away if the answer is about a limit.
std::optional<milliseconds> LimitWait(int status, const http::Headers& headers,
                                      const std::string& said, WallTime now) {
  if (status != 403 && status != 429) return std::nullopt;
  if (const auto later = headers.Get("Retry-After")) {
    if (const auto wait = ParseRetryAfter(*later, now)) return wait;
  }
  if (const auto wait = UntilReset(headers, now)) return wait;
  const bool limit = status == 429 || Has(said, "rate limit") || Has(said, "abuse detection");
  return limit ? std::optional<milliseconds>(kSecondaryLimit) : std::nullopt;
}

std::string Needs(const GithubCall& call, const http::Headers& headers) {
  const auto accepted = headers.Get("X-Accepted-GitHub-Permissions");
  const std::string right =
      accepted && !accepted->empty()
          ? healing::EscapeTerminal(healing::SanitizeLine(*accepted, kMaxQuoted))
          : call.right;
  return right.empty() ? "" : "; it takes the permission " + right;
}

// Whether it can be a header's value as it is.
bool IsToken(const std::string& token) {
  return !token.empty() &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; });
}

// As it may be sent back: what somebody else wrote must not become another header.
std::string TagOf(const http::Headers& headers) {
  const auto tag = headers.Get("ETag");
  const bool good = tag && tag->size() <= kMaxTag && IsToken(std::string(*tag));
  return good ? std::string(*tag) : "";
}

const char* TransportProblem(Code code) {
  if (code == Code::kDeadlineExceeded) return "no answer in time";
  if (code == Code::kAborted) return "the connection broke";
  if (code == Code::kCancelled) return "stopped";
  return nullptr;
}

}  // namespace

Status JudgeGithub(const GithubCall& call, int status, const http::Headers& headers,
                   const std::string& body, WallTime now) {
  if (status >= 200 && status < 300) return Status::Ok();
  const json answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
  const std::string said = Said(answer);
  const std::string why =
      "GitHub answered " + std::to_string(status) + (said.empty() ? "" : ": " + said);
  if (const auto wait = LimitWait(status, headers, said, now)) {
    return TooManyRequestsError(why).WithRetryAfter(*wait).WithReason("RateLimited");
  }
  switch (status) {
    case 301:
    case 302:
    case 307:
    case 308:
      return UnavailableError(why +
                              "; that is not followed: name the repository's present owner "
                              "and name, and the right url, in the configuration")
          .WithReason("Redirected");
    case 401:
      return UnauthenticatedError(why + "; the token or the App's key is wrong or has expired");
    case 403:
      return PermissionDeniedError(why + Needs(call, headers));
    case 404:
      return NotFoundError(why + "; it is not there, or the token may not see it" +
                           Needs(call, headers));
    case 409:
      return ConflictError(why);
    case 400:
    case 410:
    case 413:
      return InvalidArgumentError(why + "; that will not change").AsTerminal();
    case 422:
      if (Has(said, "already exists")) return AlreadyExistsError(why);
      return InvalidArgumentError(why + "; that will not change").AsTerminal();
    default:
      return UnavailableError(why);
  }
}

Status GithubApi::Connect() {
  if (transport_ != nullptr) return Status::Ok();
  SALVE_ASSIGN_OR_RETURN(const http::Url url, http::ParseUrl(configuration_.url));
  const std::string base = http::BaseUrl(url);
  SALVE_ASSIGN_OR_RETURN(transport_, environment_.connect != nullptr
                                         ? environment_.connect(base)
                                         : http::MakeTcpTransport(base, {}, *environment_.clock));
  base_path_ = url.path;
  return Status::Ok();
}

// Keeps for the next calls what an answer says of the limit.
void GithubApi::NoteLimit(const http::Headers& headers, const Status& judged) {
  auto wait = judged.code() == Code::kTooManyRequests ? judged.retry_after() : std::nullopt;
  if (!wait) wait = UntilReset(headers, environment_.clock->Now());
  if (!wait) return;
  limited_until_ = std::max<MonoTime>(limited_until_, environment_.clock->Monotonic() + *wait);
}

StatusOr<json> GithubApi::Exchange(const GithubCall& call, const std::string& path,
                                   const std::string& authorization, const SendContext& context) {
  SALVE_RETURN_IF_ERROR(Connect());
  http::Request request;
  request.method = call.method;
  request.target = base_path_ + path + (call.query.empty() ? "" : "?" + call.query.Encode());
  request.headers = {{"Accept", "application/vnd.github+json"},
                     {"X-GitHub-Api-Version", kVersion},
                     {"User-Agent", "salve"},
                     {"Authorization", authorization}};
  if (!call.unless.empty()) request.headers.Set("If-None-Match", call.unless);
  if (!call.body.is_null()) {
    request.headers.Set("Content-Type", "application/json");
    request.body = call.body.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  http::CallOptions options;
  options.deadline = context.deadline;
  options.stop = context.stop;
  options.max_body_bytes = kMaxAnswerBytes;
  const auto response = transport_->Send(request, options);
  if (!response.ok()) {
    transport_.reset();
    // Too long is what it has to say, not what was asked: another time it may be shorter.
    if (response.code() == Code::kInvalidArgument) {
      return UnavailableError("its answer is longer than 8 MiB");
    }
    const char* problem = TransportProblem(response.code());
    return Status(response.code(), problem != nullptr ? problem : response.status().message());
  }
  // Asked for, and no failure: it has not changed. That does not count for the limit.
  if (!call.unless.empty() && response->status == kNotModified) {
    etag_ = call.unless;
    return json();
  }
  const Status judged = JudgeGithub(call, response->status, response->headers, response->body,
                                    environment_.clock->Now());
  NoteLimit(response->headers, judged);
  SALVE_RETURN_IF_ERROR(judged);
  const auto scopes = response->headers.Get("X-OAuth-Scopes");
  scopes_ = scopes ? std::optional<std::string>(*scopes) : std::nullopt;
  etag_ = TagOf(response->headers);
  if (response->body.empty()) return json();
  json answer = json::parse(response->body, nullptr, /*allow_exceptions=*/false);
  if (answer.is_discarded()) return UnavailableError("its answer is no JSON");
  return answer;
}

StatusOr<std::string> GithubApi::Authorization(const SendContext& context) {
  if (!configuration_.app) {
    SALVE_ASSIGN_OR_RETURN(const std::string token, environment_.read_secret(configuration_.token));
    if (!IsToken(token))
      return InvalidArgumentError("the token is empty or has strange characters");
    return "Bearer " + token;
  }
  const WallTime now = environment_.clock->Now();
  if (app_token_ && now < app_token_->good_until) return "Bearer " + app_token_->value;
  app_token_.reset();
  const auto& app = *configuration_.app;
  SALVE_ASSIGN_OR_RETURN(const std::string key, environment_.read_secret(app.private_key));
  auto jwt = GithubAppJwt(app.id, key, now);
  if (!jwt.ok()) return jwt.status().Annotate("the App's privateKey");
  GithubCall call{"logging in as the App", "", "POST", "", {}, GithubTokenRequest(configuration_)};
  const std::string path =
      "/app/installations/" + std::to_string(app.installation) + "/access_tokens";
  const auto answer = Exchange(call, path, "Bearer " + *jwt, context);
  if (!answer.ok()) return answer.status().Annotate(call.what);
  app_token_ = ReadGithubToken(*answer, environment_.clock->Now());
  if (!app_token_ || !IsToken(app_token_->value))
    return UnavailableError(call.what + ": the answer has no token that is good");
  RegisterSecret(app_token_->value);
  return "Bearer " + app_token_->value;
}

StatusOr<json> GithubApi::Once(const GithubCall& call, const SendContext& context) {
  const MonoTime now = environment_.clock->Monotonic();
  if (now < limited_until_) {
    return TooManyRequestsError("GitHub's limit is used up: nothing is sent before it resets")
        .WithRetryAfter(std::chrono::ceil<milliseconds>(limited_until_ - now))
        .WithReason("RateLimited");
  }
  SALVE_ASSIGN_OR_RETURN(const std::string authorization, Authorization(context));
  return Exchange(call, Repository() + call.path, authorization, context);
}

StatusOr<json> GithubApi::Call(const GithubCall& call, const SendContext& context) {
  auto answer = Once(call, context);
  if (answer.code() == Code::kUnauthenticated && app_token_) {
    // It may have been taken back before its time: one more is asked for.
    app_token_.reset();
    answer = Once(call, context);
  }
  if (answer.ok()) return answer;
  return answer.status().Annotate(configuration_.repository + ": " + call.what);
}

}  // namespace salve::notify
