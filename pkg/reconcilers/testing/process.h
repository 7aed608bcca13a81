// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_TESTING_PROCESS_H_
#define SALVE_PKG_RECONCILERS_TESTING_PROCESS_H_

#include <string>
#include <vector>

#include "pkg/engine/controller.h"
#include "pkg/files/poller.h"
#include "pkg/reconcilers/healingpolicy_reconciler.h"
#include "pkg/reconcilers/incident_reconciler.h"
#include "pkg/reconcilers/notification_reconciler.h"
#include "pkg/reconcilers/testing/scripted_prober.h"
#include "pkg/reconcilers/testing/world.h"

namespace salve::reconcilers::testing {

// What one life of a controller has in memory: the same parts, in the same order, as the product's
// graph.
struct World::Process {
  Process(World& w, int number);

  World& world;
  const int number;  // 0, 1, … : which installation
  bool dead = false;
  bool paused = false;
  engine::Environment env;
  client::testing::InterceptorClient client;
  std::unique_ptr<client::Client> no_events;
  client::testing::InterceptorClient event_client;
  backends::Registry backends;
  engine::Informer<apis::core::v1::Namespace> namespaces;
  engine::Informer<v1::HealingGuardrail> guardrails;
  engine::Informer<v1::HealingPolicy> policies;
  engine::Informer<v1::Incident> incidents;
  engine::Informer<v1::IncidentApproval> approvals;
  engine::EventRecorder events;
  engine::TargetLeases leases;
  HealthTable health;
  TargetIndex targets;
  StatusUpdater<v1::HealingPolicy> policy_status;
  StatusUpdater<v1::HealingGuardrail> guardrail_status;
  StatusUpdater<v1::Incident> incident_status;
  ScriptedProber prober;
  HealingMetrics metrics;
  std::unique_ptr<files::Poller> files;  // null: the world has none
  Shell shell;
  HealingPolicyReconciler policy_reconciler;
  IncidentReconciler incident_reconciler;
  NotificationReconciler notification_reconciler;
  engine::Controller policy_controller;
  engine::Controller incident_controller;
  engine::Controller notification_controller;

  // An informer with what it has seen of the server: it need not look while nothing has changed.
  struct Watching {
    engine::InformerBase* informer;
    std::int64_t version = -1;
    std::int64_t disturbances = -1;
    MonoTime next{};
  };
  std::vector<Watching> watching;

  bool runs() const { return !dead && !paused; }
};

}  // namespace salve::reconcilers::testing

#endif  // SALVE_PKG_RECONCILERS_TESTING_PROCESS_H_
