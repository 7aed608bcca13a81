// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <atomic>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <sys/socket.h>

#include "pkg/base/mutex.h"
#include "pkg/http/ignore_error.h"
#include "pkg/http/transports.h"
#include "pkg/http/wire.h"

namespace salve::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Socket = asio::local::stream_protocol::socket;
using boost::system::error_code;

constexpr std::size_t kMaxIdle = 8;
constexpr std::uint32_t kMaxResponseHeader = 64u << 10;
constexpr std::size_t kReadBytes = 16u << 10;

// A connection and the context that its operations run on, in the thread of whoever waits for them:
// no thread belongs to the transport.
struct Link {
  Link() : io(1), socket(io), buffer(kMaxResponseHeader + kReadBytes) {}
  asio::io_context io;
  Socket socket;
  beast::flat_buffer buffer;
  bool reused = false;
};

// Connections that are open and have nothing to do. Thread-safe.
class IdleLinks {
 public:
  std::unique_ptr<Link> Take() {
    while (std::unique_ptr<Link> link = Pop()) {
      // Readable means closed by the server, or out of step: either way of no more use.
      char byte = 0;
      const auto got = ::recv(link->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) continue;
      link->reused = true;
      return link;
    }
    return nullptr;
  }
  void Put(std::unique_ptr<Link> link) {
    MutexLock lock(mu_);
    if (links_.size() < kMaxIdle) links_.push_back(std::move(link));
  }

 private:
  std::unique_ptr<Link> Pop() {
    MutexLock lock(mu_);
    if (links_.empty()) return nullptr;
    std::unique_ptr<Link> link = std::move(links_.back());
    links_.pop_back();
    return link;
  }

  Mutex mu_;
  std::vector<std::unique_ptr<Link>> links_ SALVE_GUARDED_BY(mu_);
};

// One exchange on one link: what Send and Open have in common. One thread at a time, but for
// Interrupt().
class Exchange {
 public:
  Exchange(const std::string& path, Clock& clock, std::shared_ptr<IdleLinks> idle)
      : path_(path), clock_(clock), idle_(std::move(idle)), link_(idle_->Take()) {
    if (!link_) link_ = std::make_unique<Link>();
  }
  ~Exchange() {
    if (!finished_ || interrupted_ || !keep_alive_ || link_->buffer.size() != 0) return;
    link_->io.restart();
    link_->io.poll();  // A late Interrupt() would cancel the next exchange.
    idle_->Put(std::move(link_));
  }

  bool reused() const { return link_->reused; }
  bool got_some() const { return parser_ && parser_->got_some(); }

  // Sends the request and reads the response's head.
  Status Begin(const Request& request, MonoTime deadline) {
    if (!link_->reused) SALVE_RETURN_IF_ERROR(Connect(deadline));
    const std::string bytes = RequestBytes(request, "localhost");
    SALVE_RETURN_IF_ERROR(Translate("sending to", Run(deadline, [&](auto done) {
                                      asio::async_write(link_->socket, asio::buffer(bytes), done);
                                    })));
    do {
      parser_.emplace();
      parser_->header_limit(kMaxResponseHeader);
      parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
      parser_->skip(request.method == "HEAD");
      SALVE_RETURN_IF_ERROR(Translate("reading the response of", Run(deadline, [&](auto done) {
                                        beast::http::async_read_header(link_->socket, link_->buffer,
                                                                       *parser_, done);
                                      })));
    } while (parser_->get().result_int() / 100 == 1);
    finished_ = parser_->is_done();
    keep_alive_ = parser_->keep_alive();
    return {};
  }

  Response Head() const {
    Response head;
    head.status = static_cast<int>(parser_->get().result_int());
    for (const auto& field : parser_->get()) {
      const auto name = field.name_string();
      head.headers.Add(std::string_view(name.data(), name.size()), std::string(field.value()));
    }
    return head;
  }

  // "" at the regular end.
  StatusOr<std::string> ReadBody(MonoTime deadline) {
    std::array<char, kReadBytes> chunk;
    while (!finished_) {
      auto& body = parser_->get().body();
      body.data = chunk.data();
      body.size = chunk.size();
      error_code error = Run(deadline, [&](auto done) {
        beast::http::async_read_some(link_->socket, link_->buffer, *parser_, done);
      });
      if (error == beast::http::error::need_buffer) error = {};
      SALVE_RETURN_IF_ERROR(Translate("reading the response of", error));
      finished_ = parser_->is_done();
      if (const std::size_t got = chunk.size() - body.size; got > 0) {
        return std::string(chunk.data(), got);
      }
    }
    return std::string();
  }

  // From any thread: ends the running operation and all later ones.
  void Interrupt() {
    interrupted_ = true;
    asio::post(link_->io, [this] {
      error_code ignored;
      Ignore(link_->socket.cancel(ignored));
    });
  }

 private:
  Status Connect(MonoTime deadline) {
    error_code error;
    // An over-long path throws in the endpoint's constructor.
    if (path_.empty() || path_.size() >= sizeof(sockaddr_un::sun_path)) {
      error = asio::error::name_too_long;
    } else {
      error = Run(deadline, [&](auto done) {
        link_->socket.async_connect(asio::local::stream_protocol::endpoint(path_),
                                    [done](const error_code& e) mutable { done(e, 0); });
      });
    }
    if (!error) return {};
    if (interrupted_) return CancelledError("call stopped by the caller");
    return UnavailableError("connecting to unix socket " + path_ + ": " +
                            (timed_out_ ? "no answer in time" : error.message()));
  }

  // Starts an operation and runs the context until it is over, or cancels it at the deadline.
  template <typename Start>
  error_code Run(MonoTime deadline, Start start) {
    timed_out_ = false;
    if (interrupted_) return asio::error::operation_aborted;
    bool over = false;
    error_code result;
    link_->io.restart();
    start([&](const error_code& error, std::size_t) {
      result = error;
      over = true;
    });
    while (!over) {
      if (deadline == MonoTime::max()) {
        link_->io.run_one();
        continue;
      }
      const Duration left = deadline - clock_.Monotonic();
      if (left <= Duration::zero() && !timed_out_) {
        link_->io.poll();
        if (over) break;
        timed_out_ = true;
        error_code ignored;
        Ignore(link_->socket.cancel(ignored));
      }
      link_->io.run_one_for(std::max<Duration>(left, std::chrono::milliseconds(1)));
    }
    // It may have succeeded while it was being cancelled.
    if (!result) timed_out_ = false;
    return result;
  }

  Status Translate(std::string_view what, const error_code& error) const {
    if (!error) return {};
    const std::string where = std::string(what) + " unix socket " + path_ + ": ";
    if (interrupted_) return CancelledError(where + "stopped by the caller");
    if (timed_out_) return DeadlineExceededError(where + "no answer in time");
    if (error == beast::http::error::end_of_stream) {
      return AbortedError(where + "the connection was closed");
    }
    return AbortedError(where + error.message());
  }

  const std::string path_;
  Clock& clock_;
  const std::shared_ptr<IdleLinks> idle_;
  std::unique_ptr<Link> link_;
  std::optional<beast::http::response_parser<beast::http::buffer_body>> parser_;
  std::atomic<bool> interrupted_ = false;
  bool timed_out_ = false;
  bool finished_ = false;
  bool keep_alive_ = false;
};

class Stream final : public ResponseStream {
 public:
  Stream(std::unique_ptr<Exchange> exchange, const std::stop_token& stop)
      : exchange_(std::move(exchange)),
        head_(exchange_->Head()),
        on_stop_(stop, [raw = exchange_.get()] { raw->Interrupt(); }) {}

  int status() const override { return head_.status; }
  const Headers& headers() const override { return head_.headers; }
  StatusOr<std::string> Read(MonoTime deadline) override { return exchange_->ReadBody(deadline); }
  void Close() override { exchange_->Interrupt(); }

 private:
  const std::unique_ptr<Exchange> exchange_;
  const Response head_;
  const std::stop_callback<std::function<void()>> on_stop_;
};

class UnixTransport final : public Transport {
 public:
  UnixTransport(std::string path, Clock& clock) : path_(std::move(path)), clock_(clock) {}

  StatusOr<Response> Send(const Request& request, const CallOptions& options) override {
    SALVE_ASSIGN_OR_RETURN(auto stream, Open(request, options));
    Response response{stream->status(), stream->headers(), ""};
    while (true) {
      StatusOr<std::string> chunk = stream->Read(options.deadline);
      if (!chunk.ok()) return chunk.status();
      if (chunk->empty()) return response;
      if (response.body.size() + chunk->size() > options.max_body_bytes) {
        stream->Close();
        return InvalidArgumentError(request.method + " " + request.target + " on unix socket " +
                                    path_ + ": the response body is larger than " +
                                    std::to_string(options.max_body_bytes) + " bytes");
      }
      response.body += *chunk;
    }
  }

  StatusOr<std::unique_ptr<ResponseStream>> Open(const Request& request,
                                                 const CallOptions& options) override {
    const bool repeatable = request.method == "GET" || request.method == "HEAD";
    while (true) {
      if (options.stop.stop_requested()) return CancelledError("call stopped by the caller");
      if (clock_.Monotonic() >= options.deadline) {
        return DeadlineExceededError("unix socket " + path_ +
                                     ": the deadline had passed before the call began");
      }
      auto exchange = std::make_unique<Exchange>(path_, clock_, idle_);
      Status status;
      {
        const std::stop_callback on_stop(options.stop,
                                         [raw = exchange.get()] { raw->Interrupt(); });
        status = exchange->Begin(request, options.deadline);
      }
      if (status.ok()) {
        return std::unique_ptr<ResponseStream>(
            std::make_unique<Stream>(std::move(exchange), options.stop));
      }
      // The server closed a kept connection just as it was taken: only what can be repeated safely
      // is.
      const bool stale = status.code() == Code::kAborted && exchange->reused() &&
                         !exchange->got_some() && repeatable;
      if (!stale) return status;
    }
  }

 private:
  const std::string path_;
  Clock& clock_;
  const std::shared_ptr<IdleLinks> idle_ = std::make_shared<IdleLinks>();
};

}  // namespace

std::unique_ptr<Transport> MakeUnixTransport(const std::string& socket_path, Clock& clock) {
  return std::make_unique<UnixTransport>(socket_path, clock);
}

}  // namespace salve::http
