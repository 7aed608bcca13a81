// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_FRAMES_H_
#define SALVE_PKG_BACKENDS_DOCKER_FRAMES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace salve::backends::docker {

// Takes the engine's multiplexed stream apart (logs and exec output of containers without a
// terminal): frames of an 8-byte head {stream, 0, 0, 0, big-endian length} and a payload. Payloads
// are handed on as they come, nothing is kept but a started head. Not thread-safe.
class FrameDecoder {
 public:
  enum class Stream : std::uint8_t { kStdout = 1, kStderr = 2 };
  using Sink = std::function<void(Stream, std::string_view)>;

  // `raw`: the container has a terminal, so that there are no frames and all is stdout.
  FrameDecoder(bool raw, Sink sink) : raw_(raw), sink_(std::move(sink)) {}

  // False when this cannot be such a stream; the decoder takes nothing more then.
  bool Feed(std::string_view bytes);
  // True between frames: an end here is a clean one.
  bool AtBoundary() const { return head_.empty() && left_ == 0; }

 private:
  const bool raw_;
  const Sink sink_;
  bool broken_ = false;
  std::string head_;
  Stream stream_ = Stream::kStdout;
  std::size_t left_ = 0;
};

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_FRAMES_H_
