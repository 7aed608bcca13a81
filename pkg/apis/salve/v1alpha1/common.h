// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SALVE_V1ALPHA1_COMMON_H_
#define SALVE_PKG_APIS_SALVE_V1ALPHA1_COMMON_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/meta/v1/types.h"

// What HealingPolicy, Incident and HealingGuardrail share. Plain values; JSON names are the
// camelCase of the members; descriptions, defaults and limits stand in the field tables
// (*_schema.cc), from which the CRDs are generated. Enumerations are strings on the wire and here;
// their words are constants below.
namespace salve::apis::salve::v1alpha1 {

inline constexpr char kGroup[] = "salve.dev";
inline constexpr char kVersion[] = "v1alpha1";

// --- targets
// ------------------------------------------------------------------------------------------

struct ComposeTarget {
  std::string project;
  std::string service;
};

// Exactly one of container, labels, compose. labels and compose may select several containers: one
// incident per container.
struct DockerTarget {
  std::string backend;  // name of a backend in the configuration; default "docker"
  std::string container;
  std::map<std::string, std::string> labels;
  std::optional<ComposeTarget> compose;
};

// Exactly one member.
struct LabelSelectorRequirement {
  std::string key;
  std::string op;  // JSON: operator. In | NotIn | Exists | DoesNotExist
  std::vector<std::string> values;
};

// As metav1.LabelSelector; empty selects everything.
struct LabelSelector {
  std::map<std::string, std::string> match_labels;
  std::vector<LabelSelectorRequirement> match_expressions;
};

// Workloads of a cluster, always in the policy's own namespace: exactly one of name and selector.
struct KubernetesTarget {
  std::string backend;  // name in the administrator's configuration; default "kubernetes"
  std::string kind;     // Deployment | StatefulSet | DaemonSet | Pod
  std::string name;
  std::optional<LabelSelector> selector;  // of the workloads' own labels
};

// One service of Amazon ECS.
struct EcsTarget {
  std::string backend;  // name in the administrator's configuration; default "aws"
  std::string cluster;  // name or ARN; default "default"
  std::string service;  // name or ARN
};

struct Target {
  std::optional<DockerTarget> docker;
  std::optional<KubernetesTarget> kubernetes;
  std::optional<EcsTarget> ecs;
};

// One concrete thing that can be ill: what an incident is about.
struct TargetRef {
  std::string backend;  // "docker"
  std::string kind;     // "Container", "Deployment"
  std::string name;     // unique among those of its kind in its namespace
  std::string ns = {};  // JSON: namespace. "" where the backend has none
  auto operator<=>(const TargetRef&) const = default;
};

// --- actions
// ------------------------------------------------------------------------------------------

struct RestartAction {
  std::optional<std::int64_t> stop_timeout_seconds;  // default: the container's own, else 10
};
struct StartAction {};
struct StopAction {
  std::optional<std::int64_t> stop_timeout_seconds;
};
struct KillAction {
  std::string signal;  // default SIGKILL
};
struct PauseAction {};
struct UnpauseAction {};
struct UpdateResourcesAction {
  std::optional<std::int64_t> memory_bytes;
  std::optional<std::int64_t> memory_percent;  // relative to now, 50 = half as much again
  std::optional<std::int64_t> max_memory_bytes;
  std::optional<std::int64_t> cpu_millis;
};
// Runs argv in the container; only what the configuration or a guardrail allows.
struct ExecAction {
  std::vector<std::string> argv;
};
struct RedisFlushAllAction {
  std::optional<std::int64_t> port;  // default: the policy's redis probe's, else 6379
  bool async = false;
};
struct RedisSetConfigAction {
  std::optional<std::int64_t> port;
  std::string parameter;  // from a short allowlist in code
  std::string value;
};
struct RedisScriptKillAction {
  std::optional<std::int64_t> port;
};
struct RedisClientKillAction {
  std::optional<std::int64_t> port;
  std::int64_t idle_seconds = 0;  // only clients idle at least that long
};
struct PostgresTerminateConnectionsAction {
  std::optional<std::int64_t> port;
  std::string user;  // default postgres
  std::int64_t idle_seconds = 0;
};
struct PostgresTerminateBlockerAction {
  std::optional<std::int64_t> port;
  std::string user;
  std::int64_t min_blocked_seconds = 0;
};
// Replaces the pods of a workload one after the other, as `kubectl rollout restart`.
struct RolloutRestartAction {};
// Goes back to an earlier revision's template, as `kubectl rollout undo`.
struct RolloutUndoAction {
  std::optional<std::int64_t> to_revision;  // default: the newest that was seen available
};
struct ScaleAction {
  std::int64_t replicas = 0;
};
// Deletes the pod that is ill; of a workload, the worst one. Whoever owns it makes a new one.
struct DeletePodAction {
  std::optional<std::int64_t> grace_period_seconds;  // default: the pod's own
};
// The same by the eviction API, which a PodDisruptionBudget can refuse.
struct EvictPodAction {
  std::optional<std::int64_t> grace_period_seconds;
};
// Changes limits (and requests, where they are equal or would exceed them) in the pod template.
struct SetResourcesAction {
  std::string container;                       // default: the one that is ill, else the only one
  std::optional<std::int64_t> memory_bytes;    // 0 takes the limit away (an inverse needs it)
  std::optional<std::int64_t> memory_percent;  // relative to now, 50 = half as much again
  std::optional<std::int64_t> max_memory_bytes;
  std::optional<std::int64_t> cpu_millis;
};
// Starts new tasks for all of a service's, as `aws ecs update-service --force-new-deployment`.
struct ForceNewDeploymentAction {};
// Goes back to an earlier task definition of the same family.
struct RollbackTaskDefinitionAction {
  std::string task_definition;  // family:revision; "" = the newest that was seen steady
};
struct SetDesiredCountAction {
  std::int64_t count = 0;
};
// Stops the task that is ill, the worst one; the service starts another.
struct StopTaskAction {};
// Registers a revision of the task definition with other limits and deploys it.
struct UpdateTaskResourcesAction {
  std::string container;                     // default: the one that is ill, else the only one
  std::optional<std::int64_t> memory_bytes;  // in whole MiB
  std::optional<std::int64_t> memory_percent;
  std::optional<std::int64_t> max_memory_bytes;
  std::optional<std::int64_t> cpu_millis;  // 1000 = 1024 CPU units
};
// Does nothing but wait, then verification runs.
struct WaitAction {
  std::int64_t seconds = 0;
};

// Exactly one member. The member's JSON name is the action's name everywhere (metrics, allowlists,
// previews): see ActionName().
struct Action {
  std::optional<RestartAction> restart;
  std::optional<StartAction> start;
  std::optional<StopAction> stop;
  std::optional<KillAction> kill;
  std::optional<PauseAction> pause;
  std::optional<UnpauseAction> unpause;
  std::optional<UpdateResourcesAction> update_resources;
  std::optional<ExecAction> exec;
  std::optional<RedisFlushAllAction> redis_flush_all;
  std::optional<RedisSetConfigAction> redis_set_config;
  std::optional<RedisScriptKillAction> redis_script_kill;
  std::optional<RedisClientKillAction> redis_client_kill;
  std::optional<PostgresTerminateConnectionsAction> postgres_terminate_connections;
  std::optional<PostgresTerminateBlockerAction> postgres_terminate_blocker;
  std::optional<RolloutRestartAction> rollout_restart;
  std::optional<RolloutUndoAction> rollout_undo;
  std::optional<ScaleAction> scale;
  std::optional<DeletePodAction> delete_pod;
  std::optional<EvictPodAction> evict_pod;
  std::optional<SetResourcesAction> set_resources;
  std::optional<ForceNewDeploymentAction> force_new_deployment;
  std::optional<RollbackTaskDefinitionAction> rollback_task_definition;
  std::optional<SetDesiredCountAction> set_desired_count;
  std::optional<StopTaskAction> stop_task;
  std::optional<UpdateTaskResourcesAction> update_task_resources;
  std::optional<WaitAction> wait;
};

// "redisFlushAll"; "" if no member is set.
std::string ActionName(const Action& action);
// All names, sorted.
const std::vector<std::string>& ActionNames();

// --- words
// --------------------------------------------------------------------------------------------

inline constexpr char kModeObserve[] = "Observe";
inline constexpr char kModeDryRun[] = "DryRun";
inline constexpr char kModeApprove[] = "Approve";
inline constexpr char kModeAuto[] = "Auto";

inline constexpr char kRiskLow[] = "Low";
inline constexpr char kRiskMedium[] = "Medium";
inline constexpr char kRiskHigh[] = "High";
inline constexpr char kRiskCritical[] = "Critical";

// A recurring span of time in which acting is allowed or denied.
struct Window {
  std::string name;
  std::string kind;  // Allow | Deny
  std::string cron;  // five fields: when the window opens
  std::int64_t duration_seconds = 0;
  std::string time_zone;     // IANA name; default UTC
  bool break_glass = false;  // an approval may override it
};

struct ActionBudget {
  std::int64_t count = 3;
  std::int64_t window_seconds = 3600;
};

struct Breaker {
  std::int64_t consecutive_failures = 3;
  std::int64_t ineffective_fixes = 3;
  std::int64_t open_seconds = 3600;
};

// A parameter of AWS Systems Manager's Parameter Store.
struct SsmParameter {
  std::string name;  // "/salve/policies/shop/redis", with ":3" or ":label" for a version
  bool operator==(const SsmParameter&) const = default;
};

// A secret of AWS Secrets Manager.
struct SecretsManagerSecret {
  std::string id;
  std::string key;  // member of a secret that is a JSON object; "" = the whole secret
  bool operator==(const SecretsManagerSecret&) const = default;
};

// Where a secret value is read from; never the value itself. Exactly one member (secret_name and
// secret_key are one).
struct SecretSource {
  std::string env;
  std::string file;
  std::optional<std::string> secret_name;  // a Secret in the policy's namespace
  std::string secret_key;
  // Only names below the prefix that the administrator opened to the policy's namespace.
  std::optional<SsmParameter> ssm = {};
  std::optional<SecretsManagerSecret> secrets_manager = {};
  bool operator==(const SecretSource&) const = default;
};

}  // namespace salve::apis::salve::v1alpha1

#endif  // SALVE_PKG_APIS_SALVE_V1ALPHA1_COMMON_H_
