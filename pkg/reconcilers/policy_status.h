// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_POLICY_STATUS_H_
#define SALVE_PKG_RECONCILERS_POLICY_STATUS_H_

#include <array>
#include <functional>

#include "pkg/apis/salve/v1alpha1/guardrail.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"
#include "pkg/client/client.h"
#include "pkg/engine/informer.h"

namespace salve::reconcilers {

// Changes the status of policies (or guardrails) that several reconciles write to: health by one,
// reservations by many. Every write is guarded by resourceVersion, so that two processes never
// overwrite each other; in this process writers of one object queue up instead of meeting
// conflicts. Thread-safe.
template <class T>
class StatusUpdater {
 public:
  // Both must outlive it.
  StatusUpdater(client::Client& client, engine::Informer<T>& cache)
      : client_(client), cache_(cache) {}

  // Calls `change` with the newest known object until its result is stored (at most five times; the
  // last kConflict is returned). `change` edits the status and returns true, or false if there is
  // nothing to do, or an error that ends the update; it must decide anew each time it is called.
  // Returns the object as stored. kNotFound if it does not exist.
  StatusOr<T> Update(const apis::meta::v1::NamespacedName& name,
                     const std::function<StatusOr<bool>(T&)>& change);

 private:
  client::Client& client_;
  engine::Informer<T>& cache_;
  // Serializes the writers of one object; two objects may share one by chance.
  std::array<Mutex, 64> writers_;
};

extern template class StatusUpdater<apis::salve::v1alpha1::HealingPolicy>;
extern template class StatusUpdater<apis::salve::v1alpha1::HealingGuardrail>;
extern template class StatusUpdater<apis::salve::v1alpha1::Incident>;

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_POLICY_STATUS_H_
