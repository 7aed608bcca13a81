// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/problem.h"

#include <string>

namespace salve::edge {

using nlohmann::json;

int HttpStatus(Code code) {
  switch (code) {
    case Code::kOk:
      return 200;
    case Code::kInvalidArgument:
      return 400;
    case Code::kUnauthenticated:
      return 401;
    case Code::kPermissionDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kAlreadyExists:
    case Code::kConflict:
      return 409;
    case Code::kExpired:
      return 410;
    case Code::kTooManyRequests:
      return 429;
    case Code::kUnimplemented:
      return 501;
    case Code::kUnavailable:
    case Code::kAborted:
    case Code::kCancelled:
      return 503;
    case Code::kDeadlineExceeded:
      return 504;
    case Code::kInternal:
      return 500;
  }
  return 500;
}

http::Response JsonResponse(int status, const json& body) {
  // Texts of others may be no UTF-8: replaced, not thrown about.
  return {status,
          {{"Content-Type", "application/json"},
           {"Cache-Control", "no-store"},
           {"X-Content-Type-Options", "nosniff"}},
          body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"};
}

http::Response ProblemResponse(const Status& status, const json& details) {
  const int code = HttpStatus(status.code());
  json body = {
      {"code", code},
      {"reason", status.reason().empty() ? std::string(CodeName(status.code())) : status.reason()},
      {"message", status.message()}};
  if (details.is_object()) body.update(details);
  http::Response response = JsonResponse(code, body);
  if (code == 401) response.headers.Add("WWW-Authenticate", "Bearer");
  if (const auto wait = status.retry_after()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait).count();
    response.headers.Add("Retry-After", std::to_string(seconds));
  }
  return response;
}

}  // namespace salve::edge
