// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/testing/fake_platform.h"

#include <utility>

#include "pkg/base/time_format.h"

namespace salve::aws {

bool JumpingClock::WaitUntil(CondVar& cv, Mutex& mu, MonoTime deadline) {
  if (deadline == MonoTime::max()) return SimulatedClock::WaitUntil(cv, mu, deadline);
  if (deadline > Monotonic()) Advance(deadline - Monotonic());
  return false;
}

class FakePlatform::Files final : public FileSource {
 public:
  explicit Files(const std::map<std::string, std::string>& files) : files_(files) {}

  StatusOr<std::string> Read(const std::string& path, std::size_t max_bytes) override {
    const auto at = files_.find(path);
    if (at == files_.end()) return NotFoundError("reading " + path + ": No such file or directory");
    if (at->second.size() > max_bytes) return InvalidArgumentError("reading " + path + ": too big");
    return at->second;
  }

 private:
  const std::map<std::string, std::string>& files_;
};

// One connection.
class FakePlatform::Line final : public http::Transport {
 public:
  Line(FakePlatform& world, std::string to) : world_(world), to_(std::move(to)) {}

  StatusOr<http::Response> Send(const http::Request& request,
                                const http::CallOptions& options) override {
    return world_.Answer(to_, request, options);
  }
  StatusOr<std::unique_ptr<http::ResponseStream>> Open(const http::Request& /*request*/,
                                                       const http::CallOptions& /*o*/) override {
    return UnimplementedError("no service of AWS that Salve uses is a stream");
  }

 private:
  FakePlatform& world_;
  const std::string to_;
};

FakePlatform::FakePlatform(const std::string& now, bool jumping)
    : clock_(jumping ? std::make_unique<JumpingClock>(*ParseTime(now))
                     : std::make_unique<SimulatedClock>(*ParseTime(now))),
      file_source_(std::make_shared<Files>(files)) {}

Platform FakePlatform::platform() {
  Platform out;
  out.env = [this](const std::string& name) -> std::optional<std::string> {
    const auto at = env.find(name);
    return at == env.end() ? std::nullopt : std::optional<std::string>(at->second);
  };
  out.connect = [this](const std::string& base_url) -> StatusOr<std::unique_ptr<http::Transport>> {
    return std::unique_ptr<http::Transport>(std::make_unique<Line>(*this, base_url));
  };
  out.files = file_source_.get();
  out.clock = clock_.get();
  out.random = &random_;
  return out;
}

void FakePlatform::Serve(Server server) {
  MutexLock lock(mu_);
  server_ = std::move(server);
}

std::vector<FakePlatform::Sent> FakePlatform::sent() const {
  MutexLock lock(mu_);
  return sent_;
}

StatusOr<http::Response> FakePlatform::Answer(const std::string& to, const http::Request& request,
                                              const http::CallOptions& options) {
  Server server;
  {
    MutexLock lock(mu_);
    sent_.push_back({to, request});
    server = server_;
  }
  if (!server) return UnavailableError(to + ": connection refused");
  return server(to, request, options);
}

http::Response JsonAnswer(int status, const std::string& body) {
  return {status, {{"x-amzn-RequestId", "req-1"}}, body};
}

}  // namespace salve::aws
