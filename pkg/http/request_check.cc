// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/request_check.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "pkg/http/wire.h"

namespace salve::http {
namespace {

// "http://host/path" to "/path": what RFC 9112 asks a server to accept.
void MakeOriginForm(std::string& target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    target = slash == std::string::npos ? "/" : target.substr(slash);
    return;
  }
}

bool IsContinue(std::string_view expectation) {
  std::string lower(expectation);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower == "100-continue";
}

}  // namespace

std::optional<Response> CheckHead(Request& head, int http_minor) {
  if (static_cast<std::size_t>(std::distance(head.headers.begin(), head.headers.end())) >
      kMaxHeaderFields) {
    return PlainText(431, "too many header fields");
  }
  const std::size_t lengths = head.headers.All("Content-Length").size();
  const std::size_t codings = head.headers.All("Transfer-Encoding").size();
  if (lengths + codings > 1) return PlainText(400, "more than one length of the body");
  if (http_minor == 1 && head.headers.All("Host").size() != 1) {
    return PlainText(400, "exactly one Host field is needed");
  }
  MakeOriginForm(head.target);
  if (!head.target.starts_with('/')) return PlainText(400, "the request target must be a path");
  if (const auto expect = head.headers.Get("Expect"); expect && !IsContinue(*expect)) {
    return PlainText(417, "only 100-continue can be expected");
  }
  return std::nullopt;
}

}  // namespace salve::http
