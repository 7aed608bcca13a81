// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_TESTING_FAKE_PLATFORM_H_
#define SALVE_PKG_AWS_TESTING_FAKE_PLATFORM_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pkg/aws/platform.h"
#include "pkg/base/mutex.h"

namespace salve::aws {

// A simulated clock on which waiting takes no time: whoever waits for a time moves the clock there.
// For tests of one thread.
class JumpingClock final : public SimulatedClock {
 public:
  using SimulatedClock::SimulatedClock;
  bool WaitUntil(CondVar& cv, Mutex& mu, MonoTime deadline) override SALVE_REQUIRES(mu);
};

// A world in which this room can be tried: variables and files are maps, every connection ends at
// one function. Thread-safe but for `env` and `files`, which are set before use.
class FakePlatform {
 public:
  // `to` is the base URL of the connection.
  using Server = std::function<StatusOr<http::Response>(
      const std::string& to, const http::Request& request, const http::CallOptions& options)>;
  struct Sent {
    std::string to;
    http::Request request;
  };

  // The clock starts at `now` (RFC 3339). Waiting moves it if `jumping`.
  explicit FakePlatform(const std::string& now = "2026-01-02T03:04:05Z", bool jumping = true);

  Platform platform();
  SimulatedClock& clock() { return *clock_; }
  // Answers all requests from now on; without one every connection is refused (kUnavailable).
  void Serve(Server server);
  std::vector<Sent> sent() const;

  std::map<std::string, std::string> env;
  std::map<std::string, std::string> files;

 private:
  class Files;
  class Line;

  StatusOr<http::Response> Answer(const std::string& to, const http::Request& request,
                                  const http::CallOptions& options);

  const std::unique_ptr<SimulatedClock> clock_;
  SeededRandom random_{7};
  const std::shared_ptr<FileSource> file_source_;
  mutable Mutex mu_;
  Server server_ SALVE_GUARDED_BY(mu_);
  std::vector<Sent> sent_ SALVE_GUARDED_BY(mu_);
};

// A JSON answer.
http::Response JsonAnswer(int status, const std::string& body);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_TESTING_FAKE_PLATFORM_H_
