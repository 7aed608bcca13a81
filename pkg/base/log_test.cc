// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/log.h"

#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "pkg/base/redact.h"

namespace salve {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    SetLogWriterForTest([this](std::string_view line) { lines_.emplace_back(line); }, &clock_);
  }
  ~LogTest() override {
    SetLogWriterForTest({});
    SetLogLevel(Severity::kInfo);
  }
  json Last() const { return json::parse(lines_.at(lines_.size() - 1)); }

  SimulatedClock clock_{WallTime(std::chrono::seconds(1'700'000'000))};
  std::vector<std::string> lines_;
};

TEST_F(LogTest, AnEventIsOneLineOfJsonWithTypedFields) {
  Log(Severity::kWarning, "container restarted",
      {{"target", "redis"}, {"attempt", 2}, {"healthy", true}});
  EXPECT_EQ(Last(), (json{{"time", "2023-11-14T22:13:20.000000Z"},
                          {"level", "warning"},
                          {"msg", "container restarted"},
                          {"target", "redis"},
                          {"attempt", 2},
                          {"healthy", true}}));
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWrittenAndTheLevelChangesAtRunTime) {
  Log(Severity::kDebug, "hidden");
  EXPECT_TRUE(lines_.empty());
  ASSERT_TRUE(SetLogLevel("debug"));
  Log(Severity::kDebug, "shown");
  EXPECT_EQ(lines_.size(), 1u);
  EXPECT_FALSE(SetLogLevel("loud"));
  EXPECT_TRUE(LogEnabled(Severity::kDebug));
}

TEST_F(LogTest, TheContextOfTheThreadIsOnItsLinesAndTheInnerOneWins) {
  {
    LogContext outer("incident", "shop/a");
    LogContext inner("incident", "shop/b");
    Log(Severity::kInfo, "x");
    EXPECT_EQ(Last()["incident"], "shop/b");
    std::thread([] { Log(Severity::kInfo, "elsewhere"); }).join();
    EXPECT_FALSE(Last().contains("incident"));
    // Once, as the line itself says it; a parser would see either of two.
    Log(Severity::kInfo, "z", {{"incident", "shop/c"}});
    EXPECT_EQ(Last()["incident"], "shop/c");
    EXPECT_EQ(lines_.back().find("incident"), lines_.back().rfind("incident"));
  }
  Log(Severity::kInfo, "y");
  EXPECT_FALSE(Last().contains("incident"));
}

TEST_F(LogTest, SecretsAreHiddenInMessagesAndValuesAndByName) {
  RegisterSecret("correct-horse-battery");
  Log(Severity::kInfo, "login with correct-horse-battery",
      {{"url", "redis://u:hunter22@h/0"}, {"api_key", "zzz"}});
  EXPECT_THAT(lines_.back(), Not(HasSubstr("horse")));
  EXPECT_THAT(lines_.back(), Not(HasSubstr("hunter22")));
  EXPECT_THAT(lines_.back(), Not(HasSubstr("zzz")));
}

TEST_F(LogTest, ControlCharactersAndBrokenUtf8CannotReachATerminal) {
  Log(Severity::kInfo,
      "a\x1b[2Jb\nc\xff\xc2\x9b"
      "31m\xe2\x80\xae");
  EXPECT_THAT(lines_.back(), HasSubstr("a\\u001b[2Jb\\nc\xEF\xBF\xBD\\u009b31m\\u202e"));
  EXPECT_NO_THROW(Last());
}

TEST_F(LogTest, ALineIsBoundedAndStaysJson) {
  const std::string huge(100'000, 'x');
  Log(Severity::kInfo, huge, {{"a", huge}, {"b", huge}, {"c", huge}, {"d", huge}, {"e", huge}});
  EXPECT_LE(lines_.back().size(), 8192u);
  EXPECT_EQ(Last()["truncated"], true);
  Log(Severity::kInfo, std::string(5000, '\x01'), {{"k", "v"}});
  EXPECT_LE(lines_.back().size(), 8192u);
  EXPECT_EQ(Last()["k"], "v");
}

TEST(LogPipe, AFullPipeDropsLinesInsteadOfBlockingAndCountsThem) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(fds[1], STDERR_FILENO);
  const std::string kilobyte(1000, 'x');
  for (int i = 0; i < 500; ++i) Log(Severity::kInfo, kilobyte);  // 64 kB fit
  std::string got(1 << 20, '\0');
  EXPECT_GT(::read(fds[0], got.data(), got.size()), 0);
  Log(Severity::kInfo, "again");
  const ssize_t n = ::read(fds[0], got.data(), got.size());
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  ::close(fds[0]);
  ::close(fds[1]);
  ASSERT_GT(n, 0);
  EXPECT_THAT(got.substr(0, static_cast<std::size_t>(n)), HasSubstr("\"dropped\":4"));
}

}  // namespace
}  // namespace salve
