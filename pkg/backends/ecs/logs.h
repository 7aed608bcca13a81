// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_LOGS_H_
#define SALVE_PKG_BACKENDS_ECS_LOGS_H_

#include <string>
#include <vector>

#include "pkg/backends/ecs/api.h"
#include "pkg/backends/ecs/view.h"
#include "pkg/base/clock.h"

namespace salve::backends::ecs {

// The newest lines that the service's containers wrote to CloudWatch within the last 15 minutes,
// oldest first, at most `max_lines`: of the containers that are ill, where any are, else of all.
// Where there is nothing to be read (no awslogs, no right, no log group) the only line is a
// sentence of Salve's own that says so; a service that cannot be asked now is an error.
StatusOr<std::vector<std::string>> ReadLogs(Api& api, const Seen& seen, int max_lines, WallTime now,
                                            const CallContext& context);

// The last line that the container wrote whose task failed last; "" where there is none. Without
// the right to read it, the sentence that says so.
StatusOr<std::string> ReadLastWords(Api& api, const Seen& seen, WallTime now,
                                    const CallContext& context);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_LOGS_H_
