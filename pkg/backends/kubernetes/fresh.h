// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_FRESH_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_FRESH_H_

#include <string>
#include <vector>

#include "pkg/backends/kubernetes/action_handler.h"
#include "pkg/backends/kubernetes/cluster.h"
#include "pkg/backends/kubernetes/view.h"

// A fresh look at one target, past the caches. Thread-safe, without state.
namespace salve::backends::kubernetes {

// Reads the target and what belongs to it: three calls for a workload, one for a pod. kNotFound if
// it does not exist.
StatusOr<Subject> ReadSubject(Cluster& cluster, View& view, const healing::TargetRef& ref,
                              const CallContext& context);

// Where the objects do not tell why it is ill, the newest Warning event of its worst pod
// may: at most one call. It is remembered in the view, and the verdict is made anew. Without one
// that stays as it is.
void AddEvents(Cluster& cluster, View& view, Subject& subject, const CallContext& context);

// The newest lines of the worst pod's worst container: of the run that failed, if it runs again.
StatusOr<std::vector<std::string>> ReadLogs(Cluster& cluster, const Seen& seen, int max_lines,
                                            const CallContext& context);

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_FRESH_H_
