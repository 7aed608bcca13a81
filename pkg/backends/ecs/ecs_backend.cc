// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/ecs_backend.h"

#include <utility>
#include <vector>

#include "pkg/backends/ecs/action_handler.h"
#include "pkg/backends/ecs/fresh.h"
#include "pkg/backends/ecs/inspector.h"
#include "pkg/backends/ecs/last_words.h"
#include "pkg/backends/ecs/logs.h"
#include "pkg/backends/ecs/observation.h"
#include "pkg/backends/ecs/poller.h"
#include "pkg/backends/handlers.h"
#include "pkg/backends/text.h"
#include "pkg/base/log.h"
#include "pkg/healing/outcome.h"

namespace salve::backends::ecs {
namespace {

using apis::salve::v1alpha1::Target;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using healing::TargetObservation;
using healing::TargetRef;

// The reason of a condition for what keeps a target from being found.
std::string ReasonOf(Code code) {
  switch (code) {
    case Code::kNotFound:
      return "TargetNotFound";
    case Code::kPermissionDenied:
      return "AccessDenied";
    case Code::kInvalidArgument:
      return "InvalidTarget";
    default:
      return "BackendUnavailable";
  }
}

class EcsBackend final : public Backend {
 public:
  explicit EcsBackend(EcsOptions options)
      : name_(std::move(options.name)),
        region_(std::move(options.region)),
        clock_(*options.clock),
        api_(std::move(options.api)),
        rate_(clock_),
        now_api_(*api_, rate_, PacedApi::For::kNow),
        poll_api_(*api_, rate_, PacedApi::For::kPolling),
        reader_(now_api_, definitions_),
        poll_reader_(poll_api_, definitions_),
        view_(clock_, options.poll_period),
        last_words_(now_api_, clock_),
        questions_(clock_),
        tools_{now_api_, reader_, view_, clock_, questions_},
        inspector_(reader_, rate_, view_, clock_, 2 * options.poll_period),
        poller_(name_, {poll_reader_, inspector_, rate_}, view_, clock_,
                [this](const ServiceName* service) { Tell(service); }) {
    handlers_.push_back(MakeRedeployHandler(tools_));
    handlers_.push_back(MakeRollbackHandler(tools_));
    handlers_.push_back(MakeCountHandler(tools_));
    handlers_.push_back(MakeTaskHandler(tools_));
    handlers_.push_back(MakeResourceHandler(tools_));
  }
  ~EcsBackend() override { poller_.Stop(); }

  const std::string& name() const override { return name_; }
  Status Available() const override { return view_.status(); }

  StatusOr<std::vector<TargetRef>> Resolve(const Target& target,
                                           const std::string& /*ns*/) const override {
    if (!target.ecs) return InvalidArgumentError("backend " + name_ + ": no ecs target");
    SALVE_ASSIGN_OR_RETURN(const ServiceName service,
                           NameOf(*target.ecs, {region_, view_.account()}));
    Want(service);
    const auto seen = view_.Look(service);
    if (!seen.ok()) {
      return Status(seen.code(), seen.status().message()).WithReason(ReasonOf(seen.code()));
    }
    return std::vector<TargetRef>{RefOf(service)};
  }

  StatusOr<TargetObservation> Cached(const TargetRef& ref) const override {
    const auto service = ParseServiceName(ref.name);
    if (!service || ref.kind != kKindService) {
      return NotFoundError("backend " + name_ + " has no service \"" + Printable(ref.name, 300) +
                           "\"");
    }
    Want(*service);
    SALVE_ASSIGN_OR_RETURN(const Seen seen, view_.Look(*service));
    return Observation(ref, seen, last_words_.Known(seen), clock_.Now());
  }

  StatusOr<TargetObservation> Observe(const TargetRef& ref, const CallContext& context) override {
    const auto subject = SubjectOf(ref, context);
    if (subject.code() == Code::kNotFound) {
      return MissingObservation(ref, subject.status().message(), clock_.Now());
    }
    if (!subject.ok()) return subject.status();
    return Observation(ref, subject->seen, last_words_.Ask(subject->seen, context), clock_.Now());
  }

  StatusOr<std::vector<std::string>> Logs(const TargetRef& ref, int max_lines,
                                          const CallContext& context) override {
    const auto service = ParseServiceName(ref.name);
    auto seen = service ? view_.Look(*service) : StatusOr<Seen>(NotFoundError("no service"));
    if (!seen.ok() || seen->snapshot.definition == nullptr) {
      SALVE_ASSIGN_OR_RETURN(Subject subject, SubjectOf(ref, context));
      seen = std::move(subject.seen);
    }
    return ReadLogs(now_api_, *seen, max_lines, clock_.Now(), context);
  }

  StatusOr<ActionPlan> Plan(const Action& action, const TargetRef& ref,
                            const CallContext& context) override {
    SALVE_ASSIGN_OR_RETURN(const ActionHandler* handler, HandlerOf(action));
    SALVE_ASSIGN_OR_RETURN(const Subject subject, SubjectOf(ref, context));
    return handler->Plan(action, subject, context);
  }

  StatusOr<ActionResult> Execute(const ActionRequest& request) override {
    const MonoTime begin = clock_.Monotonic();
    const CallContext context{request.deadline, request.stop};
    SALVE_ASSIGN_OR_RETURN(const ActionHandler* handler, HandlerOf(request.action));
    SALVE_ASSIGN_OR_RETURN(const Subject subject, SubjectOf(request.target, context));
    SALVE_RETURN_IF_ERROR(CheckIdentity(request, subject));
    auto result = handler->Execute(request, subject, context);
    if (result.ok() && result->duration == Duration{0}) {
      result->duration = clock_.Monotonic() - begin;
    }
    poller_.Wake();
    Log(Severity::kInfo, "ecs action executed",
        {{"backend", name_},
         {"target", request.target.name},
         {"action", ActionName(request.action)},
         {"attempt", request.attempt_id},
         {"outcome", result.ok() ? healing::OutcomeName(result->outcome) : "Refused"},
         {"message", result.ok() ? result->message : result.status().message()}});
    return result;
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request) override {
    SALVE_ASSIGN_OR_RETURN(const ActionHandler* handler, HandlerOf(request.action));
    const auto service = ParseServiceName(request.target.name);
    if (!service) return Unknown("no service: " + request.target.name);
    auto result = handler->Outcome(request, *service, {request.deadline, request.stop});
    if (result.ok() || result.code() == Code::kUnavailable) return result;
    if (result.code() == Code::kNotFound) return Unknown(result.status().message());
    // Nothing is known of the attempt while ECS cannot be asked.
    if (result.code() != Code::kPermissionDenied) {
      return UnavailableError(result.status().message()).WithReason(result.status().reason());
    }
    return result;
  }

  StatusOr<ActionResult> RunProbe(const TargetRef& ref, const std::vector<std::string>& /*argv*/,
                                  const CallContext& /*context*/) override {
    return UnimplementedError("backend " + name_ + " runs no commands in tasks (" + ref.name +
                              "): use a probe of the address instead");
  }

  void OnChange(std::function<void(const TargetRef&)> callback) override {
    on_change_ = std::move(callback);
  }

  Status Start() override { return poller_.Start(); }
  void Stop() override { poller_.Stop(); }

 private:
  TargetRef RefOf(const ServiceName& service) const {
    return {name_, kKindService, service.ToString(), ""};
  }

  void Want(const ServiceName& service) const {
    if (view_.Want(service)) poller_.Wake();
  }

  void Tell(const ServiceName* service) const {
    if (on_change_) on_change_(service == nullptr ? TargetRef{name_, "", "", ""} : RefOf(*service));
  }

  StatusOr<Subject> SubjectOf(const TargetRef& ref, const CallContext& context) {
    bool news = false;
    auto subject = ReadSubject(reader_, view_, clock_, ref, context, &news);
    if (news && on_change_) on_change_(ref);
    return subject;
  }

  // An undo meets the service that the action changed; its own data say what must still hold.
  static Status CheckIdentity(const ActionRequest& request, const Subject& subject) {
    if (request.identity_before.empty()) return Status::Ok();
    const std::string identity = IdentityOf(subject.service());
    const bool same = request.undo_token.empty()
                          ? identity == request.identity_before
                          : ArnOf(identity) == ArnOf(request.identity_before);
    if (same) return Status::Ok();
    return ConflictError("service " + subject.name.ToString() + " is now " + identity +
                         ", the decision was made on " + request.identity_before)
        .WithReason(kReasonTargetDrifted);
  }

  StatusOr<const ActionHandler*> HandlerOf(const Action& action) const {
    return FindHandler(handlers_, action, name_);
  }

  const std::string name_;
  const std::string region_;
  Clock& clock_;
  const std::unique_ptr<Api> api_;
  CallRate rate_;
  PacedApi now_api_;
  PacedApi poll_api_;
  DefinitionCache definitions_;
  const Reader reader_;
  Reader poll_reader_;
  mutable View view_;  // looking at a target remembers that somebody does
  LastWords last_words_;
  OpenQuestions questions_;
  ActionTools tools_;
  std::vector<std::unique_ptr<ActionHandler>> handlers_;
  std::function<void(const TargetRef&)> on_change_;
  Inspector inspector_;
  mutable Poller poller_;
};

}  // namespace

std::unique_ptr<Backend> MakeEcsBackend(EcsOptions options) {
  return std::make_unique<EcsBackend>(std::move(options));
}

}  // namespace salve::backends::ecs
