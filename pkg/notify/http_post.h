// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_HTTP_POST_H_
#define SALVE_PKG_NOTIFY_HTTP_POST_H_

#include <memory>
#include <string>

#include "pkg/http/message.h"
#include "pkg/notify/sink.h"

namespace salve::notify {

// Posts JSON to one URL after another. Keeps the connection while the host stays the same. Not
// thread-safe.
//
// An answer is judged by its status alone; at most kMaxAnswerBytes of its body are read, and of
// those a line is quoted. No redirect is followed: one would send the message, and what signs it,
// to a place that nobody configured.
class HttpPoster {
 public:
  static constexpr std::size_t kMaxAnswerBytes = 16u << 10;

  // `name` stands for the address in messages, where the URL itself is a secret; else "".
  HttpPoster(const SinkEnvironment& environment, std::string name)
      : environment_(environment), name_(std::move(name)) {}

  StatusOr<std::string> Post(const std::string& url, http::Headers headers, const std::string& body,
                             const SendContext& context);

 private:
  Status Connect(const std::string& base_url);

  const SinkEnvironment& environment_;
  const std::string name_;
  std::string base_url_;
  std::unique_ptr<http::Transport> transport_;
};

// When "Retry-After: …" (seconds or an HTTP date) says to come back; nullopt if it says nothing
// that can be understood. At most a day.
std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view value, WallTime now);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_HTTP_POST_H_
