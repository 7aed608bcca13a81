// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_SIMULATE_H_
#define SALVE_CONTROLLER_RUNTIME_SIMULATE_H_

#include <string>
#include <vector>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/base/status.h"

namespace salve::runtime {

// What would happen now under a policy that may not even be applied.
struct SimulatedTarget {
  std::string name;
  bool healthy = false;
  std::string message;
  // As far as Salve would come without doing anything: diagnosis, proposal and every gate in its
  // status.
  apis::salve::v1alpha1::Incident incident;
};

// Looks at the policy's targets once, measures its probes once, and lets the pure core decide with
// an empty history: one bad measurement counts as an illness. Reads only; nothing is written,
// nothing is done. What the policy's status says of its files counts as it stands there.
// `requested` (not empty): as if a person asked for a restart in these words. Guardrails and other
// incidents are not known here. Files for secrets are taken from `secret_root`.
StatusOr<std::vector<SimulatedTarget>> Simulate(
    const apis::salve::v1alpha1::HealingPolicy& policy,
    const apis::config::v1alpha1::ControllerConfiguration& configuration,
    const std::string& secret_root, Clock& clock, Random& random,
    const std::string& requested = "");

// The configuration of a file, or the default one for "".
StatusOr<apis::config::v1alpha1::ControllerConfiguration> ReadConfiguration(
    const std::string& file);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_SIMULATE_H_
