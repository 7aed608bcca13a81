// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/backends/docker/action_handler.h"
#include "pkg/backends/text.h"

// exec (argv as given, no shell) and wait.
namespace salve::backends::docker {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;

// Whether this argv may run at all is decided before it comes here; emptiness is refused in any
// case.
Status CheckArgv(const Action& action) {
  if (!action.exec || (!action.exec->argv.empty() && !action.exec->argv.front().empty())) {
    return Status::Ok();
  }
  return InvalidArgumentError("exec: argv is empty");
}

class ExecHandler final : public ActionHandler {
 public:
  explicit ExecHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override { return a.exec || a.wait; }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext&) const override {
    SALVE_RETURN_IF_ERROR(CheckArgv(action));
    ActionPlan plan = NewPlan(action, subject);
    if (action.wait) {
      plan.command = "wait " + std::to_string(action.wait->seconds) + "s";
      plan.description = "Changes nothing; looks at container " + subject.container.name +
                         " again in " + std::to_string(action.wait->seconds) + " s.";
      plan.base_risk = v1alpha1::kRiskLow;
      plan.idempotency = healing::IdempotencyClass::kHarmless;
      plan.affected.clear();
      return plan;
    }
    plan.command = ExecCommand(subject, action.exec->argv);
    plan.description = "Runs a command in container " + subject.container.name + ".";
    plan.base_risk = v1alpha1::kRiskHigh;
    plan.risk_factors = {"what the command does is not known to Salve"};
    plan.idempotency = healing::IdempotencyClass::kAtMostOnce;
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    if (request.action.wait) return Applied("nothing to do but wait");
    SALVE_RETURN_IF_ERROR(CheckArgv(request.action));
    ExecSpec spec;
    spec.argv = request.action.exec->argv;
    return RunInside(tools_, subject, std::move(spec), context);
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request, const Subject&,
                                 const CallContext&) const override {
    if (request.action.wait) return Applied("nothing to do but wait");
    return Unknown("a command in a container leaves no trace");
  }

 private:
  ActionTools& tools_;
};

}  // namespace

std::unique_ptr<ActionHandler> MakeExecHandler(ActionTools& tools) {
  return std::make_unique<ExecHandler>(tools);
}

}  // namespace salve::backends::docker
