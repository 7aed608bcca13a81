// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/backends/docker/container_state.h"
#include "pkg/backends/docker/docker_backend.h"
#include "pkg/backends/docker/testing/fake_engine.h"
#include "pkg/base/time_format.h"

namespace salve::backends::docker {
namespace {

using healing::kConditionExited;
using healing::kConditionStopped;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class WatcherTest : public ::testing::Test {
 protected:
  void Begin() {
    DockerOptions options;
    options.clock = &clock;
    options.random = &random;
    options.transport = engine.NewTransport();
    backend = std::move(MakeDockerBackend(std::move(options))).value();
    ASSERT_TRUE(backend->Start().ok());
  }
  void TearDown() override {
    if (backend) backend->Stop();
  }
  std::string Now(int seconds = 0) {
    return FormatMicroTime(clock.Now() + std::chrono::seconds(seconds));
  }
  // The watcher's thread is real, its time is not: moves time on to the end of its pauses, and only
  // while it pauses. What it waits longer for (an answer, the next look) is not hurried.
  bool Await(const std::function<bool()>& condition, bool advance = false) {
    const MonoTime deadline = SystemClock().Monotonic() + std::chrono::seconds(120);
    while (!condition()) {
      if (SystemClock().Monotonic() > deadline) return false;
      const Duration left = clock.NextDeadline() - clock.Monotonic();
      if (advance && left > Duration(0) && left <= std::chrono::seconds(5)) clock.Advance(left);
      std::this_thread::yield();
    }
    return true;
  }
  std::vector<std::string> Conditions(const std::string& name) {
    const auto seen = backend->Cached({"docker", "Container", name});
    return seen.ok() ? seen->conditions : std::vector<std::string>{seen.status().ToString()};
  }
  bool Has(const std::string& name, const std::string& condition) {
    const auto all = Conditions(name);
    return std::find(all.begin(), all.end(), condition) != all.end();
  }
  bool Up() { return backend->Available().ok(); }

  SimulatedClock clock{*ParseTime("2026-11-21T12:00:00Z")};
  SeededRandom random{1};
  testing::FakeEngine engine{clock};
  std::unique_ptr<Backend> backend;
};

TEST_F(WatcherTest, UntilTheEngineAnswersTheViewIsUnavailableAndThenComplete) {
  engine.Run("aa", "web", Now(-10));
  engine.Cut(/*away=*/true);
  Begin();
  ASSERT_TRUE(Await([&] {
    return backend->Available().message().find("connection refused") != std::string::npos;
  }));
  EXPECT_EQ(backend
                ->Resolve({apis::salve::v1alpha1::DockerTarget{"docker", "web", {}, {}}, {}, {}},
                          "default")
                .code(),
            Code::kUnavailable);
  engine.Return(false);
  ASSERT_TRUE(Await([&] { return Up(); }, /*advance=*/true));
  EXPECT_TRUE(Conditions("web").empty());
}

TEST_F(WatcherTest, AStopDuringAGapIsRepairedFromTheEnginesMemory) {
  engine.Run("aa", "web", Now(-10));
  engine.Run("bb", "db", Now(-10));  // lives on: the engine was not restarted
  Begin();
  ASSERT_TRUE(Await([&] { return Up(); }));
  engine.Cut(/*away=*/true);
  ASSERT_TRUE(Await([&] { return !Up(); }));
  engine.Emit("aa", "kill", "15");
  engine.Emit("aa", "die");
  engine.End("aa", 1, Now());
  engine.Return(/*forget_history=*/false);
  ASSERT_TRUE(Await([&] { return Up(); }, true));
  EXPECT_THAT(Conditions("web"), ElementsAre(kConditionStopped));
}

TEST_F(WatcherTest, ACrashDuringAGapWhoseEventsAreLostIsFoundByTheList) {
  engine.Run("aa", "web", Now(-10));
  engine.Run("bb", "db", Now(-10));
  engine.Run("cc", "gone", Now(-10));
  Begin();
  ASSERT_TRUE(Await([&] { return Up(); }));
  engine.Cut(/*away=*/false);
  ASSERT_TRUE(Await([&] { return !Up(); }));
  engine.End("aa", 1, Now());
  engine.Remove("cc");
  ASSERT_TRUE(Await([&] { return Up(); }, true));
  EXPECT_THAT(Conditions("web"), ElementsAre(kConditionExited));
  EXPECT_EQ(backend->Cached({"docker", "Container", "gone"}).code(), Code::kNotFound);
}

TEST_F(WatcherTest, AnEngineRestartIsNoCrashOfEveryContainer) {
  engine.Run("aa", "web", Now(-1000));
  engine.Run("bb", "db", Now(-1000));
  Begin();
  ASSERT_TRUE(Await([&] { return Up(); }));
  engine.Cut(/*away=*/true);
  ASSERT_TRUE(Await([&] { return !Up(); }));
  clock.Advance(std::chrono::seconds(3));
  engine.End("aa", 1, Now());
  engine.Run("bb", "db", Now());
  // At least one attempt must have met a closed door.
  ASSERT_TRUE(Await(
      [&] { return backend->Available().message().find("refused") != std::string::npos; }, true));
  engine.Return(/*forget_history=*/true);
  ASSERT_TRUE(Await([&] { return Up(); }, true));
  EXPECT_THAT(Conditions("web"), Not(Contains(kConditionExited)));
  EXPECT_THAT(Conditions("web"), Contains(healing::kConditionEngineRestarted));
  EXPECT_EQ(backend->Cached({"docker", "Container", "db"})->state, healing::HealthState::kHealthy);
  // A crash that is seen afterwards is one.
  clock.Advance(std::chrono::seconds(60));
  engine.End("bb", 1, Now());
  engine.Emit("bb", "die");
  EXPECT_TRUE(Await([&] { return Has("db", kConditionExited); }));
}

TEST_F(WatcherTest, AnEngineThatStopsItsContainersBeforeItGoesIsRecognisedToo) {
  engine.Run("aa", "web", Now(-1000));
  Begin();
  ASSERT_TRUE(Await([&] { return Up(); }));
  engine.End("aa", 143, Now());
  engine.Emit("aa", "kill", "15");
  engine.Emit("aa", "die");
  ASSERT_TRUE(Await([&] { return Has("web", kConditionStopped); }));
  engine.Cut(/*away=*/true);
  ASSERT_TRUE(Await(
      [&] { return backend->Available().message().find("refused") != std::string::npos; }, true));
  engine.Return(/*forget_history=*/true);
  ASSERT_TRUE(Await([&] { return Up(); }, true));
  EXPECT_TRUE(Await([&] { return Has("web", healing::kConditionEngineRestarted); }));
  EXPECT_TRUE(Has("web", kConditionStopped));
}

TEST_F(WatcherTest, AnOnsetIsWhenTheHealthWasSeenToTurnAndEachRunHasItsOwn) {
  const healing::TargetRef web{"docker", "Container", "web"};
  const auto since = [&] { return backend->Cached(web)->since; };
  engine.Run("aa", "web", Now(-1000));
  Begin();
  ASSERT_TRUE(Await([&] { return Up(); }));
  EXPECT_EQ(since(), std::nullopt) << "of what was so at the first look nothing is known";
  clock.Advance(std::chrono::seconds(10));
  engine.End("aa", 1, Now());
  engine.Emit("aa", "die");
  ASSERT_TRUE(Await([&] { return Has("web", kConditionExited); }));
  const auto fell_ill = since();
  ASSERT_TRUE(fell_ill);
  EXPECT_GE(*fell_ill, *ParseTime("2026-11-21T12:00:10Z"));
  EXPECT_EQ(since(), fell_ill) << "it does not move with the looks";
  clock.Advance(std::chrono::seconds(10));
  engine.Run("aa", "web", Now());
  engine.Emit("aa", "start");
  ASSERT_TRUE(Await([&] { return Conditions("web").empty(); }));
  EXPECT_GT(*since(), *fell_ill);
}

TEST_F(WatcherTest, AnEventLeadsToOneLookAtThatContainerAndAQuietEngineToNone) {
  for (int i = 0; i < 50; ++i) {
    engine.Run("c" + std::to_string(i), "n" + std::to_string(i), Now(-10));
  }
  Begin();
  ASSERT_TRUE(Await([&] { return Up(); }));
  const int before = engine.inspects();
  EXPECT_EQ(before, 50);
  ASSERT_TRUE(Await([&] { return clock.NextDeadline() != MonoTime::max(); }));
  clock.Advance(std::chrono::minutes(4));
  engine.End("c7", 3, Now());
  engine.Emit("c7", "die");
  ASSERT_TRUE(Await([&] { return Has("n7", kConditionExited); }));
  EXPECT_EQ(engine.inspects(), before + 1);
  // After five minutes everything is looked at once more, lost events or not.
  engine.End("c8", 3, Now());
  clock.Advance(std::chrono::minutes(2));
  ASSERT_TRUE(Await([&] { return Has("n8", kConditionExited); }));
  EXPECT_TRUE(Await([&] { return engine.inspects() == before + 51; }));
}

TEST_F(WatcherTest, AnEngineThatIsTooOldSaysSoAndIsAskedAgain) {
  engine.version = R"({"ApiVersion":"1.20","MinAPIVersion":"1.12"})";
  Begin();
  ASSERT_TRUE(Await([&] { return backend->Available().code() == Code::kUnimplemented; }));
  EXPECT_THAT(backend->Available().message(), HasSubstr("at least 1.24"));
}

}  // namespace
}  // namespace salve::backends::docker
