// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_METRIC_READER_H_
#define SALVE_PKG_PROBES_METRIC_READER_H_

#include <functional>
#include <optional>
#include <string>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"

namespace salve::probes {

// A metric's newest value; nullopt: there is none that is young enough.
using MetricValue = std::optional<double>;

// Reads metrics of CloudWatch for probes. Thread-safe.
class MetricReader {
 public:
  using Done = std::function<void(StatusOr<MetricValue>)>;

  virtual ~MetricReader() = default;

  // Returns at once; `done` is called at most once, on any thread, possibly before this returns. An
  // answer that comes after `deadline` need not be given. Errors name the call and what it lacks;
  // kPermissionDenied also stands for a backend that is not open to policies of `ns`.
  virtual void Read(const std::string& ns, const apis::salve::v1alpha1::CloudWatchProbe& probe,
                    MonoTime deadline, Done done) = 0;
};

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_METRIC_READER_H_
