// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_PREDICATES_H_
#define SALVE_PKG_ENGINE_PREDICATES_H_

#include "pkg/engine/informer.h"

namespace salve::engine {

// Predicates for Controller::Watch. All let additions, deletions and the start of a deletion pass.

// Updates that changed the specification: one's own status writes do not wake one (checklist 36).
template <class T>
bool GenerationChanged(const Change<T>& change) {
  return change.type != Delta::Type::kUpdated ||
         change.header.generation != change.generation_before || change.header.deleting;
}

// Updates that changed anything at all.
template <class T>
bool VersionChanged(const Change<T>& change) {
  return change.type != Delta::Type::kUpdated ||
         change.header.resource_version != change.version_before;
}

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_PREDICATES_H_
