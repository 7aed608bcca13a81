// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_PROBLEM_H_
#define SALVE_PKG_EDGE_PROBLEM_H_

#include <nlohmann/json.hpp>

#include "pkg/base/status.h"
#include "pkg/http/message.h"

namespace salve::edge {

// A JSON answer that no cache keeps.
http::Response JsonResponse(int status, const nlohmann::json& body);

// An error as every endpoint gives it: {"code": 409, "reason": "Conflict", "message": "…"} and
// whatever `details` adds. Retry-After comes from the status.
http::Response ProblemResponse(const Status& status, const nlohmann::json& details = {});

// The HTTP status that a code means to a caller: NotFound 404, Conflict 409, …
int HttpStatus(Code code);

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_PROBLEM_H_
