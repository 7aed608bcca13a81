// SPDX-License-Identifier: Apache-2.0
#include "pkg/files/poller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"
#include "pkg/files/testing/fake_reader.h"

namespace salve::files {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

class PollerTest : public ::testing::Test {
 protected:
  PollerTest()
      : clock(*ParseTime("2026-11-21T12:00:00Z")),
        poller(std::make_unique<testing::FakeReader>(disk), clock,
               [this](const Poller::Name& changed) { told.push_back(changed.ToString()); }) {
    disk.Write("/srv/.env", "A");
    poller.Set(policy, {{"config", {"/srv/.env", "/srv/m"}, seconds(5)}});
    disk.Write("/srv/m/1.sql", "1");
  }
  void Look(int after) {
    clock.Advance(seconds(after));
    poller.LookOnce();
  }
  healing::FileSight Sight() { return poller.Seen(policy).at("config").sight; }

  const Poller::Name policy{"shop", "web"};
  SimulatedClock clock;
  testing::FakeDisk disk;
  std::vector<std::string> told;
  Poller poller;
};

TEST_F(PollerTest, TellsWhatHasBeenTheSameForItsDebounce) {
  Look(0);
  Look(4);
  EXPECT_TRUE(poller.Seen(policy).empty());
  Look(1);
  EXPECT_THAT(told, ElementsAre("shop/web"));
  EXPECT_EQ(Sight().paths.size(), 2u);
  Look(60);
  EXPECT_EQ(told.size(), 1u) << "nothing new";
}

TEST_F(PollerTest, AContentThatDoesNotLastIsNeverTold) {
  Look(0);
  Look(5);
  const auto before = Sight().paths;
  disk.Write("/srv/.env", "half");
  Look(2);
  disk.Write("/srv/.env", "A");
  Look(2);
  Look(10);
  EXPECT_EQ(told.size(), 1u);
  EXPECT_EQ(Sight().paths, before);
}

TEST_F(PollerTest, EachNewContentBeginsTheWaitAnew) {
  Look(0);
  Look(5);
  for (int i = 0; i < 10; ++i) {
    disk.Write("/srv/.env", "B" + std::to_string(i));
    Look(3);
  }
  EXPECT_EQ(told.size(), 1u);
  const MonoTime last = clock.Monotonic();
  Look(5);
  EXPECT_EQ(told.size(), 2u);
  EXPECT_EQ(poller.Seen(policy).at("config").since, last);
}

TEST_F(PollerTest, NamesWhatDiffersInADirectory) {
  Look(0);
  Look(5);
  const std::string before = Sight().paths.at("/srv/m");
  disk.Write("/srv/m/2.sql", "2");
  Look(1);
  Look(5);
  const healing::FileSight sight = Sight();
  EXPECT_THAT(sight.differences.at({"/srv/m", before}), ElementsAre("/srv/m/2.sql"));
  EXPECT_EQ(sight.directories.count("/srv/m"), 1u);
}

TEST_F(PollerTest, WhatCannotBeReadIsToldAfterTheSameTime) {
  disk.Fail("/srv/.env", NotFoundError("/srv/.env: No such file or directory"));
  Look(0);
  Look(5);
  EXPECT_EQ(Sight().message, "/srv/.env: No such file or directory");
  EXPECT_TRUE(Sight().paths.empty());
}

TEST_F(PollerTest, AFileThatChangesRightNowIsLookedAtAgain) {
  Look(0);
  Look(5);
  disk.Fail("/srv/.env", AbortedError("it changes"));
  Look(100);
  EXPECT_EQ(told.size(), 1u);
  EXPECT_EQ(Sight().message, "");
}

TEST_F(PollerTest, AnotherListOfPathsIsLookedAtAnew) {
  Look(0);
  Look(5);
  poller.Set(policy, {{"config", {"/srv/.env"}, seconds(5)}});
  EXPECT_TRUE(poller.Seen(policy).empty());
  poller.Set(policy, {});
  Look(5);
  Look(5);
  EXPECT_EQ(told.size(), 1u) << "forgotten";
}

TEST_F(PollerTest, ItsThreadLooksByTheClockAndStops) {
  poller.Start();
  while (poller.Seen(policy).empty()) {
    if (clock.NextDeadline() != MonoTime::max()) clock.Advance(seconds(2));
  }
  poller.Stop();
  EXPECT_EQ(Sight().paths.size(), 2u);
}

}  // namespace
}  // namespace salve::files
