// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_EDGE_WIRING_H_
#define SALVE_CONTROLLER_RUNTIME_EDGE_WIRING_H_

#include <memory>

#include "controller/runtime/controller_graph.h"
#include "controller/runtime/edge_identities.h"

#include "pkg/apiserver/server.h"
#include "pkg/edge/health.h"
#include "pkg/edge/incident_routes.h"
#include "pkg/edge/router.h"
#include "pkg/edge/timeline_hub.h"

namespace salve::runtime {

// The edge of a standalone process: who may ask, what is ready, and the incidents that feed the
// live stream.
class EdgeWiring {
 public:
  // Adds a handler to the graph's incident informer: before the manager starts. All outlive it.
  EdgeWiring(ControllerGraph& graph, apiserver::ApiServer& api, Clock& clock, Random& random);

  http::Handler& handler() { return *router_; }
  // The first list of incidents is complete: readers are let in.
  void MarkSynced();

 private:
  Status Decide(const edge::ApprovalDecision& decision);

  ControllerGraph& graph_;
  apiserver::ApiServer& api_;
  Clock& clock_;
  Random& random_;
  edge::ReadyChecks checks_;
  std::shared_ptr<EdgeIdentities> identities_;
  std::unique_ptr<edge::TimelineHub> hub_;
  std::unique_ptr<edge::Router> router_;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_EDGE_WIRING_H_
