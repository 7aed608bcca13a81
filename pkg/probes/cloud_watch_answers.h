// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_CLOUD_WATCH_ANSWERS_H_
#define SALVE_PKG_PROBES_CLOUD_WATCH_ANSWERS_H_

#include "pkg/healing/types.h"
#include "pkg/probes/metric_reader.h"

namespace salve::probes {

// What a metric says about a target. Healthy iff its value is within the probe's bounds. No value,
// one that is no number and a call that failed are nothing to judge by. Pure function.
healing::Measurement JudgeCloudWatch(const apis::salve::v1alpha1::CloudWatchProbe& probe,
                                     const StatusOr<MetricValue>& answer);

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_CLOUD_WATCH_ANSWERS_H_
