// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/platform.h"

#include "pkg/aws/text.h"
#include "pkg/base/environment.h"
#include "pkg/http/transports.h"

namespace salve::aws {
namespace {

constexpr std::size_t kMaxBundleBytes = 4u << 20;

StatusOr<std::unique_ptr<http::Transport>> ConnectByTcp(const std::string& base_url) {
  http::TlsOptions tls;
  if (const auto path = EnvValue(Variable, "AWS_CA_BUNDLE")) {
    StatusOr<std::string> pem = SystemFiles().Read(*path, kMaxBundleBytes);
    if (!pem.ok()) return pem.status().Annotate("AWS_CA_BUNDLE");
    tls.ca_pem = *std::move(pem);
  }
  return http::MakeTcpTransport(base_url, tls, SystemClock());
}

}  // namespace

Platform SystemPlatform() {
  return {Variable, ConnectByTcp, &SystemFiles(), &SystemClock(), &SystemRandom()};
}

std::optional<std::string> EnvValue(const Environment& env, const std::string& name) {
  std::optional<std::string> value = env(name);
  return value && !value->empty() ? value : std::nullopt;
}

bool EnvFlag(const Environment& env, const std::string& name) {
  const std::optional<std::string> value = EnvValue(env, name);
  return value && Lower(*value) == "true";
}

}  // namespace salve::aws
