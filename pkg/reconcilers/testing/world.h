// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_TESTING_WORLD_H_
#define SALVE_PKG_RECONCILERS_TESTING_WORLD_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pkg/apis/codec.h"
#include "pkg/backends/fake/fake_backend.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/client/testing/fake_client.h"
#include "pkg/reconcilers/shell.h"

namespace salve::reconcilers::testing {

inline constexpr char kNs[] = "shop";
inline constexpr char kController[] = "system:serviceaccount:salve-system:salve-controller";

// One thing that goes wrong, once, at the `at`-th (from 1) write call of the controller to the
// server, or at its `at`-th call of Backend::Execute.
struct Accident {
  enum class What {
    kNone,
    kCrashBefore,  // the process dies; nobody got the call
    kCrashAfter,   // the call was carried out; the process dies before the answer
    kLoseAnswer,   // the call was carried out; the answer is lost, the process lives
    kConflict,     // 409 (writes only)
    kUnavailable,  // 503, not carried out; for Execute: certainly not applied
  };
  enum class Where { kWrite, kExecute };
  What what = What::kNone;
  Where where = Where::kWrite;
  int at = 0;
};

// The production reconcilers, informers, queues and status updaters on a server, a backend, probes
// and a clock in memory; no threads. What dies in a crash is one Process; the rest of the world
// goes on. The same calls give the same history.
class World {
 public:
  World();
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // --- the outside
  SimulatedClock clock;
  SeededRandom random{7};
  client::testing::FakeClient server;
  backends::fake::FakeBackend docker;
  // What the probes measure, by container: 0..100, negative = cannot be measured. 100 if not
  // listed.
  std::map<std::string, int> figure;
  // By action name: the figure that a container has after that action.
  std::map<std::string, int> figure_after;
  // Before the first Settle() or a Restart(): what the administrator decided.
  ControllerSettings settings;
  std::vector<Accident> accidents;
  // How long the controller stays away after a crash.
  Duration downtime{0};
  // Called before a write or an Execute reaches anybody, after it was counted.
  std::function<void(const std::string& what)> before_effect;

  // --- time
  // Handles everything that can be handled now.
  void Settle();
  // Moves the clock from event to event, settling at each.
  void Advance(Duration by);
  // The same until `done`, which is asked after each event. False: not within `limit`.
  bool AdvanceUntil(const std::function<bool()>& done, Duration limit);
  // Throws away what the controller has in memory and starts it anew.
  void Restart();

  // --- objects, as an outsider sees and changes them
  template <class T>
  void Create(const T& object) {
    Must(server.Create(T::kInfo, apis::Encode(object)).status());
  }
  template <class T>
  std::optional<T> Find(const NamespacedName& name) {
    auto json = server.Get(T::kInfo, name);
    if (!json.ok()) return std::nullopt;
    auto object = apis::Decode<T>(*json);
    Must(object.status());
    return *object;
  }
  // Everything but the status.
  template <class T>
  void Edit(const NamespacedName& name, const std::function<void(T&)>& change) {
    T object = *Find<T>(name);
    change(object);
    Must(server.Update(T::kInfo, apis::Encode(object)).status());
  }
  template <class T>
  std::vector<T> All() {
    std::vector<T> all;
    for (const auto& [name, json] : server.Objects(T::kInfo)) all.push_back(*apis::Decode<T>(json));
    return all;
  }
  v1::HealingPolicy Policy(const std::string& name = "redis");
  // Of a policy; oldest first.
  std::vector<v1::Incident> Incidents(const std::string& policy = "redis");
  // The newest one of the policy.
  v1::Incident Incident(const std::string& policy = "redis");
  // Creates an IncidentApproval for the proposal as it stands.
  void Decide(const v1::Incident& incident, const std::string& decision,
              const std::string& approver = "alice");
  // Adds a container that is well.
  void AddContainer(const std::string& name);

  // --- what was seen
  int writes() const { return writes_; }      // write calls of the controller, events not counted
  int executes() const { return executes_; }  // calls of Execute
  int crashes() const { return crashes_; }
  // Promises that were broken, as sentences. Watched at every Execute; CheckRecords() adds those
  // that can only be judged at the end.
  const std::vector<std::string>& broken() const { return broken_; }
  void CheckRecords();
  // Who did what, for the message of a failing test.
  std::string Story();

 private:
  struct Process;
  class Door;  // the backend as the process sees it

  void Must(const Status& status);
  bool StepInformers();
  MonoTime NextEvent();
  Accident::What Strikes(Accident::Where where, int count) const;
  void JudgeExecution(const backends::ActionRequest& request);

  int writes_ = 0;
  int executes_ = 0;
  int crashes_ = 0;
  int approvals_ = 0;
  std::vector<std::string> broken_;
  std::unique_ptr<Process> process_;
};

// --- builders: valid objects, changed by the test where it matters

// Auto; container `container` of backend docker; probe "health"; ladder restart (rule "ill"),
// human. Limits out of the way where a test does not ask for them.
v1::HealingPolicy MakePolicy(const std::string& name = "redis",
                             const std::string& container = "redis-1");
v1::Step MakeStep(const std::string& name, v1::Action action);
v1::Step HumanStep();
v1::Action Restart();
v1::Action MoreMemory();
v1::Action Stop();
v1::Action Flush();

}  // namespace salve::reconcilers::testing

#endif  // SALVE_PKG_RECONCILERS_TESTING_WORLD_H_
