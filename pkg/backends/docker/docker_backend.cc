// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/docker_backend.h"

#include <string_view>
#include <utility>
#include <vector>

#include "pkg/backends/docker/action_handler.h"
#include "pkg/backends/docker/engine_client.h"
#include "pkg/backends/docker/view.h"
#include "pkg/backends/docker/watcher.h"
#include "pkg/backends/handlers.h"
#include "pkg/backends/text.h"
#include "pkg/base/log.h"
#include "pkg/healing/outcome.h"

namespace salve::backends::docker {
namespace {

using apis::salve::v1alpha1::Target;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using healing::TargetObservation;
using healing::TargetRef;

constexpr char kKind[] = "Container";

class DockerBackend final : public Backend {
 public:
  DockerBackend(DockerOptions options, std::unique_ptr<http::Transport> transport)
      : name_(std::move(options.name)),
        clock_(*options.clock),
        client_(std::move(transport), clock_),
        view_(name_),
        tools_{client_, view_, clock_, std::move(options.exec_environment),
               options.terminate_postgres_superusers},
        watcher_(name_, client_, view_, clock_, *options.random, [this](const std::string& target) {
          if (on_change_) on_change_({name_, kKind, target});
        }) {
    handlers_.push_back(MakeLifecycleHandler(tools_));
    handlers_.push_back(MakeResourceHandler(tools_));
    handlers_.push_back(MakeExecHandler(tools_));
    handlers_.push_back(MakeRedisHandler(tools_));
    handlers_.push_back(MakePostgresHandler(tools_));
  }
  ~DockerBackend() override { watcher_.Stop(); }

  const std::string& name() const override { return name_; }
  Status Available() const override { return view_.status(); }

  StatusOr<std::vector<TargetRef>> Resolve(const Target& target,
                                           const std::string& /*ns*/) const override {
    if (!target.docker) return InvalidArgumentError("backend " + name_ + ": no docker target");
    return view_.Resolve(*target.docker);
  }

  StatusOr<TargetObservation> Cached(const TargetRef& ref) const override {
    return view_.Observe(ref.name, clock_.Now());
  }

  StatusOr<TargetObservation> Observe(const TargetRef& ref, const CallContext& context) override {
    const auto container = Inspect(ref, context);
    if (container.code() == Code::kNotFound) return MissingObservation(ref, clock_.Now());
    if (!container.ok()) return container.status();
    return view_.Describe(*container, clock_.Now());
  }

  StatusOr<std::vector<std::string>> Logs(const TargetRef& ref, int max_lines,
                                          const CallContext& context) override {
    SALVE_ASSIGN_OR_RETURN(const ContainerState container, Inspect(ref, context));
    return client_.Logs(container.id, container.tty, max_lines, context);
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
    const std::string identity = subject.container.Identity();
    if (!request.identity_before.empty() && request.identity_before != identity) {
      return ConflictError("container " + request.target.name + " is now " + identity +
                           ", the decision was made on " + request.identity_before)
          .WithReason(kReasonTargetDrifted);
    }
    auto result = handler->Execute(request, subject, context);
    if (result.ok() && result->duration == Duration{0}) {
      result->duration = clock_.Monotonic() - begin;
    }
    Log(Severity::kInfo, "docker action executed",
        {{"backend", name_},
         {"container", request.target.name},
         {"action", ActionName(request.action)},
         {"attempt", request.attempt_id},
         {"outcome", result.ok() ? healing::OutcomeName(result->outcome) : "Refused"},
         {"message", result.ok() ? result->message : result.status().message()}});
    return result;
  }

  StatusOr<ActionResult> Outcome(const ActionRequest& request) override {
    const CallContext context{request.deadline, request.stop};
    SALVE_ASSIGN_OR_RETURN(const ActionHandler* handler, HandlerOf(request.action));
    const auto subject = SubjectOf(request.target, context);
    if (subject.code() == Code::kNotFound) return Unknown(subject.status().message());
    if (!subject.ok()) return subject.status();
    return handler->Outcome(request, *subject, context);
  }

  StatusOr<ActionResult> RunProbe(const TargetRef& ref, const std::vector<std::string>& argv,
                                  const CallContext& context) override {
    SALVE_ASSIGN_OR_RETURN(const Subject subject, SubjectOf(ref, context));
    ExecSpec spec;
    spec.argv = argv;
    return RunInside(tools_, subject, std::move(spec), context);
  }

  void OnChange(std::function<void(const TargetRef&)> callback) override {
    on_change_ = std::move(callback);
  }

  Status Start() override {
    watcher_.Start();
    return Status::Ok();
  }
  void Stop() override { watcher_.Stop(); }

 private:
  StatusOr<ContainerState> Inspect(const TargetRef& ref, const CallContext& context) {
    const auto inspect = client_.Call(Endpoint::kInspect, ref.name, {}, nullptr, context);
    if (!inspect.ok()) return inspect.status();
    auto state = ParseContainer(*inspect);
    // The engine also finds containers by the beginning of their id.
    if (state.ok() && state->name != ref.name) {
      return NotFoundError("backend " + name_ + " has no container \"" + ref.name + "\"");
    }
    return state;
  }

  StatusOr<Subject> SubjectOf(const TargetRef& ref, const CallContext& context) {
    SALVE_ASSIGN_OR_RETURN(ContainerState container, Inspect(ref, context));
    return Subject{ref, std::move(container)};
  }

  StatusOr<const ActionHandler*> HandlerOf(const Action& action) const {
    return FindHandler(handlers_, action, name_);
  }

  const std::string name_;
  Clock& clock_;
  EngineClient client_;
  View view_;
  ActionTools tools_;
  std::vector<std::unique_ptr<ActionHandler>> handlers_;
  std::function<void(const TargetRef&)> on_change_;
  Watcher watcher_;
};

StatusOr<std::unique_ptr<http::Transport>> Connect(const DockerOptions& options) {
  constexpr std::string_view kUnix = "unix://";
  constexpr std::string_view kTcp = "tcp://";
  const std::string_view host = options.host;
  if (host.substr(0, kUnix.size()) == kUnix && host.size() > kUnix.size() + 1 &&
      host[kUnix.size()] == '/') {
    return http::MakeUnixTransport(std::string(host.substr(kUnix.size())), *options.clock);
  }
  if (host.substr(0, kTcp.size()) == kTcp && host.size() > kTcp.size()) {
    const std::string base =
        (options.use_tls ? "https://" : "http://") + std::string(host.substr(kTcp.size()));
    return http::MakeTcpTransport(base, options.tls, *options.clock);
  }
  return InvalidArgumentError("docker backend " + options.name + ": host \"" +
                              Printable(host, 200) +
                              "\" is neither unix:///path nor tcp://host:port");
}

}  // namespace

StatusOr<std::unique_ptr<Backend>> MakeDockerBackend(DockerOptions options) {
  std::unique_ptr<http::Transport> transport = std::move(options.transport);
  if (transport == nullptr) {
    SALVE_ASSIGN_OR_RETURN(transport, Connect(options));
  }
  return std::unique_ptr<Backend>(
      std::make_unique<DockerBackend>(std::move(options), std::move(transport)));
}

}  // namespace salve::backends::docker
