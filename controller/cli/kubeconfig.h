// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_KUBECONFIG_H_
#define SALVE_CONTROLLER_CLI_KUBECONFIG_H_

#include <functional>
#include <optional>
#include <string>

#include "pkg/base/status.h"

namespace salve::cli {

// Where `salve standalone` leaves its administrator's kubeconfig unless told otherwise.
inline constexpr char kStandaloneKubeconfig[] = "/var/lib/salve/kubeconfig";

// What the search looks at; a test gives its own.
struct KubeconfigWorld {
  std::function<std::optional<std::string>(const std::string&)> env;  // getenv; "" counts as unset
  std::function<bool(const std::string&)> readable;
};
KubeconfigWorld RealKubeconfigWorld();

// The file that --kubeconfig, $KUBECONFIG, ~/.kube/config or /var/lib/salve/kubeconfig name, the
// first of them that applies. `chosen`: a person named it, so it must be there.
struct FoundKubeconfig {
  std::string path;
  bool chosen = false;
};
// kInvalidArgument (never kNotFound: that is about objects) where there is none: the message lists
// what was tried and what to do. kUnimplemented if $KUBECONFIG names several files.
StatusOr<FoundKubeconfig> FindKubeconfig(const std::string& flag, const KubeconfigWorld& world);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_KUBECONFIG_H_
