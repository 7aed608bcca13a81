// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_REQUEST_CHECK_H_
#define SALVE_PKG_HTTP_REQUEST_CHECK_H_

#include <optional>

#include "pkg/http/message.h"

namespace salve::http {

inline constexpr std::size_t kMaxHeaderFields = 100;

// What is wrong with a head that parsed: too many fields (431), two lengths or a length beside
// chunks (400, request smuggling), no Host (400), a target that is no path (400), an unknown
// expectation (417). `http_minor` is 0 or 1. May rewrite an absolute-form target to its path.
// nullopt: nothing.
std::optional<Response> CheckHead(Request& head, int http_minor);

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_REQUEST_CHECK_H_
