// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include <boost/asio/write.hpp>

#include "pkg/probes/measurement.h"
#include "pkg/probes/redis_answers.h"
#include "pkg/probes/run.h"

namespace salve::probes {
namespace {

using boost::system::error_code;

constexpr std::size_t kMaxAnswerBytes = 1u << 20;

// Asks everything at once and reads until all answers are there or Redis hangs up.
class RedisRun final : public NetworkRun {
 public:
  using NetworkRun::NetworkRun;

 private:
  void Begin() override {
    const auto address = ParseHostPort(job().probe.redis->address);
    if (!address.ok()) return Finish(NotMeasured(address.status().message()));
    address_ = *address;
    ReadPassword(job().probe.redis->password);
  }

  void Authenticated(const std::string& password) override {
    questions_ = RedisQuestions(password);
    expected_ = RedisAnswerCount(password);
    Connect(address_.host, address_.port);
  }

  void Connected() override {
    // A server without free slots says so and hangs up whatever is sent: a failed write is no
    // reason not to read what it had to say.
    asio::async_write(socket_, asio::buffer(questions_),
                      [self = shared_from_this()](error_code, std::size_t) {});
    Read();
  }

  void Read() {
    socket_.async_read_some(
        asio::buffer(chunk_), [this, self = shared_from_this()](error_code error, std::size_t n) {
          if (finished()) return;
          bytes_ += n;
          const Status fed = reader_.Feed({chunk_.data(), n}, answers_);
          if (!fed.ok()) return Finish(Ill(where_ + ": " + fed.message()));
          if (error && answers_.empty()) {
            return Finish(Ill(where_ + ": " +
                              (error == asio::error::eof ? "the server closed the connection"
                                                         : error.message())));
          }
          if (error || answers_.size() >= expected_ || bytes_ > kMaxAnswerBytes) {
            if (RefusesPassword(answers_)) PasswordRefused();
            return Finish(JudgeRedis(job().probe, answers_, expected_));
          }
          Read();
        });
  }

  // A server that hangs may still have said something.
  healing::Measurement Late() override {
    for (const RedisAnswer& answer : answers_) {
      if (answer.error) return JudgeRedis(job().probe, answers_, expected_);
    }
    return NetworkRun::Late();
  }

  HostPort address_;
  std::string questions_;
  std::size_t expected_ = 0;
  std::size_t bytes_ = 0;
  std::array<char, 4096> chunk_{};
  RedisReader reader_;
  std::vector<RedisAnswer> answers_;
};

}  // namespace

std::shared_ptr<Run> MakeRedisRun(LoopTools& tools, ProbeJob job, Run::Done done) {
  return std::make_shared<RedisRun>(tools, std::move(job), std::move(done));
}

}  // namespace salve::probes
