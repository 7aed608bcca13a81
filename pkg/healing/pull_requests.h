// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_PULL_REQUESTS_H_
#define SALVE_PKG_HEALING_PULL_REQUESTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"
#include "pkg/healing/types.h"

// The pull requests that incidents were told of by, and what became of them. They stand where their
// links stand: in the messages of status.notifications, as
//   pull request #4 made: https://…
//   pull request #4 made, merged at 2026-12-01T12:00:00Z, after 3h: https://…
// The second form is the note that it is over; what is noted so is not looked at again. Pure.
namespace salve::healing {

// What such a note begins with, before the number.
inline constexpr char kPullRequestNote[] = "pull request #";

// How a pull request ended.
struct PullRequestEnd {
  bool merged = false;  // else it was closed without
  WallTime at{};
  std::optional<WallTime> made;  // when it was opened
};

// One that an incident tells of and whose end is not noted.
struct OpenPullRequest {
  std::string sink;
  std::int64_t number = 0;
  WallTime told{};  // when the message that made it was sent
};

// At most one of each sink: that of the first message that tells of one.
std::vector<OpenPullRequest> OpenPullRequests(const v1::IncidentStatus& status);

// Notes the end of the sink's pull request of that number. False: the incident tells of no such
// one, or its end is noted already.
bool NoteEnd(const std::string& sink, std::int64_t number, const PullRequestEnd& end,
             v1::IncidentStatus& status);

// Whether a message that was sent says that it made a pull request (or had, before Salve died).
bool TellsOfNewPullRequest(const v1::NotificationStatus& entry);

// The branch of an incident's pull request is named so, with a piece of its own behind.
std::string PullRequestBranchPrefix(const std::string& incident);
// Whether `branch` is that of the incident: what anybody else tells of a number is not believed
// without.
bool IsPullRequestBranch(const std::string& incident, const std::string& branch);

// When a pull request that has been open for so long is looked at next, where nobody tells: each
// time when it has become a quarter older, at least half a minute and at most six hours later.
Duration NextLookAfter(Duration open);
// No longer than that.
inline constexpr std::chrono::hours kFollowedFor{90 * 24};

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_PULL_REQUESTS_H_
