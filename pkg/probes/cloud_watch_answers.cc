// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/cloud_watch_answers.h"

#include <cmath>
#include <string>

#include "pkg/probes/bounds.h"
#include "pkg/probes/measurement.h"

namespace salve::probes {

healing::Measurement JudgeCloudWatch(const apis::salve::v1alpha1::CloudWatchProbe& probe,
                                     const StatusOr<MetricValue>& answer) {
  const std::string name =
      probe.statistic + " of " + probe.metric_namespace + " " + probe.metric_name;
  if (!answer.ok()) return NotMeasured(answer.status().message());
  if (!*answer) return NotMeasured("CloudWatch has no data for " + name);
  const double value = **answer;
  if (!std::isfinite(value)) return NotMeasured(name + " is not a number");
  const std::string why = OutOfBounds(name, value, probe.minimum, probe.maximum);
  healing::Measurement m = why.empty() ? Well(name + " is " + Number(value)) : Ill(why);
  m.metrics = {{"cloudwatch.value", value}};
  return m;
}

}  // namespace salve::probes
