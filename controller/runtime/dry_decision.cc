// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/dry_decision.h"

#include <algorithm>

#include "pkg/healing/digest.h"
#include "pkg/healing/risk.h"

namespace salve::runtime {
namespace {

namespace v1 = healing::v1;

std::int64_t OthersHealthy(const DryFacts& facts) {
  return std::max<std::int64_t>(0, facts.targets_total - facts.targets_unhealthy);
}

double ConfidenceOf(const v1::Incident& incident) {
  return incident.status.diagnosis ? incident.status.diagnosis->confidence : 0;
}

}  // namespace

healing::ProposalInput DryProposal(const DryFacts& facts, const v1::Step& step,
                                   const healing::ActionPlan& plan) {
  const v1::Incident& incident = *facts.incident;
  healing::RiskFacts risk;
  risk.targets_total = facts.targets_total;
  risk.targets_healthy = OthersHealthy(facts);
  risk.still_serving = facts.observation && facts.observation->running && facts.health.health > 0;
  healing::ProposalInput input;
  input.step = &step;
  input.plan = &plan;
  input.risk = healing::AssessRisk(plan, risk, step);
  input.need = healing::RequiredApprovals(facts.policy->spec, *facts.limits, input.risk.level,
                                          ConfidenceOf(incident));
  input.digest = healing::ProposalDigest(
      plan, facts.observation.value_or(healing::TargetObservation{}), facts.policy->metadata, step,
      incident.metadata.uid, healing::ProposalOrdinal(incident.status));
  input.expires_after_seconds = facts.policy->spec.approval.expires_after_seconds;
  return input;
}

healing::ApprovalResult NobodyApproves(const DryFacts& facts) {
  const v1::Incident& incident = *facts.incident;
  if (!incident.status.proposal) return {};
  healing::ApprovalQuery query;
  query.incident_name = incident.metadata.name;
  query.incident_uid = incident.metadata.uid;
  query.policy_name = incident.spec.policy_ref.name;
  query.digest = incident.status.proposal->digest;
  query.expires_at = incident.status.proposal->expires_at;
  query.required = incident.status.proposal->required_approvals;
  return healing::CountApprovals(query, {}, facts.now);
}

healing::GateInput DryGates(const DryFacts& facts, const v1::Step* step,
                            const healing::ActionPlan* plan,
                            const healing::ApprovalResult& approval) {
  const v1::Incident& incident = *facts.incident;
  healing::GateInput in;
  in.now = in.accounting_now = facts.now;
  in.policy = facts.policy;
  in.limits = facts.limits;
  in.incident = facts.incident;
  in.zones = facts.zones;
  in.backend = facts.backend;
  in.health = facts.health;
  in.observation = facts.observation;
  in.dependencies = facts.dependencies;
  in.targets_total = facts.targets_total;
  in.targets_unhealthy = facts.targets_unhealthy;
  in.targets_healthy = OthersHealthy(facts);
  in.records = facts.records;
  in.ill_since = facts.ill_since;
  in.running_incidents = facts.running_incidents;
  in.step = step;
  in.plan = plan;
  if (incident.status.proposal) in.risk = incident.status.proposal->risk;
  in.confidence = ConfidenceOf(incident);
  in.approval = approval;
  return in;
}

}  // namespace salve::runtime
