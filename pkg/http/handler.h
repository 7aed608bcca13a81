// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_HANDLER_H_
#define SALVE_PKG_HTTP_HANDLER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "pkg/http/message.h"

namespace salve::http {

// The server's end of a streamed response. Thread-safe; writers never block. Kept alive by whoever
// writes to it and by the connection.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  // Queues a chunk. False when the reader is gone or its bounded buffer is full (the stream is then
  // closed): stop writing and let go of the sink.
  virtual bool Write(std::string chunk) = 0;
  // Ends the body in order, after what was queued.
  virtual void Close() = 0;
  virtual bool closed() const = 0;
  // Called once, from any thread, as soon as the reader is gone. Set it before the first Write.
  virtual void OnClosed(std::function<void()> callback) = 0;
};

// How a handler answers: exactly one call of Send or of Stream, from any thread, now or later.
// Dropping the object without an answer sends a 500.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  virtual void Send(Response response) = 0;
  // Sends the head at once and returns the sink of the body (chunked). `buffer_bytes` bounds what a
  // slow reader may leave unread.
  virtual std::shared_ptr<StreamSink> Stream(Response head, std::size_t buffer_bytes) = 0;
};

// Serves requests; called concurrently from the server's worker threads (or from a client's own
// thread in process).
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void Handle(Request request, std::unique_ptr<ResponseWriter> writer) = 0;
  // Called with a request whose body has not been read yet (body empty): false and a filled
  // `refusal` ends it there (authentication, 404, 413 for what needs no body). Default: accept.
  virtual bool AdmitHead(const Request& head, Response* refusal) {
    (void)head;
    (void)refusal;
    return true;
  }
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_HANDLER_H_
