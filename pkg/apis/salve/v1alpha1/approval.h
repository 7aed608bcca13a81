// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SALVE_V1ALPHA1_APPROVAL_H_
#define SALVE_PKG_APIS_SALVE_V1ALPHA1_APPROVAL_H_

#include <string>

#include "pkg/apis/salve/v1alpha1/common.h"

namespace salve::apis::salve::v1alpha1 {

// Create-only, immutable.
struct IncidentApprovalSpec {
  std::string incident_name;
  std::string incident_uid;  // JSON: incidentUID
  std::string policy_name;
  std::string proposal_digest;
  std::string decision;  // Approve | Reject
  std::string approver;  // must be the user who creates it
  std::string reason;
};

struct IncidentApproval {
  static const meta::v1::ResourceInfo kInfo;
  meta::v1::ObjectMeta metadata;
  IncidentApprovalSpec spec;
};

}  // namespace salve::apis::salve::v1alpha1

#endif  // SALVE_PKG_APIS_SALVE_V1ALPHA1_APPROVAL_H_
