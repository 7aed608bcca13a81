// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_DOCKER_BACKEND_H_
#define SALVE_PKG_BACKENDS_DOCKER_DOCKER_BACKEND_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "pkg/backends/backend.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/http/transport.h"
#include "pkg/http/transports.h"

namespace salve::backends::docker {

struct DockerOptions {
  std::string name = "docker";
  // "unix:///path" or "tcp://host:port"; with `use_tls` the latter speaks TLS.
  std::string host = "unix:///var/run/docker.sock";
  bool use_tls = false;
  http::TlsOptions tls;
  Clock* clock = nullptr;    // required; outlives the backend
  Random* random = nullptr;  // required; outlives the backend: jitter of reconnecting
  // Environment for commands run in a target by the redis, postgres and exec actions, for example
  // {"REDISCLI_AUTH", password} or {"PGPASSWORD", …}. Called on the threads that plan and execute.
  std::function<std::map<std::string, std::string>(const healing::TargetRef&)> exec_environment;
  // Whether postgresTerminate… may end superusers' sessions where no ordinary session qualifies,
  // that is where the application itself connects as a superuser.
  bool terminate_postgres_superusers = false;
  // For tests: instead of a connection to `host`.
  std::unique_ptr<http::Transport> transport;
};

// The engine as a Backend. kInvalidArgument if `host` cannot be understood; an engine that is not
// there is no error here (Available() tells).
StatusOr<std::unique_ptr<Backend>> MakeDockerBackend(DockerOptions options);

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_DOCKER_BACKEND_H_
