// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/docker/container_state.h"
#include "pkg/base/time_format.h"

namespace salve::backends::docker {
namespace {

using ::testing::Contains;
using ::testing::Not;

WallTime T(int seconds) {
  return *ParseTime("2026-11-21T12:00:00Z") + std::chrono::seconds(seconds);
}

ContainerState Ended(std::int64_t exit_code, const std::string& policy = "no") {
  ContainerState state;
  state.id = "0123456789abcdef";
  state.name = "web";
  state.status = "exited";
  state.started_at = T(0);
  state.finished_at = T(100);
  state.exit_code = exit_code;
  state.restart_policy = policy;
  return state;
}

RunTrace Died() {
  RunTrace trace;
  trace.die_at = T(100);
  return trace;
}

struct EndCase {
  const char* name;
  ContainerState state;
  RunTrace trace;
  std::optional<EngineOutage> outage;
  EndedBy expected;
};

TEST(WhoEndedTest, TheEventsDecideAndWithoutThemDoubtCountsAsAWish) {
  RunTrace killed = Died();
  killed.kill_at = T(95);
  RunTrace killed_long_ago = Died();
  killed_long_ago.kill_at = T(5);
  RunTrace stopped = Died();
  stopped.stop_at = T(101);
  RunTrace earlier_run = Died();
  earlier_run.die_at = T(-50);
  earlier_run.kill_at = T(-51);
  RunTrace asked;
  asked.kill_at = T(99);
  const EngineOutage outage{T(90), T(110)};
  const std::vector<EndCase> cases = {
      {"died without a signal", Ended(137), Died(), {}, EndedBy::kItself},
      {"a signal shortly before", Ended(137), killed, {}, EndedBy::kSomebody},
      {"a signal too long before to be the cause", Ended(1), killed_long_ago, {}, EndedBy::kItself},
      {"docker stop reported, whatever the exit code", Ended(1), stopped, {}, EndedBy::kSomebody},
      {"asked to end, die not seen yet", Ended(1), asked, {}, EndedBy::kSomebody},
      {"events of an earlier run say nothing", Ended(1), earlier_run, {}, EndedBy::kItself},
      {"unseen, 137: may have been docker kill", Ended(137), {}, {}, EndedBy::kSomebody},
      {"unseen, 143", Ended(143), {}, {}, EndedBy::kSomebody},
      {"unseen, 0", Ended(0), {}, {}, EndedBy::kSomebody},
      {"unseen, 1: a program's own failure", Ended(1), {}, {}, EndedBy::kItself},
      {"unseen, but the engine would have restarted it",
       Ended(1, "always"),
       {},
       {},
       EndedBy::kSomebody},
      {"unseen, while the engine was away", Ended(1), {}, outage, EndedBy::kEngine},
      {"stopped by an engine that ends in an orderly way", Ended(137), killed, outage,
       EndedBy::kEngine},
      {"seen to crash right after the engine came back", Ended(1), Died(), outage,
       EndedBy::kItself},
  };
  for (const EndCase& c : cases) {
    EXPECT_EQ(WhoEnded(c.state, c.trace, c.outage), c.expected) << c.name;
  }
}

TEST(ObservationTest, AnOomKillIsOneByTheEventEvenIfTheEngineForgotTheFlag) {
  RunTrace trace = Died();
  trace.oom_at = T(99);
  const auto seen = Observation("docker", Ended(137), trace, {}, T(200));
  EXPECT_THAT(seen.conditions, Contains(healing::kConditionOOMKilled));
  EXPECT_THAT(seen.conditions, Contains(healing::kConditionExited));
}

TEST(ObservationTest, AChildKilledUnderALivingContainerIsNoConditionOnlyAMessage) {
  ContainerState state = Ended(0);
  state.status = "running";
  state.running = true;
  RunTrace trace;
  trace.oom_at = T(50);
  const auto seen = Observation("docker", state, trace, {}, T(200));
  EXPECT_TRUE(seen.conditions.empty());
  EXPECT_EQ(seen.state, healing::HealthState::kHealthy);
  EXPECT_THAT(seen.message, ::testing::HasSubstr("OOM-killed"));
}

TEST(ObservationTest, TheMessageOfAnUnchangedContainerDoesNotChangeWithTime) {
  const auto a = Observation("docker", Ended(3), Died(), {}, T(200));
  const auto b = Observation("docker", Ended(3), Died(), {}, T(900));
  EXPECT_EQ(a.message, b.message);
  EXPECT_EQ(a.message, "exited with 3 at 2026-11-21T12:01:40Z");
}

TEST(ObservationTest, ALoopOfTheEngineAPauseAndAFailedStartAreTold) {
  ContainerState loop = Ended(1);
  loop.restarting = true;
  loop.running = true;
  EXPECT_THAT(Observation("docker", loop, {}, {}, T(0)).conditions,
              Contains(healing::kConditionRestarting));
  ContainerState paused = Ended(0);
  paused.running = paused.paused = true;
  EXPECT_THAT(Observation("docker", paused, {}, {}, T(0)).conditions,
              Contains(healing::kConditionPaused));
  ContainerState failed = Ended(128);
  failed.error = "listen tcp 0.0.0.0:80: bind: address already in use";
  const auto seen = Observation("docker", failed, {}, {}, T(0));
  EXPECT_THAT(seen.conditions, Contains(healing::kConditionStartFailed));
  EXPECT_THAT(seen.conditions, Not(Contains(healing::kConditionExited)));
}

TEST(ParseContainerTest, StrangeAnswersGiveErrorsOrDefaultsNeverExceptions) {
  using nlohmann::json;
  EXPECT_FALSE(ParseContainer(json::array()).ok());
  EXPECT_FALSE(ParseContainer(json{{"Id", 5}, {"Name", "/x"}, {"State", json::object()}}).ok());
  const json odd = {{"Id", "abc"},
                    {"Name", "/x"},
                    {"State", {{"Running", "yes"}, {"ExitCode", "1"}, {"Health", {{"Log", 7}}}}},
                    {"Config", {{"Labels", {{"a", 1}, {"b", "2"}}}}},
                    {"HostConfig", nullptr}};
  const auto state = ParseContainer(odd);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_FALSE(state->running);
  EXPECT_EQ(state->labels.size(), 1u);
  EXPECT_EQ(state->restart_policy, "no");
}

TEST(SignalNumberTest, NamesAndNumbersAreRead) {
  EXPECT_EQ(SignalNumber("SIGTERM"), 15);
  EXPECT_EQ(SignalNumber("KILL"), 9);
  EXPECT_EQ(SignalNumber("28"), 28);
  for (const char* bad : {"", "0", "65", "SIGNOTHING", "9x"}) {
    EXPECT_EQ(SignalNumber(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace salve::backends::docker
