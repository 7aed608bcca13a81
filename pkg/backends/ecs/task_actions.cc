// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "pkg/backends/ecs/action_handler.h"
#include "pkg/backends/text.h"

// stopTask: the task that is ill goes, the service starts another one.
namespace salve::backends::ecs {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;

constexpr char kName[] = "stopTask";

std::string Reason(const std::string& attempt_id) { return "salve attempt " + attempt_id; }

class TaskHandler final : public ActionHandler {
 public:
  explicit TaskHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override { return a.stop_task.has_value(); }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& /*context*/) const override {
    SALVE_RETURN_IF_ERROR(Check(subject));
    SALVE_ASSIGN_OR_RETURN(const Task task, Choose(subject));
    ActionPlan plan = NewPlan(action, subject);
    plan.subject = task.arn;
    plan.command = subject.Aws("stop-task") + " --task " + task.Id();
    plan.affected = {"task " + task.Id() + " of service " + subject.name.ToString()};
    const bool well = task.health != "UNHEALTHY";
    plan.takes_available = task.Running() ? 1 : 0;
    plan.base_risk = v1alpha1::kRiskMedium;
    plan.description = "Stops task " + task.Id().substr(0, 8) +
                       (well ? "" : ", which fails its health check") + "; service " +
                       subject.name.ToString() + " starts another one in its place.";
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    SALVE_RETURN_IF_ERROR(Check(subject));
    const Json body = {{"cluster", subject.name.cluster},
                       {"task", request.subject},
                       {"reason", Reason(request.attempt_id)}};
    if (ParseArn(request.subject) == std::nullopt) {
      return InvalidArgumentError(subject.Who(kName) + "the attempt names no task");
    }
    const auto answer = tools_.api.Call(kStopTask, body, context);
    const std::string done = "task " + LastPart(request.subject) + " stops";
    if (answer.ok()) return Applied(done);
    const Status why = answer.status();
    if (!MayHaveBeenDone(why.code())) return why;
    const auto after = Outcome(request, subject.name, context);
    if (after.ok() && after->outcome == ActionResult::Outcome::kApplied) return Applied(done);
    return Unknown(why.message());
  }

  // To stop a task twice is the same as once.
  StatusOr<ActionResult> Outcome(const ActionRequest& request, const ServiceName& name,
                                 const CallContext& context) const override {
    SALVE_ASSIGN_OR_RETURN(const std::vector<Task> tasks,
                           tools_.reader.DescribeTasks(name.cluster, {request.subject}, context));
    if (tasks.empty()) return Unknown("ECS does not know the task any more");
    const Task& task = tasks.front();
    if (task.desired_status != kStopped && task.last_status != kStopped) {
      return NotApplied("the task still runs");
    }
    if (task.stopped_reason.find(Reason(request.attempt_id)) != std::string::npos) {
      return Applied("the task stops by this attempt");
    }
    return Unknown("the task stops for another reason: " + task.stopped_reason);
  }

 private:
  static Status Check(const Subject& subject) {
    if (subject.service().status == kActive) return Status::Ok();
    return InvalidArgumentError(subject.Who(kName) + "it is " + subject.service().status +
                                ", no other task would be started");
  }

  // The one that fails its health check for longest; of a service with one task, that one.
  static StatusOr<Task> Choose(const Subject& subject) {
    const Snapshot& snapshot = subject.seen.snapshot;
    if (!snapshot.tasks_problem.empty()) {
      return InvalidArgumentError(subject.Who(kName) +
                                  "its tasks cannot be seen: " + snapshot.tasks_problem);
    }
    if (subject.seen.verdict.Has(healing::kConditionUnschedulable) ||
        subject.seen.verdict.Has(healing::kConditionCreateForbidden)) {
      return InvalidArgumentError(subject.Who(kName) +
                                  "no new task can be placed: one that is stopped would not come "
                                  "back");
    }
    if (!subject.seen.verdict.sick.empty()) return subject.seen.verdict.sick.front().task;
    std::vector<Task> running;
    for (const Task& task : snapshot.tasks) {
      if (task.Running()) running.push_back(task);
    }
    if (running.size() == 1) return running.front();
    return InvalidArgumentError(subject.Who(kName) + "it has " + std::to_string(running.size()) +
                                " running tasks, and none of them is known to be ill");
  }

  ActionTools& tools_;
};

}  // namespace

std::unique_ptr<ActionHandler> MakeTaskHandler(ActionTools& tools) {
  return std::make_unique<TaskHandler>(tools);
}

}  // namespace salve::backends::ecs
