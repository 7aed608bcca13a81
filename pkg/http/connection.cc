// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/connection.h"

#include <exception>
#include <utility>

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include "pkg/base/log.h"
#include "pkg/http/ignore_error.h"
#include "pkg/http/request_check.h"

namespace salve::http {
namespace {

namespace beast = boost::beast;

constexpr std::size_t kBufferSlack = 4096;
constexpr std::size_t kReadSomeBytes = 512;

// Writes what a handler answers in the words of the wire and hands it to the connection.
class Writer final : public ResponseWriter {
 public:
  Writer(std::shared_ptr<Connection> connection, const WireOptions& wire)
      : connection_(std::move(connection)), wire_(wire) {}
  ~Writer() override {
    if (!answered_) Send(PlainText(500, "internal error"));
  }

  void Send(Response response) override {
    if (std::exchange(answered_, true)) return;
    std::string head = ResponseHead(response, wire_, SystemClock().Now());
    const bool no_body = wire_.head_only || response.status == 204 || response.status == 304;
    connection_->Answer(std::move(head), no_body ? "" : std::move(response.body), wire_.keep_alive);
  }

  std::shared_ptr<StreamSink> Stream(Response head, std::size_t buffer_bytes) override {
    auto stream = std::make_shared<ServerStream>(buffer_bytes, !wire_.http_1_0,
                                                 [weak = std::weak_ptr<Connection>(connection_)] {
                                                   if (const auto connection = weak.lock())
                                                     connection->StreamChanged();
                                                 });
    if (std::exchange(answered_, true) || wire_.head_only) stream->ReaderGone();
    connection_->AnswerStream(StreamHead(head, wire_, SystemClock().Now()),
                              wire_.head_only ? nullptr : stream,
                              wire_.keep_alive && !wire_.http_1_0);
    return stream;
  }

 private:
  const std::shared_ptr<Connection> connection_;
  const WireOptions wire_;
  bool answered_ = false;
};

Request ToRequest(beast::http::request<beast::http::string_body>& message,
                  const std::string& peer) {
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.Add(std::string_view(field.name_string().data(), field.name_string().size()),
                        std::string(field.value()));
  }
  request.body = std::move(message.body());
  request.peer = peer;
  return request;
}

}  // namespace

Connection::Connection(std::shared_ptr<ServerCore> core, Channel::Socket socket, std::string peer,
                       std::function<void(Connection*)> on_closed)
    : core_(std::move(core)),
      channel_(std::move(socket), core_->tls()),
      peer_(std::move(peer)),
      on_closed_(std::move(on_closed)),
      timer_(core_->loop.io()),
      buffer_(core_->options.max_header_bytes + kBufferSlack) {}

void Connection::Start() {
  request_start_ = Now();
  SetDeadline(request_start_ + core_->options.header_deadline);
  if (!channel_.secure()) return ReadHead();
  channel_.Handshake([self = shared_from_this()](const Error& error) {
    if (self->state_ == State::kClosed) return;
    if (error) return self->Close();
    self->ReadHead();
  });
}

// After an answer: what the peer has sent already goes first, else wait for its next word.
void Connection::NextRequest() {
  if (draining_) return Close();
  state_ = State::kIdle;
  parser_.reset();
  if (buffer_.size() == 0 && !reading_) {
    buffer_ = beast::flat_buffer(core_->options.max_header_bytes + kBufferSlack);
  }
  if (buffer_.size() > 0 && reading_) {
    // Sent ahead while an answer streamed. OnReadSome comes back here.
    SetDeadlineAfter(core_->options.header_deadline);
    Error ignored;
    Ignore(channel_.socket().cancel(ignored));
    return;
  }
  if (buffer_.size() > 0) {
    request_start_ = Now();
    SetDeadline(request_start_ + core_->options.header_deadline);
    return ReadHead();
  }
  SetDeadlineAfter(core_->options.idle_deadline);
  if (!reading_) ReadSome();
}

// The read that is pending while nothing of a request is expected: it notices the next request, or
// that the peer has gone.
void Connection::ReadSome() {
  // While an answer streams, a pipelined request waits in the buffer; a flood ends the connection.
  if (buffer_.size() + kReadSomeBytes > buffer_.max_size()) return Close();
  reading_ = true;
  channel_.async_read_some(buffer_.prepare(kReadSomeBytes),
                           [self = shared_from_this()](const Error& error, std::size_t bytes) {
                             self->reading_ = false;
                             self->OnReadSome(error, bytes);
                           });
}

void Connection::OnReadSome(const Error& error, std::size_t bytes) {
  if (state_ == State::kClosed) return;
  const bool called_back = error == boost::asio::error::operation_aborted &&
                           state_ == State::kIdle && buffer_.size() > 0;
  if (error && !called_back) return Close();
  buffer_.commit(bytes);
  if (state_ == State::kIdle) return NextRequest();
  ReadSome();
}

void Connection::ReadHead() {
  state_ = State::kHead;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(core_->options.max_header_bytes));
  parser_->body_limit(core_->options.max_body_bytes);
  beast::http::async_read_header(
      channel_, buffer_, *parser_,
      [self = shared_from_this()](const Error& error, std::size_t) { self->OnHead(error); });
}

void Connection::OnHead(const Error& error) {
  if (state_ == State::kClosed) return;
  // Cleared before what may refuse: a refusal always closes.
  wire_ = WireOptions{};
  keep_alive_ = false;
  if (error) return OnReadError(error);
  auto& message = parser_->get();
  Request head = ToRequest(message, peer_);
  wire_.http_1_0 = message.version() == 10;
  wire_.head_only = head.method == "HEAD";
  if (message.version() / 10 != 1) return Refuse(PlainText(505, "HTTP/1.1 is needed"));
  if (auto refusal = CheckHead(head, wire_.http_1_0 ? 0 : 1)) return Refuse(*refusal);
  keep_alive_ = message.keep_alive() && !draining_;
  wire_.keep_alive = keep_alive_;
  expects_continue_ = !wire_.http_1_0 && head.headers.Get("Expect").has_value();
  ClearDeadline();
  Admit(std::move(head));
}

void Connection::OnReadError(const Error& why) {
  using beast::http::error;
  if (timed_out_) {
    const bool nothing_came = state_ == State::kHead && !parser_->got_some();
    return nothing_came ? Close() : Refuse(PlainText(408, "the request took too long"));
  }
  if (why == error::header_limit || why == error::buffer_overflow) {
    return Refuse(PlainText(431, "the header is larger than this server takes"));
  }
  if (why == error::bad_version) return Refuse(PlainText(505, "HTTP/1.1 is needed"));
  if (why == error::body_limit) {
    return Refuse(PlainText(413, "the body is larger than " +
                                     std::to_string(core_->options.max_body_bytes) + " bytes"));
  }
  const bool about_http = why.category() == make_error_code(error::bad_method).category();
  if (about_http && why != error::end_of_stream && why != error::partial_message) {
    return Refuse(PlainText(400, "not an HTTP request: " + why.message()));
  }
  Close();
}

// Asks the handler on a worker whether the head will do. A request without a body is handled there
// and then, another one comes back to have its body read.
void Connection::Admit(Request head) {
  state_ = State::kAdmit;
  const bool complete = parser_->is_done();
  core_->workers.Submit([self = shared_from_this(), head = std::move(head), complete]() mutable {
    Response refusal;
    bool admitted = false;
    try {
      admitted = self->core_->handler.AdmitHead(head, &refusal);
    } catch (const std::exception& e) {
      Log(Severity::kError, "handler threw on a request's head",
          {{"target", head.target}, {"error", e.what()}});
      refusal = PlainText(500, "internal error");
    }
    if (admitted && complete) return self->Handle(std::move(head));
    IoLoop& loop = self->core_->loop;
    loop.Post([self = std::move(self), admitted, refusal = std::move(refusal)]() mutable {
      self->OnAdmitted(admitted, std::move(refusal));
    });
  });
}

void Connection::OnAdmitted(bool admitted, Response refusal) {
  if (state_ == State::kClosed) return;
  if (!admitted && !parser_->is_done()) return Refuse(refusal);
  if (!admitted) {
    std::string head = ResponseHead(refusal, wire_, SystemClock().Now());
    return Answer(std::move(head), wire_.head_only ? "" : std::move(refusal.body), keep_alive_);
  }
  if (!expects_continue_) return ReadBody();
  Write("HTTP/1.1 100 Continue\r\n\r\n", "", [this] { ReadBody(); });
}

void Connection::ReadBody() {
  state_ = State::kBody;
  SetDeadline(request_start_ + core_->options.request_deadline);
  beast::http::async_read(
      channel_, buffer_, *parser_,
      [self = shared_from_this()](const Error& error, std::size_t) { self->OnBody(error); });
}

void Connection::OnBody(const Error& error) {
  if (state_ == State::kClosed) return;
  if (error) return OnReadError(error);
  ClearDeadline();
  Request request = ToRequest(parser_->get(), peer_);
  CheckHead(request, wire_.http_1_0 ? 0 : 1);  // Passed before; this brings the target to its form.
  Dispatch(std::move(request));
}

void Connection::Dispatch(Request request) {
  state_ = State::kHandling;
  parser_.reset();
  core_->workers.Submit([self = shared_from_this(), request = std::move(request)]() mutable {
    self->Handle(std::move(request));
  });
}

void Connection::Handle(Request request) {
  auto writer = std::make_unique<Writer>(shared_from_this(), wire_);
  const std::string target = request.target;
  try {
    core_->handler.Handle(std::move(request), std::move(writer));
  } catch (const std::exception& e) {  // The writer has gone with it, and has answered 500.
    Log(Severity::kError, "handler threw", {{"target", target}, {"error", e.what()}});
  }
}

}  // namespace salve::http
