// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_TRANSPORT_H_
#define SALVE_PKG_HTTP_TRANSPORT_H_

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/http/message.h"

namespace salve::http {

struct CallOptions {
  // The whole call must be over by then: Code::kDeadlineExceeded. MonoTime::max() is for streams
  // only.
  MonoTime deadline = MonoTime::max();
  // Ends the call early: Code::kCancelled.
  std::stop_token stop;
  // A larger body is an error (Code::kInvalidArgument) and is not read any further. For Open() it
  // bounds nothing: the reader decides.
  std::size_t max_body_bytes = 16u << 20;
};

// A response whose body arrives over time. One reader thread at a time; Close() from any thread.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;  // closes

  virtual int status() const = 0;
  virtual const Headers& headers() const = 0;
  // The next bytes, at least one; "" at the regular end. kDeadlineExceeded if nothing came by
  // `deadline` (the stream stays usable), kAborted if the connection broke, kCancelled after
  // Close().
  virtual StatusOr<std::string> Read(MonoTime deadline) = 0;
  virtual void Close() = 0;
};

// Sends requests to one place: a host, a unix socket, or a handler in this process. Thread-safe.
//
// Errors tell what is known about the request: kUnavailable means that it was certainly not sent
// (no connection); kAborted and kDeadlineExceeded mean that it may have been carried out.
// Any HTTP status is a success here. No retries, no redirects: those are the caller's to decide.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual StatusOr<Response> Send(const Request& request, const CallOptions& options) = 0;
  // Returns when the response's head is there (by options.deadline if that is not max()).
  virtual StatusOr<std::unique_ptr<ResponseStream>> Open(const Request& request,
                                                         const CallOptions& options) = 0;
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_TRANSPORT_H_
