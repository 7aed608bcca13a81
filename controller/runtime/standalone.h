// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_STANDALONE_H_
#define SALVE_CONTROLLER_RUNTIME_STANDALONE_H_

#include <memory>
#include <string>

#include "controller/runtime/edge_server.h"
#include "controller/runtime/edge_wiring.h"
#include "controller/runtime/graph_runner.h"
#include "controller/runtime/manifests.h"
#include "controller/runtime/metrics.h"
#include "controller/runtime/options.h"

#include "pkg/apiserver/server.h"
#include "pkg/audit/recorder.h"
#include "pkg/client/rest_client.h"
#include "pkg/http/server.h"
#include "pkg/http/transports.h"

namespace salve::runtime {

// `salve standalone` as an object: the embedded API server, the controller that speaks to it in
// process, and the two listening sockets. Members are built in their order and ended in reverse.
class Standalone {
 public:
  // Returns when all of it runs (backends may still be connecting). Errors are for the person who
  // started it: they name the flag, the file or the address.
  static StatusOr<std::unique_ptr<Standalone>> Start(const StandaloneOptions& options, Clock& clock,
                                                     Random& random);
  ~Standalone();  // Stop()

  // Takes configuration file and certificate over now. What else there is to reload is read anew at
  // each use.
  void Reload() {
    if (runner_ != nullptr) runner_->Reload();
    if (edge_http_ != nullptr) edge_http_->Reload();
  }
  // Drains: no new connection, running reconciles finish, writes are stored.
  void Stop();

 private:
  explicit Standalone(const StandaloneOptions& options) : options_(options) {}
  Status OpenApi(Clock& clock, Random& random);
  Status BuildController(Clock& clock, Random& random);
  Status Listen(Clock& clock);
  Status Seed();

  const StandaloneOptions options_;
  std::unique_ptr<PrometheusEngineMetrics> engine_metrics_;
  std::unique_ptr<PrometheusHealingMetrics> healing_metrics_;
  std::unique_ptr<apiserver::ApiServer> api_;
  std::unique_ptr<http::Transport> transport_;
  std::unique_ptr<client::RestClient> client_;
  std::unique_ptr<client::RestClient> admin_;
  engine::AlwaysLeader leader_;
  std::unique_ptr<audit::Recorder> audit_;  // null with --api-only
  std::unique_ptr<EdgeWiring> edge_;
  std::unique_ptr<GraphRunner> runner_;  // null with --api-only
  std::unique_ptr<http::Server> api_http_;
  std::unique_ptr<EdgeServer> edge_http_;
  std::unique_ptr<ManifestWatcher> manifests_;
  bool stopped_ = false;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_STANDALONE_H_
