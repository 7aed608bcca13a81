// SPDX-License-Identifier: Apache-2.0
// Lives of incidents that changed files opened, with the production reconcilers.
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/alerts.h"
#include "pkg/healing/files.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/signals.h"
#include "pkg/reconcilers/policy_files.h"
#include "pkg/reconcilers/testing/world.h"

namespace salve::reconcilers {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::Accident;
using ::testing::HasSubstr;
using What = testing::Accident::What;
using Where = testing::Accident::Where;

constexpr char kEnv[] = "/srv/shop/shop.env";
constexpr char kTarget[] = "redis-1";

v1::HealingPolicy WatchingPolicy() {
  v1::HealingPolicy policy = testing::MakePolicy();
  policy.spec.probes.clear();
  policy.spec.diagnosis.rules.clear();
  policy.spec.diagnosis.builtin_packs = true;
  v1::PolicyTrigger& trigger = policy.spec.triggers.emplace_back();
  trigger.name = "config";
  trigger.file_change.emplace().paths = {kEnv};
  return policy;
}

// A world with one watched file.
struct FileWorld {
  FileWorld() {
    disk.Write(kEnv, "A");
    world.disk = &disk;
  }
  void Begin(const v1::HealingPolicy& policy) {
    world.AddContainer(kTarget);
    world.Create(policy);
    Pass(seconds(24));
  }
  // As time goes by, the files are looked at.
  void Pass(Duration time) {
    for (Duration gone{0}; gone < time; gone += seconds(2)) {
      world.Advance(seconds(2));
      world.LookAtFiles();
    }
    world.Settle();
  }
  bool Until(const std::function<bool()>& done, Duration limit = minutes(20)) {
    for (Duration gone{0}; gone < limit && !done(); gone += seconds(2)) Pass(seconds(2));
    return done();
  }
  bool UntilPhase(const std::string& phase) {
    return Until([&] {
      const auto incidents = world.Incidents();
      return !incidents.empty() && incidents.back().status.phase == phase;
    });
  }
  // What the target was started with is not what the file holds; nothing else can tell.
  void Change(const std::string& content) {
    world.SetFigure(kTarget, 10);
    disk.Write(kEnv, content);
  }
  v1::FileStatus File() {
    const auto files = world.Policy().status.files;
    return files.empty() ? v1::FileStatus{} : files.front();
  }

  files::testing::FakeDisk disk;
  testing::World world;
};

class FileLivesTest : public ::testing::Test, protected FileWorld {
 protected:
  void TearDown() override {
    world.CheckRecords();
    EXPECT_THAT(world.broken(), ::testing::IsEmpty());
    if (HasFailure()) std::puts(world.Story().c_str());
  }
};

TEST_F(FileLivesTest, AChangedFileIsHealedByOneRestart) {
  Begin(WatchingPolicy());
  EXPECT_EQ(File().state, v1::kFilesCurrent);
  EXPECT_TRUE(world.Incidents().empty());
  Change("B");
  ASSERT_TRUE(UntilPhase(healing::kPhaseResolved));
  const v1::Incident incident = world.Incident();
  EXPECT_EQ(incident.status.outcome, healing::kAutoHealed);
  EXPECT_EQ(incident.spec.trigger.source, healing::kSourceFile);
  EXPECT_EQ(incident.spec.trigger.name, "config");
  EXPECT_EQ(incident.status.diagnosis->cause, healing::kCauseConfigurationChanged);
  EXPECT_THAT(incident.status.diagnosis->message, HasSubstr("env_changed: /srv/shop/shop.env"));
  Pass(minutes(10));
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
  EXPECT_EQ(world.Incidents().size(), 1u);
  EXPECT_EQ(File().state, v1::kFilesCurrent);
  EXPECT_EQ(world.Policy().status.health, "1/1 healthy");
}

TEST_F(FileLivesTest, TheOldContentBeforeAnybodyApprovedEndsTheIncident) {
  v1::HealingPolicy policy = WatchingPolicy();
  policy.spec.mode = v1::kModeApprove;
  Begin(policy);
  Change("B");
  ASSERT_TRUE(UntilPhase(healing::kPhaseAwaitingApproval));
  world.SetFigure(kTarget, 100);
  disk.Write(kEnv, "A");
  ASSERT_TRUE(UntilPhase(healing::kPhaseResolved));
  EXPECT_EQ(world.Incident().status.outcome, healing::kSelfResolved);
  EXPECT_EQ(world.docker.TotalExecutions(), 0);
}

TEST_F(FileLivesTest, AChangeThatCameWhileNobodyRanIsFoundAfterwards) {
  Begin(WatchingPolicy());
  Change("B");
  world.Restart();
  ASSERT_TRUE(UntilPhase(healing::kPhaseResolved));
  EXPECT_EQ(world.Incident().status.outcome, healing::kAutoHealed);
}

TEST_F(FileLivesTest, AChangeDuringTheRestartLeadsToAnotherOne) {
  v1::HealingPolicy policy = WatchingPolicy();
  policy.spec.guardrails.cooldown_seconds = 0;
  Begin(policy);
  Change("B");
  ASSERT_TRUE(UntilPhase(healing::kPhaseVerifying));
  disk.Write(kEnv, "C");
  // It runs with "B": ill once more, as soon as the first incident has ended.
  world.before_effect = [this](const std::string& what) {
    if (what == "execute restart") world.SetFigure(kTarget, 10);
  };
  ASSERT_TRUE(Until([&] { return world.Incidents().size() == 2; }));
  ASSERT_TRUE(UntilPhase(healing::kPhaseResolved));
  EXPECT_EQ(world.Incidents().front().status.outcome, healing::kAutoHealed);
  EXPECT_EQ(world.Incident().status.outcome, healing::kAutoHealed);
  Pass(minutes(10));
  EXPECT_EQ(world.docker.TotalExecutions(), 2);
  EXPECT_EQ(world.Incidents().size(), 2u);
}

TEST_F(FileLivesTest, AnotherChangeAnHourLaterIsNoRelapse) {
  v1::HealingPolicy policy = WatchingPolicy();
  policy.spec.guardrails.cooldown_seconds = 0;
  Begin(policy);
  for (const char* content : {"B", "C"}) {
    Change(content);
    ASSERT_TRUE(UntilPhase(healing::kPhaseResolved));
    Pass(minutes(1));
  }
  EXPECT_EQ(world.Incident().status.outcome, healing::kAutoHealed);
  EXPECT_EQ(world.docker.TotalExecutions(), 2);
}

TEST_F(FileLivesTest, WhereNoRootIsOpenThePolicySaysWhatToSet) {
  world.settings.file_roots.clear();
  Begin(WatchingPolicy());
  const v1::HealingPolicy policy = world.Policy();
  const auto* condition =
      apis::meta::v1::FindCondition(policy.status.conditions, kPolicyFilesWatched);
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(condition->status, "False");
  EXPECT_EQ(condition->reason, "FilesNotConfigured");
  EXPECT_THAT(condition->message, HasSubstr("files.roots"));
  Change("B");
  Pass(minutes(1));
  EXPECT_TRUE(world.Incidents().empty());
  world.SetFigure(kTarget, 100);
}

TEST_F(FileLivesTest, WhileNothingChangesNothingIsWritten) {
  Begin(WatchingPolicy());
  Pass(minutes(1));
  const int before = world.writes();
  Pass(minutes(20));
  EXPECT_EQ(world.writes(), before);
}

TEST_F(FileLivesTest, WhoAsksForARestartOfAWellTargetGetsOne) {
  Begin(WatchingPolicy());
  v1::Incident incident;
  incident.metadata.ns = testing::kNs;
  incident.metadata.name = "by-hand";
  incident.spec.policy_ref.name = "redis";
  incident.spec.target = {"docker", "Container", kTarget};
  incident.spec.trigger = {healing::kSourceFile, healing::kTriggerRequested,
                           "restart_requested: by alice", "2026-12-01T12:01:00Z"};
  world.SetFigure(kTarget, 10);  // so that nobody minds
  world.Create(incident);
  ASSERT_TRUE(UntilPhase(healing::kPhaseResolved));
  EXPECT_EQ(world.Incident().status.outcome, healing::kAutoHealed);
  EXPECT_EQ(world.docker.TotalExecutions(), 1);
}

// One life with an accident at one of its writes.
struct Outcome {
  int writes = 0;
  std::int64_t executions = 0;
  std::size_t incidents = 0;
  std::string state;
  std::string outcome;
  std::vector<std::string> broken;
};
Outcome LiveWith(const std::vector<Accident>& accidents) {
  FileWorld life;
  life.world.accidents = accidents;
  life.Begin(WatchingPolicy());
  life.Change("B");
  life.UntilPhase(healing::kPhaseResolved);
  life.Pass(minutes(6));
  life.world.CheckRecords();
  return {life.world.writes(), life.world.docker.TotalExecutions(),  life.world.Incidents().size(),
          life.File().state,   life.world.Incident().status.outcome, life.world.broken()};
}

TEST(FileAccidents, ACrashAtAnyWriteForgetsNoChangeAndDoublesNoRestart) {
  const Outcome undisturbed = LiveWith({});
  ASSERT_EQ(undisturbed.outcome, healing::kAutoHealed);
  ASSERT_GT(undisturbed.writes, 5);
  for (int at = 1; at <= undisturbed.writes; ++at) {
    for (const What what : {What::kCrashBefore, What::kCrashAfter, What::kConflict}) {
      const Outcome got = LiveWith({{what, Where::kWrite, at}});
      const std::string where = Describe(Accident{what, Where::kWrite, at});
      EXPECT_EQ(got.outcome, healing::kAutoHealed) << where;
      EXPECT_EQ(got.executions, 1) << where;
      EXPECT_EQ(got.incidents, 1u) << where;
      EXPECT_EQ(got.state, v1::kFilesCurrent) << where;
      EXPECT_THAT(got.broken, ::testing::IsEmpty()) << where;
    }
  }
}

}  // namespace
}  // namespace salve::reconcilers
