// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/log.h"

namespace salve::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, SeriesAreShownInTheExpositionFormat) {
  Registry registry;
  auto& adds = registry.Counters("workqueue_adds_total", "Items added.", {"name"});
  adds.With({"incident"}).Increment();
  adds.With({"incident"}).Increment(2);
  registry.Gauges("workqueue_depth", "Items waiting.").With({}).Set(4);
  registry.Histograms("t_seconds", "Time.", {}, {0.1, 1}).With({}).Observe(0.5);
  const std::string text = registry.Serialize();
  EXPECT_THAT(text, HasSubstr("# HELP workqueue_adds_total Items added.\n"
                              "# TYPE workqueue_adds_total counter\n"
                              "workqueue_adds_total{name=\"incident\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("workqueue_depth 4\n"));
  EXPECT_THAT(text, HasSubstr("t_seconds_bucket{le=\"1\"} 1\n"));
}

TEST(Metrics, TheSameNameIsTheSameFamily) {
  Registry registry;
  registry.Counters("a_total", "A.").With({}).Increment();
  registry.Counters("a_total", "A.").With({}).Increment();
  EXPECT_EQ(registry.Counters("a_total", "A.").With({}).Value(), 2);
}

TEST(Metrics, AContradictingRegistrationIsLoggedAndHarmless) {
  Registry registry;
  registry.Counters("a_total", "A.", {"x"});
  std::string logged;
  SetLogWriterForTest([&](std::string_view line) { logged = line; });
  registry.Gauges("a_total", "A.").With({}).Set(7);
  registry.Counters("a_total", "A.", {"y"}).With({"1"}).Increment();
  SetLogWriterForTest({});
  EXPECT_THAT(logged, HasSubstr("a_total"));
  EXPECT_THAT(registry.Serialize(), Not(HasSubstr("7")));
}

TEST(Metrics, TheNumberOfSeriesIsBounded) {
  Registry registry;
  auto& family = registry.Counters("a_total", "A.", {"who"});
  for (int i = 0; i < 5000; ++i) family.With({"visitor" + std::to_string(i)}).Increment();
  EXPECT_EQ(family.With({"other"}).Value(), 4000);
  EXPECT_THAT(registry.Serialize(), Not(HasSubstr("visitor1000")));
  family.With({"too", "many"}).Increment();
  EXPECT_EQ(family.With({"other"}).Value(), 4001);
}

}  // namespace
}  // namespace salve::metrics
