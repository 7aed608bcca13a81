// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/testing/scripted_transport.h"

#include <atomic>

namespace salve::http {
namespace {

class CannedStream final : public ResponseStream {
 public:
  CannedStream(Response head, std::vector<std::string> chunks, Status end)
      : head_(std::move(head)), chunks_(std::move(chunks)), end_(std::move(end)) {}

  int status() const override { return head_.status; }
  const Headers& headers() const override { return head_.headers; }
  StatusOr<std::string> Read(MonoTime) override {
    if (closed_) return CancelledError("the stream was closed");
    while (next_ < chunks_.size()) {
      if (!chunks_[next_].empty()) return chunks_[next_++];
      ++next_;
    }
    if (!end_.ok()) return end_;
    return std::string();
  }
  void Close() override { closed_ = true; }

 private:
  const Response head_;
  const std::vector<std::string> chunks_;
  const Status end_;
  std::size_t next_ = 0;
  std::atomic<bool> closed_ = false;
};

}  // namespace

std::unique_ptr<ResponseStream> MakeCannedStream(Response head, std::vector<std::string> chunks,
                                                 Status end) {
  return std::make_unique<CannedStream>(std::move(head), std::move(chunks), std::move(end));
}

StatusOr<Response> ScriptedTransport::Send(const Request& request, const CallOptions& options) {
  {
    MutexLock lock(mu_);
    requests_.push_back(request);
  }
  StatusOr<Response> response = script_(request, options);
  if (response.ok() && response->body.size() > options.max_body_bytes) {
    return InvalidArgumentError("the response body is too large");
  }
  return response;
}

StatusOr<std::unique_ptr<ResponseStream>> ScriptedTransport::Open(const Request& request,
                                                                  const CallOptions& options) {
  {
    MutexLock lock(mu_);
    requests_.push_back(request);
  }
  SALVE_ASSIGN_OR_RETURN(Response response, script_(request, options));
  std::vector<std::string> chunks{std::exchange(response.body, "")};
  return MakeCannedStream(std::move(response), std::move(chunks));
}

std::vector<Request> ScriptedTransport::requests() const {
  MutexLock lock(mu_);
  return requests_;
}

}  // namespace salve::http
