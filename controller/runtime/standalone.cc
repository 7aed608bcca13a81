// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/standalone.h"

#include <cstdio>
#include <filesystem>

#include "controller/runtime/audit.h"
#include "controller/runtime/docker_label.h"
#include "controller/runtime/memory.h"
#include "controller/runtime/signals.h"
#include "controller/runtime/start_environment.h"
#include <sys/stat.h>

#include "pkg/apis/kinds.h"
#include "pkg/apiserver/certs.h"
#include "pkg/apiserver/server_kubeconfig.h"
#include "pkg/base/file_source.h"
#include "pkg/base/log.h"

namespace salve::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStopGrace{5000};

Status MakeDataDir(const std::string& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (!error && ::chmod(dir.c_str(), 0700) == 0) return Status::Ok();
  return PermissionDeniedError("--data-dir " + dir + ": " +
                               (error ? error.message() : std::string("cannot be made private")));
}

}  // namespace

StatusOr<std::unique_ptr<Standalone>> Standalone::Start(const StandaloneOptions& options,
                                                        Clock& clock, Random& random) {
  std::unique_ptr<Standalone> self(new Standalone(options));
  SALVE_RETURN_IF_ERROR(self->OpenApi(clock, random));
  SALVE_RETURN_IF_ERROR(self->BuildController(clock, random));
  SALVE_RETURN_IF_ERROR(self->Listen(clock));
  if (self->runner_ != nullptr) SALVE_RETURN_IF_ERROR(self->runner_->Start());
  SALVE_RETURN_IF_ERROR(self->Seed());
  return self;
}

Status Standalone::OpenApi(Clock& clock, Random& random) {
  SALVE_RETURN_IF_ERROR(MakeDataDir(options_.data_dir));
  apiserver::ApiServerOptions options;
  options.data_dir = options_.data_dir;
  for (const apis::Kind& kind : apis::SalveKinds()) {
    options.crds.push_back(apis::CustomResourceDefinition(kind));
  }
  SALVE_ASSIGN_OR_RETURN(api_, apiserver::ApiServer::Create(std::move(options), clock, random));
  transport_ = http::MakeInProcessTransport(api_->handler(), {}, clock);
  client::RestClientOptions client_options;
  client_options.headers = {{"Authorization", "Bearer " + api_->controller_token()}};
  client_ =
      std::make_unique<client::RestClient>(*transport_, std::move(client_options), clock, random);
  // The controller may not write policies: what the administrator asked for on the command line is
  // written in the administrator's name.
  client::RestClientOptions admin_options;
  admin_options.headers = {
      {"Authorization",
       "Bearer " + api_->tokens().AddEphemeral(
                       {"system:salve-command-line", {apiserver::kAdminsGroup}, {}, {}})}};
  admin_ =
      std::make_unique<client::RestClient>(*transport_, std::move(admin_options), clock, random);
  return Status::Ok();
}

Status Standalone::BuildController(Clock& clock, Random& random) {
  edge_ = std::make_unique<EdgeWiring>(std::make_shared<EmbeddedIdentities>(*api_, clock, random),
                                       clock, random);
  edge_->AddCheck("store", [this] {
    return api_->store().revision() > 0 ? Status::Ok() : UnavailableError("the store is not open");
  });
  if (options_.api_only) return Status::Ok();
  engine_metrics_ = std::make_unique<PrometheusEngineMetrics>(metrics::Default());
  healing_metrics_ = std::make_unique<PrometheusHealingMetrics>(metrics::Default());
  SALVE_ASSIGN_OR_RETURN(
      audit_, StartAudit(options_.data_dir + "/audit", options_.audit_retention_days, clock));
  edge_->AddDetail("audit", [this] { return audit_->State(); });
  GraphRunnerOptions options;
  options.input.audit = audit_.get();
  options.input.client = client_.get();
  options.input.event_client = client_.get();
  options.input.elector = &leader_;
  options.input.engine_metrics = engine_metrics_.get();
  options.input.healing_metrics = healing_metrics_.get();
  options.input.instance = "salve-standalone";
  options.input.secret_root = options_.data_dir + "/secrets";
  options.input.self_heal_enabled = SelfHealEnabled();
  options.config_file = options_.config_file;
  runner_ = std::make_unique<GraphRunner>(std::move(options), *edge_, SystemFiles(),
                                          metrics::Default(), clock, random);
  edge_->AddCheck("controller", [this] { return runner_->Ready(); });
  if (!options_.config_file.empty()) {
    edge_->AddDetail("configuration", [this] { return runner_->ConfigurationState(); });
  }
  return Status::Ok();
}

Status Standalone::Listen(Clock& clock) {
  SALVE_ASSIGN_OR_RETURN(const auto api, ParseListen("--listen", options_.listen));
  SALVE_ASSIGN_OR_RETURN(const apiserver::ServerCertificates certificates,
                         apiserver::EnsureCertificates(options_.data_dir, api.first, clock));
  http::ServerOptions tls;
  tls.address = api.first;
  tls.port = api.second;
  tls.certificate_chain_pem = certificates.certificate;
  tls.private_key_pem = certificates.private_key;
  tls.max_body_bytes = 3u << 20;  // what a real API server takes
  auto api_http = http::Server::Start(tls, api_->handler());
  if (!api_http.ok()) return api_http.status().Annotate("--listen");
  api_http_ = std::move(api_http).value();
  const std::string reachable =
      api.first == "0.0.0.0" || api.first == "::" ? std::string("127.0.0.1") : api.first;
  SALVE_RETURN_IF_ERROR(apiserver::EnsureKubeconfig(
                            options_.data_dir, "https://" + HostPort(reachable, api_http_->port()),
                            certificates.ca_certificate, api_->tokens())
                            .status());
  EdgeServerOptions edge;
  edge.listen = options_.http_listen;
  edge.tls_cert_file = options_.http_tls_cert_file;
  edge.tls_key_file = options_.http_tls_key_file;
  SALVE_ASSIGN_OR_RETURN(edge_http_, EdgeServer::Start(edge, edge_->handler(), SystemFiles(),
                                                       metrics::Default(), clock));
  return WriteAddress(options_.data_dir + "/http-address", edge_http_->address());
}

Status Standalone::Seed() {
  for (const std::string& label : options_.docker_labels) {
    SALVE_RETURN_IF_ERROR(EnsurePolicyForLabel(label, *admin_));
  }
  if (!options_.manifests_dir.empty()) {
    SALVE_ASSIGN_OR_RETURN(manifests_, ManifestWatcher::Start(options_.manifests_dir, *admin_));
  }
  Log(Severity::kInfo, "salve is running",
      {{"api", options_.listen},
       {"http", options_.http_listen},
       {"kubeconfig", options_.data_dir + "/kubeconfig"}});
  return Status::Ok();
}

Standalone::~Standalone() { Stop(); }

void Standalone::Stop() {
  if (std::exchange(stopped_, true)) return;
  manifests_.reset();
  if (runner_ != nullptr) runner_->Stop();
  if (audit_ != nullptr) audit_->Stop();
  if (edge_http_ != nullptr) edge_http_->Stop(kStopGrace);
  if (api_ != nullptr) api_->StopWatches();
  if (api_http_ != nullptr) api_http_->Stop(kStopGrace);
}

namespace {

StatusOr<std::unique_ptr<Standalone>> Start(const StandaloneOptions& options) {
  SALVE_RETURN_IF_ERROR(AdoptStartEnvironment());
  return Standalone::Start(options, SystemClock(), SystemRandom());
}

}  // namespace

int RunStandalone(const StandaloneOptions& options) {
  if (!SetLogLevel(options.log_level)) {
    std::fprintf(stderr,
                 "salve standalone: --log-level: \"%s\" is not debug, info, warning or error\n",
                 options.log_level.c_str());
    return 2;
  }
  BlockSignals();
  auto running = Start(options);
  if (!running.ok()) {
    std::fprintf(stderr, "salve standalone: %s\n", running.status().message().c_str());
    return running.code() == Code::kInvalidArgument ? 2 : 1;
  }
  const auto reload = [&running] { (*running)->Reload(); };
  const int signal = WaitForTermination(reload, ReleaseIdleMemory);
  Log(Severity::kInfo, "stopping", {{"signal", signal}});
  (*running)->Stop();
  return 0;
}

}  // namespace salve::runtime
