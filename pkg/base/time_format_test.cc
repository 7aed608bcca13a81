// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/time_format.h"

#include <gtest/gtest.h>

namespace salve {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ParseTime, ReadsWhatFormatTimeWrites) {
  for (const char* text : {"1970-01-01T00:00:00Z", "2026-12-01T12:00:00Z", "2024-02-29T23:59:59Z",
                           "1999-12-31T00:00:01Z"}) {
    const auto t = ParseTime(text);
    ASSERT_TRUE(t.has_value()) << text;
    EXPECT_EQ(FormatTime(*t), text);
  }
}

TEST(ParseTime, AppliesTheOffset) {
  EXPECT_EQ(FormatTime(*ParseTime("2026-12-01T12:00:00+02:00")), "2026-12-01T10:00:00Z");
  EXPECT_EQ(FormatTime(*ParseTime("2026-12-31T23:30:00-01:00")), "2027-01-01T00:30:00Z");
}

TEST(ParseTime, KeepsFractionsToTheNanosecond) {
  const auto t = ParseTime("2026-12-01T12:00:00.123456789Z");
  ASSERT_TRUE(t.has_value());
  EXPECT_EQ(FormatMicroTime(*t), "2026-12-01T12:00:00.123456Z");
  EXPECT_EQ(t->time_since_epoch().count() % 1000, 789);
}

TEST(ParseTime, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "now", "2026-12-01", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-12-01T24:00:00Z", "2026-12-01T00:60:00Z", "2026-12-01T00:00:00",
        "2026-12-01 00:00:00Z", "2026-12-01T00:00:00.Z", "2026-12-01T00:00:00.1234567890Z",
        "2026-12-01T00:00:00+25:00", "9999-12-01T00:00:00Z", "-026-12-01T00:00:00Z",
        "2026-12-01T00:00:00Zjunk"}) {
    EXPECT_FALSE(ParseTime(text).has_value()) << text;
  }
}

TEST(FormatMicroTime, RoundsTowardsThePastBeforeTheEpoch) {
  EXPECT_EQ(FormatTime(WallTime(Duration(-1))), "1969-12-31T23:59:59Z");
}

// The thresholds are those of kubectl: k8s.io/apimachinery/pkg/util/duration.HumanDuration.
TEST(HumanDuration, PrintsLikeKubectl) {
  const std::pair<Duration, const char*> cases[] = {
      {seconds(-5), "0s"},       {seconds(61), "61s"},       {seconds(119), "119s"},
      {seconds(120), "2m"},      {seconds(265), "4m25s"},    {minutes(10), "10m"},
      {minutes(179), "179m"},    {minutes(303), "5h3m"},     {hours(8), "8h"},
      {hours(47), "47h"},        {hours(50), "2d2h"},        {hours(24 * 8), "8d"},
      {hours(24 * 729), "729d"}, {hours(24 * 760), "2y30d"}, {hours(24 * 365 * 9), "9y"},
  };
  for (const auto& [d, want] : cases) EXPECT_EQ(HumanDuration(d), want);
}

}  // namespace
}  // namespace salve
