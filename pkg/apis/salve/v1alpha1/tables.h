// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SALVE_V1ALPHA1_TABLES_H_
#define SALVE_PKG_APIS_SALVE_V1ALPHA1_TABLES_H_

#include "pkg/apis/salve/v1alpha1/approval.h"
#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/apis/salve/v1alpha1/guardrail.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/apis/schema.h"

// Which structs have a field table, so that tables can refer to each other across files.
namespace salve::apis {

#define SALVE_APIS_DECLARE(T) \
  template <>                 \
  const Struct& SchemaOf<T>()

SALVE_APIS_DECLARE(meta::v1::OwnerReference);
SALVE_APIS_DECLARE(meta::v1::ObjectMeta);
SALVE_APIS_DECLARE(meta::v1::Condition);

SALVE_APIS_DECLARE(salve::v1alpha1::ComposeTarget);
SALVE_APIS_DECLARE(salve::v1alpha1::DockerTarget);
SALVE_APIS_DECLARE(salve::v1alpha1::LabelSelectorRequirement);
SALVE_APIS_DECLARE(salve::v1alpha1::LabelSelector);
SALVE_APIS_DECLARE(salve::v1alpha1::KubernetesTarget);
SALVE_APIS_DECLARE(salve::v1alpha1::EcsTarget);
SALVE_APIS_DECLARE(salve::v1alpha1::Target);
SALVE_APIS_DECLARE(salve::v1alpha1::TargetRef);
SALVE_APIS_DECLARE(salve::v1alpha1::RestartAction);
SALVE_APIS_DECLARE(salve::v1alpha1::StartAction);
SALVE_APIS_DECLARE(salve::v1alpha1::StopAction);
SALVE_APIS_DECLARE(salve::v1alpha1::KillAction);
SALVE_APIS_DECLARE(salve::v1alpha1::PauseAction);
SALVE_APIS_DECLARE(salve::v1alpha1::UnpauseAction);
SALVE_APIS_DECLARE(salve::v1alpha1::UpdateResourcesAction);
SALVE_APIS_DECLARE(salve::v1alpha1::RolloutRestartAction);
SALVE_APIS_DECLARE(salve::v1alpha1::RolloutUndoAction);
SALVE_APIS_DECLARE(salve::v1alpha1::ScaleAction);
SALVE_APIS_DECLARE(salve::v1alpha1::DeletePodAction);
SALVE_APIS_DECLARE(salve::v1alpha1::EvictPodAction);
SALVE_APIS_DECLARE(salve::v1alpha1::SetResourcesAction);
SALVE_APIS_DECLARE(salve::v1alpha1::ForceNewDeploymentAction);
SALVE_APIS_DECLARE(salve::v1alpha1::RollbackTaskDefinitionAction);
SALVE_APIS_DECLARE(salve::v1alpha1::SetDesiredCountAction);
SALVE_APIS_DECLARE(salve::v1alpha1::StopTaskAction);
SALVE_APIS_DECLARE(salve::v1alpha1::UpdateTaskResourcesAction);
SALVE_APIS_DECLARE(salve::v1alpha1::ExecAction);
SALVE_APIS_DECLARE(salve::v1alpha1::RedisFlushAllAction);
SALVE_APIS_DECLARE(salve::v1alpha1::RedisSetConfigAction);
SALVE_APIS_DECLARE(salve::v1alpha1::RedisScriptKillAction);
SALVE_APIS_DECLARE(salve::v1alpha1::RedisClientKillAction);
SALVE_APIS_DECLARE(salve::v1alpha1::PostgresTerminateConnectionsAction);
SALVE_APIS_DECLARE(salve::v1alpha1::PostgresTerminateBlockerAction);
SALVE_APIS_DECLARE(salve::v1alpha1::WaitAction);
SALVE_APIS_DECLARE(salve::v1alpha1::Action);
SALVE_APIS_DECLARE(salve::v1alpha1::Window);
SALVE_APIS_DECLARE(salve::v1alpha1::ActionBudget);
SALVE_APIS_DECLARE(salve::v1alpha1::Breaker);
SALVE_APIS_DECLARE(salve::v1alpha1::SsmParameter);
SALVE_APIS_DECLARE(salve::v1alpha1::SecretsManagerSecret);
SALVE_APIS_DECLARE(salve::v1alpha1::SecretSource);

SALVE_APIS_DECLARE(salve::v1alpha1::Pause);
SALVE_APIS_DECLARE(salve::v1alpha1::PolicyDependency);
SALVE_APIS_DECLARE(salve::v1alpha1::RedisProbe);
SALVE_APIS_DECLARE(salve::v1alpha1::PostgresProbe);
SALVE_APIS_DECLARE(salve::v1alpha1::HttpProbe);
SALVE_APIS_DECLARE(salve::v1alpha1::TcpProbe);
SALVE_APIS_DECLARE(salve::v1alpha1::ExecProbe);
SALVE_APIS_DECLARE(salve::v1alpha1::PrometheusRange);
SALVE_APIS_DECLARE(salve::v1alpha1::PrometheusProbe);
SALVE_APIS_DECLARE(salve::v1alpha1::CloudWatchProbe);
SALVE_APIS_DECLARE(salve::v1alpha1::Probe);
SALVE_APIS_DECLARE(salve::v1alpha1::AlertTrigger);
SALVE_APIS_DECLARE(salve::v1alpha1::FileChangeTrigger);
SALVE_APIS_DECLARE(salve::v1alpha1::PolicyTrigger);
SALVE_APIS_DECLARE(salve::v1alpha1::Notification);
SALVE_APIS_DECLARE(salve::v1alpha1::SignalStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::FileStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::RuleCondition);
SALVE_APIS_DECLARE(salve::v1alpha1::DiagnosisRule);
SALVE_APIS_DECLARE(salve::v1alpha1::Diagnosis);
SALVE_APIS_DECLARE(salve::v1alpha1::Escalation);
SALVE_APIS_DECLARE(salve::v1alpha1::Step);
SALVE_APIS_DECLARE(salve::v1alpha1::Verification);
SALVE_APIS_DECLARE(salve::v1alpha1::RetryRule);
SALVE_APIS_DECLARE(salve::v1alpha1::PolicyGuardrails);
SALVE_APIS_DECLARE(salve::v1alpha1::ApprovalRule);
SALVE_APIS_DECLARE(salve::v1alpha1::History);
SALVE_APIS_DECLARE(salve::v1alpha1::Schedule);
SALVE_APIS_DECLARE(salve::v1alpha1::HealingPolicySpec);
SALVE_APIS_DECLARE(salve::v1alpha1::IndicatorStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::TargetStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::ActionRecord);
SALVE_APIS_DECLARE(salve::v1alpha1::BudgetStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::BreakerStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::ScheduleStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::ScheduledTarget);
SALVE_APIS_DECLARE(salve::v1alpha1::HealingPolicyStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::HealingPolicy);

SALVE_APIS_DECLARE(salve::v1alpha1::PolicyRef);
SALVE_APIS_DECLARE(salve::v1alpha1::Trigger);
SALVE_APIS_DECLARE(salve::v1alpha1::Metric);
SALVE_APIS_DECLARE(salve::v1alpha1::IncidentSpec);
SALVE_APIS_DECLARE(salve::v1alpha1::Candidate);
SALVE_APIS_DECLARE(salve::v1alpha1::DiagnosisStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::Risk);
SALVE_APIS_DECLARE(salve::v1alpha1::Preview);
SALVE_APIS_DECLARE(salve::v1alpha1::Proposal);
SALVE_APIS_DECLARE(salve::v1alpha1::GateStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::Observation);
SALVE_APIS_DECLARE(salve::v1alpha1::ExecutionResult);
SALVE_APIS_DECLARE(salve::v1alpha1::VerificationStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::Attempt);
SALVE_APIS_DECLARE(salve::v1alpha1::TimelineEntry);
SALVE_APIS_DECLARE(salve::v1alpha1::NotificationStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::Durations);
SALVE_APIS_DECLARE(salve::v1alpha1::IncidentStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::Incident);

SALVE_APIS_DECLARE(salve::v1alpha1::IncidentApprovalSpec);
SALVE_APIS_DECLARE(salve::v1alpha1::IncidentApproval);

SALVE_APIS_DECLARE(salve::v1alpha1::RiskApprovals);
SALVE_APIS_DECLARE(salve::v1alpha1::ExecAllowlist);
SALVE_APIS_DECLARE(salve::v1alpha1::ProbeLimits);
SALVE_APIS_DECLARE(salve::v1alpha1::HealingGuardrailSpec);
SALVE_APIS_DECLARE(salve::v1alpha1::GuardrailSpend);
SALVE_APIS_DECLARE(salve::v1alpha1::HealingGuardrailStatus);
SALVE_APIS_DECLARE(salve::v1alpha1::HealingGuardrail);

// Opens the definition of a table and instantiates its codec: SALVE_APIS_TABLE(T, Describe(…)).
#define SALVE_APIS_TABLE(T, ...)             \
  template <>                                \
  const Struct& SchemaOf<T>() {              \
    static const Struct table = __VA_ARGS__; \
    return table;                            \
  }                                          \
  SALVE_APIS_INSTANTIATE(T)

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_SALVE_V1ALPHA1_TABLES_H_
