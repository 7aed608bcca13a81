// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_CLUSTER_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_CLUSTER_H_

#include <optional>
#include <string>
#include <vector>

#include "pkg/backends/backend.h"
#include "pkg/backends/kubernetes/objects.h"
#include "pkg/base/clock.h"
#include "pkg/client/client.h"

namespace salve::backends::kubernetes {

// The calls that this backend makes besides watching, each within its context. Errors are those of
// the client; a missing right is said as "needs: patch deployments in shop". Thread-safe.
class Cluster {
 public:
  // Both outlive it.
  Cluster(client::Client& client, Clock& clock) : client_(client), clock_(clock) {}

  StatusOr<Json> Get(const ResourceInfo& resource, const NamespacedName& name,
                     const CallContext& context);
  // All of a namespace that the selectors choose; `limit` > 0: at most so many.
  StatusOr<std::vector<Json>> List(const ResourceInfo& resource, const std::string& ns,
                                   const std::string& labels, const std::string& fields,
                                   std::int64_t limit, const CallContext& context);
  StatusOr<Json> Patch(const ResourceInfo& resource, const NamespacedName& name,
                       client::PatchType type, const Json& patch, const CallContext& context);
  // Of exactly that pod: another one of the same name is kConflict.
  Status DeletePod(const NamespacedName& name, const std::string& uid,
                   std::optional<std::int64_t> grace_seconds, const CallContext& context);
  // The same by the eviction API; kTooManyRequests when a PodDisruptionBudget refuses.
  Status EvictPod(const NamespacedName& name, const std::string& uid,
                  std::optional<std::int64_t> grace_seconds, const CallContext& context);
  StatusOr<std::string> PodLogs(const NamespacedName& pod, const std::string& container,
                                bool previous, std::int64_t lines, const CallContext& context);

 private:
  Status MayCall(const CallContext& context) const;

  client::Client& client_;
  Clock& clock_;
};

// A missing right, said as what is needed; anything else as it is.
Status NeedsRight(const Status& status, const std::string& verb, const std::string& resource,
                  const std::string& ns);

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_CLUSTER_H_
