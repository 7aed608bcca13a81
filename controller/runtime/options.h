// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_OPTIONS_H_
#define SALVE_CONTROLLER_RUNTIME_OPTIONS_H_

#include <cstdint>
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
  std::string http_tls_cert_file;              // "" = plain HTTP; both or none
  std::string http_tls_key_file;
  std::string config_file;                 // "" = built-in defaults
  std::string manifests_dir;               // "" = none
  std::vector<std::string> docker_labels;  // KEY=VALUE
  std::string log_level = "info";
  std::int64_t audit_retention_days = 90;  // of DATA_DIR/audit; at least 30
  bool api_only = false;  // the API and its store; controllers come as processes of their own
};

// What `salve controller` was asked for.
struct ControllerOptions {
  std::string kubeconfig;  // "" = $KUBECONFIG, the pod's account, ~/.kube/config
  std::string context;     // "" = its current one
  std::string lease_namespace = "salve-system";  // of the leader's lease
  bool leader_elect = true;
  std::string config_file;
  std::string http_listen = "127.0.0.1:8080";
  std::string http_tls_cert_file;  // "" = plain HTTP; both or none
  std::string http_tls_key_file;
  std::string http_address_file;  // "" = none; for scripts that let the system choose the port
  std::string audit_directory;    // of the audit journal; "" = the log
  std::int64_t audit_retention_days = 90;  // at least 30
  std::string secret_dir;                  // for secret files of policies; "" = none may be read
  std::string log_level = "info";
};

// "127.0.0.1:6443" or "[::1]:6443" → host without brackets and port. kInvalidArgument names `flag`.
StatusOr<std::pair<std::string, int>> ParseListen(const std::string& flag,
                                                  const std::string& address);

std::string HostPort(const std::string& host, int port);

// Leaves "host:port" in a file.
Status WriteAddress(const std::string& path, const std::string& address);

// False where SELF_HEAL_ENABLED=false stops all actions.
bool SelfHealEnabled();

// Each runs until SIGTERM or SIGINT; returns the process's exit code. Start-up errors go to stderr
// as one line.
int RunStandalone(const StandaloneOptions& options);
int RunController(const ControllerOptions& options);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_OPTIONS_H_
