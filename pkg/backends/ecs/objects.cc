// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/objects.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "pkg/backends/ecs/names.h"
#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"

namespace salve::backends::ecs {
namespace {

constexpr std::size_t kMaxText = 400;
constexpr std::size_t kMaxEvents = 30;
constexpr std::size_t kMaxDeployments = 20;
constexpr std::size_t kMaxContainers = 20;
constexpr std::size_t kMaxTags = 50;
constexpr std::size_t kMaxTargetGroups = 5;
constexpr std::size_t kMaxTargets = 1000;
constexpr std::size_t kMaxAddresses = 8;

const Json& Array(const Json& object, std::initializer_list<const char*> path) {
  static const Json* empty = new Json(Json::array());
  const Json* found = salve::Find(object, path);
  return found != nullptr && found->is_array() ? *found : *empty;
}

std::string Text(const Json& object, const char* name) {
  return Printable(GetString(object, {name}), kMaxText);
}

// Seconds since 1970 with a fraction, as the JSON protocol writes times.
std::optional<WallTime> Time(const Json& object, const char* name) {
  const Json* found = salve::Find(object, {name});
  if (found == nullptr) return std::nullopt;
  if (found->is_string()) return ParseTime(found->get<std::string>());
  if (!found->is_number()) return std::nullopt;
  const auto seconds = found->get<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 9e9) return std::nullopt;
  return WallTime(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
}

// "512", "1024": numbers that the API writes as texts.
std::int64_t Number(const Json& object, const char* name) {
  const Json* found = salve::Find(object, {name});
  if (found == nullptr) return 0;
  if (found->is_number()) return GetInt(object, {name});
  if (!found->is_string()) return 0;
  const std::string text = found->get<std::string>();
  std::int64_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Deployment DecodeDeployment(const Json& json) {
  Deployment d;
  d.id = Text(json, "id");
  d.status = Text(json, "status");
  d.task_definition = Text(json, "taskDefinition");
  d.desired = GetInt(json, {"desiredCount"});
  d.running = GetInt(json, {"runningCount"});
  d.pending = GetInt(json, {"pendingCount"});
  d.failed_tasks = GetInt(json, {"failedTasks"});
  d.rollout_state = Text(json, "rolloutState");
  d.rollout_reason = Text(json, "rolloutStateReason");
  d.created = Time(json, "createdAt");
  d.updated = Time(json, "updatedAt");
  return d;
}

void DecodeDeployments(const Json& json, Service& service) {
  for (const Json& one : Array(json, {"deployments"})) {
    if (service.deployments.size() == kMaxDeployments) break;
    service.deployments.push_back(DecodeDeployment(one));
  }
  std::stable_partition(service.deployments.begin(), service.deployments.end(),
                        [](const Deployment& d) { return d.status == kPrimary; });
}

void DecodeEvents(const Json& json, Service& service) {
  const std::string prefix = "(service " + service.name + ") ";
  for (const Json& one : Array(json, {"events"})) {
    if (service.events.size() == kMaxEvents) break;
    std::string message = Text(one, "message");
    if (message.rfind(prefix, 0) == 0) message.erase(0, prefix.size());
    service.events.push_back({std::move(message), Time(one, "createdAt")});
  }
}

void DecodeConfiguration(const Json& json, Service& service) {
  const Json* configuration = salve::Find(json, {"deploymentConfiguration"});
  if (configuration == nullptr) return;
  service.minimum_healthy_percent = GetInt(*configuration, {"minimumHealthyPercent"}, 100);
  service.maximum_percent = GetInt(*configuration, {"maximumPercent"}, 200);
  service.breaker = GetBool(*configuration, {"deploymentCircuitBreaker", "enable"});
  service.breaker_rolls_back =
      service.breaker && GetBool(*configuration, {"deploymentCircuitBreaker", "rollback"});
}

TaskContainer DecodeTaskContainer(const Json& json) {
  TaskContainer c;
  c.name = Text(json, "name");
  c.last_status = Text(json, "lastStatus");
  if (const Json* code = salve::Find(json, {"exitCode"}); code != nullptr && code->is_number()) {
    c.exit_code = code->get<std::int64_t>();
  }
  c.reason = Text(json, "reason");
  c.health = Text(json, "healthStatus");
  return c;
}

void AddAddress(std::string address, Task& task) {
  if (address.empty() || task.addresses.size() == kMaxAddresses) return;
  task.addresses.push_back(std::move(address));
}

ContainerDefinition DecodeContainer(const Json& json) {
  ContainerDefinition c;
  c.name = Text(json, "name");
  c.image = Text(json, "image");
  const Json* essential = salve::Find(json, {"essential"});
  c.essential = essential == nullptr || !essential->is_boolean() || essential->get<bool>();
  c.memory_mib = Number(json, "memory");
  c.reservation_mib = Number(json, "memoryReservation");
  c.cpu_units = Number(json, "cpu");
  c.health_check = !Array(json, {"healthCheck", "command"}).empty();
  if (GetString(json, {"logConfiguration", "logDriver"}) == "awslogs") {
    const Json* options = salve::Find(json, {"logConfiguration", "options"});
    if (options != nullptr) {
      c.log_group = Text(*options, "awslogs-group");
      c.log_prefix = Text(*options, "awslogs-stream-prefix");
      c.log_region = Text(*options, "awslogs-region");
    }
  }
  return c;
}

}  // namespace

const Deployment* Service::Primary() const {
  if (deployments.empty() || deployments.front().status != kPrimary) return nullptr;
  return &deployments.front();
}

std::string Task::Id() const { return LastPart(arn); }

const ContainerDefinition* TaskDefinition::Find(const std::string& container) const {
  const auto it = std::find_if(containers.begin(), containers.end(),
                               [&](const ContainerDefinition& c) { return c.name == container; });
  return it == containers.end() ? nullptr : &*it;
}

bool TaskDefinition::HasHealthCheck() const {
  return std::any_of(containers.begin(), containers.end(),
                     [](const ContainerDefinition& c) { return c.health_check; });
}

std::string TaskDefinition::Tag(const std::string& key) const {
  for (const auto& [name, value] : tags) {
    if (name == key) return value;
  }
  return "";
}

StatusOr<Service> DecodeService(const Json& json) {
  Service s;
  s.arn = Text(json, "serviceArn");
  s.name = Text(json, "serviceName");
  if (s.arn.empty() || s.name.empty()) {
    return InvalidArgumentError("a service without serviceArn or serviceName");
  }
  s.cluster_arn = Text(json, "clusterArn");
  s.status = Text(json, "status");
  s.desired = GetInt(json, {"desiredCount"});
  s.running = GetInt(json, {"runningCount"});
  s.pending = GetInt(json, {"pendingCount"});
  s.task_definition = Text(json, "taskDefinition");
  s.controller = Printable(GetString(json, {"deploymentController", "type"}), kMaxText);
  s.daemon = GetString(json, {"schedulingStrategy"}) == "DAEMON";
  s.grace_seconds = GetInt(json, {"healthCheckGracePeriodSeconds"});
  for (const Json& one : Array(json, {"loadBalancers"})) {
    const std::string group = Text(one, "targetGroupArn");  // a Classic one has none
    if (!group.empty() && s.target_groups.size() < kMaxTargetGroups) {
      s.target_groups.push_back(group);
    }
  }
  DecodeConfiguration(json, s);
  DecodeDeployments(json, s);
  DecodeEvents(json, s);
  return s;
}

StatusOr<Task> DecodeTask(const Json& json) {
  Task t;
  t.arn = Text(json, "taskArn");
  if (t.arn.empty()) return InvalidArgumentError("a task without taskArn");
  t.task_definition = Text(json, "taskDefinitionArn");
  t.started_by = Text(json, "startedBy");
  t.last_status = Text(json, "lastStatus");
  t.desired_status = Text(json, "desiredStatus");
  t.health = Text(json, "healthStatus");
  t.stop_code = Text(json, "stopCode");
  t.stopped_reason = Text(json, "stoppedReason");
  t.created = Time(json, "createdAt");
  t.started = Time(json, "startedAt");
  t.stopped = Time(json, "stoppedAt");
  if (!t.stopped) t.stopped = Time(json, "stoppingAt");
  for (const Json& one : Array(json, {"containers"})) {
    if (t.containers.size() == kMaxContainers) break;
    t.containers.push_back(DecodeTaskContainer(one));
    for (const Json& interface : Array(one, {"networkInterfaces"})) {
      AddAddress(Text(interface, "privateIpv4Address"), t);
      AddAddress(Text(interface, "ipv6Address"), t);
    }
  }
  return t;
}

std::vector<LoadTarget> DecodeTargets(const std::string& group, const Json& answer) {
  std::vector<LoadTarget> targets;
  for (const Json& one : Array(answer, {"TargetHealthDescriptions"})) {
    if (targets.size() == kMaxTargets) break;
    LoadTarget target;
    target.group = group;
    target.id = Printable(GetString(one, {"Target", "Id"}), kMaxText);
    target.port = Printable(GetString(one, {"Target", "Port"}), kMaxText);
    target.state = Printable(GetString(one, {"TargetHealth", "State"}), kMaxText);
    target.reason = Printable(GetString(one, {"TargetHealth", "Reason"}), kMaxText);
    const std::string words = GetString(one, {"TargetHealth", "Description"});
    if (!words.empty()) target.reason += ": " + Printable(words, kMaxText);
    targets.push_back(std::move(target));
  }
  return targets;
}

StatusOr<TaskDefinition> DecodeTaskDefinition(const Json& answer) {
  const Json* json = salve::Find(answer, {"taskDefinition"});
  if (json == nullptr) return InvalidArgumentError("an answer without a task definition");
  TaskDefinition d;
  d.arn = Text(*json, "taskDefinitionArn");
  if (d.arn.empty()) return InvalidArgumentError("a task definition without an ARN");
  d.family = Text(*json, "family");
  d.revision = GetInt(*json, {"revision"});
  d.status = Text(*json, "status");
  d.memory_mib = Number(*json, "memory");
  d.cpu_units = Number(*json, "cpu");
  for (const Json& one : Array(*json, {"requiresCompatibilities"})) {
    d.fargate = d.fargate || (one.is_string() && one.get<std::string>() == "FARGATE");
  }
  for (const Json& one : Array(*json, {"containerDefinitions"})) {
    if (d.containers.size() == kMaxContainers) break;
    d.containers.push_back(DecodeContainer(one));
  }
  for (const Json& one : Array(answer, {"tags"})) {
    if (d.tags.size() == kMaxTags) break;
    d.tags.emplace_back(GetString(one, {"key"}), GetString(one, {"value"}));
  }
  d.raw = *json;
  return d;
}

}  // namespace salve::backends::ecs
