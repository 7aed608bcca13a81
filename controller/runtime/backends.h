// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_BACKENDS_H_
#define SALVE_CONTROLLER_RUNTIME_BACKENDS_H_

#include <functional>
#include <map>
#include <string>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/backends/backend.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/client/client.h"
#include "pkg/engine/leader.h"
#include "pkg/engine/metrics.h"
#include "pkg/probes/prober.h"

namespace salve::runtime {

// The environment (passwords) for commands that run inside a target.
using BackendEnvironment =
    std::function<std::map<std::string, std::string>(const apis::salve::v1alpha1::TargetRef&)>;

// What a backend can share with the controller; each may be nullptr, and outlives the backends.
struct BackendSurroundings {
  // The cluster that the controller itself runs on or against: for kubernetes backends without a
  // kubeconfig. Without it those take $KUBECONFIG or ~/.kube/config.
  client::Client* cluster = nullptr;
  engine::EngineMetrics* metrics = nullptr;     // of the caches that a backend keeps
  const engine::LeaderElector* gate = nullptr;  // with it they act only while this process leads
};

// Makes a backend for each one in the configuration. kInvalidArgument names the entry and the field
// (a host that cannot be understood, a TLS file or kubeconfig that cannot be read).
Status AddBackends(const apis::config::v1alpha1::ControllerConfiguration& configuration,
                   Clock& clock, Random& random, const BackendEnvironment& environment,
                   backends::Registry& registry, const BackendSurroundings& surroundings = {});

// For a controller of a cluster: that cluster as a backend named "kubernetes", open to all
// namespaces, unless the configuration has one of that kind or name. A configuration that nobody
// wrote (`is_default`) loses its Docker engine where none is to be seen.
void AddOwnCluster(apis::config::v1alpha1::ControllerConfiguration& configuration, bool is_default);

// Keeps probes on a cluster away from what only the controller's pod can reach: its own loopback
// addresses and the API server at `host`. An administrator who names allowed networks decides.
void CloseOwnCluster(apis::config::v1alpha1::ControllerConfiguration& configuration,
                     const std::string& host);

// What a HealingGuardrail allows the probes of the namespaces that it selects to connect to.
struct ProbeLimit {
  std::string guardrail;
  std::vector<std::string> allowed_cidrs;
};
// Those that bind a namespace; only guardrails that name any network. Called from any thread.
using ProbeLimitsOf = std::function<std::vector<ProbeLimit>(const std::string& ns)>;

// Which addresses probes may connect to. Without any CIDR in the configuration: everything but the
// link-local ranges, where clouds keep their credentials. Every guardrail can only narrow it.
probes::AddressPolicy MakeAddressPolicy(
    const apis::config::v1alpha1::ControllerConfiguration& configuration,
    ProbeLimitsOf limits = nullptr);

// The configuration without a file: one backend "docker" at DOCKER_HOST or the usual socket, open
// to all namespaces.
apis::config::v1alpha1::ControllerConfiguration DefaultConfiguration();

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_BACKENDS_H_
