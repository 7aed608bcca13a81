// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_HANDLERS_H_
#define SALVE_PKG_BACKENDS_HANDLERS_H_

#include <memory>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/base/status.h"

namespace salve::backends {

// The one of a backend's handlers of actions that takes `action`; it belongs to `handlers`.
// kInvalidArgument names the action and the backend that does not know it.
template <class Handler>
StatusOr<const Handler*> FindHandler(const std::vector<std::unique_ptr<Handler>>& handlers,
                                     const apis::salve::v1alpha1::Action& action,
                                     const std::string& backend) {
  for (const auto& handler : handlers) {
    if (handler->Handles(action)) return static_cast<const Handler*>(handler.get());
  }
  return InvalidArgumentError("backend " + backend + " knows no action \"" +
                              apis::salve::v1alpha1::ActionName(action) + "\"");
}

}  // namespace salve::backends

#endif  // SALVE_PKG_BACKENDS_HANDLERS_H_
