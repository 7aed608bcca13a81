// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/reader.h"

#include <algorithm>
#include <utility>

#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"

namespace salve::backends::ecs {
namespace {

constexpr std::size_t kMostDefinitions = 2000;
constexpr std::size_t kMostTasks = 100;  // of one call
constexpr int kMostPages = 3;

const Json& Array(const Json& answer, const char* name) {
  static const Json* empty = new Json(Json::array());
  const Json* found = salve::Find(answer, {name});
  return found != nullptr && found->is_array() ? *found : *empty;
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
  for (std::size_t begin = 0; begin < arns.size(); begin += kMostTasks) {
    const std::size_t end = std::min(arns.size(), begin + kMostTasks);
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
