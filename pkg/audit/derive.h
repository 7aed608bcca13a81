// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AUDIT_DERIVE_H_
#define SALVE_PKG_AUDIT_DERIVE_H_

#include <memory>
#include <vector>

#include "pkg/apis/salve/v1alpha1/approval.h"
#include "pkg/apis/salve/v1alpha1/guardrail.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/audit/record.h"

// What a resource, as it is stored now, tells of what happened. Pure: the same state gives the same
// records with the same ids, so that a state which is looked at again (after a crash, by the next
// leader) adds nothing, and one that was not told of yet adds what is missing. Text that came from
// outside is redacted, made printable and bounded here.
namespace salve::audit {

namespace v1 = ::salve::apis::salve::v1alpha1;

using Approvals = std::vector<std::shared_ptr<const v1::IncidentApproval>>;

// In the order in which it happened, kResolved last. `approvals` may hold those of other incidents.
std::vector<Record> RecordsOf(const v1::Incident& incident, const Approvals& approvals);
Record RecordOf(const v1::HealingPolicy& policy);
Record RecordOf(const v1::HealingGuardrail& guardrail);

}  // namespace salve::audit

#endif  // SALVE_PKG_AUDIT_DERIVE_H_
