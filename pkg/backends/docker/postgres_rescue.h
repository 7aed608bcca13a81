// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_POSTGRES_RESCUE_H_
#define SALVE_PKG_BACKENDS_DOCKER_POSTGRES_RESCUE_H_

#include <cstdint>
#include <string>

#include "pkg/backends/docker/action_handler.h"

namespace salve::backends::docker {

// Where every slot of a PostgreSQL is taken, also the reserved ones, nobody can connect to end
// sessions. This ends one idle server process the way pg_terminate_backend() would (SIGTERM, by
// pg_ctl, as the server's own user), which makes room for the statement that does the rest. It
// takes a process whose title says "idle", of a session at least `min_age_seconds` old; one in a
// transaction only where no other is left; sessions of `admin` (the role that acts) only if
// `superusers` allows it.
//
// kNotFound: none qualifies. kInvalidArgument: this container does not allow it (processes of
// others are visible in it, or head or pg_ctl is missing). The text says which process was ended.
StatusOr<std::string> EndOneIdleBackend(const ActionTools& tools, const Subject& subject,
                                        std::int64_t min_age_seconds, const std::string& admin,
                                        const CallContext& context);

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_POSTGRES_RESCUE_H_
