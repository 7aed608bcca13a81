// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using namespace salve::v1alpha1;  // NOLINT(google-build-using-namespace): the tables are about it

const meta::v1::ResourceInfo HealingPolicy::kInfo{kGroup, kVersion, "healingpolicies",
                                                  "HealingPolicy", true};

SALVE_APIS_TABLE(Pause,
                 Describe("Pause",
                          {
                              F<&Pause::name>("name", "Who or what pauses.").Required().DnsLabel(),
                              F<&Pause::reason>("reason", "Why, for people.").Text(1024),
                              F<&Pause::until>("until",
                                               "When it ends by itself. Without it: when removed.")
                                  .DateTime(),
                          }));

SALVE_APIS_TABLE(PolicyDependency,
                 Describe("PolicyDependency",
                          {
                              F<&PolicyDependency::policy>("policy",
                                                           "A HealingPolicy in the same namespace.")
                                  .Required()
                                  .MinLength(1)
                                  .MaxLength(253)
                                  .Matching("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"),
                          }));

// --- probes
// -------------------------------------------------------------------------------------------

namespace {

template <auto P>
FieldBuilder Address() {
  return F<P>("address", "Host and port, as in 127.0.0.1:6379 or [::1]:6379.")
      .Required()
      .MaxLength(261)
      .Matching("^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?):[0-9]{1,5}$");
}

}  // namespace

SALVE_APIS_TABLE(RedisProbe,
                 Describe("RedisProbe",
                          {
                              Address<&RedisProbe::address>(),
                              F<&RedisProbe::password>("password",
                                                       "Where the password is read from."),
                          }));

SALVE_APIS_TABLE(PostgresProbe,
                 Describe("PostgresProbe",
                          {
                              Address<&PostgresProbe::address>(),
                              F<&PostgresProbe::user>("user", "Role to connect as.")
                                  .Default("postgres")
                                  .MinLength(1)
                                  .MaxLength(63),
                              F<&PostgresProbe::database>("database", "Database to connect to.")
                                  .Default("postgres")
                                  .MinLength(1)
                                  .MaxLength(63),
                              F<&PostgresProbe::password>("password",
                                                          "Where the password is read from."),
                          }));

SALVE_APIS_TABLE(
    HttpProbe,
    Describe(
        "HttpProbe",
        {
            F<&HttpProbe::url>("url", "URL to GET. Redirects are not followed.")
                .Required()
                .MaxLength(2048)
                .Matching("^https?://[^\\s/?#@]+([/?#]\\S*)?$"),
            F<&HttpProbe::expected_status>("expectedStatus", "The status code of a healthy answer.")
                .Default()
                .Range(100, 599),
            F<&HttpProbe::body_match>(
                "bodyMatch", "Regular expression (RE2) that some part of a healthy body matches.")
                .Text(1024),
            F<&HttpProbe::max_latency_millis>("maxLatencyMillis",
                                              "An answer that takes longer is unhealthy.")
                .Range(1, 600000),
        }));

SALVE_APIS_TABLE(TcpProbe, Describe("TcpProbe", {Address<&TcpProbe::address>()}));

SALVE_APIS_TABLE(
    ExecProbe,
    Describe("ExecProbe",
             {
                 F<&ExecProbe::argv>(
                     "argv",
                     "Program and arguments, run without a shell; only what the configuration or a "
                     "HealingGuardrail allows.")
                     .Required()
                     .MinItems(1)
                     .MaxItems(64)
                     .ItemMaxLength(1024),
             }));

SALVE_APIS_TABLE(
    PrometheusRange,
    Describe("PrometheusRange",
             {
                 F<&PrometheusRange::seconds>("seconds", "How far back from the measurement.")
                     .Required()
                     .Range(1, 86400),
                 F<&PrometheusRange::step_seconds>(
                     "stepSeconds",
                     "Time between two points. At most 1000 of them fit into the range.")
                     .Default()
                     .Range(1, 86400),
                 F<&PrometheusRange::judge>(
                     "judge",
                     "What must be within the bounds. Newest: each series' newest point. Every: "
                     "each point of each series. Average: the mean of each series' points.")
                     .Default(kJudgeEvery)
                     .Enum({kJudgeNewest, kJudgeEvery, kJudgeAverage}),
             })
        .Cel("self.seconds / self.stepSeconds < 1000",
             "the range must not hold more than 1000 points", ".stepSeconds"));

SALVE_APIS_TABLE(
    PrometheusProbe,
    Describe("PrometheusProbe",
             {
                 F<&PrometheusProbe::url>(
                     "url", "Base URL of the server, without /api/v1. Redirects are not followed.")
                     .Required()
                     .MaxLength(2048)
                     .Matching("^https?://[^\\s/?#@]+(/[^\\s?#]*)?$"),
                 F<&PrometheusProbe::query>("query",
                                            "PromQL, evaluated anew for each measurement. Every "
                                            "sample of the answer counts.")
                     .Required()
                     .MinLength(1)
                     .MaxLength(4096),
                 F<&PrometheusProbe::range>("range",
                                            "Evaluate the query over the time before the "
                                            "measurement instead of at that one moment."),
                 F<&PrometheusProbe::minimum>("minimum", "A sample below this is bad."),
                 F<&PrometheusProbe::maximum>("maximum", "A sample above this is bad."),
                 F<&PrometheusProbe::token>("token", "Where a bearer token is read from."),
             })
        .Cel("has(self.minimum) || has(self.maximum)", "minimum or maximum must be set"));

SALVE_APIS_TABLE(
    CloudWatchProbe,
    Describe(
        "CloudWatchProbe",
        {
            F<&CloudWatchProbe::backend>(
                "backend",
                "Name of an ecs backend in the administrator's configuration, whose account is "
                "asked.")
                .Default("aws")
                .DnsLabel(),
            F<&CloudWatchProbe::region>("region", "Another region than the backend's.")
                .MaxLength(63)
                .Matching("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
            F<&CloudWatchProbe::metric_namespace>("namespace",
                                                  "Of the metric, as in AWS/ApplicationELB.")
                .Required()
                .MaxLength(255)
                .Matching("^[^:\\s][^:]*$"),
            F<&CloudWatchProbe::metric_name>("metricName", "Name of the metric.")
                .Required()
                .MinLength(1)
                .MaxLength(255),
            F<&CloudWatchProbe::dimensions>("dimensions",
                                            "All dimensions of the metric: CloudWatch finds "
                                            "nothing by some of them.")
                .MaxProperties(30)
                .Item({.min_length = 1, .max_length = 1024}),
            F<&CloudWatchProbe::statistic>(
                "statistic",
                "Average, Sum, Minimum, Maximum, SampleCount or a percentile, as in p99 or p99.9.")
                .Default("Average")
                .Matching("^(Average|Sum|Minimum|Maximum|SampleCount|p(100|[0-9]{1,2}([.][0-9]{1,"
                          "10})?))$"),
            F<&CloudWatchProbe::metric_period_seconds>(
                "metricPeriodSeconds",
                "What the metric is summed up over: 1, 5, 10, 20, 30 or a multiple of 60. The "
                "newest complete period counts, of the last three and at least of the last five "
                "minutes.")
                .Default()
                .Range(1, 86400)
                .Cel("self in [1, 5, 10, 20, 30] || self % 60 == 0",
                     "must be 1, 5, 10, 20, 30 or a multiple of 60"),
            F<&CloudWatchProbe::minimum>("minimum", "A value below this is bad."),
            F<&CloudWatchProbe::maximum>("maximum", "A value above this is bad."),
        })
        .Cel("has(self.minimum) || has(self.maximum)", "minimum or maximum must be set"));

SALVE_APIS_TABLE(
    Probe,
    Describe(
        "Probe",
        {
            F<&Probe::name>("name", "Unique in the policy.").Required().DnsLabel(),
            F<&Probe::redis>("redis",
                             "Asks a Redis server. Health is 100 − used/maxmemory·100, or the same "
                             "of its clients, "
                             "whichever is lower."),
            F<&Probe::postgres>(
                "postgres",
                "Asks a PostgreSQL server. Health is 100 − connections/max_connections·100."),
            F<&Probe::http>("http", "Asks a web server. Health is 100 or 0."),
            F<&Probe::tcp>("tcp", "Opens a TCP connection. Health is 100 or 0."),
            F<&Probe::exec>("exec",
                            "Runs a command in the target. Health is 100 if it exits with 0."),
            F<&Probe::prometheus>("prometheus",
                                  "Asks a Prometheus server. Health is 100 while every sample is "
                                  "within the bounds; no sample is not health."),
            F<&Probe::cloud_watch>("cloudWatch",
                                   "Asks CloudWatch for a metric. Health is 100 while its newest "
                                   "value is within the bounds; no value is not health."),
            F<&Probe::period_seconds>("periodSeconds", "Time from one measurement to the next.")
                .Default()
                .Range(1, 86400),
            F<&Probe::timeout_seconds>(
                "timeoutSeconds",
                "A measurement that takes longer has failed. Not above periodSeconds.")
                .Default()
                .Range(1, 3600),
            F<&Probe::unhealthy_below>("unhealthyBelow", "Health below this is bad.")
                .Default()
                .Range(0, 100),
            F<&Probe::healthy_above>("healthyAbove",
                                     "Health above this is good; between the two nothing changes.")
                .Default()
                .Range(0, 100),
            F<&Probe::failure_threshold>(
                "failureThreshold", "Bad measurements in a row that make the target unhealthy.")
                .Default()
                .Range(1, 100),
            F<&Probe::success_threshold>("successThreshold",
                                         "Good measurements in a row that make it healthy again.")
                .Default()
                .Range(1, 100),
        })
        .ExactlyOne({"redis", "postgres", "http", "tcp", "exec", "prometheus", "cloudWatch"})
        .Cel("(has(self.timeoutSeconds) ? self.timeoutSeconds : 2) <= (has(self.periodSeconds) ? "
             "self.periodSeconds : 10)",
             "timeoutSeconds must not be above periodSeconds", ".timeoutSeconds")
        .Cel("(has(self.unhealthyBelow) ? self.unhealthyBelow : 70) <= (has(self.healthyAbove) ? "
             "self.healthyAbove : 80)",
             "unhealthyBelow must not be above healthyAbove", ".unhealthyBelow"));

// --- diagnosis and ladder
// -----------------------------------------------------------------------------

SALVE_APIS_TABLE(
    RuleCondition,
    Describe("RuleCondition",
             {
                 F<&RuleCondition::logs>(
                     "logs", "Regular expression (RE2) that some recent log or error line matches.")
                     .MinLength(1)
                     .MaxLength(1024),
                 F<&RuleCondition::probe>("probe", "Name of a probe that is unhealthy.").DnsLabel(),
                 F<&RuleCondition::conditions>(
                     "conditions",
                     "Any of these conditions of the target holds: Unhealthy, Exited, OOMKilled, …")
                     .MaxItems(16)
                     .Item({.min_length = 1,
                            .max_length = 63,
                            .pattern = std::make_shared<const LazyPattern>("^[A-Z][A-Za-z0-9]*$")}),
                 F<&RuleCondition::exit_codes>("exitCodes",
                                               "The main process ended with any of these.")
                     .MaxItems(32)
                     .Item({.minimum = 0, .maximum = 255}),
                 F<&RuleCondition::metric>("metric",
                                           "Name of a probe's metric, as in memory.used_bytes …")
                     .MinLength(1)
                     .MaxLength(128),
                 F<&RuleCondition::above>("above", "… that is above this …"),
                 F<&RuleCondition::below>("below", "… or below this."),
             })
        .Cel("has(self.logs) || has(self.probe) || has(self.conditions) || has(self.exitCodes) || "
             "has(self.metric)",
             "at least one condition must be given: logs, probe, conditions, exitCodes or metric")
        .Cel("has(self.metric) == (has(self.above) || has(self.below))",
             "metric needs above or below, and these need metric"));

SALVE_APIS_TABLE(
    DiagnosisRule,
    Describe(
        "DiagnosisRule",
        {
            F<&DiagnosisRule::name>("name", "Unique in the policy.").Required().DnsLabel(),
            F<&DiagnosisRule::when>("when", "What must be seen: all given members must hold.")
                .Required(),
            F<&DiagnosisRule::cause>("cause", "The cause in one CamelCase word.")
                .Required()
                .MinLength(1)
                .MaxLength(63)
                .Matching("^[A-Z][A-Za-z0-9]*$"),
            F<&DiagnosisRule::confidence>("confidence", "How sure the rule is, from 0 to 1.")
                .Default()
                .Range(0, 1),
            F<&DiagnosisRule::step>("step", "The step of the ladder to begin with.").DnsLabel(),
            F<&DiagnosisRule::verdict>(
                "verdict", "Instead of a step: DoNothing keeps watching, Escalate calls a human.")
                .Enum({"DoNothing", "Escalate"}),
        })
        .ExactlyOne({"step", "verdict"}));

SALVE_APIS_TABLE(
    Diagnosis,
    Describe(
        "Diagnosis",
        {
            F<&Diagnosis::rules>("rules", "The policy's own rules.").MaxItems(50).MapKeys({"name"}),
            F<&Diagnosis::min_confidence>("minConfidence",
                                          "A diagnosis less sure than this is left to a human.")
                .Default()
                .Range(0, 1),
            F<&Diagnosis::builtin_packs>(
                "builtinPacks", "Whether Salve's built-in rules are used too, before the own ones.")
                .Default(),
        }));

SALVE_APIS_TABLE(
    Escalation,
    Describe("Escalation",
             {
                 F<&Escalation::message>("message", "What to tell the human.").Text(1024),
                 F<&Escalation::sinks>(
                     "sinks", "Notification sinks that are told, beside those of notifications.")
                     .MaxItems(20)
                     .ItemMaxLength(63),
             }));

SALVE_APIS_TABLE(
    Step,
    Describe(
        "Step",
        {
            F<&Step::name>("name", "Unique in the policy.").Required().DnsLabel(),
            F<&Step::action>("action", "What to do to the target."),
            F<&Step::escalate>("escalate", "Hands the incident to a human. Only as the last step."),
            F<&Step::expected>("expected", "What success looks like; shown to the approver.")
                .Text(1024),
            F<&Step::risk>("risk",
                           "Raises the risk that Salve computes; it is never lowered by this.")
                .Enum({"Low", "Medium", "High", "Critical"}),
            F<&Step::on_verification_failed>(
                "onVerificationFailed",
                "Next: try the next step. RollbackThenNext: undo first. Escalate: call a human.")
                .Default("Next")
                .Enum({"Next", "RollbackThenNext", "Escalate"}),
            F<&Step::max_attempts>("maxAttempts", "How often the step may run for one incident.")
                .Default()
                .Range(1, 10),
            F<&Step::timeout_seconds>("timeoutSeconds", "How long the action may take.")
                .Default()
                .Range(1, 3600),
        })
        .ExactlyOne({"action", "escalate"}));

SALVE_APIS_TABLE(
    Verification,
    Describe(
        "Verification",
        {
            F<&Verification::initial_delay_seconds>(
                "initialDelaySeconds", "Time from the action to the first measurement.")
                .Default()
                .Range(0, 3600),
            F<&Verification::interval_seconds>("intervalSeconds", "Time between measurements.")
                .Default()
                .Range(1, 3600),
            F<&Verification::timeout_seconds>("timeoutSeconds",
                                              "Without a decision by then it is Inconclusive.")
                .Default()
                .Range(1, 86400),
            F<&Verification::consecutive_successes>(
                "consecutiveSuccesses", "Good measurements in a row that prove the fix.")
                .Default()
                .Range(1, 100),
            F<&Verification::failure_limit>("failureLimit", "Bad measurements that disprove it.")
                .Default()
                .Range(1, 100),
            F<&Verification::error_limit>("errorLimit",
                                          "Failed measurements after which the outcome is Error.")
                .Default()
                .Range(1, 100),
            F<&Verification::min_healthy_seconds>("minHealthySeconds",
                                                  "How long the target must also stay healthy.")
                .Range(0, 86400),
        })
        .Cel("(has(self.initialDelaySeconds) ? self.initialDelaySeconds : 2) + "
             "(has(self.minHealthySeconds) ? self.minHealthySeconds : 0) < "
             "(has(self.timeoutSeconds) ? self.timeoutSeconds : 60)",
             "timeoutSeconds must be above initialDelaySeconds and minHealthySeconds together",
             ".timeoutSeconds"));

SALVE_APIS_TABLE(
    RetryRule,
    Describe("RetryRule",
             {
                 F<&RetryRule::min_healthy_seconds>(
                     "minHealthySeconds",
                     "A failure sooner than this after a fix is the same problem, not a new "
                     "one: the fix counts as ineffective.")
                     .Default()
                     .Range(0, 2592000),
             }));

SALVE_APIS_TABLE(
    PolicyGuardrails,
    Describe(
        "PolicyGuardrails",
        {
            F<&PolicyGuardrails::max_actions>("maxActions", "Budget of actions over all targets.")
                .Default(Json::object()),
            F<&PolicyGuardrails::cooldown_seconds>("cooldownSeconds",
                                                   "Pause after an action on a target.")
                .Default()
                .Range(0, 604800),
            F<&PolicyGuardrails::breaker>("breaker",
                                          "Stops acting on a target that does not get well.")
                .Default(Json::object()),
            F<&PolicyGuardrails::retry>("retry", "When a failure is the old problem again.")
                .Default(Json::object()),
            F<&PolicyGuardrails::max_concurrent>("maxConcurrent",
                                                 "Targets acted on at the same time.")
                .Default()
                .Range(1, 100),
            F<&PolicyGuardrails::min_available>(
                "minAvailable", "Healthy targets that an action must leave untouched.")
                .Range(0, 1000),
            F<&PolicyGuardrails::max_unhealthy>("maxUnhealthy",
                                                "More unhealthy targets than this, as a number or "
                                                "a percentage, are a storm: no new action.")
                .Default()
                .MaxLength(7)
                .Matching("^([0-9]{1,6}|(100|[0-9]{1,2})%)$")
                .IntOrString(),
            F<&PolicyGuardrails::max_unhealthy_floor>(
                "maxUnhealthyFloor", "Fewer unhealthy targets than this are never a storm.")
                .Default()
                .Range(1, 1000),
            F<&PolicyGuardrails::max_auto_risk>("maxAutoRisk",
                                                "An action of higher risk waits for a human.")
                .Default()
                .Enum({"Low", "Medium", "High", "Critical"}),
            F<&PolicyGuardrails::reversible_only>(
                "reversibleOnly", "Whether actions without an inverse are refused."),
            F<&PolicyGuardrails::windows>("windows", "Times in which acting is allowed or denied.")
                .MaxItems(20),
        }));

SALVE_APIS_TABLE(
    ApprovalRule,
    Describe("ApprovalRule",
             {
                 F<&ApprovalRule::min_approvals>(
                     "minApprovals", "Different people who must approve, where approval is needed.")
                     .Default()
                     .Range(1, 10),
                 F<&ApprovalRule::expires_after_seconds>("expiresAfterSeconds",
                                                         "How long a proposal waits for approval.")
                     .Default()
                     .Range(30, 604800),
                 F<&ApprovalRule::on_expiry>(
                     "onExpiry", "Escalate: call a human. Close: end the incident as Expired.")
                     .Default()
                     .Enum({"Escalate", "Close"}),
             }));

SALVE_APIS_TABLE(History,
                 Describe("History",
                          {
                              F<&History::keep_incidents>("keepIncidents",
                                                          "Resolved incidents kept per policy.")
                                  .Default()
                                  .Range(0, 1000),
                              F<&History::ttl_seconds_after_resolved>("ttlSecondsAfterResolved",
                                                                      "How long each is kept.")
                                  .Default()
                                  .Range(60, 315360000),
                          }));

SALVE_APIS_TABLE(
    HealingPolicySpec,
    Describe(
        "HealingPolicySpec",
        {
            F<&HealingPolicySpec::mode>(
                "mode",
                "Observe: detect and diagnose. DryRun: also propose. Approve: act once a human has "
                "approved. Auto: act alone, up to guardrails.maxAutoRisk.")
                .Default()
                .Enum({"Observe", "DryRun", "Approve", "Auto"}),
            F<&HealingPolicySpec::pauses>("pauses", "While one of them holds nothing is done.")
                .MaxItems(20)
                .MapKeys({"name"}),
            F<&HealingPolicySpec::target>("target", "What is healed.").Required(),
            F<&HealingPolicySpec::depends_on>(
                "dependsOn",
                "Policies whose targets must be healthy before this one's are acted on.")
                .MaxItems(20)
                .MapKeys({"policy"}),
            F<&HealingPolicySpec::probes>("probes",
                                          "Measurements of health, besides what the backend itself "
                                          "reports. Health is the lowest of "
                                          "all.")
                .MaxItems(20)
                .MapKeys({"name"}),
            F<&HealingPolicySpec::triggers>(
                "triggers", "What opens incidents besides probes and the backend's own view.")
                .MaxItems(20)
                .MapKeys({"name"}),
            F<&HealingPolicySpec::diagnosis>("diagnosis", "From what is seen to the cause.")
                .Default(Json::object()),
            F<&HealingPolicySpec::ladder>("ladder",
                                          "Steps, tried in order from the one that the diagnosis "
                                          "chose. Without any, the built-in "
                                          "rules' own steps are used.")
                .MaxItems(20)
                .MapKeys({"name"}),
            F<&HealingPolicySpec::verification>("verification", "How a fix is proven.")
                .Default(Json::object()),
            F<&HealingPolicySpec::guardrails>(
                "guardrails", "Limits. A HealingGuardrail can only make them tighter.")
                .Default(Json::object()),
            F<&HealingPolicySpec::approval>("approval", "How humans approve.")
                .Default(Json::object()),
            F<&HealingPolicySpec::notifications>("notifications", "Who is told of what.")
                .MaxItems(20)
                .MapKeys({"sink"}),
            F<&HealingPolicySpec::schedules>(
                "schedules",
                "Times at which the target is scaled to zero, and back. A target that a schedule "
                "has put to sleep is not ill.")
                .MaxItems(20)
                .MapKeys({"name"}),
            F<&HealingPolicySpec::history>("history", "How long resolved incidents are kept.")
                .Default(Json::object()),
        })
        .Cel("!has(self.diagnosis) || !has(self.diagnosis.rules) || self.diagnosis.rules.all(r, "
             "!has(r.step) || (has(self.ladder) && self.ladder.exists(s, s.name == r.step)))",
             "every rule's step must be the name of a step of the ladder", ".diagnosis.rules")
        .Cel("!has(self.diagnosis) || !has(self.diagnosis.rules) || self.diagnosis.rules.all(r, "
             "!has(r.when.probe) || (has(self.probes) && self.probes.exists(p, p.name == "
             "r.when.probe)))",
             "every rule's probe must be the name of a probe of the policy", ".diagnosis.rules")
        .Cel("!has(self.ladder) || self.ladder.size() == 0 || self.ladder.filter(s, "
             "has(s.escalate)).size() == (has(self.ladder[self.ladder.size() - 1].escalate) ? 1 : "
             "0)",
             "only the last step of the ladder may be escalate", ".ladder"));

// --- status
// -------------------------------------------------------------------------------------------

SALVE_APIS_TABLE(
    IndicatorStatus,
    Describe(
        "IndicatorStatus",
        {
            F<&IndicatorStatus::name>("name", "The probe, or \"container\".")
                .Required()
                .MaxLength(253),
            F<&IndicatorStatus::state>("state", "Unknown: it could not be measured.")
                .Enum({"Healthy", "Unhealthy", "Unknown", "Missing"}),
            F<&IndicatorStatus::health>("health", "0 to 100, in steps of ten.")
                .KeepZero()
                .Range(0, 100),
            F<&IndicatorStatus::message>("message", "What was measured, or why not.").Text(32768),
        }));

SALVE_APIS_TABLE(
    TargetStatus,
    Describe(
        "TargetStatus",
        {
            F<&TargetStatus::name>("name", "The target's name.").Required().MaxLength(512),
            F<&TargetStatus::state>("state", "The worst of its indicators.")
                .Enum({"Healthy", "Unhealthy", "Unknown", "Missing"}),
            F<&TargetStatus::health>("health", "The lowest of its indicators, in steps of ten.")
                .KeepZero()
                .Range(0, 100),
            F<&TargetStatus::since>("since", "When the state last changed.").DateTime(),
            F<&TargetStatus::message>("message", "Why it is in that state.").Text(32768),
            F<&TargetStatus::indicators>("indicators", "What the state comes from.").MaxItems(64),
            F<&TargetStatus::last_healthy>("lastHealthy", "When it was last seen healthy.")
                .DateTime(),
        }));

SALVE_APIS_TABLE(
    ActionRecord,
    Describe("ActionRecord",
             {
                 F<&ActionRecord::attempt_id>("attemptId", "Idempotency key of the attempt.")
                     .Required()
                     .MaxLength(253),
                 F<&ActionRecord::incident>("incident", "The incident it belonged to.").Text(253),
                 F<&ActionRecord::target>("target", "What it acted on.").Text(512),
                 F<&ActionRecord::step>("step", "The step of the ladder.").Text(253),
                 F<&ActionRecord::action>("action", "The action's name.").Text(63),
                 F<&ActionRecord::reserved_at>("reservedAt", "When it was taken from the budget.")
                     .DateTime(),
                 F<&ActionRecord::result>("result", "How it ended; absent while it runs.")
                     .Enum({"Successful", "Failed", "Error", "Inconclusive", "NotExecuted"}),
                 F<&ActionRecord::finished_at>("finishedAt", "When it ended.").DateTime(),
             }));

SALVE_APIS_TABLE(
    BudgetStatus,
    Describe(
        "BudgetStatus",
        {
            F<&BudgetStatus::remaining>("remaining", "Actions that may still be taken.").KeepZero(),
            F<&BudgetStatus::next_free_at>("nextFreeAt", "When a spent one leaves the window.")
                .DateTime(),
        }));

SALVE_APIS_TABLE(
    BreakerStatus,
    Describe(
        "BreakerStatus",
        {
            F<&BreakerStatus::target>("target", "The target's name.").Required().MaxLength(512),
            F<&BreakerStatus::consecutive_failures>("consecutiveFailures",
                                                    "Failed attempts in a row.")
                .KeepZero(),
            F<&BreakerStatus::ineffective_fixes>("ineffectiveFixes",
                                                 "Fixes in a row that did not last.")
                .KeepZero(),
            F<&BreakerStatus::open_until>("openUntil", "Until when it is open; absent: closed.")
                .DateTime(),
        }));

SALVE_APIS_TABLE(
    HealingPolicyStatus,
    Describe(
        "HealingPolicyStatus",
        {
            F<&HealingPolicyStatus::observed_generation>(
                "observedGeneration", "The generation that this status is about."),
            F<&HealingPolicyStatus::conditions>(
                "conditions",
                "Ready, TargetFound, TargetHealthy, RemediationAllowed, Paused, StormActive, "
                "BreakerOpen.")
                .MaxItems(32)
                .MapKeys({"type"}),
            F<&HealingPolicyStatus::health>("health", "In short, as in 3/4 healthy.").Text(253),
            F<&HealingPolicyStatus::targets_total>("targetsTotal", "Targets found.").KeepZero(),
            F<&HealingPolicyStatus::targets_unhealthy>("targetsUnhealthy",
                                                       "Unhealthy ones of them.")
                .KeepZero(),
            F<&HealingPolicyStatus::targets_asleep>(
                "targetsAsleep",
                "Those that a schedule has put to sleep: neither healthy nor ill."),
            F<&HealingPolicyStatus::targets>("targets", "Health of each, unhealthy ones first.")
                .MaxItems(1000),
            F<&HealingPolicyStatus::signals>("signals",
                                             "Alerts that were received for the policy's triggers.")
                .MaxItems(200),
            F<&HealingPolicyStatus::files>("files",
                                           "What the targets run with of the files that triggers "
                                           "watch.")
                .MaxItems(200),
            F<&HealingPolicyStatus::open_incidents>("openIncidents",
                                                    "Names of unresolved incidents.")
                .MaxItems(1000)
                .ItemMaxLength(253),
            F<&HealingPolicyStatus::open_incident_count>("openIncidentCount", "How many there are.")
                .KeepZero(),
            F<&HealingPolicyStatus::budget>("budget", "What is left of guardrails.maxActions."),
            F<&HealingPolicyStatus::actions>(
                "actions",
                "The actions that budget, cooldown and breaker are computed from, newest last. "
                "They are "
                "kept here because incidents may be deleted and a budget must not be.")
                .MaxItems(2000),
            F<&HealingPolicyStatus::breakers>("breakers", "Targets with failures that count.")
                .MaxItems(1000),
            F<&HealingPolicyStatus::next_schedule>(
                "nextSchedule", "The next time that a schedule comes due, for people.")
                .Text(253),
            F<&HealingPolicyStatus::schedules>("schedules", "What is remembered of spec.schedules.")
                .MaxItems(20),
            F<&HealingPolicyStatus::scheduled>(
                "scheduled",
                "For each target the newest time that came due, what became of it, and what there "
                "was before.")
                .MaxItems(200),
        }));

SALVE_APIS_TABLE(HealingPolicy,
                 Describe("HealingPolicy",
                          {
                              F<&HealingPolicy::metadata>("metadata", "Name, labels and the like."),
                              F<&HealingPolicy::spec>("spec", "What is wanted.").Required(),
                              F<&HealingPolicy::status>("status", "What Salve sees and has done."),
                          })
                     .Kind(HealingPolicy::kInfo)
                     .Cel("!has(self.spec.dependsOn) || !self.spec.dependsOn.exists(d, d.policy == "
                          "self.metadata.name)",
                          "a policy cannot depend on itself", ".spec.dependsOn"));

}  // namespace salve::apis
