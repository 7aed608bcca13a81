// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/backends/ecs/action_handler.h"
#include "pkg/base/json_access.h"

// forceNewDeployment and rollbackTaskDefinition: new tasks, of the same task definition or of an
// earlier one.
namespace salve::backends::ecs {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;

constexpr char kRedeploy[] = "forceNewDeployment";
constexpr char kRollback[] = "rollbackTaskDefinition";

void AddTaken(const Subject& subject, ActionPlan& plan) {
  plan.takes_available = TakenByDeployment(subject.service());
  if (plan.takes_available > 0 && plan.takes_available >= subject.service().running) {
    plan.risk_factors.emplace_back("nothing of it serves for a while (minimumHealthyPercent " +
                                   std::to_string(subject.service().minimum_healthy_percent) + ")");
  }
}

class RedeployHandler final : public ActionHandler {
 public:
  explicit RedeployHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override { return a.force_new_deployment.has_value(); }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& /*context*/) const override {
    SALVE_RETURN_IF_ERROR(Check(subject));
    const Service& service = subject.service();
    ActionPlan plan = NewPlan(action, subject);
    plan.command = subject.Aws("update-service") + " --service " + subject.name.service +
                   " --force-new-deployment";
    plan.affected.front() += ", all " + std::to_string(service.desired) + " tasks";
    plan.description = "Replaces the " + std::to_string(service.desired) + " tasks of service " +
                       subject.name.ToString() + " by new ones of " +
                       ShortName(service.task_definition) +
                       ", as its deployment configuration allows.";
    plan.base_risk = v1alpha1::kRiskMedium;
    plan.subject = DeploymentsBefore(service);
    AddTaken(subject, plan);
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    SALVE_RETURN_IF_ERROR(CheckService(kRedeploy, subject));
    Update update;
    update.change = {{"forceNewDeployment", true}};
    update.done = "service " + subject.name.ToString() + " is deployed anew";
    return UpdateService(tools_, request, subject, update, context);
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request, const ServiceName& name,
                                 const CallContext& context) const override {
    SALVE_ASSIGN_OR_RETURN(const Service service, ReadService(tools_.reader, name, context));
    // A forced deployment leaves the task definition as it was.
    const std::string before = TaskDefinitionOf(request.identity_before);
    auto found =
        FindNewDeployment(tools_, request, name, service, [&](const std::string& definition) {
          return before.empty() || ShortName(definition) == before;
        });
    if (found) return *std::move(found);
    return NoTrace(tools_, request);
  }

 private:
  static Status Check(const Subject& subject) {
    SALVE_RETURN_IF_ERROR(CheckService(kRedeploy, subject));
    SALVE_RETURN_IF_ERROR(CheckNoDeployment(kRedeploy, subject));
    if (subject.service().desired == 0) {
      return InvalidArgumentError(subject.Who(kRedeploy) + "it is scaled to zero");
    }
    return Status::Ok();
  }

  // See IdentityOf().
  static std::string TaskDefinitionOf(const std::string& identity) {
    const std::size_t at = identity.rfind(' ');
    return at == std::string::npos ? "" : identity.substr(at + 1);
  }

  ActionTools& tools_;
};

class RollbackHandler final : public ActionHandler {
 public:
  explicit RollbackHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override { return a.rollback_task_definition.has_value(); }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& context) const override {
    SALVE_RETURN_IF_ERROR(CheckService(kRollback, subject));
    SALVE_RETURN_IF_ERROR(CheckNoDeployment(kRollback, subject));
    SALVE_ASSIGN_OR_RETURN(const TaskDefinition to,
                           Choose(*action.rollback_task_definition, subject, context));
    const Service& service = subject.service();
    const std::string from = ShortName(service.task_definition);
    ActionPlan plan = NewPlan(action, subject);
    plan.action.rollback_task_definition->task_definition = to.Name();
    plan.command = Command(subject, to.Name());
    plan.base_risk = v1alpha1::kRiskMedium;
    if (to.arn != subject.seen.verdict.good) {
      plan.risk_factors.push_back(to.Name() + " was not seen to serve");
    }
    plan.description = "Takes service " + subject.name.ToString() + " back from " + from + " to " +
                       to.Name() + Images(subject, to) + ".";
    plan.affected.front() += ", task definition";
    plan.subject = DeploymentsBefore(service);
    AddTaken(subject, plan);
    plan.undo.emplace().rollback_task_definition.emplace().task_definition = from;
    plan.undo_command = Command(subject, from);
    plan.undo_token = Json({{"set", to.arn}, {"was", service.task_definition}}).dump();
    plan.reversible = true;
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    SALVE_RETURN_IF_ERROR(CheckService(kRollback, subject));
    std::string wanted;
    if (request.undo_token.empty()) {
      SALVE_ASSIGN_OR_RETURN(const TaskDefinition to,
                             Choose(*request.action.rollback_task_definition, subject, context));
      wanted = to.arn;
    } else {
      SALVE_ASSIGN_OR_RETURN(wanted, FromToken(request, subject, context));
      if (wanted == subject.service().task_definition) return Applied("it is back already");
    }
    Update update;
    update.change = {{"taskDefinition", wanted}};
    update.task_definition = wanted;
    update.done = "service " + subject.name.ToString() + " goes back to " + ShortName(wanted);
    return UpdateService(tools_, request, subject, update, context);
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request, const ServiceName& name,
                                 const CallContext& context) const override {
    SALVE_ASSIGN_OR_RETURN(const Service service, ReadService(tools_.reader, name, context));
    const std::string wanted = request.action.rollback_task_definition->task_definition;
    const auto ours = [&](const std::string& definition) {
      return wanted.empty() || ShortName(definition) == wanted || definition == wanted;
    };
    // An undo stores no deployments of before: where the service stands is what tells.
    if (!request.undo_token.empty()) {
      if (!wanted.empty() && ours(service.task_definition)) return Applied("it is back");
      return NoTrace(tools_, request);
    }
    if (auto found = FindNewDeployment(tools_, request, name, service, ours))
      return *std::move(found);
    return NoTrace(tools_, request);
  }

 private:
  static std::string Command(const Subject& subject, const std::string& definition) {
    return subject.Aws("update-service") + " --service " + subject.name.service +
           " --task-definition " + definition;
  }

  static std::string Images(const Subject& subject, const TaskDefinition& to) {
    const auto& now = subject.seen.snapshot.definition;
    if (now == nullptr || now->containers.empty() || to.containers.empty()) return "";
    if (now->containers.front().image == to.containers.front().image) return "";
    return ": image " + to.containers.front().image + " instead of " +
           now->containers.front().image;
  }

  // Where to go back to: named, or the newest earlier one that served.
  StatusOr<TaskDefinition> Choose(const v1alpha1::RollbackTaskDefinitionAction& action,
                                  const Subject& subject, const CallContext& context) const {
    const std::string present = subject.service().task_definition;
    std::string name = action.task_definition;
    if (name.empty()) name = subject.seen.verdict.good;
    if (name.empty()) {
      return InvalidArgumentError(subject.Who(kRollback) +
                                  "no earlier task definition serves, or was seen to");
    }
    const auto definition = tools_.reader.FreshDefinition(name, context);
    if (definition.code() == Code::kInvalidArgument || definition.code() == Code::kNotFound) {
      return InvalidArgumentError(subject.Who(kRollback) + "there is no task definition " +
                                  ShortName(name) + ": " + definition.status().message());
    }
    if (!definition.ok()) return definition.status();
    if (definition->arn == present) {
      return InvalidArgumentError(subject.Who(kRollback) + ShortName(name) + " is the present one");
    }
    if (definition->status != kActive) {
      return InvalidArgumentError(subject.Who(kRollback) + ShortName(name) + " is " +
                                  definition->status + ": it was deregistered");
    }
    const std::string family = ShortName(present).substr(0, ShortName(present).find(':'));
    if (definition->family != family) {
      return InvalidArgumentError(subject.Who(kRollback) + ShortName(name) +
                                  " is of another family than " + ShortName(present));
    }
    return definition;
  }

  // An undo goes on only from what was done: what somebody else has deployed since stays.
  StatusOr<std::string> FromToken(const ActionRequest& request, const Subject& subject,
                                  const CallContext& context) const {
    const Json token = Json::parse(request.undo_token, nullptr, /*allow_exceptions=*/false);
    const std::string was = GetString(token, {"was"});
    const std::string set = GetString(token, {"set"});
    const std::string tag = GetString(token, {"tag"});
    if (was.empty() || (set.empty() && tag.empty())) {
      return InvalidArgumentError("the undo data cannot be read");
    }
    const std::string present = subject.service().task_definition;
    if (present == was) return was;
    bool ours = present == set;
    if (set.empty()) {
      // A revision that the attempt registered; its number was not known before.
      SALVE_ASSIGN_OR_RETURN(const TaskDefinition now,
                             tools_.reader.FreshDefinition(present, context));
      ours = request.attempt_id.rfind(now.Tag(tag), 0) == 0 && !now.Tag(tag).empty();
    }
    if (ours) return was;
    return AbortedError(subject.Who(kRollback) + "somebody has deployed " + ShortName(present) +
                        " since; it is left alone");
  }

  ActionTools& tools_;
};

}  // namespace

std::unique_ptr<ActionHandler> MakeRedeployHandler(ActionTools& tools) {
  return std::make_unique<RedeployHandler>(tools);
}

std::unique_ptr<ActionHandler> MakeRollbackHandler(ActionTools& tools) {
  return std::make_unique<RollbackHandler>(tools);
}

}  // namespace salve::backends::ecs
