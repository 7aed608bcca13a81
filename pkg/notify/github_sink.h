// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_GITHUB_SINK_H_
#define SALVE_PKG_NOTIFY_GITHUB_SINK_H_

#include <memory>
#include <string>

#include "pkg/notify/github_api.h"
#include "pkg/notify/github_issue.h"
#include "pkg/notify/github_pull_request.h"
#include "pkg/notify/sink.h"

namespace salve::notify {

// A repository at GitHub: an issue, a pull request and an event for workflows, as configured. The
// event comes last, because it is the one thing that cannot be looked for: what fails before it is
// done again without a second event. A test message makes nothing: it says what could be done.
class GithubSink final : public Sink {
 public:
  // `environment` outlives it.
  GithubSink(apis::config::v1alpha1::GithubSink configuration, const SinkEnvironment& environment);
  StatusOr<std::string> Send(const healing::Message& message, const SendContext& context) override;
  // What closes an issue has to be sent for each, and so has what is proposed as a file.
  bool Groups(const std::string& stage) const override;
  bool FollowsPullRequests() const override { return pull_requests_ != nullptr; }
  StatusOr<PullRequestLook> LookAtPullRequest(std::int64_t number, const std::string& mark,
                                              const SendContext& context) override;

 private:
  Status Dispatch(const healing::Message& message, const SendContext& context);

  const apis::config::v1alpha1::GithubSink configuration_;
  GithubApi api_;
  std::unique_ptr<GithubIssues> issues_;               // null: not configured
  std::unique_ptr<GithubPullRequests> pull_requests_;  // null: not configured
};

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_GITHUB_SINK_H_
