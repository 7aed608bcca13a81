// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_PROMETHEUS_ANSWERS_H_
#define SALVE_PKG_PROBES_PROMETHEUS_ANSWERS_H_

#include <string_view>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/healing/types.h"

namespace salve::probes {

// What a Prometheus server's answer to an instant query says about a target. Healthy iff every
// sample is within the probe's bounds. No sample, a sample that is no number, an error of the
// server and an answer that is none are nothing to judge by: could not be measured. Of a range
// vector each series' newest sample counts. `cut`: the answer was longer than what was kept of it.
// Pure function.
healing::Measurement JudgePrometheus(const apis::salve::v1alpha1::PrometheusProbe& probe,
                                     int http_status, std::string_view body, bool cut);

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_PROMETHEUS_ANSWERS_H_
