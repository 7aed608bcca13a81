// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

using testing::At;

OwnedWindow Window(const std::string& kind, const std::string& cron, std::int64_t seconds,
                   const std::string& zone = "", bool glass = false,
                   const std::string& owner = "policy") {
  OwnedWindow owned;
  owned.owner = owner;
  owned.window.kind = kind;
  owned.window.cron = cron;
  owned.window.duration_seconds = seconds;
  owned.window.time_zone = zone;
  owned.window.break_glass = glass;
  return owned;
}

WindowView See(const std::vector<OwnedWindow>& windows, const std::string& at) {
  return EvaluateWindows(windows, SystemTimeZones(), At(at));
}

constexpr char kBerlin[] = "Europe/Berlin";

TEST(Windows, TheWeekendFreezeFollowsTheTimeZone) {
  // Friday 18:00 to Monday 6:00 in Berlin (winter: UTC+1).
  const std::vector<OwnedWindow> freeze = {Window("Deny", "0 18 * * FRI", 216000, kBerlin)};
  EXPECT_TRUE(See(freeze, "2026-12-04T16:59:59Z").allowed);
  const WindowView closed = See(freeze, "2026-12-04T17:00:00Z");
  EXPECT_FALSE(closed.allowed);
  EXPECT_EQ(FormatTime(*closed.changes_at), "2026-12-07T05:00:00Z");
  EXPECT_FALSE(See(freeze, "2026-12-07T04:59:59Z").allowed);
  EXPECT_TRUE(See(freeze, "2026-12-07T05:00:00Z").allowed);
}

TEST(Windows, ASpanOverTheEndOfSummerTimeLastsItsSeconds) {
  // Clocks go back on 25 October 2026; 12 h from Saturday 20:00 summer time end at 7:00 winter
  // time.
  const std::vector<OwnedWindow> freeze = {Window("Deny", "0 20 * * SAT", 12 * 3600, kBerlin)};
  EXPECT_FALSE(See(freeze, "2026-10-25T05:59:59Z").allowed);
  EXPECT_TRUE(See(freeze, "2026-10-25T06:00:00Z").allowed);
}

TEST(Windows, AllowWindowsOfOneOwnerAreAUnion) {
  const std::vector<OwnedWindow> hours = {Window("Allow", "0 9 * * *", 3600),
                                          Window("Allow", "0 14 * * *", 3600)};
  EXPECT_TRUE(See(hours, "2026-12-01T09:30:00Z").allowed);
  EXPECT_TRUE(See(hours, "2026-12-01T14:30:00Z").allowed);
  const WindowView between = See(hours, "2026-12-01T12:00:00Z");
  EXPECT_FALSE(between.allowed);
  EXPECT_EQ(FormatTime(*between.changes_at), "2026-12-01T14:00:00Z");
}

TEST(Windows, EveryOwnerMustAllow) {
  const std::vector<OwnedWindow> hours = {
      Window("Allow", "0 9 * * *", 3600),
      Window("Allow", "30 9 * * *", 3600, "", false, "guardrail g")};
  EXPECT_FALSE(See(hours, "2026-12-01T09:15:00Z").allowed);
  EXPECT_TRUE(See(hours, "2026-12-01T09:45:00Z").allowed);
  EXPECT_EQ(FormatTime(*See(hours, "2026-12-01T10:15:00Z").changes_at), "2026-12-02T09:30:00Z");
}

TEST(Windows, DenyWins) {
  const std::vector<OwnedWindow> both = {Window("Allow", "0 9 * * *", 7200),
                                         Window("Deny", "0 10 * * *", 1800)};
  EXPECT_TRUE(See(both, "2026-12-01T09:59:00Z").allowed);
  const WindowView denied = See(both, "2026-12-01T10:10:00Z");
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(FormatTime(*denied.changes_at), "2026-12-01T10:30:00Z");
}

TEST(Windows, BackToBackDenialsAreFollowedToTheirEnd) {
  const std::vector<OwnedWindow> nights = {Window("Deny", "0 0 * * *", 12 * 3600),
                                           Window("Deny", "0 12 * * MON-THU", 12 * 3600)};
  // Monday 2026-11-30: closed until Friday noon.
  EXPECT_EQ(FormatTime(*See(nights, "2026-11-30T01:00:00Z").changes_at), "2026-12-04T12:00:00Z");
}

TEST(Windows, ADenialWithoutAnEndHasNoTime) {
  const WindowView view = See({Window("Deny", "0 0 * * *", 86400)}, "2026-12-01T12:00:00Z");
  EXPECT_FALSE(view.allowed);
  EXPECT_FALSE(view.changes_at);
}

TEST(Windows, GlassBreaksOnlyIfEveryDenialHasIt) {
  std::vector<OwnedWindow> windows = {Window("Deny", "0 0 * * *", 86000, "", true)};
  EXPECT_TRUE(See(windows, "2026-12-01T12:00:00Z").break_glass);
  windows.push_back(Window("Deny", "0 0 * * *", 86000, "", false, "guardrail g"));
  EXPECT_FALSE(See(windows, "2026-12-01T12:00:00Z").break_glass);
}

TEST(Windows, WhatCannotBeEvaluatedDeniesWithoutGlass) {
  for (const OwnedWindow& bad : {Window("Allow", "nonsense", 60, "", true),
                                 Window("Allow", "* * * * *", 60, "Mars/Olympus", true)}) {
    const WindowView view = See({bad}, "2026-12-01T12:00:00Z");
    EXPECT_FALSE(view.allowed);
    EXPECT_FALSE(view.break_glass);
    EXPECT_FALSE(view.changes_at);
    EXPECT_THAT(view.message, ::testing::HasSubstr("cannot be evaluated"));
  }
}

}  // namespace
}  // namespace salve::healing
