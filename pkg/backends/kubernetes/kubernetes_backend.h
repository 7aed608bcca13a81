// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_KUBERNETES_BACKEND_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_KUBERNETES_BACKEND_H_

#include <memory>
#include <string>

#include "pkg/backends/backend.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/client/client.h"
#include "pkg/engine/metrics.h"

namespace salve::backends::kubernetes {

struct KubernetesOptions {
  std::string name = "kubernetes";
  // The cluster's API. Required; its calls end by themselves in bounded time.
  std::shared_ptr<client::Client> client;
  // Required; they outlive the backend.
  Clock* clock = nullptr;
  Random* random = nullptr;
  engine::EngineMetrics* metrics = nullptr;
};

// Workloads (Deployment, StatefulSet, DaemonSet) and pods of one cluster as targets. It watches
// them in all namespaces; it needs to get, list and watch deployments, replicasets, statefulsets,
// daemonsets, controllerrevisions and pods, to get pods/log, to list events, and for its actions to
// patch the workloads, delete pods and create pods/eviction. Available() names the right that is
// missing.
std::unique_ptr<Backend> MakeKubernetesBackend(KubernetesOptions options);

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_KUBERNETES_BACKEND_H_
