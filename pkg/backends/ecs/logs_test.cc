// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/task_size.h"
#include "pkg/backends/ecs/testing/ecs_fixture.h"

namespace salve::backends::ecs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Logging : public EcsTest {
 protected:
  void Say(const std::string& text, Duration ago, const std::string& stream = "web/app/1") {
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(
        (clock.Now() - ago).time_since_epoch());
    ecs.log_events["/demo"].push_back(
        {{"logStreamName", stream}, {"timestamp", at.count()}, {"message", text}});
  }
  std::vector<std::string> Lines(int most = 100) {
    auto lines = backend->Logs(Web(), most, Soon());
    EXPECT_TRUE(lines.ok()) << lines.status();
    return lines.ok() ? *lines : std::vector<std::string>{};
  }
};

TEST_F(Logging, TheNewestLinesComeOldestFirstFromItsOwnStreams) {
  Serving();
  Say("too old", minutes(16));
  Say("older", minutes(10));
  Say("of somebody else", minutes(5), "other/app/1");
  Say("newer\x1b[31m", seconds(5));
  EXPECT_THAT(Lines(), ElementsAre("older", "newer [31m"));
  EXPECT_THAT(Lines(1), ElementsAre("newer [31m"));
  EXPECT_EQ(ecs.Last("FilterLogEvents")["logStreamNamePrefix"], "web/app/");
}

TEST_F(Logging, PagesAreFollowedAlsoWhereOneIsEmpty) {
  Serving();
  ecs.log_page = 2;
  for (int i = 0; i < 5; ++i) Say("line " + std::to_string(i), minutes(5));
  EXPECT_THAT(Lines(3), ElementsAre("line 2", "line 3", "line 4"));
}

TEST_F(Logging, WhatIsTooMuchToReadIsReadFromItsEnd) {
  Serving();
  ecs.log_page = 2;
  for (int i = 0; i < 100; ++i) Say("noise", minutes(5));
  Say("the end", seconds(5));
  EXPECT_EQ(Lines(3).back(), "the end");
}

TEST_F(Logging, AServiceThatLogsElsewhereHasASentence) {
  ecs.Register("web", {{"logConfiguration", {{"logDriver", "splunk"}}}});
  ecs.AddService("web", 1);
  EXPECT_THAT(Lines(), ElementsAre(HasSubstr("no container of web:1 logs to CloudWatch")));
}

TEST_F(Logging, AMissingLogGroupIsASentence) {
  Serving();
  ecs.Fail("FilterLogEvents",
           NotFoundError("logs:FilterLogEvents").WithReason("ResourceNotFoundException"), false,
           -1);
  EXPECT_THAT(Lines(), ElementsAre(HasSubstr("there is no log group /demo")));
}

TEST_F(Logging, ACallThatFailsIsAnError) {
  Serving();
  ecs.Fail("FilterLogEvents", UnavailableError("HTTP 503"), false, -1);
  EXPECT_EQ(backend->Logs(Web(), 10, Soon()).code(), Code::kUnavailable);
}

TEST(FargateMemory, IsTheNextSizeThatThereIs) {
  EXPECT_EQ(FargateMemory(256, 100), 512);
  EXPECT_EQ(FargateMemory(256, 513), 1024);
  EXPECT_EQ(FargateMemory(256, 2049), 0);
  EXPECT_EQ(FargateMemory(1024, 100), 2048);
  EXPECT_EQ(FargateMemory(1024, 2049), 3072);
  EXPECT_EQ(FargateMemory(8192, 16385), 20480);
  EXPECT_EQ(FargateMemory(16384, 122880), 122880);
  EXPECT_EQ(FargateMemory(300, 100), 0);
}

}  // namespace
}  // namespace salve::backends::ecs::testing
