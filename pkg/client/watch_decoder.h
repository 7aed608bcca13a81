// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_WATCH_DECODER_H_
#define SALVE_PKG_CLIENT_WATCH_DECODER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "pkg/base/status.h"
#include "pkg/client/client.h"

namespace salve::client {

// Cuts the body of a watch into events: JSON objects one after the other, wherever the chunks end.
// Not thread-safe. Never throws. Memory is bounded by max_event_bytes plus one chunk.
class WatchDecoder {
 public:
  static constexpr std::size_t kDefaultMaxEventBytes = 8u << 20;

  // `what` names the watch in errors. Events must be about objects of `resource`.
  WatchDecoder(std::string what, ResourceInfo resource,
               std::size_t max_event_bytes = kDefaultMaxEventBytes);

  void Feed(std::string_view bytes);

  // The next complete event; nullopt if more bytes are needed. What cannot concern this cache (an
  // unknown event type, an object of another kind) is logged and left out. Errors:
  //   kExpired, kInternal, …  what an ERROR event says
  //   kInternal with kReasonMalformedEvent: this is no watch (any more); so says every later call.
  StatusOr<std::optional<WatchEvent>> Next();

  // The stream has ended: OK if it did so between two events, else kAborted.
  Status Finish() const;

 private:
  // The end of the first complete value in buffer_ (one past it), or nullopt.
  StatusOr<std::optional<std::size_t>> FindEnd();
  StatusOr<std::optional<WatchEvent>> Decode(std::string_view text);
  Status Malformed(const std::string& why);

  const std::string what_;
  const ResourceInfo resource_;
  const std::size_t max_event_bytes_;
  std::string buffer_;
  // How far FindEnd has looked, and where it is in the JSON text.
  std::size_t scanned_ = 0;
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  std::optional<Status> broken_;
};

}  // namespace salve::client

#endif  // SALVE_PKG_CLIENT_WATCH_DECODER_H_
