// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_FAKE_FAKE_BACKEND_H_
#define SALVE_PKG_BACKENDS_FAKE_FAKE_BACKEND_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pkg/backends/backend.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"

namespace salve::backends::fake {

// What goes wrong with calls of one kind, until it is cleared.
enum class Fault {
  kNone,
  kUnavailable,  // no connection: certainly not applied
  kError,        // the engine refuses: certainly not applied
  kHang,  // waits on the clock until the deadline (or stop); not applied, but nobody can know
  kLoseResponse,  // applied, and the answer never arrives: Outcome kUnknown
  kLoseRequest,   // the same seen from outside, but it never arrived
  kDrift,         // Execute only, once: the container restarts by itself right before; not applied
};

enum class Operation { kObserve, kLogs, kPlan, kExecute, kOutcome, kProbe };

// One container. Value.
struct FakeContainer {
  std::string id;
  std::map<std::string, std::string> labels;
  bool running = true;
  bool paused = false;
  int starts = 1;  // part of the identity
  std::int64_t exit_code = 0;
  std::vector<std::string> conditions;  // as reported, besides what follows from the above
  std::string message;
  std::string configuration = "{}";
  std::vector<std::string> logs;
  std::int64_t memory_bytes = 64 << 20;
  // Whether a (re)start or the like takes `conditions` away.
  bool restart_heals = true;

  std::string Identity() const { return id + "@" + std::to_string(starts); }
};

// A backend with containers in memory that behaves as the docker one does towards its callers: it
// resolves, plans, refuses a changed identity, and tells outcomes by what it finds. Faults can be
// put on each kind of call; every execution that reaches a container is counted by attempt.
// Thread-safe.
class FakeBackend final : public Backend {
 public:
  FakeBackend(std::string name, Clock& clock);

  // --- what a test arranges and asks ---

  void Add(const std::string& container, FakeContainer state = {});
  void Remove(const std::string& container);
  // Changes a container and tells the OnChange callback.
  void Change(const std::string& container, const std::function<void(FakeContainer&)>& change);
  FakeContainer Get(const std::string& container) const;

  void SetFault(Operation operation, Fault fault);
  // The local view is (not) complete: Available(), Resolve() and Cached() answer accordingly.
  void SetAvailable(Status status);
  // What an action does to a container besides its usual effect; by action name.
  void SetEffect(const std::string& action, std::function<void(FakeContainer&)> effect);
  // What the plan of an action says; by action name. Fields that are set replace the computed ones.
  void SetPlanned(const std::string& action, std::function<void(healing::ActionPlan&)> change);
  void SetProbe(std::function<StatusOr<healing::ActionResult>(const std::string& container,
                                                              const std::vector<std::string>& argv)>
                    probe);

  // How often an attempt really changed something. More than one is a broken promise.
  int Executions(const std::string& attempt_id) const;
  int TotalExecutions() const;
  std::vector<ActionRequest> Requests() const;  // in the order of Execute calls, failed ones too
  int Calls(Operation operation) const;

  // --- Backend ---

  const std::string& name() const override { return name_; }
  Status Available() const override;
  StatusOr<std::vector<healing::TargetRef>> Resolve(const apis::salve::v1alpha1::Target& target,
                                                    const std::string& ns) const override;
  StatusOr<healing::TargetObservation> Cached(const healing::TargetRef& ref) const override;
  StatusOr<healing::TargetObservation> Observe(const healing::TargetRef& ref,
                                               const CallContext& context) override;
  StatusOr<std::vector<std::string>> Logs(const healing::TargetRef& ref, int max_lines,
                                          const CallContext& context) override;
  StatusOr<healing::ActionPlan> Plan(const healing::Action& action, const healing::TargetRef& ref,
                                     const CallContext& context) override;
  StatusOr<healing::ActionResult> Execute(const ActionRequest& request) override;
  StatusOr<healing::ActionResult> Outcome(const ActionRequest& request) override;
  StatusOr<healing::ActionResult> RunProbe(const healing::TargetRef& ref,
                                           const std::vector<std::string>& argv,
                                           const CallContext& context) override;
  void OnChange(std::function<void(const healing::TargetRef&)> callback) override;
  Status Start() override { return Status::Ok(); }
  void Stop() override {}

 private:
  // Counts the call and plays its fault; OK where none is set or it strikes only after the effect.
  Status Begin(Operation operation, const CallContext& context);
  healing::TargetObservation Describe(const std::string& container,
                                      const FakeContainer& state) const;
  void Apply(const healing::Action& action, FakeContainer& state) SALVE_REQUIRES(mu_);
  void Notify(const std::string& container);

  const std::string name_;
  Clock& clock_;
  std::function<void(const healing::TargetRef&)> on_change_;

  mutable Mutex mu_;
  CondVar wake_;
  Status available_ SALVE_GUARDED_BY(mu_);
  int next_id_ SALVE_GUARDED_BY(mu_) = 1;
  std::map<std::string, FakeContainer> containers_ SALVE_GUARDED_BY(mu_);
  std::map<Operation, Fault> faults_ SALVE_GUARDED_BY(mu_);
  std::map<Operation, int> calls_ SALVE_GUARDED_BY(mu_);
  std::map<std::string, std::function<void(FakeContainer&)>> effects_ SALVE_GUARDED_BY(mu_);
  std::map<std::string, std::function<void(healing::ActionPlan&)>> planned_ SALVE_GUARDED_BY(mu_);
  std::function<StatusOr<healing::ActionResult>(const std::string&,
                                                const std::vector<std::string>&)>
      probe_ SALVE_GUARDED_BY(mu_);
  std::map<std::string, int> executions_ SALVE_GUARDED_BY(mu_);
  std::vector<ActionRequest> requests_ SALVE_GUARDED_BY(mu_);
};

}  // namespace salve::backends::fake

#endif  // SALVE_PKG_BACKENDS_FAKE_FAKE_BACKEND_H_
