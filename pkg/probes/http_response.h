// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_HTTP_RESPONSE_H_
#define SALVE_PKG_PROBES_HTTP_RESPONSE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "pkg/base/status.h"

namespace salve::probes {

// Reads one HTTP/1.x response as its bytes arrive. Keeps the body only if it is wanted, and only
// the first `max_body` bytes of it. Not thread-safe.
class HttpResponse {
 public:
  HttpResponse(bool want_body, std::size_t max_body) : want_body_(want_body), max_body_(max_body) {}

  // kInvalidArgument: this is not HTTP.
  Status Feed(std::string_view bytes);
  // The connection was closed. kAborted if the response was not whole by then.
  Status End();

  // Nothing more is needed: the head, and the body if wanted (or as much as is kept of it).
  bool done() const { return state_ == State::kDone; }
  bool has_head() const { return status_ != 0; }
  int status() const { return status_; }
  const std::string& body() const { return body_; }

 private:
  enum class State { kHead, kLength, kUntilClose, kChunkSize, kChunk, kChunkEnd, kDone };

  Status TakeHead();
  Status TakeChunkSize();
  bool TakeLine(std::string& line);
  void Keep(std::size_t n);

  const bool want_body_;
  const std::size_t max_body_;
  State state_ = State::kHead;
  std::string buffer_;  // received, not yet taken
  int status_ = 0;
  std::size_t left_ = 0;  // of the body, or of the chunk
  std::string body_;
};

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_HTTP_RESPONSE_H_
