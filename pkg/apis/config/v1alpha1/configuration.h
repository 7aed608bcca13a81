// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_CONFIG_V1ALPHA1_CONFIGURATION_H_
#define SALVE_PKG_APIS_CONFIG_V1ALPHA1_CONFIGURATION_H_

#include <optional>
#include <string>
#include <vector>

#include "pkg/base/status.h"

// The administrator's configuration file (config.salve.dev/v1alpha1, kind ControllerConfiguration).
// Plain values; see docs/configuration.md.
namespace salve::apis::config::v1alpha1 {

inline constexpr char kApiVersion[] = "config.salve.dev/v1alpha1";
inline constexpr char kKind[] = "ControllerConfiguration";

// Paths of PEM files.
struct TlsFiles {
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::string server_name;
};

struct DockerBackend {
  std::string host;  // unix:///path or tcp://host:port; "" = DOCKER_HOST, else the usual socket
  std::optional<TlsFiles> tls;
  // Namespaces whose policies may use it; "*" = all (the default).
  std::vector<std::string> allowed_namespaces;
};

struct KubernetesBackend {
  // A kubeconfig; "" = the cluster that the controller itself uses (standalone: $KUBECONFIG, else
  // ~/.kube/config).
  std::string kubeconfig;
  std::string context;  // "" = the kubeconfig's current one
  // Namespaces whose policies may use it; "*" = all (the default). Those of the cluster itself
  // (kube-*) only where they are named.
  std::vector<std::string> allowed_namespaces;
};

// Exactly one member beside the name.
struct BackendConfiguration {
  std::string name;
  std::optional<DockerBackend> docker;
  std::optional<KubernetesBackend> kubernetes;

  // Which namespaces' policies may use it; "*" = all.
  const std::vector<std::string>& AllowedNamespaces() const {
    return kubernetes ? kubernetes->allowed_namespaces : docker->allowed_namespaces;
  }
};

struct ExecConfiguration {
  // Each is an argv; an element may be a RE2 in slashes, else it is literal.
  std::vector<std::vector<std::string>> allow;
};

struct ProbeConfiguration {
  // Where probes may connect to; allowed empty = anywhere. Denied wins.
  std::vector<std::string> allowed_cidrs;
  std::vector<std::string> denied_cidrs;
};

struct ControllerConfiguration {
  std::vector<BackendConfiguration> backends;
  ExecConfiguration exec;
  ProbeConfiguration probes;
};

// Reads the file's text. kInvalidArgument begins with "FILE:LINE: " and names the field: unknown
// fields, wrong types, two backends of one name, CIDRs that are none. Defaults are filled in:
// without any backend there is one named "docker".
StatusOr<ControllerConfiguration> LoadConfiguration(const std::string& text,
                                                    const std::string& file);

}  // namespace salve::apis::config::v1alpha1

#endif  // SALVE_PKG_APIS_CONFIG_V1ALPHA1_CONFIGURATION_H_
