// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_PERMISSIONS_H_
#define SALVE_PKG_BACKENDS_ECS_PERMISSIONS_H_

#include <string>
#include <string_view>
#include <vector>

#include "pkg/aws/service.h"

// Every call that this backend makes, and the right that each needs: the table behind the texts of
// errors and behind docs/iam-policy.md. A call that is not here cannot be made.
namespace salve::backends::ecs {

// What is lost without a right.
enum class Need {
  kObserve,   // without it nothing is known of a service
  kEvidence,  // without it a diagnosis knows less, and says so
  kAct,       // without it the actions named in `purpose` are refused
};

// One call, and how IAM names it. The views name string literals.
struct Permission {
  const aws::Service* service = nullptr;
  aws::Operation operation;
  // The ARN that a policy grants it on, with REGION, ACCOUNT, CLUSTER, SERVICE, FAMILY, GROUP to be
  // filled in; "*" where IAM knows nothing narrower.
  std::string_view resource;
  Need need = Need::kObserve;
  std::string_view purpose;
};

inline constexpr aws::Service kAutoScaling{"application-autoscaling",
                                           "application-autoscaling",
                                           "application-autoscaling",
                                           "APPLICATION_AUTO_SCALING",
                                           aws::Protocol::kJson11,
                                           "AnyScaleFrontendService",
                                           ""};

inline constexpr Permission kDescribeServices{&aws::kEcs,
                                              {"DescribeServices"},
                                              "arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE",
                                              Need::kObserve,
                                              "to see the service, its deployments and events"};
inline constexpr Permission kListTasks{&aws::kEcs,
                                       {"ListTasks"},
                                       "arn:aws:ecs:REGION:ACCOUNT:container-instance/CLUSTER/*",
                                       Need::kEvidence,
                                       "to find the service's tasks"};
inline constexpr Permission kDescribeTasks{&aws::kEcs,
                                           {"DescribeTasks"},
                                           "arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/*",
                                           Need::kEvidence,
                                           "to see why tasks ended"};
inline constexpr Permission kDescribeTaskDefinition{&aws::kEcs,
                                                    {"DescribeTaskDefinition"},
                                                    "*",
                                                    Need::kEvidence,
                                                    "to know images, limits and log groups"};
inline constexpr Permission kFilterLogEvents{&aws::kLogs,
                                             {"FilterLogEvents"},
                                             "arn:aws:logs:REGION:ACCOUNT:log-group:GROUP:*",
                                             Need::kEvidence,
                                             "to read the containers' last lines"};
inline constexpr Permission kUpdateService{
    &aws::kEcs,
    {"UpdateService", aws::Repeat::kAtMostOnce},
    "arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE",
    Need::kAct,
    "forceNewDeployment, rollbackTaskDefinition, setDesiredCount, updateTaskResources"};
// Of a task that stops already it changes nothing.
inline constexpr Permission kStopTask{
    &aws::kEcs, {"StopTask"}, "arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/*", Need::kAct, "stopTask"};
inline constexpr Permission kListTaskDefinitions{
    &aws::kEcs,
    {"ListTaskDefinitions"},
    "*",
    Need::kAct,
    "updateTaskResources: to find a revision that it registered before a crash"};
inline constexpr Permission kRegisterTaskDefinition{
    &aws::kEcs,
    {"RegisterTaskDefinition", aws::Repeat::kAtMostOnce},
    "arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:*",
    Need::kAct,
    "updateTaskResources"};
inline constexpr Permission kDescribeScalableTargets{
    &kAutoScaling,
    {"DescribeScalableTargets"},
    "*",
    Need::kEvidence,
    "to know an autoscaler's bounds, which setDesiredCount stays within"};
inline constexpr Permission kDescribeTargetHealth{
    &aws::kElb,
    {"DescribeTargetHealth"},
    "*",
    Need::kEvidence,
    "to see which tasks a load balancer calls unhealthy"};
inline constexpr Permission kListServiceDeployments{
    &aws::kEcs,
    {"ListServiceDeployments"},
    "arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE",
    Need::kEvidence,
    "to know which deployments succeeded before this process began"};
inline constexpr Permission kDescribeServiceRevisions{
    &aws::kEcs,
    {"DescribeServiceRevisions"},
    "arn:aws:ecs:REGION:ACCOUNT:service-revision/CLUSTER/SERVICE/*",
    Need::kEvidence,
    "to know the task definitions of those deployments"};

// The rights that no call of its own needs, but that one of the calls above does.
struct CompanionRight {
  std::string_view action;
  std::string_view resource;
  std::string_view purpose;
};
inline constexpr CompanionRight kCompanionRights[] = {
    {"ecs:TagResource", "arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:*",
     "updateTaskResources: RegisterTaskDefinition leaves the attempt's id as a tag"},
    {"iam:PassRole", "the task and execution roles that the task definition names",
     "updateTaskResources: a revision keeps the roles of the one before"},
};

// All of the calls above.
const std::vector<const Permission*>& Permissions();

// "ecs:DescribeServices"
std::string RightName(const Permission& permission);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_PERMISSIONS_H_
