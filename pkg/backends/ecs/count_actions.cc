// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <utility>

#include "pkg/backends/ecs/action_handler.h"
#include "pkg/base/json_access.h"

// setDesiredCount: another number of tasks.
namespace salve::backends::ecs {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;

constexpr char kName[] = "setDesiredCount";
constexpr std::chrono::minutes kFresh{1};  // what is known of an autoscaler that long is believed
constexpr std::int64_t kMostTasks = 5000;  // ECS's own default quota of a service

std::string Command(const Subject& subject, std::int64_t count) {
  return subject.Aws("update-service") + " --service " + subject.name.service +
         " --desired-count " + std::to_string(count);
}

Status Check(std::int64_t wanted, const Subject& subject) {
  const Service& service = subject.service();
  if (service.status != kActive) {
    return InvalidArgumentError(subject.Who(kName) + "it is " + service.status);
  }
  if (service.daemon) {
    return InvalidArgumentError(subject.Who(kName) +
                                "a DAEMON service has as many tasks as there are instances");
  }
  if (wanted < 0 || wanted > kMostTasks) {
    return InvalidArgumentError(subject.Who(kName) + "count must be between 0 and " +
                                std::to_string(kMostTasks));
  }
  return Status::Ok();
}

class CountHandler final : public ActionHandler {
 public:
  explicit CountHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override { return a.set_desired_count.has_value(); }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& context) const override {
    const std::int64_t wanted = action.set_desired_count->count;
    SALVE_RETURN_IF_ERROR(Check(wanted, subject));
    const Service& service = subject.service();
    if (service.desired == wanted) {
      return InvalidArgumentError(subject.Who(kName) + "it has a desired count of " +
                                  std::to_string(wanted) + " already");
    }
    ActionPlan plan = NewPlan(action, subject);
    SALVE_RETURN_IF_ERROR(CheckAutoscaler(wanted, subject, context, plan));
    plan.command = Command(subject, wanted);
    plan.description = "Changes the desired count of service " + subject.name.ToString() +
                       " from " + std::to_string(service.desired) + " to " +
                       std::to_string(wanted) + ".";
    plan.takes_available = std::max<std::int64_t>(0, service.running - wanted);
    plan.base_risk = wanted == 0                ? v1alpha1::kRiskCritical
                     : wanted < service.desired ? v1alpha1::kRiskHigh
                                                : v1alpha1::kRiskMedium;
    if (wanted == 0) plan.risk_factors.emplace_back("nothing of it serves any more");
    plan.undo.emplace().set_desired_count.emplace().count = service.desired;
    plan.undo_command = Command(subject, service.desired);
    plan.undo_token = Json({{"set", wanted}}).dump();
    plan.reversible = true;
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    const std::int64_t wanted = request.action.set_desired_count->count;
    SALVE_RETURN_IF_ERROR(Check(wanted, subject));
    const std::int64_t now = subject.service().desired;
    if (now == wanted) return Applied("it has that desired count already");
    if (!request.undo_token.empty()) {
      const Json token = Json::parse(request.undo_token, nullptr, /*allow_exceptions=*/false);
      if (GetInt(token, {"set"}, -1) != now) {
        return AbortedError(subject.Who(kName) + "somebody has scaled it since, to " +
                            std::to_string(now) + "; it is left alone");
      }
    }
    Update update;
    update.change = {{"desiredCount", wanted}};
    update.makes_deployment = false;
    update.count = wanted;
    update.done = Command(subject, wanted) + ": done";
    return UpdateService(tools_, request, subject, update, context);
  }

  // To set the same number twice is the same as once, so a count that is not shown yet does no
  // harm.
  StatusOr<ActionResult> Outcome(const ActionRequest& request, const ServiceName& name,
                                 const CallContext& context) const override {
    SALVE_ASSIGN_OR_RETURN(const Service service, ReadService(tools_.reader, name, context));
    if (service.desired == request.action.set_desired_count->count) {
      return Applied("the desired count is as wanted");
    }
    if (tools_.questions.MayAppear(request.attempt_id)) return NoTrace(tools_, request);
    return NotApplied("the desired count is " + std::to_string(service.desired));
  }

 private:
  // Outside of an autoscaler's bounds a count does not stay; within them it may change again.
  Status CheckAutoscaler(std::int64_t wanted, const Subject& subject, const CallContext& context,
                         ActionPlan& plan) const {
    const auto bounds = BoundsOf(subject, context);
    if (!bounds.ok()) {
      plan.risk_factors.push_back("whether an autoscaler owns the count is not known: " +
                                  bounds.status().message());
      return Status::Ok();
    }
    if (!*bounds) return Status::Ok();
    const std::string text = (*bounds)->ToString();
    if (wanted < (*bounds)->least || wanted > (*bounds)->most) {
      return InvalidArgumentError(subject.Who(kName) + std::to_string(wanted) +
                                  " is outside of its autoscaler's bounds, " + text);
    }
    plan.risk_factors.push_back("an autoscaler owns the count (" + text +
                                ") and may change it again");
    return Status::Ok();
  }

  StatusOr<std::optional<Bounds>> BoundsOf(const Subject& subject,
                                           const CallContext& context) const {
    if (const auto known = tools_.view.KnownBounds(subject.name, kFresh)) return *known;
    SALVE_ASSIGN_OR_RETURN(const auto found, tools_.reader.Autoscaled({subject.name}, context));
    std::optional<Bounds> bounds;
    if (const auto it = found.find(subject.name); it != found.end()) bounds = it->second;
    tools_.view.TakeBounds(subject.name, bounds);
    return bounds;
  }

  ActionTools& tools_;
};

}  // namespace

std::unique_ptr<ActionHandler> MakeCountHandler(ActionTools& tools) {
  return std::make_unique<CountHandler>(tools);
}

}  // namespace salve::backends::ecs
