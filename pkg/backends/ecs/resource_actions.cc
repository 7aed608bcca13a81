// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>
#include <vector>

#include "pkg/backends/ecs/action_handler.h"
#include "pkg/backends/ecs/task_size.h"
#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"

// updateTaskResources: a revision of the task definition with other limits, and its deployment.
namespace salve::backends::ecs {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using v1alpha1::UpdateTaskResourcesAction;

constexpr char kName[] = "updateTaskResources";
constexpr char kTag[] = "salve-attempt";
constexpr std::int64_t kMib = 1 << 20;
// So many revisions may have been registered by others since the one that is deployed.
constexpr int kMostRevisions = 10;

// What ECS adds to what was registered.
constexpr const char* kAnswerOnly[] = {"taskDefinitionArn",  "revision",        "status",
                                       "requiresAttributes", "compatibilities", "registeredAt",
                                       "registeredBy",       "deregisteredAt"};

// Named, else the one that is ill (out of memory before anything else), else the only one.
StatusOr<ContainerDefinition> Choose(const UpdateTaskResourcesAction& action,
                                     const Subject& subject, const TaskDefinition& definition) {
  const std::string who = subject.Who(kName);
  if (!action.container.empty()) {
    const ContainerDefinition* named = definition.Find(action.container);
    if (named != nullptr) return *named;
    return InvalidArgumentError(who + definition.Name() + " has no container \"" +
                                Printable(action.container, 80) + "\"");
  }
  const ContainerDefinition* ill = nullptr;
  for (const IllTask& one : subject.seen.verdict.failed) {
    const ContainerDefinition* blamed = definition.Find(one.illness.container);
    if (blamed == nullptr) continue;
    if (one.illness.oom_killed) return *blamed;
    if (ill == nullptr) ill = blamed;
  }
  if (ill != nullptr) return *ill;
  if (definition.containers.size() == 1) return definition.containers.front();
  return InvalidArgumentError(who + definition.Name() + " has " +
                              std::to_string(definition.containers.size()) +
                              " containers, and none of them is known to be ill: name one");
}

// Numbers of a task are texts in the API, those of a container numbers.
Json NewRevision(const TaskDefinition& definition, const std::string& container,
                 const TaskSize& size, const std::string& attempt_id) {
  Json body = definition.raw;
  for (const char* key : kAnswerOnly) body.erase(key);
  if (size.task_memory_mib > 0) body["memory"] = std::to_string(size.task_memory_mib);
  if (size.task_cpu_units > 0) body["cpu"] = std::to_string(size.task_cpu_units);
  for (Json& one : body["containerDefinitions"]) {
    if (GetString(one, {"name"}) != container) continue;
    if (size.container_memory_mib > 0) {
      one["memory"] = size.container_memory_mib;
      if (GetInt(one, {"memoryReservation"}) > size.container_memory_mib) {
        one["memoryReservation"] = size.container_memory_mib;
      }
    }
    if (size.container_cpu_units > 0) one["cpu"] = size.container_cpu_units;
  }
  Json tags = Json::array();
  for (const auto& [key, value] : definition.tags) {
    if (key == kTag || key.rfind("aws:", 0) == 0) continue;
    tags.push_back({{"key", key}, {"value", value}});
  }
  tags.push_back({{"key", kTag}, {"value", attempt_id}});
  body["tags"] = std::move(tags);
  return body;
}

std::string Changes(const TaskDefinition& definition, const ContainerDefinition& c,
                    const TaskSize& size) {
  std::string out;
  const auto add = [&](const std::string& what, std::int64_t from, std::int64_t to,
                       const std::string& unit) {
    if (from == to) return;
    out += (out.empty() ? "" : ", ") + what + " from " +
           (from == 0 ? "none" : std::to_string(from) + unit) + " to " + std::to_string(to) + unit;
  };
  add("memory limit of container " + c.name, c.memory_mib, size.container_memory_mib, " MiB");
  add("memory of the task", definition.memory_mib, size.task_memory_mib, " MiB");
  add("CPU of container " + c.name, c.cpu_units, size.container_cpu_units, " units");
  add("CPU of the task", definition.cpu_units, size.task_cpu_units, " units");
  return out;
}

class ResourceHandler final : public ActionHandler {
 public:
  explicit ResourceHandler(ActionTools& tools) : tools_(tools) {}

  bool Handles(const Action& a) const override { return a.update_task_resources.has_value(); }

  StatusOr<ActionPlan> Plan(const Action& action, const Subject& subject,
                            const CallContext& context) const override {
    SALVE_RETURN_IF_ERROR(CheckService(kName, subject));
    SALVE_RETURN_IF_ERROR(CheckNoDeployment(kName, subject));
    const UpdateTaskResourcesAction& asked = *action.update_task_resources;
    SALVE_ASSIGN_OR_RETURN(const TaskDefinition definition, Present(subject, context));
    SALVE_ASSIGN_OR_RETURN(const ContainerDefinition c, Choose(asked, subject, definition));
    SALVE_ASSIGN_OR_RETURN(const TaskSize size,
                           WantedSize(asked, definition, c, subject.Who(kName)));
    const Service& service = subject.service();
    ActionPlan plan = NewPlan(action, subject);
    // In absolute terms from here on: what is approved is what is done.
    UpdateTaskResourcesAction& absolute = *plan.action.update_task_resources;
    absolute = {};
    absolute.container = c.name;
    const std::int64_t memory = c.memory_mib > 0 || definition.memory_mib == 0
                                    ? size.container_memory_mib
                                    : size.task_memory_mib;
    if (asked.memory_bytes || asked.memory_percent) absolute.memory_bytes = memory * kMib;
    absolute.cpu_millis = asked.cpu_millis;
    const std::string changes = Changes(definition, c, size);
    plan.command = "aws ecs register-task-definition --family " + definition.family + " (" +
                   definition.Name() + " with " + changes + ") && " +
                   subject.Aws("update-service") + " --service " + subject.name.service +
                   " --task-definition " + definition.family;
    plan.description = "Registers a revision of " + definition.Name() + " and deploys it to " +
                       subject.name.ToString() + ": " + changes + ".";
    plan.affected.front() += ", task definition " + definition.family;
    plan.base_risk = v1alpha1::kRiskMedium;
    plan.takes_available = TakenByDeployment(service);
    if (memory > 0 && memory < MemoryOf(definition, c)) {
      plan.risk_factors.emplace_back("a lower memory limit can get it killed");
    }
    plan.subject = DeploymentsBefore(service);
    plan.undo.emplace().rollback_task_definition.emplace().task_definition = definition.Name();
    plan.undo_command = subject.Aws("update-service") + " --service " + subject.name.service +
                        " --task-definition " + definition.Name();
    plan.undo_token = Json({{"was", definition.arn}, {"tag", kTag}}).dump();
    plan.reversible = true;
    return plan;
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request, const Subject& subject,
                                 const CallContext& context) const override {
    SALVE_RETURN_IF_ERROR(CheckService(kName, subject));
    SALVE_ASSIGN_OR_RETURN(const TaskDefinition definition, Present(subject, context));
    if (definition.Tag(kTag) == request.attempt_id) return Applied("it is deployed already");
    SALVE_ASSIGN_OR_RETURN(TaskDefinition revision,
                           Revision(request, subject, definition, context));
    Update update;
    update.change = {{"taskDefinition", revision.arn}};
    update.task_definition = revision.arn;
    update.done = "service " + subject.name.ToString() + " goes on with " + revision.Name();
    return UpdateService(tools_, request, subject, update, context);
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request, const ServiceName& name,
                                 const CallContext& context) const override {
    SALVE_ASSIGN_OR_RETURN(const Service service, ReadService(tools_.reader, name, context));
    Status problem;
    auto found = FindNewDeployment(tools_, request, name, service, [&](const std::string& arn) {
      const auto definition = tools_.reader.FreshDefinition(arn, context);
      if (!definition.ok()) problem = definition.status();
      return definition.ok() && definition->Tag(kTag) == request.attempt_id;
    });
    if (found && (found->outcome == ActionResult::Outcome::kApplied || problem.ok())) {
      return *std::move(found);
    }
    SALVE_RETURN_IF_ERROR(problem);
    return NoTrace(tools_, request);
  }

 private:
  StatusOr<TaskDefinition> Present(const Subject& subject, const CallContext& context) const {
    return tools_.reader.FreshDefinition(subject.service().task_definition, context);
  }

  // The attempt's own: one that it registered before a crash, else a new one. Never a second.
  StatusOr<TaskDefinition> Revision(const ActionRequest& request, const Subject& subject,
                                    const TaskDefinition& present,
                                    const CallContext& context) const {
    SALVE_ASSIGN_OR_RETURN(auto before, Registered(request.attempt_id, present, context));
    if (before) return *std::move(before);
    const UpdateTaskResourcesAction& action = *request.action.update_task_resources;
    SALVE_ASSIGN_OR_RETURN(const ContainerDefinition c, Choose(action, subject, present));
    SALVE_ASSIGN_OR_RETURN(const TaskSize size, WantedSize(action, present, c, subject.Who(kName)));
    const auto answer = tools_.api.Call(
        kRegisterTaskDefinition, NewRevision(present, c.name, size, request.attempt_id), context);
    if (answer.ok()) return DecodeTaskDefinition(*answer);
    if (!MayHaveBeenDone(answer.code())) return answer.status();
    SALVE_ASSIGN_OR_RETURN(auto after, Registered(request.attempt_id, present, context));
    if (after) return *std::move(after);
    // Nothing is deployed, whatever became of the revision.
    return UnavailableError(answer.status().message());
  }

  StatusOr<std::optional<TaskDefinition>> Registered(const std::string& attempt_id,
                                                     const TaskDefinition& present,
                                                     const CallContext& context) const {
    SALVE_ASSIGN_OR_RETURN(const Json answer, tools_.api.Call(kListTaskDefinitions,
                                                              {{"familyPrefix", present.family},
                                                               {"sort", "DESC"},
                                                               {"maxResults", kMostRevisions}},
                                                              context));
    const Json* arns = salve::Find(answer, {"taskDefinitionArns"});
    for (const Json& arn : arns != nullptr && arns->is_array() ? *arns : Json::array()) {
      if (!arn.is_string() || arn.get<std::string>() == present.arn) break;  // older from here on
      SALVE_ASSIGN_OR_RETURN(TaskDefinition one,
                             tools_.reader.FreshDefinition(arn.get<std::string>(), context));
      if (one.Tag(kTag) == attempt_id) return std::optional<TaskDefinition>(std::move(one));
    }
    return std::optional<TaskDefinition>();
  }

  ActionTools& tools_;
};

}  // namespace

std::unique_ptr<ActionHandler> MakeResourceHandler(ActionTools& tools) {
  return std::make_unique<ResourceHandler>(tools);
}

}  // namespace salve::backends::ecs
