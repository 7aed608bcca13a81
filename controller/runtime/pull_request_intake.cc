// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/pull_request_intake.h"

#include "pkg/base/ascii.h"
#include "pkg/healing/pull_requests.h"
#include "pkg/reconcilers/pull_request_follower.h"

namespace salve::runtime {

PullRequestIntake::PullRequestIntake(
    reconcilers::Shell& shell, reconcilers::StatusUpdater<apis::salve::v1alpha1::Incident>& updater,
    const apis::config::v1alpha1::ControllerConfiguration& configuration)
    : shell_(shell), updater_(updater) {
  // GitHub does not tell "Acme/Shop" from "acme/shop".
  for (const auto& sink : configuration.sinks) {
    if (sink.github) sinks_[AsciiLower(sink.github->repository)].push_back(sink.name);
  }
}

StatusOr<std::int64_t> PullRequestIntake::Take(
    const edge::PullRequestNews& news,
    const std::function<bool(const std::string& ns)>& open) const {
  std::int64_t noted = 0;
  const auto sinks = sinks_.find(AsciiLower(news.repository));
  if (sinks == sinks_.end()) return noted;
  for (const std::string& sink : sinks->second) {
    for (const auto& incident :
         shell_.incidents.ByIndex(reconcilers::kIncidentsByPullRequest, sink)) {
      const auto& metadata = incident->metadata;
      if (!open(metadata.ns) || !healing::IsPullRequestBranch(metadata.name, news.branch)) continue;
      SALVE_ASSIGN_OR_RETURN(const bool one, reconcilers::NotePullRequestEnd(
                                                 shell_, updater_, {metadata.ns, metadata.name},
                                                 metadata.uid, sink, news.number, news.end));
      noted += one ? 1 : 0;
    }
  }
  return noted;
}

}  // namespace salve::runtime
