// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/pull_requests.h"

#include <gtest/gtest.h>

#include "pkg/base/time_format.h"
#include "pkg/healing/notifications.h"

namespace salve::healing {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr char kMade[] = "pull request #4 made: https://github.com/acme/shop/pull/4";

v1::NotificationStatus Sent(const std::string& message, const std::string& sink = "repo") {
  v1::NotificationStatus entry;
  entry.sink = sink;
  entry.state = kNotificationSent;
  entry.at = "2026-12-01T09:00:00.000000Z";
  entry.message = message;
  return entry;
}

PullRequestEnd Merged() {
  return {true, ParseTime("2026-12-01T12:00:00Z").value(), ParseTime("2026-12-01T09:00:00Z")};
}

v1::IncidentStatus With(const std::vector<v1::NotificationStatus>& entries) {
  v1::IncidentStatus status;
  status.notifications = entries;
  return status;
}

TEST(OpenPullRequestsTest, IsTheFirstThatASinkTellsOf) {
  const auto open = OpenPullRequests(With(
      {Sent("accepted with 202", "hook"), Sent(kMade),
       Sent("pull request #4 commented: https://github.com/acme/shop/pull/4"),
       Sent("issue #3 opened: https://x/3, pull request #9 had been made, event e sent", "b")}));
  ASSERT_EQ(open.size(), 2u);
  EXPECT_EQ(open[0].sink, "repo");
  EXPECT_EQ(open[0].number, 4);
  EXPECT_EQ(FormatTime(open[0].told), "2026-12-01T09:00:00Z");
  EXPECT_EQ(open[1].number, 9);
}

TEST(OpenPullRequestsTest, WhatIsNoNoteIsNone) {
  v1::NotificationStatus pending = Sent(kMade);
  pending.state = kNotificationPending;
  for (const char* text :
       {"pull request #", "pull request #x made", "pull request #0 made", "pull request #-1 made",
        "pull request #99999999999999999999 made", "pull request #4", "no issue to close"}) {
    EXPECT_TRUE(OpenPullRequests(With({Sent(text), pending})).empty()) << text;
  }
}

TEST(NoteEndTest, StandsBeforeTheLinkAndIsNotedOnce) {
  v1::IncidentStatus status = With({Sent(kMade)});
  EXPECT_FALSE(NoteEnd("repo", 5, Merged(), status)) << "another number";
  EXPECT_FALSE(NoteEnd("other", 4, Merged(), status)) << "another sink";
  EXPECT_TRUE(NoteEnd("repo", 4, Merged(), status));
  const std::string noted =
      "pull request #4 made, merged at 2026-12-01T12:00:00Z, after 3h: "
      "https://github.com/acme/shop/pull/4";
  EXPECT_EQ(status.notifications[0].message, noted);
  EXPECT_TRUE(OpenPullRequests(status).empty());
  EXPECT_FALSE(NoteEnd("repo", 4, Merged(), status));
  EXPECT_EQ(status.notifications[0].message, noted);
}

TEST(NoteEndTest, TakesThePlaceOfWhatWasKnownWhenTheMessageWasSent) {
  v1::IncidentStatus status =
      With({Sent("issue #3 opened: https://x/3, pull request #4 had been made, rejected after 2h: "
                 "https://x/4, event error-detected sent")});
  PullRequestEnd end = Merged();
  end.merged = false;
  end.made.reset();
  EXPECT_TRUE(NoteEnd("repo", 4, end, status));
  EXPECT_EQ(status.notifications[0].message,
            "issue #3 opened: https://x/3, pull request #4 had been made, rejected at "
            "2026-12-01T12:00:00Z: https://x/4, event error-detected sent");
}

TEST(NoteEndTest, FindsItsPlaceWithoutALink) {
  v1::IncidentStatus status = With({Sent("pull request #4 made, event error-detected sent")});
  EXPECT_TRUE(NoteEnd("repo", 4, Merged(), status));
  EXPECT_EQ(status.notifications[0].message,
            "pull request #4 made, merged at 2026-12-01T12:00:00Z, after 3h, event error-detected "
            "sent");
}

TEST(TellsOfNewPullRequestTest, AlsoWhereItWasFoundAfterADeathAndNotWhereItIsCommented) {
  EXPECT_TRUE(TellsOfNewPullRequest(Sent(kMade)));
  EXPECT_TRUE(TellsOfNewPullRequest(Sent("pull request #4 had been made, merged after 3h")));
  EXPECT_FALSE(TellsOfNewPullRequest(Sent("pull request #4 commented: https://x/4")));
  EXPECT_FALSE(TellsOfNewPullRequest(Sent("taken")));
}

TEST(IsPullRequestBranchTest, ANameThatBeginsTheSameIsAnothers) {
  EXPECT_TRUE(IsPullRequestBranch("cart-1", "salve/cart-1-89abcdef"));
  EXPECT_FALSE(IsPullRequestBranch("cart-1", "salve/cart-1-2-89abcdef"));
  EXPECT_FALSE(IsPullRequestBranch("cart-1", "salve/cart-12-89abcdef"));
  EXPECT_FALSE(IsPullRequestBranch("cart-1", "main"));
}

TEST(NextLookAfterTest, IsSeldomerTheOlderItIs) {
  EXPECT_EQ(NextLookAfter(seconds(0)), seconds(30));
  EXPECT_EQ(NextLookAfter(hours(1)), std::chrono::minutes(15));
  EXPECT_EQ(NextLookAfter(hours(1000)), hours(6));
  int looks = 0;
  for (Duration open{0}; open < kFollowedFor; open += NextLookAfter(open)) ++looks;
  EXPECT_LT(looks, 450) << "so many requests at most for one that nobody ever looks at";
}

}  // namespace
}  // namespace salve::healing
