// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_METRICS_H_
#define SALVE_PKG_BASE_METRICS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// Prometheus metrics behind a narrow wall: only metrics.cc knows the library.
namespace salve::metrics {

// One time series each. Thread-safe, never destroyed before their registry: keep the reference.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Increment(double by = 1) = 0;  // `by` >= 0
  virtual double Value() const = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double by) = 0;
  virtual double Value() const = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

// All series of one name. Thread-safe.
template <typename Metric>
class Family {
 public:
  virtual ~Family() = default;
  // The series with these label values, in the order of the family's label names; made at first
  // use. The number of series is bounded: beyond it, and with a wrong number of values, everything
  // is counted under the value "other".
  virtual Metric& With(const std::vector<std::string>& label_values) = 0;
};

// Thread-safe.
class Registry {
 public:
  static constexpr std::size_t kMaxSeries = 1000;  // per family

  Registry();
  ~Registry();

  // The family of that name, made at the first call. Later calls with the same name get the same
  // family; with another type or other labels that is a mistake: it is logged, and what is counted
  // there is shown nowhere.
  Family<Counter>& Counters(std::string_view name, std::string_view help,
                            const std::vector<std::string>& label_names = {});
  Family<Gauge>& Gauges(std::string_view name, std::string_view help,
                        const std::vector<std::string>& label_names = {});
  // `buckets` are upper bounds in rising order.
  Family<Histogram>& Histograms(std::string_view name, std::string_view help,
                                const std::vector<std::string>& label_names,
                                const std::vector<double>& buckets);

  // The text exposition format, version 0.0.4.
  std::string Serialize() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The process's own registry. Never destroyed.
Registry& Default();

// 5 ms … 60 s: what reconciles, requests and queue times need.
const std::vector<double>& DurationBuckets();

}  // namespace salve::metrics

#endif  // SALVE_PKG_BASE_METRICS_H_
