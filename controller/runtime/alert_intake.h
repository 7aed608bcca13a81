// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_ALERT_INTAKE_H_
#define SALVE_CONTROLLER_RUNTIME_ALERT_INTAKE_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/runtime/pull_request_intake.h"

#include "pkg/base/mutex.h"
#include "pkg/edge/receivers.h"
#include "pkg/healing/alerts.h"
#include "pkg/reconcilers/shell.h"

namespace salve::runtime {

// The log's message about an alert that changed what a policy knows; `salve replay` reads it.
inline constexpr char kLogAlertTaken[] = "alert taken in";

// After how long without a repeat their alerts count as over; 0 for kinds whose senders say it.
healing::ClearsAfter ClearsAfterOf(
    const std::vector<apis::config::v1alpha1::ReceiverConfiguration>& receivers);

// Writes alerts to status.signals of the policies whose triggers they match: one read-modify-write
// per policy and delivery, none where nothing is new. Thread-safe.
class PolicyAlertIntake final : public edge::AlertIntake {
 public:
  // `shell` and `updater` outlive it. `updater` need not be the reconcilers': a process that stands
  // by takes alerts in as well, and resourceVersion keeps the two apart.
  PolicyAlertIntake(reconcilers::Shell& shell,
                    reconcilers::StatusUpdater<apis::salve::v1alpha1::HealingPolicy>& updater,
                    PullRequestIntake pull_requests)
      : shell_(shell), updater_(updater), pull_requests_(std::move(pull_requests)) {}

  // Follows the policies; before their informer starts.
  static void Watch(const std::shared_ptr<PolicyAlertIntake>& self);

  StatusOr<edge::IntakeResult> Take(const apis::config::v1alpha1::ReceiverConfiguration& receiver,
                                    const std::vector<healing::Alert>& alerts) override;
  StatusOr<std::int64_t> TakePullRequest(
      const apis::config::v1alpha1::ReceiverConfiguration& receiver,
      const edge::PullRequestNews& news) override;
  std::vector<edge::PolicySignal> List() const override;

 private:
  using Name = apis::meta::v1::NamespacedName;
  // A policy with triggers, as of one generation.
  struct Listener {
    std::string uid;
    std::int64_t generation = 0;
    std::shared_ptr<const healing::TriggerSet> triggers;
  };
  using Listeners = std::map<Name, Listener>;
  // What one delivery has for one policy.
  struct Letter {
    std::size_t alert = 0;  // index into the delivery
    healing::TriggerSet::Match match;
  };

  void OnChange(const engine::Change<apis::salve::v1alpha1::HealingPolicy>& change);
  std::shared_ptr<const Listeners> Snapshot();
  // False for those that had no room, beside `letters`.
  StatusOr<std::vector<bool>> Write(const Name& policy, const std::vector<Letter>& letters,
                                    const std::vector<healing::Alert>& alerts);
  void TellRefused(const Name& policy, std::size_t refused);

  reconcilers::Shell& shell_;
  reconcilers::StatusUpdater<apis::salve::v1alpha1::HealingPolicy>& updater_;
  const PullRequestIntake pull_requests_;

  mutable Mutex mu_;
  Listeners listeners_ SALVE_GUARDED_BY(mu_);
  // A copy of them for deliveries; null when they have changed since it was made.
  std::shared_ptr<const Listeners> snapshot_ SALVE_GUARDED_BY(mu_);
  // Repeats that were not written yet, by policy, trigger and fingerprint. Bounded.
  std::map<std::string, std::int64_t> absorbed_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_ALERT_INTAKE_H_
