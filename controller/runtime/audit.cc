// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/audit.h"

namespace salve::runtime {
namespace {

constexpr std::int64_t kMaxRetentionDays = 36'500;

}  // namespace

StatusOr<std::unique_ptr<audit::Recorder>> StartAudit(const std::string& directory,
                                                      std::int64_t retention_days, Clock& clock) {
  if (retention_days < audit::kMinRetentionDays || retention_days > kMaxRetentionDays) {
    return InvalidArgumentError("--audit-retention-days: " + std::to_string(retention_days) +
                                " is not between " + std::to_string(audit::kMinRetentionDays) +
                                " and " + std::to_string(kMaxRetentionDays));
  }
  auto recorder = std::make_unique<audit::Recorder>(
      audit::Recorder::Options{directory, static_cast<int>(retention_days)}, clock,
      metrics::Default());
  SALVE_RETURN_IF_ERROR(recorder->Start());
  return recorder;
}

}  // namespace salve::runtime
