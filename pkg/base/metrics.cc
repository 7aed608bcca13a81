// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/metrics.h"

#include <map>
#include <tuple>
#include <typeinfo>
#include <utility>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "pkg/base/log.h"
#include "pkg/base/mutex.h"

namespace salve::metrics {
namespace {

class CounterImpl final : public Counter {
 public:
  explicit CounterImpl(prometheus::Counter& real) : real_(real) {}
  void Increment(double by) override { real_.Increment(by); }
  double Value() const override { return real_.Value(); }

 private:
  prometheus::Counter& real_;
};

class GaugeImpl final : public Gauge {
 public:
  explicit GaugeImpl(prometheus::Gauge& real) : real_(real) {}
  void Set(double value) override { real_.Set(value); }
  void Add(double by) override { real_.Increment(by); }
  double Value() const override { return real_.Value(); }

 private:
  prometheus::Gauge& real_;
};

class HistogramImpl final : public Histogram {
 public:
  explicit HistogramImpl(prometheus::Histogram& real) : real_(real) {}
  void Observe(double value) override { real_.Observe(value); }

 private:
  prometheus::Histogram& real_;
};

// What a registry needs to know of a family whatever its type.
class AnyFamily {
 public:
  explicit AnyFamily(std::vector<std::string> names) : label_names(std::move(names)) {}
  virtual ~AnyFamily() = default;
  const std::vector<std::string> label_names;
};

template <typename Metric, typename Impl, typename Real, typename... Args>
class FamilyImpl final : public Family<Metric>, public AnyFamily {
 public:
  FamilyImpl(prometheus::Family<Real>& real, std::vector<std::string> names, Args... args)
      : AnyFamily(std::move(names)), real_(real), args_(std::move(args)...) {}

  Metric& With(const std::vector<std::string>& label_values) override {
    MutexLock lock(mu_);
    auto found = series_.find(label_values);
    if (found != series_.end()) return *found->second;
    const bool fits = label_values.size() == label_names.size() &&
                      (series_.size() < Registry::kMaxSeries || label_names.empty());
    const std::vector<std::string> values =
        fits ? label_values : std::vector<std::string>(label_names.size(), "other");
    auto& slot = series_[values];
    if (!slot) {
      prometheus::Labels labels;
      for (std::size_t i = 0; i < values.size(); ++i) labels[label_names[i]] = values[i];
      slot = std::apply(
          [&](const auto&... args) { return std::make_unique<Impl>(real_.Add(labels, args...)); },
          args_);
    }
    return *slot;
  }

 private:
  prometheus::Family<Real>& real_;
  const std::tuple<Args...> args_;
  Mutex mu_;
  std::map<std::vector<std::string>, std::unique_ptr<Impl>> series_ SALVE_GUARDED_BY(mu_);
};

using Counters = FamilyImpl<Counter, CounterImpl, prometheus::Counter>;
using Gauges = FamilyImpl<Gauge, GaugeImpl, prometheus::Gauge>;
using Histograms = FamilyImpl<Histogram, HistogramImpl, prometheus::Histogram, std::vector<double>>;

}  // namespace

struct Registry::Impl {
  // `make` adds the family to the registry it is given.
  template <typename Type, typename Make>
  Type& Get(std::string_view name, const std::vector<std::string>& labels, const Make& make) {
    MutexLock lock(mu);
    auto& slot = families[std::string(name)];
    if (!slot) slot = make(shown);
    auto* typed = dynamic_cast<Type*>(slot.get());
    if (typed != nullptr && typed->label_names == labels) return *typed;
    Log(Severity::kError, "metric registered twice with different types or labels",
        {{"metric", name}});
    auto& mistake = mistakes[std::string(name) + " " + typeid(Type).name()];
    if (!mistake) {
      hidden.push_back(std::make_unique<prometheus::Registry>());
      mistake = make(*hidden.back());
    }
    return dynamic_cast<Type&>(*mistake);
  }

  prometheus::Registry shown;
  Mutex mu;
  std::map<std::string, std::unique_ptr<AnyFamily>> families SALVE_GUARDED_BY(mu);
  std::vector<std::unique_ptr<prometheus::Registry>> hidden SALVE_GUARDED_BY(mu);
  // One per name and type, so that a mistake in a loop costs no memory.
  std::map<std::string, std::unique_ptr<AnyFamily>> mistakes SALVE_GUARDED_BY(mu);
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Family<Counter>& Registry::Counters(std::string_view name, std::string_view help,
                                    const std::vector<std::string>& label_names) {
  return impl_->Get<metrics::Counters>(name, label_names, [&](prometheus::Registry& registry) {
    auto& real = prometheus::BuildCounter()
                     .Name(std::string(name))
                     .Help(std::string(help))
                     .Register(registry);
    return std::make_unique<metrics::Counters>(real, label_names);
  });
}

Family<Gauge>& Registry::Gauges(std::string_view name, std::string_view help,
                                const std::vector<std::string>& label_names) {
  return impl_->Get<metrics::Gauges>(name, label_names, [&](prometheus::Registry& registry) {
    auto& real =
        prometheus::BuildGauge().Name(std::string(name)).Help(std::string(help)).Register(registry);
    return std::make_unique<metrics::Gauges>(real, label_names);
  });
}

Family<Histogram>& Registry::Histograms(std::string_view name, std::string_view help,
                                        const std::vector<std::string>& label_names,
                                        const std::vector<double>& buckets) {
  return impl_->Get<metrics::Histograms>(name, label_names, [&](prometheus::Registry& registry) {
    auto& real = prometheus::BuildHistogram()
                     .Name(std::string(name))
                     .Help(std::string(help))
                     .Register(registry);
    return std::make_unique<metrics::Histograms>(real, label_names, buckets);
  });
}

std::string Registry::Serialize() const {
  return prometheus::TextSerializer().Serialize(impl_->shown.Collect());
}

Registry& Default() {
  static Registry* registry = new Registry;  // Never destroyed: threads may count until the end.
  return *registry;
}

const std::vector<double>& DurationBuckets() {
  static const std::vector<double> buckets = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                              1,     2.5,  5,     10,   30,  60};
  return buckets;
}

}  // namespace salve::metrics
