// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_INSPECTOR_H_
#define SALVE_PKG_BACKENDS_ECS_INSPECTOR_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pkg/backends/ecs/reader.h"
#include "pkg/backends/ecs/service_health.h"
#include "pkg/backends/ecs/view.h"
#include "pkg/base/clock.h"

namespace salve::backends::ecs {

// Looks closer at services that seem well: a task that fails its health check, or that its load
// balancer sends nothing to, is a running one for DescribeServices. For the poller's thread alone.
//
// Only services whose tasks have a health check or a load balancer are looked into, and only within
// a rate of their own (CallRate::MayInspect); those that are known to be ill come first, then those
// that wait for longest. The tasks of a steady service are the same until its events say otherwise,
// so they are listed once, and a hundred of a cluster are described with one call.
class Inspector {
 public:
  // What is refused is asked for again after so long.
  static constexpr std::chrono::minutes kRefusedPeriod{5};

  // `period`: how often a service is due. All references outlive the inspector.
  Inspector(const Reader& reader, CallRate& rate, const View& view, Clock& clock, Duration period)
      : reader_(reader), rate_(rate), view_(view), clock_(clock), period_(period) {}

  // Whether a steady service, as it was just described, is to be looked into now.
  bool Wants(const ServiceName& name, const Service& service);

  // Such a service.
  struct Candidate {
    ServiceName name;
    Snapshot snapshot;
    MonoTime read_at;
  };
  // Those that could be looked into, with tasks and targets filled in. A call that fails leaves its
  // services for the next time.
  std::vector<Candidate> Inspect(std::vector<Candidate> candidates, const CallContext& context);

  // Forgets the services that were no candidates for long.
  void Tidy();

 private:
  struct Known {
    std::string deployment;
    std::optional<WallTime> newest_event;
    std::optional<std::vector<std::string>> tasks;  // ARNs; nullopt: not listed yet
    MonoTime due{};
    MonoTime seen{};
    MonoTime targets_due{};
    std::string targets_problem;
  };

  bool Prepare(Candidate& candidate, Known& known, const CallContext& context);
  bool List(Candidate& candidate, Known& known, const CallContext& context);
  void Describe(std::vector<Candidate*>& ready, const CallContext& context);
  bool DescribeSome(const std::vector<Candidate*>& some, const std::vector<std::string>& arns,
                    const CallContext& context);
  bool AskBalancers(Candidate& candidate, Known& known, const CallContext& context);

  const Reader& reader_;
  CallRate& rate_;
  const View& view_;
  Clock& clock_;
  const Duration period_;
  std::map<ServiceName, Known> known_;
};

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_INSPECTOR_H_
