// SPDX-License-Identifier: Apache-2.0
// Targets and actions of the Kubernetes backend.
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/resource_rules.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using namespace salve::v1alpha1;  // NOLINT(google-build-using-namespace): the tables are about it

SALVE_APIS_TABLE(
    LabelSelectorRequirement,
    Describe("LabelSelectorRequirement",
             {
                 F<&LabelSelectorRequirement::key>("key", "The label.")
                     .Required()
                     .MinLength(1)
                     .MaxLength(317),
                 F<&LabelSelectorRequirement::op>("operator", "How values are compared.")
                     .Required()
                     .Enum({"In", "NotIn", "Exists", "DoesNotExist"}),
                 F<&LabelSelectorRequirement::values>(
                     "values", "Needed for In and NotIn, not allowed otherwise.")
                     .MaxItems(50)
                     .ItemMaxLength(63),
             })
        .Cel("(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
             "In and NotIn need values, Exists and DoesNotExist have none", ".values"));

SALVE_APIS_TABLE(
    LabelSelector,
    Describe("LabelSelector",
             {
                 F<&LabelSelector::match_labels>("matchLabels", "Labels with exactly these values.")
                     .MaxProperties(50)
                     .ItemMaxLength(63),
                 F<&LabelSelector::match_expressions>("matchExpressions", "Further requirements.")
                     .MaxItems(50),
             }));

SALVE_APIS_TABLE(
    KubernetesTarget,
    Describe(
        "KubernetesTarget",
        {
            F<&KubernetesTarget::backend>(
                "backend",
                "Name of a backend in the administrator's configuration. It must be open to this "
                "namespace.")
                .Default("kubernetes")
                .DnsLabel(),
            F<&KubernetesTarget::kind>("kind", "What kind of workload it is.")
                .Default("Deployment")
                .Enum({"Deployment", "StatefulSet", "DaemonSet", "Pod"}),
            F<&KubernetesTarget::name>("name", "Name of one workload in the policy's namespace.")
                .MinLength(1)
                .MaxLength(253)
                .Matching("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"),
            F<&KubernetesTarget::selector>(
                "selector",
                "Every workload of that kind in the policy's namespace whose own labels match. "
                "Each gets incidents of its own."),
        })
        .ExactlyOne({"name", "selector"}));

namespace {

template <auto P>
FieldBuilder GracePeriod() {
  return F<P>("gracePeriodSeconds",
              "How long its processes may take to end. Without it the pod's own setting counts.")
      .Range(0, 3600);
}

}  // namespace

SALVE_APIS_TABLE(RolloutRestartAction, Describe("RolloutRestartAction", {}));

SALVE_APIS_TABLE(
    RolloutUndoAction,
    Describe(
        "RolloutUndoAction",
        {
            F<&RolloutUndoAction::to_revision>(
                "toRevision",
                "The revision to go back to. Without it the newest earlier one that serves, or "
                "was seen to serve; where there is none, nothing is done.")
                .Range(1, std::int64_t{1} << 53),
        }));

SALVE_APIS_TABLE(ScaleAction,
                 Describe("ScaleAction",
                          {
                              F<&ScaleAction::replicas>("replicas", "How many there should be.")
                                  .Required()
                                  .Range(0, 10000),
                          }));

SALVE_APIS_TABLE(DeletePodAction,
                 Describe("DeletePodAction",
                          {GracePeriod<&DeletePodAction::grace_period_seconds>()}));
SALVE_APIS_TABLE(EvictPodAction, Describe("EvictPodAction",
                                          {GracePeriod<&EvictPodAction::grace_period_seconds>()}));

SALVE_APIS_TABLE(
    SetResourcesAction,
    WithResourceRules(Describe(
        "SetResourcesAction",
        {
            F<&SetResourcesAction::container>(
                "container",
                "Which container of the pod. Without it the one that is ill, else the only one.")
                .DnsLabel(),
            F<&SetResourcesAction::memory_bytes>(
                "memoryBytes",
                "New memory limit. A request above it, or equal to the limit of before, follows.")
                .Range(0, std::int64_t{1} << 46),
            MemoryPercent<&SetResourcesAction::memory_percent>(),
            F<&SetResourcesAction::max_memory_bytes>(
                "maxMemoryBytes",
                "The limit is never raised above this. Required with memoryPercent, so that "
                "repeated healing cannot grow a workload without end.")
                .Range(4 << 20, std::int64_t{1} << 46),
            F<&SetResourcesAction::cpu_millis>("cpuMillis",
                                               "New CPU limit in thousandths of a core.")
                .Range(0, 1024000),
        })));

}  // namespace salve::apis
