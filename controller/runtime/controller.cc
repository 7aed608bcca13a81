// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/controller.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "controller/commands/exit_codes.h"
#include "controller/runtime/audit.h"
#include "controller/runtime/cluster_connection.h"
#include "controller/runtime/memory.h"
#include "controller/runtime/signals.h"
#include "controller/runtime/start_environment.h"
#include <unistd.h>

#include "pkg/base/environment.h"
#include "pkg/base/file_source.h"
#include "pkg/base/log.h"
#include "pkg/client/wire.h"
#include "pkg/http/url.h"

namespace salve::runtime {
namespace {

using std::chrono::milliseconds;

constexpr char kLeaseName[] = "salve-controller";
constexpr milliseconds kStopGrace{5000};
constexpr char kGroupPath[] = "/apis/salve.dev/v1alpha1";

// Never the same for two processes, and readable for people.
std::string Identity(Random& random) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0')
    host = {'s', 'a', 'l', 'v', 'e'};
  return std::string(host.data()) + "_" + random.Hex(16);
}

// The process is over: another one may lead, and what is under way here must not go on.
[[noreturn]] void EndAfterLoss() { std::_Exit(commands::kExitLostLeadership); }

}  // namespace

StatusOr<std::unique_ptr<ControllerProcess>> ControllerProcess::Start(
    const ControllerOptions& options, Clock& clock, Random& random) {
  std::unique_ptr<ControllerProcess> self(new ControllerProcess(options));
  SALVE_RETURN_IF_ERROR(self->Connect(clock, random));
  SALVE_RETURN_IF_ERROR(self->Elect(clock, random));
  SALVE_RETURN_IF_ERROR(self->BuildController(clock, random));
  SALVE_RETURN_IF_ERROR(self->Listen(clock));
  SALVE_RETURN_IF_ERROR(self->runner_->StartInBackground());
  return self;
}

client::RestClientOptions ControllerProcess::ClientOptions(const std::string& user_agent) {
  client::RestClientOptions options;
  options.path_prefix = path_prefix_;
  options.user_agent = user_agent;
  options.on_request = [this](const std::string& method, int status) {
    CountRequest(method, status);
  };
  return options;
}

void ControllerProcess::CountRequest(const std::string& method, int status) {
  server_answers_ = status != 0;
  metrics::Default()
      .Counters("rest_client_requests_total", "Requests to the API server", {"method", "code"})
      .With({method, status == 0 ? "<error>" : std::to_string(status)})
      .Increment();
}

Status ControllerProcess::Connect(Clock& clock, Random& random) {
  SALVE_ASSIGN_OR_RETURN(const ClusterConnection cluster,
                         ClusterConnection::Find(options_.kubeconfig, options_.context,
                                                 SystemFiles(), NonEmptyVariable));
  const auto loaded = cluster.Load();
  if (loaded.code() == Code::kNotFound) {
    return InvalidArgumentError(loaded.status().message() +
                                "; name a kubeconfig with --kubeconfig or $KUBECONFIG, or run in a "
                                "pod with a service account");
  }
  if (!loaded.ok()) return loaded.status();
  const client::Connection& connection = *loaded;
  path_prefix_ = connection.path_prefix;
  server_ = connection.base_url + path_prefix_;
  SALVE_ASSIGN_OR_RETURN(transport_, MakeClusterTransport(cluster, Credentials::kOwn, clock));
  SALVE_ASSIGN_OR_RETURN(lease_transport_, MakeClusterTransport(cluster, Credentials::kOwn, clock));
  SALVE_ASSIGN_OR_RETURN(anonymous_, MakeClusterTransport(cluster, Credentials::kNone, clock));
  client_ = std::make_unique<client::RestClient>(*transport_, ClientOptions("salve-controller"),
                                                 clock, random);
  Log(Severity::kInfo, "API server", {{"address", server_}, {"as", cluster.source()}});
  return Status::Ok();
}

Status ControllerProcess::Elect(Clock& clock, Random& random) {
  if (!options_.leader_elect) return Status::Ok();
  engine::LeaseElectorOptions options;
  options.lease = {options_.lease_namespace, kLeaseName};
  options.identity = Identity(random);
  client::RestClientOptions rest = ClientOptions("salve-leader-election");
  rest.call_timeout = options.renew_deadline / 2;
  rest.max_retries = 0;  // The elector has its own rhythm.
  lease_client_ =
      std::make_unique<client::RestClient>(*lease_transport_, std::move(rest), clock, random);
  SALVE_ASSIGN_OR_RETURN(
      elector_, engine::LeaseElector::Create(std::move(options), *lease_client_, clock, random));
  elector_->OnLost(EndAfterLoss);
  return Status::Ok();
}

Status ControllerProcess::BuildController(Clock& clock, Random& random) {
  engine_metrics_ = std::make_unique<PrometheusEngineMetrics>(metrics::Default());
  healing_metrics_ = std::make_unique<PrometheusHealingMetrics>(metrics::Default());
  engine_metrics_->Leader(false);
  engine::LeaderElector* elector = &always_;
  if (elector_ != nullptr) elector = elector_.get();
  gated_ = std::make_unique<engine::WriteGate>(*client_, *elector);

  SALVE_ASSIGN_OR_RETURN(
      audit_, StartAudit(options_.audit_directory, options_.audit_retention_days, clock));
  GraphRunnerOptions options;
  options.input.audit = audit_.get();
  options.input.client = gated_.get();
  options.input.event_client = gated_.get();
  options.input.intake_client = client_.get();
  options.input.cluster = gated_.get();
  options.input.is_cluster = [this] { return is_cluster_.load(); };
  if (const auto url = http::ParseUrl(server_); url.ok()) options.input.cluster_host = url->host;
  options.input.elector = elector;
  options.input.action_gate = elector;
  options.input.engine_metrics = engine_metrics_.get();
  options.input.healing_metrics = healing_metrics_.get();
  // The same for whoever leads: a successor goes on with the leases of targets that it finds.
  options.input.own_namespace = options_.lease_namespace;
  options.input.instance = options_.lease_namespace + "/" + kLeaseName;
  options.input.secret_root = options_.secret_dir;
  options.input.self_heal_enabled = SelfHealEnabled();
  approval_guard_ = std::make_unique<ApprovalGuard>(*client_, clock);
  options.input.approval_trust = [this] { return approval_guard_->Look(); };
  options.config_file = options_.config_file;
  options.prerequisites = [this] { return CheckKinds(); };
  options.standing_by = [this] { return StandingBy(); };

  edge_ = std::make_unique<EdgeWiring>(
      std::make_shared<ClusterIdentities>(*anonymous_, path_prefix_, clock, random), clock, random);
  runner_ = std::make_unique<GraphRunner>(std::move(options), *edge_, SystemFiles(),
                                          metrics::Default(), clock, random);
  edge_->AddCheck("api-server", [this] { return ServerAnswers(); });
  edge_->AddCheck("controller", [this] { return runner_->Ready(); });
  edge_->AddDetail("audit", [this] { return audit_->State(); });
  edge_->AddDetail("leader", [this] { return LeaderState(); });
  edge_->AddDetail("approvals", [this] { return approval_guard_->State(); });
  edge_->AddDetail("configuration", [this] { return runner_->ConfigurationState(); });
  return Status::Ok();
}

Status ControllerProcess::Listen(Clock& clock) {
  EdgeServerOptions options;
  options.listen = options_.http_listen;
  options.tls_cert_file = options_.http_tls_cert_file;
  options.tls_key_file = options_.http_tls_key_file;
  // Asking the API server who somebody is takes a worker for a moment; health must not wait for it.
  options.worker_threads = 6;
  SALVE_ASSIGN_OR_RETURN(edge_http_, EdgeServer::Start(options, edge_->handler(), SystemFiles(),
                                                       metrics::Default(), clock));
  const std::string address = edge_http_->address();
  Log(Severity::kInfo, "health, metrics and timeline", {{"http", address}});
  if (options_.http_address_file.empty()) return Status::Ok();
  return WriteAddress(options_.http_address_file, address);
}

// Says what to do where the API server does not know what Salve speaks.
Status ControllerProcess::CheckKinds() {
  const auto embedded = IsEmbeddedServer(*client_);
  if (!embedded.ok()) return embedded.status().Annotate("API server " + server_);
  is_cluster_ = !*embedded;
  http::Request request;
  request.target = kGroupPath;
  const auto answer = client_->Send(std::move(request));
  if (!answer.ok() && answer.code() != Code::kNotFound) {
    return answer.status().Annotate("API server " + server_);
  }
  std::set<std::string> served;
  if (answer.ok()) {
    const auto list = client::ParseJson(answer->body);
    if (list.ok() && list->is_object() && list->contains("resources")) {
      for (const client::Json& resource : (*list)["resources"]) {
        if (resource.is_object()) served.insert(resource.value("name", ""));
      }
    }
  }
  std::string missing;
  for (const char* plural :
       {"healingpolicies", "incidents", "incidentapprovals", "healingguardrails"}) {
    if (served.contains(plural)) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(plural) + ".salve.dev";
  }
  if (missing.empty()) return Status::Ok();
  return UnavailableError("the API server " + server_ + " does not serve " + missing +
                          " (v1alpha1); install them: kubectl apply -f crds/");
}

Status ControllerProcess::ServerAnswers() const {
  if (server_answers_) return Status::Ok();
  return UnavailableError("the API server " + server_ + " did not answer the last request");
}

bool ControllerProcess::StandingBy() const {
  return elector_ != nullptr && !elector_->IsLeader() && elector_->Problem().empty() &&
         !elector_->Holder().empty();
}

std::string ControllerProcess::LeaderState() const {
  if (elector_ == nullptr) return "this process, without election";
  if (elector_->IsLeader()) return "this process";
  const std::string problem = elector_->Problem();
  if (!problem.empty()) return "not known: " + problem;
  const std::string holder = elector_->Holder();
  return holder.empty() ? "nobody yet" : "standing by for " + holder;
}

ControllerProcess::~ControllerProcess() { Stop(); }

void ControllerProcess::Stop() {
  if (std::exchange(stopped_, true)) return;
  if (runner_ != nullptr) runner_->Stop();
  if (audit_ != nullptr) audit_->Stop();
  if (edge_http_ != nullptr) edge_http_->Stop(kStopGrace);
}

namespace {

StatusOr<std::unique_ptr<ControllerProcess>> Start(const ControllerOptions& options) {
  SALVE_RETURN_IF_ERROR(AdoptStartEnvironment());
  return ControllerProcess::Start(options, SystemClock(), SystemRandom());
}

}  // namespace

int RunController(const ControllerOptions& options) {
  if (!SetLogLevel(options.log_level)) {
    std::fprintf(stderr,
                 "salve controller: --log-level: \"%s\" is not debug, info, warning or error\n",
                 options.log_level.c_str());
    return commands::kExitUsage;
  }
  BlockSignals();
  auto running = Start(options);
  if (!running.ok()) {
    std::fprintf(stderr, "salve controller: %s\n", running.status().message().c_str());
    return running.code() == Code::kInvalidArgument ? commands::kExitUsage : commands::kExitFailure;
  }
  const int signal = WaitForTermination([&running] { (*running)->Reload(); }, ReleaseIdleMemory);
  Log(Severity::kInfo, "stopping", {{"signal", signal}});
  (*running)->Stop();
  return commands::kExitOk;
}

}  // namespace salve::runtime
