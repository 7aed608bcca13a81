// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"
#include "pkg/healing/alerts.h"
#include "pkg/healing/verification.h"

namespace salve::healing {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const WallTime kStart = *ParseTime("2026-11-21T12:00:00Z");
WallTime After(int s) { return kStart + seconds(s); }

// A policy with one trigger, and what is written of it.
class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    v1::PolicyTrigger& trigger = spec.triggers.emplace_back();
    trigger.name = "config";
    trigger.file_change.emplace().paths = {"/srv/shop/shop.env", "/srv/shop/migrations"};
    sight.paths = {{"/srv/shop/shop.env", "A"}, {"/srv/shop/migrations", "M"}};
    sight.directories = {"/srv/shop/migrations"};
    sight.since = kStart;
  }
  void Find(const std::string& path, const std::string& digest, int at) {
    sight.paths[path] = digest;
    sight.since = After(at);
  }
  void Settle(int at) {
    FileFacts facts{spec, targets, {}, actions, healed, After(at)};
    if (looked) facts.sights["config"] = sight;
    SettleFiles(facts, files, signals);
  }
  v1::ActionRecord& Restart(const std::string& target, int at, const std::string& result) {
    v1::ActionRecord& record = actions.emplace_back();
    record.target = target;
    record.action = "restart";
    record.reserved_at = FormatMicroTime(After(at));
    record.result = result;
    if (!result.empty()) record.finished_at = FormatMicroTime(After(at + 1));
    return record;
  }
  std::string State(std::size_t i = 0) const { return files.at(i).state; }
  std::vector<std::string> Firing() const {
    std::vector<std::string> out;
    for (const v1::SignalStatus& signal : signals) {
      if (signal.state == kSignalFiring) out.push_back(signal.target);
    }
    return out;
  }

  v1::HealingPolicySpec spec;
  std::vector<std::string> targets = {"shop"};
  FileSight sight;
  bool looked = true;
  std::vector<v1::ActionRecord> actions;
  std::map<std::string, WallTime> healed;
  std::vector<v1::FileStatus> files;
  std::vector<v1::SignalStatus> signals;
};

constexpr char kEnv[] = "/srv/shop/shop.env";

TEST_F(FilesTest, WhatIsSeenFirstIsWhatTheTargetRunsWith) {
  looked = false;
  Settle(0);
  EXPECT_EQ(State(), v1::kFilesUnknown);
  looked = true;
  Settle(1);
  EXPECT_EQ(State(), v1::kFilesCurrent);
  EXPECT_EQ(files[0].paths.at(kEnv), "A");
  EXPECT_EQ(files[0].content.size(), 64u);
  EXPECT_THAT(signals, IsEmpty());
}

TEST_F(FilesTest, AnotherContentFiresAndSaysWhatChanged) {
  Settle(0);
  Find(kEnv, "B", 10);
  Settle(15);
  EXPECT_EQ(State(), v1::kFilesChanged);
  EXPECT_THAT(files[0].reasons, ElementsAre("env_changed"));
  EXPECT_THAT(files[0].files, ElementsAre(kEnv));
  ASSERT_THAT(Firing(), ElementsAre("shop"));
  EXPECT_EQ(signals[0].since, FormatMicroTime(After(10)));
  EXPECT_EQ(signals[0].labels.at(kLabelReason), "env_changed");
  EXPECT_EQ(signals[0].message, std::string("env_changed: ") + kEnv);
}

TEST_F(FilesTest, TheOldContentClearsItAgain) {
  Settle(0);
  Find(kEnv, "B", 10);
  Settle(15);
  Find(kEnv, "A", 20);
  Settle(25);
  EXPECT_EQ(State(), v1::kFilesCurrent);
  EXPECT_THAT(Firing(), IsEmpty());
  EXPECT_TRUE(files[0].found.empty());
  Find(kEnv, "B", 30);
  Settle(35);
  EXPECT_THAT(Firing(), ElementsAre("shop"));
  EXPECT_EQ(signals.size(), 1u) << "one entry for one target, however often it changes";
}

TEST_F(FilesTest, AVerifiedRestartThatBeganAfterwardsMakesTheFoundContentTheNewOne) {
  Settle(0);
  Find(kEnv, "B", 10);
  Settle(15);
  Restart("shop", 16, "");
  Settle(17);
  EXPECT_THAT(Firing(), ElementsAre("shop")) << "it still runs";
  actions[0].result = kOutcomeSuccessful;
  actions[0].finished_at = FormatMicroTime(After(18));
  Settle(19);
  EXPECT_EQ(State(), v1::kFilesCurrent);
  EXPECT_EQ(files[0].paths.at(kEnv), "B");
  EXPECT_THAT(Firing(), IsEmpty());
}

struct NoCure {
  const char* what;
  const char* action;
  int at;
  const char* result;
  const char* target;
};
class NotACure : public FilesTest, public ::testing::WithParamInterface<NoCure> {};
TEST_P(NotACure, LeavesItFiring) {
  const NoCure& c = GetParam();
  Settle(0);
  Find(kEnv, "B", 10);
  Settle(15);
  Restart(c.target, c.at, c.result).action = c.action;
  Settle(30);
  EXPECT_THAT(Firing(), ElementsAre("shop")) << c.what;
}
INSTANTIATE_TEST_SUITE_P(
    All, NotACure,
    ::testing::Values(NoCure{"begun before it was found", "restart", 5, "Successful", "shop"},
                      NoCure{"it failed", "restart", 16, "Failed", "shop"},
                      NoCure{"it was never run", "restart", 16, "NotExecuted", "shop"},
                      NoCure{"reads no files", "redisFlushAll", 16, "Successful", "shop"},
                      NoCure{"another target's", "restart", 16, "Successful", "other"}));

TEST_F(FilesTest, AChangeDuringTheRestartKeepsFiringAndIsFoundAfterIt) {
  Settle(0);
  Find(kEnv, "B", 10);
  Settle(15);
  Restart("shop", 16, "");
  Find(kEnv, "C", 17);
  Settle(18);
  EXPECT_EQ(files[0].paths.at(kEnv), "B") << "that is what it was restarted with";
  EXPECT_THAT(Firing(), ElementsAre("shop"));
  actions[0].result = kOutcomeSuccessful;
  actions[0].finished_at = FormatMicroTime(After(20));
  healed["shop"] = After(21);
  Settle(22);
  EXPECT_EQ(State(), v1::kFilesChanged);
  EXPECT_GT(*ParseTime(signals.at(0).since), After(21)) << "no part of the incident that ended";
}

TEST_F(FilesTest, BackToTheFirstContentDuringTheRestartIsAChangeToo) {
  Settle(0);
  Find(kEnv, "B", 10);
  Settle(15);
  Restart("shop", 16, "");
  Find(kEnv, "A", 17);
  Settle(18);
  EXPECT_EQ(State(), v1::kFilesChanged);
  EXPECT_EQ(files[0].paths.at(kEnv), "B");
}

TEST_F(FilesTest, WhatIsWrittenIsAllTheMemoryThereIs) {
  Settle(0);
  Find(kEnv, "B", 10);
  Settle(15);
  const auto before = files;
  // A new process sees the same a minute later, and remembers no listing.
  sight.since = After(70);
  sight.differences.clear();
  Settle(75);
  EXPECT_EQ(files[0].since, before[0].since);
  EXPECT_EQ(files[0].found, before[0].found);
  EXPECT_EQ(signals.at(0).occurrences, 1);
}

TEST_F(FilesTest, OneTargetAfterAnotherHasItsTurnAndKeepsIt) {
  targets = {"a", "b", "c"};
  Settle(0);
  Find(kEnv, "B", 10);
  Settle(15);
  EXPECT_THAT(Firing(), ElementsAre("a"));
  Restart("a", 16, kOutcomeSuccessful);
  Settle(20);
  EXPECT_THAT(Firing(), ElementsAre("b"));
  Find(kEnv, "C", 21);
  Settle(25);
  EXPECT_THAT(Firing(), ElementsAre("b")) << "a has changed again, and waits for its turn";
  Restart("b", 26, kOutcomeSuccessful);
  Settle(30);
  EXPECT_THAT(Firing(), ElementsAre("a"));
}

TEST_F(FilesTest, ATargetThatComesLaterStartsWithWhatThereIs) {
  Settle(0);
  Find(kEnv, "B", 10);
  targets = {"shop", "shop-2"};
  Settle(15);
  EXPECT_EQ(State(1), v1::kFilesCurrent);
  EXPECT_EQ(files[1].paths.at(kEnv), "B");
  targets = {"shop-2"};
  Settle(20);
  EXPECT_EQ(files.size(), 1u);
  EXPECT_THAT(signals, IsEmpty()) << "of a target that is gone nothing fires";
}

TEST_F(FilesTest, WhatCannotBeReadHasNotChanged) {
  Settle(0);
  sight = {};
  sight.message = "/srv/shop/shop.env: No such file or directory";
  Settle(10);
  EXPECT_EQ(State(), v1::kFilesCurrent);
  EXPECT_EQ(files[0].message, sight.message);
  EXPECT_THAT(signals, IsEmpty());
}

TEST_F(FilesTest, ADirectoryThatIsEmptyAllAtOnceIsNotTakenForAChange) {
  Settle(0);
  Find("/srv/shop/migrations", "0", 10);
  sight.empty = {"/srv/shop/migrations"};
  Settle(15);
  EXPECT_EQ(State(), v1::kFilesCurrent);
  EXPECT_THAT(files[0].message, ::testing::HasSubstr("is empty all at once"));
}

TEST_F(FilesTest, AnotherListOfPathsIsNoChange) {
  Settle(0);
  spec.triggers[0].file_change->paths = {kEnv, "/srv/shop/new.env"};
  sight.paths = {{kEnv, "A"}, {"/srv/shop/new.env", "N"}};
  Settle(10);
  EXPECT_EQ(State(), v1::kFilesCurrent);
  EXPECT_EQ(files[0].paths.size(), 2u);
  Find("/srv/shop/new.env", "O", 20);
  Settle(25);
  EXPECT_THAT(Firing(), ElementsAre("shop"));
}

TEST_F(FilesTest, ATriggerThatIsGoneTakesItsSignalAlong) {
  Settle(0);
  Find(kEnv, "B", 10);
  Settle(15);
  spec.triggers.clear();
  Settle(20);
  EXPECT_THAT(files, IsEmpty());
  SettleSignals(spec, {}, {}, 1, After(20), signals);
  EXPECT_THAT(signals, IsEmpty());
}

TEST_F(FilesTest, NamesAreBounded) {
  std::vector<std::string> many(30, "/srv/shop/migrations/x.sql");
  Settle(0);
  Find("/srv/shop/migrations", "M2", 10);
  sight.differences[{"/srv/shop/migrations", "M"}] = many;
  Settle(15);
  EXPECT_EQ(files[0].files.size(), kMaxChangedNames);
  EXPECT_THAT(files[0].reasons, ElementsAre("migrations_changed"));
}

TEST_F(FilesTest, TooManyPathsForOnePolicyAreNotKept) {
  targets.clear();
  for (int i = 0; i < 400; ++i) targets.push_back("t" + std::to_string(1000 + i));
  Settle(0);
  EXPECT_EQ(files.size(), kMaxFileEntries);
}

struct Named {
  const char* path;
  bool directory;
  std::vector<std::string> names;
  const char* want;
};
class Reasons : public ::testing::TestWithParam<Named> {};
TEST_P(Reasons, FollowFromThePath) {
  const Named& c = GetParam();
  EXPECT_THAT(ReasonsFor({}, c.path, c.directory, c.names), ElementsAre(c.want)) << c.path;
}
INSTANTIATE_TEST_SUITE_P(
    All, Reasons,
    ::testing::Values(Named{"/srv/.env", false, {}, "env_changed"},
                      Named{"/srv/shop.env", false, {}, "env_changed"},
                      Named{"/srv/.env.production", false, {}, "env_changed"},
                      Named{"/srv/environment", false, {}, "files_changed"},
                      Named{"/srv/db/config.yaml", false, {}, "files_changed"},
                      Named{"/srv/alembic/versions", true, {}, "migrations_changed"},
                      Named{"/srv/db/schema/", true, {}, "migrations_changed"},
                      Named{"/srv/templates", true, {}, "files_changed"},
                      Named{"/srv/shop", true, {"/srv/shop/.env"}, "env_changed"},
                      Named{"/srv/shop", true, {"/srv/shop/migrate/1.sql"}, "migrations_changed"}));

TEST(Reasons, AreTheTriggersOwnWordWhereItHasOne) {
  v1::FileChangeTrigger trigger;
  trigger.reason = "certificates_changed";
  EXPECT_THAT(ReasonsFor(trigger, "/srv/.env", false, {}), ElementsAre("certificates_changed"));
}

TEST_F(FilesTest, AVerificationOfARestartDoesNotWaitForFilesAndOneOfAFlushDoes) {
  v1::HealingPolicy policy;
  Settle(0);
  Find(kEnv, "B", 10);
  Settle(15);
  policy.spec = spec;
  policy.status.files = files;
  policy.status.signals = signals;
  v1::Incident incident;
  incident.spec.target.name = "shop";
  incident.spec.trigger.source = "File";
  FreshCheck good;
  good.verdict = Verdict::kGood;
  EXPECT_EQ(AwaitFiles(good, policy, incident).verdict, Verdict::kBetween);
  v1::Attempt& attempt = incident.status.attempts.emplace_back();
  attempt.phase = "Verifying";
  attempt.action = "restart";
  EXPECT_EQ(AwaitFiles(good, policy, incident).verdict, Verdict::kGood);
  attempt.action = "redisFlushAll";
  EXPECT_EQ(AwaitFiles(good, policy, incident).verdict, Verdict::kBetween);
  incident.spec.trigger.source = "Probe";
  EXPECT_EQ(AwaitFiles(good, policy, incident).verdict, Verdict::kGood);
}

TEST(RequestedRestart, CountsUntilSomethingWasDone) {
  v1::Incident incident;
  incident.spec.trigger = {"File", kTriggerRequested, "by alice", "2026-11-21T12:00:00Z"};
  ASSERT_TRUE(RequestedIndicator(incident));
  EXPECT_EQ(RequestedIndicator(incident)->state, HealthState::kUnhealthy);
  incident.status.attempts.emplace_back().result.emplace().outcome = "Applied";
  EXPECT_FALSE(RequestedIndicator(incident));
  incident.status.attempts.clear();
  incident.spec.trigger.source = "Manual";
  EXPECT_FALSE(RequestedIndicator(incident));
}

}  // namespace
}  // namespace salve::healing
