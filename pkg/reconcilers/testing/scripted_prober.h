// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_TESTING_SCRIPTED_PROBER_H_
#define SALVE_PKG_RECONCILERS_TESTING_SCRIPTED_PROBER_H_

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/probes/prober.h"

namespace salve::reconcilers::testing {

// A prober without a loop: runs what is due when it is told to, and measures what the test says.
// Keeps the periods of production: unchanged jobs are not disturbed, new ones run at once. One
// thread.
class ScriptedProber final : public probes::Prober {
 public:
  using Measure_ = std::function<healing::Measurement(const probes::ProbeJob&)>;

  ScriptedProber(Clock& clock, Measure_ measure) : clock_(clock), measure_(std::move(measure)) {}

  void SetJobs(const std::string& ns, const std::string& policy, std::vector<probes::ProbeJob> jobs,
               probes::ResultCallback callback) override {
    Entry next;
    next.callback = std::move(callback);
    Entry& entry = policies_[{ns, policy}];
    for (probes::ProbeJob& job : jobs) {
      const auto old = std::find_if(entry.jobs.begin(), entry.jobs.end(),
                                    [&](const Job& known) { return known.job.Key() == job.Key(); });
      const MonoTime due = old == entry.jobs.end() ? clock_.Monotonic() : old->due;
      next.jobs.push_back({std::move(job), due});
    }
    entry = std::move(next);
  }
  void MeasureOnce(const probes::ProbeJob& job, probes::ResultCallback callback) override {
    callback(job, measure_(job));
  }
  healing::Measurement Measure(const probes::ProbeJob& job) override { return measure_(job); }
  void Stop() override { policies_.clear(); }

  // Runs every job that is due; true if there was one.
  bool RunDue() {
    std::vector<std::pair<probes::ProbeJob, probes::ResultCallback>> due;
    for (auto& [key, entry] : policies_) {
      for (Job& job : entry.jobs) {
        if (job.due > clock_.Monotonic()) continue;
        job.due = clock_.Monotonic() + std::chrono::seconds(job.job.probe.period_seconds);
        due.emplace_back(job.job, entry.callback);
      }
    }
    for (const auto& [job, callback] : due) callback(job, measure_(job));
    return !due.empty();
  }
  MonoTime NextDue() const {
    MonoTime next = MonoTime::max();
    for (const auto& [key, entry] : policies_) {
      for (const Job& job : entry.jobs) next = std::min(next, job.due);
    }
    return next;
  }

 private:
  struct Job {
    probes::ProbeJob job;
    MonoTime due;
  };
  struct Entry {
    std::vector<Job> jobs;
    probes::ResultCallback callback;
  };

  Clock& clock_;
  const Measure_ measure_;
  std::map<std::pair<std::string, std::string>, Entry> policies_;
};

}  // namespace salve::reconcilers::testing

#endif  // SALVE_PKG_RECONCILERS_TESTING_SCRIPTED_PROBER_H_
