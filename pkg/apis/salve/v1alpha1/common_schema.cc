// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/redis_parameters.h"
#include "pkg/apis/salve/v1alpha1/resource_rules.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using namespace salve::v1alpha1;  // NOLINT(google-build-using-namespace): the tables are about it

namespace {

// Paths whose parts do not begin with a dot: neither ".." nor "//" nor an ARN is one.
constexpr char kSsmNamePattern[] = "^(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+(:[A-Za-z0-9_.-]{1,100})?$";
constexpr char kSecretsManagerNamePattern[] = "^(/[A-Za-z0-9_+=@-][A-Za-z0-9_+=.@-]*)+$";

}  // namespace

// --- targets
// ------------------------------------------------------------------------------------------

SALVE_APIS_TABLE(ComposeTarget,
                 Describe("ComposeTarget",
                          {
                              F<&ComposeTarget::project>("project", "Name of the Compose project.")
                                  .Required()
                                  .MinLength(1)
                                  .MaxLength(255),
                              F<&ComposeTarget::service>("service", "Name of the service in it.")
                                  .Required()
                                  .MinLength(1)
                                  .MaxLength(255),
                          }));

SALVE_APIS_TABLE(
    DockerTarget,
    Describe(
        "DockerTarget",
        {
            F<&DockerTarget::backend>(
                "backend",
                "Name of a backend in the administrator's configuration. It must be open to this "
                "namespace.")
                .Default("docker")
                .DnsLabel(),
            F<&DockerTarget::container>("container", "Name of one container.")
                .MinLength(1)
                .MaxLength(255)
                .Matching("^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"),
            F<&DockerTarget::labels>("labels",
                                     "Every container that carries all of these labels; an empty "
                                     "value matches any value. "
                                     "Each container gets incidents of its own.")
                .MaxProperties(16)
                .ItemMaxLength(255),
            F<&DockerTarget::compose>(
                "compose",
                "Every container of one Compose service. Each gets incidents of its own."),
        })
        .ExactlyOne({"container", "labels", "compose"}));

SALVE_APIS_TABLE(
    Target,
    Describe("Target",
             {
                 F<&Target::docker>("docker", "Containers of a Docker engine."),
                 F<&Target::kubernetes>("kubernetes",
                                        "Workloads of a cluster, in the policy's namespace."),
                 F<&Target::ecs>("ecs", "A service of Amazon ECS."),
             })
        .ExactlyOne({"docker", "kubernetes", "ecs"}));

SALVE_APIS_TABLE(
    TargetRef,
    Describe("TargetRef",
             {
                 F<&TargetRef::backend>("backend", "Name of the backend that it lives in.")
                     .Default("docker")
                     .DnsLabel(),
                 F<&TargetRef::kind>("kind", "What kind of thing it is.")
                     .Default("Container")
                     .MinLength(1)
                     .MaxLength(63),
                 F<&TargetRef::name>("name",
                                     "Its name, unique among those of its kind in its namespace.")
                     .Required()
                     .MinLength(1)
                     .MaxLength(512),
                 F<&TargetRef::ns>("namespace", "Its namespace, where its backend has any.")
                     .MaxLength(63),
             }));

// --- actions
// ------------------------------------------------------------------------------------------

namespace {

template <auto P>
FieldBuilder StopTimeout() {
  return F<P>("stopTimeoutSeconds",
              "How long the main process may take to end before it is killed. Without it the "
              "container's "
              "own setting counts, else 10.")
      .Range(0, 3600);
}

template <auto P>
FieldBuilder Port(const char* service, const char* number) {
  return F<P>("port",
              std::string("Port inside the container. Without it the port of the policy's ") +
                  service + " probe, else " + number + ".")
      .Range(1, 65535);
}

template <auto P>
FieldBuilder PostgresUser() {
  return F<P>("user", "Database role to connect as, inside the container.")
      .Default("postgres")
      .MinLength(1)
      .MaxLength(63)
      .Matching("^[A-Za-z_][A-Za-z0-9_.-]*$");
}

}  // namespace

SALVE_APIS_TABLE(RestartAction,
                 Describe("RestartAction", {StopTimeout<&RestartAction::stop_timeout_seconds>()}));
SALVE_APIS_TABLE(StartAction, Describe("StartAction", {}));
SALVE_APIS_TABLE(StopAction,
                 Describe("StopAction", {StopTimeout<&StopAction::stop_timeout_seconds>()}));
SALVE_APIS_TABLE(KillAction,
                 Describe("KillAction",
                          {
                              F<&KillAction::signal>("signal", "Signal to the main process.")
                                  .Default("SIGKILL")
                                  .Enum({"SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP",
                                         "SIGABRT", "SIGUSR1", "SIGUSR2"}),
                          }));
SALVE_APIS_TABLE(PauseAction, Describe("PauseAction", {}));
SALVE_APIS_TABLE(UnpauseAction, Describe("UnpauseAction", {}));

SALVE_APIS_TABLE(
    UpdateResourcesAction,
    WithResourceRules(Describe(
        "UpdateResourcesAction",
        {
            F<&UpdateResourcesAction::memory_bytes>("memoryBytes", "New memory limit.")
                .Range(6 << 20, std::int64_t{1} << 46),
            MemoryPercent<&UpdateResourcesAction::memory_percent>(),
            F<&UpdateResourcesAction::max_memory_bytes>(
                "maxMemoryBytes",
                "The limit is never raised above this. Required with memoryPercent, so that "
                "repeated "
                "healing cannot grow a container without end.")
                .Range(6 << 20, std::int64_t{1} << 46),
            F<&UpdateResourcesAction::cpu_millis>("cpuMillis",
                                                  "New CPU limit in thousandths of a core.")
                .Range(10, 1024000),
        })));

SALVE_APIS_TABLE(ExecAction,
                 Describe("ExecAction",
                          {
                              F<&ExecAction::argv>("argv",
                                                   "The program and its arguments, run without a "
                                                   "shell. Only what the configuration or a "
                                                   "HealingGuardrail allows can run.")
                                  .Required()
                                  .MinItems(1)
                                  .MaxItems(64)
                                  .ItemMaxLength(1024),
                          }));

SALVE_APIS_TABLE(RedisFlushAllAction,
                 Describe("RedisFlushAllAction",
                          {
                              Port<&RedisFlushAllAction::port>("redis", "6379"),
                              F<&RedisFlushAllAction::async>(
                                  "async", "Frees the memory in the background (FLUSHALL ASYNC)."),
                          }));

SALVE_APIS_TABLE(
    RedisSetConfigAction,
    Describe(
        "RedisSetConfigAction",
        {
            Port<&RedisSetConfigAction::port>("redis", "6379"),
            F<&RedisSetConfigAction::parameter>(
                "parameter",
                "Parameter to set with CONFIG SET. Only parameters that can neither write files, "
                "change persistence, replication or who may log in.")
                .Required()
                .Enum(RedisParameterNames()),
            F<&RedisSetConfigAction::value>("value", "Its new value.")
                .Required()
                .MinLength(1)
                .MaxLength(64)
                .Matching("^[A-Za-z0-9-]+$"),
        }));

SALVE_APIS_TABLE(RedisScriptKillAction,
                 Describe("RedisScriptKillAction",
                          {Port<&RedisScriptKillAction::port>("redis", "6379")}));

SALVE_APIS_TABLE(RedisClientKillAction,
                 Describe("RedisClientKillAction",
                          {
                              Port<&RedisClientKillAction::port>("redis", "6379"),
                              F<&RedisClientKillAction::idle_seconds>(
                                  "idleSeconds",
                                  "Only clients that have been idle at least this long.")
                                  .Range(0, 604800),
                          }));

SALVE_APIS_TABLE(
    PostgresTerminateConnectionsAction,
    Describe("PostgresTerminateConnectionsAction",
             {
                 Port<&PostgresTerminateConnectionsAction::port>("postgres", "5432"),
                 PostgresUser<&PostgresTerminateConnectionsAction::user>(),
                 F<&PostgresTerminateConnectionsAction::idle_seconds>(
                     "idleSeconds",
                     "Only sessions that have been idle, or idle in a transaction, at least "
                     "this long.")
                     .Range(0, 604800),
             }));

SALVE_APIS_TABLE(PostgresTerminateBlockerAction,
                 Describe("PostgresTerminateBlockerAction",
                          {
                              Port<&PostgresTerminateBlockerAction::port>("postgres", "5432"),
                              PostgresUser<&PostgresTerminateBlockerAction::user>(),
                              F<&PostgresTerminateBlockerAction::min_blocked_seconds>(
                                  "minBlockedSeconds",
                                  "Only sessions that have kept others waiting at least this long.")
                                  .Range(0, 604800),
                          }));

SALVE_APIS_TABLE(
    WaitAction,
    Describe("WaitAction",
             {
                 F<&WaitAction::seconds>("seconds", "How long.").Required().Range(1, 3600),
             }));

SALVE_APIS_TABLE(
    Action,
    Describe(
        "Action",
        {
            F<&Action::restart>("restart", "Restarts the container. Base risk Medium."),
            F<&Action::start>("start", "Starts the container if it is not running. Base risk Low."),
            F<&Action::stop>("stop", "Stops the container. Base risk High."),
            F<&Action::kill>("kill",
                             "Sends a signal to the container's main process. Base risk High."),
            F<&Action::pause>("pause", "Freezes the container's processes. Base risk Medium."),
            F<&Action::unpause>("unpause", "Thaws the container's processes. Base risk Low."),
            F<&Action::update_resources>("updateResources",
                                         "Changes the container's limits without a restart. Base "
                                         "risk Medium; the inverse is "
                                         "the limits of before."),
            F<&Action::exec>("exec", "Runs an allowed command in the container. Base risk High."),
            F<&Action::redis_flush_all>(
                "redisFlushAll", "Deletes all keys of all databases: data loss. Base risk High."),
            F<&Action::redis_set_config>("redisSetConfig",
                                         "Sets one run-time parameter. Base risk Medium; the "
                                         "inverse is the value of before."),
            F<&Action::redis_script_kill>(
                "redisScriptKill", "Ends a script that blocks the server. Base risk Medium."),
            F<&Action::redis_client_kill>("redisClientKill",
                                          "Disconnects idle clients. Base risk Medium."),
            F<&Action::postgres_terminate_connections>(
                "postgresTerminateConnections",
                "Ends idle sessions of ordinary clients. Base risk Medium."),
            F<&Action::postgres_terminate_blocker>(
                "postgresTerminateBlocker",
                "Ends the session at the root of a chain of waiting ones. Base risk High."),
            F<&Action::rollout_restart>(
                "rolloutRestart",
                "Replaces the workload's pods one after the other. Base risk Medium."),
            F<&Action::rollout_undo>("rolloutUndo",
                                     "Goes back to the template of an earlier revision. Base risk "
                                     "Medium; the inverse is the revision of before."),
            F<&Action::scale>(
                "scale",
                "Sets the number of replicas. Base risk Medium, to zero Critical; the "
                "inverse is the number of before."),
            F<&Action::delete_pod>("deletePod",
                                   "Deletes the pod that is ill, of a workload the worst one; its "
                                   "owner makes a new one. Base risk Medium."),
            F<&Action::evict_pod>("evictPod",
                                  "The same by the eviction API, which a PodDisruptionBudget can "
                                  "refuse. Base risk Medium."),
            F<&Action::set_resources>("setResources",
                                      "Changes a container's limits in the pod template. Base risk "
                                      "Medium; the inverse is the limits of before."),
            F<&Action::force_new_deployment>(
                "forceNewDeployment",
                "Replaces a service's tasks by new ones of the same task definition. Base risk "
                "Medium."),
            F<&Action::rollback_task_definition>(
                "rollbackTaskDefinition",
                "Goes back to an earlier task definition. Base risk Medium; the inverse is the "
                "one of before."),
            F<&Action::set_desired_count>(
                "setDesiredCount",
                "Sets a service's number of tasks. Base risk Medium, to zero Critical; the inverse "
                "is the number of before."),
            F<&Action::stop_task>("stopTask",
                                  "Stops the task that is ill, the worst one; the service starts "
                                  "another. Base risk Medium."),
            F<&Action::update_task_resources>(
                "updateTaskResources",
                "Registers and deploys a task definition with other limits. Base risk Medium; the "
                "inverse is the task definition of before."),
            F<&Action::wait>("wait", "Does nothing for a while, then verifies. Base risk Low."),
        })
        .ExactlyOne({"restart",
                     "start",
                     "stop",
                     "kill",
                     "pause",
                     "unpause",
                     "updateResources",
                     "exec",
                     "redisFlushAll",
                     "redisSetConfig",
                     "redisScriptKill",
                     "redisClientKill",
                     "postgresTerminateConnections",
                     "postgresTerminateBlocker",
                     "rolloutRestart",
                     "rolloutUndo",
                     "scale",
                     "deletePod",
                     "evictPod",
                     "setResources",
                     "forceNewDeployment",
                     "rollbackTaskDefinition",
                     "setDesiredCount",
                     "stopTask",
                     "updateTaskResources",
                     "wait"}));

// --- words
// --------------------------------------------------------------------------------------------

SALVE_APIS_TABLE(
    Window,
    Describe(
        "Window",
        {
            F<&Window::name>("name", "Shown where the window blocks.").DnsLabel(),
            F<&Window::kind>("kind",
                             "Deny: no action while the window is open. Allow: actions only while "
                             "one of the Allow "
                             "windows is open. Deny wins.")
                .Required()
                .Enum({"Allow", "Deny"}),
            F<&Window::cron>("cron",
                             "When the window opens: minute, hour, day of month, month, day of "
                             "week, as in crontab. "
                             "Names (MON, JAN), ranges, lists and steps are allowed. An hour that "
                             "daylight saving "
                             "skips opens at the end of the gap; one that comes twice opens once.")
                .Required()
                .MinLength(9)
                .MaxLength(128)
                .Matching("^\\S+(\\s+\\S+){4}$"),
            F<&Window::duration_seconds>("durationSeconds", "How long it stays open.")
                .Required()
                .Range(60, 2678400),
            F<&Window::time_zone>("timeZone", "IANA name of the time zone of cron.")
                .Default("UTC")
                .MinLength(1)
                .MaxLength(64)
                .Matching("^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$"),
            F<&Window::break_glass>("breakGlass",
                                    "Whether an approval by a human opens this window once."),
        }));

SALVE_APIS_TABLE(ActionBudget,
                 Describe("ActionBudget",
                          {
                              F<&ActionBudget::count>("count", "At most this many actions …")
                                  .Default()
                                  .Range(0, 1000),
                              F<&ActionBudget::window_seconds>(
                                  "windowSeconds", "… in any span of this many seconds.")
                                  .Default()
                                  .Range(60, 2592000),
                          }));

SALVE_APIS_TABLE(
    Breaker,
    Describe("Breaker",
             {
                 F<&Breaker::consecutive_failures>(
                     "consecutiveFailures",
                     "Opens after this many failed attempts in a row on a target.")
                     .Default()
                     .Range(1, 100),
                 F<&Breaker::ineffective_fixes>("ineffectiveFixes",
                                                "Opens after this many fixes in a row that helped "
                                                "only for a short time (see retry).")
                     .Default()
                     .Range(1, 100),
                 F<&Breaker::open_seconds>("openSeconds",
                                           "How long it stays open; then one attempt decides.")
                     .Default()
                     .Range(1, 604800),
             }));

SALVE_APIS_TABLE(
    SsmParameter,
    Describe("SsmParameter",
             {
                 F<&SsmParameter::name>(
                     "name",
                     "Its name, below the prefix and the namespace that secrets.aws.policyPrefix "
                     "of the administrator's configuration opens; :3 or :label after it names a "
                     "version.")
                     .Required()
                     .MinLength(2)
                     .MaxLength(1011)
                     .Matching(kSsmNamePattern),
             }));

SALVE_APIS_TABLE(
    SecretsManagerSecret,
    Describe("SecretsManagerSecret",
             {
                 F<&SecretsManagerSecret::id>(
                     "id",
                     "Its name, below the prefix and the namespace that secrets.aws.policyPrefix "
                     "of the administrator's configuration opens.")
                     .Required()
                     .MinLength(2)
                     .MaxLength(512)
                     .Matching(kSecretsManagerNamePattern),
                 F<&SecretsManagerSecret::key>(
                     "key", "Member of a secret that is a JSON object; default the whole secret.")
                     .MinLength(1)
                     .MaxLength(253),
             }));

SALVE_APIS_TABLE(
    SecretSource,
    Describe("SecretSource",
             {
                 F<&SecretSource::env>("env", "Environment variable of the Salve process.")
                     .MinLength(1)
                     .MaxLength(255)
                     .Matching("^[A-Za-z_][A-Za-z0-9_]*$"),
                 F<&SecretSource::file>("file", "Absolute path of a file that Salve can read.")
                     .MinLength(1)
                     .MaxLength(1024)
                     .Matching("^/"),
                 F<&SecretSource::secret_name>("secretName", "A Secret in the policy's namespace.")
                     .MinLength(1)
                     .MaxLength(253),
                 F<&SecretSource::secret_key>("secretKey", "Key in that Secret.")
                     .MinLength(1)
                     .MaxLength(253),
                 F<&SecretSource::ssm>("ssm", "A parameter of AWS Systems Manager."),
                 F<&SecretSource::secrets_manager>("secretsManager",
                                                   "A secret of AWS Secrets Manager."),
             })
        .ExactlyOne({"env", "file", "secretName", "ssm", "secretsManager"})
        .Cel("has(self.secretName) == has(self.secretKey)",
             "secretName and secretKey must be set together"));

}  // namespace salve::apis
