// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_APPROVAL_H_
#define SALVE_PKG_HEALING_APPROVAL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/approval.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"
#include "pkg/healing/types.h"

namespace salve::healing {

struct ApprovalQuery {
  std::string incident_name;
  std::string incident_uid;
  std::string policy_name;
  std::string digest;      // of the proposal as recomputed just now
  std::string expires_at;  // "" = does not expire
  std::int64_t required = 0;
  std::string controller_identity;  // its approvals never count
  // Why nothing ties approver to user ("the admission policy … is missing"): then nothing counts.
  // "" = all is well.
  std::string admission_problem;
};

struct ApprovalResult {
  bool approved = false;  // required == 0, or enough distinct people and nobody against
  bool expired = false;
  std::string rejected_by;  // "" = nobody
  std::string reject_reason;
  std::int64_t required = 0;
  std::int64_t missing = 0;
  std::vector<std::string> approvers;  // distinct, sorted; those that count
  std::vector<std::string> ignored;    // "alice's approval is of an earlier proposal", for `why`
};

// Which approvals count: same incident (name and UID), policy and digest, created within the
// proposal's life, not by the controller. One Reject (of this digest) wins over any number of
// approvals.
ApprovalResult CountApprovals(const ApprovalQuery& query,
                              const std::vector<v1::IncidentApproval>& approvals, WallTime now);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_APPROVAL_H_
