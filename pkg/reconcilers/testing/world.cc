// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/testing/world.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "pkg/base/time_format.h"
#include "pkg/client/testing/interceptor_client.h"
#include "pkg/engine/controller.h"
#include "pkg/healing/budget.h"
#include "pkg/healing/machine.h"
#include "pkg/reconcilers/healingpolicy_reconciler.h"
#include "pkg/reconcilers/incident_reconciler.h"
#include "pkg/reconcilers/testing/scripted_prober.h"
#include "pkg/reconcilers/wiring.h"

namespace salve::reconcilers::testing {
namespace {

using client::testing::Call;
using client::testing::Fault;
using std::chrono::seconds;

// More rounds than any instant needs; a world that wants more is spinning.
constexpr int kMaxRounds = 2000;
const WallTime kStart = *ParseTime("2026-12-01T12:00:00Z");

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

}  // namespace

// What one life of the controller has in memory: the same parts, in the same order, as the
// product's graph.
struct World::Process {
  explicit Process(World& w);

  World& world;
  bool dead = false;
  engine::Environment env;
  client::testing::InterceptorClient client;
  client::testing::InterceptorClient event_client;
  backends::Registry backends;
  engine::Informer<apis::core::v1::Namespace> namespaces;
  engine::Informer<v1::HealingGuardrail> guardrails;
  engine::Informer<v1::HealingPolicy> policies;
  engine::Informer<v1::Incident> incidents;
  engine::Informer<v1::IncidentApproval> approvals;
  engine::EventRecorder events;
  engine::TargetLeases leases;
  HealthTable health;
  TargetIndex targets;
  StatusUpdater<v1::HealingPolicy> policy_status;
  StatusUpdater<v1::HealingGuardrail> guardrail_status;
  ScriptedProber prober;
  HealingMetrics metrics;
  Shell shell;
  HealingPolicyReconciler policy_reconciler;
  IncidentReconciler incident_reconciler;
  engine::Controller policy_controller;
  engine::Controller incident_controller;

  std::vector<engine::InformerBase*> Informers() {
    return {&namespaces, &guardrails, &policies, &incidents, &approvals};
  }
  Fault OnCall(const Call& call);
};

// Passes everything on to the world's backend, unless the process is dead or an accident happens.
class World::Door final : public backends::Backend {
 public:
  Door(World& world, Process& process) : world_(world), process_(process) {}

  const std::string& name() const override { return world_.docker.name(); }
  Status Available() const override { return process_.dead ? Dead() : world_.docker.Available(); }
  StatusOr<std::vector<v1::TargetRef>> Resolve(const v1::Target& target) const override {
    if (process_.dead) return Dead();
    return world_.docker.Resolve(target);
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
  void OnChange(std::function<void(const v1::TargetRef&)> callback) override {
    world_.docker.OnChange(std::move(callback));
  }
  Status Start() override { return Status::Ok(); }
  void Stop() override {}

 private:
  World& world_;
  Process& process_;
};

StatusOr<healing::ActionResult> World::Door::Execute(const backends::ActionRequest& request) {
  if (process_.dead) return Dead();
  ++world_.executes_;
  const Accident::What what = world_.Strikes(Accident::Where::kExecute, world_.executes_);
  if (world_.before_effect) world_.before_effect("execute " + v1::ActionName(request.action));
  if (what == Accident::What::kCrashBefore) {
    process_.dead = true;
    return Dead();
  }
  if (what == Accident::What::kUnavailable) return UnavailableError("no connection (injected)");
  world_.JudgeExecution(request);
  auto result = world_.docker.Execute(request);
  if (what == Accident::What::kCrashAfter) {
    process_.dead = true;
    return Dead();
  }
  if (what == Accident::What::kLoseAnswer) {
    healing::ActionResult lost;
    lost.outcome = healing::ActionResult::Outcome::kUnknown;
    lost.message = "the answer was lost (injected)";
    return lost;
  }
  return result;
}

World::Process::Process(World& w)
    : world(w),
      env{w.clock, w.random, engine::NoMetrics()},
      client(w.server),
      event_client(w.server),
      namespaces(MakeInformer<apis::core::v1::Namespace>(client, env)),
      guardrails(MakeInformer<v1::HealingGuardrail>(client, env)),
      policies(MakeInformer<v1::HealingPolicy>(client, env)),
      incidents(MakeInformer<v1::Incident>(client, env)),
      approvals(MakeInformer<v1::IncidentApproval>(client, env)),
      events({}, event_client, env),
      leases(client, w.clock),
      policy_status(client, policies),
      guardrail_status(client, guardrails),
      prober(w.clock,
             [&w](const probes::ProbeJob& job) {
               const auto it = w.figure.find(job.target.name);
               const int figure = it == w.figure.end() ? 100 : it->second;
               healing::Measurement m;
               m.at = w.clock.Now();
               m.health = std::max(figure, 0);
               m.state = figure < 0    ? healing::HealthState::kUnknown
                         : figure < 70 ? healing::HealthState::kUnhealthy
                                       : healing::HealthState::kHealthy;
               m.message = "health is " + std::to_string(figure);
               return m;
             }),
      shell{client,        policies,
            incidents,     approvals,
            guardrails,    namespaces,
            backends,      prober,
            health,        targets,
            policy_status, guardrail_status,
            leases,        events,
            metrics,       SystemTimeZones(),
            w.clock,       {w.clock.Now(), w.clock.Monotonic()},
            w.settings},
      policy_reconciler(shell,
                        [this](const NamespacedName& key) { policy_controller.Enqueue(key); }),
      incident_reconciler(shell),
      policy_controller("healingpolicy", policy_reconciler, {}, env),
      incident_controller("incident", incident_reconciler, {}, env) {
  client.on_call = [this](const Call& call) { return OnCall(call); };
  event_client.on_call = [this](const Call&) {
    return dead ? Fault::Refuse(Dead()) : Fault::None();
  };
  events.SetManual();
  backends.Add(std::make_unique<Door>(w, *this));
  AddIndexes(incidents, approvals);
  WatchForPolicies(shell, policy_controller);
  WatchForIncidents(shell, incident_controller);
  w.docker.OnChange([this](const v1::TargetRef& ref) {
    for (const NamespacedName& key : targets.PoliciesOf(ref)) policy_controller.Enqueue(key);
  });
}

Fault World::Process::OnCall(const Call& call) {
  if (dead) return Fault::Refuse(Dead());
  if (!IsWrite(call.verb)) return Fault::None();
  ++world.writes_;
  if (world.before_effect) {
    world.before_effect(call.verb + " " + call.resource.plural + "/" + call.subresource + " " +
                        call.name.name);
  }
  switch (world.Strikes(Accident::Where::kWrite, world.writes_)) {
    case Accident::What::kNone:
      break;
    case Accident::What::kCrashBefore:
      dead = true;
      return Fault::Refuse(Dead());
    case Accident::What::kCrashAfter:
      dead = true;
      return Fault::LoseResponse(Dead());
    case Accident::What::kLoseAnswer:
      return Fault::LoseResponse();
    case Accident::What::kConflict:
      return Fault::Refuse(ConflictError("the object has been modified (injected)"));
    case Accident::What::kUnavailable:
      return Fault::Refuse(UnavailableError("the server is busy (injected)"));
  }
  return Fault::None();
}

World::World() : clock(kStart), server(clock), docker("docker", clock) {
  settings.identity = kController;
  settings.backend_namespaces["docker"] = {"*"};
  apis::core::v1::Namespace ns;
  ns.metadata.name = kNs;
  Create(ns);
  figure_after = {{"restart", 100}, {"start", 100}, {"redisFlushAll", 100}};
  for (const std::string& action : v1::ActionNames()) {
    docker.SetEffect(action, [this, action](backends::fake::FakeContainer& container) {
      const auto it = figure_after.find(action);
      if (it != figure_after.end()) figure[container.id] = it->second;
    });
  }
}

World::~World() { docker.OnChange(nullptr); }

void World::Must(const Status& status) { ASSERT_TRUE(status.ok()) << status.ToString(); }

void World::AddContainer(const std::string& name) {
  backends::fake::FakeContainer container;
  container.id = name;
  docker.Add(name, container);
}

Accident::What World::Strikes(Accident::Where where, int count) const {
  for (const Accident& accident : accidents) {
    if (accident.where == where && accident.at == count) return accident.what;
  }
  return Accident::What::kNone;
}

void World::Restart() {
  docker.OnChange(nullptr);
  process_.reset();
  process_ = std::make_unique<Process>(*this);
}

bool World::StepInformers() {
  bool progress = false;
  for (engine::InformerBase* informer : process_->Informers()) {
    for (int i = 0; i < kMaxRounds && informer->Step() <= clock.Monotonic(); ++i) progress = true;
  }
  return progress;
}

void World::Settle() {
  if (process_ == nullptr) Restart();
  for (int round = 0; round < kMaxRounds; ++round) {
    bool progress = StepInformers();
    if (process_->prober.RunDue()) progress = true;
    if (process_->policy_controller.ProcessOne()) progress = true;
    if (process_->incident_controller.ProcessOne()) progress = true;
    if (process_->events.WriteOne()) progress = true;
    if (process_->dead) {
      ++crashes_;
      clock.Advance(downtime);
      Restart();
      progress = true;
    }
    if (!progress) return;
  }
  FAIL() << "the world spins at " << FormatTime(clock.Now()) << "\n" << Story();
}

MonoTime World::NextEvent() {
  MonoTime next =
      std::min({process_->policy_controller.queue().NextDelayed(),
                process_->incident_controller.queue().NextDelayed(), process_->prober.NextDue()});
  for (engine::InformerBase* informer : process_->Informers())
    next = std::min(next, informer->Step());
  // What is due already and could not be handled is looked at again soon.
  return std::max(next, clock.Monotonic() + std::chrono::milliseconds(1));
}

bool World::AdvanceUntil(const std::function<bool()>& done, Duration limit) {
  const MonoTime end = clock.Monotonic() + limit;
  for (Settle(); !::testing::Test::HasFatalFailure(); Settle()) {
    if (done()) return true;
    if (clock.Monotonic() >= end) return false;
    clock.Advance(std::min(NextEvent(), end) - clock.Monotonic());
  }
  return false;
}

void World::Advance(Duration by) {
  (void)AdvanceUntil([] { return false; }, by);
}

v1::HealingPolicy World::Policy(const std::string& name) {
  return Find<v1::HealingPolicy>({kNs, name}).value_or(v1::HealingPolicy{});
}

std::vector<v1::Incident> World::Incidents(const std::string& policy) {
  std::vector<v1::Incident> of_policy;
  for (const v1::Incident& incident : All<v1::Incident>()) {
    if (incident.spec.policy_ref.name == policy) of_policy.push_back(incident);
  }
  std::stable_sort(of_policy.begin(), of_policy.end(), [](const auto& a, const auto& b) {
    return a.metadata.creation_timestamp < b.metadata.creation_timestamp;
  });
  return of_policy;
}

v1::Incident World::Incident(const std::string& policy) {
  const std::vector<v1::Incident> all = Incidents(policy);
  return all.empty() ? v1::Incident{} : all.back();
}

void World::Decide(const v1::Incident& incident, const std::string& decision,
                   const std::string& approver) {
  v1::IncidentApproval approval;
  approval.metadata.ns = incident.metadata.ns;
  approval.metadata.name = "approval-" + std::to_string(++approvals_);
  approval.spec.incident_name = incident.metadata.name;
  approval.spec.incident_uid = incident.metadata.uid;
  approval.spec.policy_name = incident.spec.policy_ref.name;
  approval.spec.proposal_digest = incident.status.proposal ? incident.status.proposal->digest : "";
  approval.spec.decision = decision;
  approval.spec.approver = approver;
  Create(approval);
}

// The promises of the execution protocol, as the server's and the backend's state show them at the
// moment when something is about to be changed.
void World::JudgeExecution(const backends::ActionRequest& request) {
  const auto complain = [&](const std::string& what) {
    broken_.push_back(FormatTime(clock.Now()) + " " + request.attempt_id + ": " + what);
  };
  const std::string undo_tail = "-undo";
  const bool undo = request.attempt_id.size() > undo_tail.size() &&
                    request.attempt_id.compare(request.attempt_id.size() - undo_tail.size(),
                                               undo_tail.size(), undo_tail) == 0;
  const std::string id =
      undo ? request.attempt_id.substr(0, request.attempt_id.size() - undo_tail.size())
           : request.attempt_id;
  const v1::Incident* owner = nullptr;
  const std::vector<v1::Incident> all = All<v1::Incident>();
  for (const v1::Incident& incident : all) {
    if (healing::FindAttempt(incident.status, id) != nullptr) owner = &incident;
  }
  if (owner == nullptr) return complain("no incident has a stored intent for it");
  const v1::Attempt& attempt = *healing::FindAttempt(owner->status, id);
  if (attempt.phase != (undo ? healing::kAttemptUndoIntended : healing::kAttemptIntended)) {
    complain("its stored phase is " + attempt.phase);
  }
  if (docker.Executions(request.attempt_id) > 0) complain("it was executed before");
  bool reserved = false;
  if (const auto policy = Find<v1::HealingPolicy>({kNs, owner->spec.policy_ref.name})) {
    for (const v1::ActionRecord& r : policy->status.actions) reserved |= r.attempt_id == id;
    if (!reserved) complain("no reservation is stored for it");
  }
  for (const v1::GateStatus& gate : owner->status.gates) {
    if (!undo && gate.result != "Pass") complain("gate " + gate.name + " did not pass");
  }
  for (const v1::Incident& other : all) {
    if (other.metadata.uid == owner->metadata.uid || !(other.spec.target == owner->spec.target))
      continue;
    const v1::Attempt* running = healing::RunningAttempt(other.status);
    // An intent that never got further than its second look changes nothing.
    if (running != nullptr && running->phase != healing::kAttemptIntended) {
      complain("incident " + other.metadata.name + " is acting on the same target");
    }
  }
}

void World::CheckRecords() {
  std::map<std::string, int> executed;
  for (const backends::ActionRequest& request : docker.Requests()) {
    const int times = docker.Executions(request.attempt_id);
    if (times > 1)
      broken_.push_back(request.attempt_id + " was executed " + std::to_string(times) + " times");
    const bool undo = request.attempt_id.find("-undo") != std::string::npos;
    if (times > 0 && !undo) executed[request.attempt_id] = times;
  }
  for (const v1::HealingPolicy& policy : All<v1::HealingPolicy>()) {
    // Within the window that ends now: older records are kept for other reasons.
    const std::int64_t spent =
        healing::SpentOf(policy.status.actions, policy.spec.guardrails.max_actions, clock.Now()).spent;
    if (spent > policy.spec.guardrails.max_actions.count) {
      broken_.push_back(policy.metadata.name + " has " + std::to_string(spent) + " reservations");
    }
    for (const v1::ActionRecord& record : policy.status.actions) {
      const auto incident = Find<v1::Incident>({kNs, record.incident});
      if (!incident || !healing::IsResolved(incident->status)) continue;
      const v1::Attempt* attempt = healing::FindAttempt(incident->status, record.attempt_id);
      if (record.result.empty()) broken_.push_back("record " + record.attempt_id + " still runs");
      const bool ran = executed.count(record.attempt_id) > 0;
      if (ran && attempt == nullptr)
        broken_.push_back(record.attempt_id + " ran without an attempt");
      if (ran && record.result == "NotExecuted") {
        broken_.push_back(record.attempt_id + " ran, and its record says NotExecuted");
      }
    }
  }
}

std::string World::Story() {
  std::string out;
  for (const v1::Incident& incident : All<v1::Incident>()) {
    out +=
        incident.metadata.name + " " + incident.status.phase + " " + incident.status.outcome + "\n";
    for (const v1::TimelineEntry& e : incident.status.timeline) {
      out += "  " + e.at + " " + e.phase + ": " + e.message + "\n";
    }
  }
  for (const v1::HealingPolicy& policy : All<v1::HealingPolicy>()) {
    for (const v1::ActionRecord& r : policy.status.actions) {
      out += "record " + policy.metadata.name + " " + r.attempt_id + " " + r.target + " " + r.step +
             " \"" + r.result + "\"\n";
    }
  }
  for (const std::string& sentence : broken_) out += "BROKEN " + sentence + "\n";
  return out;
}

v1::Step MakeStep(const std::string& name, v1::Action action) {
  v1::Step step;
  step.name = name;
  step.action = std::move(action);
  step.on_verification_failed = "Next";
  return step;
}

v1::Step HumanStep() {
  v1::Step step;
  step.name = "human";
  step.escalate.emplace();
  return step;
}

v1::Action Restart() {
  v1::Action action;
  action.restart.emplace();
  return action;
}

v1::Action MoreMemory() {
  v1::Action action;
  action.update_resources.emplace().memory_bytes = 128 << 20;
  return action;
}

v1::Action Stop() {
  v1::Action action;
  action.stop.emplace();
  return action;
}

v1::Action Flush() {
  v1::Action action;
  action.redis_flush_all.emplace();
  return action;
}

v1::HealingPolicy MakePolicy(const std::string& name, const std::string& container) {
  v1::HealingPolicy policy;
  policy.metadata.name = name;
  policy.metadata.ns = kNs;
  policy.spec.mode = v1::kModeAuto;
  v1::DockerTarget& target = policy.spec.target.docker.emplace();
  target.backend = "docker";
  target.container = container;
  v1::Probe probe;
  probe.name = "health";
  probe.tcp.emplace().address = "127.0.0.1:6379";
  policy.spec.probes = {probe};
  v1::DiagnosisRule rule;
  rule.name = "ill";
  rule.when.probe = "health";
  rule.cause = "Unresponsive";
  rule.step = "restart";
  policy.spec.diagnosis.rules = {rule};
  policy.spec.diagnosis.builtin_packs = false;
  policy.spec.ladder = {MakeStep("restart", Restart()), HumanStep()};
  policy.spec.guardrails.max_actions = {5, 3600};
  return policy;
}

}  // namespace salve::reconcilers::testing
