// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/pull_requests.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"
#include "pkg/healing/notifications.h"

namespace salve::healing {
namespace {

constexpr std::size_t kMaxMessage = 512;
constexpr std::size_t kMaxName = 150;  // of an incident, in a branch
constexpr std::size_t kPiece = 8;      // what follows it there
constexpr std::string_view kMerged = ", merged at ";
constexpr std::string_view kRejected = ", rejected at ";
constexpr std::chrono::seconds kFirstLook{30};
constexpr std::chrono::hours kSlowestLook{6};

// Where in a message a pull request is told of.
struct Place {
  std::int64_t number = 0;
  std::size_t verb = 0;  // behind the number and a space
  std::size_t end = 0;   // of what is said about it, before ": https://…"
  bool over = false;
};

std::optional<Place> FindPlace(const std::string& message) {
  const std::string_view text = message;
  const std::size_t at = text.find(kPullRequestNote);
  if (at == std::string_view::npos) return std::nullopt;
  const char* begin = text.data() + at + std::string_view(kPullRequestNote).size();
  const char* const limit = text.data() + text.size();
  Place place;
  const auto [digits, error] = std::from_chars(begin, limit, place.number);
  if (error != std::errc() || place.number <= 0 || digits == limit || *digits != ' ') {
    return std::nullopt;
  }
  place.verb = static_cast<std::size_t>(digits - text.data()) + 1;
  // Up to its address, or to what another part of the sink has done.
  place.end = text.size();
  for (const std::string_view stop : {std::string_view(": "), std::string_view(", event ")}) {
    place.end = std::min(place.end, text.find(stop, place.verb));
  }
  const std::string_view said = text.substr(place.verb, place.end - place.verb);
  place.over = said.find(kMerged) != std::string_view::npos ||
               said.find(kRejected) != std::string_view::npos;
  return place;
}

// What is written behind the verb in place of what was known when the message was sent.
std::string Outcome(const PullRequestEnd& end) {
  std::string text(end.merged ? kMerged : kRejected);
  text += FormatTime(end.at);
  if (end.made) text += ", after " + HumanDuration(end.at - *end.made);
  return text;
}

}  // namespace

std::vector<OpenPullRequest> OpenPullRequests(const v1::IncidentStatus& status) {
  std::vector<OpenPullRequest> open;
  std::set<std::string> seen;
  for (const v1::NotificationStatus& entry : status.notifications) {
    if (entry.state != kNotificationSent) continue;
    const auto place = FindPlace(entry.message);
    if (!place || !seen.insert(entry.sink).second || place->over) continue;
    open.push_back({entry.sink, place->number, ParseTime(entry.at).value_or(WallTime{})});
  }
  return open;
}

bool NoteEnd(const std::string& sink, std::int64_t number, const PullRequestEnd& end,
             v1::IncidentStatus& status) {
  for (v1::NotificationStatus& entry : status.notifications) {
    if (entry.sink != sink || entry.state != kNotificationSent) continue;
    const auto place = FindPlace(entry.message);
    if (!place) continue;
    if (place->number != number || place->over) return false;
    const std::size_t comma = std::min(entry.message.find(',', place->verb), place->end);
    entry.message = SanitizeLine(
        entry.message.substr(0, comma) + Outcome(end) + entry.message.substr(place->end),
        kMaxMessage);
    return true;
  }
  return false;
}

bool TellsOfNewPullRequest(const v1::NotificationStatus& entry) {
  if (entry.state != kNotificationSent) return false;
  const auto place = FindPlace(entry.message);
  if (!place) return false;
  const std::string_view verb = std::string_view(entry.message).substr(place->verb);
  return verb.rfind("made", 0) == 0 || verb.rfind("had been made", 0) == 0;
}

std::string PullRequestBranchPrefix(const std::string& incident) {
  return "salve/" + incident.substr(0, kMaxName) + "-";
}

bool IsPullRequestBranch(const std::string& incident, const std::string& branch) {
  const std::string prefix = PullRequestBranchPrefix(incident);
  return branch.size() == prefix.size() + kPiece && branch.rfind(prefix, 0) == 0;
}

Duration NextLookAfter(Duration open) {
  return std::clamp<Duration>(open / 4, kFirstLook, kSlowestLook);
}

}  // namespace salve::healing
