// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/frames.h"

#include <algorithm>

namespace salve::backends::docker {
namespace {
constexpr std::size_t kHeadBytes = 8;
}  // namespace

bool FrameDecoder::Feed(std::string_view bytes) {
  if (broken_) return false;
  if (raw_) {
    if (!bytes.empty()) sink_(Stream::kStdout, bytes);
    return true;
  }
  while (!bytes.empty()) {
    if (left_ > 0) {
      const std::size_t take = std::min(left_, bytes.size());
      sink_(stream_, bytes.substr(0, take));
      bytes.remove_prefix(take);
      left_ -= take;
      continue;
    }
    const std::size_t take = std::min(kHeadBytes - head_.size(), bytes.size());
    head_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (head_.size() < kHeadBytes) return true;
    const auto byte = [this](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(head_[i]));
    };
    // 0 is stdin, which the engine documents as going to stdout; 3 is its own error text.
    if (byte(0) > 3 || byte(1) != 0 || byte(2) != 0 || byte(3) != 0) {
      broken_ = true;
      return false;
    }
    stream_ = byte(0) >= 2 ? Stream::kStderr : Stream::kStdout;
    left_ = byte(4) << 24 | byte(5) << 16 | byte(6) << 8 | byte(7);
    head_.clear();
  }
  return true;
}

}  // namespace salve::backends::docker
