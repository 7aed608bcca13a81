// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_CONTROLLER_H_
#define SALVE_CONTROLLER_RUNTIME_CONTROLLER_H_

#include <atomic>
#include <memory>
#include <string>

#include "controller/runtime/approval_guard.h"
#include "controller/runtime/cluster_identities.h"
#include "controller/runtime/edge_server.h"
#include "controller/runtime/edge_wiring.h"
#include "controller/runtime/graph_runner.h"
#include "controller/runtime/metrics.h"
#include "controller/runtime/options.h"

#include "pkg/audit/recorder.h"
#include "pkg/client/rest_client.h"
#include "pkg/engine/lease_elector.h"
#include "pkg/engine/write_gate.h"

namespace salve::runtime {

// `salve controller` as an object: the controller's graph against the API server of a cluster, led
// by one of several processes. Members are built in their order and ended in reverse.
class ControllerProcess {
 public:
  // Returns when the edge listens; the rest comes up by itself as soon as the API server answers.
  // Errors are for the person who started it: they name the flag, the file or the address.
  static StatusOr<std::unique_ptr<ControllerProcess>> Start(const ControllerOptions& options,
                                                            Clock& clock, Random& random);
  ~ControllerProcess();  // Stop()

  // Takes configuration file and certificate over now.
  void Reload() {
    runner_->Reload();
    edge_http_->Reload();
  }
  // Drains, then gives the lead back.
  void Stop();

 private:
  explicit ControllerProcess(const ControllerOptions& options) : options_(options) {}
  Status Connect(Clock& clock, Random& random);
  Status Elect(Clock& clock, Random& random);
  Status BuildController(Clock& clock, Random& random);
  Status Listen(Clock& clock);
  client::RestClientOptions ClientOptions(const std::string& user_agent);
  void CountRequest(const std::string& method, int status);

  Status CheckKinds();
  Status ServerAnswers() const;
  bool StandingBy() const;
  std::string LeaderState() const;

  const ControllerOptions options_;
  std::string path_prefix_;
  std::string server_;  // for messages
  std::atomic<bool> server_answers_{false};
  std::atomic<bool> is_cluster_{false};
  std::unique_ptr<PrometheusEngineMetrics> engine_metrics_;
  std::unique_ptr<PrometheusHealingMetrics> healing_metrics_;
  std::unique_ptr<http::Transport> transport_;
  std::unique_ptr<http::Transport> lease_transport_;  // waits for nothing else
  std::unique_ptr<http::Transport> anonymous_;        // for other people's tokens
  std::unique_ptr<client::RestClient> client_;
  std::unique_ptr<ApprovalGuard> approval_guard_;
  std::unique_ptr<client::RestClient> lease_client_;
  engine::AlwaysLeader always_;
  std::unique_ptr<engine::LeaseElector> elector_;  // null without election
  std::unique_ptr<engine::WriteGate> gated_;
  std::unique_ptr<audit::Recorder> audit_;
  std::unique_ptr<EdgeWiring> edge_;
  std::unique_ptr<GraphRunner> runner_;
  std::unique_ptr<EdgeServer> edge_http_;
  bool stopped_ = false;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_CONTROLLER_H_
