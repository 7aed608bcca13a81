// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/metric_caller.h"

#include <future>
#include <memory>
#include <set>
#include <utility>

#include "controller/runtime/aws_account.h"
#include "controller/runtime/cloud_watch.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/random.h"
#include "pkg/base/time_format.h"

namespace salve::runtime {
namespace {

using apis::salve::v1alpha1::CloudWatchProbe;
using Json = nlohmann::json;
using probes::MetricValue;
using std::chrono::seconds;
using ::testing::HasSubstr;

CloudWatchProbe Probe(const std::string& metric, std::int64_t period = 60) {
  CloudWatchProbe probe;
  probe.backend = "aws";
  probe.metric_namespace = "Shop";
  probe.metric_name = metric;
  probe.statistic = "Sum";
  probe.metric_period_seconds = period;
  probe.dimensions = {{"Service", "web"}};
  return probe;
}

MonoTime Soon() { return SystemClock().Monotonic() + seconds(60); }

// Takes a call's body and answers each of its metrics with the number in its name, as of the last
// minute that is over.
class Service {
 public:
  MetricCaller::Call AsCall() {
    return [this](const Json& body, MonoTime, const std::stop_token&) -> StatusOr<Json> {
      MutexLock lock(mu_);
      bodies_.push_back(body);
      Json results = Json::array();
      for (const Json& query : body["MetricDataQueries"]) {
        const std::string name = query["MetricStat"]["Metric"]["MetricName"];
        const std::int64_t period = query["MetricStat"]["Period"];
        results.push_back({{"Id", query["Id"]},
                           {"Timestamps", {body["EndTime"].get<std::int64_t>() - period}},
                           {"Values", {std::stod(name)}},
                           {"StatusCode", "Complete"}});
      }
      return Json{{"MetricDataResults", results}};
    };
  }
  std::vector<Json> bodies() {
    MutexLock lock(mu_);
    return bodies_;
  }

 private:
  Mutex mu_;
  std::vector<Json> bodies_ SALVE_GUARDED_BY(mu_);
};

std::future<StatusOr<MetricValue>> Ask(MetricCaller& caller, const CloudWatchProbe& probe) {
  auto promise = std::make_shared<std::promise<StatusOr<MetricValue>>>();
  caller.Ask(probe, Soon(),
             [promise](StatusOr<MetricValue> value) { promise->set_value(std::move(value)); });
  return promise->get_future();
}

TEST(MetricCaller, QuestionsOfAMomentShareCallsAndEachGetsItsOwnValue) {
  Service service;
  MetricCaller caller(service.AsCall(), SystemClock());
  std::vector<std::future<StatusOr<MetricValue>>> answers;
  for (int i = 0; i < 200; ++i) answers.push_back(Ask(caller, Probe(std::to_string(i % 100))));
  for (int i = 0; i < 200; ++i) {
    const auto value = answers[static_cast<std::size_t>(i)].get();
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_EQ(*value, MetricValue(i % 100));
  }
  const std::vector<Json> bodies = service.bodies();
  EXPECT_LE(bodies.size(), 4U) << "not one call for each";
  const Json& query = bodies.front()["MetricDataQueries"][0]["MetricStat"];
  EXPECT_EQ(query["Stat"], "Sum");
  EXPECT_EQ(query["Metric"]["Dimensions"], Json::array({{{"Name", "Service"}, {"Value", "web"}}}));
}

TEST(MetricCaller, MetricsOfDifferentPeriodsAreAskedForApart) {
  Service service;
  MetricCaller caller(service.AsCall(), SystemClock());
  auto one = Ask(caller, Probe("1", 60));
  auto other = Ask(caller, Probe("2", 300));
  EXPECT_EQ(*one.get(), MetricValue(1));
  EXPECT_EQ(*other.get(), MetricValue(2));
  std::set<std::int64_t> periods;
  for (const Json& body : service.bodies()) {
    for (const Json& query : body["MetricDataQueries"]) {
      periods.insert(query["MetricStat"]["Period"].get<std::int64_t>());
    }
    EXPECT_EQ(body["MetricDataQueries"].size(), 1U);
  }
  EXPECT_EQ(periods, (std::set<std::int64_t>{60, 300}));
}

TEST(MetricCaller, AFailedCallIsEverybodysAnswer) {
  MetricCaller caller(
      [](const Json&, MonoTime, const std::stop_token&) -> StatusOr<Json> {
        return PermissionDeniedError("cloudwatch:GetMetricData: AccessDenied");
      },
      SystemClock());
  auto one = Ask(caller, Probe("1"));
  auto other = Ask(caller, Probe("2"));
  EXPECT_THAT(one.get().status().message(), HasSubstr("cloudwatch:GetMetricData"));
  EXPECT_EQ(other.get().code(), Code::kPermissionDenied);
}

TEST(MetricCaller, WhoeverWaitsAtTheEndIsAnswered) {
  Service service;
  MetricCaller caller(service.AsCall(), SystemClock());
  caller.Stop();
  EXPECT_EQ(Ask(caller, Probe("1")).get().code(), Code::kUnavailable);
}

TEST(MetricCaller, OnlyTheNewestPeriodThatIsOverCounts) {
  const WallTime now = *ParseTime("2026-11-21T12:00:30Z");
  const Json body = MetricCaller::Body({Json::object()}, 60, now);
  const std::int64_t end = body["EndTime"];
  EXPECT_EQ(end % 60, 0);
  EXPECT_EQ(end - body["StartTime"].get<std::int64_t>(), 360);
  const auto newest = [&](const Json& times, const Json& values) {
    const Json answer = {
        {"MetricDataResults",
         Json::array({{{"Id", "m0"}, {"Timestamps", times}, {"Values", values}}})}};
    return MetricCaller::Values(answer, 1, 60, now).front();
  };
  EXPECT_EQ(*newest({end, end - 60, end - 120}, {9, 2, 1}), MetricValue(2));
  EXPECT_EQ(*newest({end - 120, end - 60}, {1, 2}), MetricValue(2)) << "in any order";
  EXPECT_EQ(*newest({end - 900}, {7}), MetricValue()) << "too old to say anything of now";
  EXPECT_EQ(*newest({"2026-11-21T11:59:00Z"}, {3}), MetricValue(3)) << "a time as a text";
  EXPECT_EQ(*newest(Json::array(), Json::array()), MetricValue());
  EXPECT_EQ(*MetricCaller::Values(Json::object(), 1, 60, now).front(), MetricValue());
}

TEST(MetricCaller, ARefusalOfOneMetricIsItsOwn) {
  const Json answer = {
      {"MetricDataResults", Json::array({{{"Id", "m0"}, {"StatusCode", "Forbidden"}},
                                         {{"Id", "m1"}, {"StatusCode", "InternalError"}}})}};
  const auto values = MetricCaller::Values(answer, 3, 60, *ParseTime("2026-11-21T12:00:30Z"));
  EXPECT_EQ(values[0].code(), Code::kPermissionDenied);
  EXPECT_EQ(values[1].code(), Code::kUnavailable);
  EXPECT_EQ(*values[2], MetricValue());
}

TEST(CloudWatch, ABackendThatIsNotOpenOrNotThereIsNotAsked) {
  apis::config::v1alpha1::ControllerConfiguration configuration;
  auto& backend = configuration.backends.emplace_back();
  backend.name = "aws";
  backend.ecs.emplace().region = "eu-central-1";
  CloudWatch metrics(
      configuration, [](const std::string&, const std::string& ns) { return ns == "shop"; },
      AwsPlatform(SystemClock(), SystemRandom()));
  const auto read = [&](const std::string& ns, const CloudWatchProbe& probe) {
    Status status;
    metrics.Read(ns, probe, Soon(),
                 [&](const StatusOr<MetricValue>& value) { status = value.status(); });
    return status;
  };
  EXPECT_EQ(read("other", Probe("1")).code(), Code::kPermissionDenied);
  EXPECT_THAT(read("other", Probe("1")).message(), HasSubstr("not open to namespace \"other\""));
  CloudWatchProbe nowhere = Probe("1");
  nowhere.backend = "nowhere";
  EXPECT_EQ(read("shop", nowhere).code(), Code::kNotFound);
}

}  // namespace
}  // namespace salve::runtime
