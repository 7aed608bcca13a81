// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_VIEW_H_
#define SALVE_PKG_BACKENDS_ECS_VIEW_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pkg/backends/ecs/names.h"
#include "pkg/backends/ecs/service_health.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/status.h"

namespace salve::backends::ecs {

// What ECS has confirmed and DescribeServices may not show for a while.
struct Expected {
  std::string deployment;             // "" = none
  std::optional<std::int64_t> count;  // of tasks
};

// A service as it was seen and judged at one moment.
struct Seen {
  Snapshot snapshot;
  Verdict verdict;
  std::optional<WallTime> since;  // of the verdict's state, where the change was seen
};

// The local picture of the services that somebody asks for: what was read of each last, and what is
// remembered. Thread-safe; no I/O.
//
// Nobody registers a service: asking for it makes it wanted. One that nobody has asked for in a
// while is mentioned once more by Unasked() and then dropped.
class View {
 public:
  // For so long ECS may show what was before a change, with a good margin.
  static constexpr std::chrono::seconds kConsistency{35};
  static constexpr std::chrono::minutes kAskAgain{5};
  static constexpr std::chrono::minutes kDrop{15};
  // For so long a closer look at a steady service stands in for those that are not made.
  static constexpr std::chrono::minutes kCarry{3};
  // How often it is asked whether a service has an autoscaler.
  static constexpr std::chrono::minutes kBoundsPeriod{10};

  // `poll_period`: how often a service is due.
  View(Clock& clock, Duration poll_period) : clock_(clock), poll_period_(poll_period) {}

  // --- readers ---

  // OK: the account answers. An error also stands before each of the errors below.
  Status status() const;
  // Somebody wants to know of it from now on. True if it is new.
  bool Want(const ServiceName& name);
  // What was read last. kUnavailable: nothing yet; else why nothing could be read, kNotFound for a
  // service or cluster that does not exist.
  StatusOr<Seen> Look(const ServiceName& name) const;
  // Whether a running task or a target of it was ill when it was looked at last.
  bool IsSick(const ServiceName& name) const;
  // The account's number as answers have told it; "" before the first.
  std::string account() const;
  // The bounds of the service's autoscaler, if they were read less than `age` ago: nullopt within
  // for none.
  std::optional<std::optional<Bounds>> KnownBounds(const ServiceName& name, Duration age) const;
  // Whether what succeeded before this process began could tell more than is known, and nobody has
  // answered that since the present deployment was made.
  bool AsksForHistory(const ServiceName& name, const Service& service) const;

  // --- whoever has read something ---

  // Takes in what was read at `read_at` and judges it with what is remembered. `news`: whether
  // readers of Look() see something else than before. What is older than what is known is judged
  // and not kept.
  Seen Take(const ServiceName& name, Snapshot read, MonoTime read_at, bool* news);
  // It could not be read, and that is the answer: it does not exist, or it is refused. True if that
  // is news.
  bool TakeProblem(const ServiceName& name, Status problem, MonoTime read_at);
  // A change was confirmed: what DescribeServices says is not believed before it shows it, for at
  // most kConsistency.
  void Expect(const ServiceName& name, Expected expected);
  // That deployment was made by an attempt of ours.
  void Own(const ServiceName& name, const std::string& deployment);
  // The answer, for the deployment that was the primary one.
  void TakeHistory(const ServiceName& name, const std::string& deployment,
                   std::vector<std::string> history);
  void TakeBounds(const ServiceName& name, std::optional<Bounds> bounds);

  // --- the poller ---

  // True if that changed.
  bool SetStatus(Status status);
  // The services whose turn it is, by cluster; each is due again a period later. With `next` the
  // time at which the first other one is.
  std::map<std::string, std::vector<std::string>> Due(MonoTime* next);
  // It is no use to ask for this one as often as for the others, nor together with them.
  void Postpone(const ServiceName& name, Duration by);
  bool IsAlone(const ServiceName& name) const;
  // Services whose autoscalers are to be asked for now, at most `most`; each is again a period
  // later.
  std::vector<ServiceName> BoundsDue(std::size_t most);
  // Those that nobody has asked for lately, once each; drops those that were mentioned and are
  // still not asked for.
  std::vector<ServiceName> Unasked();
  std::size_t size() const;

 private:
  struct Entry {
    MonoTime asked;
    bool mentioned = false;
    MonoTime due;
    bool alone = false;
    std::optional<MonoTime> read_at;
    Status problem;
    std::optional<Seen> seen;
    Memory memory;
    std::optional<Expected> expected;
    MonoTime expected_until;
    std::optional<MonoTime> closer_at;  // when its tasks were seen last
    std::string history_for;            // the deployment for which history was asked for
    std::optional<Bounds> bounds;
    std::optional<MonoTime> bounds_at;
    MonoTime bounds_due;
  };

  std::string Awaited(Entry& entry, const Service& service) const SALVE_REQUIRES(mu_);
  void Carry(const Entry& entry, Snapshot& read) const SALVE_REQUIRES(mu_);

  Clock& clock_;
  const Duration poll_period_;
  mutable Mutex mu_;
  Status status_ SALVE_GUARDED_BY(mu_);
  std::string account_ SALVE_GUARDED_BY(mu_);
  std::map<ServiceName, Entry> entries_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_VIEW_H_
