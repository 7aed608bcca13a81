// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/docker/container_state.h"
#include "pkg/backends/docker/testing/real_engine.h"

namespace salve::backends::docker::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTiny[] = "salve-test/tiny:1";

// Serves until /tmp/end holds an exit code, then ends by itself with it.
std::vector<std::string> Waiter() {
  return {
      kTiny, "sh", "-c",
      "trap 'exit 0' TERM; while ! test -s /tmp/end; do sleep 0.05; done; exit $(cat /tmp/end)"};
}

class RealContainersTest : public RealEngineTest {
 protected:
  static healing::Action Restart1s() {
    healing::Action action;
    action.restart.emplace().stop_timeout_seconds = 1;
    return action;
  }
};

TEST_F(RealContainersTest, ARunningContainerIsResolvedByNameLabelAndComposeService) {
  const std::string mark = UniqueName("mark");
  const Container c(
      "resolve",
      {"--network", "none", "--label", "mark=" + mark, "--label",
       "com.docker.compose.project=" + mark, "--label", "com.docker.compose.service=web"},
      Waiter());
  ASSERT_TRUE(Await([&] { return IsHealthy(c); }));
  apis::salve::v1alpha1::Target by_name;
  by_name.docker.emplace().container = c.name;
  apis::salve::v1alpha1::Target by_label;
  by_label.docker.emplace().labels = {{"mark", mark}};
  apis::salve::v1alpha1::Target by_compose;
  by_compose.docker.emplace().compose = {mark, "web"};
  for (const auto& target : {by_name, by_label, by_compose}) {
    const auto refs = backend->Resolve(target, "default");
    ASSERT_TRUE(refs.ok()) << refs.status();
    EXPECT_THAT(*refs, ::testing::ElementsAre(c.ref()));
  }
  apis::salve::v1alpha1::Target absent;
  absent.docker.emplace().container = UniqueName("absent");
  EXPECT_TRUE(backend->Resolve(absent, "default")->empty());
}

TEST_F(RealContainersTest, RestartGivesANewIdentityAndOutcomeRecognisesIt) {
  const Container c("restart", {"--network", "none"}, Waiter());
  const ActionRequest request = Request(c, Restart1s());
  EXPECT_EQ(backend->Outcome(request)->outcome, kNotApplied);
  EXPECT_EQ(MustExecute(request).outcome, kApplied);
  EXPECT_NE(backend->Observe(c.ref(), {})->identity, request.identity_before);
  EXPECT_EQ(backend->Outcome(request)->outcome, kApplied);
  // The decision was about the run before: a second execution is refused.
  EXPECT_EQ(backend->Execute(request).code(), Code::kConflict);
}

TEST_F(RealContainersTest, ACrashIsExitedAndStartHealsIt) {
  const Container c("crash", {"--network", "none"}, Waiter());
  c.Inside("echo 3 > /tmp/end");
  ASSERT_TRUE(Await([&] { return HasCondition(c, healing::kConditionExited); }));
  EXPECT_EQ(backend->Cached(c.ref())->exit_code, 3);
  EXPECT_FALSE(HasCondition(c, healing::kConditionStopped));
  healing::Action start;
  start.start.emplace();
  const ActionRequest request = Request(c, start);
  EXPECT_EQ(backend->Outcome(request)->outcome, kNotApplied);
  EXPECT_EQ(MustExecute(request).outcome, kApplied);
  EXPECT_EQ(backend->Outcome(request)->outcome, kApplied);
}

TEST_F(RealContainersTest, ABlowFromOutsideTheEngineIsACrashThoughItsExitCodeIsThatOfAKill) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may kill a container's process from outside";
  const Container c("kill9", {"--network", "none"}, Waiter());
  const std::string pid = Docker({"inspect", "--format", "{{.State.Pid}}", c.name});
  ASSERT_EQ(kill(std::stoi(pid), SIGKILL), 0);
  ASSERT_TRUE(Await([&] { return HasCondition(c, healing::kConditionExited); }));
  EXPECT_EQ(backend->Cached(c.ref())->exit_code, 137);
  // A fresh backend sees the same, from the events that the engine remembers.
  Restart();
  EXPECT_TRUE(HasCondition(c, healing::kConditionExited)) << backend->Cached(c.ref())->message;
}

TEST_F(RealContainersTest, AHumanStopIsStoppedNotExitedAlsoAfterOurRestart) {
  const Container c("stop", {"--network", "none"}, Waiter());
  Docker({"stop", "--time", "5", c.name});
  ASSERT_TRUE(Await([&] { return HasCondition(c, healing::kConditionStopped); }));
  EXPECT_FALSE(HasCondition(c, healing::kConditionExited));
  Restart();
  EXPECT_TRUE(HasCondition(c, healing::kConditionStopped));
  EXPECT_THAT(backend->Observe(c.ref(), {})->conditions, Not(Contains(healing::kConditionExited)));
}

TEST_F(RealContainersTest, AHealthCheckThatFlipsIsSeenAtOnceWithItsOutput) {
  const Container c(
      "health",
      {"--network", "none", "--health-cmd", "cat /tmp/ok || { echo not well; exit 1; }",
       "--health-interval", "300ms", "--health-retries", "1"},
      {kTiny, "sh", "-c", "touch /tmp/ok; exec sleep 1000"});
  ASSERT_TRUE(Await([&] { return IsHealthy(c); }));
  c.Inside("rm /tmp/ok");
  ASSERT_TRUE(Await([&] { return HasCondition(c, healing::kConditionUnhealthy); }));
  const auto seen = backend->Cached(c.ref());
  EXPECT_EQ(seen->state, healing::HealthState::kUnhealthy);
  EXPECT_THAT(seen->message, HasSubstr("not well"));
  c.Inside("touch /tmp/ok");
  EXPECT_TRUE(Await([&] { return IsHealthy(c); }));
}

TEST_F(RealContainersTest, AnOutOfMemoryKillIsTold) {
  const Container c("oom", {"--network", "none", "--memory", "16m", "--memory-swap", "16m"},
                    {kTiny, "sh", "-c", "sleep 0.3; exec tail /dev/zero"});
  ASSERT_TRUE(Await([&] { return HasCondition(c, healing::kConditionOOMKilled); }));
  EXPECT_TRUE(HasCondition(c, healing::kConditionExited));
  EXPECT_EQ(backend->Cached(c.ref())->exit_code, 137);
}

TEST_F(RealContainersTest, AStartThatFailsIsToldWithTheEnginesError) {
  const std::string name = UniqueName("startfail");
  Shell("docker run --detach --network none --name " + name + " " + kTiny + " /no/such/program");
  const healing::TargetRef ref{"docker", "Container", name};
  EXPECT_TRUE(Await([&] {
    const auto seen = backend->Cached(ref);
    return seen.ok() && !seen->conditions.empty() &&
           seen->conditions[0] == healing::kConditionStartFailed;
  }));
  EXPECT_THAT(backend->Cached(ref)->message, HasSubstr("no such file"));
  Shell("docker rm --force " + name);
  EXPECT_TRUE(Await([&] { return backend->Cached(ref).code() == Code::kNotFound; }));
  EXPECT_EQ(backend->Observe(ref, {})->state, healing::HealthState::kMissing);
}

TEST_F(RealContainersTest, PauseAndUnpauseAreInversesAndRecognised) {
  const Container c("pause", {"--network", "none"}, Waiter());
  healing::Action pause;
  pause.pause.emplace();
  const auto plan = backend->Plan(pause, c.ref(), {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->command, "docker pause " + c.name);
  EXPECT_EQ(plan->undo_command, "docker unpause " + c.name);
  ActionRequest request = Request(c, pause);
  EXPECT_EQ(backend->Outcome(request)->outcome, kNotApplied);
  EXPECT_EQ(MustExecute(request).outcome, kApplied);
  EXPECT_EQ(backend->Outcome(request)->outcome, kApplied);
  ASSERT_TRUE(Await([&] { return HasCondition(c, healing::kConditionPaused); }));
  request.action = *plan->undo;
  EXPECT_EQ(MustExecute(request).outcome, kApplied);
  EXPECT_TRUE(Await([&] { return IsHealthy(c); }));
}

TEST_F(RealContainersTest, StopAndKillEndTheRunAndAreRecognised) {
  const Container c("end", {"--network", "none"}, Waiter());
  healing::Action stop;
  stop.stop.emplace().stop_timeout_seconds = 5;
  const ActionRequest stopping = Request(c, stop);
  EXPECT_EQ(backend->Outcome(stopping)->outcome, kNotApplied);
  EXPECT_EQ(MustExecute(stopping).outcome, kApplied);
  EXPECT_EQ(backend->Outcome(stopping)->outcome, kApplied);
  Docker({"start", c.name});
  healing::Action kill_action;
  kill_action.kill.emplace();
  const ActionRequest killing = Request(c, kill_action);
  EXPECT_EQ(MustExecute(killing).outcome, kApplied);
  EXPECT_TRUE(Await([&] { return HasCondition(c, healing::kConditionStopped); }));
}

TEST_F(RealContainersTest, AMemoryLimitIsRaisedUnderItsCapAndPutBack) {
  const Container c("update", {"--network", "none", "--memory", "32m"}, Waiter());
  healing::Action raise;
  raise.update_resources.emplace().memory_percent = 50;
  raise.update_resources->max_memory_bytes = 40 << 20;
  const auto plan = backend->Plan(raise, c.ref(), {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->action.update_resources->memory_bytes, 40 << 20);
  ActionRequest request = Request(c, plan->action);
  EXPECT_EQ(MustExecute(request).outcome, kApplied);
  EXPECT_EQ(backend->Outcome(request)->outcome, kApplied);
  EXPECT_EQ(Docker({"inspect", "--format", "{{.HostConfig.Memory}}", c.name}), "41943040");
  // At the cap there is nothing more to raise.
  EXPECT_EQ(backend->Plan(raise, c.ref(), {}).code(), Code::kInvalidArgument);
  request.action = *plan->undo;
  EXPECT_EQ(MustExecute(request).outcome, kApplied);
  EXPECT_EQ(Docker({"inspect", "--format", "{{.HostConfig.Memory}}", c.name}), "33554432");
}

TEST_F(RealContainersTest, ACommandInTheContainerGivesItsExitCodeAndBothOutputs) {
  const Container c("exec", {"--network", "none"}, Waiter());
  healing::Action action;
  action.exec.emplace().argv = {"sh", "-c", "echo out; echo err >&2; exit 4"};
  const auto result = MustExecute(Request(c, action));
  EXPECT_EQ(result.outcome, kApplied);
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.stdout_text, "out\n");
  EXPECT_EQ(result.stderr_text, "err\n");
  EXPECT_EQ(backend->Outcome(Request(c, action))->outcome, kUnknown);
  action.exec->argv = {"/no/such/program"};
  EXPECT_EQ(backend->Execute(Request(c, action)).code(), Code::kInvalidArgument);
  action.exec->argv = {};
  EXPECT_EQ(backend->Execute(Request(c, action)).code(), Code::kInvalidArgument);
}

TEST_F(RealContainersTest, ACommandThatDoesNotEndInTimeIsUnknown) {
  const Container c("slow", {"--network", "none"}, Waiter());
  healing::Action action;
  action.exec.emplace().argv = {"sleep", "30"};
  ActionRequest request = Request(c, action);
  request.deadline = SystemClock().Monotonic() + std::chrono::seconds(5);
  EXPECT_EQ(MustExecute(request).outcome, kUnknown);
}

TEST_F(RealContainersTest, LogsAreTheNewestLinesOfBothStreamsWithoutControlCharacters) {
  const Container plain("logs", {"--network", "none"},
                        {kTiny, "sh", "-c",
                         "for i in 1 2 3; do echo line $i; done; printf 'red \\033[31m\\n' >&2; "
                         "exec sleep 1000"});
  const Container tty("tty", {"--network", "none", "--tty"},
                      {kTiny, "sh", "-c", "echo one; echo two; exec sleep 1000"});
  // The engine reads the two streams one beside the other: their order among each other is its own.
  std::vector<std::string> all;
  const auto has = [&](const Container& c, std::size_t count) {
    all = backend->Logs(c.ref(), 10, {}).value_or(std::vector<std::string>{});
    return all.size() == count;
  };
  ASSERT_TRUE(Await([&] { return has(plain, 4); })) << ::testing::PrintToString(all);
  EXPECT_THAT(all, ::testing::UnorderedElementsAre("line 1", "line 2", "line 3", "red  [31m"));
  EXPECT_THAT(backend->Logs(plain.ref(), 2, {}).value_or(std::vector<std::string>{}),
              ::testing::ElementsAre(all[2], all[3]));
  ASSERT_TRUE(Await([&] { return has(tty, 2); })) << ::testing::PrintToString(all);
  EXPECT_THAT(all, ::testing::ElementsAre("one", "two"));
}

TEST_F(RealContainersTest, TheStopTimeoutIsTheContainersLabelBeforeTheActions) {
  const Container c("label", {"--network", "none", "--label", "autoheal.stop.timeout=3"}, Waiter());
  EXPECT_EQ(backend->Plan(Restart1s(), c.ref(), {})->command, "docker restart --time 3 " + c.name);
  const Container own("label",
                      {"--network", "none", "--label", "autoheal.stop.timeout=3", "--label",
                       "salve.dev/stop-timeout-seconds=7"},
                      Waiter());
  EXPECT_EQ(backend->Plan(Restart1s(), own.ref(), {})->command,
            "docker restart --time 7 " + own.name);
}

}  // namespace
}  // namespace salve::backends::docker::testing
