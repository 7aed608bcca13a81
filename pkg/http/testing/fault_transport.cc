// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/testing/fault_transport.h"

#include <algorithm>
#include <utility>

#include "pkg/base/mutex.h"

namespace salve::http {
namespace {

constexpr char kNoise[] = "\x16\x03\x01<html>{\"kind\":\xff";

// Hands on a stream's bytes up to a limit and then ends it as the fault says.
class CutStream final : public ResponseStream {
 public:
  CutStream(std::unique_ptr<ResponseStream> real, std::size_t left, bool regular_end)
      : real_(std::move(real)), left_(left), regular_end_(regular_end) {}

  int status() const override { return real_->status(); }
  const Headers& headers() const override { return real_->headers(); }
  StatusOr<std::string> Read(MonoTime deadline) override {
    if (left_ == 0) {
      real_->Close();
      if (regular_end_) return std::string();
      return AbortedError("injected: the connection broke");
    }
    SALVE_ASSIGN_OR_RETURN(std::string bytes, real_->Read(deadline));
    bytes.resize(std::min(bytes.size(), left_));
    left_ -= bytes.size();
    return bytes;
  }
  void Close() override { real_->Close(); }

 private:
  const std::unique_ptr<ResponseStream> real_;
  std::size_t left_;
  const bool regular_end_;
};

class FaultTransport final : public Transport {
 public:
  FaultTransport(Transport& real, std::function<Fault(const Request&)> choose, Clock& clock)
      : real_(real), choose_(std::move(choose)), clock_(clock) {}

  StatusOr<Response> Send(const Request& request, const CallOptions& options) override {
    const Fault fault = choose_(request);
    Response status;
    if (Status s = Before(fault, options, &status); !s.ok()) return s;
    if (fault.kind == Fault::Kind::kStatus) return status;
    SALVE_ASSIGN_OR_RETURN(Response response, real_.Send(request, options));
    SALVE_RETURN_IF_ERROR(After(fault, options));
    switch (fault.kind) {
      case Fault::Kind::kCutStream:
        if (response.body.size() > fault.bytes) return AbortedError("injected: cut in the body");
        break;
      case Fault::Kind::kEndStream:
        response.body.resize(std::min(response.body.size(), fault.bytes));
        break;
      case Fault::Kind::kOversizedBody:
        response.body.append(fault.bytes, ' ');
        if (response.body.size() > options.max_body_bytes) {
          return InvalidArgumentError("injected: the response body is too large");
        }
        break;
      case Fault::Kind::kGarbage:
        response.body = kNoise;
        break;
      default:
        break;
    }
    return response;
  }

  StatusOr<std::unique_ptr<ResponseStream>> Open(const Request& request,
                                                 const CallOptions& options) override {
    const Fault fault = choose_(request);
    Response status;
    if (Status s = Before(fault, options, &status); !s.ok()) return s;
    if (fault.kind == Fault::Kind::kStatus) {
      return std::unique_ptr<ResponseStream>(std::make_unique<Canned>(std::move(status)));
    }
    if (fault.kind == Fault::Kind::kGarbage) {
      return std::unique_ptr<ResponseStream>(std::make_unique<Canned>(Response{200, {}, kNoise}));
    }
    SALVE_ASSIGN_OR_RETURN(auto stream, real_.Open(request, options));
    if (Status s = After(fault, options); !s.ok()) return s;
    if (fault.kind == Fault::Kind::kCutStream || fault.kind == Fault::Kind::kEndStream) {
      return std::unique_ptr<ResponseStream>(std::make_unique<CutStream>(
          std::move(stream), fault.bytes, fault.kind == Fault::Kind::kEndStream));
    }
    return stream;
  }

 private:
  class Canned final : public ResponseStream {
   public:
    explicit Canned(Response response) : response_(std::move(response)) {}
    int status() const override { return response_.status; }
    const Headers& headers() const override { return response_.headers; }
    StatusOr<std::string> Read(MonoTime) override { return std::exchange(response_.body, ""); }
    void Close() override {}

   private:
    Response response_;
  };

  // What goes wrong before the real transport sees anything.
  Status Before(const Fault& fault, const CallOptions& options, Response* status) {
    switch (fault.kind) {
      case Fault::Kind::kRefuseConnect:
        return UnavailableError("injected: connection refused");
      case Fault::Kind::kCutBeforeSend:
        return AbortedError("injected: the connection broke");
      case Fault::Kind::kHangBeforeSend:
        return WaitForDeadline(options);
      case Fault::Kind::kStatus:
        status->status = fault.status;
        if (fault.retry_after_seconds) {
          status->headers.Add("Retry-After", std::to_string(*fault.retry_after_seconds));
        }
        status->body = "injected\n";
        return {};
      default:
        return {};
    }
  }

  Status After(const Fault& fault, const CallOptions& options) {
    if (fault.kind == Fault::Kind::kCutAfterSend) {
      return AbortedError("injected: the connection broke");
    }
    if (fault.kind == Fault::Kind::kDelayToDeadline) return WaitForDeadline(options);
    return {};
  }

  Status WaitForDeadline(const CallOptions& options) {
    const std::stop_callback on_stop(options.stop, [this] {
      MutexLock lock(mu_);
      changed_.NotifyAll();
    });
    MutexLock lock(mu_);
    while (clock_.Monotonic() < options.deadline) {
      if (options.stop.stop_requested()) return CancelledError("stopped by the caller");
      clock_.WaitUntil(changed_, mu_, options.deadline);
    }
    return DeadlineExceededError("injected: no answer in time");
  }

  Transport& real_;
  const std::function<Fault(const Request&)> choose_;
  Clock& clock_;
  // Members, because a SimulatedClock may still be notifying them when the wait is over.
  Mutex mu_;
  CondVar changed_;
};

}  // namespace

std::unique_ptr<Transport> MakeFaultTransport(Transport& real,
                                              std::function<Fault(const Request&)> choose,
                                              Clock& clock) {
  return std::make_unique<FaultTransport>(real, std::move(choose), clock);
}

}  // namespace salve::http
