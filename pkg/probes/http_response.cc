// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/http_response.h"

#include <algorithm>
#include <charconv>

#include "pkg/base/ascii.h"
#include "pkg/probes/measurement.h"

namespace salve::probes {
namespace {

constexpr std::size_t kMaxHead = 32u << 10;
constexpr std::size_t kMaxLine = 8u << 10;

std::optional<std::size_t> Number(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

// The value of a header in a lower-cased head; "" if it is not there.
std::string_view Header(const std::string& head, std::string_view name) {
  const std::string key = "\n" + std::string(name) + ":";
  const std::size_t at = head.find(key);
  if (at == std::string::npos) return {};
  std::size_t begin = at + key.size();
  const std::size_t end = std::min(head.find_first_of("\r\n", begin), head.size());
  while (begin < end && head[begin] == ' ') ++begin;
  return std::string_view(head).substr(begin, end - begin);
}

}  // namespace

void HttpResponse::Keep(std::size_t n) {
  const std::size_t room = max_body_ - std::min(max_body_, body_.size());
  body_.append(buffer_, 0, std::min(n, room));
  buffer_.erase(0, n);
  if (body_.size() >= max_body_) state_ = State::kDone;
}

Status HttpResponse::TakeHead() {
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) {
    const bool odd = buffer_.size() >= 5 && buffer_.compare(0, 5, "HTTP/") != 0;
    if (odd || buffer_.size() > kMaxHead) {
      return InvalidArgumentError("the answer is not HTTP: " + OneLine(buffer_.substr(0, 60)));
    }
    return Status::Ok();
  }
  const std::string head = AsciiLower(buffer_.substr(0, end + 2));
  const auto status = head.size() > 12 && buffer_.compare(0, 7, "HTTP/1.") == 0
                          ? Number(head.substr(9, 3), 10)
                          : std::nullopt;
  if (!status || *status < 100 || *status > 999) {
    return InvalidArgumentError("the answer is not HTTP/1.x: " + OneLine(buffer_.substr(0, 60)));
  }
  buffer_.erase(0, end + 4);
  if (*status < 200) return TakeHead();  // 100 Continue and its like come before the real one
  status_ = static_cast<int>(*status);
  const auto length = Number(Header(head, "content-length"), 10);
  if (!want_body_ || *status == 204 || *status == 304 || length == std::size_t{0}) {
    state_ = State::kDone;
  } else if (Header(head, "transfer-encoding").find("chunked") != std::string_view::npos) {
    state_ = State::kChunkSize;
  } else if (length) {
    state_ = State::kLength;
    left_ = *length;
  } else {
    state_ = State::kUntilClose;
  }
  return Status::Ok();
}

bool HttpResponse::TakeLine(std::string& line) {
  const std::size_t end = buffer_.find("\r\n");
  if (end == std::string::npos) return false;
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return true;
}

Status HttpResponse::TakeChunkSize() {
  std::string line;
  if (!TakeLine(line)) {
    return buffer_.size() > kMaxLine ? InvalidArgumentError("the answer's chunks are broken")
                                     : Status::Ok();
  }
  const auto size = Number(line, 16);
  if (!size) return InvalidArgumentError("the answer's chunks are broken");
  left_ = *size;
  state_ = left_ == 0 ? State::kDone : State::kChunk;
  return Status::Ok();
}

Status HttpResponse::Feed(std::string_view bytes) {
  buffer_.append(bytes);
  for (;;) {
    const State before = state_;
    const std::size_t size_before = buffer_.size();
    switch (state_) {
      case State::kHead:
        SALVE_RETURN_IF_ERROR(TakeHead());
        break;
      case State::kUntilClose:
        Keep(buffer_.size());
        break;
      case State::kLength:
      case State::kChunk: {
        const std::size_t n = std::min(left_, buffer_.size());
        left_ -= n;
        const bool last = left_ == 0;
        Keep(n);
        if (last && state_ != State::kDone) {
          state_ = before == State::kLength ? State::kDone : State::kChunkEnd;
        }
        break;
      }
      case State::kChunkEnd: {
        std::string line;
        if (TakeLine(line)) {
          state_ = State::kChunkSize;
        } else if (buffer_.size() > kMaxLine) {
          return InvalidArgumentError("the answer's chunks are broken");
        }
        break;
      }
      case State::kChunkSize:
        SALVE_RETURN_IF_ERROR(TakeChunkSize());
        break;
      case State::kDone:
        return Status::Ok();
    }
    if (state_ == before && buffer_.size() == size_before) return Status::Ok();
  }
}

Status HttpResponse::End() {
  if (state_ == State::kUntilClose) state_ = State::kDone;
  if (state_ == State::kDone) return Status::Ok();
  return AbortedError(has_head() ? "the connection was closed in the middle of the answer"
                                 : "the connection was closed without an answer");
}

}  // namespace salve::probes
