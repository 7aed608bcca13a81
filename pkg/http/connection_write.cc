// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <boost/asio/buffer.hpp>

#include "pkg/http/connection.h"
#include "pkg/http/ignore_error.h"

namespace salve::http {
namespace {

using std::chrono::steady_clock;

// A peer that was refused may still be sending: closing at once would reset the connection and
// could lose the answer on its way. So much more is read and thrown away, for so long.
constexpr std::size_t kMaxLingerBytes = 1u << 20;
constexpr std::chrono::seconds kLingerTime{2};

}  // namespace

void Connection::Answer(std::string head, std::string body, bool keep_alive) {
  core_->loop.Post([self = shared_from_this(), head = std::move(head), body = std::move(body),
                    keep_alive]() mutable {
    if (self->state_ == State::kClosed) return;
    self->keep_alive_ = keep_alive;
    self->state_ = State::kWriting;
    self->Write(std::move(head), std::move(body), [raw = self.get()] { raw->AfterAnswer(); });
  });
}

void Connection::AnswerStream(std::string head, std::shared_ptr<ServerStream> stream,
                              bool keep_alive) {
  if (!stream) return Answer(std::move(head), "", keep_alive);
  core_->loop.Post([self = shared_from_this(), head = std::move(head), stream = std::move(stream),
                    keep_alive]() mutable {
    if (self->state_ == State::kClosed) return stream->ReaderGone();
    self->keep_alive_ = keep_alive;
    self->stream_http_1_0_ = self->wire_.http_1_0;
    self->state_ = State::kStreaming;
    self->stream_ = std::move(stream);
    if (self->draining_) self->stream_->ReaderGone();
    if (!self->reading_) self->ReadSome();
    self->Write(std::move(head), "", [raw = self.get()] { raw->PumpStream(); });
  });
}

void Connection::StreamChanged() {
  core_->loop.Post([self = shared_from_this()] {
    if (self->state_ != State::kStreaming) return;
    if (self->stream_->overflowed()) return self->Close();
    if (!self->writing_) self->PumpStream();
  });
}

void Connection::PumpStream() {
  std::string bytes;
  switch (stream_->Take(bytes)) {
    case ServerStream::Next::kSend:
      return Write(std::move(bytes), "", [this] { PumpStream(); });
    case ServerStream::Next::kWait:
      return ClearDeadline();
    case ServerStream::Next::kEnd:
      return EndStream();
    case ServerStream::Next::kOverflow:
      return Close();
  }
}

void Connection::EndStream() {
  std::string last(stream_http_1_0_ ? std::string_view() : kLastChunk);
  Write(std::move(last), "", [this] {
    stream_.reset();
    AfterAnswer();
  });
}

void Connection::Refuse(const Response& refusal) {
  wire_.keep_alive = false;
  keep_alive_ = false;
  state_ = State::kWriting;
  Write(ResponseHead(refusal, wire_, SystemClock().Now()), wire_.head_only ? "" : refusal.body,
        [this] { Linger(); });
}

// `then` runs on the loop when everything has been handed to the system; never after Close().
void Connection::Write(std::string head, std::string body, std::function<void()> then) {
  timed_out_ = false;
  writing_ = true;
  out_head_ = std::move(head);
  out_body_ = std::move(body);
  out_sent_ = 0;
  then_ = std::move(then);
  WriteMore();
}

void Connection::WriteMore() {
  if (out_sent_ >= out_head_.size() + out_body_.size()) {
    writing_ = false;
    out_head_ = std::string();
    out_body_ = std::string();
    return std::exchange(then_, nullptr)();
  }
  // Progress restarts the deadline: a slow reader is served, one that stands still is not.
  SetDeadlineAfter(core_->options.write_deadline);
  const std::size_t from_head = std::min(out_sent_, out_head_.size());
  const std::size_t from_body = out_sent_ - from_head;
  const std::array<boost::asio::const_buffer, 2> buffers = {
      boost::asio::buffer(out_head_.data() + from_head, out_head_.size() - from_head),
      boost::asio::buffer(out_body_.data() + from_body, out_body_.size() - from_body)};
  channel_.async_write_some(buffers,
                            [self = shared_from_this()](const Error& error, std::size_t bytes) {
                              if (self->state_ == State::kClosed) return;
                              if (error) return self->Close();
                              self->out_sent_ += bytes;
                              self->WriteMore();
                            });
}

void Connection::AfterAnswer() {
  if (keep_alive_ && !draining_) return NextRequest();
  // Everything that was sent has been read: closing resets nothing.
  if (buffer_.size() == 0 && !channel_.secure()) return Close();
  Linger();
}

// Says goodbye, then reads until the peer has said it too.
void Connection::Linger() {
  if (state_ != State::kLingering) {
    state_ = State::kLingering;
    SetDeadlineAfter(kLingerTime);
    if (channel_.secure()) {
      return channel_.Shutdown([self = shared_from_this()](const Error&) { self->Close(); });
    }
    Error ignored;
    Ignore(channel_.socket().shutdown(Channel::Socket::shutdown_send, ignored));
  }
  if (reading_) return;  // Its handler closes.
  buffer_.clear();
  channel_.async_read_some(buffer_.prepare(4096),
                           [self = shared_from_this()](const Error& error, std::size_t bytes) {
                             if (self->state_ == State::kClosed) return;
                             self->lingered_ += bytes;
                             if (error || self->lingered_ > kMaxLingerBytes) return self->Close();
                             self->Linger();
                           });
}

void Connection::Drain() {
  draining_ = true;
  if (state_ == State::kIdle || state_ == State::kHandshake || state_ == State::kHead) {
    return Close();
  }
  if (state_ != State::kStreaming) return;
  stream_->ReaderGone();
  if (!writing_) PumpStream();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  then_ = nullptr;
  ClearDeadline();
  Error ignored;
  Ignore(channel_.socket().close(ignored));
  if (const auto stream = std::exchange(stream_, nullptr)) stream->ReaderGone();
  if (const auto on_closed = std::exchange(on_closed_, nullptr)) on_closed(this);
}

void Connection::SetDeadlineAfter(steady_clock::duration wait) { SetDeadline(Now() + wait); }

void Connection::SetDeadline(steady_clock::time_point at) {
  const std::uint64_t round = ++timer_round_;
  timer_.expires_at(at);
  timer_.async_wait([self = shared_from_this(), round](const Error& error) {
    if (!error && round == self->timer_round_) self->OnDeadline();
  });
}

void Connection::ClearDeadline() {
  ++timer_round_;
  timer_.cancel();
}

void Connection::OnDeadline() {
  const bool can_say_so =
      (state_ == State::kHead || state_ == State::kBody) && !writing_ && !timed_out_;
  if (!can_say_so) return Close();
  timed_out_ = true;
  Error ignored;
  Ignore(channel_.socket().cancel(ignored));  // The read ends with an error; OnReadError answers.
}

}  // namespace salve::http
