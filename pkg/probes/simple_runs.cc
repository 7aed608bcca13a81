// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/probes/measurement.h"
#include "pkg/probes/run.h"

// tcp and exec.
namespace salve::probes {
namespace {

using healing::ActionResult;

// Healthy iff the connection is accepted.
class TcpRun final : public NetworkRun {
 public:
  using NetworkRun::NetworkRun;

 private:
  void Begin() override {
    const auto address = ParseHostPort(job().probe.tcp->address);
    if (!address.ok()) return Finish(NotMeasured(address.status().message()));
    Connect(address->host, address->port);
  }
  void Connected() override { Finish(Well(where_ + " accepts connections")); }
};

// Healthy iff the command in the target ends with 0.
class ExecRun final : public Run {
 public:
  using Run::Run;

 private:
  void Begin() override {
    if (!job().probe.exec) return Finish(NotMeasured("the probe has no kind"));
    const ExecRunner& exec = tools().options.exec;
    if (!exec) return Finish(NotMeasured("commands cannot be run here"));
    InBackground<StatusOr<ActionResult>>(
        tools().commands,
        [exec, target = job().target, argv = job().probe.exec->argv, until = deadline()] {
          return exec(target, argv, until);
        },
        [this](StatusOr<ActionResult> result) { Judge(std::move(result)); });
  }

  void Judge(StatusOr<ActionResult> result) {
    if (!result.ok()) return Finish(NotMeasured(result.status().message()));
    if (result->outcome != ActionResult::Outcome::kApplied) {
      return Finish(NotMeasured(result->message));
    }
    if (result->exit_code == 0) return Finish(Well("the command ended with 0"));
    const std::string& said =
        result->stderr_text.empty() ? result->stdout_text : result->stderr_text;
    Finish(Ill("the command ended with " + std::to_string(result->exit_code) +
               (said.empty() ? "" : ": " + said)));
  }

  void Close() override {}
  healing::Measurement Late() override {
    return Ill("the command timed out, it did not end within " + TimeoutText());
  }
};

}  // namespace

std::shared_ptr<Run> MakeTcpRun(LoopTools& tools, ProbeJob job, Run::Done done) {
  return std::make_shared<TcpRun>(tools, std::move(job), std::move(done));
}

std::shared_ptr<Run> MakeExecRun(LoopTools& tools, ProbeJob job, Run::Done done) {
  return std::make_shared<ExecRun>(tools, std::move(job), std::move(done));
}

}  // namespace salve::probes
