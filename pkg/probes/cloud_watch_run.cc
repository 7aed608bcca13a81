// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/probes/cloud_watch_answers.h"
#include "pkg/probes/measurement.h"
#include "pkg/probes/run.h"

namespace salve::probes {
namespace {

// Asks whoever reads metrics. That CloudWatch cannot be asked says nothing about the target.
class CloudWatchRun final : public Run {
 public:
  CloudWatchRun(LoopTools& tools, ProbeJob job, Done done)
      : Run(tools, std::move(job), std::move(done)) {}

 private:
  void Begin() override {
    MetricReader* reader = tools().options.metrics;
    if (reader == nullptr) return Finish(NotMeasured("metrics of CloudWatch are not read here"));
    // The answer may come when this run, or the loop, is over.
    reader->Read(job().ns, *job().probe.cloud_watch, deadline(),
                 [gate = tools().gate, weak = weak_from_this()](StatusOr<MetricValue> answer) {
                   gate->Post([weak, answer = std::move(answer)] {
                     const auto self = std::static_pointer_cast<CloudWatchRun>(weak.lock());
                     if (self != nullptr) self->Answered(answer);
                   });
                 });
  }

  void Answered(const StatusOr<MetricValue>& answer) {
    if (!finished()) Finish(JudgeCloudWatch(*job().probe.cloud_watch, answer));
  }

  void Close() override {}
  healing::Measurement Late() override {
    return NotMeasured("cloudwatch:GetMetricData: no answer within " + TimeoutText());
  }
};

}  // namespace

std::shared_ptr<Run> MakeCloudWatchRun(LoopTools& tools, ProbeJob job, Run::Done done) {
  return std::make_shared<CloudWatchRun>(tools, std::move(job), std::move(done));
}

}  // namespace salve::probes
