// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_SINKS_H_
#define SALVE_CONTROLLER_RUNTIME_SINKS_H_

#include <map>
#include <string>
#include <vector>

#include "controller/runtime/configuration_secrets.h"

#include "pkg/apis/config/v1alpha1/configuration.h"
#include "pkg/base/clock.h"
#include "pkg/notify/sink.h"

namespace salve::runtime {

// What the configured sinks need of this process. `clock` outlives it. Without `from_aws` no secret
// in AWS can be read.
notify::SinkEnvironment MakeSinkEnvironment(Clock& clock,
                                            ConfigurationSecrets::FromAws from_aws = nullptr);

// The same for a single message: who sends it waits for AWS. kInvalidArgument where the
// configuration's account in AWS cannot be used. Both outlive it.
StatusOr<notify::SinkEnvironment> MakeWaitingSinkEnvironment(
    const apis::config::v1alpha1::ControllerConfiguration& configuration, Clock& clock,
    Random& random);

// Sink → the namespaces that it is open to.
std::map<std::string, std::vector<std::string>> SinkNamespaces(
    const apis::config::v1alpha1::ControllerConfiguration& configuration);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_SINKS_H_
