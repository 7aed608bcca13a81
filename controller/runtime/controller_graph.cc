// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/controller_graph.h"

#include "controller/runtime/alert_intake.h"
#include "controller/runtime/aws_account.h"
#include "controller/runtime/backends.h"
#include "controller/runtime/cloud_watch.h"

#include "pkg/apis/codec.h"
#include "pkg/base/log.h"
#include "pkg/healing/machine.h"
#include "pkg/reconcilers/wiring.h"

namespace salve::runtime {
namespace {

namespace v1 = apis::salve::v1alpha1;
using apis::meta::v1::NamespacedName;
using std::chrono::seconds;

template <class T>
engine::ReflectorOptions Watching() {
  engine::ReflectorOptions options;
  options.resource = T::kInfo;
  return options;
}

template <class T>
engine::Informer<T> MakeInformer(client::Client& client, engine::Environment env) {
  return engine::Informer<T>(Watching<T>(), client, &apis::Decode<T>, env);
}

reconcilers::ControllerSettings SettingsFrom(const GraphInput& input) {
  reconcilers::ControllerSettings settings;
  settings.lease_holder = input.instance;
  if (!input.own_namespace.empty()) settings.lease_namespace = input.own_namespace;
  settings.self_heal_enabled = input.self_heal_enabled;
  settings.approval_trust = input.approval_trust;
  settings.exec_allow = input.configuration.exec.allow;
  for (const auto& backend : input.configuration.backends) {
    settings.backend_namespaces[backend.name] = backend.AllowedNamespaces();
  }
  settings.receiver_clears_after = ClearsAfterOf(input.configuration.receivers);
  settings.sink_namespaces = SinkNamespaces(input.configuration);
  settings.file_roots = input.configuration.files.roots;
  settings.file_namespaces = input.configuration.files.allowed_namespaces;
  return settings;
}

engine::ControllerOptions OptionsFor(int max_concurrent, Duration timeout) {
  engine::ControllerOptions options;
  options.max_concurrent = max_concurrent;
  options.reconcile_timeout = timeout;
  return options;
}

std::shared_ptr<KeptAwsSecrets> KeepSecrets(
    const apis::config::v1alpha1::ControllerConfiguration& configuration,
    const std::shared_ptr<AwsSecrets>& secrets, Clock& clock) {
  auto references = AwsReferences(configuration);
  if (references.empty()) return nullptr;
  return std::make_shared<KeptAwsSecrets>(
      secrets, std::move(references), seconds(configuration.secrets.aws.refresh_seconds), clock);
}

std::unique_ptr<probes::MetricReader> MakeMetricReader(const GraphInput& input, Clock& clock,
                                                       Random& random) {
  return std::make_unique<CloudWatch>(
      input.configuration,
      [settings = SettingsFrom(input)](const std::string& backend, const std::string& ns) {
        return reconcilers::BackendAllowed(settings, backend, ns);
      },
      AwsPlatform(clock, random));
}

std::unique_ptr<probes::Prober> MakeProber(const GraphInput& input, probes::SecretReader& secrets,
                                           probes::MetricReader& metrics,
                                           backends::Registry& backends, ProbeLimitsOf limits,
                                           Clock& clock, Random& random) {
  probes::ProberOptions options;
  options.secrets = &secrets;
  options.metrics = &metrics;
  options.clock = &clock;
  options.random = &random;
  options.address_policy = MakeAddressPolicy(input.configuration, std::move(limits));
  options.exec = [&backends](const v1::TargetRef& ref, const std::vector<std::string>& argv,
                             MonoTime deadline) -> StatusOr<healing::ActionResult> {
    backends::Backend* backend = backends.Find(ref.backend);
    if (backend == nullptr) return NotFoundError("no backend named \"" + ref.backend + "\"");
    return backend->RunProbe(ref, argv, {deadline, {}});
  };
  return probes::Prober::Create(std::move(options));
}

}  // namespace

StatusOr<std::unique_ptr<ControllerGraph>> ControllerGraph::Build(GraphInput input, Clock& clock,
                                                                  Random& random) {
  auto backends = std::make_unique<backends::Registry>();
  if (input.cluster != nullptr && (input.is_cluster == nullptr || input.is_cluster())) {
    AddOwnCluster(input.configuration, input.default_configuration);
    CloseOwnCluster(input.configuration, input.cluster_host);
  }
  SALVE_ASSIGN_OR_RETURN(auto aws_secrets,
                         AwsSecrets::Make(input.configuration, AwsPlatform(clock, random)));
  std::unique_ptr<ControllerGraph> graph(new ControllerGraph(
      std::move(input), std::move(backends), std::move(aws_secrets), clock, random));
  SALVE_RETURN_IF_ERROR(graph->AddBackends(clock, random));
  graph->Connect();
  return graph;
}

ControllerGraph::ControllerGraph(GraphInput input, std::unique_ptr<backends::Registry> backends,
                                 std::shared_ptr<AwsSecrets> aws_secrets, Clock& clock,
                                 Random& random)
    : input_(std::move(input)),
      env_{clock, random, *input_.engine_metrics},
      backends_(std::move(backends)),
      namespaces_(MakeInformer<apis::core::v1::Namespace>(*input_.client, env_)),
      guardrails_(MakeInformer<v1::HealingGuardrail>(*input_.client, env_)),
      policies_(MakeInformer<v1::HealingPolicy>(*input_.client, env_)),
      incidents_(MakeInformer<v1::Incident>(*input_.client, env_)),
      approvals_(MakeInformer<v1::IncidentApproval>(*input_.client, env_)),
      events_({}, *input_.event_client, env_),
      leases_(*input_.client, clock),
      aws_secrets_(std::move(aws_secrets)),
      kept_secrets_(KeepSecrets(input_.configuration, aws_secrets_, clock)),
      secrets_(*input_.client, input_.secret_root, aws_secrets_),
      policy_status_(*input_.client, policies_),
      guardrail_status_(*input_.client, guardrails_),
      signal_status_(input_.intake_client != nullptr ? *input_.intake_client : *input_.client,
                     policies_),
      incident_status_(*input_.client, incidents_),
      told_status_(input_.intake_client != nullptr ? *input_.intake_client : *input_.client,
                   incidents_),
      sink_environment_(MakeSinkEnvironment(clock, secrets_from_aws())),
      sinks_(notify::MakeSinks(input_.configuration.sinks, sink_environment_)),
      metrics_(MakeMetricReader(input_, clock, random)),
      prober_(MakeProber(
          input_, secrets_, *metrics_, *backends_,
          [this](const std::string& ns) { return ProbeLimitsFor(ns); }, clock, random)),
      files_(std::make_unique<files::Poller>(
          files::MakeSystemReader(input_.configuration.files.roots, clock), clock,
          [this](const NamespacedName& key) { policy_controller_.Enqueue(key); })),
      shell_{*input_.client,
             policies_,
             incidents_,
             approvals_,
             guardrails_,
             namespaces_,
             *backends_,
             *prober_,
             health_,
             targets_,
             policy_status_,
             guardrail_status_,
             leases_,
             events_,
             *input_.healing_metrics,
             SystemTimeZones(),
             clock,
             {clock.Now(), clock.Monotonic()},
             SettingsFrom(input_),
             input_.audit,
             files_.get()},
      policy_reconciler_(shell_,
                         [this](const NamespacedName& key) { policy_controller_.Enqueue(key); }),
      incident_reconciler_(shell_),
      guardrail_reconciler_(shell_),
      notification_reconciler_(shell_, sinks_, incident_status_, random),
      audit_reconciler_(shell_),
      policy_beat_(policy_reconciler_, clock),
      incident_beat_(incident_reconciler_, clock),
      guardrail_beat_(guardrail_reconciler_, clock),
      notification_beat_(notification_reconciler_, clock),
      policy_controller_("healingpolicy", policy_beat_, OptionsFor(4, seconds(60)), env_),
      // An incident's reconcile lasts as long as its action: a restart takes seconds.
      incident_controller_("incident", incident_beat_, OptionsFor(64, seconds(600)), env_),
      guardrail_controller_("healingguardrail", guardrail_beat_, OptionsFor(1, seconds(60)), env_),
      // Its keys are sinks: one that hangs holds up one worker.
      notification_controller_("notification", notification_beat_, OptionsFor(16, seconds(60)),
                               env_),
      audit_controller_("audit", audit_reconciler_, OptionsFor(1, seconds(60)), env_),
      manager_({}, *input_.elector, env_) {}

Status ControllerGraph::AddBackends(Clock& clock, Random& random) {
  BackendEnvironment environment = [this](const v1::TargetRef& ref) { return SecretsFor(ref); };
  return runtime::AddBackends(input_.configuration, clock, random, environment, *backends_,
                              {input_.cluster, input_.engine_metrics, input_.action_gate});
}

// Salve can act while one backend answers; what is ill in another is said where it is missed.
Status ControllerGraph::AnyBackend() const {
  std::string problems;
  for (const auto& [name, backend] : backends_->all()) {
    const Status available = backend->Available();
    if (available.ok()) return Status::Ok();
    problems += (problems.empty() ? "" : "; ") + available.message();
  }
  return problems.empty() ? Status::Ok() : UnavailableError(problems);
}

ConfigurationSecrets::FromAws ControllerGraph::secrets_from_aws() const {
  if (kept_secrets_ == nullptr) return nullptr;
  return [kept = kept_secrets_](const auto& reference) { return kept->Read(reference); };
}

void ControllerGraph::OnSynced(std::function<void()> callback) {
  const auto start = [callback = std::move(callback)] {
    callback();
    return Status::Ok();
  };
  runnables_.push_back(
      std::make_unique<engine::FunctionRunnable>("caches are complete", start, nullptr));
  manager_.Add(*runnables_.back());
}

std::vector<ProbeLimit> ControllerGraph::ProbeLimitsFor(const std::string& ns) {
  std::vector<ProbeLimit> limits;
  for (const v1::HealingGuardrail& guardrail : reconcilers::GuardrailsFor(shell_, ns)) {
    if (guardrail.spec.probes.allowed_cidrs.empty()) continue;
    limits.push_back({guardrail.metadata.name, guardrail.spec.probes.allowed_cidrs});
  }
  return limits;
}

// What redis-cli and psql in the target need to log in: the passwords of the probes that measure
// it.
std::map<std::string, std::string> ControllerGraph::SecretsFor(const v1::TargetRef& ref) {
  std::map<std::string, std::string> environment;
  for (const NamespacedName& key : targets_.PoliciesOf(ref)) {
    const auto policy = policies_.Get(key);
    if (policy == nullptr) continue;
    for (const v1::Probe& probe : policy->spec.probes) {
      const auto add = [&](const char* variable, const std::optional<v1::SecretSource>& source) {
        if (!source) return;
        auto value = secrets_.Read(*source, key.ns);
        if (value.ok()) {
          environment[variable] = std::move(value).value();
        } else {
          Log(Severity::kWarning, "secret of a probe cannot be read",
              {{"policy", key.ToString()}, {"error", value.status().message()}});
        }
      };
      if (probe.redis) add("REDISCLI_AUTH", probe.redis->password);
      if (probe.postgres) add("PGPASSWORD", probe.postgres->password);
    }
  }
  return environment;
}

Status ControllerGraph::StartSecrets() {
  if (kept_secrets_ != nullptr) kept_secrets_->Start();
  return Status::Ok();
}

void ControllerGraph::StopSecrets() {
  if (aws_secrets_ != nullptr) aws_secrets_->Stop();
  if (kept_secrets_ != nullptr) kept_secrets_->Stop();
}

void ControllerGraph::Connect() {
  reconcilers::AddIndexes(incidents_, approvals_);
  reconcilers::WatchForPolicies(shell_, policy_controller_);
  reconcilers::WatchForIncidents(shell_, incident_controller_);
  reconcilers::WatchForGuardrails(shell_, guardrail_controller_);
  if (!sinks_.empty()) reconcilers::WatchForNotifications(shell_, notification_controller_);
  if (input_.audit != nullptr) reconcilers::WatchForAudit(shell_, audit_controller_);
  for (engine::InformerBase* informer : std::initializer_list<engine::InformerBase*>{
           &namespaces_, &guardrails_, &policies_, &incidents_, &approvals_}) {
    manager_.Add(*informer);
  }
  for (const auto& [name, backend] : backends_->all()) {
    backends::Backend* b = backend.get();
    b->OnChange([this](const v1::TargetRef& ref) {
      for (const NamespacedName& key : targets_.PoliciesOf(ref)) policy_controller_.Enqueue(key);
    });
    runnables_.push_back(std::make_unique<engine::FunctionRunnable>(
        "backend " + name, [b] { return b->Start(); }, [b](MonoTime) { b->Stop(); }));
  }
  manager_.AddHealthCheck("backends", [this] { return AnyBackend(); });
  runnables_.push_back(std::make_unique<engine::FunctionRunnable>(
      "events", nullptr, [this](MonoTime until) { events_.Stop(until); }));
  runnables_.push_back(std::make_unique<engine::FunctionRunnable>(
      "prober", nullptr, [this](MonoTime) { prober_->Stop(); }));
  // It looks at nothing before a policy's reconcile, which only the leader runs, asks for it.
  runnables_.push_back(std::make_unique<engine::FunctionRunnable>(
      "files",
      [this] {
        files_->Start();
        return Status::Ok();
      },
      [this](MonoTime) { files_->Stop(); }));
  runnables_.push_back(std::make_unique<engine::FunctionRunnable>(
      "secrets in AWS", [this] { return StartSecrets(); }, [this](MonoTime) { StopSecrets(); }));
  for (const auto& runnable : runnables_) manager_.Add(*runnable);
  // Before those that act: what they go by is told of first.
  if (input_.audit != nullptr) manager_.Add(audit_controller_);
  for (const Loop& loop : Loops()) {
    manager_.Add(*loop.controller);
    Heartbeat::Begin(*loop.controller);
  }
}

std::vector<ControllerGraph::Loop> ControllerGraph::Loops() {
  std::vector<Loop> all{{&policy_controller_, &policy_beat_},
                        {&incident_controller_, &incident_beat_},
                        {&guardrail_controller_, &guardrail_beat_}};
  if (!sinks_.empty()) all.push_back({&notification_controller_, &notification_beat_});
  return all;
}

StateView ControllerGraph::LookForScrape() {
  StateView view{policies_.List(), incidents_.List(), {}};
  for (const Loop& loop : Loops()) {
    loop.controller->queue().ReportUnfinished();
    if (const auto last = loop.beat->last()) view.heartbeats[loop.controller->name()] = *last;
  }
  return view;
}

}  // namespace salve::runtime
