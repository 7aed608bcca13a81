// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/kubernetes/kubernetes_backend.h"

#include <utility>
#include <vector>

#include "pkg/backends/handlers.h"
#include "pkg/backends/kubernetes/action_handler.h"
#include "pkg/backends/kubernetes/cluster.h"
#include "pkg/backends/kubernetes/fresh.h"
#include "pkg/backends/kubernetes/observation.h"
#include "pkg/backends/kubernetes/view.h"
#include "pkg/base/log.h"
#include "pkg/healing/outcome.h"

namespace salve::backends::kubernetes {
namespace {

using apis::salve::v1alpha1::Target;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using healing::TargetObservation;
using healing::TargetRef;

// "<uid>@<generation>" → "<uid>"
std::string UidOf(const std::string& identity) { return identity.substr(0, identity.find('@')); }

class KubernetesBackend final : public Backend {
 public:
  explicit KubernetesBackend(KubernetesOptions options)
      : name_(std::move(options.name)),
        clock_(*options.clock),
        client_(std::move(options.client)),
        cluster_(*client_, clock_),
        view_(name_, *client_, {clock_, *options.random, *options.metrics},
              [this](const TargetRef& ref) {
                if (on_change_) on_change_(ref);
              }),
        tools_{cluster_, view_, clock_} {
    handlers_.push_back(MakeUndoHandler(tools_));
    handlers_.push_back(MakeRestartHandler(tools_));
    handlers_.push_back(MakeScaleHandler(tools_));
    handlers_.push_back(MakeResourceHandler(tools_));
    handlers_.push_back(MakePodHandler(tools_));
  }
  ~KubernetesBackend() override { view_.Stop(); }

  const std::string& name() const override { return name_; }
  Status Available() const override { return view_.status(); }

  StatusOr<std::vector<TargetRef>> Resolve(const Target& target,
                                           const std::string& ns) const override {
    if (!target.kubernetes) {
      return InvalidArgumentError("backend " + name_ + ": no kubernetes target");
    }
    return view_.Resolve(*target.kubernetes, ns);
  }

  StatusOr<TargetObservation> Cached(const TargetRef& ref) const override {
    SALVE_ASSIGN_OR_RETURN(const Seen seen, view_.Look(ref));
    return Describe(ref, seen);
  }

  StatusOr<TargetObservation> Observe(const TargetRef& ref, const CallContext& context) override {
    auto subject = ReadSubject(cluster_, view_, ref, context);
    if (subject.code() == Code::kNotFound) return MissingObservation(ref, clock_.Now());
    if (!subject.ok()) return subject.status();
    AddEvents(cluster_, view_, *subject, context);
    return Describe(ref, subject->seen);
  }

  StatusOr<std::vector<std::string>> Logs(const TargetRef& ref, int max_lines,
                                          const CallContext& context) override {
    SALVE_ASSIGN_OR_RETURN(const Subject subject, ReadSubject(cluster_, view_, ref, context));
    return ReadLogs(cluster_, subject.seen, max_lines, context);
  }

  StatusOr<ActionPlan> Plan(const Action& action, const TargetRef& ref,
                            const CallContext& context) override {
    SALVE_ASSIGN_OR_RETURN(const ActionHandler* handler, HandlerOf(action));
    SALVE_ASSIGN_OR_RETURN(const Subject subject, ReadSubject(cluster_, view_, ref, context));
    return handler->Plan(action, subject, context);
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request) override {
    const MonoTime begin = clock_.Monotonic();
    const CallContext context{request.deadline, request.stop};
    SALVE_ASSIGN_OR_RETURN(const ActionHandler* handler, HandlerOf(request.action));
    SALVE_ASSIGN_OR_RETURN(const Subject subject,
                           ReadSubject(cluster_, view_, request.target, context));
    SALVE_RETURN_IF_ERROR(CheckIdentity(request, subject));
    auto result = handler->Execute(request, subject, context);
    if (result.ok() && result->duration == Duration{0}) {
      result->duration = clock_.Monotonic() - begin;
    }
    Log(Severity::kInfo, "kubernetes action executed",
        {{"backend", name_},
         {"target", request.target.ns + "/" + subject.KubectlName()},
         {"action", ActionName(request.action)},
         {"attempt", request.attempt_id},
         {"outcome", result.ok() ? healing::OutcomeName(result->outcome) : "Refused"},
         {"message", result.ok() ? result->message : result.status().message()}});
    return result;
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request) override {
    SALVE_ASSIGN_OR_RETURN(const ActionHandler* handler, HandlerOf(request.action));
    return handler->Outcome(request, {request.deadline, request.stop});
  }

  StatusOr<ActionResult> RunProbe(const TargetRef& ref, const std::vector<std::string>& /*argv*/,
                                  const CallContext& /*context*/) override {
    return UnimplementedError("backend " + name_ + " runs no commands in pods (" + ref.ns + "/" +
                              ref.name + "): use a probe of the address instead");
  }

  void OnChange(std::function<void(const TargetRef&)> callback) override {
    on_change_ = std::move(callback);
  }

  Status Start() override { return view_.Start(); }
  void Stop() override { view_.Stop(); }

 private:
  TargetObservation Describe(const TargetRef& ref, const Seen& seen) const {
    TargetObservation out = Observation(ref, seen, clock_.Now());
    out.since = view_.Since(ref, out.state);
    return out;
  }

  // An undo meets the object that the action changed; its own data say what must still hold. An
  // attempt that finds its own mark has been here before.
  static Status CheckIdentity(const ActionRequest& request, const Subject& subject) {
    if (request.identity_before.empty()) return Status::Ok();
    const std::string identity = IdentityOf(subject.seen);
    const bool loose =
        !request.undo_token.empty() ||
        (subject.seen.snapshot && subject.workload().last_attempt == request.attempt_id);
    const bool same = loose ? UidOf(identity) == UidOf(request.identity_before)
                            : identity == request.identity_before;
    if (same) return Status::Ok();
    return ConflictError(subject.KubectlName() + " is now " + identity +
                         ", the decision was made on " + request.identity_before)
        .WithReason(kReasonTargetDrifted);
  }

  StatusOr<const ActionHandler*> HandlerOf(const Action& action) const {
    return FindHandler(handlers_, action, name_);
  }

  const std::string name_;
  Clock& clock_;
  const std::shared_ptr<client::Client> client_;
  Cluster cluster_;
  std::function<void(const TargetRef&)> on_change_;
  mutable View view_;  // looking at a target remembers that somebody does
  ActionTools tools_;
  std::vector<std::unique_ptr<ActionHandler>> handlers_;
};

}  // namespace

std::unique_ptr<Backend> MakeKubernetesBackend(KubernetesOptions options) {
  return std::make_unique<KubernetesBackend>(std::move(options));
}

}  // namespace salve::backends::kubernetes
