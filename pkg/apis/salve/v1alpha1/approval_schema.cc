// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using salve::v1alpha1::IncidentApproval;
using salve::v1alpha1::IncidentApprovalSpec;

const meta::v1::ResourceInfo IncidentApproval::kInfo{salve::v1alpha1::kGroup,
                                                     salve::v1alpha1::kVersion, "incidentapprovals",
                                                     "IncidentApproval", true};

SALVE_APIS_TABLE(
    IncidentApprovalSpec,
    Describe("IncidentApprovalSpec",
             {
                 F<&IncidentApprovalSpec::incident_name>("incidentName",
                                                         "An Incident in the same namespace.")
                     .Required()
                     .MinLength(1)
                     .MaxLength(253),
                 F<&IncidentApprovalSpec::incident_uid>("incidentUID", "Its UID.")
                     .Required()
                     .MinLength(1)
                     .MaxLength(253),
                 F<&IncidentApprovalSpec::policy_name>("policyName",
                                                       "The HealingPolicy of the incident. Whoever "
                                                       "creates this object needs the verb approve "
                                                       "on that policy.")
                     .Required()
                     .MinLength(1)
                     .MaxLength(253),
                 F<&IncidentApprovalSpec::proposal_digest>(
                     "proposalDigest", "status.proposal.digest of the incident, as it was read.")
                     .Required()
                     .MaxLength(64)
                     .Matching("^[0-9a-f]{64}$"),
                 F<&IncidentApprovalSpec::decision>("decision",
                                                    "One Reject outweighs any number of Approve.")
                     .Required()
                     .Enum({"Approve", "Reject"}),
                 F<&IncidentApprovalSpec::approver>("approver",
                                                    "The user name of whoever creates this object.")
                     .Required()
                     .MinLength(1)
                     .MaxLength(1024),
                 F<&IncidentApprovalSpec::reason>("reason", "Why, for the record.").Text(1024),
             })
        .Cel("self == oldSelf", "an approval is immutable: create another one"));

SALVE_APIS_TABLE(
    IncidentApproval,
    Describe("IncidentApproval",
             {
                 F<&IncidentApproval::metadata>("metadata", "Name, labels and the like."),
                 F<&IncidentApproval::spec>("spec", "The decision. Immutable.").Required(),
             })
        .Kind(IncidentApproval::kInfo));

}  // namespace salve::apis
