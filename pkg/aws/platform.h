// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_PLATFORM_H_
#define SALVE_PKG_AWS_PLATFORM_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/file_source.h"
#include "pkg/base/random.h"
#include "pkg/base/status.h"
#include "pkg/http/transport.h"

namespace salve::aws {

// An environment variable; nullopt if it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Makes a transport to "http[s]://host[:port]".
using Connect =
    std::function<StatusOr<std::unique_ptr<http::Transport>>(const std::string& base_url)>;

// What this room needs of the world. Copies share it; what the pointers name must outlive every
// copy, and the functions must be thread-safe.
struct Platform {
  Environment env;
  Connect connect;
  FileSource* files = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
};

// The process's environment, the machine's files, clock and randomness, and TCP. Where
// $AWS_CA_BUNDLE names a file, TLS trusts its certificates instead of the system's. Proxies
// ($HTTPS_PROXY) are not used.
Platform SystemPlatform();

// A variable that is set to something; nullopt for an empty one too, as AWS's own tools see it.
std::optional<std::string> EnvValue(const Environment& env, const std::string& name);

// Whether a variable says "true" (any case). Anything else is false.
bool EnvFlag(const Environment& env, const std::string& name);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_PLATFORM_H_
