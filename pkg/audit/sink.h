// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AUDIT_SINK_H_
#define SALVE_PKG_AUDIT_SINK_H_

#include <string>

#include "pkg/apis/meta/v1/types.h"
#include "pkg/audit/derive.h"

namespace salve::audit {

// Who is told of the state of resources and keeps the record of what happened. Thread-safe.
//
// The one rule for callers: an incident is shown as it was found before anything is done about it,
// and as it was stored after each write that was accepted; and before it is written or deleted,
// Await. So no state can be passed over: the next one replaces it only when it is in the record.
// What does not write need not wait. Telling of a state again costs nothing.
class Sink {
 public:
  virtual ~Sink() = default;

  // Returns at once; what is new will be recorded.
  virtual void Observe(const v1::Incident& incident, const Approvals& approvals) = 0;
  virtual void Observe(const v1::HealingPolicy& policy) = 0;
  virtual void Observe(const v1::HealingGuardrail& guardrail) = 0;

  // Returns when what was shown of this incident has been recorded, or, where the record cannot be
  // kept just now, after a bounded time: healing goes on.
  virtual void Await(const apis::meta::v1::NamespacedName& incident) = 0;

  // It does not exist any more.
  virtual void IncidentGone(const apis::meta::v1::NamespacedName& name) = 0;
  virtual void PolicyGone(const apis::meta::v1::NamespacedName& name) = 0;
  virtual void GuardrailGone(const std::string& name) = 0;
};

}  // namespace salve::audit

#endif  // SALVE_PKG_AUDIT_SINK_H_
