// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_OBJECTS_H_
#define SALVE_PKG_BACKENDS_ECS_OBJECTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pkg/backends/ecs/api.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"

// The parts of ECS's answers that somebody reads, bounded and printable. Plain values.
namespace salve::backends::ecs {

inline constexpr char kActive[] = "ACTIVE";
inline constexpr char kPrimary[] = "PRIMARY";
inline constexpr char kRunning[] = "RUNNING";
inline constexpr char kStopped[] = "STOPPED";
inline constexpr char kInProgress[] = "IN_PROGRESS";
inline constexpr char kCompleted[] = "COMPLETED";
inline constexpr char kFailed[] = "FAILED";

struct Deployment {
  std::string id;               // "ecs-svc/1234567890123456789"
  std::string status;           // PRIMARY | ACTIVE | INACTIVE
  std::string task_definition;  // ARN
  std::int64_t desired = 0;
  std::int64_t running = 0;
  std::int64_t pending = 0;
  std::int64_t failed_tasks = 0;
  std::string rollout_state;  // IN_PROGRESS | COMPLETED | FAILED; "" where ECS does not tell
  std::string rollout_reason;
  std::optional<WallTime> created;
  std::optional<WallTime> updated;
};

struct ServiceEvent {
  std::string message;  // without the leading "(service …)"
  std::optional<WallTime> at;
};

struct Service {
  std::string arn;
  std::string name;
  std::string cluster_arn;
  std::string status;  // ACTIVE | DRAINING | INACTIVE
  std::int64_t desired = 0;
  std::int64_t running = 0;
  std::int64_t pending = 0;
  std::string task_definition;  // ARN; of the primary deployment
  std::string controller;       // ECS | CODE_DEPLOY | EXTERNAL; "" = ECS
  bool daemon = false;          // as many tasks as there are instances
  std::int64_t minimum_healthy_percent = 100;
  std::int64_t maximum_percent = 200;
  bool breaker = false;  // ECS's deployment circuit breaker
  bool breaker_rolls_back = false;
  std::int64_t grace_seconds = 0;          // of health checks
  std::vector<std::string> target_groups;  // ARNs, of its load balancers; bounded
  std::vector<Deployment> deployments;     // the primary one first
  std::vector<ServiceEvent> events;        // newest first, bounded

  // nullptr: there is none.
  const Deployment* Primary() const;
};

struct TaskContainer {
  std::string name;
  std::string last_status;
  std::optional<std::int64_t> exit_code;
  std::string reason;
  std::string health;  // HEALTHY | UNHEALTHY | UNKNOWN
};

struct Task {
  std::string arn;
  std::string task_definition;  // ARN
  std::string started_by;       // the deployment's id
  std::string last_status;
  std::string desired_status;
  std::string health;
  std::string stop_code;
  std::string stopped_reason;
  std::optional<WallTime> created;
  std::optional<WallTime> started;
  std::optional<WallTime> stopped;
  std::vector<TaskContainer> containers;
  std::vector<std::string> addresses;  // IPv4 and IPv6, of its own interfaces (awsvpc)

  bool Running() const { return last_status == kRunning && desired_status == kRunning; }
  std::string Id() const;
};

struct ContainerDefinition {
  std::string name;
  std::string image;
  bool essential = true;
  std::int64_t memory_mib = 0;  // hard limit; 0 = none of its own
  std::int64_t reservation_mib = 0;
  std::int64_t cpu_units = 0;
  bool health_check = false;
  std::string log_group;  // of awslogs; "" = it logs elsewhere
  std::string log_prefix;
  std::string log_region;  // "" = the service's own
};

struct TaskDefinition {
  std::string arn;
  std::string family;
  std::int64_t revision = 0;
  std::string status;           // ACTIVE | INACTIVE | DELETE_IN_PROGRESS
  std::int64_t memory_mib = 0;  // of the whole task; 0 = none
  std::int64_t cpu_units = 0;
  bool fargate = false;
  std::vector<ContainerDefinition> containers;
  std::vector<std::pair<std::string, std::string>> tags;  // bounded
  Json raw;                                               // what ECS answered

  // "web:7"
  std::string Name() const { return family + ":" + std::to_string(revision); }
  const ContainerDefinition* Find(const std::string& container) const;
  bool HasHealthCheck() const;
  std::string Tag(const std::string& key) const;
};

// What a load balancer thinks of one address that it sends requests to.
struct LoadTarget {
  std::string group;  // ARN
  std::string id;     // an address (awsvpc) or an instance
  std::string port;
  std::string state;  // healthy | unhealthy | initial | draining | unused | unavailable
  std::string
      reason;  // "Target.ResponseCodeMismatch: Health checks failed with these codes: [503]"

  bool Ill() const { return state == "unhealthy"; }
  std::string Key() const { return "target " + group + " " + id + ":" + port; }
};

// Within which numbers of tasks an autoscaler keeps a service.
struct Bounds {
  std::int64_t least = 0;
  std::int64_t most = 0;
  std::string ToString() const { return std::to_string(least) + " to " + std::to_string(most); }
};

// kInvalidArgument for what lacks its name or ARN.
StatusOr<Service> DecodeService(const Json& json);
StatusOr<Task> DecodeTask(const Json& json);
// The whole answer of DescribeTaskDefinition or RegisterTaskDefinition.
StatusOr<TaskDefinition> DecodeTaskDefinition(const Json& answer);
// The whole answer of DescribeTargetHealth; bounded.
std::vector<LoadTarget> DecodeTargets(const std::string& group, const Json& answer);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_OBJECTS_H_
