// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_pull_request.h"

#include <algorithm>

#include "pkg/base/base64.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"
#include "pkg/notify/github_text.h"

namespace salve::notify {
namespace {

using nlohmann::json;

constexpr char kContents[] = "Contents: read and write";
constexpr char kPulls[] = "Pull requests: read and write";
constexpr std::size_t kShaDigits = 40;
constexpr std::size_t kShaDigitsLong = 64;  // of repositories with SHA-256

bool IsSha(const std::string& text) {
  return (text.size() == kShaDigits || text.size() == kShaDigitsLong) &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// nullopt: it is open, or nobody says when it ended.
std::optional<healing::PullRequestEnd> EndOf(const json& value) {
  if (GetString(value, {"state"}) != "closed") return std::nullopt;
  const std::string merged = GetString(value, {"merged_at"});
  const auto over = ParseTime(merged.empty() ? GetString(value, {"closed_at"}) : merged);
  if (!over) return std::nullopt;
  return healing::PullRequestEnd{!merged.empty(), *over,
                                 ParseTime(GetString(value, {"created_at"}))};
}

// ", merged after 3h": what people made of it, and how long it took them.
std::string OutcomeOf(const json& value) {
  const auto end = EndOf(value);
  if (!end) return "";
  const std::string after = end->made ? " after " + HumanDuration(end->at - *end->made) : "";
  return (end->merged ? ", merged" : ", rejected") + after;
}

}  // namespace

std::optional<GithubPullRequests::Found> GithubPullRequests::Read(const json& value) const {
  auto thread = ReadGithubThread(value);
  if (!thread) return std::nullopt;
  Found found{*std::move(thread), OutcomeOf(value), false};
  const json* labels = Find(value, {"labels"});
  const auto has = [&labels](const std::string& wanted) {
    return labels != nullptr && labels->is_array() &&
           std::any_of(labels->begin(), labels->end(),
                       [&](const json& one) { return GetString(one, {"name"}) == wanted; });
  };
  const auto& wanted = configuration_.pull_request->labels;
  found.labelled = std::all_of(wanted.begin(), wanted.end(), has);
  return found;
}

StatusOr<std::optional<GithubPullRequests::Found>> GithubPullRequests::Look(
    const healing::Message& message, const SendContext& context) {
  const std::string owner =
      configuration_.repository.substr(0, configuration_.repository.find('/'));
  const GithubCall list{
      "looking for the incident's pull request",
      kPulls,
      "GET",
      "/pulls",
      {{"head", owner + ":" + BranchName(message)}, {"state", "all"}, {"per_page", "1"}}};
  SALVE_ASSIGN_OR_RETURN(const json answer, api_.Call(list, context));
  if (!answer.is_array() || answer.empty()) return std::optional<Found>();
  return Read(answer.front());
}

Status GithubPullRequests::MakeBranch(const std::string& branch, const SendContext& context) {
  const std::string& base = configuration_.pull_request->base;
  const GithubCall look{"looking for branch " + branch, kContents, "GET",
                        "/git/ref/heads/" + branch};
  const auto there = api_.Call(look, context);
  if (there.ok() || there.code() != Code::kNotFound) return there.status();
  const GithubCall from{"looking for branch " + base, kContents, "GET", "/git/ref/heads/" + base};
  SALVE_ASSIGN_OR_RETURN(const json answer, api_.Call(from, context));
  const std::string sha = GetString(answer, {"object", "sha"});
  if (!IsSha(sha)) return UnavailableError("GitHub's answer about branch " + base + " is none");
  const GithubCall create{"making branch " + branch,
                          kContents,
                          "POST",
                          "/git/refs",
                          {},
                          {{"ref", "refs/heads/" + branch}, {"sha", sha}}};
  const Status made = api_.Call(create, context).status();
  return made.code() == Code::kAlreadyExists ? Status::Ok() : made;
}

Status GithubPullRequests::MakeCommit(const std::string& branch, const healing::Message& message,
                                      const SendContext& context) {
  const std::string file = ReportPath(message, configuration_.pull_request->directory);
  const std::string path = "/contents/" + file;
  const GithubCall look{"looking for " + file, kContents, "GET", path, {{"ref", branch}}};
  const auto there = api_.Call(look, context);
  if (there.ok() || there.code() != Code::kNotFound) return there.status();
  const GithubCall put{"committing " + file,
                       kContents,
                       "PUT",
                       path,
                       {},
                       {{"message", "Report of incident " + message.incident},
                        {"content", Base64Encode(GithubBody(message))},
                        {"branch", branch}}};
  return api_.Call(put, context).status();
}

StatusOr<GithubPullRequests::Found> GithubPullRequests::MakeRequest(const std::string& branch,
                                                                    const healing::Message& message,
                                                                    const SendContext& context) {
  const GithubCall create{"making a pull request",
                          kPulls,
                          "POST",
                          "/pulls",
                          {},
                          {{"title", GithubTitle(message)},
                           {"head", branch},
                           {"base", configuration_.pull_request->base},
                           {"body", GithubBody(message)}}};
  SALVE_ASSIGN_OR_RETURN(const json answer, api_.Call(create, context));
  auto made = Read(answer);
  if (!made) return UnavailableError("GitHub's answer to a new pull request is none");
  return *std::move(made);
}

Status GithubPullRequests::Label(std::int64_t number, const SendContext& context) {
  const GithubCall add{"labelling #" + std::to_string(number),
                       kPulls,
                       "POST",
                       "/issues/" + std::to_string(number) + "/labels",
                       {},
                       {{"labels", configuration_.pull_request->labels}}};
  return api_.Call(add, context).status();
}

StatusOr<PullRequestLook> GithubPullRequests::LookAt(std::int64_t number, const std::string& mark,
                                                     const SendContext& context) {
  const std::string path = "/pulls/" + std::to_string(number);
  GithubCall get{"looking at pull request #" + std::to_string(number), kPulls, "GET", path};
  get.unless = mark;
  SALVE_ASSIGN_OR_RETURN(const json answer, api_.Call(get, context));
  if (answer.is_null()) return PullRequestLook{std::nullopt, "", mark};
  PullRequestLook look{EndOf(answer), GetString(answer, {"head", "ref"}), api_.etag()};
  if (GetInt(answer, {"number"}) != number) {
    return UnavailableError("GitHub's answer about pull request #" + std::to_string(number) +
                            " is about another");
  }
  return look;
}

StatusOr<std::string> GithubPullRequests::Tell(const healing::Message& message,
                                               const SendContext& context) {
  SALVE_ASSIGN_OR_RETURN(std::optional<Found> found, Look(message, context));
  const bool made = !found;
  if (made) {
    const std::string branch = BranchName(message);
    SALVE_RETURN_IF_ERROR(MakeBranch(branch, context));
    SALVE_RETURN_IF_ERROR(MakeCommit(branch, message, context));
    SALVE_ASSIGN_OR_RETURN(found, MakeRequest(branch, message, context));
  }
  const GithubThread& thread = found->thread;
  const std::string name = "pull request #" + std::to_string(thread.number);
  const std::string at = thread.url.empty() ? "" : ": " + thread.url;
  // Labels that are missing below this very message: it was cut before it came to them.
  if (thread.body.find(MessageMarker(message)) != std::string::npos) {
    if (!found->labelled) SALVE_RETURN_IF_ERROR(Label(thread.number, context));
    return name + (made ? " made" : " had been made") + found->outcome + at;
  }
  if (!thread.locked) {
    SALVE_RETURN_IF_ERROR(CommentOnce(api_, thread.number, message, context));
  }
  return name + (thread.locked ? " is locked" : " commented") + found->outcome + at;
}

}  // namespace salve::notify
