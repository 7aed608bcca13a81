// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "pkg/backends/kubernetes/action_handler.h"
#include "pkg/base/json_access.h"

// scale: another number of replicas.
namespace salve::backends::kubernetes {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;

constexpr char kName[] = "scale";
constexpr std::int64_t kMostReplicas = 10000;

std::string Command(const Subject& subject, std::int64_t replicas) {
  return subject.Kubectl("scale ") + subject.KubectlName() +
         " --replicas=" + std::to_string(replicas);
}

Status Check(std::int64_t wanted, const Subject& subject) {
  SALVE_RETURN_IF_ERROR(CheckWorkload(kName, subject));
  const Workload& w = subject.workload();
  const std::string who = std::string(kName) + " on " + subject.KubectlName() + ": ";
  if (w.kind == kKindDaemonSet) {
    return InvalidArgumentError(who + "a DaemonSet has as many pods as there are nodes for it");
  }
  if (wanted < 0 || wanted > kMostReplicas) {
    return InvalidArgumentError(who + "replicas must be between 0 and " +
                                std::to_string(kMostReplicas));
  }
  return Status::Ok();
}

class ScaleHandler final : public WorkloadHandler {
 public:
  using WorkloadHandler::WorkloadHandler;

  bool Handles(const Action& a) const override { return a.scale.has_value(); }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& /*context*/) const override {
    const std::int64_t wanted = action.scale->replicas;
    SALVE_RETURN_IF_ERROR(Check(wanted, subject));
    const Workload& w = subject.workload();
    const std::string who = std::string(kName) + " on " + subject.KubectlName() + ": ";
    if (w.desired == wanted) {
      return InvalidArgumentError(who + "it has " + std::to_string(wanted) + " replicas already");
    }
    if (w.autoscaled) {
      return InvalidArgumentError(who + "an autoscaler owns the number of replicas");
    }
    ActionPlan plan = NewPlan(action, subject);
    plan.command = Command(subject, wanted);
    plan.description = "Changes the replicas of " + subject.KubectlName() + " from " +
                       std::to_string(w.desired) + " to " + std::to_string(wanted) + ".";
    plan.takes_available = std::max<std::int64_t>(0, w.available - wanted);
    plan.base_risk = wanted == 0          ? v1alpha1::kRiskCritical
                     : wanted < w.desired ? v1alpha1::kRiskHigh
                                          : v1alpha1::kRiskLow;
    if (wanted == 0) plan.risk_factors.emplace_back("nothing of it serves any more");
    plan.undo.emplace().scale.emplace().replicas = w.desired;
    plan.undo_command = Command(subject, w.desired);
    plan.undo_token = Json({{"set", wanted}}).dump();
    plan.reversible = true;
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    const std::int64_t wanted = request.action.scale->replicas;
    SALVE_RETURN_IF_ERROR(Check(wanted, subject));
    if (!request.undo_token.empty() && subject.workload().last_attempt != request.attempt_id) {
      const Json token = Json::parse(request.undo_token, nullptr, /*allow_exceptions=*/false);
      if (salve::GetInt(token, {"set"}, -1) != subject.workload().desired) {
        return AbortedError(subject.KubectlName() + ": somebody has scaled it since, to " +
                            std::to_string(subject.workload().desired) + "; it is left alone");
      }
    }
    Json operations = Json::array();
    operations.push_back({{"op", "add"}, {"path", "/spec/replicas"}, {"value", wanted}});
    return ChangeWorkload(tools_, request, subject, operations, Command(subject, wanted) + ": done",
                          context);
  }
};

}  // namespace

std::unique_ptr<ActionHandler> MakeScaleHandler(ActionTools& tools) {
  return std::make_unique<ScaleHandler>(tools);
}

}  // namespace salve::backends::kubernetes
