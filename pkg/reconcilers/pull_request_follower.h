// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_PULL_REQUEST_FOLLOWER_H_
#define SALVE_PKG_RECONCILERS_PULL_REQUEST_FOLLOWER_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pkg/engine/reconciler.h"
#include "pkg/healing/pull_requests.h"
#include "pkg/notify/sink.h"
#include "pkg/reconcilers/shell.h"

namespace salve::reconcilers {

// Index of incidents by the sinks whose pull request they tell of, as long as its end is not noted.
inline constexpr char kIncidentsByPullRequest[] = "pull-request";

// Notes on the incident how the sink's pull request of that number ended, and counts it: once,
// whoever tells it first and however often. False: nothing to be noted. `uid` "": whatever is
// stored under that name. Thread-safe.
StatusOr<bool> NotePullRequestEnd(Shell& shell, StatusUpdater<v1::Incident>& incidents,
                                  const NamespacedName& incident, const std::string& uid,
                                  const std::string& sink, std::int64_t number,
                                  const healing::PullRequestEnd& end);

// Looks from time to time what became of the pull requests that a sink has made, where nobody tells
// it. Which there are stands on the incidents; what is kept in memory is when each is due and what
// was seen of it, so that GitHub need not say it twice. Of one sink: not thread-safe.
class PullRequestFollower {
 public:
  // Both outlive it.
  PullRequestFollower(Shell& shell, StatusUpdater<v1::Incident>& incident_status, std::string sink)
      : shell_(shell), incident_status_(incident_status), sink_(std::move(sink)) {}

  // Looks at one, if one is due. When to come back; nullopt: nothing is followed. An error is one
  // of writing down what was seen; a sink that does not answer is asked again later.
  StatusOr<std::optional<Duration>> Follow(notify::Sink& sink, engine::ReconcileContext& context);

 private:
  struct Followed {
    std::shared_ptr<const v1::Incident> incident;
    healing::OpenPullRequest request;
    std::string key;
  };
  struct Look {
    MonoTime next{};
    std::string mark;  // see notify::PullRequestLook
  };

  std::vector<Followed> All() const;
  // The one that is due first; forgets those that are followed no longer. `all` is not empty.
  const Followed& First(const std::vector<Followed>& all);
  Status LookAt(const Followed& followed, notify::Sink& sink, engine::ReconcileContext& context);

  Shell& shell_;
  StatusUpdater<v1::Incident>& incident_status_;
  const std::string sink_;
  std::map<std::string, Look> looks_;  // by incident's uid and number
  MonoTime free_at_{};                 // no look before
};

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_PULL_REQUEST_FOLLOWER_H_
