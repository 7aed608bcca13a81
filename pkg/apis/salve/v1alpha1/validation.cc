// SPDX-License-Identifier: Apache-2.0
// Incident, IncidentApproval and HealingGuardrail; HealingPolicy is in validation_policy.cc.
#include "pkg/apis/salve/v1alpha1/validation.h"

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/validation_internal.h"
#include "pkg/apis/syntax.h"

namespace salve::apis {

namespace v1alpha1 = salve::v1alpha1;

template <>
FieldErrors Validate(const v1alpha1::Incident& incident) {
  FieldErrors errors;
  const std::string& policy = incident.spec.policy_ref.name;
  if (!policy.empty()) {
    internal::AddInvalid(CheckObjectName(policy), "spec.policyRef.name", policy, errors);
  }
  return internal::Together(CheckSchema(incident), std::move(errors));
}

template <>
FieldErrors Validate(const v1alpha1::IncidentApproval& approval) {
  FieldErrors errors;
  const v1alpha1::IncidentApprovalSpec& spec = approval.spec;
  if (!spec.incident_name.empty()) {
    internal::AddInvalid(CheckObjectName(spec.incident_name), "spec.incidentName",
                         spec.incident_name, errors);
  }
  if (!spec.policy_name.empty()) {
    internal::AddInvalid(CheckObjectName(spec.policy_name), "spec.policyName", spec.policy_name,
                         errors);
  }
  return internal::Together(CheckSchema(approval), std::move(errors));
}

template <>
FieldErrors Validate(const v1alpha1::HealingGuardrail& guardrail) {
  FieldErrors errors;
  const v1alpha1::HealingGuardrailSpec& spec = guardrail.spec;
  internal::ValidateSelector(spec.namespace_selector, "spec.namespaceSelector", errors);
  CheckArgvPatterns(spec.exec.allow, "spec.exec.allow", errors);
  for (std::size_t i = 0; i < spec.probes.allowed_cidrs.size(); ++i) {
    const std::string& cidr = spec.probes.allowed_cidrs[i];
    internal::AddInvalid(CheckCidr(cidr), At("spec.probes.allowedCIDRs", i), cidr, errors);
  }
  internal::ValidateWindows(spec.windows, "spec.windows", errors);
  return internal::Together(CheckSchema(guardrail), std::move(errors));
}

}  // namespace salve::apis
