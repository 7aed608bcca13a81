// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/github_sink.h"

#include <utility>
#include <vector>

#include "pkg/notify/github_check.h"
#include "pkg/notify/github_text.h"

namespace salve::notify {
namespace {

constexpr char kContents[] = "Contents: read and write";

}  // namespace

GithubSink::GithubSink(apis::config::v1alpha1::GithubSink configuration,
                       const SinkEnvironment& environment)
    : configuration_(std::move(configuration)), api_(configuration_, environment) {
  if (configuration_.issue) {
    issues_ = std::make_unique<GithubIssues>(api_, *configuration_.issue);
  }
  if (configuration_.pull_request) {
    pull_requests_ = std::make_unique<GithubPullRequests>(api_, configuration_);
  }
}

bool GithubSink::Groups(const std::string& stage) const {
  return stage != healing::kStageResolved && !configuration_.pull_request;
}

StatusOr<PullRequestLook> GithubSink::LookAtPullRequest(std::int64_t number,
                                                        const std::string& mark,
                                                        const SendContext& context) {
  if (pull_requests_ == nullptr) return Sink::LookAtPullRequest(number, mark, context);
  return pull_requests_->LookAt(number, mark, context);
}

Status GithubSink::Dispatch(const healing::Message& message, const SendContext& context) {
  const std::string& type = configuration_.dispatch->event_type;
  const GithubCall send{"sending " + type,
                        kContents,
                        "POST",
                        "/dispatches",
                        {},
                        {{"event_type", type}, {"client_payload", DispatchPayload(message)}}};
  return api_.Call(send, context).status();
}

StatusOr<std::string> GithubSink::Send(const healing::Message& message,
                                       const SendContext& context) {
  if (message.incident.empty()) return CheckGithubAccess(api_, configuration_, context);
  std::string done;
  const auto note = [&done](const std::string& what) { done += (done.empty() ? "" : ", ") + what; };
  if (issues_ != nullptr) {
    SALVE_ASSIGN_OR_RETURN(const std::string told, issues_->Tell(message, context));
    note(told);
  }
  if (pull_requests_ != nullptr) {
    SALVE_ASSIGN_OR_RETURN(const std::string told, pull_requests_->Tell(message, context));
    note(told);
  }
  // An event says that something is wrong: the end is none.
  if (configuration_.dispatch && message.stage != healing::kStageResolved) {
    SALVE_RETURN_IF_ERROR(Dispatch(message, context));
    note("event " + configuration_.dispatch->event_type + " sent");
  }
  return done.empty() ? "nothing to do" : done;
}

}  // namespace salve::notify
