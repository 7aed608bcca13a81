// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_RUN_H_
#define SALVE_PKG_PROBES_RUN_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "pkg/probes/blocking_pool.h"
#include "pkg/probes/loop_gate.h"
#include "pkg/probes/prober.h"

namespace salve::probes {

namespace asio = boost::asio;

// What runs share. Lives as long as the loop.
struct LoopTools {
  ProberOptions options;
  asio::io_context io{1};
  const std::shared_ptr<LoopGate> gate = std::make_shared<LoopGate>(io);
  BlockingPool lookups{2};
  BlockingPool commands{4};
  BlockingPool remote_secrets{4};  // what is far away must not hold up what is near
};

// One measurement under way. Everything happens on the loop's thread; a run keeps itself alive
// through the handlers of what it waits for.
class Run : public std::enable_shared_from_this<Run> {
 public:
  using Done = std::function<void(const ProbeJob&, const healing::Measurement&)>;

  Run(LoopTools& tools, ProbeJob job, Done done);
  virtual ~Run() = default;
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // `done` comes exactly once, at the latest when the probe's time-out is over; possibly at once.
  void Start();
  // Ends it now: could not be measured.
  void Abandon(const std::string& why);

 protected:
  // Begins the measuring; ends in Finish().
  virtual void Begin() = 0;
  // Lets go of sockets, so that pending handlers come back.
  virtual void Close() = 0;
  // What it means that the time-out is over now.
  virtual healing::Measurement Late() = 0;

  void Finish(healing::Measurement measurement);
  bool finished() const { return finished_; }
  const ProbeJob& job() const { return job_; }
  LoopTools& tools() { return tools_; }
  MonoTime deadline() const { return deadline_; }
  std::string TimeoutText() const;  // "2 s"

  // Runs `work` on a pool and `then` with its result on the loop, unless the run is over by then.
  template <typename T>
  void InBackground(BlockingPool& pool, std::function<T()> work, std::function<void(T)> then) {
    auto self = shared_from_this();
    const bool posted = pool.Post([this, self, work = std::move(work), then = std::move(then)] {
      auto result = std::make_shared<T>(work());
      asio::post(tools_.io, [this, self, result, then] {
        if (!finished_) then(std::move(*result));
      });
    });
    if (!posted) Abandon("Salve is stopping");
  }

 private:
  LoopTools& tools_;
  const ProbeJob job_;
  Done done_;
  asio::steady_timer timer_;
  MonoTime started_;
  MonoTime deadline_;
  bool finished_ = false;
};

// A run that talks to a TCP service: "host:port" is resolved, checked against the address policy,
// and exactly the checked address is connected to.
class NetworkRun : public Run {
 public:
  NetworkRun(LoopTools& tools, ProbeJob job, Done done);

 protected:
  // Leads to Connected() or, where that fails, to Finish().
  void Connect(const std::string& host, int port);
  // For libraries that connect themselves: resolves and checks only.
  void Locate(const std::string& host, int port);
  // Reads the secret and goes on with Authenticated(); at once where there is none.
  void ReadPassword(const std::optional<apis::salve::v1alpha1::SecretSource>& source);
  // The service has refused what ReadPassword read.
  void PasswordRefused();

  virtual void Connected() {}
  // The addresses that may be used, at least one. Connects to them in turn unless overridden.
  virtual void Located(const std::vector<asio::ip::tcp::endpoint>& endpoints);
  virtual void Authenticated(const std::string& /*password*/) {}
  // What it means that the service cannot be reached or does not answer. It is ill, unless it is
  // only asked about another.
  virtual healing::Measurement Unreachable(const std::string& why);

  void Close() override;
  healing::Measurement Late() override;

  asio::ip::tcp::socket socket_;
  std::string where_;  // "127.0.0.1:6380", as the policy names it

 private:
  void Allow(const std::vector<asio::ip::tcp::endpoint>& endpoints);
  void TryNext();

  std::optional<apis::salve::v1alpha1::SecretSource> secret_;

  enum class Stage { kSecret, kLookup, kConnect, kTalk };
  Stage stage_ = Stage::kLookup;
  std::vector<asio::ip::tcp::endpoint> endpoints_;
  std::size_t next_ = 0;
};

// "host:port" or "[v6]:port"; kInvalidArgument otherwise.
struct HostPort {
  std::string host;
  int port = 0;
};
StatusOr<HostPort> ParseHostPort(const std::string& address);

std::shared_ptr<Run> MakeRedisRun(LoopTools& tools, ProbeJob job, Run::Done done);
std::shared_ptr<Run> MakePostgresRun(LoopTools& tools, ProbeJob job, Run::Done done);
std::shared_ptr<Run> MakeHttpRun(LoopTools& tools, ProbeJob job, Run::Done done);
std::shared_ptr<Run> MakePrometheusRun(LoopTools& tools, ProbeJob job, Run::Done done);
std::shared_ptr<Run> MakeCloudWatchRun(LoopTools& tools, ProbeJob job, Run::Done done);
std::shared_ptr<Run> MakeTcpRun(LoopTools& tools, ProbeJob job, Run::Done done);
std::shared_ptr<Run> MakeExecRun(LoopTools& tools, ProbeJob job, Run::Done done);
// The right one for the job's probe.
std::shared_ptr<Run> MakeRun(LoopTools& tools, ProbeJob job, Run::Done done);

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_RUN_H_
