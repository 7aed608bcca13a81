// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "pkg/backends/docker/testing/real_engine.h"
#include "pkg/backends/text.h"
#include "pkg/probes/prober.h"

// The redis and postgres probes on the real services in containers.
namespace salve::probes {
namespace {

using backends::Trim;
using backends::docker::testing::Container;
using backends::docker::testing::Docker;
using backends::docker::testing::Shell;
using healing::HealthState;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  int port = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0) {
    port = ntohs(address.sin_port);
  }
  close(fd);
  return port;
}

class EnvSecrets final : public SecretReader {
 public:
  StatusOr<std::string> Read(const apis::salve::v1alpha1::SecretSource& source,
                             const std::string&) override {
    return source.env;  // the test's "source" is the value
  }
};

class RealProbesTest : public backends::docker::testing::RealEngineTest {
 protected:
  RealProbesTest() {
    ProberOptions options;
    options.secrets = &secrets;
    options.clock = &SystemClock();
    options.random = &SystemRandom();
    prober = Prober::Create(std::move(options));
    job.ns = "default";
    job.policy = "test";
    job.probe.name = "main";
    job.probe.timeout_seconds = 5;
    port = FreePort();
    address = "127.0.0.1:" + std::to_string(port);
  }
  // Probes until `state` is measured; the last measurement.
  healing::Measurement MeasureUntil(HealthState state) {
    const MonoTime deadline = SystemClock().Monotonic() + std::chrono::seconds(40);
    for (;;) {
      healing::Measurement m = prober->Measure(job);
      if (m.state == state || SystemClock().Monotonic() > deadline) {
        EXPECT_EQ(m.state, state) << m.message;
        return m;
      }
    }
  }

  EnvSecrets secrets;
  std::unique_ptr<Prober> prober;
  ProbeJob job;
  int port = 0;
  std::string address;
};

TEST_F(RealProbesTest, ARedisIsMeasuredThroughFullLockedAndOutOfClients) {
  const Container redis(
      "probe-redis", {"--network", "host", "--memory", "100m"},
      {"salve-test/redis:7", "redis-server", "--bind", "127.0.0.1", "--port", std::to_string(port),
       "--save", "", "--maxmemory", "8mb", "--maxmemory-policy", "noeviction"});
  const auto cli = [&](const std::string& command) {
    return std::string(Trim(
        Shell("docker exec " + redis.name + " redis-cli -p " + std::to_string(port) + " " + command)
            .output));
  };
  job.probe.redis.emplace().address = address;
  const auto fresh = MeasureUntil(HealthState::kHealthy);
  EXPECT_GT(fresh.health, 70);
  EXPECT_THAT(fresh.message, AllOf(HasSubstr("of 8.4 MB"), HasSubstr("of 10000 clients")));

  cli("eval \"for i = 1, 40 do redis.call('set', 'k' .. i, string.rep('x', 524288)) end\" 0");
  const auto full = MeasureUntil(HealthState::kUnhealthy);
  EXPECT_LT(full.health, 10);
  EXPECT_THAT(full.error_lines, Contains(HasSubstr("OOM command not allowed")));
  cli("flushall");
  MeasureUntil(HealthState::kHealthy);

  cli("config set maxclients 1");
  Shell("docker exec -d " + redis.name + " sh -c 'sleep 100 | redis-cli -p " +
        std::to_string(port) + " subscribe x'");
  const auto crowded = MeasureUntil(HealthState::kUnhealthy);
  EXPECT_EQ(crowded.health, 0);
  Docker({"restart", "--time", "1", redis.name});
  MeasureUntil(HealthState::kHealthy);

  cli("config set requirepass s3cret-word");
  const auto locked = MeasureUntil(HealthState::kUnknown);
  EXPECT_THAT(locked.error_lines, Contains("NOAUTH Authentication required."));
  job.probe.redis->password.emplace().env = "s3cret-word";
  MeasureUntil(HealthState::kHealthy);
  job.probe.redis->password->env = "wrong-word";
  EXPECT_THAT(MeasureUntil(HealthState::kUnknown).message, HasSubstr("WRONGPASS"));

  Docker({"pause", redis.name});
  job.probe.timeout_seconds = 1;
  EXPECT_THAT(MeasureUntil(HealthState::kUnhealthy).error_lines.at(0),
              HasSubstr("no answer within"));
  Docker({"unpause", redis.name});
}

TEST_F(RealProbesTest, APostgresIsMeasuredThroughFullAndWrongPassword) {
  const Container postgres(
      "probe-postgres",
      {"--network", "host", "--memory", "256m", "--env", "POSTGRES_PASSWORD=pw-of-test", "--env",
       "POSTGRES_INITDB_ARGS=--no-sync"},
      {"salve-test/postgres:15", "postgres", "-c", "listen_addresses=127.0.0.1", "-c",
       "port=" + std::to_string(port), "-c", "max_connections=8", "-c",
       "superuser_reserved_connections=2", "-c", "fsync=off"});
  job.probe.postgres.emplace().address = address;
  job.probe.postgres->password.emplace().env = "pw-of-test";
  const auto fresh = MeasureUntil(HealthState::kHealthy);
  EXPECT_EQ(fresh.health, 100);
  EXPECT_THAT(fresh.message, HasSubstr("0 of 8 connections"));

  job.probe.postgres->password->env = "wrong-word";
  const auto wrong = MeasureUntil(HealthState::kUnknown);
  EXPECT_THAT(wrong.message, HasSubstr("password authentication failed"));
  job.probe.postgres->password.reset();
  EXPECT_EQ(prober->Measure(job).state, HealthState::kUnknown);
  job.probe.postgres->password.emplace().env = "pw-of-test";

  for (int i = 0; i < 8; ++i) {
    Shell("docker exec -d " + postgres.name +
          " sh -c '(echo \"select 1;\"; exec sleep 1000) | psql -p " + std::to_string(port) +
          " -U postgres'");
  }
  // On the way to full it is ill by the figures, then by the server's own words.
  const MonoTime deadline = SystemClock().Monotonic() + std::chrono::seconds(30);
  healing::Measurement full;
  do {
    full = MeasureUntil(HealthState::kUnhealthy);
  } while (full.error_lines.empty() && SystemClock().Monotonic() < deadline);
  EXPECT_EQ(full.health, 0);
  EXPECT_THAT(full.error_lines, Contains("FATAL:  sorry, too many clients already"));
  Docker({"restart", "--time", "5", postgres.name});
  MeasureUntil(HealthState::kHealthy);
  Docker({"stop", "--time", "5", postgres.name});
  EXPECT_THAT(MeasureUntil(HealthState::kUnhealthy).error_lines.at(0), HasSubstr("refused"));
}

}  // namespace
}  // namespace salve::probes
