// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/simulate.h"

#include <algorithm>

#include "controller/runtime/backends.h"
#include "controller/runtime/cloud_watch.h"
#include "controller/runtime/dry_decision.h"
#include "controller/runtime/secrets.h"

#include "pkg/backends/backend.h"
#include "pkg/base/file_source.h"
#include "pkg/base/mutex.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/files.h"
#include "pkg/healing/machine.h"
#include "pkg/healing/signals.h"
#include "pkg/probes/prober.h"
#include "pkg/reconcilers/incident_run.h"

namespace salve::runtime {
namespace {

namespace v1 = apis::salve::v1alpha1;
using std::chrono::seconds;

constexpr seconds kConnectTimeout{10};
constexpr seconds kLookTimeout{5};
constexpr int kLogLines = 200;
constexpr std::size_t kMaxConfigBytes = 1u << 20;

// Starts a backend and waits for its first complete view; stops it at the end.
class Watching {
 public:
  Watching(backends::Backend& backend, Clock& clock) : backend_(backend), clock_(clock) {}
  ~Watching() { backend_.Stop(); }

  Status WaitUntilComplete() {
    backend_.OnChange([this](const v1::TargetRef&) {
      MutexLock lock(mu_);
      changed_.NotifyAll();
    });
    SALVE_RETURN_IF_ERROR(backend_.Start());
    const MonoTime deadline = clock_.Monotonic() + kConnectTimeout;
    MutexLock lock(mu_);
    for (;;) {
      const Status available = backend_.Available();
      if (available.ok() || clock_.Monotonic() >= deadline) return available;
      clock_.WaitUntil(changed_, mu_, std::min(deadline, clock_.Monotonic() + seconds(1)));
    }
  }

 private:
  backends::Backend& backend_;
  Clock& clock_;
  Mutex mu_;
  CondVar changed_;
};

// One target on its way through the core.
class OneTarget {
 public:
  OneTarget(const v1::HealingPolicy& policy, const v1::TargetRef& ref, backends::Backend& backend,
            probes::Prober& prober, const std::vector<std::vector<std::string>>& exec,
            std::size_t total, Clock& clock, const std::string& requested)
      : policy_(policy), backend_(backend), prober_(prober), clock_(clock), total_(total) {
    limits_ = healing::MergeLimits(policy, {}, exec);
    out_.name = ref.name;
    out_.incident.metadata.ns = policy.metadata.ns;
    out_.incident.metadata.name = out_.incident.metadata.uid = "simulated";
    out_.incident.spec.target = ref;
    out_.incident.spec.policy_ref.name = policy.metadata.name;
    out_.incident.spec.trigger.source = healing::kSourceManual;
    if (!requested.empty()) {
      out_.incident.spec.trigger = {healing::kSourceFile, healing::kTriggerRequested, requested,
                                    FormatMicroTime(clock.Now())};
    }
  }

  StatusOr<SimulatedTarget> Run() {
    SALVE_ASSIGN_OR_RETURN(observation_, backend_.Observe(Ref(), Context()));
    health_ = healing::CombineHealth(observation_, Measure());
    out_.healthy = health_.state == healing::HealthState::kHealthy;
    out_.message = health_.message;
    if (out_.healthy) return std::move(out_);
    healing::CompleteManualIncident(policy_, out_.incident);
    healing::ApplyBegin(out_.incident, Status(), Now());
    Diagnose();
    SALVE_RETURN_IF_ERROR(Propose());
    Gates();
    return std::move(out_);
  }

 private:
  const v1::TargetRef& Ref() const { return out_.incident.spec.target; }
  v1::IncidentStatus& Status() { return out_.incident.status; }
  WallTime Now() const { return clock_.Now(); }
  backends::CallContext Context() const { return {clock_.Monotonic() + kLookTimeout, {}}; }

  std::vector<healing::IndicatorState> Measure() {
    std::vector<healing::IndicatorState> indicators;
    for (const v1::Probe& probe : policy_.spec.probes) {
      // One measurement is all there is: it decides.
      healing::Thresholds thresholds = healing::ThresholdsOf(probe);
      thresholds.failure_threshold = thresholds.success_threshold = 1;
      healing::IndicatorTracker tracker(probe.name, thresholds);
      tracker.Add(prober_.Measure({policy_.metadata.ns, policy_.metadata.name, Ref(), probe}));
      indicators.push_back(tracker.state());
    }
    for (healing::IndicatorState& indicator : healing::FileIndicators(policy_, Ref().name)) {
      indicators.push_back(std::move(indicator));
    }
    if (auto requested = healing::RequestedIndicator(out_.incident)) {
      indicators.push_back(std::move(*requested));
    }
    return indicators;
  }

  void Diagnose() {
    healing::Evidence evidence;
    evidence.target = Ref();
    evidence.observation = observation_;
    evidence.health = health_;
    evidence.systems = healing::SystemsOf(policy_.spec, Ref(), observation_);
    evidence.at = evidence.onset = Now();
    auto logs = backend_.Logs(Ref(), kLogLines, Context());
    if (logs.ok()) evidence.log_lines = std::move(logs).value();
    healing::ApplyDiagnosis(Status(), healing::Diagnose(policy_.spec, evidence), Now());
  }

  salve::Status Propose() {
    const v1::DiagnosisStatus& diagnosis = *Status().diagnosis;
    if (!diagnosis.verdict.empty()) return {};
    ladder_ = healing::EffectiveLadder(policy_.spec);
    const healing::LadderChoice choice = healing::ChooseStep(ladder_, diagnosis.step, {}, {});
    step_ = choice.step;
    if (step_ == nullptr || !step_->action) return {};
    SALVE_ASSIGN_OR_RETURN(
        plan_, backend_.Plan(reconcilers::FillActionDefaults(*step_->action, policy_.spec), Ref(),
                             Context()));
    healing::ApplyProposal(Status(), DryProposal(Facts(), *step_, *plan_), Now());
    return {};
  }

  // Each target is looked at as if all others were well.
  DryFacts Facts() const {
    DryFacts facts;
    facts.now = Now();
    facts.policy = &policy_;
    facts.limits = &limits_;
    facts.incident = &out_.incident;
    facts.zones = &SystemTimeZones();
    facts.backend = backend_.Available();
    facts.health = health_;
    facts.observation = observation_;
    facts.targets_total = static_cast<std::int64_t>(total_);
    return facts;
  }

  void Gates() {
    const DryFacts facts = Facts();
    const healing::ApprovalResult approval = NobodyApproves(facts);
    const healing::GateInput in = DryGates(facts, step_, plan_ ? &*plan_ : nullptr, approval);
    healing::ApplyGates(Status(), healing::EvaluateGates(in), approval, Now());
  }

  const v1::HealingPolicy& policy_;
  backends::Backend& backend_;
  probes::Prober& prober_;
  Clock& clock_;
  const std::size_t total_;
  healing::EffectiveLimits limits_;
  SimulatedTarget out_;
  std::optional<healing::TargetObservation> observation_;
  healing::TargetHealth health_;
  std::vector<v1::Step> ladder_;
  const v1::Step* step_ = nullptr;
  std::optional<healing::ActionPlan> plan_;
};

}  // namespace

StatusOr<apis::config::v1alpha1::ControllerConfiguration> ReadConfiguration(
    const std::string& file) {
  if (file.empty()) return DefaultConfiguration();
  SALVE_ASSIGN_OR_RETURN(const std::string text, SystemFiles().Read(file, kMaxConfigBytes));
  return apis::config::v1alpha1::LoadConfiguration(text, file);
}

StatusOr<std::vector<SimulatedTarget>> Simulate(
    const v1::HealingPolicy& policy,
    const apis::config::v1alpha1::ControllerConfiguration& configuration,
    const std::string& secret_root, Clock& clock, Random& random, const std::string& requested) {
  backends::Registry registry;
  SALVE_RETURN_IF_ERROR(AddBackends(configuration, clock, random, nullptr, registry));
  const std::string name = reconcilers::BackendName(policy.spec.target);
  backends::Backend* backend = registry.Find(name);
  if (backend == nullptr) {
    return NotFoundError("spec.target: the configuration has no backend named \"" + name + "\"");
  }
  Watching watching(*backend, clock);
  SALVE_RETURN_IF_ERROR(watching.WaitUntilComplete());
  SALVE_ASSIGN_OR_RETURN(const std::vector<v1::TargetRef> targets,
                         backend->Resolve(policy.spec.target, policy.metadata.ns));
  if (targets.empty())
    return NotFoundError("nothing in backend \"" + name + "\" matches spec.target");

  // There is no API server here: a password in a Secret cannot be read, and the measurement says
  // so.
  SALVE_ASSIGN_OR_RETURN(auto aws_secrets,
                         AwsSecrets::Make(configuration, AwsPlatform(clock, random)));
  LocalSecretReader secrets(secret_root, std::move(aws_secrets));
  CloudWatch metrics(
      configuration, [](const std::string&, const std::string&) { return true; },
      AwsPlatform(clock, random));
  probes::ProberOptions options;
  options.secrets = &secrets;
  options.metrics = &metrics;
  options.clock = &clock;
  options.random = &random;
  options.address_policy = MakeAddressPolicy(configuration);
  options.exec = [backend](const v1::TargetRef& ref, const std::vector<std::string>& argv,
                           MonoTime deadline) {
    return backend->RunProbe(ref, argv, {deadline, {}});
  };
  const std::unique_ptr<probes::Prober> prober = probes::Prober::Create(std::move(options));
  std::vector<SimulatedTarget> out;
  Status failed;
  for (const v1::TargetRef& target : targets) {
    auto one = OneTarget(policy, target, *backend, *prober, configuration.exec.allow,
                         targets.size(), clock, requested)
                   .Run();
    if (!one.ok()) {
      failed = one.status().Annotate(target.name);
      break;
    }
    out.push_back(std::move(one).value());
  }
  prober->Stop();
  if (!failed.ok()) return failed;
  return out;
}

}  // namespace salve::runtime
