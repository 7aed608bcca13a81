// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_FRESH_H_
#define SALVE_PKG_BACKENDS_ECS_FRESH_H_

#include "pkg/backends/ecs/action_handler.h"

namespace salve::backends::ecs {

// The service as it is now, with its tasks, judged and taken into the view. `news`: whether the
// view changed by it. kNotFound: it does not exist or is INACTIVE; kInvalidArgument: `ref` names
// none. Tasks and task definition are left out where they are refused; every other failure is an
// error.
StatusOr<Subject> ReadSubject(const Reader& reader, View& view, Clock& clock,
                              const healing::TargetRef& ref, const CallContext& context,
                              bool* news);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_FRESH_H_
