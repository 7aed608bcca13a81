// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_AUDIT_H_
#define SALVE_CONTROLLER_RUNTIME_AUDIT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "pkg/audit/recorder.h"

namespace salve::runtime {

// The record of what this process does, in `directory` or, without one, in the log. It outlives the
// graphs of the controller, one after the other. kInvalidArgument names the flag.
StatusOr<std::unique_ptr<audit::Recorder>> StartAudit(const std::string& directory,
                                                      std::int64_t retention_days, Clock& clock);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_AUDIT_H_
