// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/mutex.h"
#include "pkg/probes/cloud_watch_answers.h"
#include "pkg/probes/prober.h"

namespace salve::probes {
namespace {

using apis::salve::v1alpha1::CloudWatchProbe;
using healing::HealthState;
using healing::Measurement;
using ::testing::HasSubstr;

CloudWatchProbe Errors() {
  CloudWatchProbe probe;
  probe.backend = "aws";
  probe.metric_namespace = "Shop";
  probe.metric_name = "Errors";
  probe.statistic = "Sum";
  probe.maximum = 5;
  return probe;
}

TEST(JudgeCloudWatch, AValueWithinItsBoundsIsHealth) {
  const Measurement m = JudgeCloudWatch(Errors(), MetricValue(5));
  EXPECT_EQ(m.state, HealthState::kHealthy);
  EXPECT_EQ(m.health, 100);
  EXPECT_THAT(m.message, HasSubstr("Sum of Shop Errors is 5"));
  ASSERT_EQ(m.metrics.size(), 1U);
  EXPECT_EQ(m.metrics[0].name, "cloudwatch.value");
}

TEST(JudgeCloudWatch, AValueOutsideIsIll) {
  EXPECT_EQ(JudgeCloudWatch(Errors(), MetricValue(5.5)).state, HealthState::kUnhealthy);
  CloudWatchProbe few = Errors();
  few.maximum.reset();
  few.minimum = 1;
  const Measurement m = JudgeCloudWatch(few, MetricValue(0));
  EXPECT_EQ(m.state, HealthState::kUnhealthy);
  EXPECT_THAT(m.message, HasSubstr("is 0, below 1"));
}

TEST(JudgeCloudWatch, NoDataIsNeitherHealthNorIllness) {
  const Measurement none = JudgeCloudWatch(Errors(), MetricValue());
  EXPECT_EQ(none.state, HealthState::kUnknown);
  EXPECT_THAT(none.message, HasSubstr("no data for Sum of Shop Errors"));
  EXPECT_EQ(JudgeCloudWatch(Errors(), MetricValue(std::numeric_limits<double>::quiet_NaN())).state,
            HealthState::kUnknown);
}

TEST(JudgeCloudWatch, ARefusalNamesTheCall) {
  const Measurement m = JudgeCloudWatch(
      Errors(), PermissionDeniedError("cloudwatch:GetMetricData in eu-central-1: AccessDenied"));
  EXPECT_EQ(m.state, HealthState::kUnknown);
  EXPECT_THAT(m.message, HasSubstr("cloudwatch:GetMetricData"));
}

// Answers when the test says so, from the test's thread.
class HeldReader final : public MetricReader {
 public:
  void Read(const std::string& ns, const CloudWatchProbe& probe, MonoTime, Done done) override {
    MutexLock lock(mu_);
    asked = ns + " " + probe.metric_name;
    done_ = std::move(done);
    cv_.NotifyAll();
  }
  Done Take() {
    MutexLock lock(mu_);
    while (!done_) cv_.Wait(mu_);
    return std::exchange(done_, nullptr);
  }
  std::string asked;

 private:
  Mutex mu_;
  CondVar cv_;
  Done done_;
};

class NoSecrets final : public SecretReader {
  StatusOr<std::string> Read(const apis::salve::v1alpha1::SecretSource&,
                             const std::string&) override {
    return NotFoundError("none");
  }
};

class CloudWatchProbing : public ::testing::Test {
 protected:
  CloudWatchProbing() {
    ProberOptions options;
    options.secrets = &secrets_;
    options.metrics = &reader_;
    options.clock = &SystemClock();
    options.random = &SystemRandom();
    prober_ = Prober::Create(std::move(options));
    job_.ns = "shop";
    job_.policy = "web";
    job_.probe.name = "errors";
    job_.probe.timeout_seconds = 60;
    job_.probe.cloud_watch = Errors();
  }

  NoSecrets secrets_;
  HeldReader reader_;
  std::unique_ptr<Prober> prober_;
  ProbeJob job_;
};

TEST_F(CloudWatchProbing, TheReadersAnswerIsTheMeasurement) {
  Measurement measured;
  std::thread waiting([&] { measured = prober_->Measure(job_); });
  reader_.Take()(MetricValue(7));
  waiting.join();
  EXPECT_EQ(measured.state, HealthState::kUnhealthy);
  EXPECT_EQ(reader_.asked, "shop Errors");
}

TEST_F(CloudWatchProbing, AnAnswerAfterTheEndHarmsNobody) {
  Measurement measured;
  std::thread waiting([&] { measured = prober_->Measure(job_); });
  MetricReader::Done late = reader_.Take();
  prober_->Stop();
  waiting.join();
  EXPECT_EQ(measured.state, HealthState::kUnknown);
  prober_.reset();
  late(MetricValue(7));
}

TEST_F(CloudWatchProbing, WithoutAnAnswerItCouldNotBeMeasured) {
  job_.probe.timeout_seconds = 1;
  const Measurement m = prober_->Measure(job_);
  EXPECT_EQ(m.state, HealthState::kUnknown);
  EXPECT_THAT(m.message, HasSubstr("cloudwatch:GetMetricData: no answer within"));
}

}  // namespace
}  // namespace salve::probes
