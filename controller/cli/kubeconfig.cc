// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/kubeconfig.h"

#include <cstdlib>

#include <unistd.h>

#include "pkg/client/kubeconfig.h"

namespace salve::cli {
namespace {

// What the error proposes: an existing file that only has to be named, else how to get one.
std::string Advice(const KubeconfigWorld& world) {
  const auto home = world.env("HOME");
  const std::string own = home ? *home + "/.salve/kubeconfig" : "";
  if (!own.empty() && world.readable(own)) return "export KUBECONFIG=" + own;
  return "start one with: salve standalone --data-dir ~/.salve, then "
         "export KUBECONFIG=~/.salve/kubeconfig (every data directory has its kubeconfig)";
}

}  // namespace

KubeconfigWorld RealKubeconfigWorld() {
  return {[](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            if (value == nullptr || *value == '\0') return std::nullopt;
            return std::string(value);
          },
          [](const std::string& path) { return ::access(path.c_str(), R_OK) == 0; }};
}

StatusOr<FoundKubeconfig> FindKubeconfig(const std::string& flag, const KubeconfigWorld& world) {
  const auto variable = world.env("KUBECONFIG");
  const bool chosen = !flag.empty() || variable.has_value();
  if (chosen) {
    SALVE_ASSIGN_OR_RETURN(std::string path, client::KubeconfigPath(flag, world.env));
    if (world.readable(path)) return FoundKubeconfig{std::move(path), true};
    const std::string by = flag.empty() ? "$KUBECONFIG" : "--kubeconfig";
    return InvalidArgumentError("cannot read the kubeconfig " + path + " (from " + by +
                                "); name another, or " + Advice(world));
  }
  const auto home = world.env("HOME");
  const std::string usual = home ? *home + "/.kube/config" : "";
  if (!usual.empty() && world.readable(usual)) return FoundKubeconfig{usual, false};
  if (world.readable(kStandaloneKubeconfig)) return FoundKubeconfig{kStandaloneKubeconfig, false};
  return InvalidArgumentError(
      "no kubeconfig, so no server to ask. Tried --kubeconfig (not given), $KUBECONFIG (not "
      "set), " +
      (usual.empty() ? std::string("~/.kube/config (no $HOME)") : usual + " (not readable)") +
      ", " + kStandaloneKubeconfig + " (not readable). To go on: " + Advice(world));
}

}  // namespace salve::cli
