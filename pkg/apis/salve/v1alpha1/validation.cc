// SPDX-License-Identifier: Apache-2.0
// Incident, IncidentApproval and HealingGuardrail; HealingPolicy is in validation_policy.cc.
#include "pkg/apis/salve/v1alpha1/validation.h"

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/validation_internal.h"
#include "pkg/apis/syntax.h"

namespace salve::apis {

namespace v1alpha1 = salve::v1alpha1;

namespace {

void ValidateSelector(const v1alpha1::LabelSelector& selector, const std::string& path,
                      FieldErrors& errors) {
  for (const auto& [key, value] : selector.match_labels) {
    internal::AddInvalid(CheckLabelKey(key), path + ".matchLabels", key, errors);
    internal::AddInvalid(CheckLabelValue(value), path + ".matchLabels." + key, value, errors);
  }
  for (std::size_t i = 0; i < selector.match_expressions.size(); ++i) {
    const v1alpha1::LabelSelectorRequirement& one = selector.match_expressions[i];
    const std::string here = At(path + ".matchExpressions", i);
    if (!one.key.empty())
      internal::AddInvalid(CheckLabelKey(one.key), here + ".key", one.key, errors);
    const bool takes_values = one.op == "In" || one.op == "NotIn";
    if (takes_values && one.values.empty()) {
      errors.push_back(RequiredField(here + ".values", "In and NotIn need values"));
    }
    if (!takes_values && !one.values.empty()) {
      errors.push_back(ForbiddenField(here + ".values", "Exists and DoesNotExist have no values"));
    }
    for (std::size_t k = 0; k < one.values.size(); ++k) {
      internal::AddInvalid(CheckLabelValue(one.values[k]), At(here + ".values", k), one.values[k],
                           errors);
    }
  }
}

}  // namespace

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
  ValidateSelector(spec.namespace_selector, "spec.namespaceSelector", errors);
  CheckArgvPatterns(spec.exec.allow, "spec.exec.allow", errors);
  for (std::size_t i = 0; i < spec.probes.allowed_cidrs.size(); ++i) {
    const std::string& cidr = spec.probes.allowed_cidrs[i];
    internal::AddInvalid(CheckCidr(cidr), At("spec.probes.allowedCIDRs", i), cidr, errors);
  }
  internal::ValidateWindows(spec.windows, "spec.windows", errors);
  return internal::Together(CheckSchema(guardrail), std::move(errors));
}

}  // namespace salve::apis
