// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/config/v1alpha1/configuration.h"

#include <algorithm>
#include <set>

#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"
#include "pkg/apis/syntax.h"
#include "pkg/apis/yaml/yaml.h"

namespace salve::apis {

using config::v1alpha1::BackendConfiguration;
using config::v1alpha1::ControllerConfiguration;
using config::v1alpha1::DockerBackend;
using config::v1alpha1::ExecConfiguration;
using config::v1alpha1::KubernetesBackend;
using config::v1alpha1::ProbeConfiguration;
using config::v1alpha1::TlsFiles;

SALVE_APIS_TABLE(
    TlsFiles,
    Describe("TlsFiles",
             {
                 F<&TlsFiles::ca_file>(
                     "caFile", "Authorities that may have signed the engine's certificate."),
                 F<&TlsFiles::cert_file>("certFile", "Client certificate."),
                 F<&TlsFiles::key_file>("keyFile", "Its private key."),
                 F<&TlsFiles::server_name>("serverName", "Name to verify instead of the host's."),
             }));

SALVE_APIS_TABLE(
    DockerBackend,
    Describe("DockerBackend",
             {
                 F<&DockerBackend::host>("host",
                                         "unix:///path or tcp://host:port; default DOCKER_HOST, "
                                         "else the usual socket."),
                 F<&DockerBackend::tls>("tls", "Speak TLS to a tcp host."),
                 F<&DockerBackend::allowed_namespaces>(
                     "allowedNamespaces", "Namespaces whose policies may use it; * means all."),
             }));

SALVE_APIS_TABLE(
    KubernetesBackend,
    Describe("KubernetesBackend",
             {
                 F<&KubernetesBackend::kubeconfig>(
                     "kubeconfig",
                     "Path of a kubeconfig; default the cluster that the controller itself uses, "
                     "for standalone KUBECONFIG, else ~/.kube/config."),
                 F<&KubernetesBackend::context>("context",
                                                "Which of its contexts; default the current one."),
                 F<&KubernetesBackend::allowed_namespaces>(
                     "allowedNamespaces",
                     "Namespaces whose policies may use it; * means all but kube-system, "
                     "kube-public and kube-node-lease, which have to be named."),
             }));

SALVE_APIS_TABLE(
    BackendConfiguration,
    Describe(
        "BackendConfiguration",
        {
            F<&BackendConfiguration::name>("name", "What policies call it.").Required().DnsLabel(),
            F<&BackendConfiguration::docker>("docker", "A Docker engine."),
            F<&BackendConfiguration::kubernetes>("kubernetes", "A Kubernetes cluster."),
        }));

SALVE_APIS_TABLE(ExecConfiguration,
                 Describe("ExecConfiguration",
                          {
                              F<&ExecConfiguration::allow>("allow", "Commands that exec may run."),
                          }));

SALVE_APIS_TABLE(ProbeConfiguration,
                 Describe("ProbeConfiguration",
                          {
                              F<&ProbeConfiguration::allowed_cidrs>(
                                  "allowedCIDRs", "Where probes may connect to; default anywhere."),
                              F<&ProbeConfiguration::denied_cidrs>(
                                  "deniedCIDRs", "Where they may not, whatever is allowed."),
                          }));

namespace {

// apiVersion and kind are checked apart: the file is no Kubernetes object.
struct File {
  std::string api_version;
  std::string kind;
  std::vector<BackendConfiguration> backends;
  ExecConfiguration exec;
  ProbeConfiguration probes;
};

}  // namespace

template <>
const Struct& SchemaOf<File>() {
  static const Struct table =
      Describe("ControllerConfiguration",
               {
                   F<&File::api_version>("apiVersion", "Version of this format.").Required(),
                   F<&File::kind>("kind", "ControllerConfiguration.").Required(),
                   F<&File::backends>("backends", "Where targets live."),
                   F<&File::exec>("exec", "What exec actions may run."),
                   F<&File::probes>("probes", "Where probes may connect to."),
               });
  return table;
}

namespace config::v1alpha1 {
namespace {

void CheckBackends(const std::vector<BackendConfiguration>& backends, FieldErrors& errors) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < backends.size(); ++i) {
    const std::string path = "backends[" + std::to_string(i) + "]";
    if (!names.insert(backends[i].name).second) {
      errors.push_back(DuplicateField(path + ".name", Quoted(backends[i].name)));
    }
    if (backends[i].docker.has_value() == backends[i].kubernetes.has_value()) {
      errors.push_back(backends[i].docker
                           ? ForbiddenField(path + ".kubernetes", "a backend is of one kind only")
                           : RequiredField(path, "a backend needs its kind: docker or kubernetes"));
      continue;
    }
    if (!backends[i].docker) continue;
    const std::string& host = backends[i].docker->host;
    if (!host.empty() && host.rfind("unix:///", 0) != 0 && host.rfind("tcp://", 0) != 0) {
      errors.push_back(InvalidField(path + ".docker.host", Quoted(host),
                                    "must be unix:///path or tcp://host:port"));
    }
  }
}

void CheckCidrs(const std::vector<std::string>& cidrs, const std::string& path,
                FieldErrors& errors) {
  for (std::size_t i = 0; i < cidrs.size(); ++i) {
    const std::string why = CheckCidr(cidrs[i]);
    if (!why.empty()) errors.push_back(InvalidField(apis::At(path, i), Quoted(cidrs[i]), why));
  }
}

FieldErrors Check(const File& file) {
  FieldErrors errors;
  if (file.api_version != kApiVersion) {
    errors.push_back(UnsupportedField("apiVersion", Quoted(file.api_version), {kApiVersion}));
  }
  if (file.kind != kKind) errors.push_back(UnsupportedField("kind", Quoted(file.kind), {kKind}));
  CheckBackends(file.backends, errors);
  CheckArgvPatterns(file.exec.allow, "exec.allow", errors);
  CheckCidrs(file.probes.allowed_cidrs, "probes.allowedCIDRs", errors);
  CheckCidrs(file.probes.denied_cidrs, "probes.deniedCIDRs", errors);
  return errors;
}

Status At(const std::string& file, const yaml::Document& document, const FieldErrors& errors) {
  std::string message;
  for (const FieldError& error : errors) {
    message += (message.empty() ? "" : "\n") + file + ":" +
               std::to_string(document.LineOf(error.field)) + ": " + error.ToString();
  }
  return InvalidArgumentError(std::move(message));
}

}  // namespace

StatusOr<ControllerConfiguration> LoadConfiguration(const std::string& text,
                                                    const std::string& file) {
  StatusOr<yaml::Document> document = yaml::ParseOne(text);
  if (!document.ok()) return document.status().Annotate(file);
  File read;
  internal::DecodeContext context;
  context.strict = true;
  internal::DecodeStruct(SchemaOf<File>(), document->value, internal::Path{}, &read, context);
  FieldErrors errors = std::move(context.errors);
  if (errors.empty()) errors = Check(read);
  if (!errors.empty()) return At(file, *document, errors);
  ControllerConfiguration configuration{std::move(read.backends), std::move(read.exec),
                                        std::move(read.probes)};
  if (configuration.backends.empty())
    configuration.backends = {{"docker", DockerBackend{}, std::nullopt}};
  for (BackendConfiguration& backend : configuration.backends) {
    std::vector<std::string>& namespaces = backend.kubernetes
                                               ? backend.kubernetes->allowed_namespaces
                                               : backend.docker->allowed_namespaces;
    if (namespaces.empty()) namespaces = {"*"};
  }
  return configuration;
}

}  // namespace config::v1alpha1
}  // namespace salve::apis
