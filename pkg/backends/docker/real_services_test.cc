// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "pkg/backends/docker/testing/real_engine.h"

// The actions on a real Redis and a real PostgreSQL in containers.
namespace salve::backends::docker::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// A TCP port that was free a moment ago.
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

// Polls a client program: services have no events of their own.
bool Eventually(const std::function<bool()>& condition) {
  const MonoTime deadline = SystemClock().Monotonic() + std::chrono::seconds(30);
  while (!condition()) {
    if (SystemClock().Monotonic() > deadline) return false;
  }
  return true;
}

class RealRedisTest : public RealEngineTest {
 protected:
  void SetUp() override {
    RealEngineTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    port = FreePort();
    redis = std::make_unique<Container>(
        "redis", std::vector<std::string>{"--network", "host", "--memory", "100m"},
        std::vector<std::string>{"salve-test/redis:7", "redis-server", "--bind", "127.0.0.1",
                                 "--port", std::to_string(port), "--save", "", "--maxmemory", "8mb",
                                 "--maxmemory-policy", "noeviction"});
    ASSERT_TRUE(Eventually([&] { return Cli("ping") == "PONG"; }));
  }
  std::string Cli(const std::string& command) {
    return std::string(Trim(Shell("docker exec " + redis->name + " redis-cli -p " +
                                  std::to_string(port) + " " + command)
                                .output));
  }
  void Fill() {
    Cli("eval \"for i = 1, 40 do redis.call('set', 'k' .. i, string.rep('x', 524288)) end\" 0");
  }

  int port = 0;
  std::unique_ptr<Container> redis;
};

TEST_F(RealRedisTest, AFullRedisTakesWritesAgainAfterAFlush) {
  Fill();
  ASSERT_THAT(Cli("set one more"), HasSubstr("OOM command not allowed when used memory"));
  healing::Action flush;
  flush.redis_flush_all.emplace().port = port;
  const auto plan = backend->Plan(flush, redis->ref(), {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->command,
            "docker exec " + redis->name + " redis-cli -p " + std::to_string(port) + " FLUSHALL");
  EXPECT_EQ(plan->base_risk, "High");
  EXPECT_THAT(plan->risk_factors,
              Contains("it keeps nothing on disk: a restart would lose the keys too"));
  const auto result = MustExecute(Request(*redis, flush));
  EXPECT_EQ(result.outcome, kApplied) << result.message;
  EXPECT_EQ(Cli("dbsize"), "0");
  EXPECT_EQ(Cli("set one more"), "OK");
}

TEST_F(RealRedisTest, ASettingIsChangedPutBackAndRecognised) {
  healing::Action set;
  set.redis_set_config = {port, "maxmemory", "16mb"};
  const auto plan = backend->Plan(set, redis->ref(), {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->undo_command, HasSubstr("CONFIG SET maxmemory 8388608"));
  ActionRequest request = Request(*redis, set);
  EXPECT_EQ(backend->Outcome(request)->outcome, kNotApplied);
  EXPECT_EQ(MustExecute(request).outcome, kApplied);
  EXPECT_EQ(backend->Outcome(request)->outcome, kApplied);
  request.action = *plan->undo;
  EXPECT_EQ(MustExecute(request).outcome, kApplied);
  EXPECT_THAT(Cli("config get maxmemory"), HasSubstr("8388608"));
  set.redis_set_config->value = "200mb";  // more than the container may have
  EXPECT_EQ(backend->Plan(set, redis->ref(), {}).code(), Code::kInvalidArgument);
  set.redis_set_config = {port, "dir", "/tmp"};
  EXPECT_EQ(backend->Plan(set, redis->ref(), {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(backend->Execute(Request(*redis, set)).code(), Code::kInvalidArgument);
}

TEST_F(RealRedisTest, IdleClientsAreClosedAndNoScriptToKillIsNotApplied) {
  redis->Inside("(echo PING; sleep 100) | redis-cli -p " + std::to_string(port) +
                " >/dev/null 2>&1 &");
  ASSERT_TRUE(Eventually([&] { return Cli("client list").find("cmd=ping") != std::string::npos; }));
  healing::Action action;
  action.redis_client_kill.emplace() = {port, 0};
  const auto killed = MustExecute(Request(*redis, action));
  EXPECT_EQ(killed.outcome, kApplied) << killed.message;
  EXPECT_THAT(killed.message, HasSubstr("closed 1 of 1"));
  EXPECT_THAT(Cli("client list"), ::testing::Not(HasSubstr("cmd=ping")));
  healing::Action script;
  script.redis_script_kill.emplace().port = port;
  const auto none = MustExecute(Request(*redis, script));
  EXPECT_EQ(none.outcome, kNotApplied);
  EXPECT_THAT(none.message, HasSubstr("NOTBUSY"));
}

TEST_F(RealRedisTest, APasswordComesByTheEnvironmentAndIsNeverInTheCommand) {
  ASSERT_EQ(Cli("config set requirepass s3cret-word"), "OK");
  healing::Action flush;
  flush.redis_flush_all.emplace().port = port;
  const auto refused = MustExecute(Request(*redis, flush));
  EXPECT_EQ(refused.outcome, kNotApplied);
  EXPECT_THAT(refused.message, HasSubstr("NOAUTH Authentication required."));
  exec_environment = [](const healing::TargetRef&) {
    return std::map<std::string, std::string>{{"REDISCLI_AUTH", "s3cret-word"}};
  };
  Restart();
  const auto plan = backend->Plan(flush, redis->ref(), {});
  EXPECT_THAT(plan->command, ::testing::Not(HasSubstr("s3cret")));
  EXPECT_EQ(MustExecute(Request(*redis, flush)).outcome, kApplied);
}

class RealPostgresTest : public RealEngineTest {
 protected:
  void SetUp() override {
    RealEngineTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    port = FreePort();
    postgres = std::make_unique<Container>(
        "postgres",
        std::vector<std::string>{"--network", "host", "--memory", "256m", "--env",
                                 "POSTGRES_PASSWORD=pw", "--env", "POSTGRES_INITDB_ARGS=--no-sync"},
        std::vector<std::string>{"salve-test/postgres:15", "postgres", "-c",
                                 "listen_addresses=127.0.0.1", "-c", "port=" + std::to_string(port),
                                 "-c", "max_connections=8", "-c",
                                 "superuser_reserved_connections=2", "-c", "fsync=off"});
    ASSERT_TRUE(Eventually([&] {
      return Shell("docker exec --env PGPASSWORD=pw " + postgres->name + " psql -h 127.0.0.1 -p " +
                   std::to_string(port) + " -U postgres -c 'select 1'")
                 .exit_code == 0;
    }));
    ASSERT_THAT(Psql("postgres", "create role app login"), HasSubstr("CREATE ROLE"));
  }
  std::string Psql(const std::string& user, const std::string& sql) {
    return Shell("docker exec " + postgres->name + " psql -p " + std::to_string(port) + " -U " +
                 user + " -d postgres -XAtc \"" + sql + "\"")
        .output;
  }
  // Holds `count` sessions open that have said `sql`.
  void Hold(const std::string& user, int count, const std::string& sql) {
    for (int i = 0; i < count; ++i) {
      postgres->Inside("(echo \"" + sql + "\"; exec sleep 1000) | psql -p " + std::to_string(port) +
                       " -U " + user + " -d postgres >/dev/null 2>&1 &");
    }
  }
  int Sessions(const std::string& user) {
    // Read from the system, because nobody can connect to a full server.
    return std::atoi(postgres
                         ->Inside("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c "
                                  "'^postgres: .*" +
                                  user + " postgres .* idle' || true")
                         .c_str());
  }
  healing::ActionResult TerminateIdle(int seconds) {
    healing::Action action;
    action.postgres_terminate_connections.emplace() = {port, "", seconds};
    return MustExecute(Request(*postgres, action));
  }

  int port = 0;
  std::unique_ptr<Container> postgres;
};

TEST_F(RealPostgresTest, IdleSessionsAreEndedAndBusyAndSuperusersOnesAreNot) {
  Hold("app", 3, "begin;");
  Hold("app", 2, "select 1;");
  Hold("postgres", 1, "select 1;");
  ASSERT_TRUE(Eventually([&] { return Sessions("app") == 5 && Sessions("postgres") == 1; }));
  EXPECT_EQ(TerminateIdle(3600).outcome, kNotApplied);
  const auto result = TerminateIdle(0);
  EXPECT_EQ(result.outcome, kApplied) << result.message << result.stderr_text;
  EXPECT_THAT(result.message, HasSubstr("ended 5 idle sessions"));
  EXPECT_TRUE(Eventually([&] { return Sessions("app") == 0; }));
  EXPECT_EQ(Sessions("postgres"), 1);
  const auto again = TerminateIdle(0);
  EXPECT_EQ(again.outcome, kNotApplied);
  EXPECT_THAT(again.message, HasSubstr("belong to superusers"));
}

TEST_F(RealPostgresTest, AServerSoFullThatNobodyGetsInIsEmptiedAllTheSame) {
  Hold("app", 6, "select 1;");
  ASSERT_TRUE(Eventually([&] { return Sessions("app") == 6; }));
  Hold("postgres", 2, "select 1;");
  ASSERT_TRUE(Eventually([&] { return Sessions("postgres") == 2; }));
  ASSERT_THAT(Psql("postgres", "select 1"), HasSubstr("too many clients already"));
  const auto result = TerminateIdle(0);
  EXPECT_EQ(result.outcome, kApplied) << result.message << result.stderr_text;
  EXPECT_THAT(result.message, HasSubstr("to get in"));
  EXPECT_TRUE(Eventually([&] { return Sessions("app") == 0; }));
  EXPECT_EQ(Sessions("postgres"), 2);
}

TEST_F(RealPostgresTest, AnApplicationThatIsItselfASuperuserIsEndedOnlyWhereThatIsAllowed) {
  Hold("postgres", 8, "select 1;");
  ASSERT_TRUE(Eventually([&] { return Sessions("postgres") == 8; }));
  const auto refused = TerminateIdle(0);
  EXPECT_EQ(refused.outcome, kNotApplied) << refused.message;
  EXPECT_THAT(refused.message, HasSubstr("too many clients already"));
  terminate_superusers = true;
  Restart();
  const auto result = TerminateIdle(0);
  EXPECT_EQ(result.outcome, kApplied) << result.message << result.stderr_text;
  EXPECT_TRUE(Eventually([&] { return Sessions("postgres") == 0; }));
  EXPECT_EQ(std::string(Trim(Psql("postgres", "select 7"))), "7");
}

TEST_F(RealPostgresTest, AForgottenLockIsEndedAndItsWaiterGoesOn) {
  ASSERT_THAT(Psql("postgres", "create table t(i int); grant all on t to app"), HasSubstr("GRANT"));
  Hold("app", 1, "begin; lock table t;");
  ASSERT_TRUE(Eventually([&] { return Sessions("app") == 1; }));
  Hold("app", 1, "insert into t values (5);");
  ASSERT_TRUE(Eventually([&] {
    return Trim(Psql("postgres",
                     "select count(*) from pg_stat_activity where wait_event_type = 'Lock'")) ==
           "1";
  }));
  healing::Action action;
  action.postgres_terminate_blocker.emplace() = {port, "", 0};
  const auto result = MustExecute(Request(*postgres, action));
  EXPECT_EQ(result.outcome, kApplied) << result.message << result.stderr_text;
  EXPECT_THAT(result.message, HasSubstr("ended 1 blocking sessions"));
  EXPECT_TRUE(Eventually([&] { return Trim(Psql("postgres", "select i from t")) == "5"; }));
}

}  // namespace
}  // namespace salve::backends::docker::testing
