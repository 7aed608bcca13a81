// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_GITHUB_PULL_REQUEST_H_
#define SALVE_PKG_NOTIFY_GITHUB_PULL_REQUEST_H_

#include <optional>
#include <string>

#include "pkg/notify/github_api.h"
#include "pkg/notify/github_issue.h"

namespace salve::notify {

// Proposes a file about each incident: a branch of its own, one commit, one pull request, labelled.
// Each is looked for before it is made, so that a way that was cut anywhere is gone on with and
// nothing is there twice; nothing is ever forced or merged. Later messages are comments on it, and
// what people made of it is in what comes back. Not thread-safe.
class GithubPullRequests {
 public:
  // Both outlive it.
  GithubPullRequests(GithubApi& api, const apis::config::v1alpha1::GithubSink& configuration)
      : api_(api), configuration_(configuration) {}
  // "pull request #4 made: https://…", "pull request #4 commented, merged after 3h".
  StatusOr<std::string> Tell(const healing::Message& message, const SendContext& context);
  // See Sink::LookAtPullRequest; `mark` is GitHub's ETag. A look that shows nothing new does not
  // count for GitHub's limit.
  StatusOr<PullRequestLook> LookAt(std::int64_t number, const std::string& mark,
                                   const SendContext& context);

 private:
  struct Found {
    GithubThread thread;
    std::string outcome;  // ", merged after 3h"; "" while it is open
    bool labelled = false;
  };
  StatusOr<std::optional<Found>> Look(const healing::Message& message, const SendContext& context);
  Status MakeBranch(const std::string& branch, const SendContext& context);
  Status MakeCommit(const std::string& branch, const healing::Message& message,
                    const SendContext& context);
  StatusOr<Found> MakeRequest(const std::string& branch, const healing::Message& message,
                              const SendContext& context);
  Status Label(std::int64_t number, const SendContext& context);
  std::optional<Found> Read(const nlohmann::json& json) const;

  GithubApi& api_;
  const apis::config::v1alpha1::GithubSink& configuration_;
};

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_GITHUB_PULL_REQUEST_H_
