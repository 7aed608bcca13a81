// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/http_post.h"

#include <charconv>
#include <optional>

#include "pkg/base/redact.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/explain.h"
#include "pkg/http/transports.h"
#include "pkg/http/url.h"
#include "pkg/http/wire.h"

namespace salve::notify {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxQuoted = 200;
constexpr std::chrono::hours kLongestWait{24};

std::string Quote(const std::string& body) {
  std::string line;
  for (const char c : body) line += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  line = Redact(healing::EscapeTerminal(healing::SanitizeLine(line, kMaxQuoted)));
  return line.empty() ? "" : ": " + line;
}

// As much of the body as is worth reading. A body that breaks off or never ends does not matter:
// the status has been said.
std::string ReadSome(http::ResponseStream& stream, MonoTime deadline) {
  std::string body;
  while (body.size() < HttpPoster::kMaxAnswerBytes) {
    const auto bytes = stream.Read(deadline);
    if (!bytes.ok() || bytes->empty()) break;
    body += bytes->substr(0, HttpPoster::kMaxAnswerBytes - body.size());
  }
  stream.Close();
  return body;
}

Status Judge(int status, const http::Headers& headers, const std::string& said, WallTime now) {
  const std::string code = "it answered " + std::to_string(status);
  if (status >= 300 && status < 400) {
    return UnavailableError(code +
                            ", a redirect: that is not followed, name the right address in "
                            "the configuration")
        .WithReason("Redirected");
  }
  const auto later = headers.Get("Retry-After");
  const auto wait = later ? ParseRetryAfter(*later, now) : std::nullopt;
  Status error;
  if (status == 429) {
    error = TooManyRequestsError(code + ": too many messages" + said);
  } else if (status == 401 || status == 403) {
    error = PermissionDeniedError(code + said);
  } else if (status == 400 || status == 413 || status == 415 || status == 422) {
    return InvalidArgumentError(code + ": it will not take this message" + said).AsTerminal();
  } else {
    error = UnavailableError(code + said);
  }
  return wait ? std::move(error).WithRetryAfter(*wait) : error;
}

}  // namespace

std::optional<milliseconds> ParseRetryAfter(std::string_view value, WallTime now) {
  const std::string text(value);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  milliseconds wait{};
  if (error == std::errc() && end == text.data() + text.size()) {
    if (seconds < 0) return std::nullopt;
    wait = std::chrono::seconds(std::min<std::int64_t>(
        seconds, std::chrono::duration_cast<std::chrono::seconds>(kLongestWait).count()));
  } else {
    const auto at = http::ParseHttpDate(text);
    if (!at) return std::nullopt;
    wait = std::chrono::duration_cast<milliseconds>(*at > now ? *at - now : Duration(0));
  }
  return std::min<milliseconds>(wait, kLongestWait);
}

Status HttpPoster::Connect(const std::string& base_url) {
  if (transport_ != nullptr && base_url == base_url_) return Status::Ok();
  auto made = environment_.connect != nullptr
                  ? environment_.connect(base_url)
                  : http::MakeTcpTransport(base_url, {}, *environment_.clock);
  if (!made.ok()) return made.status();
  transport_ = *std::move(made);
  base_url_ = base_url;
  return Status::Ok();
}

StatusOr<std::string> HttpPoster::Post(const std::string& address, http::Headers headers,
                                       const std::string& body, const SendContext& context) {
  const auto url = http::ParseUrl(address);
  // The address may be a secret: it is not in what is said about it.
  if (!url.ok() || (url->scheme != "http" && url->scheme != "https")) {
    return InvalidArgumentError(name_ + " is no http or https URL");
  }
  SALVE_RETURN_IF_ERROR(Connect(http::BaseUrl(*url)));
  http::Request request;
  request.method = "POST";
  request.target = url->path.empty() ? "/" : url->path;
  request.headers = std::move(headers);
  request.headers.Set("Content-Type", "application/json");
  request.headers.Set("User-Agent", "salve");
  request.body = body;
  http::CallOptions options;
  options.deadline = context.deadline;
  options.stop = context.stop;
  auto stream = transport_->Open(request, options);
  if (!stream.ok()) {
    transport_.reset();
    const std::string why = stream.code() == Code::kDeadlineExceeded ? "no answer in time"
                            : stream.code() == Code::kAborted        ? "the connection broke"
                            : stream.code() == Code::kCancelled      ? "stopped"
                                                                     : stream.status().message();
    std::string message = http::BracketedHost(*url) + ":" + std::to_string(url->port) + ": ";
    // What the transport says has the path in it.
    message += name_.empty() || why.find(url->path) == std::string::npos || url->path.empty()
                   ? why
                   : "no connection";
    return Status(stream.code(), message);
  }
  const int status = (*stream)->status();
  const http::Headers answer = (*stream)->headers();
  const std::string said = Quote(ReadSome(**stream, context.deadline));
  if (status >= 200 && status < 300) return "taken with " + std::to_string(status) + said;
  return Judge(status, answer, said, environment_.clock->Now());
}

}  // namespace salve::notify
