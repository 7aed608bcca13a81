// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/cron.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"

namespace salve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Times in tests are UTC texts; a wall clock that never jumps is UTC's.
WallTime At(const std::string& text) {
  const auto time = ParseTime(text);
  EXPECT_TRUE(time.has_value()) << text;
  return time.value_or(WallTime());
}

Cron Line(const std::string& text) {
  const auto cron = Cron::Parse(text);
  EXPECT_TRUE(cron.ok()) << text << ": " << cron.status();
  return cron.value();
}

std::shared_ptr<const TimeZone> Zone(const std::string& name) {
  const auto zone = SystemTimeZones().Find(name);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.value();
}

// The next `count` firings after `after`.
std::vector<std::string> Next(const std::string& line, const std::string& zone,
                              const std::string& after, int count) {
  const Cron cron = Line(line);
  std::vector<std::string> times;
  WallTime t = At(after);
  for (int i = 0; i < count; ++i) {
    const auto next = NextFire(cron, *Zone(zone), t);
    if (!next) break;
    times.push_back(FormatTime(*next));
    t = *next;
  }
  return times;
}

std::string Previous(const std::string& line, const std::string& zone, const std::string& at) {
  const auto previous = PrevFire(Line(line), *Zone(zone), At(at));
  return previous ? FormatTime(*previous) : "none";
}

TEST(Cron, FiresAtTheMinutesThatItsFieldsName) {
  struct Case {
    const char* line;
    const char* next;
    const char* after_that;
  };
  // After Friday 2 January 2026, 03:04:05.
  for (const Case& c : std::vector<Case>{
           {"* * * * *", "2026-01-02T03:05:00Z", "2026-01-02T03:06:00Z"},
           {"*/15 * * * *", "2026-01-02T03:15:00Z", "2026-01-02T03:30:00Z"},
           {"5/20 3 * * *", "2026-01-02T03:05:00Z", "2026-01-02T03:25:00Z"},
           {"0 8-18/5 * * *", "2026-01-02T08:00:00Z", "2026-01-02T13:00:00Z"},
           {"30 2 * * *", "2026-01-03T02:30:00Z", "2026-01-04T02:30:00Z"},
           {"0 18 * * FRI", "2026-01-02T18:00:00Z", "2026-01-09T18:00:00Z"},
           {"0 0 * * 0", "2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"},
           {"0 0 * * 7", "2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"},
           {"0 0 * * 5-7", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"},
           {"0 0 1 jan,JUL *", "2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"},
           {"0 0 29 2 *", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"},
           {"0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"},
       }) {
    EXPECT_THAT(Next(c.line, "UTC", "2026-01-02T03:04:05Z", 2), ElementsAre(c.next, c.after_that))
        << c.line;
  }
}

TEST(Cron, WithBothDayFieldsEitherIsEnough) {
  // The 13th and every Friday, as in Vixie's cron: not only Fridays the 13th.
  EXPECT_THAT(Next("0 0 13 * FRI", "UTC", "2026-01-08T00:00:00Z", 4),
              ElementsAre("2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z",
                          "2026-01-23T00:00:00Z"));
  // A field that begins with * does not count as given.
  EXPECT_THAT(Next("0 0 */2 * FRI", "UTC", "2026-01-08T00:00:00Z", 2),
              ElementsAre("2026-01-09T00:00:00Z", "2026-01-23T00:00:00Z"));
}

TEST(Cron, NextIsLaterThanItsArgumentAndPreviousMayBeIt) {
  EXPECT_THAT(Next("0 18 * * *", "UTC", "2026-01-02T18:00:00Z", 1),
              ElementsAre("2026-01-03T18:00:00Z"));
  EXPECT_EQ(Previous("0 18 * * *", "UTC", "2026-01-02T18:00:00Z"), "2026-01-02T18:00:00Z");
  EXPECT_EQ(Previous("0 18 * * *", "UTC", "2026-01-02T18:00:59Z"), "2026-01-02T18:00:00Z");
  EXPECT_EQ(Previous("0 18 * * *", "UTC", "2026-01-02T17:59:59Z"), "2026-01-01T18:00:00Z");
  EXPECT_EQ(Previous("0 0 29 2 *", "UTC", "2026-01-02T00:00:00Z"), "2024-02-29T00:00:00Z");
}

TEST(Cron, RefusesWhatIsNoLineAndNamesTheField) {
  struct Case {
    const char* line;
    const char* word;
  };
  for (const Case& c : std::vector<Case>{
           {"", "five"},
           {"* * * *", "five"},
           {"* * * * * *", "five"},
           {"60 * * * *", "minute"},
           {"* 24 * * *", "hour"},
           {"* * 0 * *", "day of month"},
           {"* * 32 * *", "day of month"},
           {"* * * 13 *", "month"},
           {"* * * * 8", "day of week"},
           {"* * * * XYZ", "day of week"},
           {"5-1 * * * *", "minute"},
           {"* * * * FRI-SUN", "day of week"},  // as in Vixie's: SUN is 0; write FRI-7
           {"*/0 * * * *", "minute"},
           {"1,,2 * * * *", "minute"},
           {"1- * * * *", "minute"},
           {"-1 * * * *", "minute"},
           {"1.5 * * * *", "minute"},
           {"99999999999999999999 * * * *", "minute"},
           {"0 0 30 2 *", "never"},
           {"0 0 31 4,6,9,11 *", "never"},
       }) {
    const auto cron = Cron::Parse(c.line);
    ASSERT_FALSE(cron.ok()) << c.line;
    EXPECT_EQ(cron.code(), Code::kInvalidArgument);
    EXPECT_THAT(cron.status().message(), HasSubstr(c.word)) << c.line;
  }
}

// On 29 March 2026 Berlin's clocks jump from 02:00 to 03:00 (01:00 UTC).
TEST(CronInBerlin, AnHourThatIsSkippedFiresOnceAtTheEndOfTheGap) {
  EXPECT_THAT(Next("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3),
              ElementsAre("2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"));
  EXPECT_EQ(Previous("30 2 * * *", "Europe/Berlin", "2026-03-29T12:00:00Z"),
            "2026-03-29T01:00:00Z");
  EXPECT_EQ(Previous("30 2 * * *", "Europe/Berlin", "2026-03-29T00:59:59Z"),
            "2026-03-28T01:30:00Z");
}

// On 25 October 2026 they go from 03:00 back to 02:00 (01:00 UTC).
TEST(CronInBerlin, AnHourThatComesTwiceFiresOnceTheFirstTime) {
  EXPECT_THAT(Next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
              ElementsAre("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"));
  EXPECT_EQ(Previous("30 2 * * *", "Europe/Berlin", "2026-10-25T01:45:00Z"),
            "2026-10-25T00:30:00Z");
}

TEST(CronInBerlin, KeepsItsHourThroughSummerAndWinter) {
  EXPECT_THAT(Next("0 18 * * FRI", "Europe/Berlin", "2026-03-26T00:00:00Z", 2),
              ElementsAre("2026-03-27T17:00:00Z", "2026-04-03T16:00:00Z"));
}

}  // namespace
}  // namespace salve
