// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_OPTIONS_H_
#define SALVE_CONTROLLER_RUNTIME_OPTIONS_H_

#include <string>
#include <utility>
#include <vector>

#include "pkg/base/status.h"

namespace salve::runtime {

// What `salve standalone` was asked for. Plain values with the defaults that --help shows.
struct StandaloneOptions {
  std::string data_dir = "/var/lib/salve";
  std::string listen = "127.0.0.1:6443";       // API, TLS; port 0: the system chooses
  std::string http_listen = "127.0.0.1:8080";  // health, metrics, timeline
  std::string config_file;                     // "" = built-in defaults
  std::string manifests_dir;                   // "" = none
  std::vector<std::string> docker_labels;      // KEY=VALUE
  std::string log_level = "info";
};

// "127.0.0.1:6443" or "[::1]:6443" → host without brackets and port. kInvalidArgument names `flag`.
StatusOr<std::pair<std::string, int>> ParseListen(const std::string& flag,
                                                  const std::string& address);

// Runs until SIGTERM or SIGINT; returns the process's exit code. Start-up errors go to stderr as
// one line.
int RunStandalone(const StandaloneOptions& options);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_OPTIONS_H_
