// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SALVE_V1ALPHA1_VALIDATION_H_
#define SALVE_PKG_APIS_SALVE_V1ALPHA1_VALIDATION_H_

#include "pkg/apis/field_error.h"
#include "pkg/apis/salve/v1alpha1/approval.h"
#include "pkg/apis/salve/v1alpha1/guardrail.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"

// Whether an object makes sense as a whole. The embedded server asks on every write; the controller
// asks again, because a cluster's server knows only the CRD's schema and CEL.
//
// CheckSchema, and then: the CRD's CEL rules (but the ones about old and new), regular expressions
// that compile, cron lines, time zones of this machine, addresses and URLs, names that something
// else must have, members that need or exclude each other, and time spans that leave room for what
// must happen in them. Nothing is looked up but time zones. One field is reported once.
// Thread-safe.
namespace salve::apis {

template <class T>
FieldErrors Validate(const T& object);

template <>
FieldErrors Validate(const salve::v1alpha1::HealingPolicy& policy);
template <>
FieldErrors Validate(const salve::v1alpha1::Incident& incident);
template <>
FieldErrors Validate(const salve::v1alpha1::IncidentApproval& approval);
template <>
FieldErrors Validate(const salve::v1alpha1::HealingGuardrail& guardrail);

}  // namespace salve::apis

#endif  // SALVE_PKG_APIS_SALVE_V1ALPHA1_VALIDATION_H_
