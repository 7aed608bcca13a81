// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_CONTROLLER_GRAPH_H_
#define SALVE_CONTROLLER_RUNTIME_CONTROLLER_GRAPH_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/runtime/aws_secrets.h"
#include "controller/runtime/backends.h"
#include "controller/runtime/heartbeat.h"
#include "controller/runtime/secrets.h"
#include "controller/runtime/sinks.h"
#include "controller/runtime/state_metrics.h"

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/audit/sink.h"
#include "pkg/backends/backend.h"
#include "pkg/client/client.h"
#include "pkg/engine/controller.h"
#include "pkg/engine/event_recorder.h"
#include "pkg/engine/lease.h"
#include "pkg/engine/manager.h"
#include "pkg/files/poller.h"
#include "pkg/notify/sink.h"
#include "pkg/probes/prober.h"
#include "pkg/reconcilers/audit_reconciler.h"
#include "pkg/reconcilers/guardrail_reconciler.h"
#include "pkg/reconcilers/healingpolicy_reconciler.h"
#include "pkg/reconcilers/incident_reconciler.h"
#include "pkg/reconcilers/notification_reconciler.h"
#include "pkg/reconcilers/shell.h"

namespace salve::runtime {

// What differs between the ways to run the controller. All pointers outlive the graph.
struct GraphInput {
  client::Client* client = nullptr;  // with the controller's own identity
  client::Client* event_client =
      nullptr;  // the same server; events must not wait for anything else
  // For what is received from outside, which is no action: not behind the lead. Null: `client`.
  client::Client* intake_client = nullptr;
  engine::LeaderElector* elector = nullptr;
  engine::EngineMetrics* engine_metrics = nullptr;
  reconcilers::HealingMetrics* healing_metrics = nullptr;
  audit::Sink* audit = nullptr;  // null: nobody keeps a record
  apis::config::v1alpha1::ControllerConfiguration configuration;
  std::string instance;       // stable name of this installation
  std::string own_namespace;  // where its Leases are; "" = the default
  std::string secret_root;    // directory for secret files of policies
  bool self_heal_enabled = true;
  // See ControllerSettings.
  std::function<reconcilers::ApprovalTrust()> approval_trust;
  // The same as `client` where that is a real cluster, which then is a backend, too.
  client::Client* cluster = nullptr;
  // Whether it is one, asked when the graph is built; null: it is.
  std::function<bool()> is_cluster;
  bool default_configuration = false;  // nobody wrote it
  // The API server's host where there is a cluster: probes are kept away from it. "" = not known.
  std::string cluster_host;
  // Where leadership can be lost: asked again right before each action.
  const engine::LeaderElector* action_gate = nullptr;
};

// The controller's object graph: an ordered list of members, built in that order and ended in
// reverse. Nothing runs before manager().Start().
class ControllerGraph {
 public:
  // kInvalidArgument for a configuration that cannot be built (a backend's TLS files, …).
  static StatusOr<std::unique_ptr<ControllerGraph>> Build(GraphInput input, Clock& clock,
                                                          Random& random);

  engine::Manager& manager() { return manager_; }
  reconcilers::Shell& shell() { return shell_; }
  engine::Informer<apis::salve::v1alpha1::Incident>& incidents() { return incidents_; }
  // What /metrics shows of it. Also brings the metrics about work in progress up to date.
  StateView LookForScrape();
  const apis::config::v1alpha1::ControllerConfiguration& configuration() const {
    return input_.configuration;
  }
  // For what is received from outside: writes also where this process does not lead.
  reconcilers::StatusUpdater<apis::salve::v1alpha1::HealingPolicy>& signal_status() {
    return signal_status_;
  }
  // The same, of what incidents were told.
  reconcilers::StatusUpdater<apis::salve::v1alpha1::Incident>& told_status() {
    return told_status_;
  }
  // Reads what the configuration refers to in AWS; nullptr where it refers to nothing there.
  ConfigurationSecrets::FromAws secrets_from_aws() const;
  // Called once all caches are complete, whether this process leads or not. Before the start.
  void OnSynced(std::function<void()> callback);

 private:
  ControllerGraph(GraphInput input, std::unique_ptr<backends::Registry> backends,
                  std::shared_ptr<AwsSecrets> aws_secrets, Clock& clock, Random& random);
  Status AddBackends(Clock& clock, Random& random);
  Status AnyBackend() const;
  std::vector<ProbeLimit> ProbeLimitsFor(const std::string& ns);
  Status StartSecrets();
  void StopSecrets();
  std::map<std::string, std::string> SecretsFor(const apis::salve::v1alpha1::TargetRef& ref);
  void Connect();
  struct Loop {
    engine::Controller* controller;
    const Heartbeat* beat;
  };
  std::vector<Loop> Loops();  // those that run

  GraphInput input_;
  engine::Environment env_;
  std::unique_ptr<backends::Registry> backends_;
  engine::Informer<apis::core::v1::Namespace> namespaces_;
  engine::Informer<apis::salve::v1alpha1::HealingGuardrail> guardrails_;
  engine::Informer<apis::salve::v1alpha1::HealingPolicy> policies_;
  engine::Informer<apis::salve::v1alpha1::Incident> incidents_;
  engine::Informer<apis::salve::v1alpha1::IncidentApproval> approvals_;
  engine::EventRecorder events_;
  engine::TargetLeases leases_;
  std::shared_ptr<AwsSecrets> aws_secrets_;       // null where nothing is read there
  std::shared_ptr<KeptAwsSecrets> kept_secrets_;  // null where the configuration needs none
  PolicySecretReader secrets_;
  reconcilers::HealthTable health_;
  reconcilers::TargetIndex targets_;
  reconcilers::StatusUpdater<apis::salve::v1alpha1::HealingPolicy> policy_status_;
  reconcilers::StatusUpdater<apis::salve::v1alpha1::HealingGuardrail> guardrail_status_;
  reconcilers::StatusUpdater<apis::salve::v1alpha1::HealingPolicy> signal_status_;
  reconcilers::StatusUpdater<apis::salve::v1alpha1::Incident> incident_status_;
  reconcilers::StatusUpdater<apis::salve::v1alpha1::Incident> told_status_;
  notify::SinkEnvironment sink_environment_;
  notify::SinkSet sinks_;
  const std::unique_ptr<probes::MetricReader> metrics_;
  std::unique_ptr<probes::Prober> prober_;
  const std::unique_ptr<files::Poller> files_;
  reconcilers::Shell shell_;
  reconcilers::HealingPolicyReconciler policy_reconciler_;
  reconcilers::IncidentReconciler incident_reconciler_;
  reconcilers::GuardrailReconciler guardrail_reconciler_;
  reconcilers::NotificationReconciler notification_reconciler_;
  reconcilers::AuditReconciler audit_reconciler_;
  Heartbeat policy_beat_;
  Heartbeat incident_beat_;
  Heartbeat guardrail_beat_;
  Heartbeat notification_beat_;
  engine::Controller policy_controller_;
  engine::Controller incident_controller_;
  engine::Controller guardrail_controller_;
  engine::Controller notification_controller_;  // runs where there are sinks
  engine::Controller audit_controller_;         // runs where a record is kept
  std::vector<std::unique_ptr<engine::Runnable>> runnables_;
  engine::Manager manager_;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_CONTROLLER_GRAPH_H_
