// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/commands/commands.h"
#include "controller/runtime/options.h"
#include <CLI/CLI.hpp>

namespace salve::commands {

void AddStandalone(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<runtime::StandaloneOptions>();
  CLI::App* command = app.add_subcommand(
      "standalone", "Run the controller with its own API server: no cluster needed");
  command->add_option("--data-dir", options->data_dir, "Where everything is kept")
      ->capture_default_str();
  command->add_option("--listen", options->listen, "Address of the Kubernetes API (TLS)")
      ->capture_default_str();
  command
      ->add_option("--http-listen", options->http_listen, "Address of health, metrics and timeline")
      ->capture_default_str();
  command->add_option("--http-tls-cert-file", options->http_tls_cert_file,
                      "Certificate chain (PEM) for --http-listen; default plain HTTP");
  command->add_option("--http-tls-key-file", options->http_tls_key_file,
                      "Its private key (PEM); both files are read anew when they change");
  command->add_option("--config", options->config_file, "ControllerConfiguration file (YAML)");
  command->add_option("--manifests", options->manifests_dir,
                      "Keep the YAML files of this directory applied");
  command->add_option("--docker-label", options->docker_labels,
                      "Heal containers with this label (KEY=VALUE) under a safe default policy");
  command->add_flag("--api-only", options->api_only,
                    "Serve the API and its store only; run salve controller beside it");
  command
      ->add_option("--audit-retention-days", options->audit_retention_days,
                   "How long the audit journal in DATA_DIR/audit is kept; at least 30")
      ->capture_default_str();
  command->add_option("--log-level", options->log_level, "debug, info, warning or error")
      ->capture_default_str();
  command->footer("Example:\n  salve standalone --data-dir ~/.salve --docker-label autoheal=true");
  command->callback([options, &exit_code] { exit_code = runtime::RunStandalone(*options); });
}

}  // namespace salve::commands
