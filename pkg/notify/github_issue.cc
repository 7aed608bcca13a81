// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_issue.h"

#include <algorithm>

#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"
#include "pkg/notify/github_text.h"

namespace salve::notify {
namespace {

using nlohmann::json;

constexpr std::size_t kPage = 100;  // the most that GitHub gives at once
constexpr int kMaxIssuePages = 10;
constexpr int kMaxCommentPages = 5;
constexpr std::size_t kMaxUrl = 300;
constexpr std::size_t kMaxRemembered = 1000;
constexpr std::chrono::minutes kClocksDiffer{10};
constexpr char kRight[] = "Issues: read and write";

std::string Numbered(std::int64_t number) { return "#" + std::to_string(number); }

std::string PathOf(std::int64_t number) { return "/issues/" + std::to_string(number); }

// An address as it may be shown, else "".
std::string Shown(const std::string& url) {
  const bool scheme = url.rfind("https://", 0) == 0 || url.rfind("http://", 0) == 0;
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 127; });
  return scheme && plain && url.size() <= kMaxUrl ? url : "";
}

std::string At(const GithubThread& issue) { return issue.url.empty() ? "" : ": " + issue.url; }

bool Holds(const std::string& text, const std::string& marker) {
  return text.find(marker) != std::string::npos;
}

}  // namespace

std::optional<GithubThread> ReadGithubThread(const json& value) {
  GithubThread out;
  out.number = GetInt(value, {"number"});
  if (out.number <= 0) return std::nullopt;
  out.url = Shown(GetString(value, {"html_url"}));
  out.body = GetString(value, {"body"});
  out.open = GetString(value, {"state"}) != "closed";
  out.locked = GetBool(value, {"locked"});
  out.reason = GetString(value, {"state_reason"});
  return out;
}

Status CommentOnce(GithubApi& api, std::int64_t number, const healing::Message& message,
                   const SendContext& context) {
  const std::string path = PathOf(number) + "/comments";
  const std::string marker = MessageMarker(message);
  const auto reached = ParseTime(message.at);
  for (int page = 1; page <= kMaxCommentPages; ++page) {
    GithubCall list{"looking through the comments on " + Numbered(number), kRight, "GET", path};
    if (reached) list.query.Add("since", FormatTime(*reached - kClocksDiffer));
    list.query.Add("per_page", std::to_string(kPage));
    list.query.Add("page", std::to_string(page));
    SALVE_ASSIGN_OR_RETURN(const json comments, api.Call(list, context));
    if (!comments.is_array()) break;
    for (const json& comment : comments) {
      if (Holds(GetString(comment, {"body"}), marker)) return Status::Ok();
    }
    if (comments.size() < kPage) break;
  }
  const GithubCall add{"commenting on " + Numbered(number), kRight, "POST", path, {},
                       {{"body", GithubBody(message)}}};
  return api.Call(add, context).status();
}

void GithubIssues::Remember(const std::string& thread, std::int64_t number) {
  if (numbers_.size() >= kMaxRemembered) numbers_.clear();
  numbers_[thread] = number;
}

StatusOr<std::optional<GithubThread>> GithubIssues::LookThroughAll(const healing::Message& message,
                                                                   const SendContext& context) {
  const std::string marker = ThreadMarker(message);
  for (int page = 1; page <= kMaxIssuePages; ++page) {
    const GithubCall list{"looking for the incident's issue",
                          kRight,
                          "GET",
                          "/issues",
                          {{"labels", configuration_.labels.front()},
                           {"state", "all"},
                           {"sort", "created"},
                           {"direction", "desc"},
                           {"per_page", std::to_string(kPage)},
                           {"page", std::to_string(page)}}};
    SALVE_ASSIGN_OR_RETURN(const json issues, api_.Call(list, context));
    if (!issues.is_array()) return UnavailableError("GitHub's list of issues is none");
    for (const json& one : issues) {
      if (Find(one, {"pull_request"}) != nullptr) continue;
      auto issue = ReadGithubThread(one);
      if (issue && Holds(issue->body, marker)) return issue;
    }
    if (issues.size() < kPage) break;
  }
  return std::optional<GithubThread>();
}

StatusOr<std::optional<GithubThread>> GithubIssues::Look(const healing::Message& message,
                                                         const SendContext& context) {
  const auto known = numbers_.find(message.thread);
  if (known == numbers_.end()) return LookThroughAll(message, context);
  const GithubCall get{"looking at " + Numbered(known->second), kRight, "GET",
                       PathOf(known->second)};
  const auto answer = api_.Call(get, context);
  if (answer.ok()) {
    auto issue = ReadGithubThread(*answer);
    // Moved to another repository or made another's, it is not the incident's any more.
    if (issue && Holds(issue->body, ThreadMarker(message))) return issue;
  }
  const bool gone = answer.ok() || answer.code() == Code::kNotFound || answer.status().terminal();
  if (!gone) return answer.status();
  numbers_.erase(known);
  return LookThroughAll(message, context);
}

StatusOr<std::string> GithubIssues::Open(const healing::Message& message,
                                         const SendContext& context) {
  const GithubCall create{"opening an issue",
                          kRight,
                          "POST",
                          "/issues",
                          {},
                          {{"title", GithubTitle(message)},
                           {"body", GithubBody(message)},
                           {"labels", configuration_.labels}}};
  SALVE_ASSIGN_OR_RETURN(const json answer, api_.Call(create, context));
  const auto issue = ReadGithubThread(answer);
  if (!issue) return UnavailableError("GitHub's answer to a new issue is none");
  Remember(message.thread, issue->number);
  return "issue " + Numbered(issue->number) + " opened" + At(*issue);
}

Status GithubIssues::Close(const GithubThread& issue, const healing::Message& message,
                           const SendContext& context) {
  const GithubCall close{"closing " + Numbered(issue.number),
                         kRight,
                         "PATCH",
                         PathOf(issue.number),
                         {},
                         {{"state", "closed"}, {"state_reason", CloseReason(message)}}};
  return api_.Call(close, context).status();
}

StatusOr<std::string> GithubIssues::Tell(const healing::Message& message,
                                         const SendContext& context) {
  const bool end = message.stage == healing::kStageResolved;
  SALVE_ASSIGN_OR_RETURN(const std::optional<GithubThread> issue, Look(message, context));
  if (!issue && end) return std::string("no issue to close");
  if (!issue) return Open(message, context);
  Remember(message.thread, issue->number);
  const std::string name = "issue " + Numbered(issue->number);
  if (Holds(issue->body, MessageMarker(message))) return name + " had been opened" + At(*issue);
  // Nobody but a maintainer can write below a locked one: that is respected.
  if (!issue->locked) SALVE_RETURN_IF_ERROR(CommentOnce(api_, issue->number, message, context));
  const std::string told = name + (issue->locked ? " is locked" : " commented");
  if (!issue->open) {
    const std::string reason = issue->reason == "not_planned" ? " as not planned" : "";
    return told + ", had been closed" + reason + At(*issue);
  }
  if (!end || !configuration_.close_on_resolved) return told + At(*issue);
  SALVE_RETURN_IF_ERROR(Close(*issue, message, context));
  return told + " and closed as " + CloseReason(message) + At(*issue);
}

}  // namespace salve::notify
