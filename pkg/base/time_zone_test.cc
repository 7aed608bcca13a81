// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/time_zone.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/time_format.h"

namespace salve {
namespace {

using std::chrono::seconds;

WallTime At(const std::string& text) {
  const auto time = ParseTime(text);
  EXPECT_TRUE(time.has_value()) << text;
  return time.value_or(WallTime());
}

// "2026-03-29T03:00:00" on a wall clock.
CivilSecond Civil(const std::string& text) {
  const auto as_if_utc = std::chrono::time_point_cast<seconds>(At(text + "Z"));
  return CivilSecond(as_if_utc.time_since_epoch());
}

std::string Shown(CivilSecond civil) {
  const std::string text = FormatTime(WallTime(civil.time_since_epoch()));
  return text.substr(0, text.size() - 1);
}

std::shared_ptr<const TimeZone> Zone(const std::string& name) {
  const auto zone = SystemTimeZones().Find(name);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.value();
}

std::string Local(const std::string& zone, const std::string& utc) {
  return Shown(Zone(zone)->ToLocal(At(utc)));
}
std::string Utc(const std::string& zone, const std::string& civil) {
  return FormatTime(Zone(zone)->ToUtc(Civil(civil)));
}

TEST(TimeZone, ShowsWinterAndSummerTime) {
  EXPECT_EQ(Local("Europe/Berlin", "2026-01-01T00:00:00Z"), "2026-01-01T01:00:00");
  EXPECT_EQ(Local("Europe/Berlin", "2026-07-01T00:00:00Z"), "2026-07-01T02:00:00");
  EXPECT_EQ(Local("America/New_York", "2026-07-01T00:00:00Z"), "2026-06-30T20:00:00");
  EXPECT_EQ(Local("Asia/Kathmandu", "2026-07-01T00:00:00Z"), "2026-07-01T05:45:00");
  EXPECT_EQ(Local("UTC", "2026-07-01T00:00:00Z"), "2026-07-01T00:00:00");
}

TEST(TimeZone, FollowsTheYearlyRuleLongAfterTheLastTransitionInTheFile) {
  EXPECT_EQ(Local("Europe/Berlin", "2090-01-15T12:00:00Z"), "2090-01-15T13:00:00");
  EXPECT_EQ(Local("Europe/Berlin", "2090-07-15T12:00:00Z"), "2090-07-15T14:00:00");
  // Summer is from October to April in the south.
  EXPECT_EQ(Local("Australia/Sydney", "2090-01-15T12:00:00Z"), "2090-01-15T23:00:00");
  EXPECT_EQ(Local("Australia/Sydney", "2090-07-15T12:00:00Z"), "2090-07-15T22:00:00");
}

TEST(TimeZone, SwitchesAtTheVerySecond) {
  EXPECT_EQ(Local("Europe/Berlin", "2026-03-29T00:59:59Z"), "2026-03-29T01:59:59");
  EXPECT_EQ(Local("Europe/Berlin", "2026-03-29T01:00:00Z"), "2026-03-29T03:00:00");
  EXPECT_EQ(Local("Europe/Berlin", "2026-10-25T00:59:59Z"), "2026-10-25T02:59:59");
  EXPECT_EQ(Local("Europe/Berlin", "2026-10-25T01:00:00Z"), "2026-10-25T02:00:00");
}

TEST(TimeZone, ATimeInTheGapIsTheEndOfTheGap) {
  EXPECT_EQ(Utc("Europe/Berlin", "2026-03-29T01:59:59"), "2026-03-29T00:59:59Z");
  EXPECT_EQ(Utc("Europe/Berlin", "2026-03-29T02:00:00"), "2026-03-29T01:00:00Z");
  EXPECT_EQ(Utc("Europe/Berlin", "2026-03-29T02:30:00"), "2026-03-29T01:00:00Z");
  EXPECT_EQ(Utc("Europe/Berlin", "2026-03-29T02:59:59"), "2026-03-29T01:00:00Z");
  EXPECT_EQ(Utc("Europe/Berlin", "2026-03-29T03:00:00"), "2026-03-29T01:00:00Z");
  EXPECT_EQ(Utc("Europe/Berlin", "2026-03-29T03:00:01"), "2026-03-29T01:00:01Z");
}

TEST(TimeZone, ATimeThatComesTwiceIsTheFirst) {
  EXPECT_EQ(Utc("Europe/Berlin", "2026-10-25T01:59:59"), "2026-10-24T23:59:59Z");
  EXPECT_EQ(Utc("Europe/Berlin", "2026-10-25T02:00:00"), "2026-10-25T00:00:00Z");
  EXPECT_EQ(Utc("Europe/Berlin", "2026-10-25T02:59:59"), "2026-10-25T00:59:59Z");
  EXPECT_EQ(Utc("Europe/Berlin", "2026-10-25T03:00:00"), "2026-10-25T02:00:00Z");
}

TEST(TimeZone, ThereAndBackIsTheSameMomentAwayFromTheJumps) {
  for (const char* name :
       {"Europe/Berlin", "America/St_Johns", "Asia/Tokyo", "Australia/Lord_Howe"}) {
    const auto zone = Zone(name);
    // Every 17 hours for three years, left out where a clock shows the same time twice.
    for (WallTime t = At("2025-01-01T00:00:00Z"); t < At("2028-01-01T00:00:00Z");
         t += std::chrono::hours(17)) {
      const WallTime back = zone->ToUtc(zone->ToLocal(t));
      if (back == t) continue;
      EXPECT_LT(back, t) << name << " " << FormatTime(t);
      EXPECT_EQ(zone->ToLocal(back), zone->ToLocal(t)) << name << " " << FormatTime(t);
    }
  }
}

TEST(TimeZones, NamesThatAreNoneAreRefusedBeforeAnyFileIsRead) {
  for (const char* name :
       {"../../etc/passwd", "/etc/passwd", "Europe/../../x", "", "Europe/Berlin\n"}) {
    const auto zone = SystemTimeZones().Find(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_EQ(zone.code(), Code::kInvalidArgument) << name << " " << zone.status();
  }
  EXPECT_EQ(SystemTimeZones().Find("Mars/Olympus").code(), Code::kNotFound);
}

TEST(TimeZones, AFileThatIsNoTimeZoneIsRefused) {
  EXPECT_FALSE(TimeZone::FromTzif("x", "").ok());
  EXPECT_FALSE(TimeZone::FromTzif("x", "TZif2").ok());
  const auto berlin = SystemFiles().Read("/usr/share/zoneinfo/Europe/Berlin", 1 << 20);
  ASSERT_TRUE(berlin.ok()) << berlin.status();
  ASSERT_TRUE(TimeZone::FromTzif("x", *berlin).ok());
  for (std::size_t size = 0; size + 1 < berlin->size(); size += 7) {
    EXPECT_FALSE(TimeZone::FromTzif("x", berlin->substr(0, size)).ok()) << "cut at " << size;
  }
}

TEST(PosixZone, ReadsTheRulesAndRefusesNonsense) {
  const auto berlin = internal::ParsePosixZone("CET-1CEST,M3.5.0,M10.5.0/3");
  ASSERT_TRUE(berlin.has_value());
  EXPECT_EQ(berlin->standard_offset, 3600);
  EXPECT_EQ(berlin->daylight_offset, 7200);
  EXPECT_EQ(berlin->end.seconds, 3 * 3600);
  const auto fixed = internal::ParsePosixZone("<+0545>-5:45");
  ASSERT_TRUE(fixed.has_value());
  EXPECT_FALSE(fixed->has_daylight);
  EXPECT_EQ(fixed->standard_offset, 20700);
  for (const char* text : {"", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
                           "CET-1CEST,M3.5.0,M10.5.0x", "<+05-5"}) {
    EXPECT_FALSE(internal::ParsePosixZone(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace salve
