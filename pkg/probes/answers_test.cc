// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/probes/http_response.h"
#include "pkg/probes/measurement.h"
#include "pkg/probes/postgres_answers.h"
#include "pkg/probes/redis_answers.h"

namespace salve::probes {
namespace {

using healing::HealthState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

apis::salve::v1alpha1::Probe Probe() { return {}; }

std::vector<RedisAnswer> RedisSays(const std::string& memory, const std::string& clients,
                                   const std::string& errors = "") {
  return {{false, "PONG"},
          {false, memory},
          {false, clients},
          {false, errors},
          {false, "maxclients\n100"}};
}

TEST(RedisAnswersTest, HealthIsWhatIsLeftOfTheScarcerOfMemoryAndClients) {
  const auto memory = JudgeRedis(
      Probe(), RedisSays("used_memory:600\r\nmaxmemory:1000", "connected_clients:10"), 5);
  EXPECT_EQ(memory.health, 40);
  EXPECT_EQ(memory.state, HealthState::kUnhealthy);
  const auto clients = JudgeRedis(
      Probe(), RedisSays("used_memory:100\r\nmaxmemory:1000", "connected_clients:25"), 5);
  EXPECT_EQ(clients.health, 75);
  EXPECT_EQ(clients.state, HealthState::kHealthy);
}

TEST(RedisAnswersTest, WithoutAMemoryLimitOnlyClientsCount) {
  const auto m =
      JudgeRedis(Probe(), RedisSays("used_memory:600\r\nmaxmemory:0", "connected_clients:1"), 5);
  EXPECT_EQ(m.health, 99);
  EXPECT_THAT(m.message, HasSubstr("no limit"));
}

TEST(RedisAnswersTest, AFullServerWithoutEvictionIsToldToRefuseWritesAndThatThisIsComputed) {
  const std::string full = "used_memory:1001\r\nmaxmemory:1000\r\nmaxmemory_policy:";
  const auto m = JudgeRedis(Probe(), RedisSays(full + "noeviction", "connected_clients:1"), 5);
  EXPECT_EQ(m.health, 0);
  ASSERT_EQ(m.error_lines.size(), 1u);
  EXPECT_THAT(m.error_lines[0], HasSubstr("OOM command not allowed when used memory"));
  EXPECT_THAT(m.error_lines[0], HasSubstr("computed"));
  EXPECT_THAT(
      JudgeRedis(Probe(), RedisSays(full + "allkeys-lru", "connected_clients:1"), 5).error_lines,
      IsEmpty());
}

TEST(RedisAnswersTest, NearlyFullCountsAsFullOnlyIfTheServerHasRefusedWrites) {
  const std::string nearly = "used_memory:970\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction";
  EXPECT_THAT(JudgeRedis(Probe(), RedisSays(nearly, "connected_clients:1"), 5).error_lines,
              IsEmpty());
  const auto m =
      JudgeRedis(Probe(), RedisSays(nearly, "connected_clients:1", "errorstat_OOM:count=7"), 5);
  ASSERT_EQ(m.error_lines.size(), 1u);
  EXPECT_THAT(m.error_lines[0], HasSubstr("7 such errors"));
}

TEST(RedisAnswersTest, AMissingPasswordIsNotMeasuredAndKeepsTheServersWords) {
  const std::string noauth = "NOAUTH Authentication required.";
  const auto m = JudgeRedis(
      Probe(), {{true, noauth}, {true, noauth}, {true, noauth}, {true, noauth}, {true, noauth}}, 5);
  EXPECT_EQ(m.state, HealthState::kUnknown);
  EXPECT_THAT(m.error_lines, ElementsAre(noauth));
}

TEST(RedisAnswersTest, LoadingAndAFullClientTableAreIllnessesInTheServersWords) {
  const std::string loading = "LOADING Redis is loading the dataset in memory";
  const auto m = JudgeRedis(
      Probe(),
      {{true, loading}, {true, loading}, {true, loading}, {true, loading}, {true, loading}}, 5);
  EXPECT_EQ(m.state, HealthState::kUnhealthy);
  EXPECT_EQ(m.health, 0);
  EXPECT_THAT(m.error_lines, ElementsAre(loading));
  const std::string full = "ERR max number of clients reached";
  EXPECT_THAT(JudgeRedis(Probe(), {{true, full}}, 5).error_lines, ElementsAre(full));
}

TEST(RedisAnswersTest, AConfigurationThatMayNotBeReadIsNoError) {
  auto answers =
      RedisSays("used_memory:100\r\nmaxmemory:1000", "connected_clients:5\r\nmaxclients:10");
  answers.back() = {true, "ERR unknown command 'CONFIG'"};
  EXPECT_EQ(JudgeRedis(Probe(), answers, 5).health, 50);
}

TEST(RedisReaderTest, AnswersSplitAnywhereAreReadWhole) {
  const std::string bytes = "+PONG\r\n$5\r\nab:cd\r\n-ERR no\r\n*2\r\n$1\r\nx\r\n:7\r\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    RedisReader reader;
    std::vector<RedisAnswer> answers;
    ASSERT_TRUE(reader.Feed(bytes.substr(0, cut), answers).ok());
    ASSERT_TRUE(reader.Feed(bytes.substr(cut), answers).ok());
    ASSERT_EQ(answers.size(), 4u) << cut;
    EXPECT_TRUE(answers[2].error);
    EXPECT_EQ(answers[3].text, "x\n7");
  }
}

TEST(RedisReaderTest, AnotherProtocolIsRefused) {
  RedisReader reader;
  std::vector<RedisAnswer> answers;
  EXPECT_EQ(reader.Feed("HTTP/1.1 400 Bad Request\r\n", answers).code(), Code::kInvalidArgument);
}

TEST(PostgresAnswersTest, HealthIsTheShareOfFreeConnections) {
  const auto m = JudgePostgres(Probe(), {17, 20, 3, 1, 16, 0, 2});
  EXPECT_EQ(m.health, 15);
  EXPECT_EQ(m.state, HealthState::kUnhealthy);
  EXPECT_THAT(m.message, HasSubstr("17 of 20 connections"));
  EXPECT_THAT(m.message, HasSubstr("2 waiting for a lock"));
}

TEST(PostgresAnswersTest, AFullServerIsIllAndAWrongPasswordIsNotMeasured) {
  const auto full = JudgePostgresError(
      "connection to server at \"127.0.0.1\", port 5433 failed: FATAL:  sorry, too many clients "
      "already\n");
  EXPECT_EQ(full.state, HealthState::kUnhealthy);
  EXPECT_THAT(full.error_lines, ElementsAre("FATAL:  sorry, too many clients already"));
  const auto password = JudgePostgresError(
      "connection to server at \"::1\" failed: FATAL:  password authentication failed for user "
      "\"postgres\"\n");
  EXPECT_EQ(password.state, HealthState::kUnknown);
  EXPECT_EQ(JudgePostgresError("connection to server failed: Connection refused").state,
            HealthState::kUnhealthy);
}

TEST(HttpResponseTest, EveryFramingGivesTheBodyWhereverItIsCut) {
  const std::vector<std::string> responses = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello"};
  for (const std::string& bytes : responses) {
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      HttpResponse response(true, 100);
      ASSERT_TRUE(response.Feed(bytes.substr(0, cut)).ok());
      ASSERT_TRUE(response.Feed(bytes.substr(cut)).ok());
      ASSERT_TRUE(response.End().ok()) << bytes << cut;
      EXPECT_EQ(response.status(), 200);
      EXPECT_EQ(response.body(), "hello") << bytes << cut;
    }
  }
}

TEST(HttpResponseTest, ABodyIsKeptOnlyUpToItsBound) {
  HttpResponse response(true, 3);
  ASSERT_TRUE(response.Feed("HTTP/1.1 200 OK\r\n\r\nhello").ok());
  EXPECT_TRUE(response.done());
  EXPECT_EQ(response.body(), "hel");
}

// Found by fuzzing: in lower case it was taken for HTTP if it came in one piece only.
TEST(HttpResponseTest, ProtocolsNameIsReadTheSameWhereverItIsCut) {
  const std::string odd = "hTTP/1.0 244 \r\nA: b\r\n\r\nrest";
  EXPECT_EQ(HttpResponse(true, 9).Feed(odd).code(), Code::kInvalidArgument);
  HttpResponse cut(true, 9);
  Status status;
  for (std::size_t i = 0; i < odd.size() && status.ok(); ++i) status = cut.Feed(odd.substr(i, 1));
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
}

// Found beside it: nothing bounded what was kept while a chunk's end did not come.
TEST(HttpResponseTest, WhatFollowsAChunkIsBounded) {
  HttpResponse response(true, 100);
  ASSERT_TRUE(response.Feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA").ok());
  EXPECT_EQ(response.Feed(std::string(40000, 'x')).code(), Code::kInvalidArgument);
}

TEST(HttpResponseTest, GarbageEndlessHeadsAndEarlyEndsAreErrors) {
  EXPECT_FALSE(HttpResponse(true, 9).Feed("SSH-2.0-OpenSSH\r\n").ok());
  EXPECT_FALSE(HttpResponse(true, 9).Feed("HTTP/1.1 200 OK\r\nX: " + std::string(40000, 'a')).ok());
  HttpResponse cut(true, 9);
  ASSERT_TRUE(cut.Feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe").ok());
  EXPECT_EQ(cut.End().code(), Code::kAborted);
}

TEST(MeasurementTest, WhatServersSayBecomesOnePrintableLine) {
  EXPECT_EQ(OneLine("a\x1b[31m\n\tb\xff\n"), "a [31m b?");
  EXPECT_EQ(OneLine(std::string(5000, 'x')).size(), 512u);
}

}  // namespace
}  // namespace salve::probes
