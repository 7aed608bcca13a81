// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_WIRE_H_
#define SALVE_PKG_HTTP_WIRE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"
#include "pkg/http/message.h"

namespace salve::http {

// What the bytes of an answer depend on besides the answer itself.
struct WireOptions {
  bool head_only = false;  // the request was a HEAD: a body is announced but not sent
  bool keep_alive = true;  // else "Connection: close" is announced
  bool http_1_0 = false;   // no chunks; keep-alive has to be announced
};

// The head of a complete answer: status line and fields. Content-Length comes from the body; the
// handler's own Content-Length (kept for HEAD only), Transfer-Encoding and Connection are dropped.
// Line breaks in values become spaces: a value cannot become a field.
std::string ResponseHead(const Response& response, const WireOptions& options, WallTime now);

// The head of a streamed answer: chunked, or until the connection's end for HTTP/1.0.
std::string StreamHead(const Response& head, const WireOptions& options, WallTime now);

// The head and body of a request with Host and Content-Length filled in where they are missing.
std::string RequestBytes(const Request& request, std::string_view host);

// Appends `data` framed as one chunk; it must not be empty.
void AppendChunk(std::string& out, std::string_view data);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string HttpDate(WallTime t);
// The time in such a text; nullopt for anything else.
std::optional<WallTime> ParseHttpDate(std::string_view text);

// A short plain text answer.
Response PlainText(int status, std::string_view text);

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_WIRE_H_
