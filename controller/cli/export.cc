// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/export.h"

#include "controller/cli/merge.h"

namespace salve::cli {

nlohmann::json WithoutServerFields(nlohmann::json object, bool keep_status) {
  if (!object.is_object()) return object;
  if (!keep_status) object.erase("status");
  const auto meta = object.find("metadata");
  if (meta == object.end() || !meta->is_object()) return object;
  for (const char* field :
       {"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds", "managedFields", "ownerReferences", "selfLink"}) {
    meta->erase(field);
  }
  const auto annotations = meta->find("annotations");
  if (annotations != meta->end() && annotations->is_object()) {
    annotations->erase(kLastApplied);
    if (annotations->empty()) meta->erase("annotations");
  }
  return object;
}

}  // namespace salve::cli
