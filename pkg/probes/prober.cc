// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/prober.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "pkg/base/mutex.h"
#include "pkg/probes/measurement.h"
#include "pkg/probes/run.h"

namespace salve::probes {
namespace {

using boost::system::error_code;
using std::chrono::steady_clock;

// More at a time would only cost file descriptors: the rest waits its turn.
constexpr std::size_t kMaxRunning = 256;

// A job that is measured again and again.
struct Periodic {
  Periodic(asio::io_context& io, ProbeJob job_in, ResultCallback callback_in)
      : job(std::move(job_in)), callback(std::move(callback_in)), timer(io) {}

  ProbeJob job;
  ResultCallback callback;
  asio::steady_timer timer;
  steady_clock::time_point due;
  bool first = true;
  bool stopped = false;

  Duration Period() const {
    return std::chrono::seconds(std::max<std::int64_t>(1, job.probe.period_seconds));
  }
};

template <typename T, typename Same>
bool SameMember(const std::optional<T>& a, const std::optional<T>& b, Same same) {
  return a.has_value() == b.has_value() && (!a || same(*a, *b));
}

// Whether nothing changed that the running of the job depends on.
bool SameJob(const ProbeJob& a, const ProbeJob& b) {
  const auto& p = a.probe;
  const auto& q = b.probe;
  return a.target == b.target && p.period_seconds == q.period_seconds &&
         p.timeout_seconds == q.timeout_seconds && p.unhealthy_below == q.unhealthy_below &&
         SameMember(p.redis, q.redis,
                    [](const auto& x, const auto& y) {
                      return x.address == y.address && x.password == y.password;
                    }) &&
         SameMember(p.postgres, q.postgres,
                    [](const auto& x, const auto& y) {
                      return x.address == y.address && x.user == y.user &&
                             x.database == y.database && x.password == y.password;
                    }) &&
         SameMember(p.http, q.http,
                    [](const auto& x, const auto& y) {
                      return x.url == y.url && x.expected_status == y.expected_status &&
                             x.body_match == y.body_match &&
                             x.max_latency_millis == y.max_latency_millis;
                    }) &&
         SameMember(p.prometheus, q.prometheus,
                    [](const auto& x, const auto& y) {
                      return x.url == y.url && x.query == y.query && x.minimum == y.minimum &&
                             x.maximum == y.maximum && x.token == y.token;
                    }) &&
         SameMember(p.cloud_watch, q.cloud_watch,
                    [](const auto& x, const auto& y) {
                      return x.backend == y.backend && x.region == y.region &&
                             x.metric_namespace == y.metric_namespace &&
                             x.metric_name == y.metric_name && x.dimensions == y.dimensions &&
                             x.statistic == y.statistic &&
                             x.metric_period_seconds == y.metric_period_seconds &&
                             x.minimum == y.minimum && x.maximum == y.maximum;
                    }) &&
         SameMember(p.tcp, q.tcp,
                    [](const auto& x, const auto& y) { return x.address == y.address; }) &&
         SameMember(p.exec, q.exec, [](const auto& x, const auto& y) { return x.argv == y.argv; });
}

class ProberImpl final : public Prober {
 public:
  explicit ProberImpl(ProberOptions options) : work_(asio::make_work_guard(tools_.io)) {
    tools_.options = std::move(options);
    thread_ = std::thread([this] { tools_.io.run(); });
  }
  ~ProberImpl() override { Stop(); }

  void SetJobs(const std::string& ns, const std::string& policy, std::vector<ProbeJob> jobs,
               ResultCallback callback) override {
    asio::post(tools_.io, [this, group = std::make_pair(ns, policy), jobs = std::move(jobs),
                           callback = std::move(callback)]() mutable {
      if (!stopping_) Replace(group, std::move(jobs), callback);
    });
  }

  void MeasureOnce(const ProbeJob& job, ResultCallback callback) override {
    {
      MutexLock lock(mu_);
      if (!stopped_) {
        // Under the lock, so that Stop() cannot end the loop between the look and the post.
        asio::post(tools_.io, [this, job, callback = std::move(callback)]() mutable {
          Enqueue(job, std::move(callback), /*urgent=*/true);
        });
        return;
      }
    }
    healing::Measurement none = NotMeasured("Salve is stopping");
    none.at = tools_.options.clock->Now();
    callback(job, none);
  }

  healing::Measurement Measure(const ProbeJob& job) override {
    struct Waiter {
      Mutex mu;
      CondVar cv;
      std::optional<healing::Measurement> result;
    };
    const auto waiter = std::make_shared<Waiter>();
    MeasureOnce(job, [waiter](const ProbeJob&, const healing::Measurement& m) {
      MutexLock lock(waiter->mu);
      waiter->result = m;
      waiter->cv.NotifyAll();
    });
    MutexLock lock(waiter->mu);
    while (!waiter->result) waiter->cv.Wait(waiter->mu);
    return *waiter->result;
  }

  void Stop() override {
    {
      MutexLock lock(mu_);
      if (stopped_) return;
      stopped_ = true;
    }
    asio::post(tools_.io, [this] { StopOnLoop(); });
    thread_.join();
    tools_.gate->Close();
    tools_.lookups.Stop();
    tools_.commands.Stop();
    tools_.remote_secrets.Stop();
  }

 private:
  using Group = std::pair<std::string, std::string>;
  struct Queued {
    ProbeJob job;
    Run::Done done;
  };

  void Replace(const Group& group, std::vector<ProbeJob> jobs, const ResultCallback& callback) {
    auto& current = periodic_[group];
    std::map<std::string, std::shared_ptr<Periodic>> next;
    for (ProbeJob& job : jobs) {
      const std::string key = job.Key();
      const auto old = current.find(key);
      if (old != current.end() && SameJob(old->second->job, job)) {
        old->second->job = std::move(job);  // thresholds may differ; they are not ours
        old->second->callback = callback;
        next[key] = old->second;
        current.erase(old);
        continue;
      }
      const auto added = std::make_shared<Periodic>(tools_.io, std::move(job), callback);
      added->due = steady_clock::now();
      next[key] = added;
      Measure(added);
    }
    for (const auto& [key, gone] : current) StopPeriodic(*gone);
    if (next.empty()) {
      periodic_.erase(group);
    } else {
      current = std::move(next);
    }
  }

  static void StopPeriodic(Periodic& p) {
    p.stopped = true;
    p.timer.cancel();
  }

  void Measure(const std::shared_ptr<Periodic>& p) {
    Enqueue(
        p->job,
        [this, p](const ProbeJob& job, const healing::Measurement& m) {
          if (p->stopped || stopping_) return;
          p->callback(job, m);
          Schedule(p);
        },
        /*urgent=*/false);
  }

  // Every period from the first run on; the first interval is shortened at random, so that jobs
  // that began together drift apart. Never longer than the period: that is how late a fault may be
  // seen.
  void Schedule(const std::shared_ptr<Periodic>& p) {
    const Duration period = p->Period();
    Duration step = period;
    if (p->first) {
      p->first = false;
      const double part = 0.5 + 0.5 * tools_.options.random->Fraction();
      step = Duration(static_cast<Duration::rep>(static_cast<double>(period.count()) * part));
    }
    p->due += step;
    const auto now = steady_clock::now();
    while (p->due < now) p->due += period;  // a run that took longer than the period costs turns
    p->timer.expires_at(p->due);
    p->timer.async_wait([this, p](error_code error) {
      if (!error && !p->stopped && !stopping_) Measure(p);
    });
  }

  void Enqueue(ProbeJob job, Run::Done done, bool urgent) {
    if (stopping_) {
      healing::Measurement none = NotMeasured("Salve is stopping");
      none.at = tools_.options.clock->Now();
      return done(job, none);
    }
    // A caller that waits is served even when all places are taken.
    if (urgent || running_.size() < kMaxRunning) return Begin({std::move(job), std::move(done)});
    queue_.push_back({std::move(job), std::move(done)});
  }

  void Begin(Queued item) {
    auto slot = std::make_shared<std::shared_ptr<Run>>();
    const std::shared_ptr<Run> run =
        MakeRun(tools_, std::move(item.job),
                [this, slot, done = std::move(item.done)](const ProbeJob& job,
                                                          const healing::Measurement& m) {
                  running_.erase(*slot);
                  slot->reset();
                  done(job, m);
                  StartQueued();
                });
    *slot = run;
    running_.insert(run);
    run->Start();
  }

  void StartQueued() {
    while (!stopping_ && !queue_.empty() && running_.size() < kMaxRunning) {
      Queued item = std::move(queue_.front());
      queue_.pop_front();
      Begin(std::move(item));
    }
  }

  void StopOnLoop() {
    stopping_ = true;
    for (auto& [group, jobs] : periodic_) {
      for (auto& [key, p] : jobs) StopPeriodic(*p);
    }
    periodic_.clear();
    queue_.clear();  // only periodic jobs wait there: nobody is owed a result
    const auto running = running_;
    for (const auto& run : running) run->Abandon("Salve is stopping");
    work_.reset();
  }

  LoopTools tools_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;

  Mutex mu_;
  bool stopped_ SALVE_GUARDED_BY(mu_) = false;

  // The loop thread's own.
  bool stopping_ = false;
  std::map<Group, std::map<std::string, std::shared_ptr<Periodic>>> periodic_;
  std::set<std::shared_ptr<Run>> running_;
  std::deque<Queued> queue_;
};

}  // namespace

std::unique_ptr<Prober> Prober::Create(ProberOptions options) {
  return std::make_unique<ProberImpl>(std::move(options));
}

}  // namespace salve::probes
