// SPDX-License-Identifier: Apache-2.0
// The embedded API server alone, for test/kubectl/run.sh:
//   salve-apiserver-for-tests standalone --data-dir D --listen 127.0.0.1:0 [--crds DIR]
// Serves until SIGTERM or SIGINT.
#include <csignal>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "pkg/apis/yaml/yaml.h"
#include "pkg/apiserver/certs.h"
#include "pkg/apiserver/server.h"
#include "pkg/apiserver/server_kubeconfig.h"
#include "pkg/apiserver/store_file.h"
#include "pkg/http/server.h"

namespace salve {
namespace {

StatusOr<std::vector<nlohmann::json>> LoadCrds(const std::string& directory) {
  std::vector<nlohmann::json> crds;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".yaml") continue;
    SALVE_ASSIGN_OR_RETURN(const std::string text,
                           apiserver::ReadFile(entry.path().string(), 4u << 20));
    SALVE_ASSIGN_OR_RETURN(auto document, apis::yaml::ParseOne(text));
    crds.push_back(std::move(document.value));
  }
  if (error || crds.empty()) return NotFoundError("no CRDs in " + directory);
  return crds;
}

Status Serve(const std::map<std::string, std::string>& options) {
  const std::string data_dir = options.at("--data-dir");
  const std::string listen = options.at("--listen");
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) return InvalidArgumentError("--listen HOST:PORT");

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  apiserver::ApiServerOptions server_options;
  server_options.data_dir = data_dir;
  SALVE_ASSIGN_OR_RETURN(server_options.crds, LoadCrds(options.at("--crds")));
  SALVE_ASSIGN_OR_RETURN(auto api, apiserver::ApiServer::Create(std::move(server_options),
                                                                SystemClock(), SystemRandom()));
  http::ServerOptions http_options;
  http_options.address = listen.substr(0, colon);
  http_options.port = std::stoi(listen.substr(colon + 1));
  http_options.max_body_bytes = 3u << 20;
  SALVE_ASSIGN_OR_RETURN(
      const auto certificates,
      apiserver::EnsureCertificates(data_dir, http_options.address, SystemClock()));
  http_options.certificate_chain_pem = certificates.certificate;
  http_options.private_key_pem = certificates.private_key;
  SALVE_ASSIGN_OR_RETURN(auto server, http::Server::Start(http_options, api->handler()));
  SALVE_ASSIGN_OR_RETURN(
      const std::string kubeconfig,
      apiserver::EnsureKubeconfig(
          data_dir, "https://" + http_options.address + ":" + std::to_string(server->port()),
          certificates.ca_certificate, api->tokens()));
  std::cout << "ready " << kubeconfig << std::endl;

  int signal = 0;
  sigwait(&signals, &signal);
  api->StopWatches();
  server->Stop(std::chrono::seconds(2));
  return Status::Ok();
}

}  // namespace
}  // namespace salve

int main(int argc, char** argv) {
  std::map<std::string, std::string> options = {
      {"--data-dir", ""}, {"--listen", "127.0.0.1:0"}, {"--crds", "crds"}};
  for (int i = 2; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const salve::Status status = salve::Serve(options);
  if (status.ok()) return 0;
  std::cerr << "salve-apiserver-for-tests: " << status.message() << "\n";
  return 1;
}
