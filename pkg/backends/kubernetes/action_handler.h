// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_ACTION_HANDLER_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_ACTION_HANDLER_H_

#include <functional>
#include <memory>
#include <string>

#include "pkg/backends/backend.h"
#include "pkg/backends/kubernetes/cluster.h"
#include "pkg/backends/kubernetes/view.h"
#include "pkg/backends/results.h"

namespace salve::backends::kubernetes {

// What every handler works with. Everything outlives the handlers.
struct ActionTools {
  Cluster& cluster;
  const View& view;
  Clock& clock;
};

// Where an action acts: the target as it was read from the server a moment ago.
struct Subject {
  healing::TargetRef ref;
  Seen seen;
  Json object;  // the whole of it

  const Workload& workload() const { return seen.snapshot->workload; }
  // "deployment/web", as kubectl names it.
  std::string KubectlName() const;
  // "kubectl -n shop VERB"
  std::string Kubectl(const std::string& verb) const;
};

// One family of actions. Thread-safe, without state. The rules for the results are those of
// Backend.
class ActionHandler {
 public:
  virtual ~ActionHandler() = default;
  virtual bool Handles(const healing::Action& action) const = 0;
  virtual StatusOr<healing::ActionPlan> Plan(const healing::Action& action, const Subject& subject,
                                             const CallContext& context) const = 0;
  virtual StatusOr<healing::ActionResult> Execute(const ActionRequest& request,
                                                  const Subject& subject,
                                                  const CallContext& context) const = 0;
  // Nothing is known of the target here: it may be gone.
  virtual StatusOr<healing::ActionResult> Outcome(const ActionRequest& request,
                                                  const CallContext& context) const = 0;
};

// One that changes a workload by ChangeWorkload: its mark on the object tells the outcome.
class WorkloadHandler : public ActionHandler {
 public:
  explicit WorkloadHandler(ActionTools& tools) : tools_(tools) {}
  StatusOr<healing::ActionResult> Outcome(const ActionRequest& request,
                                          const CallContext& context) const final;

 protected:
  ActionTools& tools_;
};

std::unique_ptr<ActionHandler> MakeUndoHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakeRestartHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakeScaleHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakeResourceHandler(ActionTools& tools);
std::unique_ptr<ActionHandler> MakePodHandler(ActionTools& tools);

// --- what they share
// ------------------------------------------------------------------------------------

// A plan with target, action, the owner's risk and the class of all writes here filled in.
healing::ActionPlan NewPlan(const healing::Action& action, const Subject& subject);

// OK for a workload that is not being deleted; else why `action` cannot run.
Status CheckWorkload(const std::string& action, const Subject& subject);
// OK unless somebody's rollout is under way, or paused: it is not for us to cut across it.
Status CheckNoRollout(const std::string& action, const Subject& subject);
// OK unless the namespace takes no new pods: then one that is taken away does not come back.
Status CheckPodsComeBack(const std::string& action, const Subject& subject, const View& view);

// Changes the workload by JSON patch operations, on the very state that was read, and leaves the
// attempt's id on it. Applied at once if the id is there already.
StatusOr<healing::ActionResult> ChangeWorkload(const ActionTools& tools,
                                               const ActionRequest& request, const Subject& subject,
                                               const Json& operations, const std::string& done,
                                               const CallContext& context);
// Whether the attempt's id is on the workload.
StatusOr<healing::ActionResult> WorkloadOutcome(const ActionTools& tools,
                                                const ActionRequest& request,
                                                const CallContext& context);

// What a call that failed with `why` came to: an error where it was certainly not carried out.
// Where the answer was lost, perhaps not the request, `look` tells whether it was.
StatusOr<healing::ActionResult> Settle(
    const Status& why, const std::string& done,
    const std::function<StatusOr<healing::ActionResult>()>& look);

// How many of the workload's available pods may be away at once while its template changes.
std::int64_t TakenByRollout(const Workload& workload);

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_ACTION_HANDLER_H_
