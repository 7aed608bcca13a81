// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/edge_wiring.h"

#include <charconv>

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/approval.h"
#include "pkg/client/rest_client.h"
#include "pkg/http/transports.h"

namespace salve::runtime {
namespace {

namespace v1 = apis::salve::v1alpha1;

std::uint64_t VersionNumber(const std::string& resource_version) {
  std::uint64_t number = 0;
  std::from_chars(resource_version.data(), resource_version.data() + resource_version.size(),
                  number);
  return number;
}

edge::IncidentView ViewOf(const v1::Incident& incident) {
  edge::IncidentView view;
  view.ns = incident.metadata.ns;
  view.name = incident.metadata.name;
  view.uid = incident.metadata.uid;
  view.resource_version = VersionNumber(incident.metadata.resource_version);
  view.policy = incident.spec.policy_ref.name;
  view.target = incident.spec.target.name;
  view.severity = incident.spec.severity;
  view.phase = incident.status.phase;
  view.outcome = incident.status.outcome;
  view.summary = incident.status.summary;
  if (incident.status.proposal) {
    const v1::Proposal& proposal = *incident.status.proposal;
    view.proposal = {proposal.digest, proposal.step, proposal.preview.command, proposal.expires_at};
  }
  for (const v1::TimelineEntry& entry : incident.status.timeline) {
    view.timeline.push_back({entry.sequence, entry.at, entry.phase, entry.message});
  }
  return view;
}

}  // namespace

EdgeWiring::EdgeWiring(ControllerGraph& graph, apiserver::ApiServer& api, Clock& clock,
                       Random& random)
    : graph_(graph),
      api_(api),
      clock_(clock),
      random_(random),
      identities_(std::make_shared<EdgeIdentities>(api.tokens())),
      hub_(std::make_unique<edge::TimelineHub>(edge::TimelineOptions{}, identities_, clock)),
      router_(std::make_unique<edge::Router>(identities_, clock, random)) {
  checks_.Add("controller", [this] {
    for (const engine::HealthCheckResult& result : graph_.manager().CheckHealth()) {
      if (!result.ok) return UnavailableError(result.name + ": " + result.message);
    }
    return graph_.manager().ready() ? Status::Ok() : UnavailableError("still starting");
  });
  checks_.Add("store", [this] {
    return api_.store().revision() > 0 ? Status::Ok() : UnavailableError("the store is not open");
  });
  edge::AddHealthRoutes(*router_, checks_);
  edge::AddIncidentRoutes(
      *router_, *hub_, identities_,
      [this](const edge::ApprovalDecision& decision) { return Decide(decision); }, clock);
  graph_.incidents().AddHandler([this](const engine::Change<v1::Incident>& change) {
    if (change.after != nullptr) {
      hub_->Update(ViewOf(*change.after));
    } else {
      hub_->Remove(change.header.name.ns, change.header.name.name,
                   VersionNumber(change.header.resource_version));
    }
  });
}

void EdgeWiring::MarkSynced() {
  hub_->MarkSynced(VersionNumber(graph_.incidents().store().version()));
}

// The approval is made by the API server's rules, with the person's own rights.
Status EdgeWiring::Decide(const edge::ApprovalDecision& decision) {
  const std::optional<std::string> token = identities_->TokenFor(decision.identity);
  if (!token) return UnauthenticatedError("who approves is not known");
  v1::IncidentApproval approval;
  approval.metadata.ns = decision.ns;
  approval.metadata.generate_name = decision.incident + "-";
  approval.spec.incident_name = decision.incident;
  approval.spec.incident_uid = decision.incident_uid;
  approval.spec.policy_name = decision.policy;
  approval.spec.proposal_digest = decision.digest;
  approval.spec.decision = decision.approve ? "Approve" : "Reject";
  approval.spec.approver = decision.identity.user;
  approval.spec.reason = decision.reason;
  const auto transport =
      http::MakeInProcessTransport(api_.handler(), {{"Authorization", "Bearer " + *token}}, clock_);
  client::RestClient client(*transport, {}, clock_, random_);
  return client.Create(v1::IncidentApproval::kInfo, apis::Encode(approval), {}).status();
}

}  // namespace salve::runtime
