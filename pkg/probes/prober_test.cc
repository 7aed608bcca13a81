// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/prober.h"

#include <atomic>
#include <map>
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pkg/base/mutex.h"

namespace salve::probes {
namespace {

using healing::HealthState;
using ::testing::HasSubstr;

// A TCP server on loopback that answers each connection with fixed bytes after the first that it
// reads, or never answers.
class CannedServer {
 public:
  explicit CannedServer(std::string answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_, 64), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~CannedServer() { Stop(); }
  void Stop() {
    if (!thread_.joinable()) return;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int accepted() const { return accepted_; }

 private:
  void Serve() {
    std::vector<int> open;
    for (;;) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) break;
      ++accepted_;
      char buffer[4096];
      if (answer_.empty()) {
        open.push_back(fd);
        continue;
      }
      if (recv(fd, buffer, sizeof(buffer), 0) > 0) {
        EXPECT_EQ(send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(answer_.size()));
      }
      close(fd);
    }
    for (const int fd : open) close(fd);
  }

  const std::string answer_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> accepted_{0};
  std::thread thread_;
};

class MapSecrets final : public SecretReader {
 public:
  StatusOr<std::string> Read(const apis::salve::v1alpha1::SecretSource& source,
                             const std::string&) override {
    if (source.env == "PW" || source.ssm) return std::string("word-of-secret");
    return NotFoundError("environment variable " + source.env + " is not set");
  }
  void Refused(const apis::salve::v1alpha1::SecretSource& source) override {
    refused += source.ssm ? 1 : 0;
  }
  std::atomic<int> refused{0};
};

class ProberTest : public ::testing::Test {
 protected:
  ProberTest() { Make({}); }

  void Make(AddressPolicy policy) {
    ProberOptions options;
    options.secrets = &secrets;
    options.clock = &SystemClock();
    options.random = &random;
    options.address_policy = std::move(policy);
    options.exec = [this](const healing::TargetRef&, const std::vector<std::string>& argv,
                          MonoTime) { return exec ? exec(argv) : healing::ActionResult{}; };
    prober = Prober::Create(std::move(options));
  }

  static ProbeJob Job(const std::string& name = "p") {
    ProbeJob job;
    job.ns = "default";
    job.policy = "web";
    job.target = {"docker", "Container", "web"};
    job.probe.name = name;
    job.probe.timeout_seconds = 60;  // a slow machine is not what is measured here
    job.probe.period_seconds = 1;
    return job;
  }
  static ProbeJob Http(const std::string& url) {
    ProbeJob job = Job();
    job.probe.http.emplace().url = url;
    return job;
  }
  static ProbeJob Tcp(const std::string& address) {
    ProbeJob job = Job();
    job.probe.tcp.emplace().address = address;
    return job;
  }
  static ProbeJob Redis(const std::string& address) {
    ProbeJob job = Job();
    job.probe.redis.emplace().address = address;
    return job;
  }

  MapSecrets secrets;
  SeededRandom random{7};
  std::function<StatusOr<healing::ActionResult>(const std::vector<std::string>&)> exec;
  std::unique_ptr<Prober> prober;
};

TEST_F(ProberTest, AnHttpServiceIsJudgedByStatusAndBody) {
  CannedServer server("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well");
  ProbeJob job = Http("http://" + server.address() + "/health?x=1");
  EXPECT_EQ(prober->Measure(job).state, HealthState::kHealthy);
  job.probe.http->body_match = "^all .* well$";
  EXPECT_EQ(prober->Measure(job).state, HealthState::kHealthy);
  job.probe.http->body_match = "ill";
  const auto m = prober->Measure(job);
  EXPECT_EQ(m.state, HealthState::kUnhealthy);
  EXPECT_THAT(m.message, HasSubstr("does not match"));
  job.probe.http->body_match = "";
  job.probe.http->expected_status = 204;
  EXPECT_THAT(prober->Measure(job).error_lines.at(0), HasSubstr("status 200"));
}

TEST_F(ProberTest, ARedirectIsAnAnswerAndIsNotFollowed) {
  CannedServer other("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CannedServer server("HTTP/1.1 302 Found\r\nLocation: http://" + other.address() +
                      "/\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(prober->Measure(Http("http://" + server.address())).state, HealthState::kUnhealthy);
  EXPECT_EQ(other.accepted(), 0);
}

TEST_F(ProberTest, ARefusedConnectionAndASilentServiceAreIllnesses) {
  CannedServer silent("");
  ProbeJob impatient = Http("http://" + silent.address());
  impatient.probe.timeout_seconds = 1;
  const auto late = prober->Measure(impatient);
  EXPECT_EQ(late.state, HealthState::kUnhealthy);
  EXPECT_THAT(late.error_lines.at(0), HasSubstr("timed out, connected but no answer within 1 s"));
  const std::string address = silent.address();
  silent.Stop();
  for (const ProbeJob& job : {Tcp(address), Redis(address), Http("http://" + address)}) {
    const auto m = prober->Measure(job);
    EXPECT_EQ(m.state, HealthState::kUnhealthy);
    EXPECT_THAT(m.error_lines.at(0), HasSubstr("refused"));
  }
}

TEST_F(ProberTest, AnOpenPortIsHealthyForATcpProbeAndANameIsLookedUp) {
  CannedServer server("x");
  EXPECT_EQ(prober->Measure(Tcp(server.address())).state, HealthState::kHealthy);
  const std::string by_name = "localhost" + server.address().substr(server.address().rfind(':'));
  EXPECT_EQ(prober->Measure(Tcp(by_name)).state, HealthState::kHealthy);
  ProbeJob nowhere = Tcp("no-such-host.invalid:80");
  nowhere.probe.timeout_seconds = 1;  // a resolver may be silent for long
  EXPECT_EQ(prober->Measure(nowhere).state, HealthState::kUnknown);
  EXPECT_EQ(prober->Measure(Tcp("nonsense")).state, HealthState::kUnknown);
}

TEST_F(ProberTest, ARefusedAddressIsNeverConnectedTo) {
  CannedServer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  std::string asked;
  Make([&](const std::string& ns, const std::string& ip) {
    asked = ns + " " + ip;
    return PermissionDeniedError("loopback is denied by rule deny-loopback");
  });
  const auto m = prober->Measure(Http("http://" + server.address()));
  EXPECT_EQ(m.state, HealthState::kUnknown);
  EXPECT_THAT(m.message, HasSubstr("deny-loopback"));
  EXPECT_EQ(asked, "default 127.0.0.1");
  EXPECT_EQ(server.accepted(), 0);
}

TEST_F(ProberTest, AReaderIsToldThatTheServiceRefusedItsPassword) {
  for (const auto& [answer, told] : {std::pair("-WRONGPASS invalid username-password pair\r\n", 1),
                                     std::pair("-NOPERM no permissions to run this\r\n", 0)}) {
    CannedServer server(answer);
    ProbeJob job = Redis(server.address());
    job.probe.redis->password.emplace().ssm = {"/salve/policies/default/redis"};
    secrets.refused = 0;
    EXPECT_EQ(prober->Measure(job).state, HealthState::kUnknown);
    EXPECT_EQ(secrets.refused, told) << answer;
  }
}

TEST_F(ProberTest, AMissingSecretIsNotMeasuredAndNothingIsSent) {
  CannedServer server("+OK\r\n");
  ProbeJob job = Redis(server.address());
  job.probe.redis->password.emplace().env = "NOT_THERE";
  const auto m = prober->Measure(job);
  EXPECT_EQ(m.state, HealthState::kUnknown);
  EXPECT_THAT(m.message, HasSubstr("NOT_THERE"));
  EXPECT_EQ(server.accepted(), 0);
}

TEST_F(ProberTest, ARedisWithoutFreeClientSlotsIsIllInItsOwnWords) {
  CannedServer server("-ERR max number of clients reached\r\n");
  const auto m = prober->Measure(Redis(server.address()));
  EXPECT_EQ(m.state, HealthState::kUnhealthy);
  EXPECT_THAT(m.error_lines, ::testing::ElementsAre("ERR max number of clients reached"));
}

TEST_F(ProberTest, AnExecProbeIsHealthyIffTheCommandEndsWithZero) {
  ProbeJob job = Job();
  job.probe.exec.emplace().argv = {"check"};
  healing::ActionResult result;
  result.outcome = healing::ActionResult::Outcome::kApplied;
  exec = [&](const std::vector<std::string>&) { return result; };
  EXPECT_EQ(prober->Measure(job).state, HealthState::kHealthy);
  result.exit_code = 3;
  result.stderr_text = "disk is full\n";
  EXPECT_THAT(prober->Measure(job).error_lines.at(0), HasSubstr("3: disk is full"));
  exec = [](const std::vector<std::string>&) -> StatusOr<healing::ActionResult> {
    return ConflictError("the container does not run");
  };
  EXPECT_EQ(prober->Measure(job).state, HealthState::kUnknown);
}

// Collects results by probe name and lets a test wait for them.
class Results {
 public:
  ResultCallback Callback() {
    return [this](const ProbeJob& job, const healing::Measurement&) {
      MutexLock lock(mu_);
      ++counts_[job.probe.name];
      changed_.NotifyAll();
    };
  }
  bool Await(const std::string& name, int count) {
    const MonoTime deadline = SystemClock().Monotonic() + std::chrono::seconds(120);
    MutexLock lock(mu_);
    while (counts_[name] < count) {
      if (!SystemClock().WaitUntil(changed_, mu_, deadline)) return counts_[name] >= count;
    }
    return true;
  }
  int Count(const std::string& name) {
    MutexLock lock(mu_);
    return counts_[name];
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::map<std::string, int> counts_ SALVE_GUARDED_BY(mu_);
};

TEST_F(ProberTest, JobsRunAtOnceAndThenEveryPeriodUntilTheyAreTakenAway) {
  CannedServer server("x");
  Results results;
  ProbeJob a = Tcp(server.address());
  a.probe.name = "a";
  ProbeJob b = a;
  b.probe.name = "b";
  // At once: its period is longer than anybody waits here.
  ProbeJob rare = a;
  rare.probe.name = "rare";
  rare.probe.period_seconds = 3600;
  prober->SetJobs("default", "web", {a, b, rare}, results.Callback());
  ASSERT_TRUE(results.Await("rare", 1) && results.Await("b", 1));
  ASSERT_TRUE(results.Await("a", 3));
  EXPECT_EQ(results.Count("rare"), 1);
  // Setting the same again disturbs nothing; a job that is gone stays silent.
  prober->SetJobs("default", "web", {a}, results.Callback());
  prober->Measure(a);  // by then the loop has taken the new set
  const int b_runs = results.Count("b");
  const int a_runs = results.Count("a");
  ASSERT_TRUE(results.Await("a", a_runs + 2));
  EXPECT_EQ(results.Count("b"), b_runs);
}

TEST_F(ProberTest, StopEndsWhatRunsAndEveryCallerGetsItsAnswer) {
  CannedServer silent("");
  ProbeJob job = Tcp(silent.address());
  job.probe.tcp.reset();
  job.probe.redis.emplace().address = silent.address();
  job.probe.timeout_seconds = 60;
  std::atomic<int> answers{0};
  for (int i = 0; i < 5; ++i) {
    prober->MeasureOnce(job, [&](const ProbeJob&, const healing::Measurement& m) {
      EXPECT_EQ(m.state, HealthState::kUnknown);
      ++answers;
    });
  }
  while (silent.accepted() < 5) std::this_thread::yield();
  prober->Stop();
  EXPECT_EQ(answers, 5);
  EXPECT_EQ(prober->Measure(job).state, HealthState::kUnknown);
}

}  // namespace
}  // namespace salve::probes
