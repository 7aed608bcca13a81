// SPDX-License-Identifier: Apache-2.0
#define _TURN_OFF_PLATFORM_STRING  // cpprest's macro U
#include <mutex>
#include <utility>

#include <cpprest/http_client.h>
#include <cpprest/producerconsumerstream.h>
#include <pplx/threadpool.h>

#include "pkg/base/mutex.h"
#include "pkg/http/tls_context.h"
#include "pkg/http/transports.h"
#include "pkg/http/url.h"

// cpprestsdk behind Transport, and what it does otherwise brought in line:
// - it repeats a request when a kept connection turns out closed, a POST too: a body stream that
// cannot be
//   rewound forbids that, so everything but GET and HEAD gets one;
// - it reads a response as fast as the server sends: the sink here makes it wait for the reader;
// - its time-out is per read: deadlines are kept here, and a call that is over is cancelled;
// - it checks names by its own code and from the Host field: OpenSSL does it here (tls_context.h);
// - its pool has 40 threads: two are enough for callbacks that never block.
// What cannot be helped from outside: the response's head and a single chunk are buffered whole.
namespace salve::http {
namespace {

namespace web_http = web::http;
using BodyBuffer = concurrency::streams::details::streambuf_state_manager<std::uint8_t>;

constexpr std::size_t kMaxUnread = 256u << 10;
constexpr std::size_t kBlockBytes =
    4096;  // without chunks nothing shorter is handed on before the end
constexpr std::size_t kThreads = 2;

// What the caller's thread and cpprest's share of one call. Thread-safe.
class Call {
 public:
  Call(std::string name, Clock& clock) : name_(std::move(name)), clock_(clock) {}

  const std::string& name() const { return name_; }
  pplx::cancellation_token token() const { return cancel_.get_token(); }

  void OnHead(Response head) {
    MutexLock lock(mu_);
    head_ = std::move(head);
    changed_.NotifyAll();
  }
  void OnEnd(Status status) {
    MutexLock lock(mu_);
    if (ended_) return;
    ended_ = true;
    end_ = std::move(status);
    changed_.NotifyAll();
  }
  // The task is done when the reader has made room: cpprest reads no further before.
  pplx::task<std::size_t> OnBytes(const std::uint8_t* data, std::size_t size) {
    MutexLock lock(mu_);
    if (interrupted_) return pplx::task_from_exception<std::size_t>(std::runtime_error("closed"));
    unread_.append(reinterpret_cast<const char*>(data), size);
    changed_.NotifyAll();
    if (unread_.size() < kMaxUnread) return pplx::task_from_result(size);
    room_.emplace();
    room_size_ = size;
    return pplx::create_task(*room_);
  }

  // Waits for the head. On an error the call is over.
  StatusOr<Response> WaitForHead(MonoTime deadline) {
    Status status;
    {
      MutexLock lock(mu_);
      while (!head_ && !ended_ && !interrupted_ && status.ok()) {
        if (!clock_.WaitUntil(changed_, mu_, deadline)) status = TooLate();
      }
      if (head_) return *std::move(head_);
      // A call that was stopped ends with an error, too, sooner or later.
      if (interrupted_) {
        status = CancelledError(name_ + ": stopped by the caller");
      } else if (ended_) {
        status = end_;
      }
    }
    Interrupt();
    return status;
  }

  // See ResponseStream::Read.
  StatusOr<std::string> Read(MonoTime deadline) {
    std::string bytes;
    std::optional<pplx::task_completion_event<std::size_t>> room;
    std::size_t room_size = 0;
    {
      MutexLock lock(mu_);
      while (unread_.empty() && !ended_ && !interrupted_) {
        if (!clock_.WaitUntil(changed_, mu_, deadline) && unread_.empty() && !ended_) {
          return TooLate();
        }
      }
      if (interrupted_) return CancelledError(name_ + ": stopped by the caller");
      if (unread_.empty()) return end_.ok() ? StatusOr<std::string>(std::string()) : end_;
      bytes.swap(unread_);
      room.swap(room_);
      room_size = room_size_;
    }
    if (room) room->set(room_size);  // Without the lock: it runs continuations.
    return bytes;
  }

  // Ends everything, from any thread.
  void Interrupt() {
    std::optional<pplx::task_completion_event<std::size_t>> room;
    {
      MutexLock lock(mu_);
      if (std::exchange(interrupted_, true)) return;
      room.swap(room_);
      changed_.NotifyAll();
      if (ended_ && end_.ok()) return;  // The connection is back in the pool: leave it alone.
    }
    if (room) room->set_exception(std::runtime_error("closed"));
    cancel_.cancel();
  }

 private:
  Status TooLate() const { return DeadlineExceededError(name_ + ": no answer in time"); }

  const std::string name_;  // "GET https://host:port/path": never with a query, it may hold a token
  Clock& clock_;
  pplx::cancellation_token_source cancel_;
  Mutex mu_;
  CondVar changed_;
  std::optional<Response> head_ SALVE_GUARDED_BY(mu_);
  std::string unread_ SALVE_GUARDED_BY(mu_);
  std::optional<pplx::task_completion_event<std::size_t>> room_ SALVE_GUARDED_BY(mu_);
  std::size_t room_size_ SALVE_GUARDED_BY(mu_) = 0;
  bool ended_ SALVE_GUARDED_BY(mu_) = false;
  bool interrupted_ SALVE_GUARDED_BY(mu_) = false;
  Status end_ SALVE_GUARDED_BY(mu_);
};

// Where cpprest writes the response's body to: straight into the call.
class BodySink final : public BodyBuffer {
 public:
  explicit BodySink(std::shared_ptr<Call> call)
      : BodyBuffer(std::ios_base::out), call_(std::move(call)) {}

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return pos_type(-1); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return pos_type(-1); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return pos_type(-1);
  }
  bool acquire(std::uint8_t*&, std::size_t&) override { return false; }
  void release(std::uint8_t*, std::size_t) override {}

  // The library's own leaves a rest to its pool and, after a failed write, waits for it in a thread
  // of that pool: two streams given up at the same time, or one at the end of the process, and
  // nobody is left to do it.
  using BodyBuffer::close;
  pplx::task<void> close(std::ios_base::openmode mode) override {
    if ((mode & std::ios_base::in) != 0) m_stream_can_read = false;
    if ((mode & std::ios_base::out) != 0) m_stream_can_write = false;
    return pplx::task_from_result();
  }

 protected:
  pplx::task<int_type> _putc(std::uint8_t byte) override {
    return call_->OnBytes(&byte, 1).then([byte](std::size_t) { return int_type{byte}; });
  }
  pplx::task<std::size_t> _putn(const std::uint8_t* data, std::size_t size) override {
    return call_->OnBytes(data, size);
  }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}
  // Nobody reads from it.
  pplx::task<int_type> _bumpc() override { return pplx::task_from_result(traits::eof()); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return pplx::task_from_result(traits::eof()); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return pplx::task_from_result(traits::eof()); }
  pplx::task<int_type> _ungetc() override { return pplx::task_from_result(traits::eof()); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
    return pplx::task_from_result(std::size_t{0});
  }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }

 private:
  const std::shared_ptr<Call> call_;
};

class Stream final : public ResponseStream {
 public:
  Stream(std::shared_ptr<Call> call, Response head, std::stop_token stop)
      : call_(std::move(call)),
        head_(std::move(head)),
        on_stop_(std::move(stop), [raw = call_.get()] { raw->Interrupt(); }) {}
  ~Stream() override { call_->Interrupt(); }

  int status() const override { return head_.status; }
  const Headers& headers() const override { return head_.headers; }
  StatusOr<std::string> Read(MonoTime deadline) override { return call_->Read(deadline); }
  void Close() override { call_->Interrupt(); }

 private:
  const std::shared_ptr<Call> call_;
  const Response head_;
  const std::stop_callback<std::function<void()>> on_stop_;
};

bool IsRepeatable(const std::string& method) { return method == "GET" || method == "HEAD"; }

bool IsFraming(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name == "content-length" || name == "transfer-encoding" || name == "connection";
}

class TcpTransport final : public Transport {
 public:
  TcpTransport(std::string base_url, TlsOptions tls, std::shared_ptr<TlsPeer> peer, Clock& clock)
      : base_url_(std::move(base_url)),
        tls_(std::move(tls)),
        peer_(std::move(peer)),
        clock_(clock) {}

  StatusOr<Response> Send(const Request& request, const CallOptions& options) override {
    SALVE_ASSIGN_OR_RETURN(auto stream, Open(request, options));
    Response response{stream->status(), stream->headers(), ""};
    while (true) {
      StatusOr<std::string> bytes = stream->Read(options.deadline);
      if (!bytes.ok()) return bytes.status();
      if (bytes->empty()) return response;
      if (response.body.size() + bytes->size() > options.max_body_bytes) {
        return InvalidArgumentError(Name(request) + ": the response body is larger than " +
                                    std::to_string(options.max_body_bytes) + " bytes");
      }
      response.body += *bytes;
    }
  }

  StatusOr<std::unique_ptr<ResponseStream>> Open(const Request& request,
                                                 const CallOptions& options) override {
    auto call = std::make_shared<Call>(Name(request), clock_);
    if (options.stop.stop_requested())
      return CancelledError(call->name() + ": stopped by the caller");
    if (clock_.Monotonic() >= options.deadline) {
      return DeadlineExceededError(call->name() +
                                   ": the deadline had passed before the call began");
    }
    StatusOr<Response> head = InternalError("");
    {
      const std::stop_callback on_stop(options.stop, [raw = call.get()] { raw->Interrupt(); });
      SALVE_RETURN_IF_ERROR(Start(request, call));
      head = call->WaitForHead(options.deadline);
    }
    if (!head.ok()) return head.status();
    return std::unique_ptr<ResponseStream>(
        std::make_unique<Stream>(std::move(call), *std::move(head), options.stop));
  }

 private:
  std::string Name(const Request& request) const {
    return request.method + " " + base_url_ + request.target.substr(0, request.target.find('?'));
  }

  // Made at the first call: until then no thread of cpprest exists.
  web_http::client::http_client& Client() {
    std::call_once(once_, [this] {
      static std::once_flag pool;
      std::call_once(pool, [] {
        try {
          crossplat::threadpool::initialize_with_threads(kThreads);
        } catch (const std::exception&) {  // NOLINT: somebody was first; theirs will do.
        }
      });
      web_http::client::http_client_config config;
      config.set_timeout(std::chrono::hours(24 * 365));
      config.set_chunksize(kBlockBytes);
      config.set_max_redirects(0);
      config.set_validate_certificates(!tls_.insecure_skip_verify);
      config.set_tlsext_sni_enabled(false);  // BindClientTls does it.
      config.set_ssl_context_callback(
          [tls = tls_, peer = peer_](boost::asio::ssl::context& context) {
            // MakeTcpTransport has tried the same options before.
            if (Status s = ConfigureClientTls(tls, context); !s.ok())
              throw std::runtime_error(s.message());
            BindClientTls(peer, context);
          });
      client_ = std::make_unique<web_http::client::http_client>(base_url_, config);
    });
    return *client_;
  }

  Status Start(const Request& request, const std::shared_ptr<Call>& call) {
    try {
      web_http::http_request message(request.method);
      message.set_request_uri(web::uri(request.target));
      for (const auto& [name, value] : request.headers) {
        if (!IsFraming(name)) message.headers().add(name, value);
      }
      SetBody(request, message);
      message.set_response_stream(concurrency::streams::ostream(
          concurrency::streams::streambuf<std::uint8_t>(std::make_shared<BodySink>(call))));
      Client()
          .request(message, call->token())
          .then([call, peer = peer_](pplx::task<web_http::http_response> task) {
            Finish(
                [&] {
                  const web_http::http_response response = task.get();
                  call->OnHead(ToResponse(response));
                  response.content_ready().then(
                      [call, peer](pplx::task<web_http::http_response> body) {
                        Finish(
                            [&] {
                              body.get();
                              call->OnEnd({});
                            },
                            *call, *peer);
                      });
                },
                *call, *peer);
          });
      return {};
    } catch (const web::uri_exception& e) {
      return InvalidArgumentError(call->name() + ": not a request target: " + e.what());
    } catch (const std::exception& e) {
      return UnavailableError(call->name() + ": " + e.what());
    }
  }

  static void SetBody(const Request& request, web_http::http_request& message) {
    if (IsRepeatable(request.method) && request.body.empty()) return;
    concurrency::streams::producer_consumer_buffer<std::uint8_t> buffer;
    const auto* data = reinterpret_cast<const std::uint8_t*>(request.body.data());
    buffer.putn_nocopy(data, request.body.size()).wait();  // Memory only: done at once.
    buffer.close(std::ios_base::out).wait();
    std::string type(request.headers.Get("Content-Type").value_or("application/octet-stream"));
    message.set_body(buffer.create_istream(), request.body.size(), type);
  }

  static Response ToResponse(const web_http::http_response& response) {
    Response out;
    out.status = response.status_code();
    for (const auto& [name, value] : response.headers()) out.headers.Add(name, value);
    return out;
  }

  // The wall of the room: cpprest's exceptions become the call's end.
  template <typename Step>
  static void Finish(Step step, Call& call, TlsPeer& peer) {
    try {
      step();
    } catch (const web_http::http_exception& e) {
      call.OnEnd(ToStatus(e, call.name(), peer));
    } catch (const std::exception& e) {
      call.OnEnd(AbortedError(call.name() + ": " + e.what()));
    }
  }

  static Status ToStatus(const web_http::http_exception& e, const std::string& name,
                         TlsPeer& peer) {
    const std::string_view what = e.what();
    const std::string system = e.error_code() ? e.error_code().message() : "";
    if (what.starts_with("Error in SSL handshake")) {
      MutexLock lock(peer.mu);
      return UnavailableError(name + ": TLS handshake failed: " +
                              (peer.last_error.empty() ? "no common ground" : peer.last_error));
    }
    if (what.starts_with("Failed to connect")) {
      return UnavailableError(name + ": connection refused or host unreachable");
    }
    if (what.starts_with("Error resolving") || what.starts_with("Failed to resolve")) {
      return UnavailableError(name + ": the host name cannot be resolved");
    }
    return AbortedError(name + ": " + std::string(what) + (system.empty() ? "" : ": " + system));
  }

  const std::string base_url_;
  const TlsOptions tls_;
  const std::shared_ptr<TlsPeer> peer_;
  Clock& clock_;
  std::once_flag once_;
  std::unique_ptr<web_http::client::http_client> client_;
};

}  // namespace

StatusOr<std::unique_ptr<Transport>> MakeTcpTransport(const std::string& base_url,
                                                      const TlsOptions& tls, Clock& clock) {
  SALVE_ASSIGN_OR_RETURN(const Url url, ParseUrl(base_url));
  if (url.scheme != "http" && url.scheme != "https") {
    return InvalidArgumentError("scheme \"" + url.scheme + "\" of " + url.host +
                                ": http or https is needed");
  }
  if (!url.path.empty() && url.path != "/") {
    return InvalidArgumentError("a base URL has no path, but this one has \"" + url.path + "\"");
  }
  if (url.scheme == "https") {
    boost::asio::ssl::context trial(boost::asio::ssl::context::tls_client);
    SALVE_RETURN_IF_ERROR(ConfigureClientTls(tls, trial));
  }
  auto peer = std::make_shared<TlsPeer>();
  peer->name = tls.server_name.empty() ? url.host : tls.server_name;
  return std::unique_ptr<Transport>(
      std::make_unique<TcpTransport>(BaseUrl(url), tls, std::move(peer), clock));
}

}  // namespace salve::http
