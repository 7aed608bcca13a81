// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/testing/fake_ecs.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "pkg/backends/ecs/names.h"
#include "pkg/base/json_access.h"

namespace salve::backends::ecs::testing {
namespace {

constexpr char kCluster[] = "shop";

Json Primary(const std::string& id, const std::string& definition, std::int64_t desired,
             double now) {
  return {{"id", id},
          {"status", "PRIMARY"},
          {"taskDefinition", definition},
          {"desiredCount", desired},
          {"runningCount", 0},
          {"pendingCount", 0},
          {"failedTasks", 0},
          {"createdAt", now},
          {"updatedAt", now},
          {"rolloutState", "IN_PROGRESS"},
          {"rolloutStateReason", "ECS deployment " + id + " in progress."}};
}

// One page of `items`: those from "nextToken" on, which is a number here.
Json Page(const char* member, const std::vector<Json>& items, const Json& body, std::size_t page) {
  const std::string token = GetString(body, {"nextToken"});
  const std::size_t begin = token.empty() ? 0 : static_cast<std::size_t>(std::stoul(token));
  const std::size_t end = std::min(items.size(), begin + page);
  Json answer = {{member, Json::array()}};
  for (std::size_t i = begin; i < end; ++i) answer[member].push_back(items[i]);
  if (end < items.size()) answer["nextToken"] = std::to_string(end);
  return answer;
}

}  // namespace

std::string EcsArn(const std::string& resource) {
  return std::string("arn:aws:ecs:") + kRegion + ":" + kAccount + ":" + resource;
}

double FakeEcs::Now() const {
  return std::chrono::duration<double>(clock_.Now().time_since_epoch()).count();
}

std::string FakeEcs::Register(const std::string& family, const Json& container,
                              const Json& fields) {
  std::vector<std::string>& known = families_[family];
  const std::string arn =
      EcsArn("task-definition/" + family + ":" + std::to_string(known.size() + 1));
  Json app = {{"name", "app"},
              {"image", "shop/" + family + ":" + std::to_string(known.size() + 1)},
              {"essential", true},
              {"cpu", 0},
              {"memory", 64},
              {"logConfiguration",
               {{"logDriver", "awslogs"},
                {"options", {{"awslogs-group", "/demo"}, {"awslogs-stream-prefix", family}}}}}};
  app.update(container);
  Json definition = {{"taskDefinitionArn", arn},
                     {"family", family},
                     {"revision", known.size() + 1},
                     {"status", "ACTIVE"},
                     {"registeredAt", Now()},
                     {"compatibilities", {"EC2", "FARGATE"}},
                     {"containerDefinitions", Json::array({app})}};
  definition.update(fields);
  definitions_[arn] = std::move(definition);
  known.push_back(arn);
  return arn;
}

Json& FakeEcs::AddService(const std::string& name, std::int64_t desired) {
  const std::string definition = families_.at(name).back();
  services_[name] = {{"serviceArn", EcsArn("service/" + std::string(kCluster) + "/" + name)},
                     {"serviceName", name},
                     {"clusterArn", EcsArn("cluster/" + std::string(kCluster))},
                     {"status", "ACTIVE"},
                     {"desiredCount", desired},
                     {"runningCount", 0},
                     {"pendingCount", 0},
                     {"taskDefinition", definition},
                     {"schedulingStrategy", "REPLICA"},
                     {"deploymentController", {{"type", "ECS"}}},
                     {"deploymentConfiguration",
                      {{"minimumHealthyPercent", 100},
                       {"maximumPercent", 200},
                       {"deploymentCircuitBreaker", {{"enable", false}, {"rollback", false}}}}},
                     {"deployments", Json::array()},
                     {"events", Json::array()},
                     {"loadBalancers", Json::array()}};
  Deploy(name, definition);
  Complete(name);
  return services_[name];
}

std::string FakeEcs::Deploy(const std::string& name, const std::string& definition) {
  Json& service = services_.at(name);
  for (Json& one : service["deployments"]) one["status"] = "ACTIVE";
  const std::string id = "ecs-svc/" + std::to_string(1000 + next_++);
  service["deployments"].insert(
      service["deployments"].begin(),
      Primary(id, definition, service["desiredCount"].get<std::int64_t>(), Now()));
  service["taskDefinition"] = definition;
  return id;
}

void FakeEcs::Complete(const std::string& name) {
  Json& service = services_.at(name);
  Json primary = service["deployments"][0];
  primary["rolloutState"] = "COMPLETED";
  primary["updatedAt"] = Now();
  primary["runningCount"] = service["desiredCount"];
  service["deployments"] = Json::array({primary});
  service["runningCount"] = service["desiredCount"];
  service["pendingCount"] = 0;
  std::erase_if(tasks_, [&](const Json& task) {
    return task["group"] == "service:" + name && task["lastStatus"] == "RUNNING";
  });
  for (std::int64_t i = 0; i < service["desiredCount"].get<std::int64_t>(); ++i) AddTask(name);
}

Json& FakeEcs::AddTask(const std::string& name) {
  const Json& service = services_.at(name);
  const std::string id = "0000000000000000000000000000" + std::to_string(1000 + next_++);
  Json container = {{"name", "app"}, {"lastStatus", "RUNNING"}, {"healthStatus", "UNKNOWN"}};
  tasks_.push_back({{"taskArn", EcsArn("task/" + std::string(kCluster) + "/" + id)},
                    {"taskDefinitionArn", service["taskDefinition"]},
                    {"startedBy", service["deployments"][0]["id"]},
                    {"group", "service:" + name},
                    {"lastStatus", "RUNNING"},
                    {"desiredStatus", "RUNNING"},
                    {"healthStatus", "UNKNOWN"},
                    {"createdAt", Now()},
                    {"startedAt", Now()},
                    {"containers", Json::array({container})}});
  return tasks_.back();
}

Json& FakeEcs::FirstTask(const std::string& name) {
  return *std::find_if(tasks_.begin(), tasks_.end(),
                       [&](const Json& task) { return task["group"] == "service:" + name; });
}

Json& FakeEcs::AddEnded(const std::string& name, std::int64_t exit_code, Duration ran) {
  Json& task = AddTask(name);
  task["startedAt"] = Now() - std::chrono::duration<double>(ran).count();
  task["createdAt"] = task["startedAt"];
  task["lastStatus"] = "STOPPED";
  task["desiredStatus"] = "STOPPED";
  task["stoppedAt"] = Now();
  task["stopCode"] = "EssentialContainerExited";
  task["stoppedReason"] = "Essential container in task exited";
  task["containers"][0]["lastStatus"] = "STOPPED";
  task["containers"][0]["exitCode"] = exit_code;
  return task;
}

Json& FakeEcs::AddNotStarted(const std::string& name, const std::string& why) {
  Json& task = AddEnded(name, 0);
  task.erase("startedAt");
  task["containers"][0].erase("exitCode");
  task["containers"][0]["reason"] = why;
  task["stopCode"] = "TaskFailedToStart";
  task["stoppedReason"] = why;
  return task;
}

void FakeEcs::Event(const std::string& name, const std::string& message) {
  Json& events = services_.at(name)["events"];
  events.insert(
      events.begin(),
      Json({{"id", "e"}, {"createdAt", Now()}, {"message", "(service " + name + ") " + message}}));
}

void FakeEcs::Fail(const std::string& operation, Status status, bool applied, int count) {
  faults_.push_back({operation, std::move(status), applied, count});
}

void FakeEcs::Deny(const std::string& operation, int count) {
  Fail(operation,
       PermissionDeniedError("ecs:" + operation + " in eu-central-1: AccessDeniedException")
           .WithReason("AccessDeniedException"),
       false, count);
}

std::size_t FakeEcs::Count(const std::string& operation) const {
  return static_cast<std::size_t>(std::count_if(
      calls.begin(), calls.end(), [&](const Made& one) { return one.operation == operation; }));
}

const Json& FakeEcs::Last(const std::string& operation) const {
  const auto it = std::find_if(calls.rbegin(), calls.rend(),
                               [&](const Made& one) { return one.operation == operation; });
  static const auto* none = new Json();
  return it == calls.rend() ? *none : it->body;
}

StatusOr<Json> FakeEcs::Call(const Permission& call, const Json& body, const CallContext&) {
  const std::string operation(call.operation.name);
  calls.push_back({operation, body});
  for (Fault& fault : faults_) {
    if (fault.operation != operation || fault.left == 0) continue;
    if (fault.left > 0) --fault.left;
    if (fault.applied) (void)Answer(operation, body);
    return fault.status;
  }
  return Answer(operation, body);
}

StatusOr<Json> FakeEcs::Answer(const std::string& operation, const Json& body) {
  if (body.contains("cluster") && body["cluster"] != kCluster) {
    return NotFoundError("ecs:" + operation + ": ClusterNotFoundException: Cluster not found.")
        .WithReason("ClusterNotFoundException");
  }
  if (operation == "DescribeServices") return DescribeServices(body);
  if (operation == "ListTasks") return ListTasks(body);
  if (operation == "DescribeTasks") return DescribeTasks(body);
  if (operation == "UpdateService") return Update(body);
  if (operation == "FilterLogEvents") return FilterLogs(body);
  if (operation == "DescribeScalableTargets") return Json{{"ScalableTargets", scalable_targets}};
  if (operation == "DescribeTargetHealth") {
    const auto it = target_health.find(body["TargetGroupArn"].get<std::string>());
    if (it == target_health.end()) {
      return NotFoundError("elasticloadbalancing:DescribeTargetHealth: TargetGroupNotFound");
    }
    return Json{{"TargetHealthDescriptions", it->second}};
  }
  if (operation == "ListServiceDeployments") {
    Json listed = Json::array();
    for (std::size_t i = 0; i < succeeded.size(); ++i) {
      listed.push_back({{"createdAt", static_cast<double>(i)},
                        {"status", "SUCCESSFUL"},
                        {"targetServiceRevisionArn", EcsArn("service-revision/" + succeeded[i])}});
    }
    return Json{{"serviceDeployments", listed}};
  }
  if (operation == "DescribeServiceRevisions") {
    Json revisions = Json::array();
    for (const Json& arn : body["serviceRevisionArns"]) {
      const std::string text = arn.get<std::string>();
      revisions.push_back(
          {{"serviceRevisionArn", arn}, {"taskDefinition", text.substr(text.find("arn:", 1))}});
    }
    return Json{{"serviceRevisions", revisions}};
  }
  if (operation == "StopTask") {
    for (Json& task : tasks_) {
      if (task["taskArn"] != body["task"]) continue;
      task["desiredStatus"] = "STOPPED";
      task["stopCode"] = "UserInitiated";
      task["stoppedReason"] = body["reason"];
      return Json{{"task", task}};
    }
    return InvalidArgumentError("The referenced task was not found.");
  }
  if (operation == "DescribeTaskDefinition") {
    std::string arn = body["taskDefinition"].get<std::string>();
    if (arn.rfind("arn:", 0) != 0) arn = EcsArn("task-definition/" + arn);
    const auto it = definitions_.find(arn);
    if (it == definitions_.end()) {
      return InvalidArgumentError("ClientException: Unable to describe task definition.");
    }
    return Json{{"taskDefinition", it->second}, {"tags", tags_[arn]}};
  }
  if (operation == "ListTaskDefinitions") {
    std::vector<Json> arns(families_[body["familyPrefix"]].rbegin(),
                           families_[body["familyPrefix"]].rend());
    return Page("taskDefinitionArns", arns, body, page);
  }
  if (operation == "RegisterTaskDefinition") {
    const std::string family = body["family"].get<std::string>();
    Json fields = body;
    fields.erase("tags");
    const std::string arn = Register(family, Json::object(), fields);
    tags_[arn] = body.value("tags", Json::array());
    return Json{{"taskDefinition", definitions_[arn]}, {"tags", tags_[arn]}};
  }
  return UnimplementedError("the fake knows no " + operation);
}

Json FakeEcs::DescribeServices(const Json& body) {
  Json answer = {{"services", Json::array()}, {"failures", Json::array()}};
  for (const Json& name : body["services"]) {
    const auto it = services_.find(name.get<std::string>());
    if (it == services_.end()) {
      answer["failures"].push_back(
          {{"arn", EcsArn("service/" + std::string(kCluster) + "/" + name.get<std::string>())},
           {"reason", "MISSING"}});
      continue;
    }
    const auto stale = stale_.find(it->first);
    const bool old = stale != stale_.end() && clock_.Monotonic() < stale->second.second;
    answer["services"].push_back(old ? stale->second.first : it->second);
  }
  return answer;
}

Json FakeEcs::ListTasks(const Json& body) const {
  std::vector<Json> arns;
  for (const Json& task : tasks_) {
    if (task["group"] == "service:" + body["serviceName"].get<std::string>() &&
        task["desiredStatus"] == body["desiredStatus"]) {
      arns.push_back(task["taskArn"]);
    }
  }
  return Page("taskArns", arns, body, page);
}

Json FakeEcs::DescribeTasks(const Json& body) const {
  Json answer = {{"tasks", Json::array()}, {"failures", Json::array()}};
  for (const Json& arn : body["tasks"]) {
    for (const Json& task : tasks_) {
      if (task["taskArn"] == arn) answer["tasks"].push_back(task);
    }
  }
  return answer;
}

StatusOr<Json> FakeEcs::Update(const Json& body) {
  const std::string name = body["service"].get<std::string>();
  Json& service = services_.at(name);
  if (visible_after > Duration::zero()) {
    stale_[name] = {service, clock_.Monotonic() + visible_after};
  }
  if (body.contains("desiredCount")) service["desiredCount"] = body["desiredCount"];
  const std::string wanted =
      body.value("taskDefinition", service["taskDefinition"].get<std::string>());
  if (body.value("forceNewDeployment", false) ||
      wanted != service["taskDefinition"].get<std::string>()) {
    Deploy(name, wanted);
  }
  return Json{{"service", service}};
}

Json FakeEcs::FilterLogs(const Json& body) const {
  std::vector<Json> found;
  const auto group = log_events.find(body["logGroupName"].get<std::string>());
  if (group != log_events.end()) {
    for (const Json& event : group->second) {
      const std::string stream = GetString(event, {"logStreamName"});
      if (event["timestamp"] < body["startTime"]) continue;
      if (stream.rfind(body.value("logStreamNamePrefix", ""), 0) != 0) continue;
      found.push_back(event);
    }
  }
  return Page("events", found, body, log_page);
}

}  // namespace salve::backends::ecs::testing
