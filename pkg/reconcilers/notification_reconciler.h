// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_NOTIFICATION_RECONCILER_H_
#define SALVE_PKG_RECONCILERS_NOTIFICATION_RECONCILER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pkg/base/mutex.h"
#include "pkg/base/random.h"
#include "pkg/base/token_bucket.h"
#include "pkg/engine/reconciler.h"
#include "pkg/healing/notifications.h"
#include "pkg/notify/sink.h"
#include "pkg/reconcilers/pull_request_follower.h"
#include "pkg/reconcilers/shell.h"

namespace salve::reconcilers {

// Index of incidents by the sinks that something is pending for.
inline constexpr char kIncidentsBySink[] = "sink";

// Sends what incidents say is Pending, and notes on them what became of it. Its keys are the names
// of sinks ({"", NAME}): so a sink is sent one message at a time, and one that does not answer
// delays neither the others nor any healing. One reconcile sends one message.
//
// Between messages it looks what became of the pull requests that a sink has made.
//
// Delivery is at least once. What was taken and could not be noted is kept in memory and noted
// first in the next reconcile; only a process that dies in between sends it again, with the same
// id.
//
// Thread-safe as engine::Reconciler demands.
class NotificationReconciler final : public engine::Reconciler {
 public:
  // All outlive it.
  NotificationReconciler(Shell& shell, const notify::SinkSet& sinks,
                         StatusUpdater<v1::Incident>& incident_status, Random& random);
  ~NotificationReconciler() override;
  StatusOr<engine::Result> Reconcile(const NamespacedName& key,
                                     engine::ReconcileContext& context) override;

 private:
  // What is to be noted of one message: which, and its new state.
  struct Record {
    NamespacedName incident;
    std::string uid;
    v1::NotificationStatus entry;
  };
  // What is remembered of a sink; touched by one reconcile at a time.
  struct Line {
    healing::SinkState state;
    int failures = 0;  // in a row
    std::unique_ptr<TokenBucket> bucket;
    std::vector<Record> unrecorded;
    std::unique_ptr<PullRequestFollower> pull_requests;
  };

  Line& LineOf(const std::string& sink);
  std::vector<std::shared_ptr<const v1::Incident>> IncidentsFor(const std::string& sink) const;
  // While there is nothing to be said: looks what became of pull requests. `wait`: how long that
  // will be; nullopt: not known.
  StatusOr<engine::Result> LookAround(const std::string& name, const notify::SinkSet::Entry* sink,
                                      std::optional<Duration> wait, Line& line,
                                      engine::ReconcileContext& context);
  // How long until the sink's rate lets another message through; takes the place if it is zero.
  Duration RateWait(const notify::SinkSet::Entry& sink, Line& line);
  StatusOr<engine::Result> Send(const std::string& name, const notify::SinkSet::Entry& sink,
                                const healing::NextNotification& next, Line& line,
                                engine::ReconcileContext& context);
  void NoteSent(const std::string& sink, const healing::NextNotification& next,
                const std::string& where, Line& line);
  void NoteRefused(const std::string& sink, const healing::QueuedNotification& item,
                   const Status& why, Line& line);
  void GiveUp(const std::string& sink, const healing::QueuedNotification& item,
              std::int64_t attempts, const std::string& why, Line& line);
  Status WriteRecords(Line& line);

  Shell& shell_;
  const notify::SinkSet& sinks_;
  StatusUpdater<v1::Incident>& incident_status_;
  Random& random_;
  Mutex mu_;
  std::map<std::string, std::unique_ptr<Line>> lines_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_NOTIFICATION_RECONCILER_H_
