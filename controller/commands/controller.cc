// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "controller/commands/commands.h"
#include "controller/runtime/options.h"
#include <CLI/CLI.hpp>

namespace salve::commands {

void AddController(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<runtime::ControllerOptions>();
  CLI::App* command = app.add_subcommand(
      "controller", "Run the controller against a cluster's API server, one of several leading");
  command->add_option("--kubeconfig", options->kubeconfig,
                      "Kubeconfig file; default $KUBECONFIG, the pod's account, ~/.kube/config");
  command->add_option("--context", options->context, "Context in it; default its current one");
  command->add_option("--namespace", options->lease_namespace, "Namespace of the leader's lease")
      ->capture_default_str();
  command->add_flag("--leader-elect,!--no-leader-elect", options->leader_elect,
                    "Act only while holding the lease (the default); =false where there is never "
                    "another process");
  command->add_option("--config", options->config_file, "ControllerConfiguration file (YAML)");
  command
      ->add_option("--http-listen", options->http_listen, "Address of health, metrics and timeline")
      ->capture_default_str();
  command->add_option("--http-tls-cert-file", options->http_tls_cert_file,
                      "Certificate chain (PEM) for --http-listen; default plain HTTP");
  command->add_option("--http-tls-key-file", options->http_tls_key_file,
                      "Its private key (PEM); both files are read anew when they change");
  command->add_option("--http-address-file", options->http_address_file,
                      "Leave the address that it listens on in this file");
  command->add_option("--secret-dir", options->secret_dir,
                      "Directory whose files policies may use as secrets; default none");
  command->add_option("--audit-directory", options->audit_directory,
                      "Keep the audit journal in this directory, which no other process writes to; "
                      "default lines in the log");
  command
      ->add_option("--audit-retention-days", options->audit_retention_days,
                   "How long the audit journal is kept; at least 30")
      ->capture_default_str();
  command->add_option("--log-level", options->log_level, "debug, info, warning or error")
      ->capture_default_str();
  command->footer("Example:\n  salve controller --kubeconfig ~/.kube/config");
  command->callback([options, &exit_code] { exit_code = runtime::RunController(*options); });
}

}  // namespace salve::commands
