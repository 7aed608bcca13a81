// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "controller/inject/injector.h"

#include "pkg/base/file_source.h"
#include "pkg/http/transports.h"

namespace salve::inject {
namespace {

constexpr std::size_t kMaxPemBytes = 1u << 20;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

StatusOr<std::unique_ptr<backends::docker::EngineClient>> MakeEngine(Clock& clock) {
  std::string host = Environment("DOCKER_HOST");
  if (host.empty()) host = "unix:///var/run/docker.sock";
  std::unique_ptr<http::Transport> transport;
  if (host.compare(0, 7, "unix://") == 0) {
    transport = http::MakeUnixTransport(host.substr(7), clock);
  } else if (host.compare(0, 6, "tcp://") == 0) {
    http::TlsOptions tls;
    const bool secure = !Environment("DOCKER_TLS_VERIFY").empty();
    if (secure) {
      const std::string directory = Environment("DOCKER_CERT_PATH");
      SALVE_ASSIGN_OR_RETURN(tls.ca_pem, SystemFiles().Read(directory + "/ca.pem", kMaxPemBytes));
      SALVE_ASSIGN_OR_RETURN(tls.certificate_pem,
                             SystemFiles().Read(directory + "/cert.pem", kMaxPemBytes));
      SALVE_ASSIGN_OR_RETURN(tls.private_key_pem,
                             SystemFiles().Read(directory + "/key.pem", kMaxPemBytes));
    }
    SALVE_ASSIGN_OR_RETURN(
        transport,
        http::MakeTcpTransport((secure ? "https://" : "http://") + host.substr(6), tls, clock));
  } else {
    return InvalidArgumentError("DOCKER_HOST=" + host + ": only unix:// and tcp:// can be used");
  }
  return std::make_unique<backends::docker::EngineClient>(std::move(transport), clock);
}

}  // namespace salve::inject
