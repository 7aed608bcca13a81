// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_BACKEND_H_
#define SALVE_PKG_BACKENDS_BACKEND_H_

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/healing/types.h"

namespace salve::backends {

// Everything that Execute needs; written to the incident before, so that a successor can ask
// Outcome().
struct ActionRequest {
  std::string attempt_id;  // idempotency key
  apis::salve::v1alpha1::Action action;
  apis::salve::v1alpha1::TargetRef target;
  std::string identity_before;          // TargetObservation::identity that the decision was made on
  std::string undo_token;               // for an undo: what ActionPlan::undo_token said
  std::string subject;                  // what ActionPlan::subject said; "" for an undo
  MonoTime deadline = MonoTime::max();  // nothing is begun after it
  std::stop_token stop;
};

// Reason of an error of Execute: the target is not, or no longer, what was decided on.
inline constexpr char kReasonTargetDrifted[] = "TargetDrifted";

struct CallContext {
  MonoTime deadline = MonoTime::max();
  std::stop_token stop;
};

// One engine, cluster or account in which targets live. Thread-safe. Only Execute changes anything.
//
// Errors: kUnavailable — the backend cannot be reached (gate BackendAvailable); kPermissionDenied —
// it refuses us; kNotFound — the target is gone; kInvalidArgument — the action cannot run on this
// target.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual const std::string& name() const = 0;

  // OK when the backend answers and the local view of it is complete.
  virtual Status Available() const = 0;

  // The concrete targets that `target` of a policy in namespace `ns` means now, sorted by name;
  // from the local view, no call. kUnavailable while that view is not complete.
  virtual StatusOr<std::vector<apis::salve::v1alpha1::TargetRef>> Resolve(
      const apis::salve::v1alpha1::Target& target, const std::string& ns) const = 0;

  // What the local view says; no call. kNotFound if it does not know the target.
  virtual StatusOr<healing::TargetObservation> Cached(
      const apis::salve::v1alpha1::TargetRef& ref) const = 0;

  // A fresh look at the target itself. A target that does not exist is an observation (kMissing),
  // not an error.
  virtual StatusOr<healing::TargetObservation> Observe(const apis::salve::v1alpha1::TargetRef& ref,
                                                       const CallContext& context) = 0;

  // The newest log lines, oldest first, at most `max_lines` of at most 1 kB each, control
  // characters replaced.
  virtual StatusOr<std::vector<std::string>> Logs(const apis::salve::v1alpha1::TargetRef& ref,
                                                  int max_lines, const CallContext& context) = 0;

  // What `action` would do: preview, risk, inverse. Changes nothing.
  virtual StatusOr<healing::ActionPlan> Plan(const apis::salve::v1alpha1::Action& action,
                                             const apis::salve::v1alpha1::TargetRef& ref,
                                             const CallContext& context) = 0;

  // Runs it. An error means that it was certainly not applied; whatever is doubtful is an
  // ActionResult with Outcome::kUnknown. An error with kReasonTargetDrifted is no refusal: it may
  // be decided anew.
  virtual StatusOr<healing::ActionResult> Execute(const ActionRequest& request) = 0;

  // After a crash: was the attempt applied? kUnknown where the action leaves no trace.
  // kUnavailable: it is still under way, ask again.
  virtual StatusOr<healing::ActionResult> Outcome(const ActionRequest& request) = 0;

  // Runs argv in the target for an exec probe. Bounded output.
  virtual StatusOr<healing::ActionResult> RunProbe(const apis::salve::v1alpha1::TargetRef& ref,
                                                   const std::vector<std::string>& argv,
                                                   const CallContext& context) = 0;

  // Called from the backend's own thread whenever the local view of a target changed (or, with an
  // empty name, of any). Must return quickly. Set before Start.
  virtual void OnChange(std::function<void(const apis::salve::v1alpha1::TargetRef&)> callback) = 0;

  virtual Status Start() = 0;  // begins to watch; does not wait for the backend to be there
  virtual void Stop() = 0;     // ends the watching, waits for its thread
};

// The backends by name. Immutable after construction.
class Registry {
 public:
  void Add(std::unique_ptr<Backend> backend) {
    std::string name = backend->name();
    backends_[std::move(name)] = std::move(backend);
  }
  // nullptr if the configuration has none of that name.
  Backend* Find(const std::string& name) const {
    const auto it = backends_.find(name);
    return it == backends_.end() ? nullptr : it->second.get();
  }
  const std::map<std::string, std::unique_ptr<Backend>>& all() const { return backends_; }

 private:
  std::map<std::string, std::unique_ptr<Backend>> backends_;
};

}  // namespace salve::backends

#endif  // SALVE_PKG_BACKENDS_BACKEND_H_
