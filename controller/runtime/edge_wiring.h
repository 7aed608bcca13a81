// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_EDGE_WIRING_H_
#define SALVE_CONTROLLER_RUNTIME_EDGE_WIRING_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/runtime/alert_intake.h"
#include "controller/runtime/configuration_secrets.h"
#include "controller/runtime/controller_graph.h"
#include "controller/runtime/edge_identities.h"
#include "controller/runtime/metrics.h"
#include "controller/runtime/state_metrics.h"

#include "pkg/edge/health.h"
#include "pkg/edge/incident_routes.h"
#include "pkg/edge/receivers.h"
#include "pkg/edge/router.h"
#include "pkg/edge/timeline_hub.h"

namespace salve::runtime {

// The edge of a process: who may ask, what is ready, the incidents that feed the live stream, and
// the alerts that come in.
// It outlives the graphs that it follows, one after the other, so that a new configuration cuts no
// reader off.
class EdgeWiring {
 public:
  EdgeWiring(std::shared_ptr<EdgeIdentities> identities, Clock& clock, Random& random);

  // Both before the handler serves: what /ready asks, and what it tells besides.
  void AddCheck(std::string name, std::function<Status()> check);
  void AddDetail(std::string name, std::function<std::string()> detail);
  http::Handler& handler() { return *router_; }

  // From now on this graph's incidents are shown; before its manager starts. Once its caches are
  // complete, readers are let in, what the graph before had and this one has not is gone, and the
  // receivers of its configuration take deliveries.
  void Follow(ControllerGraph& graph);
  // After the graph's manager has stopped.
  void Unfollow(ControllerGraph& graph);

 private:
  void OnChange(const engine::Change<apis::salve::v1alpha1::Incident>& change);
  void OnSynced(ControllerGraph& graph, const std::shared_ptr<PolicyAlertIntake>& intake);
  Status Decide(const edge::ApprovalDecision& decision);
  std::string MetricsOfNow();

  edge::ReadyChecks checks_;
  const std::shared_ptr<EdgeIdentities> identities_;
  const std::unique_ptr<edge::TimelineHub> hub_;
  ConfigurationSecrets secrets_;
  edge::Receivers receivers_;
  const std::unique_ptr<edge::Router> router_;
  ProcessMetrics process_;

  Mutex mu_;  // one feeds the hub at a time
  std::vector<apis::meta::v1::NamespacedName> before_ SALVE_GUARDED_BY(mu_);

  Mutex shown_mu_;  // held while a scrape looks: Unfollow waits for it
  // What /metrics is about; null where no graph has its caches.
  ControllerGraph* shown_ SALVE_GUARDED_BY(shown_mu_) = nullptr;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_EDGE_WIRING_H_
