// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_SINKS_H_
#define SALVE_CONTROLLER_RUNTIME_SINKS_H_

#include <map>
#include <string>
#include <vector>

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/base/clock.h"
#include "pkg/notify/sink.h"

namespace salve::runtime {

// What the configured sinks need of this process. `clock` outlives it.
notify::SinkEnvironment MakeSinkEnvironment(Clock& clock);

// Sink → the namespaces that it is open to.
std::map<std::string, std::vector<std::string>> SinkNamespaces(
    const apis::config::v1alpha1::ControllerConfiguration& configuration);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_SINKS_H_
