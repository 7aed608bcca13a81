// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_PROMETHEUS_ANSWERS_H_
#define SALVE_PKG_PROBES_PROMETHEUS_ANSWERS_H_

#include <string_view>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/healing/types.h"

namespace salve::probes {

// What a Prometheus server's answer to the probe's query says about a target. Healthy iff every
// sample is within the probe's bounds. No sample, a sample that is no number, an error of the
// server and an answer that is none are nothing to judge by: could not be measured. Of a range the
// samples are what its `judge` makes of each series' points; of the range vector of an instant
// query each series' newest point. `cut`: the answer was longer than what was kept of it. Pure
// function.
healing::Measurement JudgePrometheus(const apis::salve::v1alpha1::PrometheusProbe& probe,
                                     int http_status, std::string_view body, bool cut);

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_PROMETHEUS_ANSWERS_H_
