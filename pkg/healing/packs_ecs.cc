// SPDX-License-Identifier: Apache-2.0
#include <utility>

// Services of Amazon ECS. ECS itself replaces tasks that end or fail their health checks, and rolls
// a deployment back where it was told to; what is left to heal is what it cannot know: that a
// release is bad, that tasks hold on to something that is no longer so, that a limit is too small.
// Whoever else is at work on the service goes first.
#include "pkg/healing/packs.h"

namespace salve::healing {
namespace {

constexpr char kEcs[] = "ecs";

CaseBuilder Yes(std::string sentence) { return Hit(std::move(sentence)).EcsService(); }
CaseBuilder No(std::string sentence) { return Miss(std::move(sentence)).EcsService(); }

PackRule Rule(const std::string& name, const std::string& cause, double confidence,
              const std::string& sentence) {
  PackRule rule;
  rule.name = std::string(kEcs) + "/" + name;
  rule.cause = cause;
  rule.sentence = sentence;
  rule.when.system = kEcs;
  rule.confidence = confidence;
  return rule;
}

// --- somebody else is at work

PackRule Waiting(const std::string& name, const std::string& cause, const char* condition,
                 const std::string& sentence) {
  PackRule rule = Rule(name, cause, 0.95, sentence);
  rule.when.conditions_any = {condition};
  rule.overriding = true;
  rule.verdict = kVerdictDoNothing;
  return rule;
}

PackRule DeploymentInProgress() {
  PackRule rule =
      Waiting("deployment-in-progress", "RolloutInProgress", kConditionRolloutInProgress,
              "a deployment is under way: nothing of it has failed, or ECS itself is to "
              "roll it back");
  rule.cases = {Yes("a deployment that is slow is left alone")
                    .Conditions({kConditionRolloutInProgress})
                    .ProbeFails("connection refused")
                    .Build(),
                No("one whose tasks crash is not").Conditions({kConditionCrashLooping}).Build()};
  return rule;
}

PackRule ScaledToZero() {
  PackRule rule = Waiting("scaled-to-zero", "ScaledToZero", kConditionScaledToZero,
                          "somebody asked for no tasks; starting any would undo that");
  rule.settles = true;
  rule.cases = {Yes("a service that was scaled to zero stays there")
                    .Conditions({kConditionScaledToZero})
                    .ProbeFails("connection refused")
                    .Build(),
                No("one with tasks is judged").ProbeFails("connection refused").Build()};
  return rule;
}

PackRule Deleting() {
  PackRule rule = Waiting("deleting", "Deleting", kConditionDeleting, "it is being deleted");
  rule.settles = true;
  rule.cases = {Yes("a service that drains is let go").Conditions({kConditionDeleting}).Build(),
                No("one that stays is judged").Conditions({kConditionCrashLooping}).Build()};
  return rule;
}

// --- releases

// What a bad task definition looks like in its tasks.
std::vector<std::string> TaskFaults() {
  return {kConditionImagePullFailing, kConditionCrashLooping, kConditionConfigError,
          kConditionStartFailed,      kConditionRestarting,   kConditionOOMKilled,
          kConditionUnhealthy};
}

PackRule BadRelease() {
  PackRule rule = Rule("bad-release", "BadRelease", 0.9,
                       "tasks of the newest task definition fail, it never served, and an earlier "
                       "one did");
  rule.when.conditions_all = {kConditionSinceRelease, kConditionGoodRevision};
  rule.when.conditions_any = TaskFaults();
  rule.actions = {{"rollbackTaskDefinition"}};
  rule.default_action.emplace().rollback_task_definition.emplace();
  rule.cases = {
      Yes("a new image that cannot be pulled is rolled back")
          .Conditions({kConditionImagePullFailing, kConditionSinceRelease, kConditionGoodRevision})
          .Build(),
      Yes("a new command that crashes is rolled back")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease, kConditionGoodRevision})
          .Build(),
      No("tasks that crash with a task definition that served are not the release's doing")
          .Conditions({kConditionCrashLooping, kConditionGoodRevision})
          .Build(),
      No("without an earlier one that served there is nothing to go back to")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease})
          .Build()};
  return rule;
}

PackRule NoGoodTaskDefinition() {
  PackRule rule = Rule("no-good-task-definition", "BadRelease", 0.85,
                       "the newest task definition never served, and no earlier one is known to "
                       "have");
  rule.when.conditions_all = {kConditionSinceRelease};
  rule.when.conditions_any = TaskFaults();
  rule.when.conditions_none = {kConditionGoodRevision};
  rule.verdict = kVerdictEscalate;
  rule.cases = {
      Yes("a first release that crashes goes to a person")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease})
          .Build(),
      No("one with a good task definition before it can be rolled back")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease, kConditionGoodRevision})
          .Build()};
  return rule;
}

// --- causes that no action on the service takes away

PackRule Outside(const std::string& name, const std::string& cause, const char* condition,
                 const std::string& sentence) {
  PackRule rule = Rule(name, cause, 0.9, sentence);
  rule.when.conditions_any = {condition};
  rule.when.conditions_none = {kConditionSinceRelease};
  rule.verdict = kVerdictEscalate;
  return rule;
}

PackRule ImagePull() {
  PackRule rule = Outside("image-pull", "ImagePullFailing", kConditionImagePullFailing,
                          "an image that could be pulled before cannot be any more; tasks that run "
                          "must stay, they could not come back");
  rule.overriding = true;
  rule.cases = {Yes("a registry that is gone goes to a person")
                    .Conditions({kConditionImagePullFailing, kConditionGoodRevision})
                    .Build(),
                No("a new image that never existed is the release's fault")
                    .Conditions({kConditionImagePullFailing, kConditionSinceRelease})
                    .Build()};
  return rule;
}

PackRule ConfigMissing() {
  PackRule rule = Outside("config-error", "ConfigurationMissing", kConditionConfigError,
                          "something that its unchanged task definition refers to (a secret, a log "
                          "group) is missing or refused");
  rule.cases = {
      Yes("a secret that was deleted goes to a person").Conditions({kConditionConfigError}).Build(),
      No("a task definition that names one that never was is the release's fault")
          .Conditions({kConditionConfigError, kConditionSinceRelease})
          .Build()};
  return rule;
}

PackRule StartFailed() {
  PackRule rule = Outside("start-failed", "StartFailed", kConditionStartFailed,
                          "its tasks cannot be started, with a task definition that served before");
  rule.confidence = 0.75;
  rule.cases = {Yes("an engine that starts nothing goes to a person")
                    .Conditions({kConditionStartFailed})
                    .Build(),
                No("a release that cannot be started is rolled back")
                    .Conditions({kConditionStartFailed, kConditionSinceRelease})
                    .Build()};
  return rule;
}

// New tasks are missing for want of room: whatever ends one that runs ends it for good.
PackRule NoRoom(const std::string& name, const std::string& cause, const char* condition,
                const std::string& sentence) {
  PackRule rule = Rule(name, cause, 0.9, sentence);
  rule.when.conditions_any = {condition};
  rule.overriding = true;
  rule.verdict = kVerdictEscalate;
  return rule;
}

PackRule Unschedulable() {
  PackRule rule = NoRoom("unschedulable", "Unschedulable", kConditionUnschedulable,
                         "no container instance or no capacity takes its tasks");
  rule.cases = {Yes("a task that fits nowhere goes to a person")
                    .Conditions({kConditionUnschedulable})
                    .Build(),
                Yes("also while others crash: new ones would fit nowhere either")
                    .Conditions({kConditionUnschedulable, kConditionCrashLooping})
                    .Build(),
                No("a crash is another case").Conditions({kConditionCrashLooping}).Build()};
  return rule;
}

PackRule Refused() {
  PackRule rule =
      NoRoom("create-forbidden", "CreateForbidden", kConditionCreateForbidden,
             "AWS refuses new tasks (a quota, a role): one that is taken away would not "
             "come back");
  rule.cases = {Yes("an account whose quota is used up goes to a person")
                    .Conditions({kConditionCreateForbidden})
                    .Build(),
                No("a crash is another case").Conditions({kConditionCrashLooping}).Build()};
  return rule;
}

PackRule CrashesForADependency() {
  PackRule rule =
      Rule("crashes-of-a-caller", "DependencyUnreachable", 0.85,
           "its tasks end because what they call cannot be reached; they come back with "
           "it");
  rule.when.conditions_any = {kConditionCrashLooping};
  rule.when.conditions_none = {kConditionSinceRelease, kConditionOOMKilled};
  rule.when.recent_log_lines = {"connection refused", "Connection refused",
                                "ECONNREFUSED",       "no such host",
                                "bad address",        "Name or service not known"};
  rule.when.recent_log_hits = 1;
  rule.verdict = kVerdictDoNothing;
  rule.escalate_after_seconds = 600;
  rule.cases = {Yes("a service that ends because its database is down waits")
                    .Conditions({kConditionCrashLooping})
                    .Log("dial tcp 10.0.0.9:5432: connect: connection refused")
                    .Build(),
                No("a crash without that line has another cause")
                    .Conditions({kConditionCrashLooping})
                    .Log("panic: nil pointer")
                    .Build()};
  return rule;
}

// --- what can be healed

PackRule OutOfMemory() {
  PackRule rule = Rule("oom-killed", "MemoryLimit", 0.9,
                       "its tasks are killed at their memory limit, with a task definition that "
                       "served before");
  rule.when.conditions_any = {kConditionOOMKilled};
  rule.when.conditions_none = {kConditionSinceRelease};
  rule.actions = {{"updateTaskResources"}};
  rule.default_action.emplace().update_task_resources.emplace().memory_percent = 50;
  rule.cases = {
      Yes("a service that outgrew its limit gets more memory")
          .Conditions({kConditionOOMKilled, kConditionCrashLooping})
          .Build(),
      No("a release that cut the limit is rolled back")
          .Conditions({kConditionOOMKilled, kConditionSinceRelease, kConditionGoodRevision})
          .Build()};
  return rule;
}

PackRule TasksDie() {
  PackRule rule = Rule("tasks-die", "TasksDie", 0.8,
                       "its tasks end again and again with a task definition that served before: "
                       "new ones take image, secrets and parameters anew");
  rule.when.conditions_any = {kConditionCrashLooping, kConditionRestarting};
  rule.when.conditions_none = {kConditionSinceRelease, kConditionOOMKilled,
                               kConditionImagePullFailing, kConditionConfigError};
  rule.actions = {{"forceNewDeployment"}};
  rule.default_action.emplace().force_new_deployment.emplace();
  rule.cases = {
      Yes("tasks that crash without a release are replaced by a new deployment")
          .Conditions({kConditionCrashLooping})
          .Build(),
      Yes("so are those that ECS replaces for their health checks")
          .Conditions({kConditionRestarting})
          .Build(),
      No("a new release that crashes is rolled back")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease, kConditionGoodRevision})
          .Build(),
      No("tasks at their memory limit would die again")
          .Conditions({kConditionCrashLooping, kConditionOOMKilled})
          .Build()};
  return rule;
}

PackRule SickTask() {
  PackRule rule = Rule("sick-task", "TaskUnhealthy", 0.8,
                       "a task fails its health check and ECS has not replaced it; another one in "
                       "its place is the usual medicine");
  rule.when.conditions_any = {kConditionUnhealthy};
  rule.when.conditions_none = {kConditionSinceRelease, kConditionCrashLooping,
                               kConditionNoneAvailable};
  rule.actions = {{"stopTask"}, {"forceNewDeployment"}};
  rule.default_action.emplace().stop_task.emplace();
  rule.cases = {Yes("one task that fails its health check is stopped")
                    .Conditions({kConditionUnhealthy})
                    .Build(),
                No("one of a new release is not")
                    .Conditions({kConditionUnhealthy, kConditionSinceRelease})
                    .Build()};
  return rule;
}

PackRule AllSick() {
  PackRule rule = Rule("all-sick", "NoneReady", 0.8,
                       "all its tasks fail their health checks together: the cause is what they "
                       "share, and new ones would share it too");
  rule.when.conditions_all = {kConditionUnhealthy, kConditionNoneAvailable};
  rule.when.conditions_none = {kConditionSinceRelease};
  rule.verdict = kVerdictEscalate;
  rule.cases = {Yes("several tasks that fail together go to a person")
                    .Conditions({kConditionUnhealthy, kConditionNoneAvailable})
                    .Build(),
                No("one of several is stopped").Conditions({kConditionUnhealthy}).Build()};
  return rule;
}

// No step of the pack's own: a route, a policy or the code may be at fault just as well.
PackRule Unresponsive() {
  PackRule rule = Rule("unresponsive", "Unresponsive", 0.65,
                       "its tasks run, and it does not answer as it should");
  rule.when.probe_unhealthy = true;
  rule.when.running = true;
  rule.when.conditions_none = {kConditionSinceRelease, kConditionCrashLooping,
                               kConditionCreateForbidden, kConditionUnschedulable};
  rule.actions = {{"forceNewDeployment", "stopTask"}};
  rule.cases = {Yes("a service that fails its probe is deployed anew where the policy says so")
                    .ProbeFails("status 500")
                    .Build(),
                No("one whose tasks crash is another case")
                    .Conditions({kConditionCrashLooping})
                    .ProbeFails("connection refused")
                    .Build()};
  return rule;
}

PackRule FilesChanged() {
  Action action;
  action.force_new_deployment.emplace();
  return ConfigurationChanged(
      kEcs, std::move(action),
      Hit("a service whose environment file changed is restarted").EcsService(),
      Miss("one that only fails its probe was started with what there is").EcsService());
}

}  // namespace

Pack EcsPack() {
  return {kEcs,
          "1.0.0",
          {DeploymentInProgress(), ScaledToZero(), Deleting(), BadRelease(), NoGoodTaskDefinition(),
           ImagePull(), ConfigMissing(), StartFailed(), Unschedulable(), Refused(),
           CrashesForADependency(), OutOfMemory(), TasksDie(), SickTask(), AllSick(),
           Unresponsive(), FilesChanged()}};
}

}  // namespace salve::healing
