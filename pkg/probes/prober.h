// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_PROBER_H_
#define SALVE_PKG_PROBES_PROBER_H_

#include <functional>
#include <memory>
#include <string>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/base/status.h"
#include "pkg/healing/types.h"
#include "pkg/probes/metric_reader.h"

namespace salve::probes {

// Reads the secret values that probes need. Thread-safe. Errors name the source, never the value.
class SecretReader {
 public:
  virtual ~SecretReader() = default;
  virtual StatusOr<std::string> Read(const apis::salve::v1alpha1::SecretSource& source,
                                     const std::string& ns) = 0;
  // The value was refused by whom it is for: perhaps it was rotated. A reader that remembers values
  // reads it anew for the next Read, now and then. Returns at once.
  virtual void Refused(const apis::salve::v1alpha1::SecretSource& /*source*/) {}
};

// Runs a command in a target (exec probes); blocking, called from a small pool.
using ExecRunner = std::function<StatusOr<healing::ActionResult>(
    const apis::salve::v1alpha1::TargetRef&, const std::vector<std::string>& argv,
    MonoTime deadline)>;

// Decides whether an address may be probed: called with each resolved IP right before connecting to
// exactly that IP (no second resolution). A non-OK status refuses, its message says by which rule.
using AddressPolicy = std::function<Status(const std::string& ns, const std::string& ip)>;

struct ProbeJob {
  std::string ns;  // the policy's namespace
  std::string policy;
  apis::salve::v1alpha1::TargetRef target;
  apis::salve::v1alpha1::Probe probe;

  // "ns/policy/backend/target/probe": identity of the job.
  std::string Key() const;
};

// Called on the prober's thread; must return quickly.
using ResultCallback = std::function<void(const ProbeJob& job, const healing::Measurement&)>;

struct ProberOptions {
  SecretReader* secrets = nullptr;  // required; outlives the prober
  MetricReader* metrics = nullptr;  // of cloudWatch probes; outlives the prober
  ExecRunner exec;
  AddressPolicy address_policy;  // empty: everything allowed
  Clock* clock = nullptr;        // wall time of results; periods run on the loop's own timers
  Random* random = nullptr;      // jitter
  std::size_t max_body_bytes = 64u << 10;
};

// Runs all probes on one asynchronous loop (one thread; a few more for blocking exec probes,
// started on demand). Thread-safe.
class Prober {
 public:
  static std::unique_ptr<Prober> Create(ProberOptions options);
  virtual ~Prober() = default;

  // Makes the set of periodic jobs of one policy be exactly `jobs`: new ones start within a
  // jittered fraction of their period (first run at once), changed ones restart, missing ones stop.
  // Unchanged ones are not disturbed.
  virtual void SetJobs(const std::string& ns, const std::string& policy, std::vector<ProbeJob> jobs,
                       ResultCallback callback) = 0;

  // One fresh measurement, independent of the periodic ones; the callback comes exactly once, at
  // the latest after the probe's own timeout.
  virtual void MeasureOnce(const ProbeJob& job, ResultCallback callback) = 0;

  // The same, waiting. For reconcilers.
  virtual healing::Measurement Measure(const ProbeJob& job) = 0;

  virtual void Stop() = 0;
};

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_PROBER_H_
