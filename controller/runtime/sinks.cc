// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/sinks.h"

#include <memory>
#include <utility>

#include "controller/runtime/aws_secrets.h"

namespace salve::runtime {

notify::SinkEnvironment MakeSinkEnvironment(Clock& clock, ConfigurationSecrets::FromAws from_aws) {
  const auto secrets = std::make_shared<ConfigurationSecrets>(SystemFiles(), std::move(from_aws));
  return {[secrets](const auto& reference) { return secrets->Read(reference); }, nullptr, &clock};
}

StatusOr<notify::SinkEnvironment> MakeWaitingSinkEnvironment(
    const apis::config::v1alpha1::ControllerConfiguration& configuration, Clock& clock,
    Random& random) {
  SALVE_ASSIGN_OR_RETURN(auto aws, AwsSecrets::Make(configuration, AwsPlatform(clock, random)));
  if (aws == nullptr) return MakeSinkEnvironment(clock);
  return MakeSinkEnvironment(clock, [aws](const auto& one) { return aws->Read(one); });
}

std::map<std::string, std::vector<std::string>> SinkNamespaces(
    const apis::config::v1alpha1::ControllerConfiguration& configuration) {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& sink : configuration.sinks) out[sink.name] = sink.allowed_namespaces;
  return out;
}

}  // namespace salve::runtime
