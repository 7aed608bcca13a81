// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_POLLER_H_
#define SALVE_PKG_BACKENDS_ECS_POLLER_H_

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "pkg/backends/ecs/inspector.h"
#include "pkg/backends/ecs/reader.h"
#include "pkg/backends/ecs/view.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/engine/thread.h"

namespace salve::backends::ecs {

// Keeps a View true, on one thread of its own: every service that is due is described, ten of a
// cluster with one call; the tasks of those that are not steady are looked at, those of the others
// as often as the inspector may. ECS tells nobody what happens, so it must be asked.
//
// A round that fails changes nothing of what is known; after kFailedRounds in a row, or when none
// has succeeded yet, the view says that the account cannot be reached. A service that is refused or
// does not exist is that service's problem alone: it is asked for alone from then on, and rarely.
class Poller {
 public:
  static constexpr int kFailedRounds = 3;
  static constexpr std::chrono::seconds kCallTimeout{20};
  static constexpr std::chrono::seconds kRefusedPeriod{60};

  // What it asks through. All of it outlives the poller.
  struct Tools {
    Reader& reader;  // for the rounds
    Inspector& inspector;
    CallRate& rate;
  };
  // `on_change` is called on the poller's thread; a nullptr means any may have changed. All
  // references outlive the poller.
  Poller(std::string backend, Tools tools, View& view, Clock& clock,
         std::function<void(const ServiceName*)> on_change);
  ~Poller();

  Status Start();
  void Stop();  // idempotent; waits for the thread
  // Something new is wanted.
  void Wake();

  // One round on the calling thread, instead of Start(). For tests. The time of the next one.
  MonoTime Round();

 private:
  // What came of a round's calls.
  struct Tally {
    int answers = 0;
    int refusals = 0;
    Status failure;  // the last one without an answer
    Status refusal;
  };

  void Run();
  void PollCluster(const std::string& cluster, const std::vector<std::string>& names, Tally& tally);
  void PollBatch(const std::string& cluster, const std::vector<std::string>& names, Tally& tally);
  void TakeAll(const std::string& cluster, std::map<std::string, StatusOr<Service>> services,
               MonoTime read_at);
  void TakeService(const ServiceName& name, Service service, MonoTime read_at);
  void Take(const ServiceName& name, Snapshot snapshot, MonoTime read_at);
  void InspectSteady();
  void AskForAutoscalers();
  void Refused(const std::string& cluster, const std::vector<std::string>& names, const Status& why,
               MonoTime read_at);
  void Conclude(const Tally& tally);
  CallContext Context() const;

  const std::string backend_;
  const Tools tools_;
  View& view_;
  Clock& clock_;
  const std::function<void(const ServiceName*)> on_change_;

  // Used by the polling thread alone.
  std::vector<Inspector::Candidate> steady_;  // of this round, that are to be looked into
  int failed_rounds_ = 0;
  bool ever_answered_ = false;

  std::stop_source stop_;
  Mutex mu_;
  CondVar wake_;
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
  bool woken_ SALVE_GUARDED_BY(mu_) = false;
  engine::Thread thread_;
};

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_POLLER_H_
