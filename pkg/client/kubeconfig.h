// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_KUBECONFIG_H_
#define SALVE_PKG_CLIENT_KUBECONFIG_H_

#include <functional>
#include <optional>
#include <string>

#include "pkg/base/file_source.h"
#include "pkg/base/status.h"
#include "pkg/http/message.h"
#include "pkg/http/transports.h"

namespace salve::client {

// How to reach an API server and who to be there. Secrets in it are registered for redaction.
struct Connection {
  std::string base_url;     // "https://127.0.0.1:6443", for http::MakeTcpTransport
  std::string path_prefix;  // "" or "/k8s/clusters/c1", for RestClientOptions
  http::TlsOptions tls;
  http::Headers headers;  // Authorization, if a token or password is configured
  std::string ns;         // the context's namespace, "default" if it has none
  std::string context;    // its name
};

// Reads one context of a kubeconfig ("" = its current-context). File names in it are relative to
// the kubeconfig's directory. Supported: server, certificate-authority[-data],
// insecure-skip-tls-verify, tls-server-name; token, tokenFile, client-certificate[-data],
// client-key[-data], username, password. Errors (kInvalidArgument, or that of reading) name file
// and field; kUnimplemented for what Salve cannot do (exec and auth-provider plugins, proxy-url,
// impersonation).
StatusOr<Connection> LoadKubeconfig(const std::string& path, const std::string& context,
                                    FileSource& files);

// Which kubeconfig to use: `flag` if set, else $KUBECONFIG, else $HOME/.kube/config. kUnimplemented
// if $KUBECONFIG names several files: merging them is not supported. `env` is getenv.
StatusOr<std::string> KubeconfigPath(
    const std::string& flag,
    const std::function<std::optional<std::string>(const std::string&)>& env);

}  // namespace salve::client

#endif  // SALVE_PKG_CLIENT_KUBECONFIG_H_
