// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_EDGE_INCIDENT_ROUTES_H_
#define SALVE_PKG_EDGE_INCIDENT_ROUTES_H_

#include <functional>
#include <memory>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/edge/identity.h"
#include "pkg/edge/router.h"
#include "pkg/edge/timeline_hub.h"

namespace salve::edge {

// Somebody's word on a proposal, with the digest that they saw.
struct ApprovalDecision {
  std::string ns;
  std::string incident;
  std::string incident_uid;
  std::string policy;
  std::string digest;
  bool approve = false;
  std::string reason;
  Identity identity;
};

// Creates the IncidentApproval as that person; given by wiring, thread-safe. PermissionDenied if
// they may not, Conflict if the proposal has changed (the message says what), AlreadyExists if they
// said so before.
using ApprovalSink = std::function<Status(const ApprovalDecision&)>;

// GET  /api/v1/incidents                                 ?namespace= &limit=
// GET  /api/v1/incidents/{namespace}/{name}
// POST /api/v1/incidents/{namespace}/{name}/approve      {"digest", "reason"}; likewise reject
// GET  /api/v1/timeline, /api/v1/incidents/{namespace}/{name}/timeline
//      server-sent events (see TimelineHub); Last-Event-ID or ?after= resumes; with "Accept:
//      application/json" the same as one answer, for those who poll.
// All need a token. What somebody may not read is 403 whether it exists or not. `hub` must outlive
// the router; `authorizer` is the hub's.
void AddIncidentRoutes(Router& router, TimelineHub& hub, std::shared_ptr<Authorizer> authorizer,
                       ApprovalSink approvals, Clock& clock);

}  // namespace salve::edge

#endif  // SALVE_PKG_EDGE_INCIDENT_ROUTES_H_
