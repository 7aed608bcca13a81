// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_READER_H_
#define SALVE_PKG_BACKENDS_ECS_READER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pkg/backends/ecs/api.h"
#include "pkg/backends/ecs/names.h"
#include "pkg/backends/ecs/objects.h"
#include "pkg/base/mutex.h"

namespace salve::backends::ecs {

inline constexpr std::size_t kMostServices = 10;    // of one DescribeServices
inline constexpr std::size_t kMostDescribed = 100;  // of one DescribeTasks
inline constexpr std::size_t kMostScalable = 50;    // of one DescribeScalableTargets

// The task definitions by ARN. A revision never changes, so what is here is here for good; bounded
// all the same. Thread-safe.
class DefinitionCache {
 public:
  std::shared_ptr<const TaskDefinition> Find(const std::string& arn) const;
  std::shared_ptr<const TaskDefinition> Keep(TaskDefinition definition);

 private:
  mutable Mutex mu_;
  std::map<std::string, std::shared_ptr<const TaskDefinition>> by_arn_ SALVE_GUARDED_BY(mu_);
};

// The calls that look, with their pages put together. Thread-safe; no state of its own.
class Reader {
 public:
  // Both outlive it.
  Reader(Api& api, DefinitionCache& definitions) : api_(api), definitions_(definitions) {}

  // By name of the service: what it is, or kNotFound for one that does not exist or is INACTIVE.
  // At most kMostServices, all of one cluster.
  StatusOr<std::map<std::string, StatusOr<Service>>> Services(const std::string& cluster,
                                                              const std::vector<std::string>& names,
                                                              const CallContext& context) const;

  // Those that run or are to run, and those that ended within the last hour. At most 300 of each.
  StatusOr<std::vector<Task>> Tasks(const ServiceName& name, const CallContext& context) const;
  // The ARNs of those that run or are to run. At most 300.
  StatusOr<std::vector<std::string>> RunningTasks(const ServiceName& name,
                                                  const CallContext& context) const;
  // What the load balancer thinks of the targets of a group, by the group's ARN.
  StatusOr<std::vector<LoadTarget>> Targets(const std::string& group,
                                            const CallContext& context) const;
  // Within which bounds autoscalers keep the number of tasks of each of these services; those
  // without an autoscaler are left out. At most kMostScalable.
  StatusOr<std::map<ServiceName, Bounds>> Autoscaled(const std::vector<ServiceName>& names,
                                                     const CallContext& context) const;
  // The ARNs of the task definitions of the deployments that succeeded, the newest last, each
  // once, as far as ECS remembers them (90 days).
  StatusOr<std::vector<std::string>> History(const ServiceName& name,
                                             const CallContext& context) const;
  // Those of these ARNs that ECS still knows.
  StatusOr<std::vector<Task>> DescribeTasks(const std::string& cluster,
                                            const std::vector<std::string>& arns,
                                            const CallContext& context) const;

  StatusOr<std::shared_ptr<const TaskDefinition>> Definition(const std::string& arn,
                                                             const CallContext& context) const;
  // Without a call; nullptr where one would be needed.
  std::shared_ptr<const TaskDefinition> KnownDefinition(const std::string& arn) const {
    return definitions_.Find(arn);
  }
  // As it is now, with its tags: by ARN or family:revision.
  StatusOr<TaskDefinition> FreshDefinition(const std::string& name,
                                           const CallContext& context) const;

 private:
  StatusOr<std::vector<std::string>> ListTasks(const ServiceName& name, const char* status,
                                               const CallContext& context) const;

  Api& api_;
  DefinitionCache& definitions_;
};

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_READER_H_
