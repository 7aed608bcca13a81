// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_TESTING_WORLD_H_
#define SALVE_PKG_RECONCILERS_TESTING_WORLD_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "pkg/apis/codec.h"
#include "pkg/backends/fake/fake_backend.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/client/testing/fake_client.h"
#include "pkg/client/testing/interceptor_client.h"
#include "pkg/files/testing/fake_reader.h"
#include "pkg/notify/sink.h"
#include "pkg/reconcilers/shell.h"
#include "pkg/reconcilers/testing/accident.h"
#include "pkg/reconcilers/testing/builders.h"

namespace salve::reconcilers::testing {

class Judge;

struct WorldOptions {
  // Installations on one server, unlike each other's holders of leases.
  int controllers = 1;
  std::uint64_t seed = 7;
  // What can be handled at one moment is handled in an order that the seed chooses, and caches are
  // behind by as much as it chooses. Otherwise always in the same plain order.
  bool shuffle = false;
  // False: core/v1 Events are taken from the controllers and thrown away.
  bool keep_events = true;
  // Keeps a line for everything that happens; the fingerprint is kept in any case.
  bool trace = false;
};

// The production reconcilers, informers, queues and status updaters on a server, a backend, probes
// and a clock in memory; no threads. What dies in a crash is one Process; the rest of the world
// goes on. The same calls give the same history.
class World {
 public:
  World() : World(WorldOptions{}) {}
  explicit World(const WorldOptions& options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // --- the outside
  SimulatedClock clock;
  SeededRandom random;
  client::testing::FakeClient server;
  backends::fake::FakeBackend docker;
  // What the probes measure, by container: 0..100, negative = cannot be measured. 100 if not
  // listed.
  std::map<std::string, int> figure;
  // By action name: the figure that a container has after that action.
  std::map<std::string, int> figure_after;
  // Before the first Settle() or a Restart(): what the administrator decided.
  ControllerSettings settings;
  // Where messages go; before the first Settle() or a Restart(). Open to everybody.
  notify::SinkSet sinks;
  // The files that policies may have watched, below /srv; null: none. Before a Restart().
  const files::testing::FakeDisk* disk = nullptr;
  // Who keeps the record, if anybody; before a Restart(). It outlives the controllers.
  audit::Sink* audit = nullptr;
  std::vector<Accident> accidents;
  // How long the controller stays away after a crash.
  Duration downtime{0};
  // Called before a write or an Execute reaches anybody, after it was counted.
  std::function<void(const std::string& what)> before_effect;
  // The people of this world: called whenever nothing more can be handled now and the server has
  // changed since they looked last.
  std::function<void(World&)> people;

  // --- time
  // Handles everything that can be handled now.
  void Settle();
  // Moves the clock from event to event, settling at each.
  void Advance(Duration by);
  // The same until `done`, which is asked after each event. False: not within `limit`.
  bool AdvanceUntil(const std::function<bool()>& done, Duration limit);
  // Throws away what the controllers have in memory and starts them anew.
  void Restart();
  // Every controller that lives looks at the files once; as its timer would have it do.
  void LookAtFiles();
  // Something that happens by itself later.
  void After(Duration delay, std::string what, std::function<void()> happen);

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
    if (std::is_same_v<T, v1::HealingPolicy>) PolicyEdited(name.name);
  }
  template <class T>
  std::vector<T> All() {
    std::vector<T> all;
    for (const auto& [name, json] : server.Objects(T::kInfo)) all.push_back(*apis::Decode<T>(json));
    return all;
  }
  // What can be seen of every incident without decoding it: in the order of their names.
  struct Glance {
    std::string name;
    std::string phase;
    bool resolved = false;
  };
  const std::vector<Glance>& Glances();
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
  // Changes what the probes measure, and remembers since when.
  void SetFigure(const std::string& container, int value);
  // Since when the container has been well (or ill) without interruption, as it really is.
  bool TrulyIll(const std::string& container) const;
  Duration InThatStateFor(const std::string& container) const;
  // From here on the targets may be ill: what a stale replica goes back to at most.
  void IllnessBegins() { illness_version_ = server.version(); }

  // --- what was seen
  int writes() const { return counts_.at(Accident::Where::kWrite); }  // calls, events not counted
  int executes() const { return counts_.at(Accident::Where::kExecute); }  // calls of Execute
  int crashes() const { return crashes_; }
  // How often something happened at which an accident of that sort can strike.
  int Points(Accident::Where where) const { return counts_.at(where); }
  // Accidents that have struck.
  int struck() const { return struck_; }
  // Promises that were broken, as sentences. Watched at every Execute and every write;
  // CheckRecords() adds those that can only be judged at the end.
  const std::vector<std::string>& broken() const { return broken_; }
  void CheckRecords();
  void Complain(const std::string& sentence);
  // Who did what, for the message of a failing test.
  std::string Story();
  // One line of the trace: also goes into the fingerprint of this world's history.
  void Note(std::string_view what, std::string_view detail = {});
  const std::vector<std::string>& trace() const { return trace_; }
  std::uint64_t fingerprint() const { return fingerprint_; }
  std::size_t controllers() const { return processes_.size(); }
  // Nothing will happen by itself any more, and every controller lives.
  bool Idle() const;
  // Grows with every change of the server's objects and of the targets' health.
  std::int64_t Changes() const { return server.version() + disturbances_ + changes_; }

 private:
  friend class Judge;
  struct Process;
  class Door;      // the backend as the process sees it
  class NoEvents;  // a server for Events only, without memory
  struct Slot {
    std::unique_ptr<Process> process;
    MonoTime back_at{};  // without a process: when it is started again
  };

  void Must(const Status& status);
  void PolicyEdited(const std::string& name);
  bool StepInformers(Process& process);
  bool RunTimers();
  bool ReviveAndBury();
  bool Round();
  bool ShuffledRounds();
  bool RunPart(Process& process, int part);
  int Parts() const;
  bool LetPeopleAct();
  MonoTime NextEvent();
  // The accidents' side: what strikes at this point, which was counted before, and what it does to
  // the world besides the call.
  Accident::What Strikes(Process& process, Accident::Where where);
  void Disturb(Process& process, Accident::What what);
  void DisturbWatches(Accident::What what);
  void DisturbTarget(Accident::What what);
  void DisturbObjects(Accident::What what);
  void LagBehind(std::int64_t version, Duration time);
  // The others go on for that long, the process does not.
  void Pause(Process& process, Duration time);
  client::testing::Fault OnWrite(Process& process, const client::testing::Call& call);
  client::testing::Fault OnRead(Process& process, const client::testing::Call& call);
  void AfterCall(Process& process, const client::testing::Call& call, const Status& status);

  const WorldOptions options_;
  std::unique_ptr<Judge> judge_;
  SeededRandom order_;
  std::map<Accident::Where, int> counts_;
  std::map<std::string, MonoTime> figure_since_;
  int crashes_ = 0;
  int struck_ = 0;
  int approvals_ = 0;
  int lags_ = 0;
  bool leases_dropped_ = false;
  bool stuck_ = false;
  // Grows with everything but writes that an informer might notice.
  std::int64_t disturbances_ = 0;
  std::int64_t changes_ = 0;
  std::int64_t people_saw_ = -1;
  std::vector<Glance> glances_;
  std::int64_t glanced_ = -1;
  std::int64_t illness_version_ = 0;
  std::int64_t version_before_ = 0;
  bool blind_ = false;
  std::multimap<MonoTime, std::pair<std::string, std::function<void()>>> timers_;
  std::vector<std::string> broken_;
  std::vector<std::string> trace_;
  std::uint64_t fingerprint_ = 1469598103934665603ULL;
  std::vector<Slot> processes_;
};

}  // namespace salve::reconcilers::testing

#endif  // SALVE_PKG_RECONCILERS_TESTING_WORLD_H_
