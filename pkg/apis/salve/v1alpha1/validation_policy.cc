// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "pkg/apis/codec.h"
#include "pkg/apis/matcher.h"
#include "pkg/apis/salve/v1alpha1/validation.h"
#include "pkg/apis/salve/v1alpha1/validation_internal.h"
#include "pkg/apis/syntax.h"

namespace salve::apis {

namespace v1alpha1 = salve::v1alpha1;

namespace {

using internal::AddInvalid;

constexpr std::int64_t kMaxRangePoints = 1000;

// "must not be above <other> (5)"
void NotAbove(std::int64_t value, const std::string& path, std::int64_t bound,
              const std::string& other, FieldErrors& errors) {
  if (value <= bound) return;
  errors.push_back(InvalidField(path, std::to_string(value),
                                "must not be above " + other + " (" + std::to_string(bound) + ")"));
}

void ValidateTarget(const v1alpha1::Target& target, FieldErrors& errors) {
  if (target.kubernetes && target.kubernetes->selector) {
    internal::ValidateSelector(*target.kubernetes->selector, "spec.target.kubernetes.selector",
                               errors);
  }
  if (!target.docker) return;
  for (const auto& [key, value] : target.docker->labels) {
    if (!key.empty() && key.find('=') == std::string::npos) continue;
    AddInvalid("a label's name must not be empty or contain '='", "spec.target.docker.labels", key,
               errors);
  }
}

void ValidateDependencies(const v1alpha1::HealingPolicy& policy, FieldErrors& errors) {
  for (std::size_t i = 0; i < policy.spec.depends_on.size(); ++i) {
    const std::string& name = policy.spec.depends_on[i].policy;
    const std::string path = At("spec.dependsOn", i) + ".policy";
    if (name.empty()) continue;
    AddInvalid(CheckObjectName(name), path, name, errors);
    if (name == policy.metadata.name)
      AddInvalid("a policy cannot depend on itself", path, name, errors);
  }
}

// --- probes
// -------------------------------------------------------------------------------------------

void ValidateHttp(const v1alpha1::HttpProbe& http, const v1alpha1::Probe& probe,
                  const std::string& path, FieldErrors& errors) {
  AddInvalid(CheckHttpUrl(http.url), path + ".url", http.url, errors);
  internal::ValidatePattern(http.body_match, path + ".bodyMatch", errors);
  if (http.max_latency_millis) {
    NotAbove(*http.max_latency_millis, path + ".maxLatencyMillis", probe.timeout_seconds * 1000,
             "the probe's timeoutSeconds in milliseconds", errors);
  }
}

void ValidateAddress(const std::string& address, const std::string& path, FieldErrors& errors) {
  AddInvalid(CheckHostPort(address), path + ".address", address, errors);
}

void ValidateBounds(const std::optional<double>& minimum, const std::optional<double>& maximum,
                    const std::string& path, FieldErrors& errors) {
  if (!minimum && !maximum) {
    errors.push_back(RequiredField(path, "minimum or maximum must be set"));
  }
  if (minimum && maximum && *minimum > *maximum) {
    errors.push_back(
        InvalidField(path + ".minimum", apis::Json(*minimum).dump(), "must not be above maximum"));
  }
}

void ValidateCloudWatch(const v1alpha1::CloudWatchProbe& metric, const std::string& path,
                        FieldErrors& errors) {
  ValidateBounds(metric.minimum, metric.maximum, path, errors);
  const std::int64_t period = metric.metric_period_seconds;
  static constexpr std::int64_t kShort[] = {1, 5, 10, 20, 30};
  const bool known = std::find(std::begin(kShort), std::end(kShort), period) != std::end(kShort);
  if (!known && period % 60 != 0) {
    errors.push_back(InvalidField(path + ".metricPeriodSeconds", std::to_string(period),
                                  "must be 1, 5, 10, 20, 30 or a multiple of 60"));
  }
}

void ValidatePrometheus(const v1alpha1::PrometheusProbe& prometheus, const std::string& path,
                        FieldErrors& errors) {
  AddInvalid(CheckHttpUrl(prometheus.url), path + ".url", prometheus.url, errors);
  ValidateBounds(prometheus.minimum, prometheus.maximum, path, errors);
  if (prometheus.range && prometheus.range->step_seconds > 0 &&
      prometheus.range->seconds / prometheus.range->step_seconds >= kMaxRangePoints) {
    errors.push_back(InvalidField(path + ".range.stepSeconds",
                                  std::to_string(prometheus.range->step_seconds),
                                  "the range must not hold more than 1000 points"));
  }
  if (prometheus.token) {
    internal::ValidateSecretSource(*prometheus.token, path + ".token", errors);
  }
}

void ValidateProbe(const v1alpha1::Probe& probe, const std::string& path, FieldErrors& errors) {
  if (probe.redis) {
    ValidateAddress(probe.redis->address, path + ".redis", errors);
    if (probe.redis->password) {
      internal::ValidateSecretSource(*probe.redis->password, path + ".redis.password", errors);
    }
  }
  if (probe.postgres) {
    ValidateAddress(probe.postgres->address, path + ".postgres", errors);
    if (probe.postgres->password) {
      internal::ValidateSecretSource(*probe.postgres->password, path + ".postgres.password",
                                     errors);
    }
  }
  if (probe.http) ValidateHttp(*probe.http, probe, path + ".http", errors);
  if (probe.tcp) ValidateAddress(probe.tcp->address, path + ".tcp", errors);
  if (probe.prometheus) ValidatePrometheus(*probe.prometheus, path + ".prometheus", errors);
  if (probe.cloud_watch) ValidateCloudWatch(*probe.cloud_watch, path + ".cloudWatch", errors);
  if (probe.exec) CheckArgv(probe.exec->argv, path + ".exec.argv", errors);
  NotAbove(probe.timeout_seconds, path + ".timeoutSeconds", probe.period_seconds, "periodSeconds",
           errors);
  NotAbove(probe.unhealthy_below, path + ".unhealthyBelow", probe.healthy_above, "healthyAbove",
           errors);
}

// --- diagnosis and ladder
// -----------------------------------------------------------------------------

void ValidateCondition(const v1alpha1::RuleCondition& when, const std::string& path,
                       FieldErrors& errors) {
  if (when.logs.empty() && when.probe.empty() && when.conditions.empty() &&
      when.exit_codes.empty() && when.metric.empty()) {
    errors.push_back(RequiredField(
        path,
        "at least one condition must be given: logs, probe, conditions, exitCodes or metric"));
  }
  internal::ValidatePattern(when.logs, path + ".logs", errors);
  if (!when.metric.empty() && !when.above && !when.below) {
    errors.push_back(RequiredField(path + ".above", "metric needs above or below"));
  }
  if (when.metric.empty() && (when.above || when.below)) {
    errors.push_back(RequiredField(path + ".metric", "above and below are about a metric"));
  }
  if (when.above && when.below && *when.above >= *when.below) {
    errors.push_back(
        InvalidField(path + ".above", std::to_string(*when.above),
                     "no value is above this and below " + std::to_string(*when.below)));
  }
}

template <class Named>
bool HasName(const std::vector<Named>& list, const std::string& name) {
  return std::any_of(list.begin(), list.end(), [&](const Named& one) { return one.name == name; });
}

// Why a path cannot be watched; "" = it can.
std::string CheckWatchedPath(const std::string& path) {
  if (path.empty() || path.front() != '/') return "must be an absolute path";
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (path.substr(at, end - at) == "..") return "must not contain ..";
    at = end + 1;
  }
  return "";
}

void ValidateFileChange(const v1alpha1::FileChangeTrigger& files, const std::string& path,
                        FieldErrors& errors) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < files.paths.size(); ++i) {
    const std::string at = At(path + ".paths", i);
    AddInvalid(CheckWatchedPath(files.paths[i]), at, files.paths[i], errors);
    if (!seen.insert(files.paths[i]).second) {
      errors.push_back(DuplicateField(at, Quoted(files.paths[i])));
    }
  }
}

void ValidateTriggers(const v1alpha1::HealingPolicySpec& spec, FieldErrors& errors) {
  for (std::size_t i = 0; i < spec.triggers.size(); ++i) {
    const v1alpha1::PolicyTrigger& trigger = spec.triggers[i];
    const std::string path = At("spec.triggers", i);
    // Both are indicators of a target's health, told apart by their names.
    if (HasName(spec.probes, trigger.name)) {
      errors.push_back(DuplicateField(path + ".name", Quoted(trigger.name)));
    }
    if (trigger.file_change) ValidateFileChange(*trigger.file_change, path + ".fileChange", errors);
    if (!trigger.alert) continue;
    for (std::size_t j = 0; j < trigger.alert->matchers.size(); ++j) {
      AddInvalid(CheckMatcher(trigger.alert->matchers[j]), At(path + ".alert.matchers", j),
                 trigger.alert->matchers[j], errors);
    }
  }
}

void ValidateRules(const v1alpha1::HealingPolicySpec& spec, FieldErrors& errors) {
  for (std::size_t i = 0; i < spec.diagnosis.rules.size(); ++i) {
    const v1alpha1::DiagnosisRule& rule = spec.diagnosis.rules[i];
    const std::string path = At("spec.diagnosis.rules", i);
    ValidateCondition(rule.when, path + ".when", errors);
    if (!rule.when.probe.empty() && !HasName(spec.probes, rule.when.probe)) {
      errors.push_back(NotFoundField(path + ".when.probe", Quoted(rule.when.probe),
                                     "must be the name of one of spec.probes"));
    }
    if (!rule.step.empty() && !HasName(spec.ladder, rule.step)) {
      errors.push_back(NotFoundField(path + ".step", Quoted(rule.step),
                                     "must be the name of one of spec.ladder"));
    }
  }
}

// What can be done to the target at all, by action name.
std::vector<std::string> ActionsFor(const v1alpha1::Target& target) {
  if (target.kubernetes) {
    const std::string& kind = target.kubernetes->kind;
    if (kind == "Pod") return {"deletePod", "evictPod", "wait"};
    std::vector<std::string> all = {"deletePod",   "evictPod",     "rolloutRestart",
                                    "rolloutUndo", "setResources", "wait"};
    if (kind != "DaemonSet") all.emplace_back("scale");
    return all;
  }
  if (target.ecs) {
    return {"forceNewDeployment", "rollbackTaskDefinition", "setDesiredCount",
            "stopTask",           "updateTaskResources",    "wait"};
  }
  std::vector<std::string> all = v1alpha1::ActionNames();
  for (const char* other : {"rolloutRestart", "rolloutUndo", "scale", "deletePod", "evictPod",
                            "setResources", "forceNewDeployment", "rollbackTaskDefinition",
                            "setDesiredCount", "stopTask", "updateTaskResources"}) {
    std::erase(all, other);
  }
  return all;
}

void ValidateFit(const v1alpha1::Action& action, const v1alpha1::Target& target,
                 const std::string& path, FieldErrors& errors) {
  const std::string name = v1alpha1::ActionName(action);
  // The schema says so where there is no action or no target.
  if (name.empty() || (!target.docker && !target.kubernetes && !target.ecs)) return;
  const std::vector<std::string> possible = ActionsFor(target);
  if (std::find(possible.begin(), possible.end(), name) != possible.end()) return;
  std::string list;
  for (const std::string& one : possible) list += (list.empty() ? "" : ", ") + one;
  const std::string what = target.kubernetes ? "a " + target.kubernetes->kind + " on Kubernetes"
                           : target.ecs      ? "a service of ECS"
                                             : "a container";
  errors.push_back(ForbiddenField(path + "." + name, what + " can be healed by " + list));
}

void ValidateLadder(const v1alpha1::HealingPolicySpec& spec, FieldErrors& errors) {
  const std::vector<v1alpha1::Step>& ladder = spec.ladder;
  for (std::size_t i = 0; i < ladder.size(); ++i) {
    const std::string path = At("spec.ladder", i);
    if (ladder[i].action) {
      internal::ValidateAction(*ladder[i].action, ladder[i].timeout_seconds, path + ".action",
                               errors);
      ValidateFit(*ladder[i].action, spec.target, path + ".action", errors);
    }
    if (ladder[i].escalate && i + 1 < ladder.size()) {
      errors.push_back(
          ForbiddenField(path + ".escalate", "only the last step of the ladder may be escalate"));
    }
  }
}

void ValidateVerification(const v1alpha1::Verification& v, FieldErrors& errors) {
  const auto too_short = [&](const std::string& why) {
    errors.push_back(
        InvalidField("spec.verification.timeoutSeconds", std::to_string(v.timeout_seconds), why));
  };
  if (v.timeout_seconds <= v.initial_delay_seconds + v.min_healthy_seconds) {
    too_short("must be above initialDelaySeconds and minHealthySeconds together");
    return;
  }
  const std::int64_t proof =
      v.initial_delay_seconds + (v.consecutive_successes - 1) * v.interval_seconds;
  if (v.timeout_seconds < proof) {
    too_short("consecutiveSuccesses cannot be reached before " + std::to_string(proof) +
              " seconds, so nothing would ever verify");
  }
}

}  // namespace

template <>
FieldErrors Validate(const v1alpha1::HealingPolicy& policy) {
  FieldErrors errors;
  const v1alpha1::HealingPolicySpec& spec = policy.spec;
  ValidateTarget(spec.target, errors);
  ValidateDependencies(policy, errors);
  for (std::size_t i = 0; i < spec.probes.size(); ++i) {
    ValidateProbe(spec.probes[i], At("spec.probes", i), errors);
  }
  ValidateTriggers(spec, errors);
  ValidateRules(spec, errors);
  ValidateLadder(spec, errors);
  ValidateVerification(spec.verification, errors);
  internal::ValidateSchedules(spec, errors);
  internal::ValidateWindows(spec.guardrails.windows, "spec.guardrails.windows", errors);
  return internal::Together(CheckSchema(policy), std::move(errors));
}

}  // namespace salve::apis
