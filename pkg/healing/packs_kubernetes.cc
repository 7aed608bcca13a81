// SPDX-License-Identifier: Apache-2.0
#include <utility>

// Workloads on Kubernetes. The cluster itself restarts, reschedules and backs off; what is left to
// heal is what it cannot know: that a release is bad, that a limit is too small, that a pod that
// runs does not answer. Whoever else is at work, or rules the object, goes first.
#include "pkg/healing/packs.h"

namespace salve::healing {
namespace {

constexpr char kKubernetes[] = "kubernetes";

CaseBuilder Yes(std::string sentence) { return Hit(std::move(sentence)).Workload(); }
CaseBuilder No(std::string sentence) { return Miss(std::move(sentence)).Workload(); }

PackRule Rule(const std::string& name, const std::string& cause, double confidence,
              const std::string& sentence) {
  PackRule rule;
  rule.name = std::string(kKubernetes) + "/" + name;
  rule.cause = cause;
  rule.sentence = sentence;
  rule.when.system = kKubernetes;
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

PackRule RolloutInProgress() {
  PackRule rule =
      Waiting("rollout-in-progress", "RolloutInProgress", kConditionRolloutInProgress,
              "a rollout is under way and nothing of it has failed; it gets the time it was given");
  rule.cases = {Yes("a good rollout that is slow is left alone")
                    .Conditions({kConditionRolloutInProgress})
                    .Build(),
                No("one whose new pods crash is not").Conditions({kConditionCrashLooping}).Build()};
  return rule;
}

PackRule Paused() {
  PackRule rule = Waiting("rollout-paused", "RolloutPaused", kConditionPaused,
                          "somebody paused its rollout; going on or back is for them to decide");
  rule.escalate_after_seconds = 600;
  rule.cases = {
      Yes("a paused rollout that fails is left to whoever paused it")
          .Conditions({kConditionPaused, kConditionCrashLooping, kConditionSinceRelease})
          .Build(),
      No("one that is not paused is judged").Conditions({kConditionCrashLooping}).Build()};
  return rule;
}

PackRule ScaledToZero() {
  PackRule rule = Waiting("scaled-to-zero", "ScaledToZero", kConditionScaledToZero,
                          "somebody asked for no replicas; starting any would undo that");
  rule.settles = true;
  rule.cases = {Yes("a workload that was scaled to zero stays there")
                    .Conditions({kConditionScaledToZero})
                    .ProbeFails("connection refused")
                    .Build(),
                No("one with replicas is judged").ProbeFails("connection refused").Build()};
  return rule;
}

PackRule Deleting() {
  PackRule rule = Waiting("deleting", "Deleting", kConditionDeleting, "it is being deleted");
  rule.settles = true;
  rule.cases = {
      Yes("a workload that is being deleted is let go").Conditions({kConditionDeleting}).Build(),
      No("one that stays is judged").Conditions({kConditionCrashLooping}).Build()};
  return rule;
}

// --- releases

// What a bad template looks like in its pods.
std::vector<std::string> PodFaults() {
  return {kConditionImagePullFailing, kConditionCrashLooping, kConditionConfigError,
          kConditionUnschedulable,    kConditionPodNotReady,  kConditionOOMKilled};
}

PackRule BadRelease() {
  PackRule rule = Rule("bad-release", "BadRelease", 0.9,
                       "only pods of the newest revision are ill, it never served, and an earlier "
                       "one does");
  rule.when.conditions_all = {kConditionSinceRelease, kConditionGoodRevision};
  rule.when.conditions_any = PodFaults();
  rule.when.conditions_none = {kConditionGitOps};
  rule.actions = {{"rolloutUndo"}};
  rule.default_action.emplace().rollout_undo.emplace();
  rule.cases = {
      Yes("a new image that cannot be pulled is rolled back")
          .Conditions({kConditionImagePullFailing, kConditionSinceRelease, kConditionGoodRevision})
          .Build(),
      Yes("a new command that crashes is rolled back")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease, kConditionGoodRevision})
          .Build(),
      No("a crash loop of a revision that served is not the release's doing")
          .Conditions({kConditionCrashLooping, kConditionGoodRevision})
          .Build(),
      No("without a good revision there is nothing to go back to")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease})
          .Build()};
  return rule;
}

// The account, quota or policy that a new template runs into; what serves now must not be touched.
PackRule ReleaseNamesNoAccount() {
  PackRule rule = Rule(
      "release-without-account", "BadRelease", 0.9,
      "the newest revision names a service account that does not exist; an earlier one serves");
  rule.when.conditions_all = {kConditionSinceRelease, kConditionGoodRevision,
                              kConditionCreateForbidden};
  rule.when.conditions_none = {kConditionGitOps};
  rule.when.lines = {"error looking up service account"};
  rule.actions = {{"rolloutUndo"}};
  rule.cases = {
      Yes("a release with a service account that is not there is rolled back")
          .Conditions({kConditionCreateForbidden, kConditionSinceRelease, kConditionGoodRevision})
          .Says("pods \"web-\" is forbidden: error looking up service account shop/nope: "
                "serviceaccount \"nope\" not found")
          .Build(),
      No("one that meets a quota is not")
          .Conditions({kConditionCreateForbidden, kConditionSinceRelease, kConditionGoodRevision})
          .Says("exceeded quota: pods, requested: pods=1, used: pods=3, limited: pods=3")
          .Build()};
  return rule;
}

PackRule BadReleaseElsewhere() {
  PackRule rule = Rule("bad-release-of-gitops", "BadRelease", 0.9,
                       "the newest revision is bad, and its source of truth is a repository or a "
                       "chart: going back here would be reverted or would contradict it");
  rule.when.conditions_all = {kConditionSinceRelease, kConditionGitOps};
  rule.when.conditions_any = PodFaults();
  rule.verdict = kVerdictEscalate;
  rule.cases = {
      Yes("a bad release that comes from a repository goes to a person")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease, kConditionGoodRevision,
                       kConditionGitOps})
          .Build(),
      No("a bad release that does not is rolled back")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease, kConditionGoodRevision})
          .Build()};
  return rule;
}

PackRule NoGoodRevision() {
  PackRule rule = Rule("no-good-revision", "BadRelease", 0.85,
                       "the newest revision never served, and no earlier one is known to have");
  rule.when.conditions_all = {kConditionSinceRelease};
  rule.when.conditions_any = PodFaults();
  rule.when.conditions_none = {kConditionGoodRevision};
  rule.verdict = kVerdictEscalate;
  rule.cases = {
      Yes("a first release that crashes goes to a person")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease})
          .Build(),
      No("one with a good revision before it can be rolled back")
          .Conditions({kConditionCrashLooping, kConditionSinceRelease, kConditionGoodRevision})
          .Build()};
  return rule;
}

// --- the same template as when it served

// A cause that no action on the workload takes away.
PackRule Outside(const std::string& name, const std::string& cause, const char* condition,
                 double confidence, const std::string& sentence) {
  PackRule rule = Rule(name, cause, confidence, sentence);
  rule.when.conditions_any = {condition};
  rule.when.conditions_none = {kConditionSinceRelease};
  rule.verdict = kVerdictEscalate;
  return rule;
}

PackRule ImagePull() {
  PackRule rule = Outside("image-pull", "ImagePullFailing", kConditionImagePullFailing, 0.9,
                          "an image that could be pulled before cannot be any more; pods that run "
                          "must stay, they could not come back");
  rule.cases = {Yes("a registry that is gone goes to a person")
                    .Conditions({kConditionImagePullFailing, kConditionGoodRevision})
                    .Build(),
                No("a new image that never existed is the release's fault")
                    .Conditions({kConditionImagePullFailing, kConditionSinceRelease})
                    .Build()};
  return rule;
}

PackRule ConfigMissing() {
  PackRule rule = Outside("config-error", "ConfigurationMissing", kConditionConfigError, 0.9,
                          "something that its unchanged template refers to is missing or changed");
  rule.cases = {Yes("a ConfigMap that was deleted goes to a person")
                    .Conditions({kConditionConfigError})
                    .Build(),
                No("a template that names one that never was is the release's fault")
                    .Conditions({kConditionConfigError, kConditionSinceRelease})
                    .Build()};
  return rule;
}

PackRule Unschedulable() {
  PackRule rule = Outside("unschedulable", "Unschedulable", kConditionUnschedulable, 0.9,
                          "no node takes its pods: capacity, a taint or a cordon");
  rule.cases = {Yes("a pod that no node takes any more goes to a person")
                    .Conditions({kConditionUnschedulable})
                    .Build(),
                No("a new template that asks too much is the release's fault")
                    .Conditions({kConditionUnschedulable, kConditionSinceRelease})
                    .Build()};
  return rule;
}

// Whatever ends a running pod now ends it for good.
PackRule CreateForbidden() {
  PackRule rule = Rule("create-forbidden", "CreateForbidden", 0.9,
                       "the API server refuses new pods (quota, admission, account): a pod that is "
                       "taken away would not come back");
  rule.when.conditions_any = {kConditionCreateForbidden};
  rule.verdict = kVerdictEscalate;
  rule.cases = {
      Yes("a namespace whose quota is used up goes to a person")
          .Conditions({kConditionCreateForbidden, kConditionPodNotReady})
          .Build(),
      No("a pod that is not ready is another case").Conditions({kConditionPodNotReady}).Build()};
  return rule;
}

PackRule StuckTerminating() {
  PackRule rule = Outside("stuck-terminating", "StuckTerminating", kConditionTerminatingLong, 0.8,
                          "a pod does not end: a finalizer, a volume or its node holds it");
  rule.cases = {Yes("a pod that does not end goes to a person")
                    .Conditions({kConditionTerminatingLong})
                    .Build(),
                No("a hung one is replaced").Conditions({kConditionPodNotReady}).Build()};
  return rule;
}

PackRule CrashLoop() {
  PackRule rule = Outside(
      "crash-loop", "CrashLoop", kConditionCrashLooping, 0.75,
      "it crashes again and again with the template that served before; the kubelet restarts "
      "it anyway, so the cause is elsewhere");
  rule.when.conditions_none.emplace_back(kConditionOOMKilled);
  rule.cases = {Yes("a crash loop of an unchanged template goes to a person")
                    .Conditions({kConditionCrashLooping, kConditionGoodRevision})
                    .Build(),
                No("one at the memory limit has a known cause")
                    .Conditions({kConditionCrashLooping, kConditionOOMKilled})
                    .Build()};
  return rule;
}

PackRule CrashesForADependency() {
  PackRule rule = Rule("crash-loop-of-a-caller", "DependencyUnreachable", 0.85,
                       "it ends because what it calls cannot be reached; it comes back with it");
  rule.when.conditions_any = {kConditionCrashLooping};
  rule.when.conditions_none = {kConditionSinceRelease, kConditionOOMKilled};
  rule.when.recent_log_lines = {"connection refused", "Connection refused",
                                "ECONNREFUSED",       "no such host",
                                "bad address",        "Name or service not known"};
  rule.when.recent_log_hits = 1;
  rule.verdict = kVerdictDoNothing;
  rule.escalate_after_seconds = 600;
  rule.cases = {Yes("an app that ends because its database is down waits")
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
                       "the kernel killed it at its memory limit, with the template that served "
                       "before");
  rule.when.conditions_any = {kConditionOOMKilled};
  rule.when.conditions_none = {kConditionSinceRelease};
  rule.actions = {{"setResources"}};
  rule.default_action.emplace().set_resources.emplace().memory_percent = 50;
  rule.cases = {
      Yes("a workload that outgrew its limit gets more memory")
          .Conditions({kConditionOOMKilled, kConditionCrashLooping})
          .Build(),
      No("a release that cut the limit is rolled back")
          .Conditions({kConditionOOMKilled, kConditionSinceRelease, kConditionGoodRevision})
          .Build()};
  return rule;
}

PackRule HungPod() {
  PackRule rule =
      Rule("hung-pod", "HungPod", 0.8,
           "a pod runs and does not become ready, with the template that served before; "
           "a new one in its place is the usual medicine");
  rule.when.conditions_any = {kConditionPodNotReady};
  rule.when.conditions_none = {kConditionSinceRelease,     kConditionCrashLooping,
                               kConditionImagePullFailing, kConditionConfigError,
                               kConditionUnschedulable,    kConditionCreateForbidden};
  rule.actions = {{"evictPod", "deletePod"}, {"rolloutRestart"}};
  rule.default_action.emplace().delete_pod.emplace();
  rule.cases = {Yes("one pod that hangs is replaced").Conditions({kConditionPodNotReady}).Build(),
                No("one of a new release is not")
                    .Conditions({kConditionPodNotReady, kConditionSinceRelease})
                    .Build()};
  return rule;
}

PackRule AllHung() {
  PackRule rule =
      Rule("none-ready", "NoneReady", 0.8,
           "all its pods stopped being ready together: the cause is what they share, and "
           "new pods would share it too");
  rule.when.conditions_all = {kConditionPodNotReady, kConditionNoneAvailable};
  rule.when.conditions_none = {kConditionSinceRelease};
  rule.verdict = kVerdictEscalate;
  rule.cases = {Yes("several pods that fail together go to a person")
                    .Conditions({kConditionPodNotReady, kConditionNoneAvailable})
                    .Build(),
                No("one of several is replaced").Conditions({kConditionPodNotReady}).Build()};
  return rule;
}

// No step of the pack's own: a route, a policy or the code may be at fault just as well.
PackRule Unresponsive() {
  PackRule rule = Rule("unresponsive", "Unresponsive", 0.65,
                       "its pods are ready, and it does not answer as it should");
  rule.when.probe_unhealthy = true;
  rule.when.running = true;
  rule.when.conditions_none = {kConditionSinceRelease, kConditionCrashLooping,
                               kConditionCreateForbidden};
  rule.actions = {{"rolloutRestart", "deletePod", "evictPod"}};
  rule.cases = {Yes("a service that fails its probe is restarted where the policy says so")
                    .ProbeFails("status 500")
                    .Build(),
                No("one whose pods crash is another case")
                    .Conditions({kConditionCrashLooping})
                    .ProbeFails("connection refused")
                    .Build()};
  return rule;
}

PackRule FilesChanged() {
  Action action;
  action.rollout_restart.emplace();
  return ConfigurationChanged(
      kKubernetes, std::move(action),
      Hit("a workload whose environment file changed is restarted").Workload(),
      Miss("one that only fails its probe was started with what there is").Workload());
}

}  // namespace

Pack KubernetesPack() {
  return {kKubernetes,
          "1.0.0",
          {RolloutInProgress(),
           Paused(),
           ScaledToZero(),
           Deleting(),
           BadRelease(),
           ReleaseNamesNoAccount(),
           BadReleaseElsewhere(),
           NoGoodRevision(),
           ImagePull(),
           ConfigMissing(),
           Unschedulable(),
           CreateForbidden(),
           StuckTerminating(),
           CrashLoop(),
           CrashesForADependency(),
           OutOfMemory(),
           HungPod(),
           AllHung(),
           Unresponsive(),
           FilesChanged()}};
}

}  // namespace salve::healing
