// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_REQUEST_LOG_H_
#define SALVE_PKG_EDGE_REQUEST_LOG_H_

#include <memory>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/http/handler.h"

namespace salve::edge {

// What is known of a request before it is answered.
struct RequestRecord {
  std::string id;
  std::string method;
  std::string path;      // without the query: it may hold a token
  std::string endpoint;  // the route's pattern, "" if none matched
  std::string user;
  std::string peer;
  MonoTime start;
  bool quiet = false;
};

// Writes the line and counts the request: id, endpoint, status, duration.
void LogRequest(const RequestRecord& record, int status, Clock& clock);

// Hands everything on to `writer` with X-Request-Id added, and logs when the answer's head is
// given.
std::unique_ptr<http::ResponseWriter> WithRequestLog(std::unique_ptr<http::ResponseWriter> writer,
                                                     RequestRecord record, Clock& clock);

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_REQUEST_LOG_H_
