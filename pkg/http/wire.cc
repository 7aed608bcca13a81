// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/wire.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "pkg/base/time_format.h"

namespace salve::http {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Fields that say how the message is framed: ours to write.
bool IsFraming(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kNames = {"content-length", "transfer-encoding",
                                                             "connection", "keep-alive"};
  return std::any_of(kNames.begin(), kNames.end(), [&](std::string_view framing) {
    return std::equal(name.begin(), name.end(), framing.begin(), framing.end(),
                      [](char a, char b) { return Lower(a) == b; });
  });
}

bool IsTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

void AppendField(std::string& out, std::string_view name, std::string_view value) {
  if (name.empty() || !std::all_of(name.begin(), name.end(), IsTokenChar)) return;
  out += name;
  out += ": ";
  for (char c : value) out += (c == '\r' || c == '\n' || c == '\0') ? ' ' : c;
  out += "\r\n";
}

bool HasNoBody(int status) { return status / 100 == 1 || status == 204 || status == 304; }

std::string StatusLineAndFields(const Response& response, const WireOptions& options,
                                WallTime now) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += ReasonPhrase(response.status);
  out += "\r\n";
  if (!response.headers.Get("Date")) AppendField(out, "Date", HttpDate(now));
  for (const auto& [name, value] : response.headers) {
    if (!IsFraming(name)) AppendField(out, name, value);
  }
  if (!options.keep_alive) {
    AppendField(out, "Connection", "close");
  } else if (options.http_1_0) {
    AppendField(out, "Connection", "keep-alive");
  }
  return out;
}

}  // namespace

std::string ResponseHead(const Response& response, const WireOptions& options, WallTime now) {
  std::string out = StatusLineAndFields(response, options, now);
  if (!HasNoBody(response.status)) {
    std::string length = std::to_string(response.body.size());
    if (options.head_only && response.body.empty()) {
      length = response.headers.Get("Content-Length").value_or(length);
    }
    AppendField(out, "Content-Length", length);
  }
  return out + "\r\n";
}

std::string StreamHead(const Response& head, const WireOptions& options, WallTime now) {
  WireOptions wire = options;
  if (options.http_1_0) wire.keep_alive = false;
  std::string out = StatusLineAndFields(head, wire, now);
  if (!options.http_1_0) AppendField(out, "Transfer-Encoding", "chunked");
  return out + "\r\n";
}

std::string RequestBytes(const Request& request, std::string_view host) {
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\n";
  if (!request.headers.Get("Host")) AppendField(out, "Host", host);
  for (const auto& [name, value] : request.headers) {
    if (!IsFraming(name)) AppendField(out, name, value);
  }
  const bool expects_body =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!request.body.empty() || expects_body) {
    AppendField(out, "Content-Length", std::to_string(request.body.size()));
  }
  out += "\r\n";
  out += request.body;
  return out;
}

void AppendChunk(std::string& out, std::string_view data) {
  std::array<char, 24> size{};
  const int n = std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
  out.append(size.data(), static_cast<std::size_t>(n));
  out += data;
  out += "\r\n";
}

std::string HttpDate(WallTime t) {
  // Not strftime's names: they follow the locale.
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(t.time_since_epoch());
  const std::time_t time = seconds.count();
  std::tm tm{};
  ::gmtime_r(&time, &tm);
  std::array<char, 64> out{};
  const int n = std::snprintf(out.data(), out.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                              kDays[static_cast<std::size_t>(tm.tm_wday)], tm.tm_mday,
                              kMonths[static_cast<std::size_t>(tm.tm_mon)], tm.tm_year + 1900,
                              tm.tm_hour, tm.tm_min, tm.tm_sec);
  return {out.data(), static_cast<std::size_t>(n)};
}

std::optional<WallTime> ParseHttpDate(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") {
    return std::nullopt;
  }
  const std::size_t month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  const std::string number = std::to_string(month / 3 + 1);
  const std::string iso =
      std::string(text.substr(12, 4)) + "-" + (number.size() == 1 ? "0" + number : number) + "-" +
      std::string(text.substr(5, 2)) + "T" + std::string(text.substr(17, 8)) + "Z";
  return ParseTime(iso);
}

Response PlainText(int status, std::string_view text) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"X-Content-Type-Options", "nosniff"}},
          std::string(text) + "\n"};
}

}  // namespace salve::http
