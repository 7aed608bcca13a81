// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/approval.h"

#include <algorithm>
#include <set>

#include "pkg/base/time_format.h"
#include "pkg/healing/evidence.h"

namespace salve::healing {
namespace {

constexpr std::size_t kMaxIgnored = 10;
constexpr std::size_t kMaxReason = 256;

// Why this one does not count; "" if it does.
std::string Objection(const ApprovalQuery& query, const v1::IncidentApproval& approval) {
  const v1::IncidentApprovalSpec& spec = approval.spec;
  if (!query.admission_problem.empty()) {
    return "nothing proves who made it: " + query.admission_problem;
  }
  if (spec.approver.empty()) return "it names nobody";
  if (spec.incident_uid != query.incident_uid || query.incident_uid.empty()) {
    return "it is for another incident of that name";
  }
  if (spec.policy_name != query.policy_name) return "it is for policy " + spec.policy_name;
  if (spec.proposal_digest != query.digest || query.digest.empty()) {
    return "it is for another proposal than the current one";
  }
  if (!query.controller_identity.empty() && spec.approver == query.controller_identity) {
    return "the controller may not approve its own proposals";
  }
  if (spec.decision != "Approve" && spec.decision != "Reject") {
    return "its decision is neither Approve nor Reject";
  }
  const auto created = ParseTime(approval.metadata.creation_timestamp);
  const auto expires = ParseTime(query.expires_at);
  if (expires && created && *created > *expires) return "it came after the proposal had expired";
  return "";
}

}  // namespace

ApprovalResult CountApprovals(const ApprovalQuery& query,
                              const std::vector<v1::IncidentApproval>& approvals, WallTime now) {
  ApprovalResult result;
  result.required = query.required;
  std::set<std::string> people;
  for (const v1::IncidentApproval& approval : approvals) {
    const v1::IncidentApprovalSpec& spec = approval.spec;
    if (spec.incident_name != query.incident_name) continue;
    const std::string objection = Objection(query, approval);
    if (!objection.empty()) {
      if (result.ignored.size() < kMaxIgnored) {
        result.ignored.push_back(SanitizeLine(spec.approver, kMaxReason) + ": " + objection);
      }
    } else if (spec.decision == "Approve") {
      people.insert(spec.approver);
    } else if (result.rejected_by.empty()) {
      result.rejected_by = spec.approver;
      result.reject_reason = SanitizeLine(spec.reason, kMaxReason);
    }
  }
  result.approvers.assign(people.begin(), people.end());
  const auto have = static_cast<std::int64_t>(people.size());
  result.missing = std::max<std::int64_t>(0, query.required - have);
  const auto expires = ParseTime(query.expires_at);
  // Enough approvals do not wait for ever either: what was approved then is not what should run
  // now.
  result.expired = query.required > 0 && expires && now >= *expires;
  result.approved = result.rejected_by.empty() && result.missing == 0 && !result.expired;
  return result;
}

}  // namespace salve::healing
