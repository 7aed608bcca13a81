// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/testing/process.h"

#include <algorithm>

#include "pkg/reconcilers/testing/judge.h"
#include "pkg/reconcilers/wiring.h"

namespace salve::reconcilers::testing {
namespace {

using client::testing::Call;
using client::testing::EventFault;
using client::testing::Fault;
using What = Accident::What;
using Where = Accident::Where;

template <class T>
engine::Informer<T> MakeInformer(client::Client& client, engine::Environment env) {
  engine::ReflectorOptions options;
  options.resource = T::kInfo;
  return engine::Informer<T>(std::move(options), client, &apis::Decode<T>, env);
}

bool IsWrite(const std::string& verb) {
  return verb == "create" || verb == "update" || verb == "patch" || verb == "delete";
}

Status Dead() { return UnavailableError("the process is dead"); }

healing::Measurement MeasureIn(const World& world, bool blind, const probes::ProbeJob& job) {
  const auto it = world.figure.find(job.target.name);
  const int figure = blind ? -1 : it == world.figure.end() ? 100 : it->second;
  healing::Measurement m;
  m.at = world.clock.Now();
  m.health = std::max(figure, 0);
  m.state = figure < 0    ? healing::HealthState::kUnknown
            : figure < 70 ? healing::HealthState::kUnhealthy
                          : healing::HealthState::kHealthy;
  m.message = "health is " + std::to_string(figure);
  return m;
}

}  // namespace

// Passes everything on to the world's backend, unless the process is dead or an accident happens.
class World::Door final : public backends::Backend {
 public:
  Door(World& world, Process& process) : world_(world), process_(process) {}

  const std::string& name() const override { return world_.docker.name(); }
  Status Available() const override { return process_.dead ? Dead() : world_.docker.Available(); }
  StatusOr<std::vector<v1::TargetRef>> Resolve(const v1::Target& target,
                                               const std::string& ns) const override {
    if (process_.dead) return Dead();
    return world_.docker.Resolve(target, ns);
  }
  StatusOr<healing::TargetObservation> Cached(const v1::TargetRef& ref) const override {
    if (process_.dead) return Dead();
    return world_.docker.Cached(ref);
  }
  StatusOr<healing::TargetObservation> Observe(const v1::TargetRef& ref,
                                               const backends::CallContext& context) override {
    if (process_.dead) return Dead();
    return world_.docker.Observe(ref, context);
  }
  StatusOr<std::vector<std::string>> Logs(const v1::TargetRef& ref, int lines,
                                          const backends::CallContext& context) override {
    if (process_.dead) return Dead();
    return world_.docker.Logs(ref, lines, context);
  }
  StatusOr<healing::ActionPlan> Plan(const v1::Action& action, const v1::TargetRef& ref,
                                     const backends::CallContext& context) override {
    if (process_.dead) return Dead();
    return world_.docker.Plan(action, ref, context);
  }
  StatusOr<healing::ActionResult> Execute(const backends::ActionRequest& request) override;
  StatusOr<healing::ActionResult> Outcome(const backends::ActionRequest& request) override {
    if (process_.dead) return Dead();
    return world_.docker.Outcome(request);
  }
  StatusOr<healing::ActionResult> RunProbe(const v1::TargetRef& ref,
                                           const std::vector<std::string>& argv,
                                           const backends::CallContext& context) override {
    if (process_.dead) return Dead();
    return world_.docker.RunProbe(ref, argv, context);
  }
  // The world itself tells all controllers.
  void OnChange(std::function<void(const v1::TargetRef&)>) override {}
  Status Start() override { return Status::Ok(); }
  void Stop() override {}

 private:
  World& world_;
  Process& process_;
};

StatusOr<healing::ActionResult> World::Door::Execute(const backends::ActionRequest& request) {
  if (process_.dead) return Dead();
  ++world_.counts_[Where::kExecute];
  const What what = world_.Strikes(process_, Where::kExecute);
  const std::string name = "execute " + v1::ActionName(request.action);
  world_.Note(name, request.attempt_id);
  if (world_.before_effect) world_.before_effect(name);
  healing::ActionResult lost;
  lost.outcome = healing::ActionResult::Outcome::kUnknown;
  lost.message = "the answer was lost (injected)";
  switch (what) {
    case What::kCrashBefore:
      process_.dead = true;
      return Dead();
    case What::kUnavailable:
      return UnavailableError("no connection (injected)");
    case What::kServerError:
      return InternalError("the engine failed before it began (injected)");
    case What::kForbidden:
      return PermissionDeniedError("not for us (injected)");
    case What::kLoseRequest:
      return lost;
    default:
      break;
  }
  // Who stood still until it was too late does nothing that could be judged.
  if (world_.clock.Monotonic() >= request.deadline) return world_.docker.Execute(request);
  world_.judge_->BeforeExecution(process_.shell.settings, request);
  auto result = world_.docker.Execute(request);
  world_.judge_->AfterExecution(request);
  if (what == What::kCrashAfter) {
    process_.dead = true;
    return Dead();
  }
  if (what == What::kLoseAnswer) return lost;
  return result;
}

// Takes Events from a controller and forgets them.
class World::NoEvents final : public client::Client {
 public:
  StatusOr<client::Json> Get(const client::ResourceInfo&, const NamespacedName& name) override {
    return NotFoundError(name.ToString());
  }
  StatusOr<client::ObjectList> List(const client::ResourceInfo&,
                                    const client::ListOptions&) override {
    return UnimplementedError("list");
  }
  StatusOr<std::unique_ptr<client::WatchStream>> Watch(const client::ResourceInfo&,
                                                       const client::WatchOptions&) override {
    return UnimplementedError("watch");
  }
  StatusOr<client::Json> Create(const client::ResourceInfo&, const client::Json& object,
                                const client::WriteOptions&) override {
    return object;
  }
  StatusOr<client::Json> Update(const client::ResourceInfo&, const client::Json& object,
                                const client::WriteOptions&) override {
    return object;
  }
  StatusOr<client::Json> Patch(const client::ResourceInfo&, const NamespacedName&,
                               client::PatchType, const client::Json& patch,
                               const client::WriteOptions&) override {
    return patch;
  }
  Status Delete(const client::ResourceInfo&, const NamespacedName&,
                const client::DeleteOptions&) override {
    return Status::Ok();
  }
};

World::Process::Process(World& w, int n)
    : world(w),
      number(n),
      env{w.clock, w.random, engine::NoMetrics()},
      client(w.server),
      no_events(std::make_unique<NoEvents>()),
      event_client(w.options_.keep_events ? static_cast<client::Client&>(w.server) : *no_events),
      namespaces(MakeInformer<apis::core::v1::Namespace>(client, env)),
      guardrails(MakeInformer<v1::HealingGuardrail>(client, env)),
      policies(MakeInformer<v1::HealingPolicy>(client, env)),
      incidents(MakeInformer<v1::Incident>(client, env)),
      approvals(MakeInformer<v1::IncidentApproval>(client, env)),
      events({}, event_client, env),
      leases(client, w.clock),
      policy_status(client, policies),
      guardrail_status(client, guardrails),
      incident_status(client, incidents),
      prober(w.clock, [&w](const probes::ProbeJob& job) { return MeasureIn(w, w.blind_, job); }),
      files(w.disk == nullptr
                ? nullptr
                : std::make_unique<files::Poller>(
                      std::make_unique<files::testing::FakeReader>(*w.disk), w.clock,
                      [this](const NamespacedName& key) { policy_controller.Enqueue(key); })),
      shell{client,        policies,
            incidents,     approvals,
            guardrails,    namespaces,
            backends,      prober,
            health,        targets,
            policy_status, guardrail_status,
            leases,        events,
            metrics,       SystemTimeZones(),
            w.clock,       {w.clock.Now(), w.clock.Monotonic()},
            w.settings,    w.audit,
            files.get()},
      policy_reconciler(shell,
                        [this](const NamespacedName& key) { policy_controller.Enqueue(key); }),
      incident_reconciler(shell),
      notification_reconciler(shell, w.sinks, incident_status, w.random),
      policy_controller("healingpolicy", policy_reconciler, {}, env),
      incident_controller("incident", incident_reconciler, {}, env),
      notification_controller("notification", notification_reconciler, {}, env) {
  for (const std::string& sink : w.sinks.Names()) shell.settings.sink_namespaces[sink] = {"*"};
  if (number > 0) shell.settings.lease_holder += "-" + std::to_string(number + 1);
  client.on_call = [this](const Call& call) {
    if (dead) return Fault::Refuse(Dead());
    return IsWrite(call.verb) ? world.OnWrite(*this, call) : world.OnRead(*this, call);
  };
  client.after_call = [this](const Call& call, const Status& status) {
    world.AfterCall(*this, call, status);
  };
  client.on_event = [this](const client::ResourceInfo&, const client::WatchEvent&) -> EventFault {
    ++world.counts_[Where::kEvent];
    switch (world.Strikes(*this, Where::kEvent)) {
      case What::kDuplicate:
        return {EventFault::Kind::kDuplicate, {}};
      case What::kMalformed:
        return {EventFault::Kind::kFail,
                InternalError("half an event (injected)").WithReason("MalformedEvent")};
      case What::kCutWatches:
        return {EventFault::Kind::kFail, AbortedError("connection reset (injected)")};
      case What::kServerError:
        return {EventFault::Kind::kFail, InternalError("etcdserver: no leader (injected)")};
      case What::kGone:
        return {EventFault::Kind::kFail, ExpiredError("410 (injected)").WithReason("Expired")};
      default:
        return {};
    }
  };
  event_client.on_call = [this](const Call&) {
    return dead ? Fault::Refuse(Dead()) : Fault::None();
  };
  events.SetManual();
  backends.Add(std::make_unique<Door>(w, *this));
  AddIndexes(incidents, approvals);
  WatchForPolicies(shell, policy_controller);
  WatchForIncidents(shell, incident_controller);
  WatchForNotifications(shell, notification_controller);
  for (engine::InformerBase* informer : std::initializer_list<engine::InformerBase*>{
           &namespaces, &guardrails, &policies, &incidents, &approvals}) {
    watching.push_back({informer});
  }
}

}  // namespace salve::reconcilers::testing
