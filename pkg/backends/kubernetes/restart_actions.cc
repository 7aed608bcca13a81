// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/backends/kubernetes/action_handler.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"

// rolloutRestart: new pods from the same template, as fast as its strategy allows.
namespace salve::backends::kubernetes {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;

constexpr char kName[] = "rolloutRestart";
constexpr char kRestartedAt[] = "kubectl.kubernetes.io/restartedAt";

Status Check(const Subject& subject, const View& view) {
  SALVE_RETURN_IF_ERROR(CheckWorkload(kName, subject));
  SALVE_RETURN_IF_ERROR(CheckNoRollout(kName, subject));
  const Workload& w = subject.workload();
  const std::string who = std::string(kName) + " on " + subject.KubectlName() + ": ";
  if (w.on_delete) {
    return InvalidArgumentError(who + "its update strategy is OnDelete: no pod would be replaced");
  }
  if (w.desired == 0) return InvalidArgumentError(who + "it has no replicas");
  return CheckPodsComeBack(kName, subject, view);
}

class RestartHandler final : public WorkloadHandler {
 public:
  using WorkloadHandler::WorkloadHandler;

  bool Handles(const Action& a) const override { return a.rollout_restart.has_value(); }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& /*context*/) const override {
    SALVE_RETURN_IF_ERROR(Check(subject, tools_.view));
    const Workload& w = subject.workload();
    ActionPlan plan = NewPlan(action, subject);
    plan.command = subject.Kubectl("rollout restart ") + subject.KubectlName();
    plan.affected.front() += ", all " + std::to_string(w.replicas) + " pods";
    plan.description = "Replaces the " + std::to_string(w.replicas) + " pods of " +
                       subject.KubectlName() + " by new ones of the same template, " +
                       (w.recreate ? "all at once." : "as its update strategy allows.");
    plan.base_risk = v1alpha1::kRiskMedium;
    plan.takes_available = TakenByRollout(w);
    if (plan.takes_available > 0 && plan.takes_available >= w.available) {
      plan.risk_factors.emplace_back("nothing of it serves for a while");
    }
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    const bool done =
        subject.seen.snapshot && subject.workload().last_attempt == request.attempt_id;
    if (!done) SALVE_RETURN_IF_ERROR(Check(subject, tools_.view));
    const std::string now = FormatTime(tools_.clock.Now());
    Json operations = Json::array();
    if (salve::Find(subject.object, {"spec", "template", "metadata", "annotations"}) == nullptr) {
      operations.push_back({{"op", "add"},
                            {"path", "/spec/template/metadata/annotations"},
                            {"value", {{kRestartedAt, now}}}});
    } else {
      operations.push_back(
          {{"op", "add"},
           {"path", "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt"},
           {"value", now}});
    }
    return ChangeWorkload(tools_, request, subject, operations,
                          subject.KubectlName() + " restarted", context);
  }
};

}  // namespace

std::unique_ptr<ActionHandler> MakeRestartHandler(ActionTools& tools) {
  return std::make_unique<RestartHandler>(tools);
}

}  // namespace salve::backends::kubernetes
