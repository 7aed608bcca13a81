// SPDX-License-Identifier: Apache-2.0
// Targets and actions of the ECS backend.
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/resource_rules.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using namespace salve::v1alpha1;  // NOLINT(google-build-using-namespace): the tables are about it

namespace {

// A name as ECS allows it, or the ARN that ends in one.
constexpr char kNameOrArn[] =
    "^(arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:(cluster|service)/)?"
    "([A-Za-z0-9_-]{1,255}/)?[A-Za-z0-9_-]{1,255}$";

}  // namespace

SALVE_APIS_TABLE(
    EcsTarget,
    Describe("EcsTarget",
             {
                 F<&EcsTarget::backend>(
                     "backend",
                     "Name of a backend in the administrator's configuration. It must be open to "
                     "this namespace.")
                     .Default("aws")
                     .DnsLabel(),
                 F<&EcsTarget::cluster>("cluster", "Name or ARN of the cluster.")
                     .Default("default")
                     .MinLength(1)
                     .MaxLength(1024)
                     .Matching(kNameOrArn),
                 F<&EcsTarget::service>("service", "Name or ARN of the service.")
                     .Required()
                     .MinLength(1)
                     .MaxLength(1024)
                     .Matching(kNameOrArn),
             }));

SALVE_APIS_TABLE(ForceNewDeploymentAction, Describe("ForceNewDeploymentAction", {}));

SALVE_APIS_TABLE(
    RollbackTaskDefinitionAction,
    Describe("RollbackTaskDefinitionAction",
             {
                 F<&RollbackTaskDefinitionAction::task_definition>(
                     "taskDefinition",
                     "family:revision to go back to. Without it the newest earlier one that was "
                     "seen steady; where there is none, nothing is done.")
                     .MaxLength(300)
                     .Matching("^[A-Za-z0-9_-]{1,255}:[1-9][0-9]{0,9}$"),
             }));

SALVE_APIS_TABLE(SetDesiredCountAction,
                 Describe("SetDesiredCountAction",
                          {
                              F<&SetDesiredCountAction::count>("count",
                                                               "How many tasks there should be.")
                                  .Required()
                                  .Range(0, 5000),
                          }));

SALVE_APIS_TABLE(StopTaskAction, Describe("StopTaskAction", {}));

SALVE_APIS_TABLE(
    UpdateTaskResourcesAction,
    WithResourceRules(Describe(
        "UpdateTaskResourcesAction",
        {
            F<&UpdateTaskResourcesAction::container>(
                "container",
                "Which container of the task. Without it the one that is ill, else the only one.")
                .MaxLength(255)
                .Matching("^[A-Za-z0-9_-]+$"),
            F<&UpdateTaskResourcesAction::memory_bytes>("memoryBytes",
                                                        "New memory limit, in whole MiB.")
                .Range(6 << 20, std::int64_t{1} << 46),
            MemoryPercent<&UpdateTaskResourcesAction::memory_percent>(),
            F<&UpdateTaskResourcesAction::max_memory_bytes>(
                "maxMemoryBytes",
                "The limit is never raised above this. Required with memoryPercent, so that "
                "repeated healing cannot grow a service without end.")
                .Range(6 << 20, std::int64_t{1} << 46),
            F<&UpdateTaskResourcesAction::cpu_millis>(
                "cpuMillis", "New CPU share in thousandths of a core; 1000 are 1024 CPU units.")
                .Range(0, 192000),
        })));

}  // namespace salve::apis
