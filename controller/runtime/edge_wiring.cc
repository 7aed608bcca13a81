// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/edge_wiring.h"

#include <charconv>

#include "pkg/apis/codec.h"
#include "pkg/apis/salve/v1alpha1/approval.h"
#include "pkg/base/file_source.h"
#include "pkg/http/transports.h"
#include "pkg/http/url.h"

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

// What SNS has to be asked; the address was checked before.
edge::SnsFetch FetchOver(Clock& clock) {
  return [&clock](const std::string& url) -> StatusOr<std::string> {
    SALVE_ASSIGN_OR_RETURN(const http::Url parsed, http::ParseUrl(url));
    SALVE_ASSIGN_OR_RETURN(
        const auto transport,
        http::MakeTcpTransport(parsed.scheme + "://" + parsed.host, http::TlsOptions{}, clock));
    http::Request request;
    request.target = parsed.path;
    http::CallOptions options;
    options.deadline = clock.Monotonic() + std::chrono::seconds(5);
    options.max_body_bytes = 64u << 10;
    SALVE_ASSIGN_OR_RETURN(http::Response answer, transport->Send(request, options));
    if (answer.status == 200) return std::move(answer.body);
    return UnavailableError(parsed.host + " answered " + std::to_string(answer.status));
  };
}

}  // namespace

EdgeWiring::EdgeWiring(std::shared_ptr<EdgeIdentities> identities, Clock& clock, Random& random)
    : identities_(std::move(identities)),
      hub_(std::make_unique<edge::TimelineHub>(edge::TimelineOptions{}, identities_, clock)),
      secrets_(SystemFiles()),
      receivers_([this](const auto& reference) { return secrets_.Read(reference); },
                 FetchOver(clock), clock),
      router_(std::make_unique<edge::Router>(identities_, clock, random)),
      process_(metrics::Default(), clock) {
  process_.Observe();
  edge::AddHealthRoutes(*router_, checks_, [this] { return MetricsOfNow(); });
  edge::AddIncidentRoutes(
      *router_, *hub_, identities_,
      [this](const edge::ApprovalDecision& decision) { return Decide(decision); }, clock);
  edge::AddReceiverRoutes(*router_, receivers_, identities_, clock);
}

void EdgeWiring::AddCheck(std::string name, std::function<Status()> check) {
  checks_.Add(std::move(name), std::move(check));
}

void EdgeWiring::AddDetail(std::string name, std::function<std::string()> detail) {
  checks_.AddDetail(std::move(name), std::move(detail));
}

void EdgeWiring::Follow(ControllerGraph& graph) {
  graph.incidents().AddHandler(
      [this](const engine::Change<v1::Incident>& change) { OnChange(change); });
  auto intake = std::make_shared<PolicyAlertIntake>(
      graph.shell(), graph.signal_status(),
      PullRequestIntake(graph.shell(), graph.told_status(), graph.configuration()));
  PolicyAlertIntake::Watch(intake);
  graph.OnSynced([this, &graph, intake] { OnSynced(graph, intake); });
}

void EdgeWiring::Unfollow(ControllerGraph& graph) {
  {
    MutexLock lock(shown_mu_);
    shown_ = nullptr;
  }
  receivers_.Close();
  secrets_.SetFromAws(nullptr);
  MutexLock lock(mu_);
  before_.clear();
  for (const auto& incident : graph.incidents().List()) {
    before_.push_back({incident->metadata.ns, incident->metadata.name});
  }
}

// For a scrape; also brings what the registry holds of the queues up to date.
std::string EdgeWiring::MetricsOfNow() {
  process_.Observe();
  bool ready = false;
  (void)checks_.Run(ready);
  metrics::Default()
      .Gauges("salve_ready", "1 while /ready answers 200")
      .With({})
      .Set(ready ? 1 : 0);
  MutexLock lock(shown_mu_);
  if (shown_ == nullptr) return "";
  return StateMetrics(shown_->LookForScrape());
}

void EdgeWiring::OnChange(const engine::Change<v1::Incident>& change) {
  MutexLock lock(mu_);
  if (change.after != nullptr) {
    hub_->Update(ViewOf(*change.after));
  } else {
    hub_->Remove(change.header.name.ns, change.header.name.name,
                 VersionNumber(change.header.resource_version));
  }
}

void EdgeWiring::OnSynced(ControllerGraph& graph,
                          const std::shared_ptr<PolicyAlertIntake>& intake) {
  secrets_.SetFromAws(graph.secrets_from_aws());
  receivers_.Open(graph.configuration().receivers, intake);
  {
    MutexLock lock(shown_mu_);
    shown_ = &graph;
  }
  const std::uint64_t version = VersionNumber(graph.incidents().store().version());
  MutexLock lock(mu_);
  for (const apis::meta::v1::NamespacedName& name : before_) {
    if (graph.incidents().Get(name) == nullptr) hub_->Remove(name.ns, name.name, version);
  }
  before_.clear();
  hub_->MarkSynced(version);
}

Status EdgeWiring::Decide(const edge::ApprovalDecision& decision) {
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
  return identities_->CreateApproval(decision.identity, apis::Encode(approval));
}

}  // namespace salve::runtime
