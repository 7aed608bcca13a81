// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_SERVER_KUBECONFIG_H_
#define SALVE_PKG_APISERVER_SERVER_KUBECONFIG_H_

#include <string>

#include "pkg/apiserver/tokens.h"
#include "pkg/base/status.h"

namespace salve::apiserver {

// A kubeconfig with one cluster, one user and one context, all called "salve". `ca_pem` empty: none
// (plain HTTP; kubectl then sends no token).
std::string MakeKubeconfig(const std::string& server_url, const std::string& ca_pem,
                           const std::string& token);

// Writes `data_dir`/kubeconfig (0600) for the administrator. Its token stays the same from start to
// start as long as it is valid; otherwise a new one is made and the old one revoked. Unchanged
// content is not written. Returns the path.
StatusOr<std::string> EnsureKubeconfig(const std::string& data_dir, const std::string& server_url,
                                       const std::string& ca_pem, TokenStore& tokens);

inline constexpr char kKubeconfigFile[] = "kubeconfig";

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_SERVER_KUBECONFIG_H_
