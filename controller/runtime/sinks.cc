// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/sinks.h"

#include <memory>

#include "controller/runtime/configuration_secrets.h"

namespace salve::runtime {

notify::SinkEnvironment MakeSinkEnvironment(Clock& clock) {
  const auto secrets = std::make_shared<ConfigurationSecrets>(SystemFiles());
  return {[secrets](const auto& reference) { return secrets->Read(reference); }, nullptr, &clock};
}

std::map<std::string, std::vector<std::string>> SinkNamespaces(
    const apis::config::v1alpha1::ControllerConfiguration& configuration) {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& sink : configuration.sinks) out[sink.name] = sink.allowed_namespaces;
  return out;
}

}  // namespace salve::runtime
