// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_INJECT_INJECTOR_H_
#define SALVE_CONTROLLER_INJECT_INJECTOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/backends/docker/engine_client.h"
#include "pkg/base/clock.h"

// Breaks real services on purpose, to try healing out.
namespace salve::inject {

// Only a container with this label, set to "allowed", is ever touched.
inline constexpr char kConsentLabel[] = "salve.dev/inject";

// A client of the engine that DOCKER_HOST names (unix:// or tcp://, with DOCKER_TLS_VERIFY and
// DOCKER_CERT_PATH as the docker command reads them), else of /var/run/docker.sock.
StatusOr<std::unique_ptr<backends::docker::EngineClient>> MakeEngine(Clock& clock);

struct Request {
  std::string fault;  // one of Faults()
  std::string container;
  std::string user;  // postgres-connections: "" = POSTGRES_USER of the container, else postgres
  std::int64_t port = 0;  // 0 = as the container's command says, else the usual one
  bool undo = false;
};
// "redis-memory", "redis-clients", "postgres-connections", "crash", "hang".
const std::vector<std::string>& Faults();

// Does it and returns the line that proves it: what the service now answers. Errors:
// kPermissionDenied without the label, kDeadlineExceeded if the service still works at `deadline`,
// kInvalidArgument for a fault that cannot be made on this container, and the engine's.
StatusOr<std::string> Inject(backends::docker::EngineClient& engine, const Request& request,
                             Clock& clock, MonoTime deadline);

// The port in a container's command ("--port 6380", "-c port=5433", "-p 5433"); `fallback` without
// one. Pure.
std::int64_t PortOf(const nlohmann::json& inspect, std::int64_t fallback);
// The line of `text` that says that the service refuses; "" if none does. Pure.
std::string RefusalIn(const std::string& text);

}  // namespace salve::inject

#endif  // SALVE_CONTROLLER_INJECT_INJECTOR_H_
