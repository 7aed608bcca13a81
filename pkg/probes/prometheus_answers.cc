// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/prometheus_answers.h"

#include <cmath>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/base/json_access.h"
#include "pkg/probes/bounds.h"
#include "pkg/probes/measurement.h"

namespace salve::probes {
namespace {

namespace v1 = apis::salve::v1alpha1;
using nlohmann::json;
using v1::PrometheusProbe;

struct Sample {
  std::string series;
  double value = 0;
};

// "up{instance=\"a\"}", shortened.
std::string NameOf(const json& metric) {
  if (!metric.is_object()) return "";
  std::string labels;
  for (const auto& [key, value] : metric.items()) {
    if (key == "__name__" || !value.is_string()) continue;
    labels += (labels.empty() ? "" : ",") + key + "=\"" + value.get<std::string>() + "\"";
    if (labels.size() > 160) break;
  }
  return GetString(metric, {"__name__"}) + (labels.empty() ? "" : "{" + labels + "}");
}

// [time, "value"]; "NaN", "+Inf" and "-Inf" are values, too.
std::optional<double> ValueOf(const json& pair) {
  if (!pair.is_array() || pair.size() != 2 || !pair[1].is_string()) return std::nullopt;
  const std::string text = pair[1].get<std::string>();
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size()) return std::nullopt;
  return value;
}

// What counts of the points of one series; nothing of a series without any. nullopt: not what
// Prometheus answers.
std::optional<std::vector<double>> PointsOf(const json& points, const std::string& judge) {
  if (!points.is_array()) return std::nullopt;
  std::vector<double> values;
  for (const json& point : points) {
    const auto value = ValueOf(point);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  if (values.empty() || judge == v1::kJudgeEvery) return values;
  if (judge == v1::kJudgeNewest) return std::vector<double>{values.back()};
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return std::vector<double>{sum / static_cast<double>(values.size())};
}

// nullopt: not what Prometheus answers.
std::optional<std::vector<Sample>> SamplesOf(const json& data, const std::string& judge) {
  const std::string type = GetString(data, {"resultType"});
  const json* result = Find(data, {"result"});
  if (result == nullptr || !result->is_array()) return std::nullopt;
  std::vector<Sample> samples;
  if (type == "scalar") {
    const auto value = ValueOf(*result);
    if (!value) return std::nullopt;
    samples.push_back({"", *value});
    return samples;
  }
  if (type != "vector" && type != "matrix") return std::nullopt;
  for (const json& series : *result) {
    const json* found = Find(series, {type == "vector" ? "value" : "values"});
    if (found == nullptr) return std::nullopt;
    const auto values = PointsOf(type == "vector" ? json::array({*found}) : *found, judge);
    if (!values) return std::nullopt;
    const json* metric = Find(series, {"metric"});
    const std::string name = metric == nullptr ? "" : NameOf(*metric);
    for (const double value : *values) samples.push_back({name, value});
  }
  return samples;
}

std::string Outside(const PrometheusProbe& probe, const Sample& sample) {
  return OutOfBounds(sample.series.empty() ? "value" : sample.series, sample.value, probe.minimum,
                     probe.maximum);
}

healing::Measurement Judge(const PrometheusProbe& probe, const std::vector<Sample>& samples) {
  if (samples.empty()) return NotMeasured("the query has no result");
  std::string first;
  std::size_t outside = 0;
  for (const Sample& sample : samples) {
    if (std::isnan(sample.value)) {
      return NotMeasured("the query's result is not a number" +
                         (sample.series.empty() ? "" : ": " + sample.series));
    }
    const std::string why = Outside(probe, sample);
    if (why.empty()) continue;
    if (outside++ == 0) first = why;
  }
  const std::string count = std::to_string(samples.size());
  healing::Measurement m =
      outside == 0 ? Well(samples.size() == 1 ? "value " + Number(samples[0].value)
                                              : count + " values, all within bounds")
                   : Ill(first + (outside == 1 ? ""
                                               : "; " + std::to_string(outside) + " of " + count +
                                                     " values are out of bounds"));
  if (std::isfinite(samples[0].value)) m.metrics = {{"prometheus.value", samples[0].value}};
  return m;
}

}  // namespace

healing::Measurement JudgePrometheus(const PrometheusProbe& probe, int http_status,
                                     std::string_view body, bool cut) {
  if (cut) {
    return NotMeasured("the answer of Prometheus is too large: let the query return fewer series");
  }
  const json answer = json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  const std::string status = answer.is_object() ? GetString(answer, {"status"}) : "";
  if (status == "error") {
    return NotMeasured("Prometheus: " + GetString(answer, {"errorType"}) + ": " +
                       GetString(answer, {"error"}));
  }
  if (http_status != 200 || status != "success") {
    return NotMeasured("this is not an answer of Prometheus: status " +
                       std::to_string(http_status));
  }
  const json* data = Find(answer, {"data"});
  const std::string judge = probe.range ? probe.range->judge : v1::kJudgeNewest;
  const auto samples = data == nullptr ? std::nullopt : SamplesOf(*data, judge);
  if (!samples) return NotMeasured("the query's result is neither a vector nor a scalar");
  return Judge(probe, *samples);
}

}  // namespace salve::probes
