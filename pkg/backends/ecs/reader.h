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

inline constexpr std::size_t kMostServices = 10;  // of one DescribeServices

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
  // Those of these ARNs that ECS still knows.
  StatusOr<std::vector<Task>> DescribeTasks(const std::string& cluster,
                                            const std::vector<std::string>& arns,
                                            const CallContext& context) const;

  StatusOr<std::shared_ptr<const TaskDefinition>> Definition(const std::string& arn,
                                                             const CallContext& context) const;
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
