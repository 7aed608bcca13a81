// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <optional>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/base/mutex.h"
#include "pkg/http/body_pipe.h"
#include "pkg/http/transports.h"

namespace salve::http {
namespace {

Response ServerError() {
  return {500, {{"Content-Type", "text/plain; charset=utf-8"}}, "internal error\n"};
}

// What the handler's side and the caller's side of one call share.
class Exchange {
 public:
  explicit Exchange(Clock& clock) : clock_(clock) {}

  // The first answer counts. `body` is null for a complete one.
  void Answer(Response head, std::shared_ptr<BodyPipe> body) {
    MutexLock lock(mu_);
    if (head_) return;
    head_ = std::move(head);
    body_ = std::move(body);
    changed_.NotifyAll();
  }

  void Wake() {
    MutexLock lock(mu_);
    changed_.NotifyAll();
  }

  Status WaitForHead(const CallOptions& options) {
    MutexLock lock(mu_);
    while (!head_) {
      if (options.stop.stop_requested()) return CancelledError("call stopped by the caller");
      if (!clock_.WaitUntil(changed_, mu_, options.deadline) && !head_) {
        return DeadlineExceededError("in-process handler: no answer in time");
      }
    }
    return {};
  }

  std::pair<Response, std::shared_ptr<BodyPipe>> Take() {
    MutexLock lock(mu_);
    return {*std::move(head_), std::move(body_)};
  }

  Clock& clock() { return clock_; }

 private:
  Clock& clock_;
  Mutex mu_;
  CondVar changed_;
  std::optional<Response> head_ SALVE_GUARDED_BY(mu_);
  std::shared_ptr<BodyPipe> body_ SALVE_GUARDED_BY(mu_);
};

class Writer final : public ResponseWriter {
 public:
  Writer(std::shared_ptr<Exchange> exchange, bool head_only)
      : exchange_(std::move(exchange)), head_only_(head_only) {}
  ~Writer() override { exchange_->Answer(ServerError(), nullptr); }

  void Send(Response response) override {
    if (!response.headers.Get("Content-Length")) {
      response.headers.Add("Content-Length", std::to_string(response.body.size()));
    }
    if (head_only_) response.body.clear();
    exchange_->Answer(std::move(response), nullptr);
  }

  std::shared_ptr<StreamSink> Stream(Response head, std::size_t buffer_bytes) override {
    auto pipe = std::make_shared<BodyPipe>(buffer_bytes, exchange_->clock());
    if (head_only_) pipe->CloseReader();
    exchange_->Answer(std::move(head), head_only_ ? nullptr : pipe);
    return pipe;
  }

 private:
  const std::shared_ptr<Exchange> exchange_;
  const bool head_only_;
};

class Stream final : public ResponseStream {
 public:
  Stream(Response head, std::shared_ptr<BodyPipe> body, std::stop_token stop)
      : head_(std::move(head)),
        body_(std::move(body)),
        on_stop_(std::move(stop), [pipe = body_] { pipe->CloseReader(); }) {}
  ~Stream() override { Close(); }

  int status() const override { return head_.status; }
  const Headers& headers() const override { return head_.headers; }
  StatusOr<std::string> Read(MonoTime deadline) override { return body_->Read(deadline); }
  void Close() override { body_->CloseReader(); }

 private:
  const Response head_;
  const std::shared_ptr<BodyPipe> body_;
  const std::stop_callback<std::function<void()>> on_stop_;
};

class InProcessTransport final : public Transport {
 public:
  InProcessTransport(Handler& handler, Headers headers, Clock& clock)
      : handler_(handler), headers_(std::move(headers)), clock_(clock) {}

  StatusOr<Response> Send(const Request& request, const CallOptions& options) override {
    SALVE_ASSIGN_OR_RETURN(auto stream, Open(request, options));
    Response response{stream->status(), stream->headers(), ""};
    while (true) {
      StatusOr<std::string> chunk = stream->Read(options.deadline);
      if (!chunk.ok()) return chunk.status();
      if (chunk->empty()) return response;
      if (response.body.size() + chunk->size() > options.max_body_bytes) {
        return InvalidArgumentError(request.method + " " + request.target +
                                    ": the response body is larger than " +
                                    std::to_string(options.max_body_bytes) + " bytes");
      }
      response.body += *chunk;
    }
  }

  StatusOr<std::unique_ptr<ResponseStream>> Open(const Request& request,
                                                 const CallOptions& options) override {
    if (options.stop.stop_requested()) return CancelledError("call stopped by the caller");
    if (clock_.Monotonic() >= options.deadline) {
      return DeadlineExceededError("in-process call: the deadline had passed before it began");
    }
    auto exchange = std::make_shared<Exchange>(clock_);
    // Destroyed before the lock is needed again: its destructor waits for a running callback.
    const std::stop_callback on_stop(options.stop, [exchange] { exchange->Wake(); });
    Call(request, exchange);
    SALVE_RETURN_IF_ERROR(exchange->WaitForHead(options));
    auto [head, body] = exchange->Take();
    if (!body) {
      body = std::make_shared<BodyPipe>(head.body.size(), clock_);
      body->Write(std::move(head.body));
      body->Close();
      head.body.clear();
    }
    return std::unique_ptr<ResponseStream>(
        std::make_unique<Stream>(std::move(head), std::move(body), options.stop));
  }

 private:
  void Call(Request request, const std::shared_ptr<Exchange>& exchange) {
    for (const auto& [name, value] : headers_) request.headers.Set(name, value);
    request.peer.clear();
    std::string body = std::exchange(request.body, "");
    auto writer = std::make_unique<Writer>(exchange, request.method == "HEAD");
    // The wall of the room: the server does the same with what a handler throws.
    try {
      Response refusal;
      if (!handler_.AdmitHead(request, &refusal)) return writer->Send(std::move(refusal));
      request.body = std::move(body);
      handler_.Handle(std::move(request), std::move(writer));
    } catch (const std::exception& e) {
      Log(Severity::kError, "handler threw", {{"error", e.what()}});
      exchange->Answer(ServerError(), nullptr);
    }
  }

  Handler& handler_;
  const Headers headers_;
  Clock& clock_;
};

}  // namespace

std::unique_ptr<Transport> MakeInProcessTransport(Handler& handler, Headers headers, Clock& clock) {
  return std::make_unique<InProcessTransport>(handler, std::move(headers), clock);
}

}  // namespace salve::http
