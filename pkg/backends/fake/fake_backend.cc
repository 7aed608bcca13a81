// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/fake/fake_backend.h"

#include <algorithm>
#include <utility>

namespace salve::backends::fake {
namespace {

namespace v1alpha1 = apis::salve::v1alpha1;
using healing::Action;
using healing::ActionPlan;
using healing::ActionResult;
using healing::HealthState;
using healing::TargetObservation;
using healing::TargetRef;
using AppliedState = healing::ActionResult::Outcome;

ActionResult Result(AppliedState outcome, std::string message) {
  ActionResult result;
  result.outcome = outcome;
  result.message = std::move(message);
  return result;
}

bool IsRecognisable(const Action& a) {
  return a.restart || a.start || a.stop || a.kill || a.pause || a.unpause || a.update_resources;
}

const char* RiskOf(const Action& a) {
  if (a.start || a.unpause || a.wait) return v1alpha1::kRiskLow;
  if (a.stop || a.kill || a.exec || a.redis_flush_all) return v1alpha1::kRiskHigh;
  return v1alpha1::kRiskMedium;
}

void SetInverse(const Action& a, const FakeContainer& state, ActionPlan& plan) {
  if (a.start) plan.undo.emplace().stop.emplace();
  if (a.stop || a.kill) plan.undo.emplace().start.emplace();
  if (a.pause) plan.undo.emplace().unpause.emplace();
  if (a.unpause) plan.undo.emplace().pause.emplace();
  if (a.update_resources) {
    plan.undo.emplace().update_resources.emplace().memory_bytes = state.memory_bytes;
  }
  if (plan.undo) {
    plan.reversible = true;
    plan.undo_command = "fake " + ActionName(*plan.undo);
    plan.undo_token = state.Identity();
  }
}

}  // namespace

FakeBackend::FakeBackend(std::string name, Clock& clock) : name_(std::move(name)), clock_(clock) {}

void FakeBackend::Add(const std::string& container, FakeContainer state) {
  {
    MutexLock lock(mu_);
    if (state.id.empty()) state.id = "fake" + std::to_string(next_id_++);
    containers_[container] = std::move(state);
  }
  Notify(container);
}

void FakeBackend::Remove(const std::string& container) {
  {
    MutexLock lock(mu_);
    containers_.erase(container);
  }
  Notify(container);
}

void FakeBackend::Change(const std::string& container,
                         const std::function<void(FakeContainer&)>& change) {
  {
    MutexLock lock(mu_);
    change(containers_.at(container));
  }
  Notify(container);
}

FakeContainer FakeBackend::Get(const std::string& container) const {
  MutexLock lock(mu_);
  return containers_.at(container);
}

void FakeBackend::SetFault(Operation operation, Fault fault) {
  MutexLock lock(mu_);
  faults_[operation] = fault;
}

void FakeBackend::SetAvailable(Status status) {
  {
    MutexLock lock(mu_);
    available_ = std::move(status);
  }
  Notify("");
}

void FakeBackend::SetEffect(const std::string& action, std::function<void(FakeContainer&)> effect) {
  MutexLock lock(mu_);
  effects_[action] = std::move(effect);
}

void FakeBackend::SetPlanned(const std::string& action, std::function<void(ActionPlan&)> change) {
  MutexLock lock(mu_);
  planned_[action] = std::move(change);
}

void FakeBackend::SetProbe(
    std::function<StatusOr<ActionResult>(const std::string&, const std::vector<std::string>&)>
        probe) {
  MutexLock lock(mu_);
  probe_ = std::move(probe);
}

int FakeBackend::Executions(const std::string& attempt_id) const {
  MutexLock lock(mu_);
  const auto it = executions_.find(attempt_id);
  return it == executions_.end() ? 0 : it->second;
}

int FakeBackend::TotalExecutions() const {
  MutexLock lock(mu_);
  int total = 0;
  for (const auto& [id, count] : executions_) total += count;
  return total;
}

std::vector<ActionRequest> FakeBackend::Requests() const {
  MutexLock lock(mu_);
  return requests_;
}

int FakeBackend::Calls(Operation operation) const {
  MutexLock lock(mu_);
  const auto it = calls_.find(operation);
  return it == calls_.end() ? 0 : it->second;
}

Status FakeBackend::Available() const {
  MutexLock lock(mu_);
  return available_;
}

StatusOr<std::vector<TargetRef>> FakeBackend::Resolve(const v1alpha1::Target& target,
                                                      const std::string& /*ns*/) const {
  MutexLock lock(mu_);
  if (!available_.ok()) return available_;
  if (!target.docker) return InvalidArgumentError("backend " + name_ + ": no docker target");
  std::map<std::string, std::string> wanted = target.docker->labels;
  if (target.docker->compose) {
    wanted["com.docker.compose.project"] = target.docker->compose->project;
    wanted["com.docker.compose.service"] = target.docker->compose->service;
  }
  std::vector<TargetRef> refs;
  for (const auto& [name, state] : containers_) {
    const auto has = [&labels = state.labels](const auto& label) {
      const auto it = labels.find(label.first);
      return it != labels.end() && it->second == label.second;
    };
    const bool match = target.docker->container.empty()
                           ? !wanted.empty() && std::all_of(wanted.begin(), wanted.end(), has)
                           : name == target.docker->container;
    if (match) refs.push_back({name_, "Container", name});
  }
  return refs;
}

TargetObservation FakeBackend::Describe(const std::string& container,
                                        const FakeContainer& state) const {
  TargetObservation out;
  out.ref = {name_, "Container", container};
  out.conditions = state.conditions;
  if (state.paused) out.conditions.emplace_back(healing::kConditionPaused);
  const bool ill = std::any_of(out.conditions.begin(), out.conditions.end(), [](const auto& c) {
    return c != healing::kConditionHealthCheckPassing;
  });
  out.state = state.running && !ill ? HealthState::kHealthy : HealthState::kUnhealthy;
  out.identity = state.Identity();
  out.configuration = state.configuration;
  out.running = state.running;
  if (!state.running) out.exit_code = state.exit_code;
  out.message = state.message;
  out.labels = state.labels;
  out.at = clock_.Now();
  return out;
}

StatusOr<TargetObservation> FakeBackend::Cached(const TargetRef& ref) const {
  MutexLock lock(mu_);
  if (!available_.ok()) return available_;
  const auto it = containers_.find(ref.name);
  if (it == containers_.end()) return NotFoundError("no container \"" + ref.name + "\"");
  return Describe(it->first, it->second);
}

Status FakeBackend::Begin(Operation operation, const CallContext& context) {
  MutexLock lock(mu_);
  ++calls_[operation];
  switch (faults_[operation]) {
    case Fault::kNone:
    case Fault::kLoseResponse:
    case Fault::kLoseRequest:
    case Fault::kDrift:
      return Status::Ok();
    case Fault::kUnavailable:
      return UnavailableError("backend " + name_ + ": connection refused (injected)");
    case Fault::kError:
      return InvalidArgumentError("backend " + name_ + ": refused (injected)");
    case Fault::kHang:
      break;
  }
  std::stop_callback wake(context.stop, [this] { wake_.NotifyAll(); });
  while (!context.stop.stop_requested() && clock_.Monotonic() < context.deadline &&
         faults_[operation] == Fault::kHang) {
    clock_.WaitUntil(wake_, mu_, context.deadline);
  }
  return DeadlineExceededError("backend " + name_ + ": no answer in time (injected)");
}

StatusOr<TargetObservation> FakeBackend::Observe(const TargetRef& ref, const CallContext& context) {
  SALVE_RETURN_IF_ERROR(Begin(Operation::kObserve, context));
  MutexLock lock(mu_);
  const auto it = containers_.find(ref.name);
  if (it != containers_.end()) return Describe(it->first, it->second);
  TargetObservation missing;
  missing.ref = ref;
  missing.state = HealthState::kMissing;
  missing.at = clock_.Now();
  return missing;
}

StatusOr<std::vector<std::string>> FakeBackend::Logs(const TargetRef& ref, int max_lines,
                                                     const CallContext& context) {
  SALVE_RETURN_IF_ERROR(Begin(Operation::kLogs, context));
  MutexLock lock(mu_);
  const auto it = containers_.find(ref.name);
  if (it == containers_.end()) return NotFoundError("no container \"" + ref.name + "\"");
  const auto& all = it->second.logs;
  const auto keep = std::min(all.size(), static_cast<std::size_t>(std::max(0, max_lines)));
  return std::vector<std::string>(all.end() - static_cast<std::ptrdiff_t>(keep), all.end());
}

StatusOr<ActionPlan> FakeBackend::Plan(const Action& action, const TargetRef& ref,
                                       const CallContext& context) {
  SALVE_RETURN_IF_ERROR(Begin(Operation::kPlan, context));
  MutexLock lock(mu_);
  const auto it = containers_.find(ref.name);
  if (it == containers_.end()) return NotFoundError("no container \"" + ref.name + "\"");
  const std::string name = ActionName(action);
  if (name.empty()) return InvalidArgumentError("an action without a member");
  ActionPlan plan;
  plan.action = action;
  plan.target = ref;
  plan.command = "fake " + name + " " + ref.name;
  plan.affected = {"container " + ref.name};
  plan.description = name + " on " + ref.name;
  plan.base_risk = RiskOf(action);
  plan.idempotency = action.wait              ? healing::IdempotencyClass::kHarmless
                     : IsRecognisable(action) ? healing::IdempotencyClass::kRecognisable
                                              : healing::IdempotencyClass::kAtMostOnce;
  SetInverse(action, it->second, plan);
  const auto change = planned_.find(name);
  if (change != planned_.end()) change->second(plan);
  return plan;
}

void FakeBackend::Apply(const Action& a, FakeContainer& state) {
  if (a.restart || a.start) {
    ++state.starts;
    state.running = true;
    state.paused = false;
    if (state.restart_heals) state.conditions.clear();
  }
  if (a.stop || a.kill) {
    state.running = false;
    state.exit_code = a.stop ? 143 : 137;
    state.conditions = {healing::kConditionStopped};
  }
  if (a.pause) state.paused = true;
  if (a.unpause) state.paused = false;
  if (a.update_resources && a.update_resources->memory_bytes) {
    state.memory_bytes = *a.update_resources->memory_bytes;
  }
  const auto effect = effects_.find(ActionName(a));
  if (effect != effects_.end()) effect->second(state);
}

StatusOr<ActionResult> FakeBackend::Execute(const ActionRequest& request) {
  const CallContext context{request.deadline, request.stop};
  {
    MutexLock lock(mu_);
    requests_.push_back(request);
  }
  if (clock_.Monotonic() >= request.deadline) {
    return DeadlineExceededError("the deadline had passed before the call began");
  }
  const Status begun = Begin(Operation::kExecute, context);
  if (begun.code() == Code::kDeadlineExceeded) {
    return Result(AppliedState::kUnknown, begun.message());
  }
  SALVE_RETURN_IF_ERROR(begun);
  Fault fault = Fault::kNone;
  {
    MutexLock lock(mu_);
    fault = faults_[Operation::kExecute];
    const auto it = containers_.find(request.target.name);
    if (it == containers_.end()) return NotFoundError("no container " + request.target.name);
    if (fault == Fault::kDrift) {
      ++it->second.starts;
      fault = faults_[Operation::kExecute] = Fault::kNone;
    }
    if (!request.identity_before.empty() && request.identity_before != it->second.Identity()) {
      return ConflictError("container " + request.target.name + " is now " + it->second.Identity())
          .WithReason(kReasonTargetDrifted);
    }
    if (fault != Fault::kLoseRequest) {
      ++executions_[request.attempt_id];
      Apply(request.action, it->second);
    }
  }
  if (fault == Fault::kNone) {
    Notify(request.target.name);
    return Result(AppliedState::kApplied, "done");
  }
  return Result(AppliedState::kUnknown, "the connection broke before the answer (injected)");
}

StatusOr<ActionResult> FakeBackend::Outcome(const ActionRequest& request) {
  SALVE_RETURN_IF_ERROR(Begin(Operation::kOutcome, {request.deadline, request.stop}));
  MutexLock lock(mu_);
  const auto it = containers_.find(request.target.name);
  if (it == containers_.end()) return Result(AppliedState::kUnknown, "the container is gone");
  const FakeContainer& state = it->second;
  const Action& a = request.action;
  bool applied = false;
  if (a.restart || a.start) {
    applied = state.Identity() != request.identity_before;
  } else if (a.stop || a.kill) {
    applied = !state.running;
  } else if (a.pause || a.unpause) {
    applied = state.paused == a.pause.has_value();
  } else if (a.update_resources && a.update_resources->memory_bytes) {
    applied = state.memory_bytes == *a.update_resources->memory_bytes;
  } else if (!a.wait) {
    return Result(AppliedState::kUnknown, "it leaves no trace");
  }
  return Result(applied || a.wait ? AppliedState::kApplied : AppliedState::kNotApplied, "looked");
}

StatusOr<ActionResult> FakeBackend::RunProbe(const TargetRef& ref,
                                             const std::vector<std::string>& argv,
                                             const CallContext& context) {
  SALVE_RETURN_IF_ERROR(Begin(Operation::kProbe, context));
  std::function<StatusOr<ActionResult>(const std::string&, const std::vector<std::string>&)> probe;
  {
    MutexLock lock(mu_);
    probe = probe_;
  }
  if (probe) return probe(ref.name, argv);
  return Result(AppliedState::kApplied, "exit code 0");
}

void FakeBackend::OnChange(std::function<void(const TargetRef&)> callback) {
  on_change_ = std::move(callback);
}

void FakeBackend::Notify(const std::string& container) {
  if (on_change_) on_change_({name_, "Container", container});
}

}  // namespace salve::backends::fake
