// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/reader.h"

#include <algorithm>
#include <utility>

#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"

namespace salve::backends::ecs {
namespace {

constexpr std::size_t kMostDefinitions = 2000;
constexpr int kMostRevisions = 20;  // of one DescribeServiceRevisions
constexpr int kMostPages = 3;

const Json& Array(const Json& answer, const char* name) {
  static const Json* empty = new Json(Json::array());
  const Json* found = salve::Find(answer, {name});
  return found != nullptr && found->is_array() ? *found : *empty;
}

double CreatedAt(const Json& deployment) {
  const Json* at = salve::Find(deployment, {"createdAt"});
  return at != nullptr && at->is_number() ? at->get<double>() : 0;
}

Status Missing(const std::string& cluster, const std::string& name, const std::string& why) {
  return NotFoundError("ecs:DescribeServices: there is no service \"" + name + "\" in cluster \"" +
                       cluster + "\" (" + why + ")")
      .WithReason(why);
}

}  // namespace

std::shared_ptr<const TaskDefinition> DefinitionCache::Find(const std::string& arn) const {
  MutexLock lock(mu_);
  const auto it = by_arn_.find(arn);
  return it == by_arn_.end() ? nullptr : it->second;
}

std::shared_ptr<const TaskDefinition> DefinitionCache::Keep(TaskDefinition definition) {
  auto kept = std::make_shared<const TaskDefinition>(std::move(definition));
  MutexLock lock(mu_);
  if (by_arn_.size() >= kMostDefinitions) by_arn_.clear();
  by_arn_[kept->arn] = kept;
  return kept;
}

StatusOr<std::map<std::string, StatusOr<Service>>> Reader::Services(
    const std::string& cluster, const std::vector<std::string>& names,
    const CallContext& context) const {
  SALVE_ASSIGN_OR_RETURN(
      const Json answer,
      api_.Call(kDescribeServices, {{"cluster", cluster}, {"services", names}}, context));
  std::map<std::string, StatusOr<Service>> out;
  for (const Json& one : Array(answer, "services")) {
    auto service = DecodeService(one);
    if (!service.ok()) continue;
    const std::string name = service->name;
    if (service->status == "INACTIVE") {
      out.insert_or_assign(name, Missing(cluster, name, "INACTIVE"));
    } else {
      out.insert_or_assign(name, std::move(service).value());
    }
  }
  for (const Json& failure : Array(answer, "failures")) {
    const std::string name = LastPart(GetString(failure, {"arn"}));
    const std::string why = Printable(GetString(failure, {"reason"}), 200);
    out.try_emplace(name, Missing(cluster, name, why));
  }
  for (const std::string& name : names) {
    out.try_emplace(name, Missing(cluster, name, "MISSING"));
  }
  return out;
}

StatusOr<std::vector<std::string>> Reader::ListTasks(const ServiceName& name, const char* status,
                                                     const CallContext& context) const {
  Json body = {{"cluster", name.cluster}, {"serviceName", name.service}, {"desiredStatus", status}};
  std::vector<std::string> arns;
  for (int page = 0; page < kMostPages; ++page) {
    SALVE_ASSIGN_OR_RETURN(const Json answer, api_.Call(kListTasks, body, context));
    for (const Json& arn : Array(answer, "taskArns")) {
      if (arn.is_string()) arns.push_back(arn.get<std::string>());
    }
    const std::string next = GetString(answer, {"nextToken"});
    if (next.empty()) break;
    body["nextToken"] = next;
  }
  return arns;
}

StatusOr<std::vector<Task>> Reader::DescribeTasks(const std::string& cluster,
                                                  const std::vector<std::string>& arns,
                                                  const CallContext& context) const {
  std::vector<Task> tasks;
  for (std::size_t begin = 0; begin < arns.size(); begin += kMostDescribed) {
    const std::size_t end = std::min(arns.size(), begin + kMostDescribed);
    const std::vector<std::string> part(arns.begin() + static_cast<std::ptrdiff_t>(begin),
                                        arns.begin() + static_cast<std::ptrdiff_t>(end));
    SALVE_ASSIGN_OR_RETURN(
        const Json answer,
        api_.Call(kDescribeTasks, {{"cluster", cluster}, {"tasks", part}}, context));
    for (const Json& one : Array(answer, "tasks")) {
      auto task = DecodeTask(one);
      if (task.ok()) tasks.push_back(std::move(task).value());
    }
  }
  return tasks;
}

StatusOr<std::vector<Task>> Reader::Tasks(const ServiceName& name,
                                          const CallContext& context) const {
  SALVE_ASSIGN_OR_RETURN(std::vector<std::string> arns, ListTasks(name, kRunning, context));
  SALVE_ASSIGN_OR_RETURN(const std::vector<std::string> ended, ListTasks(name, kStopped, context));
  arns.insert(arns.end(), ended.begin(), ended.end());
  return DescribeTasks(name.cluster, arns, context);
}

StatusOr<std::vector<std::string>> Reader::RunningTasks(const ServiceName& name,
                                                        const CallContext& context) const {
  return ListTasks(name, kRunning, context);
}

StatusOr<std::vector<LoadTarget>> Reader::Targets(const std::string& group,
                                                  const CallContext& context) const {
  SALVE_ASSIGN_OR_RETURN(const Json answer,
                         api_.Call(kDescribeTargetHealth, {{"TargetGroupArn", group}}, context));
  return DecodeTargets(group, answer);
}

StatusOr<std::map<ServiceName, Bounds>> Reader::Autoscaled(const std::vector<ServiceName>& names,
                                                           const CallContext& context) const {
  static constexpr char kPrefix[] = "service/";
  Json resources = Json::array();
  for (const ServiceName& name : names) resources.push_back(kPrefix + name.ToString());
  SALVE_ASSIGN_OR_RETURN(const Json answer,
                         api_.Call(kDescribeScalableTargets,
                                   {{"ServiceNamespace", "ecs"},
                                    {"ResourceIds", resources},
                                    {"ScalableDimension", "ecs:service:DesiredCount"}},
                                   context));
  std::map<ServiceName, Bounds> out;
  for (const Json& one : Array(answer, "ScalableTargets")) {
    const std::string id = GetString(one, {"ResourceId"});
    if (id.rfind(kPrefix, 0) != 0) continue;
    const auto name =
        ParseServiceName(std::string_view(id).substr(std::string_view(kPrefix).size()));
    if (name) out[*name] = {GetInt(one, {"MinCapacity"}), GetInt(one, {"MaxCapacity"})};
  }
  return out;
}

StatusOr<std::vector<std::string>> Reader::History(const ServiceName& name,
                                                   const CallContext& context) const {
  SALVE_ASSIGN_OR_RETURN(const Json listed, api_.Call(kListServiceDeployments,
                                                      {{"cluster", name.cluster},
                                                       {"service", name.service},
                                                       {"status", {"SUCCESSFUL"}},
                                                       {"maxResults", kMostRevisions}},
                                                      context));
  std::vector<Json> deployments(Array(listed, "serviceDeployments").begin(),
                                Array(listed, "serviceDeployments").end());
  std::stable_sort(deployments.begin(), deployments.end(),
                   [](const Json& a, const Json& b) { return CreatedAt(a) > CreatedAt(b); });
  std::vector<std::string> revisions;  // newest first
  for (const Json& one : deployments) {
    const std::string arn = GetString(one, {"targetServiceRevisionArn"});
    const bool known = std::find(revisions.begin(), revisions.end(), arn) != revisions.end();
    if (!arn.empty() && !known) revisions.push_back(arn);
  }
  if (revisions.empty()) return std::vector<std::string>{};
  SALVE_ASSIGN_OR_RETURN(
      const Json described,
      api_.Call(kDescribeServiceRevisions, {{"serviceRevisionArns", revisions}}, context));
  std::map<std::string, std::string> definitions;  // by revision
  for (const Json& one : Array(described, "serviceRevisions")) {
    definitions[GetString(one, {"serviceRevisionArn"})] = GetString(one, {"taskDefinition"});
  }
  std::vector<std::string> out;
  for (auto it = revisions.rbegin(); it != revisions.rend(); ++it) {
    const std::string definition = definitions[*it];
    if (definition.empty()) continue;
    std::erase(out, definition);
    out.push_back(definition);
  }
  return out;
}

StatusOr<TaskDefinition> Reader::FreshDefinition(const std::string& name,
                                                 const CallContext& context) const {
  SALVE_ASSIGN_OR_RETURN(const Json answer,
                         api_.Call(kDescribeTaskDefinition,
                                   {{"taskDefinition", name}, {"include", {"TAGS"}}}, context));
  return DecodeTaskDefinition(answer);
}

StatusOr<std::shared_ptr<const TaskDefinition>> Reader::Definition(
    const std::string& arn, const CallContext& context) const {
  if (auto known = definitions_.Find(arn)) return known;
  SALVE_ASSIGN_OR_RETURN(TaskDefinition definition, FreshDefinition(arn, context));
  return definitions_.Keep(std::move(definition));
}

}  // namespace salve::backends::ecs
