// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/probes/prometheus_answers.h"

namespace salve::probes {
namespace {

using healing::HealthState;
using ::testing::HasSubstr;

healing::Measurement JudgeText(const std::string& body, int status = 200, bool cut = false) {
  apis::salve::v1alpha1::PrometheusProbe probe;
  probe.minimum = 1;
  probe.maximum = 10;
  return JudgePrometheus(probe, status, body, cut);
}
// As Prometheus 2.42 answers an instant query.
std::string Vector(const std::string& value, const std::string& more = "") {
  return R"({"status":"success","data":{"resultType":"vector","result":[{"metric":)"
         R"({"__name__":"up","instance":"a:1"},"value":[1796126400.781,")" +
         value + "\"]}" + more + "]}}";
}

TEST(PrometheusAnswer, IsHealthyWhileEverySampleIsWithinBounds) {
  const auto well = JudgeText(Vector("1"));
  EXPECT_EQ(well.state, HealthState::kHealthy);
  EXPECT_EQ(well.health, 100);
  EXPECT_EQ(well.metrics.at(0).name, "prometheus.value");
  const auto ill = JudgeText(Vector("1", R"(,{"metric":{},"value":[1,"10.5"]})"));
  EXPECT_EQ(ill.state, HealthState::kUnhealthy);
  EXPECT_THAT(ill.message, HasSubstr("value is 10.5, above 10"));
  EXPECT_THAT(JudgeText(Vector("0")).message, HasSubstr("up{instance=\"a:1\"} is 0, below 1"));
  EXPECT_EQ(JudgeText(Vector("+Inf")).state, HealthState::kUnhealthy);
  EXPECT_EQ(JudgeText(Vector("-Inf")).state, HealthState::kUnhealthy);
}

TEST(PrometheusAnswer, OfARangeTheNewestSampleCounts) {
  EXPECT_EQ(JudgeText(R"({"status":"success","data":{"resultType":"matrix","result":[
                         {"metric":{},"values":[[1,"99"],[2,"5"]]}]}})")
                .state,
            HealthState::kHealthy);
  EXPECT_EQ(
      JudgeText(R"({"status":"success","data":{"resultType":"scalar","result":[1,"11"]}})").state,
      HealthState::kUnhealthy);
}

healing::Measurement JudgeRange(const char* judge, const std::string& points,
                                const std::string& more = "") {
  apis::salve::v1alpha1::PrometheusProbe probe;
  probe.minimum = 1;
  probe.maximum = 10;
  probe.range.emplace().judge = judge;
  return JudgePrometheus(
      probe, 200,
      R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":)" +
          points + "}" + more + "]}}",
      false);
}

TEST(PrometheusAnswer, OfAQueryOverARangeThatIsJudgedWhichTheProbeSays) {
  const std::string dip = R"([[1,"5"],[2,"0.5"],[3,"5"]])";
  const auto every = JudgeRange("Every", dip);
  EXPECT_EQ(every.state, HealthState::kUnhealthy);
  EXPECT_THAT(every.message, HasSubstr("is 0.5, below 1"));
  EXPECT_EQ(JudgeRange("Newest", dip).state, HealthState::kHealthy);
  const auto mean = JudgeRange("Average", dip);
  EXPECT_EQ(mean.state, HealthState::kHealthy);
  EXPECT_THAT(mean.message, HasSubstr("value 3.5"));
  EXPECT_EQ(JudgeRange("Average", R"([[1,"1"],[2,"0.5"]])").state, HealthState::kUnhealthy);
  EXPECT_EQ(JudgeRange("Newest", R"([[1,"5"],[2,"11"]])").state, HealthState::kUnhealthy);
}

TEST(PrometheusAnswer, OfEachSeriesOfARangeThePointsCount) {
  const std::string sick = R"(,{"metric":{"instance":"b:1"},"values":[[1,"5"],[2,"20"]]})";
  EXPECT_EQ(JudgeRange("Every", R"([[1,"5"]])", sick).state, HealthState::kUnhealthy);
  EXPECT_THAT(JudgeRange("Average", R"([[1,"5"]])", sick).message, HasSubstr("is 12.5, above 10"));
}

TEST(PrometheusAnswer, ARangeWithoutPointsOrWithoutNumbersIsNotJudged) {
  for (const char* judge : {"Every", "Newest", "Average"}) {
    EXPECT_EQ(JudgeRange(judge, "[]").state, HealthState::kUnknown) << judge;
    EXPECT_EQ(JudgeRange(judge, R"([[1,"5"],[2,"NaN"]])").state, HealthState::kUnknown) << judge;
    EXPECT_EQ(JudgeRange(judge, R"([[1,5]])").state, HealthState::kUnknown) << judge;
    EXPECT_EQ(JudgeRange(judge, R"({"1":2})").state, HealthState::kUnknown) << judge;
  }
}

struct Unusable {
  const char* what;
  std::string body;
  int status;
  const char* want;
};
class UnusableAnswer : public ::testing::TestWithParam<Unusable> {};
TEST_P(UnusableAnswer, CouldNotBeMeasured) {
  const auto m = JudgeText(GetParam().body, GetParam().status);
  EXPECT_EQ(m.state, HealthState::kUnknown) << GetParam().what;
  EXPECT_THAT(m.message, HasSubstr(GetParam().want)) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    All, UnusableAnswer,
    ::testing::Values(
        Unusable{"no result", R"({"status":"success","data":{"resultType":"vector","result":[]}})",
                 200, "no result"},
        Unusable{"an empty series",
                 R"({"status":"success","data":{"resultType":"matrix","result":[{"values":[]}]}})",
                 200, "no result"},
        Unusable{"NaN", Vector("NaN"), 200, "not a number"},
        Unusable{"an error", R"({"status":"error","errorType":"bad_data","error":"parse error"})",
                 400, "bad_data: parse error"},
        Unusable{"a page", "<html>login</html>", 200, "not an answer of Prometheus"},
        Unusable{"a proxy's error", "{}", 502, "status 502"},
        Unusable{"a text",
                 R"({"status":"success","data":{"resultType":"string","result":[1,"x"]}})", 200,
                 "neither a vector nor a scalar"},
        Unusable{
            "a value of another type",
            R"({"status":"success","data":{"resultType":"vector","result":[{"value":[1,2]}]}})",
            200, "neither"},
        Unusable{"a result of another type",
                 R"({"status":"success","data":{"resultType":"vector","result":{}}})", 200,
                 "neither"},
        Unusable{"nothing", "", 200, "not an answer"}));

TEST(PrometheusAnswer, ThatWasCutIsNotJudged) {
  EXPECT_THAT(JudgeText(Vector("1"), 200, true).message, HasSubstr("too large"));
}

}  // namespace
}  // namespace salve::probes
