// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/salve/v1alpha1/validation.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/redis_parameters.h"
#include "pkg/apis/yaml/yaml.h"

namespace salve::apis {
namespace {

using salve::v1alpha1::HealingGuardrail;
using salve::v1alpha1::HealingPolicy;
using salve::v1alpha1::Incident;
using salve::v1alpha1::IncidentApproval;
using ::testing::HasSubstr;

constexpr char kPolicy[] = R"(
metadata: {name: redis, namespace: default}
spec:
  target: {docker: {container: redis-test}}
  probes:
  - {name: memory, redis: {address: "127.0.0.1:6380"}}
  ladder:
  - {name: flush, action: {redisFlushAll: {}}}
  - {name: human, escalate: {}}
  diagnosis:
    rules:
    - {name: oom, when: {logs: "OOM command", probe: memory}, cause: MemoryExhausted, step: flush}
  guardrails:
    windows:
    - {name: weekend, kind: Deny, cron: "0 18 * * FRI", durationSeconds: 216000, timeZone: Europe/Berlin}
)";

constexpr char kGuardrail[] = R"(
metadata: {name: all}
spec:
  namespaceSelector:
    matchLabels: {team: shop}
    matchExpressions: [{key: example.com/tier, operator: In, values: [gold]}]
  exec: {allow: [[nginx, -s, reload], [/usr/bin/kill, "/[0-9]+/"]]}
  probes: {allowedCIDRs: [10.0.0.0/8, "fd00::/8"]}
  windows: [{name: night, kind: Allow, cron: "0 22 * * *", durationSeconds: 3600}]
)";

constexpr char kIncident[] = R"(
metadata: {name: now}
spec: {policyRef: {name: redis}, target: {name: redis-test}}
)";

constexpr char kApproval[] = R"(
metadata: {name: agreed}
spec:
  incidentName: redis-1
  incidentUID: 0a1b
  policyName: redis
  proposalDigest: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  decision: Approve
  approver: ann
)";

Json FromYaml(const std::string& text) {
  const auto document = yaml::ParseOne(text);
  EXPECT_TRUE(document.ok()) << document.status() << "\n" << text;
  return document.ok() ? document->value : Json();
}

// The errors of `base` with `change` (YAML) merged into its spec, as a JSON merge patch.
template <class Kind>
FieldErrors ErrorsOf(const char* base, const std::string& change) {
  Json object = FromYaml(base);
  object["spec"].merge_patch(FromYaml(change));
  const auto typed = Decode<Kind>(object);
  EXPECT_TRUE(typed.ok()) << typed.status();
  return typed.ok() ? Validate(*typed) : FieldErrors{};
}

std::string Shown(const FieldErrors& errors) {
  std::string text;
  for (const FieldError& error : errors) text += error.reason + " " + error.ToString() + "\n";
  return text;
}

// A change of the spec that makes exactly one thing wrong.
struct Case {
  const char* sentence;
  const char* change;
  const char* field;
  const char* message;  // part of it
};

template <class Kind>
void ExpectOne(const char* base, const Case& c) {
  SCOPED_TRACE(c.sentence);
  const FieldErrors errors = ErrorsOf<Kind>(base, c.change);
  ASSERT_EQ(errors.size(), 1u) << Shown(errors);
  EXPECT_EQ(errors[0].field, c.field) << Shown(errors);
  EXPECT_THAT(errors[0].message, HasSubstr(c.message));
}

TEST(Validation, ObjectsThatMakeSenseHaveNoErrors) {
  EXPECT_EQ(Shown(ErrorsOf<HealingPolicy>(kPolicy, "{}")), "");
  EXPECT_EQ(Shown(ErrorsOf<HealingGuardrail>(kGuardrail, "{}")), "");
  EXPECT_EQ(Shown(ErrorsOf<Incident>(kIncident, "{}")), "");
  EXPECT_EQ(Shown(ErrorsOf<IncidentApproval>(kApproval, "{}")), "");
}

constexpr Case kPolicyCases[] = {
    {"a dependency on itself", "{dependsOn: [{policy: redis}]}", "spec.dependsOn[0].policy",
     "cannot depend on itself"},
    {"a dependency that is no name", "{dependsOn: [{policy: a..b}]}", "spec.dependsOn[0].policy",
     "must be the name of an object"},
    {"a dependency that comes twice", "{dependsOn: [{policy: a}, {policy: a}]}",
     "spec.dependsOn[1]", "Duplicate value"},
    {"a pause that comes twice", "{pauses: [{name: a}, {name: a}]}", "spec.pauses[1]",
     "Duplicate value"},
    {"a pause until a time that is none", "{pauses: [{name: a, until: tomorrow}]}",
     "spec.pauses[0].until", "date-time"},
    {"a workload by name and by labels",
     "{target: {docker: null, kubernetes: {name: web, selector: {matchLabels: {a: b}}}},"
     " ladder: null, diagnosis: null}",
     "spec.target.kubernetes", "name and selector are"},
    {"a kind of workload that there is not",
     "{target: {docker: null, kubernetes: {kind: Job, name: web}}, ladder: null, diagnosis: null}",
     "spec.target.kubernetes.kind", "Unsupported value"},
    {"a label of workloads that is none",
     "{target: {docker: null, kubernetes: {selector: {matchLabels: {\"a b\": c}}}},"
     " ladder: null, diagnosis: null}",
     "spec.target.kubernetes.selector.matchLabels", "must be a label's name"},
    {"a target without any backend", "{target: {docker: null}}", "spec.target",
     "exactly one of docker, kubernetes, ecs must be set, none is"},
    {"a target that is two things", "{target: {docker: {labels: {a: b}}}}", "spec.target.docker",
     "container and labels are"},
    {"a service of ECS healed by a container's restart",
     "{target: {docker: null, ecs: {service: web}}, diagnosis: null,"
     " ladder: [{name: a, action: {restart: {}}}]}",
     "spec.ladder[0].action.restart", "a service of ECS can be healed by forceNewDeployment"},
    {"a service of ECS that is no name",
     "{target: {docker: null, ecs: {service: \"a b\"}}, ladder: null, diagnosis: null}",
     "spec.target.ecs.service", "Invalid value"},
    {"a trigger whose matcher is none", "{triggers: [{name: a, alert: {matchers: [RedisDown]}}]}",
     "spec.triggers[0].alert.matchers[0]", "must be a matcher"},
    {"a watched file without a whole path",
     "{triggers: [{name: a, fileChange: {paths: [shop.env]}}]}",
     "spec.triggers[0].fileChange.paths[0]", "should match"},
    {"a watched file that climbs",
     "{triggers: [{name: a, fileChange: {paths: [/srv/../etc/shadow]}}]}",
     "spec.triggers[0].fileChange.paths[0]", "must not contain .."},
    {"a watched file twice", "{triggers: [{name: a, fileChange: {paths: [/srv/a, /srv/a]}}]}",
     "spec.triggers[0].fileChange.paths[1]", "Duplicate value"},
    {"no file to watch", "{triggers: [{name: a, fileChange: {paths: []}}]}",
     "spec.triggers[0].fileChange.paths", ""},
    {"a trigger that is both",
     "{triggers: [{name: a, alert: {matchers: [\"a=b\"]}, "
     "fileChange: {paths: [/srv/a]}}]}",
     "spec.triggers[0]", "exactly one"},
    {"a change with no name for a reason",
     "{triggers: [{name: a, fileChange: {paths: [/srv/a], reason: Env-Changed}}]}",
     "spec.triggers[0].fileChange.reason", ""},
    {"a range with too many points",
     "{diagnosis: null, probes: [{name: p, prometheus: {url: \"http://p\", query: up, minimum: 1, "
     "range: {seconds: 15000}}}]}",
     "spec.probes[0].prometheus.range.stepSeconds", "1000 points"},
    {"a trigger that matches everything", "{triggers: [{name: a, alert: {matchers: []}}]}",
     "spec.triggers[0].alert.matchers", ""},
    {"a trigger named as a probe",
     "{probes: [{name: memory, tcp: {address: \"a:1\"}}],"
     " triggers: [{name: memory, alert: {matchers: [\"a=b\"]}}]}",
     "spec.triggers[0].name", "Duplicate value"},
    {"a notification on a stage that is none", "{notifications: [{sink: ops, stages: [Done]}]}",
     "spec.notifications[0].stages[0]", "Unsupported value"},
    {"a label without a name", "{target: {docker: {container: null, labels: {\"\": b}}}}",
     "spec.target.docker.labels", "must not be empty"},
};

constexpr Case kProbeCases[] = {
    {"a probe's name that comes twice",
     "{probes: [{name: memory, tcp: {address: \"a:1\"}}, {name: memory, tcp: {address: \"a:1\"}}]}",
     "spec.probes[1]", "Duplicate value"},
    {"a probe of no kind", "{probes: [{name: memory}]}", "spec.probes[0]", "none is"},
    {"a prometheus probe without bounds",
     "{probes: [{name: memory, prometheus: {url: \"http://a\", query: up}}]}",
     "spec.probes[0].prometheus", "minimum or maximum"},
    {"a prometheus probe that nothing can satisfy",
     "{probes: [{name: memory, prometheus: {url: \"http://a\", query: up, minimum: 2, maximum: "
     "1}}]}",
     "spec.probes[0].prometheus.minimum", "must not be above maximum"},
    {"a metric of CloudWatch without bounds",
     "{probes: [{name: memory, cloudWatch: {namespace: AWS/ECS, metricName: CPUUtilization}}]}",
     "spec.probes[0].cloudWatch", "minimum or maximum"},
    {"a metric of CloudWatch over a period that it does not have",
     "{probes: [{name: memory, cloudWatch: {namespace: AWS/ECS, metricName: CPUUtilization, "
     "maximum: 1, metricPeriodSeconds: 45}}]}",
     "spec.probes[0].cloudWatch.metricPeriodSeconds", "multiple of 60"},
    {"a metric of CloudWatch with a statistic that it does not have",
     "{probes: [{name: memory, cloudWatch: {namespace: AWS/ECS, metricName: CPUUtilization, "
     "maximum: 1, statistic: Median}}]}",
     "spec.probes[0].cloudWatch.statistic", "should match"},
    {"a probe of two kinds",
     "{probes: [{name: memory, tcp: {address: \"a:1\"}, redis: {address: \"a:1\"}}]}",
     "spec.probes[0]", "redis and tcp are"},
    {"an address without a port", "{probes: [{name: memory, tcp: {address: localhost}}]}",
     "spec.probes[0].tcp.address", "should match"},
    {"a port above 65535", "{probes: [{name: memory, redis: {address: \"a:70000\"}}]}",
     "spec.probes[0].redis.address", "port from 1 to 65535"},
    {"port 0", "{probes: [{name: memory, postgres: {address: \"a:0\"}}]}",
     "spec.probes[0].postgres.address", "port from 1 to 65535"},
    {"digits and dots that are no IPv4 address",
     "{probes: [{name: memory, tcp: {address: \"1.2.3:80\"}}]}", "spec.probes[0].tcp.address",
     "host name or an IP address"},
    {"brackets around what is no IPv6 address",
     "{probes: [{name: memory, tcp: {address: \"[1::2::3]:80\"}}]}", "spec.probes[0].tcp.address",
     "IPv6 address between the brackets"},
    {"a URL that is not http", "{probes: [{name: memory, http: {url: \"ftp://a/\"}}]}",
     "spec.probes[0].http.url", "should match"},
    {"a URL with a fragment", "{probes: [{name: memory, http: {url: \"http://a/b#c\"}}]}",
     "spec.probes[0].http.url", "fragment"},
    {"a URL with a port that is none",
     "{probes: [{name: memory, http: {url: \"http://a:99999/\"}}]}", "spec.probes[0].http.url",
     "port from 1 to 65535"},
    {"a body pattern that does not compile",
     "{probes: [{name: memory, http: {url: \"http://a/\", bodyMatch: \"a(\"}}]}",
     "spec.probes[0].http.bodyMatch", "a("},
    {"a latency bound that the time-out makes pointless",
     "{probes: [{name: memory, http: {url: \"http://a/\", maxLatencyMillis: 5000}}]}",
     "spec.probes[0].http.maxLatencyMillis", "must not be above the probe's timeoutSeconds"},
    {"a time-out above the period",
     "{probes: [{name: memory, tcp: {address: \"a:1\"}, periodSeconds: 2, timeoutSeconds: 3}]}",
     "spec.probes[0].timeoutSeconds", "must not be above periodSeconds (2)"},
    {"bounds of health the wrong way round",
     "{probes: [{name: memory, tcp: {address: \"a:1\"}, unhealthyBelow: 90}]}",
     "spec.probes[0].unhealthyBelow", "must not be above healthyAbove (80)"},
    {"a probe that runs nothing", "{probes: [{name: memory, exec: {argv: []}}]}",
     "spec.probes[0].exec.argv", "at least 1 items"},
    {"a probe whose program has no name", "{probes: [{name: memory, exec: {argv: [\"\", a]}}]}",
     "spec.probes[0].exec.argv[0]", "must be the program"},
    {"a parameter whose name goes up",
     "{probes: [{name: memory, redis: {address: \"a:1\", password: {ssm: {name: /p/../q}}}}]}",
     "spec.probes[0].redis.password.ssm.name", "Invalid value"},
    {"a parameter of another account",
     "{probes: [{name: memory, redis: {address: \"a:1\", password: {ssm: {name: "
     "\"arn:aws:ssm:eu-west-1:123456789012:parameter/p\"}}}}]}",
     "spec.probes[0].redis.password.ssm.name", "Invalid value"},
    {"a secret whose name has an empty part",
     "{probes: [{name: memory, redis: {address: \"a:1\", password: {secretsManager: {id: "
     "/p//q}}}}]}",
     "spec.probes[0].redis.password.secretsManager.id", "Invalid value"},
    {"a Secret's name without its key",
     "{probes: [{name: memory, redis: {address: \"a:1\", password: {secretName: s}}}]}",
     "spec.probes[0].redis.password.secretKey", "Required value"},
};

constexpr Case kDiagnosisCases[] = {
    {"a rule's name that comes twice",
     "{diagnosis: {rules: [{name: a, when: {exitCodes: [1]}, cause: A, step: flush},"
     " {name: a, when: {exitCodes: [2]}, cause: B, step: flush}]}}",
     "spec.diagnosis.rules[1]", "Duplicate value"},
    {"a rule that names no step",
     "{diagnosis: {rules: [{name: a, when: {exitCodes: [1]}, cause: A, step: reboot}]}}",
     "spec.diagnosis.rules[0].step", "must be the name of one of spec.ladder"},
    {"a rule that names no probe",
     "{diagnosis: {rules: [{name: a, when: {probe: disk}, cause: A, step: flush}]}}",
     "spec.diagnosis.rules[0].when.probe", "must be the name of one of spec.probes"},
    {"a rule with a step and a verdict",
     "{diagnosis: {rules: [{name: a, when: {exitCodes: [1]}, cause: A, step: flush, verdict: "
     "Escalate}]}}",
     "spec.diagnosis.rules[0]", "step and verdict are"},
    {"a rule without a condition",
     "{diagnosis: {rules: [{name: a, when: {}, cause: A, step: flush}]}}",
     "spec.diagnosis.rules[0].when", "Required value"},
    {"a log pattern that does not compile",
     "{diagnosis: {rules: [{name: a, when: {logs: \"[z-a]\"}, cause: A, step: flush}]}}",
     "spec.diagnosis.rules[0].when.logs", "[z-a]"},
    {"a log pattern that RE2 does not know, as it could hang",
     "{diagnosis: {rules: [{name: a, when: {logs: '(a)\\1'}, cause: A, step: flush}]}}",
     "spec.diagnosis.rules[0].when.logs", "\\\\1"},
    {"a metric without a bound",
     "{diagnosis: {rules: [{name: a, when: {metric: m}, cause: A, step: flush}]}}",
     "spec.diagnosis.rules[0].when.above", "metric needs above or below"},
    {"a bound without a metric",
     "{diagnosis: {rules: [{name: a, when: {probe: memory, below: 3}, cause: A, step: flush}]}}",
     "spec.diagnosis.rules[0].when.metric", "are about a metric"},
    {"bounds that no value is within",
     "{diagnosis: {rules: [{name: a, when: {metric: m, above: 5, below: 5}, cause: A, step: "
     "flush}]}}",
     "spec.diagnosis.rules[0].when.above", "no value is above this"},
};

constexpr Case kLadderCases[] = {
    {"a step's name that comes twice",
     "{ladder: [{name: flush, action: {restart: {}}}, {name: flush, action: {start: {}}}]}",
     "spec.ladder[1]", "Duplicate value"},
    {"a step that does nothing", "{ladder: [{name: flush}]}", "spec.ladder[0]", "none is"},
    {"a step that acts and escalates",
     "{ladder: [{name: flush, action: {restart: {}}, escalate: {message: a}}]}", "spec.ladder[0]",
     "action and escalate are"},
    {"an action of no kind", "{ladder: [{name: flush, action: {}}]}", "spec.ladder[0].action",
     "none is"},
    {"two actions in one step", "{ladder: [{name: flush, action: {restart: {}, kill: {}}}]}",
     "spec.ladder[0].action", "restart and kill are"},
    {"an escalation that is not the last step",
     "{ladder: [{name: human, escalate: {}}, {name: flush, action: {restart: {}}}]}",
     "spec.ladder[0].escalate", "only the last step"},
    {"a command without a program", "{ladder: [{name: flush, action: {exec: {argv: []}}}]}",
     "spec.ladder[0].action.exec.argv", "at least 1 items"},
    {"a command with a NUL in it",
     "{ladder: [{name: flush, action: {exec: {argv: [a, \"b\\0c\"]}}}]}",
     "spec.ladder[0].action.exec.argv[1]", "NUL"},
    {"a Redis parameter that could write a file",
     "{ladder: [{name: flush, action: {redisSetConfig: {parameter: dir, value: tmp}}}]}",
     "spec.ladder[0].action.redisSetConfig.parameter", "Unsupported value"},
    {"a value that the Redis parameter does not take",
     "{ladder: [{name: flush, action: {redisSetConfig: {parameter: maxmemory, value: lots}}}]}",
     "spec.ladder[0].action.redisSetConfig.value", "must be a size"},
    {"growth without end",
     "{ladder: [{name: flush, action: {updateResources: {memoryPercent: 50}}}]}",
     "spec.ladder[0].action.updateResources.maxMemoryBytes", "Required value"},
    {"two sizes at once",
     "{ladder: [{name: flush, action: {updateResources: {memoryPercent: 50, memoryBytes: 100000000,"
     " maxMemoryBytes: 100000000}}}]}",
     "spec.ladder[0].action.updateResources.memoryPercent", "exclude each other"},
    {"a size above its own limit",
     "{ladder: [{name: flush, action: {updateResources: {memoryBytes: 200000000,"
     " maxMemoryBytes: 100000000}}}]}",
     "spec.ladder[0].action.updateResources.memoryBytes", "must not be above maxMemoryBytes"},
    {"an update of nothing", "{ladder: [{name: flush, action: {updateResources: {}}}]}",
     "spec.ladder[0].action.updateResources", "one of memoryBytes, memoryPercent, cpuMillis"},
    {"an action that only a workload has, on a container",
     "{ladder: [{name: flush, action: {rolloutUndo: {}}}]}", "spec.ladder[0].action.rolloutUndo",
     "a container can be healed by"},
    {"an action that only a container has, on a workload",
     "{target: {docker: null, kubernetes: {name: web}},"
     " ladder: [{name: flush, action: {restart: {}}}]}",
     "spec.ladder[0].action.restart", "a Deployment on Kubernetes can be healed by deletePod"},
    {"a rollout of a pod",
     "{target: {docker: null, kubernetes: {kind: Pod, name: web}},"
     " ladder: [{name: flush, action: {rolloutRestart: {}}}]}",
     "spec.ladder[0].action.rolloutRestart", "a Pod on Kubernetes can be healed by deletePod"},
    {"a limit of nothing",
     "{target: {docker: null, kubernetes: {name: web}},"
     " ladder: [{name: flush, action: {setResources: {memoryBytes: 0}}}]}",
     "spec.ladder[0].action.setResources.memoryBytes", "must be at least"},
    {"growth of a workload without end",
     "{target: {docker: null, kubernetes: {name: web}},"
     " ladder: [{name: flush, action: {setResources: {memoryPercent: 50}}}]}",
     "spec.ladder[0].action.setResources.maxMemoryBytes", "Required value"},
    {"a stop that may take longer than the step",
     "{ladder: [{name: flush, action: {restart: {stopTimeoutSeconds: 90}}}]}",
     "spec.ladder[0].action.restart.stopTimeoutSeconds",
     "must not be above the step's timeoutSeconds (60)"},
};

constexpr Case kLimitCases[] = {
    {"a cron line that is none",
     "{guardrails: {windows: [{kind: Deny, cron: \"0 25 * * *\", durationSeconds: 60}]}}",
     "spec.guardrails.windows[0].cron", "25"},
    {"a cron line that never fires",
     "{guardrails: {windows: [{kind: Deny, cron: \"0 0 30 FEB *\", durationSeconds: 60}]}}",
     "spec.guardrails.windows[0].cron", "never"},
    {"a time zone that there is not",
     "{guardrails: {windows: [{kind: Deny, cron: \"0 0 * * *\", durationSeconds: 60, timeZone: "
     "A/B}]}}",
     "spec.guardrails.windows[0].timeZone", "must be a time zone of this machine"},
    {"a window's name that comes twice",
     "{guardrails: {windows: [{name: a, kind: Deny, cron: \"0 0 * * *\", durationSeconds: 60},"
     " {name: a, kind: Deny, cron: \"0 1 * * *\", durationSeconds: 60}]}}",
     "spec.guardrails.windows[1].name", "Duplicate value"},
    {"a schedule in the 25th hour",
     "{schedules: [{name: night, cron: \"0 25 * * *\", action: ScaleToZero}]}",
     "spec.schedules[0].cron", "25"},
    {"a schedule on no clock of this world",
     "{schedules: [{name: night, cron: \"0 18 * * *\", timeZone: Europe/Nowhere, action: "
     "ScaleToZero}]}",
     "spec.schedules[0].timeZone", "must be a time zone of this machine"},
    {"a schedule for something that there is not",
     "{schedules: [{name: night, cron: \"0 18 * * *\", action: Nap}]}", "spec.schedules[0].action",
     "Unsupported value"},
    {"two schedules of one name",
     "{schedules: [{name: night, cron: \"0 18 * * *\", action: ScaleToZero}, {name: night, cron: "
     "\"0 19 * * *\", action: ScaleToZero}]}",
     "spec.schedules[1]", "Duplicate value"},
    {"a way back from nowhere",
     "{schedules: [{name: morning, cron: \"0 9 * * *\", action: Restore}]}",
     "spec.schedules[0].action", "nothing to go back from"},
    {"a deadline of no time at all",
     "{schedules: [{name: night, cron: \"0 18 * * *\", action: ScaleToZero, "
     "startingDeadlineSeconds: 0}]}",
     "spec.schedules[0].startingDeadlineSeconds", "10"},
    {"a percentage above 100", "{guardrails: {maxUnhealthy: \"140%\"}}",
     "spec.guardrails.maxUnhealthy", "should match"},
    {"a percentage without a number", "{guardrails: {maxUnhealthy: \"%\"}}",
     "spec.guardrails.maxUnhealthy", "should match"},
    {"a mode that there is not", "{mode: Yolo}", "spec.mode", "Unsupported value"},
    {"a verification that ends before it can be over",
     "{verification: {initialDelaySeconds: 30, minHealthySeconds: 30}}",
     "spec.verification.timeoutSeconds", "must be above initialDelaySeconds and minHealthySeconds"},
    {"a verification that cannot measure often enough",
     "{verification: {intervalSeconds: 30, consecutiveSuccesses: 4}}",
     "spec.verification.timeoutSeconds", "cannot be reached before 92 seconds"},
};

TEST(PolicyValidation, NamesTheFieldOfEachMistake) {
  for (const Case& c : kPolicyCases) ExpectOne<HealingPolicy>(kPolicy, c);
}

TEST(PolicyValidation, NamesTheFieldOfEachMistakeInAProbe) {
  for (const Case& c : kProbeCases) ExpectOne<HealingPolicy>(kPolicy, c);
}

TEST(PolicyValidation, NamesTheFieldOfEachMistakeInARule) {
  for (const Case& c : kDiagnosisCases) ExpectOne<HealingPolicy>(kPolicy, c);
}

TEST(PolicyValidation, NamesTheFieldOfEachMistakeInAStep) {
  for (const Case& c : kLadderCases) ExpectOne<HealingPolicy>(kPolicy, c);
}

TEST(PolicyValidation, NamesTheFieldOfEachMistakeInALimit) {
  for (const Case& c : kLimitCases) ExpectOne<HealingPolicy>(kPolicy, c);
}

TEST(PolicyValidation, ReportsEveryMistakeAtOnce) {
  const FieldErrors errors = ErrorsOf<HealingPolicy>(
      kPolicy, "{mode: Yolo, dependsOn: [{policy: redis}], verification: {timeoutSeconds: 1}}");
  EXPECT_EQ(errors.size(), 3u) << Shown(errors);
}

TEST(PolicyValidation, TakesAddressesAndUrlsOfEveryForm) {
  for (const char* address :
       {"127.0.0.1:1", "[::1]:65535", "redis_main:6379", "db.example.com:5432"}) {
    const FieldErrors errors = ErrorsOf<HealingPolicy>(
        kPolicy, std::string("{probes: [{name: memory, tcp: {address: \"") + address + "\"}}]}");
    EXPECT_EQ(Shown(errors), "") << address;
  }
  for (const char* url : {"http://a", "https://[::1]:8443/x?y=z", "http://a.example:80/health"}) {
    const FieldErrors errors = ErrorsOf<HealingPolicy>(
        kPolicy, std::string("{probes: [{name: memory, http: {url: \"") + url + "\"}}]}");
    EXPECT_EQ(Shown(errors), "") << url;
  }
}

constexpr Case kGuardrailCases[] = {
    {"an argument pattern that does not compile", "{exec: {allow: [[ls, \"/[/\"]]}}",
     "spec.exec.allow[0][1]", "["},
    {"an allowed command without a program", "{exec: {allow: [[ls], []]}}", "spec.exec.allow[1]",
     ""},
    {"an allowed command whose program has no name", "{exec: {allow: [[\"\"]]}}",
     "spec.exec.allow[0][0]", "must be the program"},
    {"a network that is none", "{probes: {allowedCIDRs: [10.0.0.0/33]}}",
     "spec.probes.allowedCIDRs[0]", "must be an address and a prefix length"},
    {"an IPv6 prefix that is too long", "{probes: {allowedCIDRs: [\"::/129\"]}}",
     "spec.probes.allowedCIDRs[0]", "must be an address and a prefix length"},
    {"In without values", "{namespaceSelector: {matchExpressions: [{key: a, operator: In}]}}",
     "spec.namespaceSelector.matchExpressions[0].values", "Required value"},
    {"Exists with values",
     "{namespaceSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}",
     "spec.namespaceSelector.matchExpressions[0].values", "Forbidden"},
    {"a label's name that is none", "{namespaceSelector: {matchLabels: {team: null, \"a b\": c}}}",
     "spec.namespaceSelector.matchLabels", "must be a label's name"},
    {"a label's value that is none", "{namespaceSelector: {matchLabels: {team: \"-a-\"}}}",
     "spec.namespaceSelector.matchLabels.team", "must be a label's value"},
    {"a cron line that is none",
     "{windows: [{kind: Deny, cron: \"a b c d e\", durationSeconds: 60}]}", "spec.windows[0].cron",
     "a"},
    {"an action that there is not", "{allowedActions: [reboot]}", "spec.allowedActions[0]",
     "Unsupported value"},
    {"a protected target without a backend", "{protectedTargets: [redis]}",
     "spec.protectedTargets[0]", "should match"},
};

TEST(GuardrailValidation, NamesTheFieldOfEachMistake) {
  for (const Case& c : kGuardrailCases) ExpectOne<HealingGuardrail>(kGuardrail, c);
}

constexpr Case kIncidentCases[] = {
    {"no policy", "{policyRef: null}", "spec.policyRef.name", "at least 1 chars"},
    {"a policy whose name is a path", "{policyRef: {name: ../a}}", "spec.policyRef.name",
     "must be the name of an object"},
    {"no target", "{target: {name: null}}", "spec.target.name", "at least 1 chars"},
    {"a fingerprint that is none", "{fingerprint: xyz}", "spec.fingerprint", "should match"},
    {"a severity that there is not", "{severity: Bad}", "spec.severity", "Unsupported value"},
};

TEST(IncidentValidation, NamesTheFieldOfEachMistake) {
  for (const Case& c : kIncidentCases) ExpectOne<Incident>(kIncident, c);
}

constexpr Case kApprovalCases[] = {
    {"an incident whose name is a path", "{incidentName: a/b}", "spec.incidentName",
     "must be the name of an object"},
    {"a policy whose name is a path", "{policyName: a/b}", "spec.policyName",
     "must be the name of an object"},
    {"no UID", "{incidentUID: null}", "spec.incidentUID", "at least 1 chars"},
    {"a digest that is none", "{proposalDigest: abc}", "spec.proposalDigest", "should match"},
    {"a decision that there is not", "{decision: Maybe}", "spec.decision", "Unsupported value"},
};

TEST(ScheduleValidation, WhatHasNoReplicasCannotBeScaledByASchedule) {
  for (const char* kind : {"DaemonSet", "Pod", "Deployment", "StatefulSet"}) {
    const FieldErrors errors = ErrorsOf<HealingPolicy>(
        kPolicy, std::string("{ladder: null, diagnosis: null, target: {docker: null, kubernetes: "
                             "{kind: ") +
                     kind +
                     ", name: web}}, schedules: [{name: night, cron: \"0 18 * * *\", action: "
                     "ScaleToZero}]}");
    const bool refused = std::string(kind) == "DaemonSet" || std::string(kind) == "Pod";
    ASSERT_EQ(errors.size(), refused ? 1u : 0u) << kind;
    for (const FieldError& error : errors) EXPECT_EQ(error.field, "spec.schedules");
  }
}

TEST(ApprovalValidation, NamesTheFieldOfEachMistake) {
  for (const Case& c : kApprovalCases) ExpectOne<IncidentApproval>(kApproval, c);
}

TEST(RedisParameters, NoneThatWritesFilesLoadsCodeOrLetsPeopleInIsOnTheList) {
  const auto& names = salve::v1alpha1::RedisParameterNames();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const char* name :
       {"dir", "dbfilename", "appendonly", "appendfilename", "save", "requirepass", "masterauth",
        "replicaof", "slaveof", "aclfile", "loadmodule", "bind", "protected-mode", "logfile",
        "unixsocket", "tls-cert-file", "port"}) {
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 0) << name;
    EXPECT_NE(salve::v1alpha1::CheckRedisParameter(name, "yes"), "") << name;
  }
}

TEST(RedisParameters, ValuesAreTheOnesThatRedisTakes) {
  using salve::v1alpha1::CheckRedisParameter;
  EXPECT_EQ(CheckRedisParameter("maxmemory", "256mb"), "");
  EXPECT_EQ(CheckRedisParameter("maxmemory", "2GB"), "");
  EXPECT_NE(CheckRedisParameter("maxmemory", "0"), "") << "0 would mean no limit at all";
  EXPECT_NE(CheckRedisParameter("maxmemory", "99999999999999999999"), "");
  EXPECT_NE(CheckRedisParameter("maxmemory", "mb"), "");
  EXPECT_EQ(CheckRedisParameter("maxmemory-policy", "allkeys-lru"), "");
  EXPECT_NE(CheckRedisParameter("maxmemory-policy", "random"), "");
  EXPECT_EQ(CheckRedisParameter("timeout", "300"), "");
  EXPECT_NE(CheckRedisParameter("timeout", "-1"), "");
  EXPECT_EQ(CheckRedisParameter("activedefrag", "yes"), "");
  EXPECT_NE(CheckRedisParameter("activedefrag", "1"), "");
}

}  // namespace
}  // namespace salve::apis
